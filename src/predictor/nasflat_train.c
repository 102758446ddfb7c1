/* SPDX-License-Identifier: Apache-2.0 */
/* Training of `nasflat`: pre-training and transfer are the same, on other rows. */
#include "predictor/nasflat.h"
#include "predictor/predictor_internal.h"

#include <math.h>
#include <string.h>

static const double LEAST_RATE = 1e-6;
enum { PAIRS_A_ROW = 4 };

maple_status maple_nasflat_rows_create(const maple_nasflat_shape *shape, size_t capacity,
                                       maple_nasflat_rows *rows, maple_error *error) {
    *rows = (maple_nasflat_rows){
        .capacity = capacity,
        .graph = maple_alloc(capacity, sizeof *rows->graph),
        .device = maple_alloc(capacity, sizeof *rows->device),
        .target = maple_alloc(capacity, sizeof *rows->target),
        .proxies = maple_alloc(capacity * shape->proxies + 1, sizeof *rows->proxies),
    };
    if (rows->graph && rows->device && rows->target && rows->proxies)
        return MAPLE_OK;
    maple_nasflat_rows_release(rows);
    return maple_error_memory(error);
}

void maple_nasflat_rows_release(maple_nasflat_rows *rows) {
    maple_free(rows->graph);
    maple_free(rows->device);
    maple_free(rows->target);
    maple_free(rows->proxies);
    *rows = (maple_nasflat_rows){0};
}

typedef struct trainer {
    const maple_nasflat_shape *shape;
    const maple_nasflat_rows *rows;
    const maple_nasflat_training *how;
    size_t count, capacity, epoch;
    float *parameters, *memory, *gradient, *d_score, *target; /* gradient and moments; [capacity] each */
    nn_adam adam;
    maple_rng rng;
    size_t *order;   /* [rows->n], begun anew each epoch: the random numbers are all of its state */
    uint32_t *pairs; /* [capacity (capacity - 1)] */
    maple_nasflat_batch *batch;
    maple_nasflat_work *work;
} trainer;

/* --- State, for checkpoints --- */

enum { STATE_EPOCH, STATE_STEP, STATE_RNG, STATE_SIZE = STATE_RNG + 8 };

static maple_status save_state(const void *trained, maple_tensors *tensors, maple_error *error) {
    const trainer *t = trained;
    double state[STATE_SIZE] = {[STATE_EPOCH] = (double)t->epoch, [STATE_STEP] = (double)t->adam.step};
    for (int i = 0; i < 4; i++) { /* halves, which a double holds exactly */
        state[STATE_RNG + 2 * i] = (double)(t->rng.state[i] >> 32);
        state[STATE_RNG + 2 * i + 1] = (double)(t->rng.state[i] & 0xffffffffu);
    }
    maple_status status = maple_tensors_add(tensors, "state", MAPLE_F64, STATE_SIZE, 0, state, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "parameters", MAPLE_F32, t->count, 0, t->parameters, error);
    if (status == MAPLE_OK)
        status = maple_tensors_add(tensors, "m", MAPLE_F32, t->count, 0, t->adam.m, error);
    return status == MAPLE_OK ? maple_tensors_add(tensors, "v", MAPLE_F32, t->count, 0, t->adam.v, error)
                              : status;
}

static maple_status load_state(void *trained, const maple_tensors *tensors, maple_error *error) {
    trainer *t = trained;
    const void *state, *parameters, *m, *v;
    maple_status status = maple_tensors_get(tensors, "state", MAPLE_F64, STATE_SIZE, 0, &state, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "parameters", MAPLE_F32, t->count, 0, &parameters, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "m", MAPLE_F32, t->count, 0, &m, NULL, error);
    if (status == MAPLE_OK)
        status = maple_tensors_get(tensors, "v", MAPLE_F32, t->count, 0, &v, NULL, error);
    if (status != MAPLE_OK)
        return status;
    double s[STATE_SIZE];
    memcpy(s, state, sizeof s);
    for (int i = 0; i < STATE_SIZE; i++)
        if (!(s[i] >= 0 && s[i] <= 4294967295.0))
            return maple_error_set(error, MAPLE_BAD_INPUT, "%s: tensor 'state': element %d is no count",
                                   maple_tensors_path(tensors), i);
    if (s[STATE_EPOCH] > (double)t->how->epochs)
        return maple_error_set(error, MAPLE_BAD_INPUT, "%s: epoch %g of %zu", maple_tensors_path(tensors),
                               s[STATE_EPOCH], t->how->epochs);
    t->epoch = (size_t)s[STATE_EPOCH];
    t->adam.step = (uint64_t)s[STATE_STEP];
    for (int i = 0; i < 4; i++)
        t->rng.state[i] = (uint64_t)s[STATE_RNG + 2 * i] << 32 | (uint64_t)s[STATE_RNG + 2 * i + 1];
    memcpy(t->parameters, parameters, t->count * sizeof(float));
    memcpy(t->adam.m, m, t->count * sizeof(float));
    memcpy(t->adam.v, v, t->count * sizeof(float));
    return MAPLE_OK;
}

/* --- Epochs --- */

/* Pairs (higher, lower) of different targets among the batch; 4 n of them at most, chosen at random. */
static size_t choose_pairs(trainer *t, size_t n) {
    size_t found = 0, most = PAIRS_A_ROW * n;
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t j = i + 1; j < n; j++) {
            if (t->target[i] == t->target[j])
                continue;
            bool first = t->target[i] > t->target[j];
            t->pairs[2 * found] = first ? i : j;
            t->pairs[2 * found++ + 1] = first ? j : i;
        }
    for (size_t k = 0; found > most && k < most; k++) {
        size_t other = k + maple_rng_below(&t->rng, found - k);
        for (int side = 0; side < 2; side++) {
            uint32_t swapped = t->pairs[2 * k + (size_t)side];
            t->pairs[2 * k + (size_t)side] = t->pairs[2 * other + (size_t)side];
            t->pairs[2 * other + (size_t)side] = swapped;
        }
    }
    return found < most ? found : most;
}

