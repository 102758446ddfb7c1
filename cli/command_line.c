/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines that are printed for the user to run. */
#include "cli.h"

#include <string.h>

static void add_number(maple_text *line, const char *name, int value) {
    maple_text_addf(line, " --%s %d", name, value);
}

void cli_add_settings(maple_text *line, const maple_platform *platform, const char *usual_dtype,
                      const maple_space *space, const char *pool) {
    if (pool)
        maple_text_add_option(line, "pool", pool);
    if (strcmp(maple_space_name(space), "nas-bench-201") != 0)
        maple_text_add_option(line, "space", maple_space_name(space));
    if (platform->graph != MAPLE_GRAPH_PRUNED)
        maple_text_add_option(line, "graph", maple_graph_form_name(platform->graph));
    if (strcmp(platform->dtype, usual_dtype) != 0)
        maple_text_add_option(line, "dtype", platform->dtype);
    if (platform->threads > 1)
        add_number(line, "threads", platform->threads);
    if (platform->batch > 1)
        add_number(line, "batch", platform->batch);
}

void cli_add_measuring(maple_text *line, const maple_platform *platform, const maple_space *space,
                       const char *pool) {
    const char *isa = maple_engine_isa_cap(platform->engine, platform->isa);
    maple_text_add_option(line, "engine", platform->engine);
    if (isa)
        maple_text_add_option(line, "isa", isa);
    cli_add_settings(line, platform, "f32", space, pool);
}
