/* SPDX-License-Identifier: Apache-2.0 */
/* maple candidates: HELP's protocol for choosing a network: from a list of generated candidates, the most
 * promising first, by predicted latencies, under budgets; over draws of the samples. */
#include "candidates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- Preparing --- */

static maple_status parse_limits(cli_choosing_job *job, maple_error *error) {
    cli_names limits;
    if (!job->limits.data)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--max-latency is missing: 18ms,21ms,25ms");
    maple_status status = cli_names_split(job->limits.data, "--max-latency", &limits, error);
    if (status == MAPLE_OK && limits.n > CLI_MOST_BUDGETS)
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT, "--max-latency: %d budgets at most", CLI_MOST_BUDGETS);
    for (size_t i = 0; status == MAPLE_OK && i < limits.n; i++)
        status = cli_latency_parse(limits.items[i], "--max-latency", &job->budgets_ms[i], error);
    job->n_budgets = limits.n;
    cli_names_free(&limits);
    return status;
}

static maple_status understand(cli_choosing_job *job, maple_error *error) {
    if (!job->platform)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform NAME is missing; see maple pool list");
    if (!job->file)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--file FILE is missing: the candidates (maple candidates --help)");
    if (job->task && strcmp(job->leave_out_text, "none") != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--task and --leave-out exclude each other: a task names its sources");
    maple_status status = parse_limits(job, error);
    if (status == MAPLE_OK)
        status = cli_leave_out_parse(job->leave_out_text, &job->leave_out, error);
    if (status == MAPLE_OK && job->confidence_text)
        status = cli_confidence_parse(job->confidence_text, &job->confidence, error);
    if (status == MAPLE_OK)
        status = cli_contenders_parse(job->predictors ? job->predictors : "gp,nearest,flops",
                                      &job->contenders, error);
    return status;
}

/* Who is learned from: the sources of the task, or all others. */
static maple_status find_sources(cli_choosing_job *job, maple_error *error) {
    const maple_task *task;
    if (!job->task)
        return MAPLE_OK;
    maple_status status = maple_task_find(job->task, &task, error);
    if (status == MAPLE_OK)
        status = maple_splits_task(job->dataset, task, &job->splits, error);
    for (size_t i = 0; status == MAPLE_OK && i < job->splits.n; i++) {
        if (job->splits.items[i].target != job->target)
            continue;
        job->sources = job->splits.items[i].sources;
        job->n_sources = job->splits.items[i].n_sources;
        return MAPLE_OK;
    }
    return status == MAPLE_OK
               ? maple_error_set(error, MAPLE_BAD_ARGUMENT, "--task %s: %s is none of its targets",
                                 task->name, job->platform)
               : status;
}

/* What the candidates take in truth: each has to be measured. */
static maple_status find_latencies(cli_choosing_job *job, maple_error *error) {
    const maple_dataset *d = job->dataset;
    const maple_candidates *list = &job->candidates;
    const maple_dataset_platform *target = &d->platforms[job->target];
    const double *known_ms = target->latency_ms;
    job->latency_ms = maple_alloc(list->n, sizeof *job->latency_ms);
    if (!job->latency_ms)
        return maple_error_memory(error);
    for (size_t i = 0; i < list->n; i++) {
        size_t at = 0;
        while (at < d->n_archs && !maple_arch_equal(&d->archs[at], &list->archs[i]))
            at++;
        if (at < d->n_archs && isfinite(known_ms[at])) {
            job->latency_ms[i] = known_ms[at];
            continue;
        }
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(d->space, &list->archs[i], text);
        if (target->platform.graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(d->space, &list->archs[i]))
            return maple_error_set(
                error, MAPLE_BAD_INPUT,
                "%s: candidate %zu (%s) has no path from input to output, so it has no latency "
                "on %s, which is pruned: leave it out",
                job->file, i + 1, text, job->platform);
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "%s: candidate %zu (%s) was not measured on %s%s: the choice could not be judged", job->file,
            i + 1, text, job->platform,
            target->n_flagged > 0
                ? ", or is one of the labels that are left out as noisy (--flagged takes them)"
                : "");
    }
    for (size_t b = 0; b < job->n_budgets; b++)
        job->oracle[b] =
            maple_candidates_choose(list, job->latency_ms, job->budgets_ms[b], (size_t)job->take);
    return MAPLE_OK;
}

