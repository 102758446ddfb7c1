/* SPDX-License-Identifier: Apache-2.0 */
/* Features as the prior of `gp` sees them: from zero, in units of how much they vary over the space, every
 * group of features worth the same. */
#include "predictor/gp_model.h"
#include "predictor/moments.h"

#include "nn/nn.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

void gp_frame_release(gp_frame *frame) {
    maple_free(frame->mean);
    maple_free(frame->scale);
    maple_free(frame->block);
    maple_free(frame->drawn);
    maple_free(frame->degenerate);
    maple_free(frame->executed);
    for (int form = 0; form < 2; form++)
        maple_free(frame->counts[form]);
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

static void scale(gp_frame *frame) {
    for (size_t j = 0; j < frame->k; j++)
        frame->members[frame->block[j]] += frame->scale[j] > 0;
    for (size_t j = 0; j < frame->k; j++)
        if (frame->scale[j] > 0)
            frame->scale[j] /= sqrt(frame->members[frame->block[j]]);
}

static void execute(gp_frame *frame, const maple_arch *arch, size_t i) {
    maple_arch pruned = maple_space_canonical(frame->space, MAPLE_GRAPH_PRUNED, arch);
    double *row = frame->executed + i * (frame->k + 1);
    maple_space_feature_values(frame->space, &pruned, row);
    row[frame->k] = 1;
    frame->degenerate[i] = maple_space_degenerate(frame->space, arch);
    for (int form = 0; form < 2; form++) {
        maple_arch executed = maple_space_canonical(frame->space, (maple_graph_form)form, arch);
        maple_space_operator_counts(frame->space, (maple_graph_form)form, &executed,
                                    frame->counts[form] + i * maple_space_operators(frame->space));
    }
}

maple_status gp_frame_create(const maple_space *space, maple_graph_form graph, gp_frame *out,
                             maple_error *error) {
    gp_frame frame = {.space = space, .graph = graph, .k = maple_space_features(space)};
    frame.mean = maple_alloc(frame.k, sizeof *frame.mean);
    frame.scale = maple_alloc(frame.k, sizeof *frame.scale);
    frame.block = maple_alloc(frame.k, sizeof *frame.block);
    size_t operators = maple_space_operators(space);
    frame.drawn = maple_alloc(MAPLE_DRAWN_ARCHS, (frame.k + 1) * sizeof *frame.drawn);
    for (int form = 0; form < 2; form++)
        frame.counts[form] = maple_alloc(MAPLE_DRAWN_ARCHS, operators * sizeof(double));
    frame.degenerate = maple_alloc(MAPLE_DRAWN_ARCHS, sizeof *frame.degenerate);
    frame.executed = maple_alloc(MAPLE_DRAWN_ARCHS, (frame.k + 1) * sizeof *frame.executed);
    frame.n_drawn = MAPLE_DRAWN_ARCHS;
    maple_arch *archs = maple_alloc(MAPLE_DRAWN_ARCHS, sizeof *archs);
    bool fine = frame.mean && frame.scale && frame.block && frame.drawn && frame.degenerate &&
                frame.executed && frame.counts[0] && frame.counts[1] && archs;
    maple_status status = fine ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_feature_moments(space, graph, archs, frame.mean, frame.scale, error);
    if (status == MAPLE_OK) {
        for (size_t j = 0; j < frame.k; j++) /* a variance until here */
            frame.scale[j] = frame.scale[j] > 0 ? 1 / sqrt(frame.scale[j]) : 0;
        choose_blocks(&frame);
        scale(&frame);
        for (size_t i = 0; i < MAPLE_DRAWN_ARCHS; i++) {
            execute(&frame, &archs[i], i);
            gp_frame_row(&frame, &archs[i], frame.drawn + i * (frame.k + 1));
        }
        *out = frame;
    } else {
        gp_frame_release(&frame);
    }
    maple_free(archs);
    return status;
}

void gp_frame_row(const gp_frame *frame, const maple_arch *arch, double *x) {
    maple_space_feature_values(frame->space, arch, x);
    for (size_t j = 0; j < frame->k; j++)
        x[j] *= frame->scale[j];
    x[frame->k] = 1;
}

void gp_frame_apply(const gp_frame *frame, const double *rows, const double *c, double *y) {
    int width = (int)frame->k + 1;
    nn_blas_enter();
    cblas_dgemv(CblasRowMajor, CblasNoTrans, (int)frame->n_drawn, width, 1, rows, width, c, 1, 0, y, 1);
    nn_blas_leave();
}

void gp_frame_enter(const gp_frame *frame, const double *raw, double *c) {
    c[frame->k] = raw[frame->k];
    for (size_t j = 0; j < frame->k; j++) {
        c[j] = frame->scale[j] > 0 ? raw[j] / frame->scale[j] : 0;
        if (frame->scale[j] == 0) /* does not vary, or twice: not lost */
            c[frame->k] += raw[j] * frame->mean[j];
    }
}

void gp_frame_leave(const gp_frame *frame, const double *c, double *raw) {
    raw[frame->k] = c[frame->k];
    for (size_t j = 0; j < frame->k; j++)
        raw[j] = c[j] * frame->scale[j];
}

void gp_frame_penalty(const gp_frame *frame, double strength, double *penalty) {
    for (size_t j = 0; j < frame->k; j++)
        penalty[j] = strength / fmax(1, frame->members[frame->block[j]]);
    penalty[frame->k] = 1e-9;
}

double gp_frame_level(const gp_frame *frame, const double *c) {
    double level = c[frame->k];
    for (size_t j = 0; j < frame->k; j++)
        level += c[j] * frame->mean[j] * frame->scale[j];
    return level;
}
