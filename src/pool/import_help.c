/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data folder of HELP (github.com/HayeonLee/HELP): nasbench201/ and fbnet/, each with its architectures
 * and a file of latencies for each device. A device that is in both is one platform.
 */
#include "pool/help_files.h"
#include "pool/pool_internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef maple_status (*archs_reader)(const char *path, const maple_space *space, maple_help_archs *out,
                                     maple_error *error);

static const struct source {
    const char *folder, *space, *archs;
    archs_reader read;
} sources[] = {
    {"nasbench201", "nas-bench-201", "str_arch2idx.pt", maple_help_read_indices},
    {"fbnet", "fbnet", "arch.pt", maple_help_read_operators},
};
enum { SOURCES = sizeof sources / sizeof *sources };
_Static_assert(SOURCES <= MAPLE_IMPORT_SPACES, "a result has room for every space");

static const char environment[] = "{\"source\":\"HELP (https://github.com/HayeonLee/HELP), data folder\"}";

typedef struct importer {
    maple_pool *pool;
    const char *folder;
    const maple_hooks *hooks;
    char **files[SOURCES]; /* names in latency/, sorted */
    size_t n_files[SOURCES], files_done, files_all;
    int64_t *platforms; /* that were met so far; room for files_all */
    maple_import_result result;
} importer;

static maple_status join(char out[PATH_MAX], const char *folder, const char *part, const char *name,
                         maple_error *error) {
    int length = snprintf(out, PATH_MAX, "%s/%s%s%s", folder, part, *name ? "/" : "", name);
    return length > 0 && length < PATH_MAX
               ? MAPLE_OK
               : maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long", folder);
}

/* --- What is there --- */

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static bool is_latency_file(const char *name) {
    size_t length = strlen(name);
    return length > 3 && name[0] != '.' && strcmp(name + length - 3, ".pt") == 0;
}

static maple_status list_files(importer *im, size_t source, const char *path, maple_error *error) {
    DIR *folder = opendir(path);
    if (!folder)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", path, strerror(errno));
    maple_status status = MAPLE_OK;
    for (struct dirent *entry; status == MAPLE_OK && (entry = readdir(folder));) {
        if (!is_latency_file(entry->d_name))
            continue;
        size_t n = im->n_files[source];
        char **larger = maple_resize(im->files[source], n + 1, sizeof *larger);
        im->files[source] = larger ? larger : im->files[source];
        char *name = maple_strdup(entry->d_name);
        if (larger && name) {
            larger[im->n_files[source]++] = name;
        } else {
            maple_free(name);
            status = maple_error_memory(error);
        }
    }
    closedir(folder);
    if (status == MAPLE_OK && im->n_files[source] == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: no file of latencies (DEVICE.pt) in it", path);
    if (status == MAPLE_OK)
        qsort(im->files[source], im->n_files[source], sizeof *im->files[source], compare_names);
    im->files_all += im->n_files[source];
    return status;
}

static maple_status look_around(importer *im, maple_error *error) {
    char path[PATH_MAX];
    struct stat info;
    if (stat(im->folder, &info) != 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be opened: %s", im->folder,
                               strerror(errno));
    for (size_t i = 0; i < SOURCES; i++) {
        maple_status status = join(path, im->folder, sources[i].folder, "", error);
        if (status != MAPLE_OK)
            return status;
        if (stat(path, &info) != 0)
            continue;
        status = join(path, im->folder, sources[i].folder, "latency", error);
        if (status == MAPLE_OK)
            status = list_files(im, i, path, error);
        if (status != MAPLE_OK)
            return status;
    }
    if (im->files_all == 0)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: neither nasbench201/ nor fbnet/ is in it: name the data folder of the "
                               "repository HELP",
                               im->folder);
    im->platforms = maple_alloc(im->files_all, sizeof *im->platforms);
    return im->platforms ? MAPLE_OK : maple_error_memory(error);
}

/* --- Platforms --- */

/* The batch size at the end of a name: "1080ti_32" is 1080ti with 32; "silver_4114" has none. */
static int batch_of(const char *name, size_t *length) {
    static const int sizes[] = {1, 32, 64, 256};
    const char *last = strrchr(name, '_');
    *length = strlen(name);
    for (size_t i = 0; last && i < sizeof sizes / sizeof *sizes; i++) {
        char suffix[16];
        snprintf(suffix, sizeof suffix, "_%d", sizes[i]);
        if (strcmp(last, suffix) == 0) {
            *length = (size_t)(last - name);
            return sizes[i];
        }
    }
    return 1;
}