/* Returns the loss before the step. */
static double train_batch(trainer *t, const size_t *order, size_t n, double rate) {
    const maple_nasflat_rows *rows = t->rows;
    maple_nasflat_batch_clear(t->shape, t->batch);
    for (size_t i = 0; i < n; i++) {
        size_t row = order[i];
        maple_nasflat_batch_add(t->shape, &rows->graph[row], rows->device[row],
                                rows->proxies + row * t->shape->proxies, t->batch);
        t->target[i] = rows->target[row];
    }
    size_t pairs = choose_pairs(t, n);
    if (pairs == 0)
        return 0;
    const float *score = maple_nasflat_forward(t->work, t->parameters, t->batch, &t->rng);
    double loss = nn_hinge_loss(n, pairs, t->pairs, t->how->margin, score, t->d_score);
    maple_nasflat_backward(t->work, t->parameters, t->batch, t->d_score, t->gradient);
    nn_adam_step(&t->adam, t->count, rate, t->how->decay, t->gradient, t->parameters);
    return loss;
}

/* Returns the sum of the batches' losses. */
static double train_epoch(trainer *t) {
    const double pi = 3.14159265358979323846;
    size_t n = t->rows->n, batch = t->how->batch;
    double turn = pi * (double)t->epoch / (double)t->how->epochs, loss = 0;
    double rate = LEAST_RATE + (t->how->rate - LEAST_RATE) * (1 + cos(turn)) / 2;
    for (size_t i = 0; i < n; i++)
        t->order[i] = i;
    maple_rng_shuffle(&t->rng, n, t->order);
    for (size_t first = 0; first + 1 < n; first += batch) {
        size_t here = n - first < batch ? n - first : batch;
        if (here > 1) /* one row has no pair */
            loss += train_batch(t, t->order + first, here, rate);
    }
    t->epoch++;
    return loss;
}

static maple_status run(trainer *t, maple_error *error) {
    const maple_fit_request *request = t->how->request;
    const maple_hooks *hooks = request->hooks;
    const maple_checkpoint_state state = {t, save_state, load_state};
    maple_status status = t->how->keeps ? maple_checkpoint_resume(request, &state, error) : MAPLE_OK;
    int64_t last_ns = 0;
    while (status == MAPLE_OK && t->epoch < t->how->epochs) {
        double loss = train_epoch(t);
        maple_report_progress(hooks, t->how->task, (double)t->epoch, (double)t->how->epochs, "epochs");
        bool cancelled = maple_is_cancelled(hooks);
        if (!isfinite(loss))
            status = maple_error_set(error, MAPLE_BAD_INPUT,
                                     "predictor nasflat: %s diverged in epoch %zu: try a smaller %s or decay",
                                     t->how->task, t->epoch, t->how->keeps ? "rate" : "tune_rate");
        else if (t->how->keeps && (maple_checkpoint_due(request, &last_ns) || cancelled))
            status = maple_checkpoint_keep(request, &state, error);
        if (status == MAPLE_OK && cancelled)
            status = maple_error_set(error, MAPLE_INTERRUPTED, "%s was interrupted after %zu of %zu epochs%s",
                                     t->how->task, t->epoch, t->how->epochs,
                                     t->how->keeps && request->checkpoint ? "; given again it goes on" : "");
    }
    return status;
}

static maple_status trainer_create(trainer *t, maple_error *error) {
    size_t n = t->rows->n, capacity = t->how->batch < n ? t->how->batch : n;
    capacity = capacity > 0 ? capacity : 1;
    t->count = maple_nasflat_layout(t->shape).offset[NASFLAT_TENSORS];
    t->memory = maple_alloc_aligned(3 * t->count + 2 * capacity, sizeof *t->memory);
    t->order = maple_alloc(n + 1, sizeof *t->order);
    t->pairs = maple_alloc(capacity, capacity * sizeof *t->pairs);
    t->batch = maple_nasflat_batch_create(t->shape, capacity);
    t->work = maple_nasflat_work_create(t->shape, capacity, true);
    if (!t->memory || !t->order || !t->pairs || !t->batch || !t->work)
        return maple_error_memory(error);
    t->gradient = t->memory;
    t->d_score = t->memory + 3 * t->count;
    t->target = t->d_score + capacity;
    t->adam = (nn_adam){.m = t->memory + t->count,
                        .v = t->memory + 2 * t->count,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .epsilon = 1e-8};
    return MAPLE_OK;
}

maple_status maple_nasflat_train(const maple_nasflat_shape *shape, const maple_nasflat_rows *rows,
                                 const maple_nasflat_training *training, float *parameters,
                                 maple_error *error) {
    trainer t = {.shape = shape,
                 .rows = rows,
                 .how = training,
                 .parameters = parameters,
                 .rng = maple_rng_seed(training->seed)};
    maple_status status = trainer_create(&t, error);
    if (status == MAPLE_OK) {
        nn_blas_enter();
        status = run(&t, error);
        nn_blas_leave();
    }
    maple_free(t.memory);
    maple_free(t.order);
    maple_free(t.pairs);
    maple_nasflat_batch_free(t.batch);
    maple_nasflat_work_free(t.work);
    return status;
}
