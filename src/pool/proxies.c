/* SPDX-License-Identifier: Apache-2.0 */
/* Zero-cost proxies as the inputs of samplers and predictors. */
#include "pool/proxies.h"

#include <math.h>
#include <string.h>

/* NASFLAT's normalisation of the proxies over the whole table: those that span orders of magnitude by
 * log(1 + x), then to [0, 1]; grasp, which has both signs and outliers, standardised; the rest to [0, 1]. */
typedef enum normalisation { RANGE, LOG_RANGE, STANDARD } normalisation;

static const struct {
    const char *name;
    normalisation how;
} PROXIES[MAPLE_PROXIES] = {
    {"zcp_epe_nas", RANGE},       {"zcp_fisher", LOG_RANGE}, {"zcp_flops", LOG_RANGE},
    {"zcp_grad_norm", LOG_RANGE}, {"zcp_grasp", STANDARD},   {"zcp_jacov", RANGE},
    {"zcp_l2_norm", RANGE},       {"zcp_nwot", RANGE},       {"zcp_params", LOG_RANGE},
    {"zcp_plain", RANGE},         {"zcp_snip", LOG_RANGE},   {"zcp_synflow", LOG_RANGE},
    {"zcp_zen", RANGE},
};

static const double *find_score(const maple_dataset *dataset, const char *name) {
    for (size_t i = 0; i < dataset->n_scores; i++) {
        if (strcmp(dataset->scores[i].name, name) == 0)
            return dataset->scores[i].value;
    }
    return NULL;
}

maple_status maple_proxies_check(const maple_dataset *dataset, maple_error *error) {
    maple_text missing = {0};
    for (size_t i = 0; i < MAPLE_PROXIES; i++) {
        if (!find_score(dataset, PROXIES[i].name))
            maple_text_addf(&missing, "%s%s", missing.data ? ", " : "", PROXIES[i].name);
    }
    maple_status status = missing.failed ? maple_error_memory(error) : MAPLE_OK;
    if (status == MAPLE_OK && missing.data)
        status =
            maple_error_set(error, MAPLE_NOT_FOUND,
                            "zero-cost proxies are scores of %s that the pool lacks: %s; import them: "
                            "maple pool import zcp FILE --space %s",
                            maple_space_name(dataset->space), missing.data, maple_space_name(dataset->space));
    maple_text_free(&missing);
    return status;
}

static double transformed(double value, normalisation how) {
    return how == LOG_RANGE ? log1p(value) : value;
}

/* Column `c` of out; the range is that of all rows of the dataset that have the score. */
static void encode_proxy(const maple_dataset *dataset, size_t c, const size_t *rows, size_t n, double *out) {
    const double *value = find_score(dataset, PROXIES[c].name);
    normalisation how = PROXIES[c].how;
    double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, count = 0;
    for (size_t i = 0; i < dataset->n_archs; i++) {
        double x = transformed(value[i], how);
        if (!isfinite(x))
            continue;
        low = fmin(low, x);
        high = fmax(high, x);
        sum += x;
        count++;
    }
    double mean = sum / count;
    for (size_t i = 0; how == STANDARD && i < dataset->n_archs; i++) {
        if (isfinite(value[i]))
            squares += (value[i] - mean) * (value[i] - mean);
    }
    double origin = how == STANDARD ? mean : low;
    double scale = how == STANDARD ? sqrt(squares / count) : high - low;
    for (size_t i = 0; i < n; i++) {
        double x = transformed(value[rows ? rows[i] : i], how);
        out[i * MAPLE_PROXIES + c] = scale > 0 ? (x - origin) / scale : 0;
    }
}

static maple_status check_scored(const maple_dataset *dataset, const size_t *rows, size_t n,
                                 maple_error *error) {
    for (size_t c = 0; c < MAPLE_PROXIES; c++) {
        const double *value = find_score(dataset, PROXIES[c].name);
        size_t missing = 0;
        for (size_t i = 0; i < n; i++)
            missing += isfinite(transformed(value[rows ? rows[i] : i], PROXIES[c].how)) ? 0 : 1;
        if (missing > 0)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "%zu of %zu architectures have no usable %s; import a complete table, or "
                                   "go without zero-cost proxies",
                                   missing, n, PROXIES[c].name);
    }
    return MAPLE_OK;
}

maple_status maple_proxies_encode(const maple_dataset *dataset, const size_t *rows, size_t n, double *out,
                                  maple_error *error) {
    maple_status status = maple_proxies_check(dataset, error);
    if (status == MAPLE_OK)
        status = check_scored(dataset, rows, n, error);
    for (size_t c = 0; status == MAPLE_OK && c < MAPLE_PROXIES; c++)
        encode_proxy(dataset, c, rows, n, out);
    return status;
}
