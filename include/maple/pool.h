/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h: the store of what was measured: platforms, operators, counters, latencies, raw runs. One SQLite
 * file (docs/format.md). One transaction an acknowledged measurement; several processes read while one
 * writes.
 */
#ifndef MAPLE_POOL_H
#define MAPLE_POOL_H

#include "maple/counters.h"
#include "maple/space.h"

typedef struct maple_pool maple_pool;

typedef enum maple_pool_mode {
    MAPLE_POOL_READ,      /* an existing pool, only read */
    MAPLE_POOL_WRITE,     /* created (with its folder) where missing */
    MAPLE_POOL_IMMUTABLE, /* the bundled pool: read-only, no locks, no side files */
} maple_pool_mode;

/* Not a pool, a newer format, damaged, not writable: MAPLE_BAD_INPUT or MAPLE_IO_ERROR with the path; the
 * file is not changed. */
maple_status maple_pool_open(const char *path, maple_pool_mode mode, maple_pool **out, maple_error *error);
void maple_pool_close(maple_pool *pool);
const char *maple_pool_path(const maple_pool *pool);

/* $XDG_DATA_HOME/maple/pool.db, else $HOME/.local/share/maple/pool.db. Freed by maple_free. */
maple_status maple_pool_default_path(char **out, maple_error *error);

/* --- Platforms --- */

typedef struct maple_platform {
    int64_t id;       /* in this pool; 0 before it is added */
    char name[160];   /* unique in a pool */
    char family[224]; /* host CPU model + engine + ISA (+ numeric type, where it is not f32); what evaluation
                         leaves out together */
    char cpu[96];     /* host CPU model; its counters are the platform's */
    char device[96];  /* what executes; here the same */
    char engine[32];  /* "imported" for latencies measured by something else */
    char engine_version[96];
    char isa[32];
    char dtype[8]; /* "f32", "bf16", "int8", ...; empty where unknown */
    int threads, batch;
    maple_graph_form graph;
    char counters[16]; /* provider of its counters: perf, callgrind, none */
} maple_platform;

/* "Intel Xeon ... / onednn / avx2", "... / avx512_vnni / int8" */
void maple_platform_family(const char *cpu, const char *engine, const char *isa, const char *dtype,
                           char out[224]);

/* MAPLE_BAD_ARGUMENT where no pool would take it: an empty name, control characters in it, negative counts.
 */
maple_status maple_platform_check(const maple_platform *platform, maple_error *error);

/* Adds a platform with its environment (a JSON text, NULL allowed) and sets platform->id. A name that exists
 * with the same identity (everything but id, counters) gives that row's id and replaces environment and
 * counters (the environment only where one is given: a campaign that is continued needs what is there); with
 * another identity: MAPLE_BAD_INPUT. */
maple_status maple_pool_add_platform(maple_pool *pool, maple_platform *platform, const char *environment,
                                     maple_error *error);
maple_status maple_pool_find_platform(maple_pool *pool, const char *name, maple_platform *out,
                                      maple_error *error);
/* Ordered by id; freed by maple_free. */
maple_status maple_pool_platforms(maple_pool *pool, maple_platform **out, size_t *n, maple_error *error);
/* The JSON text; freed by maple_free; "{}" where there is none. */
maple_status maple_pool_environment(maple_pool *pool, int64_t platform, char **out, maple_error *error);
/* Merges a JSON object into it (RFC 7396: members take the place of those of the same name, null removes). */
maple_status maple_pool_patch_environment(maple_pool *pool, int64_t platform, const char *json,
                                          maple_error *error);
maple_status maple_pool_remove_platform(maple_pool *pool, int64_t platform, maple_error *error);
/* Complete latencies of a platform in a space, flagged ones among them. */
maple_status maple_pool_count_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                        size_t *n, maple_error *error);
/* Those that are flagged. */
maple_status maple_pool_count_flagged(maple_pool *pool, int64_t platform, const maple_space *space, size_t *n,
                                      maple_error *error);

