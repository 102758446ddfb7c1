/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypotheses that `gp` mixes. One half of the prior belongs to devices like the sources: what each source
 * would have needed to be predicted from the others (gp_learn.c), and random changes of that. The other half
 * to devices unlike any: latency a share of what counts work, and structured features with weights spread
 * over the ranges below, of which in one half of the hypotheses whole groups play (nearly) no part.
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
static const double CHANGE_SD = 1; /* of the logarithm, around what was learned */
static const double LIKE_SOURCES = 0.5;

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
static const double LEFT_OUT = 0.02;       /* of its weight */
static const double SPREAD[] = {0.1, 0.4}; /* standard deviation of all groups together */
static const double OFFSET[] = {0.3, 4};   /* variance of the offset over theirs */
static const double NOISE[] = {1e-6, 3e-2}, FLOOR[] = {1e-7, 1e-2};
static const double SHARES[] = {0, 0.5, 0.75, 0.75, 0.9};
enum { N_SHARES = sizeof SHARES / sizeof *SHARES };

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
    double variance = pow(between(SPREAD[0], SPREAD[1], halton(i, N_RANGES)), 2);
    for (int r = 0; r < N_RANGES; r++)
        p[RANGES[r].parameter] *= variance / sum;
    p[GP_OFFSET] = variance * between(OFFSET[0], OFFSET[1], halton(i, N_RANGES + 1));
    p[GP_NOISE] = between(NOISE[0], NOISE[1], halton(i, N_RANGES + 2));
    p[GP_FLOOR] = between(FLOOR[0], FLOOR[1], halton(i, N_RANGES + 3));
    h.share = SHARES[(size_t)(N_SHARES * halton(i, N_RANGES + 4))];
    return h;
}

/* --- All --- */

maple_status gp_hypotheses_create(const double *learned, size_t n_learned, gp_hypothesis **out, size_t *n,
                                  maple_error *error) {
    size_t near = n_learned > NEAR_SOURCES ? n_learned : NEAR_SOURCES, total = near + 2 * UNLIKE;
    gp_hypothesis *h = maple_alloc(total, sizeof *h);
    if (!h)
        return maple_error_memory(error);
    maple_rng rng = maple_rng_seed(1);
    for (size_t i = 0; i < near; i++) {
        h[i] =
            (gp_hypothesis){.shape = GP_LIKE_POOL, .share = 1, .log_prior = log(LIKE_SOURCES / (double)near)};
        for (int p = 0; p < GP_PARAMETERS; p++) {
            double change = i < n_learned ? 0 : CHANGE_SD * maple_rng_normal(&rng);
            h[i].parameter[p] = exp(learned[(i % n_learned) * GP_PARAMETERS + (size_t)p] + change);
        }
    }
    for (size_t i = 0; i < 2 * UNLIKE; i++) {
        h[near + i] = unlike(i % UNLIKE, i >= UNLIKE, &rng);
        h[near + i].log_prior = log((1 - LIKE_SOURCES) / (2 * UNLIKE));
    }
    *out = h;
    *n = total;
    return MAPLE_OK;
}
