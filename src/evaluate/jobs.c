/* SPDX-License-Identifier: Apache-2.0 */
/* One job: a contender pre-trained on the sources of a group in one trial, and all its runs on the targets.
 */
#include "evaluate/evaluate_internal.h"

#include <math.h>
#include <string.h>

maple_status maple_eval_room_create(eval *e, eval_room *room, maple_error *error) {
    size_t n = e->dataset->n_archs, largest = 0;
    for (size_t i = 0; i < e->n_counts; i++)
        largest = e->counts[i] > largest ? e->counts[i] : largest;
    *room = (eval_room){.evaluation = e, .hooks = maple_eval_room_hooks(room)};
    maple_status status = maple_score_room_create(n, &room->scoring, error);
    if (status != MAPLE_OK)
        return status;
    room->predicted = maple_alloc(n, sizeof *room->predicted);
    room->lower_ms = maple_alloc(n, sizeof *room->lower_ms);
    room->upper_ms = maple_alloc(n, sizeof *room->upper_ms);
    room->measured = maple_alloc(n, sizeof *room->measured);
    room->archs = maple_alloc(largest, sizeof *room->archs);
    room->latency_ms = maple_alloc(largest, sizeof *room->latency_ms);
    room->left_out = maple_alloc(largest, sizeof *room->left_out);
    room->reference_ms = maple_alloc(maple_space_references(e->dataset->space), sizeof(double));
    if (room->predicted && room->lower_ms && room->upper_ms && room->measured && room->archs &&
        room->latency_ms && room->left_out && room->reference_ms)
        return MAPLE_OK;
    maple_eval_room_free(room);
    return maple_error_memory(error);
}

void maple_eval_room_free(eval_room *room) {
    maple_score_room_free(&room->scoring);
    maple_free(room->predicted);
    maple_free(room->lower_ms);
    maple_free(room->upper_ms);
    maple_free(room->measured);
    maple_free(room->archs);
    maple_free(room->latency_ms);
    maple_free(room->left_out);
    maple_free(room->reference_ms);
    maple_text_free(&room->warnings);
    *room = (eval_room){0};
}

static double ms_since(int64_t start_ns) {
    return (double)(maple_clock_ns() - start_ns) * 1e-6;
}

/* --- What a contender is told --- */

maple_fit_request maple_eval_request(const eval *e, const eval_contender *contender, size_t group,
                                     size_t trial, const eval_room *room) {
    const maple_split *split = &e->request->splits->items[e->groups[group].first];
    const eval_draw *training = eval_training(e, group, trial);
    return (maple_fit_request){.space = e->dataset->space,
                               .pool = e->dataset,
                               .sources = split->sources,
                               .n_sources = split->n_sources,
                               .train = training->rows,
                               .n_train = training->n,
                               .seed = maple_eval_seed(e, "pre-training", split->task, "", trial),
                               .options = contender->given->options,
                               .hooks = &room->hooks};
}

static void take_samples(const eval *e, size_t split, const eval_draw *draw, eval_room *room,
                         maple_target *target) {
    size_t row = e->request->splits->items[split].target;
    for (size_t i = 0; i < draw->n; i++) {
        room->archs[i] = e->dataset->archs[draw->rows[i]];
        room->latency_ms[i] = e->dataset->platforms[row].latency_ms[draw->rows[i]];
        room->measured[maple_scorer_network(e->targets[row].scorer, draw->rows[i])] = true;
    }
    target->n_samples = draw->n;
    target->archs = room->archs;
    target->latency_ms = room->latency_ms;
}

/* References are measured for a predictor that uses them on this target. */
static size_t take_references(const eval *e, const eval_contender *contender, const eval_target *known,
                              eval_room *room, maple_target *target) {
    size_t n = maple_space_references(e->dataset->space), taken = 0;
    int used;
    if (maple_predictor_references(contender->info->name, contender->options, e->dataset->space, target,
                                   &used, NULL) != MAPLE_OK ||
        used == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        bool wanted = i < (size_t)used && isfinite(known->reference_ms[i]);
        room->reference_ms[i] = wanted ? known->reference_ms[i] : NAN;
        if (wanted)
            room->measured[known->reference_network[i]] = true;
        taken += wanted;
    }
    target->reference_ms = room->reference_ms;
    return taken;
}

/* --- Runs --- */

