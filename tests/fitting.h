/* SPDX-License-Identifier: Apache-2.0 */
/* fitting.h: predictors that must be fitted, and requests that must be refused. */
#ifndef MAPLE_TESTS_FITTING_H
#define MAPLE_TESTS_FITTING_H

#include "maple/predictor.h"
#include "unit.h"

#include <math.h>
#include <string.h>

static inline maple_predictor *fit_or_fail(const char *name, const maple_fit_request *request) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    if (maple_predictor_fit(name, request, &predictor, &error) != MAPLE_OK)
        fail_msg("%s: %s", name, error.message);
    return predictor;
}

static inline void predict_or_fail(const maple_predictor *predictor, const maple_arch *archs, size_t n,
                                   double *out) {
    maple_error error = {.message = ""};
    if (maple_predictor_predict(predictor, archs, n, out, &error) != MAPLE_OK)
        fail_msg("%s: %s", maple_predictor_describe(predictor)->name, error.message);
}

static inline void assert_all_latencies(const double *latency_ms, size_t n) {
    for (size_t i = 0; i < n; i++)
        assert_true(isfinite(latency_ms[i]) && latency_ms[i] > 0);
}

/* Every prediction is a latency. */
static inline void fit_and_predict(const char *name, const maple_fit_request *request,
                                   const maple_arch *archs, size_t n, double *out) {
    maple_predictor *predictor = fit_or_fail(name, request);
    predict_or_fail(predictor, archs, n, out);
    maple_predictor_free(predictor);
    assert_all_latencies(out, n);
}

/* The fit must fail with this status and a message that holds `part`. */
static inline void assert_refused(const char *name, const maple_fit_request *request, maple_status status,
                                  const char *part) {
    maple_predictor *predictor = NULL;
    maple_error error = {.message = ""};
    assert_int_equal(maple_predictor_fit(name, request, &predictor, &error), status);
    assert_null(predictor);
    if (!strstr(error.message, part))
        fail_msg("%s: '%s' is not in '%s'", name, part, error.message);
    assert_int_equal(error.status, status);
}

/* maple_hooks.cancelled: at the first question. */
static inline bool cancel_now(void *user) {
    (void)user;
    return true;
}

#endif
