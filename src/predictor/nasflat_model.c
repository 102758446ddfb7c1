/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a model of `nasflat`, and the proxies that they may need. */
#include "predictor/nasflat.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

void maple_nasflat_model_free(void *model) {
    maple_nasflat_model *m = model;
    if (!m)
        return;
    maple_free(m->net.parameters);
    maple_free(m->net.sources);
    maple_free(m->net.archs);
    maple_free(m->net.proxies);
    maple_arch_index_release(&m->known);
    maple_free(m->row);
    maple_free(m);
}

/* Architectures that run alike are one to the caller of predict: its proxies are its own where it has some,
 * else those of the first that runs like it. */
maple_status maple_nasflat_model_index(maple_nasflat_model *model, const maple_model_context *context,
                                       maple_error *error) {
    const maple_nasflat_prior *net = &model->net;
    if (net->shape.proxies == 0)
        return MAPLE_OK;
    model->row = maple_alloc(net->n_archs, sizeof *model->row);
    if (!model->row)
        return maple_error_memory(error);
    maple_status status = maple_arch_index_create(context->space, net->n_archs, &model->known, error);
    for (int own = 1; status == MAPLE_OK && own >= 0; own--)
        for (size_t i = 0; i < net->n_archs; i++) {
            maple_arch arch = maple_space_canonical(context->space, context->graph, &net->archs[i]);
            size_t before = model->known.n;
            if (maple_arch_equal(&arch, &net->archs[i]) != (own == 1))
                continue;
            size_t at = maple_arch_index_add(&model->known, &arch);
            if (at == before)
                model->row[at] = i;
        }
    return status;
}

maple_status maple_nasflat_model_proxies(const maple_nasflat_model *model, const maple_model_context *context,
                                         const maple_arch *arch, const float **out, maple_error *error) {
    *out = NULL;
    if (model->net.shape.proxies == 0)
        return MAPLE_OK;
    size_t at = maple_arch_index_find(&model->known, arch);
    if (at == SIZE_MAX) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(context->space, arch, text);
        return maple_error_set(
            error, MAPLE_NOT_FOUND,
            "predictor nasflat was trained with zero-cost proxies, and the pool had none of "
            "%s; import them before training, or train without: zcp=0",
            text);
    }
    *out = model->net.proxies + model->row[at] * model->net.shape.proxies;
    return MAPLE_OK;
}

static maple_status score_block(const maple_nasflat_model *model, const maple_model_context *context,
                                const maple_arch *archs, size_t n, maple_nasflat_batch *batch,
                                maple_nasflat_work *work, double *scores, maple_error *error) {
    const maple_nasflat_shape *shape = &model->net.shape;
    maple_nasflat_batch_clear(shape, batch);
    for (size_t i = 0; i < n; i++) {
        maple_op_graph graph;
        const float *proxies;
        maple_status status = maple_nasflat_model_proxies(model, context, &archs[i], &proxies, error);
        if (status != MAPLE_OK)
            return status;
        maple_space_op_graph(context->space, &archs[i], &graph);
        maple_nasflat_batch_add(shape, &graph, shape->devices - 1, proxies, batch);
    }
    const float *found = maple_nasflat_forward(work, model->net.parameters, batch, NULL);
    for (size_t i = 0; i < n; i++)
        scores[i] = (double)found[i];
    return MAPLE_OK;
}

maple_status maple_nasflat_model_scores(const maple_nasflat_model *model, const maple_model_context *context,
                                        const maple_arch *archs, size_t n, double *scores,
                                        maple_error *error) {
    size_t capacity = n < BLOCK ? n : BLOCK;
    if (n == 0)
        return MAPLE_OK;
    maple_nasflat_batch *batch = maple_nasflat_batch_create(&model->net.shape, capacity);
    maple_nasflat_work *work = maple_nasflat_work_create(&model->net.shape, capacity, false);
    maple_status status = batch && work ? MAPLE_OK : maple_error_memory(error);
    nn_blas_enter();
    for (size_t first = 0; status == MAPLE_OK && first < n; first += capacity) {
        size_t here = n - first < capacity ? n - first : capacity;
        status = score_block(model, context, archs + first, here, batch, work, scores + first, error);
    }
    nn_blas_leave();
    maple_nasflat_batch_free(batch);
    maple_nasflat_work_free(work);
    return status;
}
