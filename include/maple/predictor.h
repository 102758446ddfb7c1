/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predictor.h: latency predictors behind one interface: fit on a pool and a target's samples, predict, save,
 * load.
 */
#ifndef MAPLE_PREDICTOR_H
#define MAPLE_PREDICTOR_H

#include "maple/pool.h"

typedef struct maple_predictor maple_predictor;

typedef struct maple_predictor_info {
    const char *name;        /* "maple", "lut", "lut-fit", "flops" */
    const char *description; /* one line */
    const char *caveat;      /* what a table of its results has to say, or NULL */
    bool needs_pool;         /* learns from other platforms */
    bool needs_operators;    /* needs the target's operator latencies */
    int min_samples;         /* fewest samples of the target it can be fitted with */
    bool pretrains;          /* fits on the pool once, then adapts to any target (maple_predictor_pretrain) */
    int references; /* latencies of so many of the space's reference architectures describe target and
                       sources: measured besides the samples. 0: none */
    bool references_optional; /* ... only where the target has no operator latencies */
    bool slow;                /* trains for minutes: maple evaluate runs it where it is named */
    bool oracle;              /* sees all latencies of the target: for tables only */
    int own_samples;          /* evaluated with so many samples, whatever the others get; 0: as the others */
    bool intervals;           /* its predictions have intervals (maple_predictor_intervals) */
    bool suggests;            /* says what to measure next (maple_pretrained_suggest) */
} maple_predictor_info;

size_t maple_predictor_count(void);
const maple_predictor_info *maple_predictor_at(size_t i); /* NULL beyond the end */
maple_status maple_predictor_find(const char *name, const maple_predictor_info **out, maple_error *error);

/* An option of a predictor. */
typedef struct maple_option_info {
    const char *name, *help; /* help: a few words, or NULL */
    char value[32];          /* its default, as it is written */
    char values[96];         /* "false|true|both", "whole, 1 to 1000", "0 to 10" */
} maple_option_info;

/* The i-th option of the predictor; false beyond the end. `name` is a registered one. */
bool maple_predictor_option(const char *name, size_t i, maple_option_info *out);

/* What is known of the device to predict for. Arrays belong to the caller. */
typedef struct maple_target {
    maple_graph_form graph;
    const double *operator_ms;                   /* [operators of the space] or NULL; NaN where missing */
    const double *counters_warm, *counters_cold; /* [descriptor operators x MAPLE_EVENTS] or NULL */
    const char *counters; /* their provider (maple_counter_info.name); NULL: not known */
    size_t n_samples;
    const maple_arch *archs;    /* [n_samples] */
    const double *latency_ms;   /* [n_samples], all > 0 */
    const double *reference_ms; /* [maple_space_references] or NULL; NaN where not measured */
    const double *oracle_ms; /* [pool->n_archs]: every latency of the target, NaN where unknown. NULL except
                                in evaluation; only predictors with info.oracle may look at it */
} maple_target;

/* What is known of a platform of the dataset before any network is measured there: its form and descriptor;
 * NULL for what has no finite value. The arrays are the dataset's. */
maple_target maple_dataset_target(const maple_dataset *dataset, const maple_dataset_platform *platform);

/* How many of the space's reference architectures the predictor uses with these options (NULL: defaults) for
 * this target, of which only the graph and the operator latencies are read: what has to be measured besides
 * the samples. Fitting uses target.reference_ms where this is not 0, and leaves it alone elsewhere. */
maple_status maple_predictor_references(const char *name, const char *options, const maple_space *space,
                                        const maple_target *target, int *out, maple_error *error);

/* Where a long pre-training keeps how far it came: another call with the same request goes on from there,
 * with the bits of one that was not interrupted. Called from the thread that trains. */
typedef struct maple_checkpoint {
    void *context;
    /* *file[*bytes], freed by maple_free, is what the last save was given; MAPLE_NOT_FOUND: nothing. */
    maple_status (*load)(void *context, uint8_t **file, size_t *bytes, maple_error *error);
    maple_status (*save)(void *context, const uint8_t *file, size_t bytes, maple_error *error);
} maple_checkpoint;

