/* SPDX-License-Identifier: Apache-2.0 */
/* maple pool import csv, help, accuracy, zcp: what others measured, into a pool. */
#include "pool.h"

#include <stdio.h>
#include <string.h>

/* What every format has. */
typedef struct {
    const char *file, *space_name, *pool;
    const char *prefix; /* of the names of scores */
    const maple_space *space;
    char *path; /* of the pool */
    bool json;
    maple_import_result result;
} import_job;

/* Adds --pool and --json. */
static void common_options(import_job *job, cli_options *options) {
    cli_string(options, "pool", &job->pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flag(options, "json", &job->json, "one object");
}

static void space_option(import_job *job, const char *space_name, cli_options *options, const char *help) {
    job->space_name = space_name;
    cli_string(options, "space", &job->space_name, "NAME", help);
}

/* Parses, takes the one argument, looks the space up. */
static maple_status parse(const cli_command *self, import_job *job, cli_options *options, int argc,
                          char **argv, maple_error *error) {
    maple_status status = cli_parse(self, options, argc, argv, 1, 1, error);
    if (status != MAPLE_OK || options->help)
        return status;
    job->file = options->arguments[0];
    return job->space_name ? maple_space_find(job->space_name, &job->space, error) : MAPLE_OK;
}

/* Imports, and prints what came in when all of it is in the pool. `job` is the first member of what `read`
 * gets. */
static maple_status import_and_print(import_job *job, pool_action read,
                                     maple_status (*print)(const import_job *, maple_error *),
                                     maple_error *error) {
    maple_status status = cli_pool_path(job->pool, &job->path, error);
    if (status == MAPLE_OK)
        status = cli_with_new_pool(job->path, read, job, error);
    if (status == MAPLE_OK)
        status = print(job, error);
    maple_free(job->path);
    return status;
}

static cJSON *start_json(const import_job *job) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "pool", job->path);
    if (job->space)
        cJSON_AddStringToObject(object, "space", maple_space_name(job->space));
    return object;
}

/* --- csv --- */

typedef struct {
    import_job job; /* first, so that a csv_import is one */
    maple_platform platform;
    const char **columns;
    size_t n_columns;
} csv_import;

static maple_status import_one(maple_pool *pool, void *user, maple_error *error) {
    csv_import *o = user;
    import_job *job = &o->job;
    return maple_pool_import_csv(pool, job->file, job->space, &o->platform, &job->result, error);
}

static maple_status print_one(const import_job *job, maple_error *error) {
    const csv_import *o = (const csv_import *)job;
    if (!job->json) {
        printf("%s: %zu latencies of %s", o->platform.name, job->result.latencies, job->space_name);
        if (job->result.unmeasured > 0)
            printf("; %zu not measured yet (empty fields)", job->result.unmeasured);
        printf("\n");
        return cli_flush(error);
    }
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", o->platform.name);
    cJSON_AddNumberToObject(object, "latencies", (double)job->result.latencies);
    cJSON_AddNumberToObject(object, "unmeasured", (double)job->result.unmeasured);
    return cli_print_json(object, error);
}

static maple_status import_columns(maple_pool *pool, void *user, maple_error *error) {
    csv_import *o = user;
    import_job *job = &o->job;
    return maple_pool_import_table(pool, job->file, job->space, &o->platform, o->columns, o->n_columns,
                                   &job->result, error);
}

static maple_status print_columns(const import_job *job, maple_error *error) {
    if (!job->json) {
        printf("%s: %zu platform%s, %zu latencies of %s\n", job->path, job->result.platforms,
               cli_plural(job->result.platforms), job->result.latencies, job->space_name);
        return cli_flush(error);
    }
    cJSON *object = start_json(job);
    cJSON_AddNumberToObject(object, "platforms", (double)job->result.platforms);
    cJSON_AddNumberToObject(object, "latencies", (double)job->result.latencies);
    cJSON_AddNumberToObject(object, "missing", (double)job->result.skipped);
    return cli_print_json(object, error);
}

