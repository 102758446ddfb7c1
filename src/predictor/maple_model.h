/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple_model.h: the parts of the `maple` predictor (docs/method.md):
 *
 *   log latency(a) = log base(a) + mean + sd * network(one-hot a, S)
 *   log base(a)    = log table(a) + correction . features(a), or log(level * costs . features(a))
 *
 * table        maple_base.c: the look-up table
 * correction   maple_correction.c: a few numbers a platform; the target's from its samples, with a prior
 *              from the pool
 * virtual      maple_virtual.c: MAPLE-X's virtual examples; maple_weights.c: the weights of the rows in the
 *              loss, with MAPLE-X's similarity of platforms
 * costs        maple_costs.c: what stands for both where operator latencies are not known
 * S            maple_descriptor.c: operator latencies, counters, latencies of reference architectures,
 * scaled; maple_platforms.c: of the platforms of a training set network      maple_net.c, trained in
 * maple_train.c
 *
 * `fine-tune` (fine_tune.c) uses the same training set, descriptor and network, with a level for a base.
 */
#ifndef MAPLE_PREDICTOR_MAPLE_MODEL_H
#define MAPLE_PREDICTOR_MAPLE_MODEL_H

#include "predictor/belief.h"
#include "predictor/lut_table.h"
#include "predictor/maple_net.h"
#include "predictor/maple_descriptor.h"
#include "predictor/predictor_vtable.h"

/* Options of the network, of S and of training: those of `fine-tune` begin with the same. */
enum {
    OPT_EPOCHS,
    OPT_BATCH,
    OPT_WIDTH,
    OPT_EMBEDDING,
    OPT_RATE,
    OPT_DECAY,
    OPT_STEPS,
    OPT_SOURCE_ARCHS,
    OPT_OPERATORS,
    OPT_COUNTERS,
    OPT_COUNTER_SCALE,
    OPT_REFERENCES,
    OPT_SHARED /* how many */
};
enum {
    OPT_REFERENCE_SAMPLES = OPT_SHARED,
    OPT_SCALING,
    OPT_CALIBRATION,
    OPT_LEVEL_SD,
    OPT_SHARE_SD,
    OPT_PRIOR_WEIGHT,
    OPT_COST_NOISE,
    OPT_COST_SPREAD,
    OPT_SAMPLE_WEIGHT,
    OPT_NETWORK,
    OPT_VIRTUAL,
    OPT_VIRTUAL_COUNT,
    OPT_VIRTUAL_WITHIN,
    OPT_SIMILARITY,
    OPT_SIMILARITY_WIDTH,
    OPT_COUNT
};
#define MAPLE_SHARED_OPTIONS                                                                                 \
    [OPT_EPOCHS] = {.name = "epochs",                                                                        \
                    .value = 50,                                                                             \
                    .min = 1,                                                                                \
                    .max = 10000,                                                                            \
                    .whole = true,                                                                           \
                    .help = "of training, at most"},                                                         \
    [OPT_BATCH] =                                                                                            \
        {.name = "batch", .value = 128, .min = 1, .max = 65536, .whole = true, .help = "rows of a step"},    \
    [OPT_WIDTH] = {.name = "width",                                                                          \
                   .value = 128,                                                                             \
                   .min = 1,                                                                                 \
                   .max = 4096,                                                                              \
                   .whole = true,                                                                            \
                   .help = "of the hidden layers"},                                                          \
    [OPT_EMBEDDING] = {.name = "embedding",                                                                  \
                       .value = 32,                                                                          \
                       .min = 1,                                                                             \
                       .max = 4096,                                                                          \
                       .whole = true,                                                                        \
                       .help = "of the architecture"},                                                       \
    [OPT_RATE] = {.name = "rate", .value = 1e-3, .min = 1e-8, .max = 1, .help = "of Adam, falling to 0"},    \
    [OPT_DECAY] = {.name = "decay", .value = 1, .min = 0, .max = 100, .help = "decoupled weight decay"},     \
    [OPT_STEPS] = {.name = "steps",                                                                          \
                   .value = 12800,                                                                           \
                   .min = 1,                                                                                 \
                   .max = 1e9,                                                                               \
                   .whole = true,                                                                            \
                   .help = "of training, at most"},                                                          \
    [OPT_SOURCE_ARCHS] = {.name = "source_archs",                                                            \
                          .value = 900,                                                                      \
                          .min = 0,                                                                          \
                          .max = 1e9,                                                                        \
                          .whole = true,                                                                     \
                          .help = "most rows of a source; 0: all"},                                          \
    [OPT_OPERATORS] = {.name = "operators",                                                                  \
                       .value = 1,                                                                           \
                       .min = 0,                                                                             \
                       .max = 1,                                                                             \
                       .whole = true,                                                                        \
                       .help = "operator latencies in the descriptor S"},                                    \
    [OPT_COUNTERS] = {.name = "counters",                                                                    \
                      .value = COUNTERS_ANY,                                                                 \
                      .words = "0|1|simulated|real",                                                         \
                      .help = "whose counters are in S: nobody's, all, simulated ones, those of a PMU"},     \
    [OPT_COUNTER_SCALE] = {.name = "counter_scale",                                                          \
                           .value = COUNTERS_PER_LATENCY,                                                    \
                           .words = "per-latency|per-run",                                                   \
                           .help = "counts per operator latency (MAPLE-Edge) or per run"},                   \
    [OPT_REFERENCES] = {.name = "references",                                                                \
                        .value = REFERENCES_AUTO,                                                            \
                        .words = "auto|0|1",                                                                 \
                        .help = "reference latencies in S; auto: where operators were not timed"}