static maple_status fit(const eval_contender *contender, const maple_pretrained *pretrained,
                        const maple_fit_request *request, maple_predictor **out, maple_error *error) {
    if (contender->info->pretrains)
        return maple_pretrained_adapt(pretrained, request, out, error);
    return maple_predictor_fit(contender->info->name, request, out, error);
}

/* Of all architectures, into the room: with intervals where the predictor has them. */
static maple_status predict(const eval *e, const maple_predictor *predictor, eval_room *room,
                            maple_predictions *out, maple_error *error) {
    const maple_dataset *d = e->dataset;
    *out = (maple_predictions){.latency_ms = room->predicted};
    if (!maple_predictor_describe(predictor)->intervals)
        return maple_predictor_predict(predictor, d->archs, d->n_archs, room->predicted, error);
    out->lower_ms = room->lower_ms;
    out->upper_ms = room->upper_ms;
    return maple_predictor_intervals(predictor, d->archs, d->n_archs, room->predicted, room->lower_ms,
                                     room->upper_ms, error);
}

static maple_status run_on_target(const eval *e, const eval_contender *contender, size_t split,
                                  const maple_pretrained *pretrained, const eval_draw *samples,
                                  maple_fit_request *request, eval_room *room, eval_run *run,
                                  maple_error *error) {
    const maple_dataset *d = e->dataset;
    size_t row = e->request->splits->items[split].target;
    const eval_target *known = &e->targets[row];
    maple_predictor *predictor = NULL;
    maple_predictions predicted = {0};
    memset(room->measured, 0, d->n_archs * sizeof *room->measured);
    request->target = known->known;
    if (contender->info->oracle)
        request->target.oracle_ms = d->platforms[row].latency_ms;
    take_samples(e, split, samples, room, &request->target);
    run->references = take_references(e, contender, known, room, &request->target);
    run->measured = 0;
    for (size_t i = 0; i < d->n_archs; i++)
        run->measured += room->measured[i];
    memset(room->left_out, 0, samples->n * sizeof *room->left_out);
    request->left_out = room->left_out;
    int64_t start = maple_clock_ns();
    maple_status status = fit(contender, pretrained, request, &predictor, error);
    run->adapt_ms = ms_since(start);
    run->left_out = 0;
    for (size_t i = 0; i < samples->n; i++)
        run->left_out += room->left_out[i];
    start = maple_clock_ns();
    if (status == MAPLE_OK)
        status = predict(e, predictor, room, &predicted, error);
    run->predict_ms = ms_since(start);
    if (status == MAPLE_OK)
        maple_scorer_score(known->scorer, &room->scoring, &predicted, room->measured, run->metrics,
                           run->valid);
    maple_predictor_free(predictor);
    return status;
}

/* A failure that concerns this run alone becomes its reason. */
static maple_status note(eval_run *run, maple_status status, const char *message, maple_error *error) {
    if (status == MAPLE_OK)
        return MAPLE_OK;
    if (eval_aborts(status))
        return maple_error_set(error, status, "%s", message);
    run->reason = maple_strdup(message);
    return run->reason ? MAPLE_OK : maple_error_memory(error);
}

void maple_eval_cut_warnings(eval_room *room, size_t length) {
    room->warnings.length = length;
    if (room->warnings.data)
        room->warnings.data[length] = '\0';
}

static maple_status run_split(eval *e, const eval_job *j, size_t split, const maple_pretrained *pretrained,
                              maple_fit_request *request, eval_room *room, maple_error *error) {
    const eval_contender *contender = &e->contenders[j->contender];
    const maple_split *s = &e->request->splits->items[split];
    maple_status status = MAPLE_OK;
    size_t warned = room->warnings.length; /* by the pre-training: part of every run */
    request->seed = maple_eval_seed(e, "adaptation", s->task, eval_target_name(e, split), j->trial);
    for (size_t slot = 0; status == MAPLE_OK && slot < contender->n_slots; slot++) {
        const eval_draw *samples = eval_samples(e, split, j->trial, contender->counts[slot]);
        eval_run *run = &eval_runs(e, split, j->contender, slot)[j->trial];
        maple_error why = {.status = MAPLE_OK};
        if (run->recalled)
            continue;
        if (e->hooks.cancelled(e->hooks.user))
            return MAPLE_INTERRUPTED;
        maple_eval_cut_warnings(room, warned);
        if (samples->reason) {
            status = note(run, MAPLE_BAD_INPUT, samples->reason, error);
        } else {
            status = run_on_target(e, contender, split, pretrained, samples, request, room, run, &why);
            status = note(run, status, why.message, error);
        }
        if (status == MAPLE_OK)
            status = maple_eval_keep(e, j, split, slot, room, error);
        if (status == MAPLE_OK)
            maple_eval_progress(e, 1);
    }
    maple_eval_cut_warnings(room, warned);
    return status;
}

