/* SPDX-License-Identifier: Apache-2.0 */
/* maple pool distances: how far the descriptors of a pool's platforms lie apart. */
#include "maple/distances.h"
#include "pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What two platforms differ in: "threads", "isa,batch", "-" where it is only the name. */
static void differences(const maple_platform *a, const maple_platform *b, char out[96]) {
    const struct {
        const char *name;
        bool differs;
    } parts[] = {
        {"cpu", strcmp(a->cpu, b->cpu) != 0},
        {"device", strcmp(a->device, b->device) != 0},
        {"engine", strcmp(a->engine, b->engine) != 0},
        /* Another engine has another version anyway. */
        {"version", strcmp(a->engine, b->engine) == 0 && strcmp(a->engine_version, b->engine_version) != 0},
        {"isa", strcmp(a->isa, b->isa) != 0},
        {"dtype", strcmp(a->dtype, b->dtype) != 0},
        {"threads", a->threads != b->threads},
        {"batch", a->batch != b->batch},
        {"graph", a->graph != b->graph},
        {"counters", strcmp(a->counters, b->counters) != 0},
    };
    size_t used = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].differs)
            used += (size_t)snprintf(out + used, 96 - used, "%s%s", used > 0 ? "," : "", parts[i].name);
    if (used == 0)
        snprintf(out, 96, "-");
}

/* The nearest first, by operators; what is not known last. */
static int compare(const void *left, const void *right) {
    const maple_distance *a = left, *b = right;
    double x = isnan(a->operators) ? INFINITY : a->operators,
           y = isnan(b->operators) ? INFINITY : b->operators;
    if (x != y)
        return x < y ? -1 : 1;
    int names = strcmp(a->a->platform.name, b->a->platform.name);
    return names ? names : strcmp(a->b->platform.name, b->b->platform.name);
}

static maple_status print_json(const maple_distance *pairs, size_t n, maple_error *error) {
    cJSON *array = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++) {
        const maple_distance *d = &pairs[i];
        char differs[96];
        differences(&d->a->platform, &d->b->platform, differs);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "a", d->a->platform.name);
        cJSON_AddStringToObject(item, "b", d->b->platform.name);
        cJSON_AddStringToObject(item, "differ_in", differs);
        cJSON_AddItemToObject(item, "scale", cli_number(d->scale));
        cJSON_AddItemToObject(item, "operators", cli_number(d->operators));
        cJSON_AddItemToObject(item, "counters", cli_number(d->counters));
        cJSON_AddItemToObject(item, "descriptor", cli_number(d->descriptor));
        cJSON_AddNumberToObject(item, "n_operators", (double)d->n_operators);
        cJSON_AddNumberToObject(item, "n_counters", (double)d->n_counters);
        cJSON_AddItemToArray(array, item);
    }
    return cli_print_json(array, error);
}

static void print_cell(double value, int width, int digits) {
    if (isfinite(value))
        printf("%*.*f  ", width, digits, value);
    else
        printf("%*s  ", width, "-");
}

static maple_status print_text(const maple_distance *pairs, size_t n, maple_error *error) {
    if (n > 0)
        printf("%9s  %8s  %8s  %10s  %-22s  %s\n", "OPERATORS", "SCALE", "COUNTERS", "DESCRIPTOR",
               "DIFFER IN", "PLATFORMS");
    for (size_t i = 0; i < n; i++) {
        const maple_distance *d = &pairs[i];
        char differs[96];
        differences(&d->a->platform, &d->b->platform, differs);
        print_cell(d->operators, 9, 4);
        print_cell(d->scale, 8, 3);
        print_cell(d->counters, 8, 4);
        print_cell(d->descriptor, 10, 3);
        printf("%-22s  %s  %s\n", differs, d->a->platform.name, d->b->platform.name);
    }
    return cli_flush(error);
}

static maple_status distances(maple_pool *pool, void *user, maple_error *error) {
    const pool_reading *reading = user;
    const maple_space *space;
    maple_dataset *dataset = NULL;
    maple_distance *pairs = NULL;
    size_t n = 0;
    maple_status status = maple_space_find(reading->space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_dataset_load(&pool, 1, space, &dataset, error);
    if (status == MAPLE_OK)
        status = maple_dataset_distances(dataset, &pairs, &n, error);
    if (status == MAPLE_OK && n > 1)
        qsort(pairs, n, sizeof *pairs, compare);
    if (status == MAPLE_OK && n == 0)
        cli_say(
            "%s has fewer than two platforms with operator latencies or counters of %s; maple profile adds "
            "this machine",
            maple_pool_path(pool), maple_space_name(space));
    if (status == MAPLE_OK)
        status = reading->json ? print_json(pairs, n, error) : print_text(pairs, n, error);
    maple_free(pairs);
    maple_dataset_free(dataset);
    return status;
}

static maple_status run_distances(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    pool_reading reading;
    cli_reading_options(&reading, &options);
    cli_string(&options, "space", &reading.space_name, "NAME", "search space (default nas-bench-201)");
    cli_flag(&options, "json", &reading.json, "an array of objects");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    return cli_with_readable_pool(&reading, distances, error);
}

const cli_command cli_pool_distances = {
    .name = "pool distances",
    .arguments = "",
    .summary = "how far the descriptors of the platforms lie apart",
    .details =
        "Compares every two platforms that have operator latencies or counters, the nearest first.\n"
        "  SCALE       the second takes so many times the first's operator latencies (median ratio)\n"
        "  OPERATORS   what is left: mean difference of the operators' logarithms from that ratio (0.1: "
        "they\n"
        "              differ by a tenth on average)\n"
        "  COUNTERS    median difference of the logarithms of all counts per run, where one provider "
        "counted\n"
        "  DESCRIPTOR  Euclidean distance of what the predictor maple learns from, in standard deviations\n"
        "              over this pool's platforms\n"
        "  DIFFER IN   which settings they differ in; '-': in the name alone, so that the rest is noise.",
    .examples = "  maple pool distances --bundled\n  maple pool distances --json",
    .run = run_distances,
};
