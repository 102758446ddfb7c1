/* SPDX-License-Identifier: Apache-2.0 */
/* callgrind.h: reading Valgrind's dumps, apart from Valgrind itself so that tests read recorded ones. */
#ifndef MAPLE_COUNTERS_CALLGRIND_H
#define MAPLE_COUNTERS_CALLGRIND_H

#include "counters/provider.h"

/* The ten events per run from the text of a dump ("events:" names the columns of "totals:" or "summary:"). */
maple_status maple_callgrind_counts(const char *dump, double runs, maple_count counts[MAPLE_EVENTS],
                                    maple_error *error);

#endif