/* What concerns the sources concerns all runs of the job. */
static maple_status note_all(eval *e, const eval_job *j, maple_status status, const char *message,
                             maple_error *error) {
    const eval_group *group = &e->groups[j->group];
    const eval_contender *contender = &e->contenders[j->contender];
    for (size_t i = group->first; i < group->first + group->n; i++) {
        for (size_t slot = 0; slot < contender->n_slots; slot++) {
            eval_run *run = &eval_runs(e, i, j->contender, slot)[j->trial];
            if (run->recalled)
                continue;
            maple_status noted = note(run, status, message, error);
            if (noted != MAPLE_OK)
                return noted;
            maple_eval_progress(e, 1);
        }
    }
    return MAPLE_OK;
}

/* Contenders that pre-train come first in the queue: theirs are the longest jobs. */
static eval_job find_job(const eval *e, size_t number) {
    size_t pairs = e->n_groups * e->trials, place = number / pairs, rest = number % pairs;
    size_t contender = 0;
    for (int pretrains = 1; pretrains >= 0; pretrains--) {
        for (size_t c = 0; c < e->n_contenders; c++) {
            if (e->contenders[c].info->pretrains == (pretrains == 1) && place-- == 0)
                contender = c;
        }
    }
    return (eval_job){.group = rest / e->trials, .trial = rest % e->trials, .contender = contender};
}

static size_t runs_to_do(const eval *e, const eval_job *j) {
    const eval_group *group = &e->groups[j->group];
    size_t n = 0;
    for (size_t i = group->first; i < group->first + group->n; i++)
        for (size_t slot = 0; slot < e->contenders[j->contender].n_slots; slot++)
            n += !eval_runs(e, i, j->contender, slot)[j->trial].recalled;
    return n;
}

static maple_status run_job(eval *e, size_t number, eval_room *room, maple_error *error) {
    eval_job j = find_job(e, number);
    const eval_contender *contender = &e->contenders[j.contender];
    const eval_group *group = &e->groups[j.group];
    const eval_draw *training = eval_training(e, j.group, j.trial);
    if (runs_to_do(e, &j) == 0)
        return MAPLE_OK;
    maple_eval_cut_warnings(room, 0);
    if (contender->info->needs_pool && training->reason)
        return note_all(e, &j, MAPLE_BAD_INPUT, training->reason, error);
    maple_fit_request request = maple_eval_request(e, contender, j.group, j.trial, room);
    maple_pretrained *pretrained = NULL;
    double *fit_ms = &eval_fit_ms(e, j.group, j.contender)[j.trial];
    maple_error why = {.status = MAPLE_OK};
    maple_status status = MAPLE_OK;
    if (contender->info->pretrains)
        status = maple_eval_pretrain(e, contender, j.group, j.trial, room, &pretrained, fit_ms, &why);
    if (status != MAPLE_OK)
        return note_all(e, &j, status, why.message, error);
    for (size_t i = group->first; status == MAPLE_OK && i < group->first + group->n; i++)
        status = run_split(e, &j, i, pretrained, &request, room, error);
    maple_pretrained_free(pretrained);
    return status;
}

maple_status maple_eval_jobs(eval *e, maple_error *error) {
    for (size_t c = 0; c < e->n_contenders; c++)
        e->total += e->n_splits * e->contenders[c].n_slots * e->trials;
    size_t n = e->n_groups * e->trials * e->n_contenders;
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        eval_job j = find_job(e, i);
        status = maple_eval_recall(e, &j, error);
    }
    if (status != MAPLE_OK)
        return status;
    /* From here on, so that the time left is told from the speed of what is done now. */
    maple_report_progress(e->request->hooks, "evaluating", (double)e->done, (double)e->total, "runs");
    return maple_eval_parallel(e, n, run_job, error);
}
