/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k-means. |x - c|^2 = |x|^2 - 2 x c + |c|^2, and |x|^2 is the same for every centre, so that one matrix
 * product gives all that is compared.
 */
#include "evaluate/samplers.h"
#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

enum { STARTS = 4, MAX_ITERATIONS = 50 };

typedef struct kmeans {
    const double *points;
    size_t n, d, k;
    double *centres;  /* [k x d] */
    double *products; /* [n x k] */
    double *norms;    /* [n]: |x|^2 */
    double *distance; /* [n]: squared, to the nearest centre */
    size_t *cluster;  /* [n] */
    size_t *members;  /* [k] */
} kmeans;

static double squared_distance(const double *a, const double *b, size_t d) {
    double sum = 0;
    for (size_t i = 0; i < d; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* A point drawn with probability proportional to its distance; uniform where all are 0. */
static size_t draw_point(const kmeans *m, maple_rng *rng) {
    double sum = 0;
    for (size_t i = 0; i < m->n; i++)
        sum += m->distance[i];
    if (!(sum > 0))
        return (size_t)maple_rng_below(rng, m->n);
    double left = maple_rng_uniform(rng) * sum;
    size_t last = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (m->distance[i] > 0)
            last = i;
        left -= m->distance[i];
        if (left < 0)
            return last;
    }
    return last; /* rounding: the last one that can be drawn */
}

static void choose_centres(kmeans *m, maple_rng *rng) {
    for (size_t c = 0; c < m->k; c++) {
        size_t chosen = c == 0 ? (size_t)maple_rng_below(rng, m->n) : draw_point(m, rng);
        const double *centre = m->points + chosen * m->d;
        memcpy(m->centres + c * m->d, centre, m->d * sizeof *centre);
        for (size_t i = 0; i < m->n; i++) {
            double distance = squared_distance(m->points + i * m->d, centre, m->d);
            m->distance[i] = c == 0 ? distance : fmin(m->distance[i], distance);
        }
    }
}

/* Each point to its nearest centre, the first of equal ones; true where one has moved. */
static bool assign(kmeans *m) {
    bool moved = false;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)m->n, (int)m->k, (int)m->d, -2, m->points,
                (int)m->d, m->centres, (int)m->d, 0, m->products, (int)m->k);
    double *norms = m->norms + m->n; /* of the centres */
    for (size_t c = 0; c < m->k; c++)
        norms[c] = cblas_ddot((int)m->d, m->centres + c * m->d, 1, m->centres + c * m->d, 1);
    for (size_t i = 0; i < m->n; i++) {
        const double *row = m->products + i * m->k;
        size_t nearest = 0;
        for (size_t c = 1; c < m->k; c++) {
            if (row[c] + norms[c] < row[nearest] + norms[nearest])
                nearest = c;
        }
        moved = moved || m->cluster[i] != nearest;
        m->cluster[i] = nearest;
        m->distance[i] = fmax(0, m->norms[i] + row[nearest] + norms[nearest]);
    }
    return moved;
}

/* Centres to the means of their points. An empty cluster takes the point that is farthest from its centre. */
static void move_centres(kmeans *m) {
    memset(m->centres, 0, m->k * m->d * sizeof *m->centres);
    memset(m->members, 0, m->k * sizeof *m->members);
    for (size_t i = 0; i < m->n; i++) {
        m->members[m->cluster[i]]++;
        cblas_daxpy((int)m->d, 1, m->points + i * m->d, 1, m->centres + m->cluster[i] * m->d, 1);
    }
    for (size_t c = 0; c < m->k; c++) {
        double *centre = m->centres + c * m->d;
        if (m->members[c] > 0) {
            cblas_dscal((int)m->d, 1 / (double)m->members[c], centre, 1);
            continue;
        }
        size_t farthest = 0;
        for (size_t i = 1; i < m->n; i++) {
            if (m->distance[i] > m->distance[farthest])
                farthest = i;
        }
        memcpy(centre, m->points + farthest * m->d, m->d * sizeof *centre);
        m->distance[farthest] = 0;
    }
}

static double run(kmeans *m, maple_rng *rng) {
    choose_centres(m, rng);
    for (size_t i = 0; i < m->n; i++)
        m->cluster[i] = SIZE_MAX;
    for (int i = 0; assign(m) && i < MAX_ITERATIONS; i++)
        move_centres(m);
    double inertia = 0;
    for (size_t i = 0; i < m->n; i++)
        inertia += m->distance[i];
    return inertia;
}

maple_status maple_kmeans(const double *points, size_t n, size_t dimensions, size_t k, maple_rng *rng,
                          size_t *cluster, maple_error *error) {
    kmeans m = {.points = points, .n = n, .d = dimensions, .k = k};
    m.centres = maple_alloc(k, dimensions * sizeof(double));
    m.products = maple_alloc(n, k * sizeof(double));
    m.norms = maple_alloc(n + k, sizeof(double));
    m.distance = maple_alloc(n, sizeof(double));
    m.cluster = maple_alloc(n, sizeof(size_t));
    m.members = maple_alloc(k, sizeof(size_t));
    bool fine = m.centres && m.products && m.norms && m.distance && m.cluster && m.members;
    double best = INFINITY;
    if (fine) {
        nn_blas_enter();
        for (size_t i = 0; i < n; i++)
            m.norms[i] = cblas_ddot((int)dimensions, points + i * dimensions, 1, points + i * dimensions, 1);
        for (int start = 0; start < STARTS; start++) {
            double inertia = run(&m, rng);
            if (start == 0 || inertia < best) {
                best = inertia;
                memcpy(cluster, m.cluster, n * sizeof *cluster);
            }
        }
        nn_blas_leave();
    }
    maple_free(m.centres);
    maple_free(m.products);
    maple_free(m.norms);
    maple_free(m.distance);
    maple_free(m.cluster);
    maple_free(m.members);
    return fine ? MAPLE_OK : maple_error_memory(error);
}