typedef struct maple_fit_request {
    const maple_space *space;
    const maple_dataset *pool; /* NULL where the predictor needs none */
    const size_t *sources;     /* rows of pool->platforms to learn from */
    size_t n_sources;
    const size_t *train; /* indices into pool->archs to learn from; NULL: all that a source has */
    size_t n_train;      /* (reference architectures are always known of a source that has them) */
    maple_target target;
    uint64_t seed;
    /* "epochs=50,width=128": options of the predictor, comma-separated; NULL for the defaults. An unknown one
     * is an error that lists those there are. */
    const char *options;
    const maple_hooks *hooks;
    /* [target.n_samples] or NULL: set to true for samples that do not fit with the others and were not
     * learned from, else left alone. Where it is NULL, a warning names each of them. */
    bool *left_out;
    const maple_checkpoint *checkpoint; /* NULL: a training that is interrupted is lost */
} maple_fit_request;

/* Too few samples, no operator latencies where they are needed, a sample <= 0 or NaN: MAPLE_BAD_INPUT with
 * what is missing and how to get it. Deterministic for a seed. */
maple_status maple_predictor_fit(const char *name, const maple_fit_request *request, maple_predictor **out,
                                 maple_error *error);

/* --- Fitting in two steps, where info.pretrains: the pool once, then each target --- */

typedef struct maple_pretrained maple_pretrained;

/* Looks at everything of the request but its target. Deterministic for a seed. */
maple_status maple_predictor_pretrain(const char *name, const maple_fit_request *request,
                                      maple_pretrained **out, maple_error *error);
/* Only space, pool, sources, target, seed, hooks and left_out of the request count (the options are those of
 * the pre-training). Safe from several threads at once. maple_predictor_fit is both steps. */
maple_status maple_pretrained_adapt(const maple_pretrained *pretrained, const maple_fit_request *request,
                                    maple_predictor **out, maple_error *error);
void maple_pretrained_free(maple_pretrained *pretrained);
/* `key` says what it was trained on; a file with another key is refused by load with MAPLE_NOT_FOUND, one
 * that is damaged (it has a checksum) with MAPLE_BAD_INPUT. */
maple_status maple_pretrained_save(const maple_pretrained *pretrained, const char *key, const char *path,
                                   maple_error *error);
maple_status maple_pretrained_load(const char *path, const char *key, maple_pretrained **out,
                                   maple_error *error);

/* Which of n_candidates architectures to measure next on the request's target, whose samples (there may be
 * none) are known: one after the other, each the one that most reduces the expected mean of squared interval
 * widths over the candidates. It asks for no latency. Stops after n, or once the expected median interval is
 * at most `width` of the prediction (0.2: a fifth; 0: never). chosen[n] are places in candidates, the first
 * *n_chosen of them set; widths[n], which may be NULL, the expected median width after each. Candidates that
 * run the same graph as a sample or an earlier candidate are left out, as are degenerate ones on a pruned
 * platform; fewer than n may therefore be chosen. Of the request the same counts as for adapting.
 * Without info.suggests: MAPLE_BAD_ARGUMENT. Deterministic. */
maple_status maple_pretrained_suggest(const maple_pretrained *pretrained, const maple_fit_request *request,
                                      const maple_arch *candidates, size_t n_candidates, size_t n,
                                      double width, size_t *chosen, double *widths, size_t *n_chosen,
                                      maple_error *error);

/* --- Prediction --- */

/* latency_ms[n] > 0. Degenerate architectures of a pruned platform give NaN. Safe from several threads at
 * once. */
maple_status maple_predictor_predict(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                     double *latency_ms, maple_error *error);
/* The same with the bounds of central 90 % intervals, 0 < lower_ms <= latency_ms <= upper_ms: what one
 * measurement of the architecture lies within. latency_ms is bit for bit that of maple_predictor_predict.
 * Bounds are NaN where the prediction is, and everywhere for a predictor without info.intervals. */
maple_status maple_predictor_intervals(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                       double *latency_ms, double *lower_ms, double *upper_ms,
                                       maple_error *error);
const maple_predictor_info *maple_predictor_describe(const maple_predictor *predictor);
const maple_space *maple_predictor_space(const maple_predictor *predictor);
maple_graph_form maple_predictor_graph(const maple_predictor *predictor);
void maple_predictor_free(maple_predictor *predictor);

/* Safetensors layout with all that is needed to predict; a loaded predictor gives the same bits. `platform`
 * is kept as the name of what it predicts for. A changed bit anywhere (the file has a
 * checksum), oversized, wrong shapes, unknown predictor: MAPLE_BAD_INPUT. */
maple_status maple_predictor_save(const maple_predictor *predictor, const char *platform, const char *path,
                                  maple_error *error);
/* *platform (may be NULL) is freed by maple_free. */
maple_status maple_predictor_load(const char *path, maple_predictor **out, char **platform,
                                  maple_error *error);

#endif
