/* SPDX-License-Identifier: Apache-2.0 */
/* Features as the prior of `gp` sees them: standardised over the space, every group of features worth the
 * same. */
#include "predictor/gp_model.h"

#include <math.h>
#include <string.h>

enum { DRAWN = 512 }; /* architectures that say how much a feature varies */

void gp_frame_release(gp_frame *frame) {
    maple_free(frame->mean);
    maple_free(frame->scale);
    maple_free(frame->block);
    *frame = (gp_frame){0};
}

/* A pruned graph has the same operators counted, reaching and live: the last stands for all. */
static void choose_blocks(gp_frame *frame) {
    bool has_live = false;
    for (size_t j = 0; j < frame->k; j++)
        has_live |= maple_space_feature(frame->space, j)->group == MAPLE_FEATURE_LIVE;
    bool merge = frame->graph == MAPLE_GRAPH_PRUNED && has_live;
    for (size_t j = 0; j < frame->k; j++) {
        maple_feature_group group = maple_space_feature(frame->space, j)->group;
        if (merge && (group == MAPLE_FEATURE_COUNT || group == MAPLE_FEATURE_REACHING))
            frame->scale[j] = 0;
        else if (merge && group == MAPLE_FEATURE_LIVE)
            group = MAPLE_FEATURE_COUNT;
        frame->block[j] = (unsigned char)(GP_FIRST_GROUP + group);
    }
}

/* mean, and 1 / sd in scale. */
static void measure(gp_frame *frame, const double *values) {
    for (size_t j = 0; j < frame->k; j++) {
        double mean = 0, square = 0;
        for (size_t i = 0; i < DRAWN; i++)
            mean += values[i * frame->k + j] / DRAWN;
        for (size_t i = 0; i < DRAWN; i++)
            square += pow(values[i * frame->k + j] - mean, 2) / DRAWN;
        frame->mean[j] = mean;
        frame->scale[j] = square > 1e-12 ? 1 / sqrt(square) : 0;
    }
}

static void scale(gp_frame *frame) {
    for (size_t j = 0; j < frame->k; j++)
        frame->members[frame->block[j]] += frame->scale[j] > 0;
    for (size_t j = 0; j < frame->k; j++)
        if (frame->scale[j] > 0)
            frame->scale[j] /= sqrt(frame->members[frame->block[j]]);
}

maple_status gp_frame_create(const maple_space *space, maple_graph_form graph, gp_frame *out,
                             maple_error *error) {
    gp_frame frame = {.space = space, .graph = graph, .k = maple_space_features(space)};
    frame.mean = maple_alloc(frame.k, sizeof *frame.mean);
    frame.scale = maple_alloc(frame.k, sizeof *frame.scale);
    frame.block = maple_alloc(frame.k, sizeof *frame.block);
    maple_arch *archs = maple_alloc(DRAWN, sizeof *archs);
    double *values = maple_alloc(DRAWN * frame.k, sizeof *values);
    bool fine = frame.mean && frame.scale && frame.block && archs && values;
    maple_status status = fine ? MAPLE_OK : maple_error_memory(error);
    maple_rng rng = maple_rng_seed(1);
    if (status == MAPLE_OK)
        status = maple_space_sample(space, graph, &rng, DRAWN, archs, error);
    if (status == MAPLE_OK) {
        for (size_t i = 0; i < DRAWN; i++) {
            maple_arch arch = maple_space_canonical(space, graph, &archs[i]);
            maple_space_feature_values(space, &arch, values + i * frame.k);
        }
        measure(&frame, values);
        choose_blocks(&frame);
        scale(&frame);
        *out = frame;
    } else {
        gp_frame_release(&frame);
    }
    maple_free(archs);
    maple_free(values);
    return status;
}

void gp_frame_row(const gp_frame *frame, const maple_arch *arch, double *x) {
    maple_space_feature_values(frame->space, arch, x);
    for (size_t j = 0; j < frame->k; j++)
        x[j] = (x[j] - frame->mean[j]) * frame->scale[j];
    x[frame->k] = 1;
}

void gp_frame_enter(const gp_frame *frame, const double *raw, double *c) {
    c[frame->k] = raw[frame->k];
    for (size_t j = 0; j < frame->k; j++) {
        c[frame->k] += raw[j] * frame->mean[j];
        c[j] = frame->scale[j] > 0 ? raw[j] / frame->scale[j] : 0;
    }
}

void gp_frame_leave(const gp_frame *frame, const double *c, double *raw) {
    raw[frame->k] = c[frame->k];
    for (size_t j = 0; j < frame->k; j++) {
        raw[j] = c[j] * frame->scale[j];
        raw[frame->k] -= raw[j] * frame->mean[j];
    }
}
