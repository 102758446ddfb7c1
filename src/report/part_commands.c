/* SPDX-License-Identifier: Apache-2.0 */
/* A report's last section: the commands that measure the same again, and make the report of it. */
#include "maple/engine.h"
#include "report/parts.h"

#include <string.h>

enum { USUAL_ROUNDS = 50 }; /* of maple measure */

static void add_number(maple_text *to, const char *option, int value) {
    maple_text_addf(to, " --%s %d", option, value);
}

void report_add_export(maple_text *to, const maple_report_platform *r) {
    maple_text_add(to, "maple pool export ");
    maple_text_add_word(to, r->platform.name);
    maple_text_add_option(to, "space", maple_space_name(r->space));
    if (r->bundled)
        maple_text_add(to, " --bundled");
    else if (r->pool_file)
        maple_text_add_option(to, "pool", r->pool_file);
}

/* Into the pool that it was reported of, where that can be written. */
static void add_pool(maple_text *to, const maple_report_platform *r) {
    if (!r->bundled && r->pool_file)
        maple_text_add_option(to, "pool", r->pool_file);
}

/* As the platform was measured, under its name. */
static void add_settings(maple_text *to, const maple_report_platform *r) {
    const maple_platform *p = &r->platform;
    const char *isa = maple_engine_isa_cap(p->engine, p->isa);
    maple_text_add_option(to, "name", p->name);
    maple_text_add_option(to, "engine", p->engine);
    if (isa)
        maple_text_add_option(to, "isa", isa);
    maple_text_add_option(to, "dtype", *p->dtype ? p->dtype : "f32");
    add_number(to, "threads", p->threads);
    add_number(to, "batch", p->batch);
    maple_text_add_option(to, "graph", maple_graph_form_name(p->graph));
    maple_text_add_option(to, "space", maple_space_name(r->space));
    add_pool(to, r);
}

static void add_measuring(maple_text *to, const maple_report_platform *r, bool all,
                          const maple_repeatability *repeatability) {
    if (!all) {
        report_add_export(to, r);
        maple_text_add(to, " > networks.csv\n");
    }
    maple_text_add(to, "maple profile");
    add_settings(to, r);
    if (*r->platform.counters)
        maple_text_add_option(to, "counters", r->platform.counters);
    add_number(to, "architectures", 0);
    maple_text_add(to, "\nmaple measure");
    add_settings(to, r);
    maple_text_add(to, all ? " --all" : " --file networks.csv");
    maple_text_add(to, "\n");
    if (repeatability->n == 0)
        return;
    maple_text_add(to, "maple measure");
    add_settings(to, r);
    add_number(to, "repeatability", (int)repeatability->n);
    if (repeatability->rounds != USUAL_ROUNDS)
        add_number(to, "rounds", repeatability->rounds);
    maple_text_add(to, "\n");
}

/* What was imported comes back from what the pool holds: where it came from is not known. */
static void add_import(maple_text *to, const maple_report_platform *r) {
    const maple_platform *p = &r->platform;
    report_add_export(to, r);
    maple_text_add(to, " > latencies.csv\nmaple pool import csv latencies.csv");
    maple_text_add_option(to, "platform", p->name);
    maple_text_add_option(to, "cpu", p->cpu);
    maple_text_add_option(to, "device", p->device);
    maple_text_add_option(to, "graph", maple_graph_form_name(p->graph));
    if (*p->dtype)
        maple_text_add_option(to, "dtype", p->dtype);
    maple_text_add_option(to, "space", maple_space_name(r->space));
    maple_text_add(to, " --pool copy.db\n");
}

maple_status report_add_commands(html *h, const maple_report_platform *r, maple_error *error) {
    bool imported = strcmp(r->platform.engine, "imported") == 0;
    size_t n = 0, all = maple_space_enumerable(r->space);
    maple_latency *rows = NULL;
    maple_repeatability repeatability;
    maple_text commands = {0};
    maple_status status = maple_pool_latencies(r->pool, r->platform.id, r->space, &rows, &n, error);
    if (status == MAPLE_OK)
        status = maple_pool_repeatability(r->pool, r->platform.id, r->space, &repeatability, error);
    if (status == MAPLE_OK && imported)
        add_import(&commands, r);
    else if (status == MAPLE_OK)
        add_measuring(&commands, r, all > 0 && n == all, &repeatability);
    maple_text_addf(&commands, "%s", r->command);
    if (status == MAPLE_OK && commands.failed)
        status = maple_error_memory(error);
    if (status == MAPLE_OK) {
        html_element(h, "h2", "How to make it again");
        html_commands(h, commands.data);
        html_element(h, "p class=\"note\"",
                     imported
                         ? "The latencies were imported: the first two commands copy them from pool to pool."
                         : "On the same machine. Where the pool has labels they stay: --pool NEW.db measures "
                           "all of them anew.");
        html_element(h, "p class=\"note\"", "Made by maple " MAPLE_VERSION ".");
    }
    maple_text_free(&commands);
    maple_free(rows);
    return status;
}