/* --- Measurements --- */

typedef struct maple_latency {
    maple_arch arch;
    double latency_ms; /* the label: median of the runs; NaN with a reason for what could not be measured */
    double mean_ms, min_ms, sd_ms;
    int runs;
    char reason[120];
    char flag[120]; /* "" where the label is fine, else what is wrong with it ("noisy: ..."): not learned
                       from, and not scored, unless that is asked for */
} maple_latency;

/* One transaction: all or none. An architecture that has a row gets the new one. */
maple_status maple_pool_put_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                      const maple_latency *rows, size_t n, maple_error *error);
/* Ordered by the space's text; freed by maple_free. */
maple_status maple_pool_latencies(maple_pool *pool, int64_t platform, const maple_space *space,
                                  maple_latency **out, size_t *n, maple_error *error);

/* Raw runs of one round, one transaction; committed (and synced) when this returns. latency_ms[i] of
 * archs[i]. */
maple_status maple_pool_put_round(maple_pool *pool, int64_t platform, const maple_space *space, int round,
                                  const maple_arch *archs, const double *latency_ms, size_t n,
                                  maple_error *error);
/* All raw runs of an architecture in order of their rounds; freed by maple_free. n = 0 where there is none.
 */
maple_status maple_pool_runs(maple_pool *pool, int64_t platform, const maple_space *space,
                             const maple_arch *arch, int **rounds, double **latency_ms, size_t *n,
                             maple_error *error);
/* Forgets the raw runs of a platform (labels stay). */
maple_status maple_pool_drop_runs(maple_pool *pool, int64_t platform, maple_error *error);
/* Takes back single raw runs: that of archs[i] in rounds[i]. One transaction; those that are not there do not
 * matter. */
maple_status maple_pool_take_back_runs(maple_pool *pool, int64_t platform, const maple_space *space,
                                       const maple_arch *archs, const int *rounds, size_t n,
                                       maple_error *error);
/* Forgets what was measured of architectures: their labels and all their raw runs. One transaction. */
maple_status maple_pool_forget(maple_pool *pool, int64_t platform, const maple_space *space,
                               const maple_arch *archs, size_t n, maple_error *error);

/* How well labels of a platform repeat: networks that were measured twice, in alternating rounds
 * (maple_measure_repeatability). */
typedef struct maple_repeatability {
    char date[32];                /* UTC, ISO 8601; "" where it was never measured */
    size_t n;                     /* networks that both series have a label for */
    int rounds;                   /* of each series */
    double median, p90, p95, max; /* of |a / b - 1| over the networks */
} maple_repeatability;

/* Kept with its date; one of the same date is replaced. */
maple_status maple_pool_put_repeatability(maple_pool *pool, int64_t platform, const maple_space *space,
                                          const maple_repeatability *row, maple_error *error);
/* The last one; n = 0 and NaN where there is none. */
maple_status maple_pool_repeatability(maple_pool *pool, int64_t platform, const maple_space *space,
                                      maple_repeatability *out, maple_error *error);

typedef struct maple_operator_latency {
    double latency_ms, mean_ms, min_ms, sd_ms; /* NaN where missing */
    int runs;
    char implementation[160];
    char reason[120]; /* where missing */
} maple_operator_latency;

/* rows[maple_space_operators(space)] */
maple_status maple_pool_put_operators(maple_pool *pool, int64_t platform, const maple_space *space,
                                      const maple_operator_latency *rows, maple_error *error);
/* Same shape; operators without a row are NaN with a reason. */
maple_status maple_pool_operators(maple_pool *pool, int64_t platform, const maple_space *space,
                                  maple_operator_latency *rows, maple_error *error);

/* counts[descriptor operators x MAPLE_EVENTS]; of operators that are not counted
 * (maple_space_operator_counted) nothing is kept; provider and the ISA the counted code used are kept with
 * them. */
