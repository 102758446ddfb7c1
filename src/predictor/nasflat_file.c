/* SPDX-License-Identifier: Apache-2.0 */
/* Files of models of `nasflat`, before and after a target. */
#include "pool/proxies.h"
#include "predictor/nasflat.h"

#include <math.h>

enum { SHAPE_DEVICES, SHAPE_PROXIES, SHAPE_GNN, SHAPE_HARDWARE, SHAPE_POSITIONS, SHAPE_CHAIN, SHAPE_SIZE };
enum { MOST_DEVICES = 4096 };

static maple_status save_proxies(const maple_nasflat_prior *p, maple_tensors *tensors, maple_error *error) {
    float *codes = maple_alloc(p->n_archs * MAPLE_MAX_POSITIONS, sizeof *codes);
    if (!codes)
        return maple_error_memory(error);
    for (size_t i = 0; i < p->n_archs; i++)
        for (size_t c = 0; c < MAPLE_MAX_POSITIONS; c++)
            codes[i * MAPLE_MAX_POSITIONS + c] = p->archs[i].op[c];
    maple_status status =
        maple_tensors_add(tensors, "archs", MAPLE_F32, p->n_archs, MAPLE_MAX_POSITIONS, codes, error);
    maple_free(codes);
    return status == MAPLE_OK ? maple_tensors_add(tensors, "proxies", MAPLE_F32, p->n_archs, p->shape.proxies,
                                                  p->proxies, error)
                              : status;
}

maple_status maple_nasflat_save_prior(const void *prior, maple_tensors *tensors, maple_error *error) {
    const maple_nasflat_prior *p = prior;
    const maple_nasflat_shape *s = &p->shape;
    double shape[SHAPE_SIZE] = {
        [SHAPE_DEVICES] = (double)s->devices, [SHAPE_PROXIES] = (double)s->proxies, [SHAPE_GNN] = s->gnn,
        [SHAPE_HARDWARE] = s->device_in,      [SHAPE_POSITIONS] = s->positions,     [SHAPE_CHAIN] = s->chain};
    size_t count = maple_nasflat_layout(s).offset[NASFLAT_TENSORS];
    maple_status status = maple_tensors_add(tensors, "shape", MAPLE_F64, SHAPE_SIZE, 0, shape, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "parameters", MAPLE_F32, count, 0, p->parameters, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add_text(tensors, "sources", p->sources, error);
    return status == MAPLE_OK && s->proxies > 0 ? save_proxies(p, tensors, error) : status;
}

static bool is_whole(double value, double low, double high) {
    return value >= low && value <= high && value == floor(value);
}

static maple_status load_shape(const maple_tensors *tensors, const maple_space *space,
                               maple_nasflat_shape *out, maple_error *error) {
    double s[SHAPE_SIZE];
    maple_op_graph graph;
    maple_status status = maple_tensors_copy(tensors, "shape", MAPLE_F64, SHAPE_SIZE, 0, s, error);
    if (status != MAPLE_OK)
        return status;
    bool fine = is_whole(s[SHAPE_DEVICES], 1, MOST_DEVICES) &&
                (s[SHAPE_PROXIES] == 0 || s[SHAPE_PROXIES] == MAPLE_PROXIES) &&
                is_whole(s[SHAPE_GNN], NASFLAT_ENSEMBLE, NASFLAT_GAT) && is_whole(s[SHAPE_HARDWARE], 0, 1) &&
                is_whole(s[SHAPE_POSITIONS], 0, 1) && is_whole(s[SHAPE_CHAIN], 0, 1);
    if (!fine)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor 'shape': a network of %g devices, %g proxies, kind %g, %g, %g, %g "
                               "is refused",
                               maple_tensors_path(tensors), s[0], s[1], s[2], s[3], s[4], s[5]);
    maple_space_op_graph(space, &(maple_arch){{0}}, &graph);
    *out = (maple_nasflat_shape){.operators = (size_t)maple_space_ops(space),
                                 .nodes = (size_t)graph.n,
                                 .devices = (size_t)s[SHAPE_DEVICES],
                                 .proxies = (size_t)s[SHAPE_PROXIES],
                                 .gnn = (int)s[SHAPE_GNN],
                                 .device_in = (int)s[SHAPE_HARDWARE],
                                 .positions = s[SHAPE_POSITIONS] != 0,
                                 .chain = s[SHAPE_CHAIN] != 0};
    return MAPLE_OK;
}

/* A copy of a tensor of finite floats. */
static maple_status load_floats(const maple_tensors *tensors, const char *name, size_t rows, size_t columns,
                                float **out, size_t *found, maple_error *error) {
    const void *data;
    maple_status status = maple_tensors_get(tensors, name, MAPLE_F32, rows, columns, &data, found, error);
    if (status != MAPLE_OK)
        return status;
    size_t count = *found * (columns > 0 ? columns : 1);
    *out = maple_alloc_aligned(count, sizeof **out);
    if (!*out)
        return maple_error_memory(error);
    return maple_tensors_copy(tensors, name, MAPLE_F32, *found, columns, *out, error);
}