static maple_status add_platform(importer *im, const char *path, const char *file, int64_t *id,
                                 maple_error *error) {
    maple_platform platform = {.cpu = "unknown", .graph = MAPLE_GRAPH_AS_WRITTEN};
    size_t length = strlen(file) - strlen(".pt");
    if (length >= sizeof platform.device)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: its name is longer than that of a device", path);
    memcpy(platform.name, file, length);
    platform.batch = batch_of(platform.name, &length);
    memcpy(platform.device, file, length);
    snprintf(platform.engine, sizeof platform.engine, "imported");
    maple_platform_family(platform.device, platform.engine, platform.isa, platform.dtype, platform.family);
    maple_pool_complete_platform(&platform);
    maple_status status = maple_pool_add_platform(im->pool, &platform, environment, error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, status == MAPLE_BAD_ARGUMENT ? MAPLE_BAD_INPUT : status, "%s", path);
    for (size_t i = 0; i < im->result.platforms; i++)
        if (im->platforms[i] == platform.id) {
            *id = platform.id;
            return MAPLE_OK;
        }
    im->platforms[im->result.platforms++] = *id = platform.id;
    return MAPLE_OK;
}

static maple_status put_file(importer *im, size_t source, const char *file, const maple_help_archs *archs,
                             double *values, maple_latency *rows, maple_error *error) {
    char path[PATH_MAX];
    int64_t platform = 0;
    char part[32];
    snprintf(part, sizeof part, "%s/latency", sources[source].folder);
    maple_status status = join(path, im->folder, part, file, error);
    if (status == MAPLE_OK)
        status = maple_help_read_latencies(path, archs->n, values, error);
    if (status == MAPLE_OK)
        status = add_platform(im, path, file, &platform, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < archs->n; i++)
        rows[i].latency_ms = values[i];
    return maple_pool_put_latencies(im->pool, platform, archs->space, rows, archs->n, error);
}

/* --- Spaces --- */

static maple_status put_files(importer *im, size_t source, const maple_help_archs *archs,
                              maple_error *error) {
    struct maple_import_space *counts = &im->result.spaces[im->result.n_spaces++];
    double *values = maple_alloc(archs->n, sizeof *values);
    maple_latency *rows = maple_alloc(archs->n, sizeof *rows);
    maple_status status = values && rows ? MAPLE_OK : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < archs->n; i++)
        rows[i] = (maple_latency){.arch = archs->archs[i], .mean_ms = NAN, .min_ms = NAN, .sd_ms = NAN};
    counts->space = archs->space;
    for (size_t i = 0; status == MAPLE_OK && i < im->n_files[source]; i++) {
        if (maple_is_cancelled(im->hooks)) {
            status = maple_error_set(error, MAPLE_INTERRUPTED,
                                     "interrupted: nothing was imported; run the command again");
            break;
        }
        status = put_file(im, source, im->files[source][i], archs, values, rows, error);
        counts->platforms++;
        counts->latencies += archs->n;
        maple_report_progress(im->hooks, "importing", (double)++im->files_done, (double)im->files_all,
                              "files");
    }
    im->result.latencies += counts->latencies;
    maple_free(values);
    maple_free(rows);
    return status;
}

static maple_status put_space(importer *im, size_t source, maple_error *error) {
    char path[PATH_MAX];
    const maple_space *space;
    maple_help_archs archs = {0};
    size_t refused = 0;
    maple_status status = maple_space_find(sources[source].space, &space, error);
    if (status == MAPLE_OK)
        status = join(path, im->folder, sources[source].folder, sources[source].archs, error);
    if (status == MAPLE_OK)
        status = sources[source].read(path, space, &archs, error);
    if (status != MAPLE_OK)
        return status;
    /* The indices first: architectures then come in their order, and so do the rows of every platform. */
    status = maple_pool_put_indices_at(im->pool, space, archs.archs, archs.index, archs.n, &refused, error);
    if (status == MAPLE_BAD_INPUT && refused < archs.n)
        maple_error_prefix(error, status, "%s: byte %zu", path, archs.at[refused]);
    if (status == MAPLE_OK)
        status = put_files(im, source, &archs, error);
    maple_help_free_archs(&archs);
    return status;
}

maple_status maple_pool_import_help(maple_pool *pool, const char *folder, maple_import_result *result,
                                    const maple_hooks *hooks, maple_error *error) {
    importer im = {.pool = pool, .folder = folder, .hooks = hooks};
    maple_status status = look_around(&im, error);
    if (status == MAPLE_OK)
        status = maple_pool_begin_write(pool, error);
    if (status != MAPLE_OK)
        goto done;
    for (size_t i = 0; status == MAPLE_OK && i < SOURCES; i++)
        if (im.n_files[i] > 0)
            status = put_space(&im, i, error);
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK && result)
        *result = im.result;
done:
    for (size_t i = 0; i < SOURCES; i++) {
        for (size_t k = 0; k < im.n_files[i]; k++)
            maple_free(im.files[i][k]);
        maple_free(im.files[i]);
    }
    maple_free(im.platforms);
    return status;
}
