/* SPDX-License-Identifier: Apache-2.0 */
/* plan.h: what `maple measure --plan FILE` measures: platforms, one after the other (docs/measurement.md). */
#ifndef MAPLE_CLI_PLAN_H
#define MAPLE_CLI_PLAN_H

#include "cli.h"

typedef struct cli_plan_platform {
    const char *engine, *isa, *dtype, *graph, *name; /* isa, name: NULL where the plan does not say */
    int threads, batch;
    const cJSON *archs;
    char where[64]; /* of archs in the file: "platforms[2].architectures" */
} cli_plan_platform;

typedef struct cli_plan {
    const char *file;
    cJSON *document; /* holds all texts */
    const char *pool, *space,
        *counters; /* NULL where the plan does not say; counters: the descriptor first */
    int rounds, memory_mib;
    uint64_t seed;
    cli_plan_platform *platforms;
    int n;
} cli_plan;

/* Errors name the file, the line and column or the field, and what would be right. */
maple_status cli_plan_read(const char *file, cli_plan *out, maple_error *error);
void cli_plan_free(cli_plan *plan);

/* The architectures of a platform; freed by maple_free. */
maple_status cli_plan_archs(const cli_plan *plan, const cli_plan_platform *platform, const maple_space *space,
                            maple_graph_form form, maple_arch **archs, size_t *n, maple_error *error);

#endif