static maple_status read_archs(const maple_tensors *tensors, const maple_space *space, const float *codes,
                               maple_nasflat_prior *p, maple_error *error) {
    int positions = maple_space_positions(space), ops = maple_space_ops(space);
    for (size_t i = 0; i < p->n_archs; i++)
        for (int c = 0; c < MAPLE_MAX_POSITIONS; c++) {
            double code = (double)codes[i * MAPLE_MAX_POSITIONS + (size_t)c];
            if (!is_whole(code, 0, c < positions ? ops - 1 : 0))
                return maple_error_set(error, MAPLE_BAD_INPUT,
                                       "%s: tensor 'archs': row %zu has an operator %g",
                                       maple_tensors_path(tensors), i, code);
            p->archs[i].op[c] = (uint8_t)code;
        }
    return MAPLE_OK;
}

static maple_status load_proxies(const maple_tensors *tensors, const maple_space *space,
                                 maple_nasflat_prior *p, maple_error *error) {
    float *codes = NULL;
    size_t found;
    maple_status status =
        load_floats(tensors, "archs", MAPLE_ANY_ROWS, MAPLE_MAX_POSITIONS, &codes, &p->n_archs, error);
    if (status == MAPLE_OK)
        status = load_floats(tensors, "proxies", p->n_archs, p->shape.proxies, &p->proxies, &found, error);
    if (status == MAPLE_OK) {
        p->archs = maple_alloc(p->n_archs, sizeof *p->archs);
        status = p->archs ? read_archs(tensors, space, codes, p, error) : maple_error_memory(error);
    }
    maple_free(codes);
    return status;
}

/* Into a prior of zeros, which the caller releases whatever this returns. */
static maple_status load_net(const maple_tensors *tensors, const maple_space *space, maple_nasflat_prior *p,
                             maple_error *error) {
    const char *sources;
    size_t found;
    maple_status status = load_shape(tensors, space, &p->shape, error);
    if (status == MAPLE_OK) {
        size_t count = maple_nasflat_layout(&p->shape).offset[NASFLAT_TENSORS];
        status = load_floats(tensors, "parameters", count, 0, &p->parameters, &found, error);
    }
    if (status == MAPLE_OK)
        status = maple_tensors_text(tensors, "sources", &sources, error);
    if (status == MAPLE_OK) {
        p->sources = maple_strdup(sources);
        status = p->sources ? MAPLE_OK : maple_error_memory(error);
    }
    return status == MAPLE_OK && p->shape.proxies > 0 ? load_proxies(tensors, space, p, error) : status;
}

maple_status maple_nasflat_load_prior(const maple_tensors *tensors, const maple_space *space, void **prior,
                                      maple_error *error) {
    maple_nasflat_prior *p = maple_alloc(1, sizeof *p);
    if (!p)
        return maple_error_memory(error);
    maple_status status = load_net(tensors, space, p, error);
    if (status == MAPLE_OK)
        *prior = p;
    else
        maple_nasflat_prior_free(p);
    return status;
}

maple_status maple_nasflat_save(const void *model, maple_tensors *tensors, maple_error *error) {
    const maple_nasflat_model *m = model;
    const double scale[3] = {m->scale.offset, m->scale.slope, m->scale.bend};
    maple_status status = maple_tensors_add(tensors, "scale", MAPLE_F64, 3, 0, scale, error);
    return status == MAPLE_OK ? maple_nasflat_save_prior(&m->net, tensors, error) : status;
}

static maple_status load_scale(const maple_tensors *tensors, maple_nasflat_scale *out, maple_error *error) {
    double s[3];
    maple_status status = maple_tensors_copy(tensors, "scale", MAPLE_F64, 3, 0, s, error);
    if (status != MAPLE_OK)
        return status;
    if (s[1] <= 0 || s[2] <= 0)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'scale': %g, %g, %g are no scale",
                               maple_tensors_path(tensors), s[0], s[1], s[2]);
    *out = (maple_nasflat_scale){s[0], s[1], s[2]};
    return MAPLE_OK;
}

maple_status maple_nasflat_load(const maple_tensors *tensors, const maple_model_context *context,
                                void **model, maple_error *error) {
    maple_nasflat_model *m = maple_alloc(1, sizeof *m);
    if (!m)
        return maple_error_memory(error);
    maple_status status = load_scale(tensors, &m->scale, error);
    if (status == MAPLE_OK)
        status = load_net(tensors, context->space, &m->net, error);
    if (status == MAPLE_OK)
        status = maple_nasflat_model_index(m, context, error);
    if (status == MAPLE_OK)
        *model = m;
    else
        maple_nasflat_model_free(m);
    return status;
}
