/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predictor_vtable.h: what a predictor implements. A new one is one file and one line in registry.c.
 *
 * predictor.c checks requests and architectures before a predictor sees them:
 *  - samples are finite, positive, enough for info.min_samples, and none is degenerate in a pruned target;
 *  - where info.needs_pool, there is a pool and at least one source; where info.needs_operators, operator_ms
 * is there (single values may still be NaN);
 *  - target.reference_ms and target.oracle_ms are NULL where the predictor would not, or must not, use them;
 *  - the samples and the architectures given to predict are canonical for the target's graph form and not
 * degenerate.
 */
#ifndef MAPLE_PREDICTOR_VTABLE_H
#define MAPLE_PREDICTOR_VTABLE_H

#include "maple/predictor.h"
#include "predictor/safetensors.h"

/* An option is a number, or one of some words, whose place in the list is then its value. */
typedef struct maple_option {
    const char *name;
    double value, min, max; /* default, bounds (numbers) */
    bool whole;             /* numbers: no fractions */
    const char *words;      /* "none|level|affine"; NULL for numbers */
    const char *help;       /* a few words for maple predictors NAME, or NULL */
} maple_option;

enum { MAPLE_MAX_OPTIONS = 32 };

/* What a model is for; passed to every function that needs it. */
typedef struct maple_model_context {
    const maple_space *space;
    maple_graph_form graph;
} maple_model_context;

typedef struct maple_predictor_vtable {
    maple_predictor_info info;
    const maple_option *options;
    size_t n_options;
    /* options[i] is the value of vtable->options[i]. *state is owned by the model and given to free_state.
     * NULL where info.pretrains: predictor.c then pre-trains and adapts. */
    maple_status (*fit)(const maple_fit_request *request, const double *options, void **state,
                        maple_error *error);
    maple_status (*predict)(const void *state, const maple_model_context *context, const maple_arch *archs,
                            size_t n, double *latency_ms, maple_error *error);
    /* Where info.intervals: predict with bounds. */
    maple_status (*intervals)(const void *state, const maple_model_context *context, const maple_arch *archs,
                              size_t n, double *latency_ms, double *lower_ms, double *upper_ms,
                              maple_error *error);
    maple_status (*save)(const void *state, maple_tensors *tensors, maple_error *error);
    maple_status (*load)(const maple_tensors *tensors, const maple_model_context *context, void **state,
                         maple_error *error);
    void (*free_state)(void *state);
    /* Where info.references_optional: whether a fit with these options uses the references of a target for
     * which a look-up table can (or cannot) be built. */
    bool (*wants_references)(const double *options, bool has_table);
    /* Where info.pretrains. pretrain does not look at request->target; adapt reads `prior` only. */
    maple_status (*pretrain)(const maple_fit_request *request, const double *options, void **prior,
                             maple_error *error);
    maple_status (*adapt)(const void *prior, const maple_fit_request *request, const double *options,
                          void **state, maple_error *error);
    /* Where info.suggests, as maple_pretrained_suggest; candidates are canonical, not degenerate, different
     * from each other and from the samples. */
    maple_status (*suggest)(const void *prior, const maple_fit_request *request, const double *options,
                            const maple_arch *candidates, size_t n_candidates, size_t n, double width,
                            size_t *chosen, double *widths, size_t *n_chosen, maple_error *error);
    maple_status (*save_prior)(const void *prior, maple_tensors *tensors, maple_error *error);
    maple_status (*load_prior)(const maple_tensors *tensors, const maple_space *space, void **prior,
                               maple_error *error);
    void (*free_prior)(void *prior);
} maple_predictor_vtable;

/* registry.c */
const maple_predictor_vtable *maple_predictor_vtable_at(size_t i); /* NULL beyond the end */
maple_status maple_predictor_find_vtable(const char *name, const maple_predictor_vtable **out,
                                         maple_error *error);

/* "epochs=50,width=128" into values[n_options], defaults for the rest. Errors list the options there are. */
maple_status maple_options_parse(const maple_predictor_vtable *vtable, const char *text, double *values,
                                 maple_error *error);
/* All options with their values, in the form that maple_options_parse reads. */
void maple_options_format(const maple_predictor_vtable *vtable, const double *values, maple_text *out);
/* Both: all options of `text` and the defaults, so that texts of the same meaning become the same. Freed by
 * maple_free. */
maple_status maple_options_complete(const maple_predictor_vtable *vtable, const char *text, char **out,
                                    maple_error *error);

#endif
