/* SPDX-License-Identifier: Apache-2.0 */
/* Architectures as vectors, for samplers that look for different ones. */
#include "evaluate/samplers.h"

#include <math.h>
#include <string.h>

/* NASFLAT's normalisation of the proxies over the whole table: those that span orders of magnitude by
 * log(1 + x), then to [0, 1]; grasp, which has both signs and outliers, standardised; the rest to [0, 1]. */
typedef enum normalisation { RANGE, LOG_RANGE, STANDARD } normalisation;

static const struct {
    const char *name;
    normalisation how;
} PROXIES[] = {
    {"zcp_epe_nas", RANGE},       {"zcp_fisher", LOG_RANGE}, {"zcp_flops", LOG_RANGE},
    {"zcp_grad_norm", LOG_RANGE}, {"zcp_grasp", STANDARD},   {"zcp_jacov", RANGE},
    {"zcp_l2_norm", RANGE},       {"zcp_nwot", RANGE},       {"zcp_params", LOG_RANGE},
    {"zcp_plain", RANGE},         {"zcp_snip", LOG_RANGE},   {"zcp_synflow", LOG_RANGE},
    {"zcp_zen", RANGE},
};
#define N_PROXIES (sizeof PROXIES / sizeof *PROXIES)

const char *maple_encoding_name(maple_encoding encoding) {
    static const char *const NAMES[MAPLE_ENCODINGS] = {"one-hot", "features", "zcp"};
    return (unsigned)encoding < MAPLE_ENCODINGS ? NAMES[encoding] : NULL;
}

static const double *find_score(const maple_dataset *dataset, const char *name) {
    for (size_t i = 0; i < dataset->n_scores; i++) {
        if (strcmp(dataset->scores[i].name, name) == 0)
            return dataset->scores[i].value;
    }
    return NULL;
}

maple_status maple_encoding_check(const maple_dataset *dataset, maple_encoding encoding, maple_error *error) {
    if (encoding != MAPLE_ENCODE_ZCP)
        return MAPLE_OK;
    maple_text missing = {0};
    for (size_t i = 0; i < N_PROXIES; i++) {
        if (!find_score(dataset, PROXIES[i].name))
            maple_text_addf(&missing, "%s%s", missing.data ? ", " : "", PROXIES[i].name);
    }
    maple_status status = missing.failed ? maple_error_memory(error) : MAPLE_OK;
    if (status == MAPLE_OK && missing.data)
        status =
            maple_error_set(error, MAPLE_NOT_FOUND,
                            "encoding zcp needs scores of %s that the pool lacks: %s; import them: "
                            "maple pool import zcp FILE --space %s",
                            maple_space_name(dataset->space), missing.data, maple_space_name(dataset->space));
    maple_text_free(&missing);
    return status;
}

/* Standardises each column of table[n x d]; a constant one becomes 0. */
static void standardise(double *table, size_t n, size_t d) {
    for (size_t c = 0; c < d; c++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            sum += table[i * d + c];
        double mean = sum / (double)n;
        for (size_t i = 0; i < n; i++)
            squares += (table[i * d + c] - mean) * (table[i * d + c] - mean);
        double sd = sqrt(squares / (double)n);
        bool constant = !(sd > 1e-12 * fabs(mean));
        for (size_t i = 0; i < n; i++)
            table[i * d + c] = constant ? 0 : (table[i * d + c] - mean) / sd;
    }
}

/* Standardised over all architectures of the dataset, so that the same one has the same encoding for every
 * platform of a form; then the rows that are wanted. */
static maple_status encode_features(const maple_dataset *dataset, maple_graph_form form, const size_t *rows,
                                    size_t n, double *out, maple_error *error) {
    size_t d = maple_space_features(dataset->space);
    double *table = maple_alloc(dataset->n_archs, d * sizeof *table);
    if (!table)
        return maple_error_memory(error);
    for (size_t i = 0; i < dataset->n_archs; i++) {
        maple_arch arch = maple_space_canonical(dataset->space, form, &dataset->archs[i]);
        maple_space_feature_values(dataset->space, &arch, table + i * d);
    }
    standardise(table, dataset->n_archs, d);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * d, table + rows[i] * d, d * sizeof *out);
    maple_free(table);
    return MAPLE_OK;
}

/* out[n x positions x ops] is zero. */
static void encode_one_hot(const maple_dataset *dataset, maple_graph_form form, const size_t *rows, size_t n,
                           double *out) {
    size_t ops = (size_t)maple_space_ops(dataset->space);
    size_t positions = (size_t)maple_space_positions(dataset->space);
    for (size_t i = 0; i < n; i++) {
        maple_arch arch = maple_space_canonical(dataset->space, form, &dataset->archs[rows[i]]);
        for (size_t p = 0; p < positions; p++)
            out[(i * positions + p) * ops + arch.op[p]] = 1;
    }
}

static double transformed(double value, normalisation how) {
    return how == LOG_RANGE ? log1p(value) : value;
}

/* Column `c` of out[n x N_PROXIES]; the range is that of all rows of the dataset that have the score. */
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
    for (size_t i = 0; i < n; i++)
        out[i * N_PROXIES + c] = scale > 0 ? (transformed(value[rows[i]], how) - origin) / scale : 0;
}

static maple_status check_scored(const maple_dataset *dataset, const size_t *rows, size_t n,
                                 maple_error *error) {
    for (size_t c = 0; c < N_PROXIES; c++) {
        const double *value = find_score(dataset, PROXIES[c].name);
        size_t missing = 0;
        for (size_t i = 0; i < n; i++)
            missing += isfinite(transformed(value[rows[i]], PROXIES[c].how)) ? 0 : 1;
        if (missing > 0)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "encoding zcp: %zu of %zu architectures have no usable %s; import a "
                                   "complete table, or use another encoding",
                                   missing, n, PROXIES[c].name);
    }
    return MAPLE_OK;
}

static size_t width(const maple_space *space, maple_encoding encoding) {
    switch (encoding) {
    case MAPLE_ENCODE_ONE_HOT:
        return (size_t)maple_space_positions(space) * (size_t)maple_space_ops(space);
    case MAPLE_ENCODE_FEATURES:
        return maple_space_features(space);
    case MAPLE_ENCODE_ZCP:
    case MAPLE_ENCODINGS:
        break;
    }
    return N_PROXIES;
}

maple_status maple_encode(const maple_dataset *dataset, maple_encoding encoding, maple_graph_form form,
                          const size_t *rows, size_t n, double **out, size_t *dimensions,
                          maple_error *error) {
    size_t d = width(dataset->space, encoding);
    maple_status status = maple_encoding_check(dataset, encoding, error);
    if (status != MAPLE_OK)
        return status;
    double *table = maple_alloc(n, d * sizeof *table);
    if (!table)
        return maple_error_memory(error);
    if (encoding == MAPLE_ENCODE_ONE_HOT) {
        encode_one_hot(dataset, form, rows, n, table);
    } else if (encoding == MAPLE_ENCODE_FEATURES) {
        status = encode_features(dataset, form, rows, n, table, error);
    } else {
        status = check_scored(dataset, rows, n, error);
        for (size_t c = 0; status == MAPLE_OK && c < N_PROXIES; c++)
            encode_proxy(dataset, c, rows, n, table);
    }
    if (status != MAPLE_OK) {
        maple_free(table);
        return status;
    }
    *out = table;
    *dimensions = d;
    return MAPLE_OK;
}