static maple_status prepare(cli_choosing_job *job, maple_error *error) {
    const maple_space *space;
    maple_status status = maple_space_find("nas-bench-201", &space, error);
    if (status == MAPLE_OK)
        status = maple_candidates_read(space, job->file, &job->candidates, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(job->pool, &job->user, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(job->user, space, job->flagged, &job->dataset, error);
    if (status != MAPLE_OK)
        return status;
    cli_say_flagged(job->dataset, job->user, job->platform);
    ptrdiff_t target = maple_dataset_platform_row(job->dataset, job->platform);
    if (target < 0)
        return maple_error_set(error, MAPLE_NOT_FOUND,
                               "no platform '%s' with latencies in %s or the bundled pool; see maple pool "
                               "list",
                               job->platform,
                               job->user ? maple_pool_path(job->user) : "your pool (there is none yet)");
    job->target = (size_t)target;
    status = find_sources(job, error);
    if (status == MAPLE_OK)
        status = find_latencies(job, error);
    job->rows = maple_alloc(job->contenders.n, sizeof *job->rows);
    if (status == MAPLE_OK && !job->rows)
        status = maple_error_memory(error);
    return status;
}

/* --- Choosing --- */

/* One contender, over all draws: what is pre-trained is so once. */
typedef struct choosing {
    cli_choosing_job *job;
    const maple_contender *contender;
    maple_pretrained *pretrained;
    double *ms; /* [3 x candidates.n] predictions, their bounds */
    cli_choosing_row *out;
} choosing;

/* How many different networks these and the references that the predictor uses are, once they are pruned on a
 * pruned platform. known[n] has room for the references. */
static size_t count_different(const cli_choosing_job *job, maple_arch *known, size_t n, int references) {
    const maple_dataset *d = job->dataset;
    const maple_dataset_platform *platform = &d->platforms[job->target];
    size_t different = 0;
    for (int i = 0; i < references; i++) {
        maple_arch reference = maple_space_reference(d->space, (size_t)i);
        size_t at = 0;
        while (at < d->n_archs && !maple_arch_equal(&d->archs[at], &reference))
            at++;
        if (at < d->n_archs && isfinite(platform->latency_ms[at]))
            known[n++] = reference;
    }
    for (size_t i = 0; i < n; i++) {
        known[i] = maple_space_canonical(d->space, platform->platform.graph, &known[i]);
        size_t k = 0;
        while (k < i && !maple_arch_equal(&known[k], &known[i]))
            k++;
        different += k == i;
    }
    return different;
}

static maple_status fit(choosing *c, int trial, maple_predictor **predictor, maple_error *error) {
    cli_choosing_job *job = c->job;
    const maple_dataset *d = job->dataset;
    const maple_dataset_platform *platform = &d->platforms[job->target];
    const maple_target target = maple_dataset_target(d, platform);
    size_t n = (size_t)cli_contender_samples(c->contender, job->samples);
    size_t room = n + maple_space_references(d->space) + 1;
    size_t *rows = maple_alloc(room, sizeof *rows);
    maple_arch *archs = maple_alloc(room, sizeof *archs);
    double *latency_ms = maple_alloc(room, sizeof *latency_ms);
    maple_fit_times times = {NAN, NAN};
    int references = 0;
    maple_status status = rows && archs && latency_ms ? MAPLE_OK : maple_error_memory(error);
    /* The first n of the draw's networks: contenders of one draw have the same ones. */
    if (status == MAPLE_OK && n > 0)
        status = maple_sampler_draw(d, job->target, "random", n, job->seed + (uint64_t)trial, rows, error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++) {
        archs[i] = d->archs[rows[i]];
        latency_ms[i] = platform->latency_ms[rows[i]];
    }
    cli_fit_job request = {.predictor = c->contender->name,
                           .options = c->contender->options,
                           .dataset = d,
                           .platform = platform,
                           .leave_out = job->leave_out,
                           .sources = job->sources,
                           .n_sources = job->n_sources,
                           .archs = archs,
                           .latency_ms = latency_ms,
                           .n_samples = n,
                           .seed = job->seed,
                           .cache = &job->cache,
                           .pretrained = &c->pretrained,
                           .times = &times};
    if (status == MAPLE_OK)
        status = maple_predictor_references(c->contender->name, c->contender->options, d->space, &target,
                                            &references, error);
    if (status == MAPLE_OK)
        status = cli_run_fit(&request, predictor, error);
    if (status == MAPLE_OK) {
        c->out->measured += (double)count_different(job, archs, n, references);
        c->out->adapt_s += times.adapt_ms / 1e3;
        if (isfinite(times.pretrain_ms))
            c->out->pretrain_s = times.pretrain_ms / 1e3;
    }
    maple_free(rows);
    maple_free(archs);
    maple_free(latency_ms);
    return status;
}

/* What is compared with the budgets: predictions, or what they stay below with the confidence. */
static maple_status predict(choosing *c, const maple_predictor *predictor, maple_error *error) {
    const maple_candidates *list = &c->job->candidates;
    double *ms = c->ms, *lower = c->ms + list->n, *upper = c->ms + 2 * list->n;
    if (!(c->job->confidence > 0))
        return maple_predictor_predict(predictor, list->archs, list->n, ms, error);
    double spread = maple_confidence_spread(c->job->confidence);
    maple_status status = maple_predictor_intervals(predictor, list->archs, list->n, ms, lower, upper, error);
    for (size_t i = 0; status == MAPLE_OK && i < list->n; i++)
        ms[i] += spread * (upper[i] - ms[i]);
    return status;
}

static void count(const choosing *c) {
    const cli_choosing_job *job = c->job;
    for (size_t b = 0; b < job->n_budgets; b++) {
        cli_chosen *t = &c->out->budgets[b];
        for (size_t i = 0; i < job->candidates.n; i++) {
            bool accepted = c->ms[i] <= job->budgets_ms[b];
            t->accepted += accepted;
            t->accepted_violating += accepted && job->latency_ms[i] > job->budgets_ms[b];
        }
        size_t choice =
            maple_candidates_choose(&job->candidates, c->ms, job->budgets_ms[b], (size_t)job->take);
        if (choice == SIZE_MAX)
            continue;
        double ms = job->latency_ms[choice], accuracy = job->candidates.accuracy[choice];
        t->chosen++;
        t->violated += ms > job->budgets_ms[b];
        t->latency_ms += ms;
        t->latency_square += ms * ms;
        t->accuracy += accuracy;
        t->accuracy_square += accuracy * accuracy;
    }
}

static maple_status choose(choosing *c, int trial, maple_error *error) {
    maple_predictor *predictor = NULL;
    maple_status status = fit(c, trial, &predictor, error);
    int64_t start = maple_clock_ns();
    if (status == MAPLE_OK)
        status = predict(c, predictor, error);
    if (status == MAPLE_OK) {
        c->out->adapt_s += (double)(maple_clock_ns() - start) * 1e-9;
        count(c);
    }
    maple_predictor_free(predictor);
    return status;
}

/* All draws. A predictor that cannot serve the platform is MAPLE_BAD_INPUT. */
static maple_status choose_by(cli_choosing_job *job, size_t number, maple_error *error) {
    const maple_predictor_info *info;
    double all = (double)job->trials * (double)job->contenders.n;
    choosing c = {.job = job,
                  .contender = &job->contenders.items[number],
                  .ms = maple_alloc(3 * job->candidates.n, sizeof *c.ms),
                  .out = &job->rows[number]};
    c.out->pretrain_s = NAN;
    maple_status status =
        c.ms ? maple_predictor_find(c.contender->name, &info, error) : maple_error_memory(error);
    if (status == MAPLE_OK && job->confidence > 0 && !info->intervals)
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "predictor %s has no intervals: how sure it is is not known (--confidence)",
                                 info->name);
    for (int trial = 0; status == MAPLE_OK && trial < job->trials; trial++) {
        status = maple_is_cancelled(cli_hooks())
                     ? maple_error_set(error, MAPLE_INTERRUPTED, "interrupted: nothing was printed")
                     : choose(&c, trial, error);
        maple_report_progress(cli_hooks(), "choosing", (double)number * job->trials + trial + 1, all,
                              "draws");
    }
    maple_pretrained_free(c.pretrained);
    maple_free(c.ms);
    return status;
}

/* --- The command --- */

static maple_status choose_all(cli_choosing_job *job, maple_error *error) {
    size_t served = 0;
    maple_status status = prepare(job, error);
    for (size_t c = 0; status == MAPLE_OK && c < job->contenders.n; c++) {
        const maple_contender *contender = &job->contenders.items[c];
        cli_choosing_row *row = &job->rows[c];
        maple_error why;
        row->label = contender->label ? contender->label : contender->name;
        status = choose_by(job, c, &why);
        served += status == MAPLE_OK;
        if (status == MAPLE_BAD_INPUT) { /* its row says so */
            snprintf(row->reason, sizeof row->reason, "%.*s", (int)sizeof row->reason - 1, why.message);
            status = MAPLE_OK;
        } else if (status != MAPLE_OK) {
            maple_error_set(error, status, "%s", why.message);
        }
    }
    cli_end_progress();
    if (status == MAPLE_OK)
        status = cli_candidates_print(job, error);
    if (status == MAPLE_OK && served == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "nothing could be chosen; the first reason: %s",
                                 job->rows[0].reason);
    return status;
}

static maple_status run_candidates(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_choosing_job job = {.samples = 10, .take = 3, .trials = 10, .seed = 1, .leave_out_text = "none"};
    cli_string(&options, "platform", &job.platform, "NAME", "the platform to choose for");
    cli_string(&options, "file", &job.file, "FILE", "the candidates");
    cli_list(&options, "max-latency", &job.limits, "5ms",
             "the budgets (us, s, ms; without a unit: ms), a comma between two");
    cli_string(&options, "predictors", &job.predictors, "NAME,...",
               "as in maple evaluate (default gp,nearest,flops)");
    cli_string(&options, "task", &job.task, "NAME", "learn from the sources of a published task (ND) only");
    cli_choices(&options, "ND N2 NA");
    cli_string(&options, "leave-out", &job.leave_out_text, "WHAT",
               "learn not from: none (default), family, cpu (all platforms of this CPU model)");
    cli_choices(&options, "none family cpu");
    cli_int(&options, "samples", &job.samples, 0, 1000000, "N",
            "random networks of the platform that a predictor may learn from (default 10)");
    cli_string(&options, "confidence", &job.confidence_text, "C",
               "meet a budget with this probability, by the predictor's interval (0.95)");
    cli_int(&options, "take", &job.take, 1, 1000000, "N",
            "how many of those that are predicted to meet a budget are trained (default 3)");
    cli_int(&options, "trials", &job.trials, 1, 100000, "N", "draws of samples (default 10)");
    cli_seed(&options, &job.seed);
    cli_cache_option(&job.cache, &options);
    cli_string(&options, "pool", &job.pool, "FILE", "your pool (default $XDG_DATA_HOME/maple/pool.db)");
    cli_flagged_option(&options, &job.flagged);
    cli_flag(&options, "markdown", &job.markdown, "a table for a document");
    cli_flag(&options, "json", &job.json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status == MAPLE_OK && !options.help) {
        status = understand(&job, error);
        if (status == MAPLE_OK)
            status = choose_all(&job, error);
    }
    maple_splits_free(&job.splits);
    maple_dataset_free(job.dataset);
    maple_pool_close(job.user);
    maple_candidates_free(&job.candidates);
    cli_contenders_free(&job.contenders);
    maple_text_free(&job.limits);
    cli_cache_close(&job.cache);
    maple_free(job.latency_ms);
    maple_free(job.rows);
    return status;
}

const cli_command cli_candidates = {
    .name = "candidates",
    .arguments = "",
    .summary = "choose from a list of candidates under latency budgets, as published",
    .details =
        "HELP's protocol (NeurIPS 2021, table 4): a generator has made a list of architectures, the most "
        "promising first.\nOf those that are predicted to meet a budget the first three are trained, and the "
        "most accurate of them is taken.\nShown are its true latency and accuracy, mean ± standard deviation "
        "over draws of the samples, and in how many draws it\ntakes longer than allowed. `oracle` knows all "
        "latencies. With --confidence a candidate meets a budget where it does so\nwith that probability: "
        "by predictors with intervals (gp), the others' rows say so. --json has the share of all\ncandidates "
        "accepted that take longer, too.\n\n"
        "MEASURED counts different networks measured on the platform (samples and references). PRE-TRAIN S: "
        "once for all draws;\nwhat comes from the cache has the time of its making. ADAPT S: adapting (or "
        "fitting) and predicting the candidates, in\neach draw. Draws share the pre-trained model: ± is of "
        "the samples.\n\n"
        "The file: the seconds that generating took, then a line \"architecture, accuracy, score\" each, by "
        "descending score\n(nas-bench-201; arch_generated_by_metad2a.txt of the HELP repository). Every "
        "candidate has to be measured on the\nplatform. Learned from are your pool's platforms and the "
        "bundled ones.",
    .examples =
        "  maple candidates --file arch_generated_by_metad2a.txt --platform titan_rtx_256 --pool help.db "
        "--task ND --max-latency 18ms,21ms,25ms --predictors gp,help,nearest\n"
        "  maple candidates --file list.txt --platform my-laptop --max-latency 5ms --json",
    .run = run_candidates,
};