enum { REFERENCES_AUTO, REFERENCES_NEVER, REFERENCES_ALWAYS };
enum { SCALING_LUT, SCALING_COSTS };
enum { CALIBRATION_NONE, CALIBRATION_LEVEL, CALIBRATION_SHARES };
/* Where the reference architectures' latencies are labels too. */
enum { REFERENCES_NOT, REFERENCES_IN_BASE, REFERENCES_IN_LOSS, REFERENCES_IN_BOTH };

/* Where virtual examples are learned from: nowhere, in the loss (the paper), in the base too. */
enum { VIRTUAL_NOT, VIRTUAL_IN_LOSS, VIRTUAL_IN_BOTH };

/* --- Base --- */

/* Level, one for each operator of the space, number of executions. */
enum { MAPLE_MAX_FEATURES = MAPLE_MAX_POSITIONS + 2 };
enum { MAPLE_MAX_SPACE_FEATURES = 1024 };

typedef struct maple_base {
    bool has_lut;
    maple_lut lut;
    double level; /* log ms, where there is no look-up table */
    size_t n_costs;
    double
        *costs; /* [n_costs = 1 + features of the space], offset first, of latency / level; NULL: 1. Owned */
    size_t n_features;
    double correction[MAPLE_MAX_FEATURES];
} maple_base;

/* log table of a canonical architecture, whose operator counts are given, and with the correction log base.
 */
maple_status maple_base_table(const maple_base *base, const maple_model_context *context,
                              const maple_arch *arch, const double *counts, double *out, maple_error *error);
maple_status maple_base_log(const maple_base *base, const maple_model_context *context,
                            const maple_arch *arch, double *out, maple_error *error);

/* --- Training set --- */

/* Rows of all sources, then the target's samples, then those of its reference architectures that are used as
 * samples, too, then virtual examples. The target's platform is n_platforms - 1. */
typedef struct maple_training {
    size_t n, n_pool, n_samples, n_virtual, positions;
    uint8_t *codes;     /* [n, positions], canonical */
    uint32_t *platform; /* [n] */
    maple_arch *archs;  /* [n], canonical */
    double *residual;   /* [n]: log latency - log base */
    double *log_ms;     /* [n - n_pool]: log latencies of the target's rows */
    double mean, sd;    /* of the pool's residuals */
    size_t n_platforms;
    size_t *rows;          /* [n_platforms - 1]: rows of pool->platforms that are used */
    maple_base *base;      /* [n_platforms], the target's last */
    maple_belief belief;   /* of the correction, or of the costs */
    double *feature_scale; /* of the costs */
    double *references;    /* [n_platforms, references of the space], ms, NaN where unknown; NULL: not used */
    int reference_samples, virtual_use;
    double *source_weight; /* [n_platforms - 1]: similarity to the target; NULL: all alike */
} maple_training;

maple_model_context maple_training_context(const maple_fit_request *request, const maple_training *training,
                                           size_t platform);
/* The target's samples, then (with `references`) those of its reference architectures that were measured and
 * are not among them: canonical architectures, log latencies. Returns how many; there is room for the samples
 * and all references. */
size_t maple_target_rows(const maple_fit_request *request, bool references, maple_arch *archs,
                         double *log_ms);
/* How many of the target's rows the base is fitted to: the first so many. */
size_t maple_training_known(const maple_training *training);

/* Both are released by the caller, whatever they return. */
maple_status maple_training_build(const maple_fit_request *request, const double *options,
                                  maple_training *training, maple_error *error);
/* For a pre-training: no target, a level for a base. */
maple_status maple_training_build_levels(const maple_fit_request *request, const double *options,
                                         maple_training *training, maple_error *error);
void maple_training_release(maple_training *training);

/* One more row, whose base is not subtracted yet. */
void maple_training_add(maple_training *training, const maple_arch *arch, uint32_t platform, double log_ms);

/* Whether references are used; `needless`: operator latencies describe the platforms. */
bool maple_references_wanted(double option, bool needless);
/* Sets training->references from the pool and the request. */
maple_status maple_training_references(const maple_fit_request *request, maple_training *training,
                                       maple_error *error);

/* --- Virtual examples and similarity weights (MAPLE-X, Abbasi, Wong, Shafiee 2022, arXiv 2205.12660) ---
 *
 * The paper's abstract says what they are for; what it leaves open is decided here (docs/method.md). */