maple_status maple_pool_put_counters(maple_pool *pool, int64_t platform, const maple_space *space,
                                     maple_cache_state state, const char *provider, const char *isa,
                                     const maple_count *counts, maple_error *error);
maple_status maple_pool_counters(maple_pool *pool, int64_t platform, const maple_space *space,
                                 maple_cache_state state, maple_count *counts, maple_error *error);

/* --- Canonical indices (known once a table that carries them was imported) --- */

maple_status maple_pool_put_indices(maple_pool *pool, const maple_space *space, const maple_arch *archs,
                                    const int *index, size_t n, maple_error *error);
/* -1 where unknown. index[i] of archs[i]. */
maple_status maple_pool_indices(maple_pool *pool, const maple_space *space, const maple_arch *archs, size_t n,
                                int *index, maple_error *error);

/* --- Scores: a named number for each architecture of a space (accuracies, costs, zero-cost proxies) --- */

/* Names are [a-z0-9_.-], up to 63 bytes: "cifar100_test", "zcp_synflow". One transaction; a value that is
 * there is replaced; NaN rows are left out. */
maple_status maple_pool_put_scores(maple_pool *pool, const maple_space *space, const char *name,
                                   const maple_arch *archs, const double *values, size_t n,
                                   maple_error *error);

typedef struct maple_score_count {
    char name[64];
    size_t n; /* architectures that have it */
} maple_score_count;

/* The scores of a space, by name; freed by maple_free. */
maple_status maple_pool_scores(maple_pool *pool, const maple_space *space, maple_score_count **out, size_t *n,
                               maple_error *error);
/* values[i] of archs[i] of one of them, ordered by the space's text, whether or not any platform has the
 * architecture (a dataset has the values of those only); both freed by maple_free. n = 0 where there is no
 * such score. */
maple_status maple_pool_score_values(maple_pool *pool, const maple_space *space, const char *name,
                                     maple_arch **archs, double **values, size_t *n, maple_error *error);

/* --- Everything a predictor learns from, in memory --- */

typedef struct maple_dataset_platform {
    maple_platform platform;
    double *latency_ms;  /* [n_archs], NaN where not measured */
    double *operator_ms; /* [operators of the space], NaN where missing */
    double *counters_warm,
        *counters_cold; /* [descriptor operators x MAPLE_EVENTS] per run, NaN where missing */
    size_t n_flagged;   /* labels that were left out because they are flagged */
} maple_dataset_platform;

typedef struct maple_dataset_score {
    char name[64];
    double *value; /* [n_archs], NaN where unknown */
} maple_dataset_score;

typedef struct maple_dataset {
    const maple_space *space;
    size_t n_archs;
    maple_arch *archs; /* every architecture that some platform has, ordered by the space's text */
    int *index;        /* canonical index, -1 where unknown */
    size_t n_platforms;
    maple_dataset_platform *platforms; /* with at least one latency: what can be learned from */
    size_t n_profiled;
    maple_dataset_platform *profiled; /* with a descriptor only: all latencies are NaN */
    size_t n_scores;
    maple_dataset_score *scores; /* by name */
} maple_dataset;

/* Platforms with a latency or a descriptor (an operator latency, a counter) in the space. Several pools may
 * be loaded into one dataset (bundled + user's); a name that two pools share is taken from the first one that
 * has either of it. Labels that are flagged (maple_latency) are left out. */
maple_status maple_dataset_load(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                maple_dataset **out, maple_error *error);
/* The same with flagged labels, where `flagged` is true. */
maple_status maple_dataset_load_flagged(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                        bool flagged, maple_dataset **out, maple_error *error);
void maple_dataset_free(maple_dataset *dataset);
/* Row of a platform with latencies, or -1. */
ptrdiff_t maple_dataset_platform_row(const maple_dataset *dataset, const char *name);
/* A platform with latencies or a descriptor, or NULL. */
const maple_dataset_platform *maple_dataset_find(const maple_dataset *dataset, const char *name);
/* What a platform has of the space's reference architectures: latency_ms[maple_space_references], of
 * the reference's own row, else of the first one that runs the same graph there; NaN where it has neither.
 * Returns how many it has. */
