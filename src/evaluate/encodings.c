/* SPDX-License-Identifier: Apache-2.0 */
/* Architectures as vectors, for samplers that look for different ones. */
#include "evaluate/samplers.h"
#include "pool/proxies.h"

#include <math.h>
#include <string.h>

const char *maple_encoding_name(maple_encoding encoding) {
    static const char *const NAMES[MAPLE_ENCODINGS] = {"one-hot", "features", "zcp"};
    return (unsigned)encoding < MAPLE_ENCODINGS ? NAMES[encoding] : NULL;
}

maple_status maple_encoding_check(const maple_dataset *dataset, maple_encoding encoding, maple_error *error) {
    if (encoding != MAPLE_ENCODE_ZCP)
        return MAPLE_OK;
    maple_status status = maple_proxies_check(dataset, error);
    return status == MAPLE_OK ? MAPLE_OK : maple_error_prefix(error, status, "encoding zcp");
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
    return MAPLE_PROXIES;
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
        status = maple_proxies_encode(dataset, rows, n, table, error);
        if (status != MAPLE_OK)
            maple_error_prefix(error, status, "encoding zcp");
    }
    if (status != MAPLE_OK) {
        maple_free(table);
        return status;
    }
    *out = table;
    *dimensions = d;
    return MAPLE_OK;
}