/* Appends to the rows of a training whose sources have their base: for each measured network a of the target
 * up to OPT_VIRTUAL_COUNT others b of the pool's rows, with a's latency, those that are nearest by
 *
 *   distance(a, b) = max over sources s of |log latency_s(b) - log latency_s(a)| <= OPT_VIRTUAL_WITHIN
 *
 * latency_s is what s measured where it has both, else its base. A b is lent to the one a that is nearest
 * (then the first), and is none that the target has measured or cannot run. There is room for n_known x
 * OPT_VIRTUAL_COUNT rows, n_known being how many networks of the target there are. */
maple_status maple_virtual_add(const maple_fit_request *request, const double *options,
                               maple_training *training, maple_error *error);

/* weight[n] = exp(-d_s^2 / (2 h^2)), d_s the Euclidean distance of S of source s, descriptors[s, length], to
 * the target's, descriptors[n], and h = width x the median of d; all 1 where that median is 0 (there is no S,
 * or it does not tell the sources apart). In units of the median, because S has a length of its own for every
 * set of sources. */
maple_status maple_similarity(const float *descriptors, size_t n, size_t length, double width, double *weight,
                              maple_error *error);

/* weight[rows] in the loss, their mean 1:
 *
 *   pool     w_s / mean of w over the pool's rows / sqrt(|X|), w_s the similarity of the row's source, or 1
 *   target   sample_weight / sqrt(|X^|); |X^| counts virtual examples, too
 *
 * MAPLE's weights (section 3 there) and MAPLE-X's: emphasis moves between sources, not between pool and
 * target. 0 for references that are no samples in the loss. */
void maple_row_weights(const maple_training *training, double sample_weight, float *weight);

/* --- Correction --- */

size_t maple_feature_count(const maple_space *space);
void maple_features(const maple_base *base, const maple_model_context *context, const double *counts,
                    double *features);
/* Corrections for the sources (from all their rows), the prior from them, the target's correction from its
 * samples. */
maple_status maple_correct(const maple_fit_request *request, const double *options, maple_training *training,
                           maple_error *error);

/* --- Costs --- */

/* log(level * costs . features) of a canonical architecture. */
double maple_costs_log(const maple_base *base, const maple_space *space, const maple_arch *arch);
/* Costs of the sources from all their rows, what is believed of a platform's costs, the target's. */
maple_status maple_costs_fit(const maple_fit_request *request, const double *options,
                             maple_training *training, maple_error *error);
/* The target's once more, from log latencies of its rows (maple_training_known), costs or correction:
 * log_ms[] is scratch afterwards. */
maple_status maple_base_refit(const maple_fit_request *request, const double *options,
                              maple_training *training, double *log_ms, maple_base *base, maple_error *error);
/* ... of costs. */
maple_status maple_costs_refit(const maple_fit_request *request, const double *options,
                               maple_training *training, const double *log_ms, maple_base *base,
                               maple_error *error);

/* --- Model --- */

typedef struct maple_model {
    maple_net_shape shape;
    float *parameters;
    float *descriptor; /* [shape.descriptor] of the target */
    double mean, sd;
    maple_base base;
} maple_model;

void maple_model_free(void *model);
/* As predict of predictor_vtable.h, for the states of `maple` and of `fine-tune`. */
maple_status maple_model_predict(const void *model, const maple_model_context *context,
                                 const maple_arch *archs, size_t n, double *latency_ms, maple_error *error);

maple_measured maple_target_measured(const maple_target *target, const double *reference_ms);
/* Learns axes from the sources and, with `target`, the target; gives descriptors[n_platforms, axes->kept]
 * (freed by the caller, also after a failure, as are the axes), zeros for a target that is not there yet. The
 * model gets its shape, scale and the target's descriptor. */
maple_status maple_model_prepare(const maple_fit_request *request, const double *options,
                                 const maple_training *training, bool target, maple_model *model,
                                 maple_axes *axes, float **descriptors, maple_error *error);
/* The same descriptors. `sample_weight`: of the target's rows against the pool's. model->parameters is
 * allocated here. */
maple_status maple_train(const maple_fit_request *request, const double *options, double sample_weight,
                         const maple_training *training, const float *descriptors, maple_model *model,
                         maple_error *error);
/* mean + sd * network, for canonical architectures. */
maple_status maple_model_network(const maple_model *model, const maple_arch *archs, size_t n, double *out,
                                 maple_error *error);
/* The correction or the costs of the model's base once more, from what the target's networks lie above the
 * network. */
maple_status maple_model_correct(const maple_fit_request *request, const double *options,
                                 maple_training *training, maple_model *model, maple_error *error);

/* The network's part of a model file, and scale and level. */
maple_status maple_model_save_network(const maple_model *model, maple_tensors *tensors, maple_error *error);
maple_status maple_model_load_network(const maple_tensors *tensors, const maple_space *space,
                                      maple_model *model, maple_error *error);

#endif
