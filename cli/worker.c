/* SPDX-License-Identifier: Apache-2.0 */
/* maple worker: the process that runs an engine for the measuring one. Not listed: maple starts it by itself.
 */
#include "cli.h"

#include <unistd.h>

static maple_status run(const cli_command *self, int argc, char **argv, maple_error *error) {
    (void)self, (void)argv;
    if (argc > 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "takes no arguments; maple measure starts it");
    maple_status status = maple_worker_serve(STDIN_FILENO, STDOUT_FILENO);
    return status == MAPLE_OK ? status : maple_error_set(error, status, "%s", maple_status_name(status));
}

const cli_command cli_worker = {.name = "worker", .run = run};