/* "a,b" in a copy that the caller frees with the list. */
static maple_status split(const char *text, const char ***out, size_t *n, char **copy, maple_error *error) {
    size_t most = 1;
    for (const char *c = text; *c; c++)
        most += *c == ',';
    *copy = maple_strdup(text);
    *out = maple_alloc(most, sizeof **out);
    if (!*copy || !*out)
        return maple_error_memory(error);
    for (char *name = *copy, *comma; name; name = comma) {
        comma = strchr(name, ',');
        if (comma)
            *comma++ = '\0';
        if (!*name)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "--columns %s: names between commas, none empty", text);
        for (size_t i = 0; i < *n; i++)
            if (strcmp((*out)[i], name) == 0)
                return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--columns %s: '%s' twice", text, name);
        (*out)[(*n)++] = name;
    }
    return MAPLE_OK;
}

/* The platform as the options say; one without a name is the template of a table. */
static maple_status fill_platform(maple_platform *p, const char *name, const char *cpu, const char *device,
                                  const char *graph, const char *dtype, maple_error *error) {
    maple_status status = maple_graph_form_parse(graph, &p->graph, error);
    if (status == MAPLE_OK)
        status = cli_copy(p->name, sizeof p->name, name ? name : "", "--platform", error);
    if (status == MAPLE_OK)
        status = cli_copy(p->cpu, sizeof p->cpu, cpu ? cpu : "unknown", "--cpu", error);
    if (status == MAPLE_OK)
        status = cli_copy(p->device, sizeof p->device, device ? device : "", "--device", error);
    if (status == MAPLE_OK)
        status = cli_copy(p->dtype, sizeof p->dtype, dtype ? dtype : "", "--dtype", error);
    if (status != MAPLE_OK)
        return status;
    if (name && !device) /* a name may be longer */
        snprintf(p->device, sizeof p->device, "%.*s", (int)sizeof p->device - 1, name);
    return MAPLE_OK;
}

static maple_status run_csv(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    csv_import o = {.platform = {.engine = "imported", .counters = "none"}};
    const char *name = NULL, *cpu = NULL, *device = NULL, *graph = "pruned", *dtype = NULL, *columns = NULL;
    char *copy = NULL;
    o.platform.threads = o.platform.batch = 1;
    cli_string(&options, "platform", &name, "NAME", "name of the platform whose latencies latency_ms has");
    cli_string(&options, "columns", &columns, "A,B,...",
               "of a table with a column for each platform, only these (default: all)");
    cli_string(&options, "cpu", &cpu, "MODEL", "host CPU (default: unknown)");
    cli_string(&options, "device", &device, "MODEL", "what executes the networks (default: the name)");
    cli_string(&options, "graph", &graph, "FORM",
               "pruned (what has no effect is not run; default) or as-written");
    cli_string(&options, "dtype", &dtype, "NAME",
               "numbers that are computed with: f32, f16, int8, ... (default: unknown)");
    cli_int(&options, "threads", &o.platform.threads, 0, 1024, "N", "threads (default 1; 0: unknown)");
    cli_int(&options, "batch", &o.platform.batch, 0, 4096, "N", "images in one run (default 1; 0: unknown)");
    space_option(&o.job, "nas-bench-201", &options, "search space (default nas-bench-201)");
    common_options(&o.job, &options);
    maple_status status = parse(self, &o.job, &options, argc, argv, error);
    if (status != MAPLE_OK || options.help)
        return status;
    if (name && columns)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--platform and --columns exclude each other: one names the platform of a "
                               "column latency_ms, the other columns that are platforms");
    status = fill_platform(&o.platform, name, cpu, device, graph, dtype, error);
    if (status == MAPLE_OK && columns)
        status = split(columns, &o.columns, &o.n_columns, &copy, error);
    if (status == MAPLE_OK)
        status = import_and_print(&o.job, name ? import_one : import_columns,
                                  name ? print_one : print_columns, error);
    maple_free(o.columns);
    maple_free(copy);
    return status;
}

