/* SPDX-License-Identifier: Apache-2.0 */
/* Events of the search space's operators, with warm and with cold caches: the counters of the descriptor. */
#include "measure/worker_client.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_folder(const char *folder) {
    DIR *directory = opendir(folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char path[512];
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && length > 0 && (size_t)length < sizeof path)
            unlink(path);
    }
    if (directory)
        closedir(directory);
    rmdir(folder);
}

static int isa_rank(const maple_engine_info *engine, const char *isa) {
    for (int i = 0; isa && engine->isas && engine->isas[i]; i++) {
        if (strcmp(engine->isas[i], isa) == 0)
            return i;
    }
    return -1;
}

/* One thread: counters follow the thread that runs. And no stronger ISA than the provider can run: the same
 * instructions should be counted as timed, and where they cannot be, the result says which were. */
static maple_status counting_config(const maple_measure_config *config, const maple_counter_info *provider,
                                    maple_measure_config *out, maple_error *error) {
    const maple_engine_info *engine = NULL;
    maple_status status = maple_engine_find(config->engine, &engine, error);
    if (status != MAPLE_OK)
        return status;
    *out = *config;
    out->options.threads = 1;
    int most = isa_rank(engine, provider->isa);
    if (most < 0)
        return MAPLE_OK;
    int asked = config->options.isa ? isa_rank(engine, config->options.isa)
                                    : maple_engine_best_isa(engine, config->options.dtype);
    if (asked <= most)
        return MAPLE_OK;
    if (!maple_engine_isa_serves(provider->isa, config->options.dtype))
        return maple_error_set(error, MAPLE_UNSUPPORTED, "%s runs code up to %s, which has none for %s",
                               provider->name, provider->isa, maple_engine_dtype_name(config->options.dtype));
    out->options.isa = provider->isa;
    return MAPLE_OK;
}

maple_status maple_measure_provider(const maple_measure_config *config, const char *name,
                                    const maple_counter_info **out, char *reason, size_t reason_size,
                                    maple_error *error) {
    maple_measure_config unused;
    maple_error why = {0};
    maple_status status = maple_counters_find(name, out, reason, reason_size, error);
    if (status != MAPLE_OK)
        return status;
    status = counting_config(config, *out, &unused, &why);
    if (status == MAPLE_UNSUPPORTED && strcmp(name, "auto") == 0) {
        size_t used = reason_size > 0 ? strlen(reason) : 0;
        if (used < reason_size)
            snprintf(reason + used, reason_size - used, "%s%s", used ? "; " : "", why.message);
        return maple_counters_find("none", out, NULL, 0, error);
    }
    return status == MAPLE_OK ? status : maple_error_set(error, status, "%s", why.message);
}

static void all_missing(maple_count *counts, const char *reason) {
    for (int i = 0; i < MAPLE_EVENTS; i++) {
        counts[i] = (maple_count){.value = NAN, .running_share = NAN, .status = MAPLE_COUNTER_MISSING};
        snprintf(counts[i].reason, sizeof counts[i].reason, "%.*s", (int)sizeof counts[i].reason - 1, reason);
    }
}

static maple_status count_operator(maple_worker *worker, size_t index, maple_count *warm, maple_count *cold,
                                   maple_error *error) {
    maple_loaded loaded;
    maple_error refused = {0};
    maple_status status = maple_worker_load_operator(worker, 0, index, &loaded, &refused);
    if (status == MAPLE_OK)
        status = maple_worker_count(worker, 0, MAPLE_CACHE_WARM, warm, &refused);
    if (status == MAPLE_OK)
        status = maple_worker_count(worker, 0, MAPLE_CACHE_COLD, cold, &refused);
    if (status == MAPLE_OK)
        return MAPLE_OK;
    if (maple_worker_gone(worker))
        return maple_error_set(error, status, "%s", refused.message);
    all_missing(warm, refused.message);
    all_missing(cold, refused.message);
    return MAPLE_OK;
}

maple_status maple_measure_counters(const maple_measure_config *config, const maple_counter_info *provider,
                                    maple_count *warm, maple_count *cold, char isa[32], maple_error *error) {
    maple_measure_config counting;
    size_t n = maple_space_descriptor_operators(config->space), n_counted = 0, done = 0;
    const char *folder = getenv("TMPDIR");
    char scratch[256];
    int length = snprintf(scratch, sizeof scratch, "%s/maple-XXXXXX", folder && *folder ? folder : "/tmp");
    maple_status status = counting_config(config, provider, &counting, error);
    if (status != MAPLE_OK)
        return status;
    if (length < 0 || (size_t)length >= sizeof scratch || !mkdtemp(scratch))
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: no folder for counts: %s; set TMPDIR", scratch,
                               strerror(errno));
    maple_worker *worker = NULL;
    maple_count *found = maple_alloc(2 * n * MAPLE_EVENTS, sizeof *found);
    status =
        found ? maple_worker_start(&counting, provider, scratch, &worker, error) : maple_error_memory(error);
    for (size_t i = 0; i < n; i++)
        n_counted += maple_space_operator_counted(config->space, i);
    for (size_t i = 0; i < n && status == MAPLE_OK; i++) {
        maple_count *counts[] = {found + i * MAPLE_EVENTS, found + (n + i) * MAPLE_EVENTS};
        if (!maple_space_operator_counted(config->space, i)) {
            all_missing(counts[0], "not one of the operators whose events are counted");
            all_missing(counts[1], "not one of the operators whose events are counted");
            continue;
        }
        if (maple_is_cancelled(config->hooks))
            status = maple_error_set(
                error, MAPLE_INTERRUPTED,
                "interrupted after counting %zu of %zu operators; the same command counts them anew", done,
                n_counted);
        else
            status = count_operator(worker, i, counts[0], counts[1], error);
        maple_report_progress(config->hooks, "counting operators", (double)++done, (double)n_counted,
                              "operators");
    }
    if (status == MAPLE_OK) {
        memcpy(warm, found, n * MAPLE_EVENTS * sizeof *found);
        memcpy(cold, found + n * MAPLE_EVENTS, n * MAPLE_EVENTS * sizeof *found);
        snprintf(isa, 32, "%s", maple_worker_engine(worker)->isa);
    }
    maple_worker_stop(worker);
    remove_folder(scratch);
    maple_free(found);
    return status;
}
