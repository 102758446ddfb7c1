/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypotheses that `gp` mixes. One part of the prior belongs to devices like the sources: what each source
 * would have needed to be predicted from the others (gp_learn.c), and random changes of that; or like one of
 * them, and nearer to it. Another part to devices unlike any: latency a share of what counts work, and
 * structured features with weights spread over the ranges below, of which in one kind whole groups play
 * (nearly) no part.
 */
#include "predictor/gp_model.h"

#include <math.h>
#include <string.h>

#define GROUP(name) (GP_FIRST_GROUP + MAPLE_FEATURE_##name)

/* Logarithms of .1, 2, .03, ... */
const double GP_LOG_CENTRE[GP_PARAMETERS] = {
    [GP_POOL] = -2.303,      [GP_OFFSET] = 0.693,         [GROUP(COUNT)] = -3.507, [GROUP(REACHING)] = -3.507,
    [GROUP(LIVE)] = -5.809,  [GROUP(STRUCTURE)] = -4.605, [GROUP(COST)] = -3.507,  [GROUP(SLOT)] = -5.809,
    [GROUP(STAGE)] = -4.605, [GP_NOISE] = -5.809,         [GP_FLOOR] = -8.112,
};
const double GP_LOG_SD = 2;

enum {
    NEAR_SOURCES = 256, /* of each kind; at least one for each source, and for each table */
    NEAR_TABLES = 128,
    UNLIKE = 128, /* of each of the two kinds */
};
static const double CHANGE_SD = 1;    /* of the logarithm, around what was learned */
static const double LIKE_TABLE = 0.9; /* where the target has a look-up table; of what is left: */
static const double LIKE_POOL = 0.03, LIKE_ONE = 0.07, SPARSE = 0.18, DENSE = 0.72;
/* A device like one source differs less from it than sources do from others: weights of the groups. */
static const double NEARER[] = {0.03, 0.3};

/* --- Devices unlike any source --- */

/* Relative weights of the blocks; then the variance of all of them together, and the rest. */
typedef struct range {
    int parameter;
    double least, most;
    bool either;     /* one of the two, nothing between */
    double left_out; /* probability that the group plays no part, in the sparse half */
} range;

static const range RANGES[] = {
    {GROUP(COUNT), 0.03, 1, true, 0.25},       {GROUP(REACHING), 0.0001, 1, true, 0.5},
    {GROUP(STRUCTURE), 0.01, 0.3, false, 0.5}, {GROUP(STAGE), 0.01, 0.3, false, 0.5},
    {GROUP(COST), 0.1, 3, false, 0},           {GROUP(SLOT), 0.003, 0.03, false, 0.5},
    {GROUP(LIVE), 0.01, 0.01, false, 0.5},     {GP_POOL, 0.01, 1, false, 0.5},
};
enum { N_RANGES = sizeof RANGES / sizeof *RANGES };
static const double LEFT_OUT = 0.02; /* of its weight */
/* Standard deviation of all groups together: where some are left out, and where all play a part. */
static const double SPREAD[] = {0.1, 0.4}, WIDE[] = {0.2, 0.6};
static const double OFFSET[] = {0.3, 4}; /* variance of the offset over theirs */
static const double NOISE[] = {1e-5, 5e-2}, FLOOR[] = {1e-7, 1e-2};
static const double SHARE = 0.75; /* of the latency in proportion to work */

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
    gp_hypothesis h = {.shape = GP_LIKE_COST, .share = SHARE};
    double sum = 0, *p = h.parameter;
    for (int r = 0; r < N_RANGES; r++) {
        double place = halton(i, r);
        if (RANGES[r].either)
            place = place < 0.5 ? 0 : 1;
        p[RANGES[r].parameter] = between(RANGES[r].least, RANGES[r].most, place);
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
    return h;
}

/* --- Devices like the sources --- */

/* log parameters of what was learned, [n, GP_PARAMETERS] */
typedef struct lessons {
    const double *log;
    size_t n;
} lessons;

static size_t greater(size_t a, size_t b) {
    return a > b ? a : b;
}

/* h[n], share `mass` of the prior: what was learned, and the same with random changes. */
static void like_all(lessons learned, size_t shape, double mass, maple_rng *rng, gp_hypothesis *h, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double *from = learned.log + i % learned.n * GP_PARAMETERS;
        h[i] = (gp_hypothesis){.shape = shape, .share = 1, .log_prior = log(mass / (double)n)};
        for (int p = 0; p < GP_PARAMETERS; p++)
            h[i].parameter[p] = exp(from[p] + (i < learned.n ? 0 : CHANGE_SD * maple_rng_normal(rng)));
    }
}

/* The same around each of the shapes [first, first + n_shapes) in turn, with what was learned from any, and
 * nearer. */
static void like_one(lessons learned, size_t first, size_t n_shapes, double mass, maple_rng *rng,
                     gp_hypothesis *h, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const double *from = learned.log + maple_rng_below(rng, learned.n) * GP_PARAMETERS;
        double nearer = between(NEARER[0], NEARER[1], maple_rng_uniform(rng));
        h[i] = (gp_hypothesis){.shape = first + i % n_shapes, .share = 1, .log_prior = log(mass / (double)n)};
        for (int p = 0; p < GP_PARAMETERS; p++)
            h[i].parameter[p] =
                exp(from[p] + CHANGE_SD * maple_rng_normal(rng)) * (p < GP_NOISE ? nearer : 1);
    }
}

static void list_unlike(double left, maple_rng *rng, gp_hypothesis *h) {
    for (size_t i = 0; i < 2 * UNLIKE; i++) {
        bool sparse = i >= UNLIKE;
        h[i] = unlike(i % UNLIKE, sparse, rng);
        h[i].log_prior = log(left * (sparse ? SPARSE : DENSE) / UNLIKE);
    }
}

maple_status gp_hypotheses_create(const gp_view *view, const double *like_pool, size_t n_pool,
                                  const double *like_table, size_t n_table, bool table_alone,
                                  gp_hypothesis **out, size_t *n, maple_error *error) {
    lessons pool = {like_pool, n_pool}, table = {like_table, n_table};
    size_t near_pool = greater(greater(n_pool, view->n), NEAR_SOURCES);
    size_t near_table = like_table ? greater(greater(n_table, view->n_tables), NEAR_TABLES) : 0;
    *n = 2 * near_pool + 2 * UNLIKE + 2 * near_table;
    gp_hypothesis *h = *out = maple_alloc(*n, sizeof *h);
    if (!h)
        return maple_error_memory(error);
    maple_rng rng = maple_rng_seed(1);
    double by_table = !like_table ? 0 : table_alone ? 1 : LIKE_TABLE, left = 1 - by_table;
    like_all(pool, GP_LIKE_POOL, left * LIKE_POOL, &rng, h, near_pool);
    h += near_pool;
    like_one(pool, GP_LIKE_SOURCE, view->n, left * LIKE_ONE, &rng, h, near_pool);
    h += near_pool;
    list_unlike(left, &rng, h);
    h += 2 * UNLIKE;
    if (like_table) {
        like_all(table, GP_LIKE_TABLE, by_table / 2, &rng, h, near_table);
        like_one(table, GP_LIKE_SOURCE + view->n, view->n_tables, by_table / 2, &rng, h + near_table,
                 near_table);
    }
    return MAPLE_OK;
}