static const cli_command csv = {
    .name = "pool import csv",
    .arguments = "FILE",
    .summary = "latencies measured by anything, from CSV",
    .details =
        "FILE (- for stdin; packed with gzip or not) has a header and one architecture a line, in a "
        "column arch\n"
        "(also: arch_str, ops), or index where the pool knows the canonical indices.\n"
        "With --platform: the column latency_ms has the latencies of that platform; index, mean_ms, "
        "min_ms, sd_ms,\n"
        "runs, reason (why a line has no latency) and flag (why it is noisy) are taken where they are there; "
        "a line with\n"
        "neither latency nor reason is not measured yet, and is counted only (maple suggest --commands "
        "writes such\nfiles). More lines for a platform of the pool: the same options again. Without "
        "--platform: every other column\nis a platform of that name, with milliseconds; an empty field is a "
        "latency that "
        "is not there. The options then\nhold for all of them. "
        "A bad field is named with its position, and nothing is imported.",
    .examples = "  maple pool import csv phone.csv --platform my-phone --device 'Pixel 8'\n"
                "  ssh phone cat latencies.csv | maple pool import csv - --platform my-phone\n"
                "  maple pool import csv devices.csv.gz --graph as-written --columns pixel3,raspi4",
    .run = run_csv,
};

/* --- help --- */

typedef struct {
    import_job job; /* first, so that a help_import is one */
    double seconds;
} help_import;

static maple_status print_help_result(const import_job *job, maple_error *error) {
    const maple_import_result *r = &job->result;
    double seconds = ((const help_import *)job)->seconds;
    if (!job->json) {
        printf("%s: %zu platforms, %zu latencies in %.1f s\n", job->path, r->platforms, r->latencies,
               seconds);
        for (size_t i = 0; i < r->n_spaces; i++)
            printf("  %-14s  %zu platforms x %zu architectures\n", maple_space_name(r->spaces[i].space),
                   r->spaces[i].platforms, r->spaces[i].latencies / r->spaces[i].platforms);
        return cli_flush(error);
    }
    cJSON *object = start_json(job);
    cJSON_AddNumberToObject(object, "platforms", (double)r->platforms);
    cJSON_AddNumberToObject(object, "latencies", (double)r->latencies);
    cJSON *spaces = cJSON_AddObjectToObject(object, "spaces");
    for (size_t i = 0; i < r->n_spaces; i++) {
        cJSON *space = cJSON_AddObjectToObject(spaces, maple_space_name(r->spaces[i].space));
        cJSON_AddNumberToObject(space, "platforms", (double)r->spaces[i].platforms);
        cJSON_AddNumberToObject(space, "latencies", (double)r->spaces[i].latencies);
    }
    cJSON_AddNumberToObject(object, "seconds", seconds);
    return cli_print_json(object, error);
}

static maple_status import_help(maple_pool *pool, void *user, maple_error *error) {
    help_import *o = user;
    int64_t start = maple_clock_ns();
    maple_status status = maple_pool_import_help(pool, o->job.file, &o->job.result, cli_hooks(), error);
    o->seconds = (double)(maple_clock_ns() - start) * 1e-9;
    return status;
}

