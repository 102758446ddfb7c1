/* SPDX-License-Identifier: Apache-2.0 */
/* How far a training came, as a model file in memory. */
#include "predictor/predictor_internal.h"

static const int64_t INTERVAL_NS = 5000000000;

static void warn(const maple_fit_request *request, const maple_error *why) {
    maple_log(request->hooks, MAPLE_LOG_WARNING,
              "an interrupted training cannot be continued and is started anew: %s", why->message);
}

maple_status maple_checkpoint_read(const maple_fit_request *request, maple_tensors **out,
                                   maple_error *error) {
    uint8_t *file = NULL;
    size_t bytes = 0;
    *out = NULL;
    if (!request->checkpoint)
        return MAPLE_OK;
    maple_status status = request->checkpoint->load(request->checkpoint->context, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status == MAPLE_NOT_FOUND ? MAPLE_OK : status;
    maple_error why;
    status = maple_tensors_decode("checkpoint", file, bytes, out, &why);
    maple_free(file);
    if (status == MAPLE_OUT_OF_MEMORY)
        return maple_error_memory(error);
    if (status != MAPLE_OK)
        warn(request, &why);
    return MAPLE_OK;
}

maple_status maple_checkpoint_write(const maple_fit_request *request, const maple_tensors *tensors,
                                    maple_error *error) {
    uint8_t *file;
    size_t bytes;
    if (!request->checkpoint)
        return MAPLE_OK;
    maple_status status = maple_tensors_encode(tensors, &file, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    status = request->checkpoint->save(request->checkpoint->context, file, bytes, error);
    maple_free(file);
    return status;
}

maple_status maple_checkpoint_keep(const maple_fit_request *request, const maple_checkpoint_state *state,
                                   maple_error *error) {
    if (!request->checkpoint)
        return MAPLE_OK;
    maple_tensors *tensors = maple_tensors_create();
    if (!tensors)
        return maple_error_memory(error);
    maple_status status = state->save(state->trainer, tensors, error);
    if (status == MAPLE_OK)
        status = maple_checkpoint_write(request, tensors, error);
    maple_tensors_free(tensors);
    return status;
}

maple_status maple_checkpoint_resume(const maple_fit_request *request, const maple_checkpoint_state *state,
                                     maple_error *error) {
    maple_tensors *tensors = NULL;
    maple_error why;
    maple_status status = maple_checkpoint_read(request, &tensors, error);
    if (status == MAPLE_OK && tensors && state->load(state->trainer, tensors, &why) != MAPLE_OK)
        warn(request, &why);
    maple_tensors_free(tensors);
    return status;
}

bool maple_checkpoint_due(const maple_fit_request *request, int64_t *last_ns) {
    int64_t now_ns = maple_clock_ns();
    if (!request->checkpoint)
        return false;
    bool first = *last_ns == 0, due = !first && now_ns - *last_ns >= INTERVAL_NS;
    if (first || due)
        *last_ns = now_ns;
    return due;
}