size_t maple_dataset_references(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                double *latency_ms);

/* --- Exchange (one file a format in src/pool) --- */

#define MAPLE_IMPORT_SPACES 4

typedef struct maple_import_result {
    size_t platforms, latencies,
        skipped;           /* skipped: fields without a value, or with a reason for having none */
    size_t unmeasured;     /* import_csv: of these, lines with no latency, no reason, nothing */
    size_t scores, values; /* named scores, and their numbers */
    size_t n_spaces;       /* import_help: what each space got */
    struct maple_import_space {
        const maple_space *space;
        size_t platforms, latencies;
    } spaces[MAPLE_IMPORT_SPACES];
} maple_import_result;

/* CSV `arch,latency_ms` (more columns allowed, any order, RFC 4180 quotes; `index` is taken where it is
 * there; `arch_str` and `ops` are other names of `arch`): becomes the platform `platform` (name, cpu, device,
 * threads, batch, graph given by the caller). A line without any value is an architecture that was not
 * measured yet; where no line has a latency, and for a bad line: MAPLE_BAD_INPUT with file:line:column,
 * nothing imported. path "-" is stdin; the file may be gzip. */
maple_status maple_pool_import_csv(maple_pool *pool, const char *path, const maple_space *space,
                                   maple_platform *platform, maple_import_result *result, maple_error *error);
/* A wide table: `index` and/or an architecture column (arch, arch_str or ops), and one column of milliseconds
 * for each platform, which becomes a platform of that name (as `template_` says otherwise): all other
 * columns, or those named. An empty cell is a latency that is not there. With `index` alone, the pool must
 * know the indices. The file may be gzip. */
maple_status maple_pool_import_table(maple_pool *pool, const char *path, const maple_space *space,
                                     const maple_platform *template_, const char *const *columns,
                                     size_t n_columns, maple_import_result *result, maple_error *error);
/* The data folder of the public HELP repository: nasbench201/ and/or fbnet/. Every platform of both spaces
 * in one transaction; metainfo.pt is skipped. A file that is not what is expected: MAPLE_BAD_INPUT with the
 * path and the byte offset, and nothing is imported. */
maple_status maple_pool_import_help(maple_pool *pool, const char *folder, maple_import_result *result,
                                    const maple_hooks *hooks, maple_error *error);
/* Accuracy or cost table (CSV, may be gzip): `index` and/or an architecture column as in a wide table; every
 * other numeric column becomes a score, its name in lower case with "_" for anything else, after `prefix`
 * (NULL: none; tables of the same columns are kept apart by it). Columns without any number are left out. */
maple_status maple_pool_import_scores(maple_pool *pool, const char *path, const maple_space *space,
                                      const char *prefix, maple_import_result *result, maple_error *error);
/* Zero-cost proxies as NASFLAT's repository keeps them (JSON, may be gzip): architecture -> {proxy: number};
 * scores are called zcp_PROXY. */
maple_status maple_pool_import_zcp(maple_pool *pool, const char *path, const maple_space *space,
                                   maple_import_result *result, maple_error *error);
/* `arch,index,latency_ms,mean_ms,min_ms,sd_ms,runs,reason,flag`; appended to *out. */
maple_status maple_pool_export_csv(maple_pool *pool, int64_t platform, const maple_space *space,
                                   maple_text *out, maple_error *error);
/* Copies platforms of `source` (all, or those named) into `pool`; one transaction. Existing names with the
 * same identity are merged (the source's rows win), others refused. `statistics_only` leaves the raw runs
 * behind. Scores are copied too (all: they belong to no platform; the source's values win). */
maple_status maple_pool_merge(maple_pool *pool, maple_pool *source, const char *const *names, size_t n_names,
                              bool statistics_only, maple_import_result *result, maple_error *error);

#endif
