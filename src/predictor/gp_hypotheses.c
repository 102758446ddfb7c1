/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypotheses that `gp` mixes. One part of the prior belongs to devices like the sources: what each source
 * would have needed to be predicted from the others (gp_learn.c), and random changes of that. Another
 * part to devices unlike any: latency a share of what counts work, and structured features with weights
 * spread over the ranges below, of which in one half of the hypotheses whole groups play (nearly) no part.
 */
#include "predictor/gp_model.h"

#include <math.h>
#include <string.h>

#define GROUP(name) (GP_FIRST_GROUP + MAPLE_FEATURE_##name)

/* Logarithms of .1, .1, .03, ... */
const double GP_LOG_CENTRE[GP_PARAMETERS] = {
    [GP_POOL] = -2.303,      [GP_OFFSET] = -2.303,        [GROUP(COUNT)] = -3.507, [GROUP(REACHING)] = -3.507,
    [GROUP(LIVE)] = -5.809,  [GROUP(STRUCTURE)] = -4.605, [GROUP(COST)] = -3.507,  [GROUP(SLOT)] = -5.809,
    [GROUP(STAGE)] = -4.605, [GP_NOISE] = -5.809,         [GP_FLOOR] = -8.112,
};
const double GP_LOG_SD = 2;

enum {
    NEAR_SOURCES = 128, /* at least one for each source */
    UNLIKE = 128,       /* of each of the two kinds */
};
static const double CHANGE_SD = 1;      /* of the logarithm, around what was learned */
static const double LIKE_SOURCES = 0.4; /* of what is left to them by LIKE_TABLE */
static const double LIKE_TABLE = 0.9;   /* where the target has a look-up table */

/* --- Devices unlike any source --- */

/* Relative weights of the blocks; then the variance of all of them together, and the rest. */
typedef struct range {
    int parameter;
    double least, most;
    double left_out; /* probability that the group plays no part, in the sparse half */
} range;

static const range RANGES[] = {
    {GROUP(COUNT), 0.03, 1, 0.25},  {GROUP(REACHING), 0.01, 1, 0.5}, {GROUP(STRUCTURE), 0.01, 0.3, 0.5},
    {GROUP(STAGE), 0.01, 0.3, 0.5}, {GROUP(COST), 0.1, 3, 0},        {GROUP(SLOT), 0.003, 0.03, 0.5},
    {GROUP(LIVE), 0.003, 0.1, 0.5}, {GP_POOL, 0.01, 1, 0.5},
};
enum { N_RANGES = sizeof RANGES / sizeof *RANGES };
static const double LEFT_OUT = 0.02; /* of its weight */
/* Standard deviation of all groups together: where some are left out, and where all play a part. */
static const double SPREAD[] = {0.1, 0.4}, WIDE[] = {0.2, 0.6};
static const double OFFSET[] = {0.3, 4}; /* variance of the offset over theirs */
static const double NOISE[] = {1e-6, 3e-2}, FLOOR[] = {1e-7, 1e-2};
static const double SHARE = 0.75, FLAT = 0.05; /* of the hypotheses have no share in proportion to work */

/* The i-th number of a sequence that fills [0, 1) evenly in every dimension (Halton, 1960). */
static double halton(size_t i, int dimension) {
    static const int PRIMES[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41};
    double value = 0, share = 1;
    for (i++; i > 0; i /= (size_t)PRIMES[dimension]) {
        share /= PRIMES[dimension];
        value += share * (double)(i % (size_t)PRIMES[dimension]);
    }
    return value;
}

static double between(double least, double most, double place) {
    return least * pow(most / least, place);
}

static gp_hypothesis unlike(size_t i, bool sparse, maple_rng *rng) {
    gp_hypothesis h = {.shape = GP_LIKE_COST};
    double sum = 0, *p = h.parameter;
    for (int r = 0; r < N_RANGES; r++) {
        p[RANGES[r].parameter] = between(RANGES[r].least, RANGES[r].most, halton(i, r));
        if (maple_rng_uniform(rng) < RANGES[r].left_out && sparse)
            p[RANGES[r].parameter] *= LEFT_OUT;
        sum += p[RANGES[r].parameter];
    }
    if (!sparse) { /* the target alone */
        sum -= (1 - LEFT_OUT) * p[GP_POOL];
        p[GP_POOL] *= LEFT_OUT;
    }
    const double *spread = sparse ? SPREAD : WIDE;
    double variance = pow(between(spread[0], spread[1], halton(i, N_RANGES)), 2);
    for (int r = 0; r < N_RANGES; r++)
        p[RANGES[r].parameter] *= variance / sum;
    p[GP_OFFSET] = variance * (sparse ? between(OFFSET[0], OFFSET[1], halton(i, N_RANGES + 1)) : OFFSET[1]);
    p[GP_NOISE] = between(NOISE[0], NOISE[1], halton(i, N_RANGES + 2));
    p[GP_FLOOR] = between(FLOOR[0], FLOOR[1], halton(i, N_RANGES + 3));
    h.share = halton(i, N_RANGES + 4) < FLAT ? 0 : SHARE;
    return h;
}

/* --- Devices like the sources --- */

/* h[n_h], share `mass` of the prior: what was learned, and the same with random changes. */
static void like(const double *learned, size_t n_learned, gp_shape shape, double mass, maple_rng *rng,
                 gp_hypothesis *h, size_t n_h) {
    for (size_t i = 0; i < n_h; i++) {
        h[i] = (gp_hypothesis){.shape = shape, .share = 1, .log_prior = log(mass / (double)n_h)};
        for (int p = 0; p < GP_PARAMETERS; p++) {
            double change = i < n_learned ? 0 : CHANGE_SD * maple_rng_normal(rng);
            h[i].parameter[p] = exp(learned[(i % n_learned) * GP_PARAMETERS + (size_t)p] + change);
        }
    }
}

static size_t at_least(size_t n) {
    return n > NEAR_SOURCES ? n : NEAR_SOURCES;
}

maple_status gp_hypotheses_create(const double *like_pool, size_t n_pool, const double *like_table,
                                  size_t n_table, bool table_alone, gp_hypothesis **out, size_t *n,
                                  maple_error *error) {
    size_t pool = at_least(n_pool), table = like_table ? at_least(n_table) : 0;
    gp_hypothesis *h = maple_alloc(pool + table + 2 * UNLIKE, sizeof *h);
    if (!h)
        return maple_error_memory(error);
    maple_rng rng = maple_rng_seed(1);
    double left = !like_table ? 1 : table_alone ? 0 : 1 - LIKE_TABLE;
    like(like_pool, n_pool, GP_LIKE_POOL, left * LIKE_SOURCES, &rng, h, pool);
    for (size_t i = 0; i < 2 * UNLIKE; i++) {
        h[pool + i] = unlike(i % UNLIKE, i >= UNLIKE, &rng);
        h[pool + i].log_prior = log(left * (1 - LIKE_SOURCES) / (2 * UNLIKE));
    }
    if (table > 0)
        like(like_table, n_table, GP_LIKE_TABLE, 1 - left, &rng, h + pool + 2 * UNLIKE, table);
    *out = h;
    *n = pool + table + 2 * UNLIKE;
    return MAPLE_OK;
}