static maple_status run_help(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    help_import o = {0};
    common_options(&o.job, &options);
    maple_status status = parse(self, &o.job, &options, argc, argv, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return import_and_print(&o.job, import_help, print_help_result, error);
}

static const cli_command help = {
    .name = "pool import help",
    .arguments = "DIR",
    .summary = "the latencies that the HELP paper published: 32 platforms, nas-bench-201 and fbnet",
    .details =
        "DIR is the data folder of https://github.com/HayeonLee/HELP, with nasbench201/, fbnet/ or both.\n"
        "Each device and batch size becomes a platform (1080ti_32: device 1080ti, batch 32; graph\n"
        "as-written); one that is in both spaces is one platform. All or nothing is imported.",
    .examples = "  git clone https://github.com/HayeonLee/HELP && maple pool import help HELP/data\n"
                "  maple pool import help HELP/data --pool public.db --json",
    .run = run_help,
};

/* --- accuracy, zcp --- */

static maple_status print_scores(const import_job *job, maple_error *error) {
    const maple_import_result *r = &job->result;
    if (!job->json) {
        printf("%s: %zu score%s, %zu value%s of %s\n", job->path, r->scores, cli_plural(r->scores), r->values,
               cli_plural(r->values), job->space_name);
        return cli_flush(error);
    }
    cJSON *object = start_json(job);
    cJSON_AddNumberToObject(object, "scores", (double)r->scores);
    cJSON_AddNumberToObject(object, "values", (double)r->values);
    cJSON_AddNumberToObject(object, "missing", (double)r->skipped);
    return cli_print_json(object, error);
}

static maple_status import_scores(maple_pool *pool, void *user, maple_error *error) {
    import_job *job = user;
    return maple_pool_import_scores(pool, job->file, job->space, job->prefix, &job->result, error);
}

static maple_status import_zcp(maple_pool *pool, void *user, maple_error *error) {
    import_job *job = user;
    return maple_pool_import_zcp(pool, job->file, job->space, &job->result, error);
}

static maple_status run_accuracy(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    import_job job = {0};
    space_option(&job, "nas-bench-201", &options, "search space (default nas-bench-201)");
    cli_string(&options, "prefix", &job.prefix, "TEXT",
               "put before the name of each score (default: nothing)");
    common_options(&job, &options);
    maple_status status = parse(self, &job, &options, argc, argv, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return import_and_print(&job, import_scores, print_scores, error);
}

static const cli_command accuracy = {
    .name = "pool import accuracy",
    .arguments = "FILE",
    .summary = "accuracies, costs: a number for each architecture, from CSV",
    .details =
        "FILE (- for stdin; packed with gzip or not) has a header and one architecture a line, in a column\n"
        "arch (also: arch_str, ops), or index where the pool knows the canonical indices. Every other\n"
        "column with numbers becomes a score of that name (lower case); empty fields are unknown.",
    .examples = "  maple pool import accuracy nasbench201.csv.gz\n"
                "  maple pool import accuracy nasbench201_12epoch.csv.gz --prefix epoch12_ --json",
    .run = run_accuracy,
};

static maple_status run_zcp(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    import_job job = {0};
    space_option(&job, "fbnet", &options, "search space (default fbnet)");
    common_options(&job, &options);
    maple_status status = parse(self, &job, &options, argc, argv, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return import_and_print(&job, import_zcp, print_scores, error);
}

static const cli_command zcp = {
    .name = "pool import zcp",
    .arguments = "FILE",
    .summary = "zero-cost proxies, from the JSON of NASFLAT's repository",
    .details =
        "FILE (- for stdin; packed with gzip or not) is {architecture: {proxy: number, ...}, ...}; each\n"
        "proxy becomes a score zcp_PROXY. The architectures are those of --space.",
    .examples = "  maple pool import zcp zc_fbnet.json\n"
                "  maple pool import zcp zc_fbnet.json.gz --space fbnet --json",
    .run = run_zcp,
};

/* --- import --- */

static const cli_command *const FORMATS[] = {&csv, &help, &accuracy, &zcp, NULL};

static maple_status run_import(const cli_command *self, int argc, char **argv, maple_error *error) {
    for (int i = 0; argc > 0 && FORMATS[i]; i++)
        if (strcmp(argv[0], strrchr(FORMATS[i]->name, ' ') + 1) == 0)
            return FORMATS[i]->run(FORMATS[i], argc - 1, argv + 1, error);
    if (argc > 0 && argv[0][0] != '-')
        return maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "unknown format '%s': there are csv, help, accuracy, zcp (see maple pool import "
            "--help)",
            argv[0]);
    cli_options options = {0};
    maple_status status = cli_parse(self, &options, argc, argv, 1, -1, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                           "the format comes first: maple pool import csv|help|accuracy|zcp ...");
}

const cli_command cli_pool_import = {
    .name = "pool import",
    .arguments = "FORMAT FILE [options]",
    .summary = "latencies, accuracies and proxies that others measured",
    .details =
        "maple pool import FORMAT --help explains one:\n"
        "  csv       latencies measured by anything: one platform, or a table with one in each column\n"
        "  help      the data folder of the HELP repository: 32 platforms, nas-bench-201 and fbnet\n"
        "  accuracy  accuracies or costs of architectures, from CSV\n"
        "  zcp       zero-cost proxies of architectures, from JSON\n\n"
        "All of a file is imported or nothing: what is wrong is named with its place, and no pool is made\n"
        "or changed. A pool that is not there yet is made; the folder of --pool FILE must be there.",
    .examples = "  maple pool import csv phone.csv --platform my-phone --device 'Pixel 8'\n"
                "  maple pool import help HELP/data\n"
                "  maple pool import accuracy nasbench201.csv.gz\n"
                "  maple pool import zcp zc_fbnet.json",
    .run = run_import,
    .formats = FORMATS,
};
