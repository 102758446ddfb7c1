/* SPDX-License-Identifier: Apache-2.0 */
/* command.h: a command behind two pipes: lines go in, as many numbers come out. */
#ifndef MAPLE_SEARCH_COMMAND_H
#define MAPLE_SEARCH_COMMAND_H

#include "maple/base.h"

typedef struct search_command search_command;

maple_status search_command_start(const char *text, double timeout_s, const maple_hooks *hooks,
                                  search_command **out, maple_error *error);
/* `lines`: n lines, each with its newline; values[n]. See maple_judge_from_command. */
maple_status search_command_ask(search_command *command, const char *lines, size_t bytes, size_t n,
                                double *values, maple_error *error);
/* See maple_judge_finish. */
maple_status search_command_finish(search_command *command, maple_error *error);
void search_command_stop(search_command *command); /* NULL is fine */

#endif
