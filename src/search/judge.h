/* SPDX-License-Identifier: Apache-2.0 */
/* judge.h: what a judge is made of. One of three: a list, an additive table, a command. */
#ifndef MAPLE_SEARCH_JUDGE_H
#define MAPLE_SEARCH_JUDGE_H

#include "maple/search.h"
#include "search/command.h"
#include "space/arch_index.h"

struct maple_judge {
    const maple_space *space;
    char *name;
    maple_arch_index listed;
    double *values;          /* of those listed */
    double *table;           /* [positions x ops], or NULL */
    search_command *command; /* or NULL */
};

#endif
