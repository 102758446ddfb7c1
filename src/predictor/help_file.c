/* SPDX-License-Identifier: Apache-2.0 */
/* Model files of `help`. */
#include "predictor/help_model.h"

#include <math.h>

static maple_status add_shape(const help_shape *shape, maple_tensors *tensors, maple_error *error) {
    double values[2] = {(double)shape->width, shape->graph};
    return maple_tensors_add(tensors, "shape", MAPLE_F64, 2, 0, values, error);
}

static maple_status get_shape(const maple_tensors *tensors, const maple_space *space, help_shape *shape,
                              maple_error *error) {
    double values[2];
    maple_status status = maple_tensors_copy(tensors, "shape", MAPLE_F64, 2, 0, values, error);
    if (status != MAPLE_OK)
        return status;
    bool fine = values[0] >= 1 && values[0] <= HELP_MAX_WIDTH && values[0] == floor(values[0]);
    if (fine)
        *shape = help_shape_for(space, values[1] == 0, (size_t)values[0]);
    if (!fine || shape->graph != (values[1] == 1) || shape->embedding != HELP_REFERENCES)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "%s: tensor 'shape': %g, %g is no network for space %s",
                               maple_tensors_path(tensors), values[0], values[1], maple_space_name(space));
    return MAPLE_OK;
}

maple_status help_save(const void *state, maple_tensors *tensors, maple_error *error) {
    const help_model *model = state;
    size_t count = help_layout_of(&model->shape).parameters;
    double line[4] = {model->line.slope, model->line.intercept, model->line.floor_ms, model->line.log};
    maple_status status = add_shape(&model->shape, tensors, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "line", MAPLE_F64, 4, 0, line, error);
    if (status == MAPLE_OK)
        status =
            maple_tensors_add(tensors, "hardware", MAPLE_F32, HELP_REFERENCES, 0, model->hardware, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "theta", MAPLE_F32, model->mc, count, model->theta, error);
    return status;
}

static maple_status load_networks(const maple_tensors *tensors, help_model *model, maple_error *error) {
    const void *data;
    size_t count = help_layout_of(&model->shape).parameters;
    maple_status status =
        maple_tensors_get(tensors, "theta", MAPLE_F32, MAPLE_ANY_ROWS, count, &data, &model->mc, error);
    if (status != MAPLE_OK)
        return status;
    if (model->mc == 0 || model->mc > HELP_MAX_MC)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'theta': %zu networks",
                               maple_tensors_path(tensors), model->mc);
    model->theta = maple_alloc_aligned(model->mc * count, sizeof *model->theta);
    if (!model->theta)
        return maple_error_memory(error);
    return maple_tensors_copy(tensors, "theta", MAPLE_F32, model->mc, count, model->theta, error);
}

maple_status help_load(const maple_tensors *tensors, const maple_model_context *context, void **state,
                       maple_error *error) {
    double line[4];
    help_model *model = maple_alloc(1, sizeof *model);
    if (!model)
        return maple_error_memory(error);
    maple_status status = get_shape(tensors, context->space, &model->shape, error);
    if (status == MAPLE_OK)
        status = maple_tensors_copy(tensors, "line", MAPLE_F64, 4, 0, line, error);
    if (status == MAPLE_OK && !(line[0] > 0 && line[2] > 0))
        status = maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'line': slope %g, floor %g",
                                 maple_tensors_path(tensors), line[0], line[2]);
    if (status == MAPLE_OK)
        status =
            maple_tensors_copy(tensors, "hardware", MAPLE_F32, HELP_REFERENCES, 0, model->hardware, error);
    if (status == MAPLE_OK)
        status = load_networks(tensors, model, error);
    if (status != MAPLE_OK) {
        help_free_model(model);
        return status;
    }
    model->line =
        (help_line){.slope = line[0], .intercept = line[1], .floor_ms = line[2], .log = line[3] != 0};
    *state = model;
    return MAPLE_OK;
}

/* --- Prior --- */

maple_status help_save_prior(const void *prior, maple_tensors *tensors, maple_error *error) {
    const help_prior *p = prior;
    double rule[4] = {(double)p->rule.steps, p->rule.second_order, p->rule.kl, p->rule.z_scaling};
    maple_status status = add_shape(&p->rule.shape, tensors, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "rule", MAPLE_F64, 4, 0, rule, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "missing", MAPLE_F64, HELP_REFERENCES, 0, p->missing, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "meta", MAPLE_F32, help_rule_meta(&p->rule), 0, p->meta, error);
    return status;
}

static maple_status load_rule(const maple_tensors *tensors, const maple_space *space, help_rule *rule,
                              maple_error *error) {
    double values[4];
    maple_status status = get_shape(tensors, space, &rule->shape, error);
    if (status == MAPLE_OK)
        status = maple_tensors_copy(tensors, "rule", MAPLE_F64, 4, 0, values, error);
    if (status != MAPLE_OK)
        return status;
    if (!(values[0] >= 0 && values[0] <= HELP_MAX_STEPS && values[0] == floor(values[0])))
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'rule': %g inner steps",
                               maple_tensors_path(tensors), values[0]);
    rule->steps = (size_t)values[0];
    rule->second_order = values[1] != 0;
    rule->kl = values[2];
    rule->z_scaling = values[3];
    help_rule_size(rule);
    return MAPLE_OK;
}

maple_status help_load_prior(const maple_tensors *tensors, const maple_space *space, void **out,
                             maple_error *error) {
    help_prior *prior = maple_alloc(1, sizeof *prior);
    if (!prior)
        return maple_error_memory(error);
    maple_status status = load_rule(tensors, space, &prior->rule, error);
    if (status == MAPLE_OK)
        status = maple_tensors_copy(tensors, "missing", MAPLE_F64, HELP_REFERENCES, 0, prior->missing, error);
    if (status == MAPLE_OK) {
        size_t meta = help_rule_meta(&prior->rule);
        prior->meta = maple_alloc_aligned(meta, sizeof *prior->meta);
        status = prior->meta ? maple_tensors_copy(tensors, "meta", MAPLE_F32, meta, 0, prior->meta, error)
                             : maple_error_memory(error);
    }
    if (status == MAPLE_OK)
        *out = prior;
    else
        help_free_prior(prior);
    return status;
}
