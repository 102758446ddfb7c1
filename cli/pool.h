/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of `maple pool` share: opening the pool that is meant, and naming one platform of it. */
#ifndef MAPLE_CLI_POOL_H
#define MAPLE_CLI_POOL_H

#include "cli.h"

typedef maple_status (*pool_action)(maple_pool *pool, void *user, maple_error *error);

/* Opens `path` (NULL: the default pool), runs the action, closes. */
maple_status cli_with_pool(const char *path, maple_pool_mode mode, pool_action action, void *user,
                           maple_error *error);

/* The same for writing into the pool file `path` (cli_pool_path). One that is not there yet is made beside
 * its place and takes it when the action has succeeded and the pool is closed: a failure leaves nothing, and
 * what a killed command leaves (FILE.new-HOST-PID-N), the next one for that file removes. The action prints
 * nothing, and the pool it sees may have another path. */
maple_status cli_with_new_pool(const char *path, pool_action action, void *user, maple_error *error);

/* A command on a pool that is only read (--pool FILE or --bundled), and on one platform of it. */
typedef struct pool_reading {
    const char *path, *space_name, *output, *name;
    bool bundled, json;
    pool_action action; /* gets this struct with space and platform filled */
    const maple_space *space;
    maple_platform platform;
} pool_reading;

/* Sets the defaults; adds --pool and --bundled. */
void cli_reading_options(pool_reading *reading, cli_options *options);
maple_status cli_with_readable_pool(pool_reading *reading, pool_action action, maple_error *error);
/* Adds --space, parses, looks the platform up and runs reading->action on it. */
maple_status cli_run_on_platform(const cli_command *self, int argc, char **argv, pool_reading *reading,
                                 cli_options *options, maple_error *error);

#endif
