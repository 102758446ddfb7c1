/* SPDX-License-Identifier: Apache-2.0 */
/* maple evaluate: predictors compared on the platforms of a pool. */
#include "evaluate.h"

#include <stdio.h>
#include <string.h>

typedef enum protocol { LEAVE_ONE_OUT, TASKS, SPLIT } protocol;

/* As on the command line, and what it means. */
typedef struct evaluate_job {
    pool_reading reading; /* first, so that an evaluate_job is one */
    const char *protocol_name, *task_names, *platform_names, *leave_out, *source_names, *target_names;
    const char *predictor_names, *sample_numbers, *sampler, *train_archs, *cache_name, *scoring_name;
    int trials, threads, known; /* known: 0 where all are */
    uint64_t seed;
    bool json, csv, markdown, per_target, flagged;

    protocol protocol;
    maple_leave_out leave_out_what;
    cli_names platforms, sources, targets;
    const maple_task **tasks; /* [n_tasks] */
    size_t n_tasks;
    cli_contenders contenders;
    int *samples;
    size_t n_samples;
    long train; /* 0: all; -1: not said */
    char *cache, *command;
    cli_evaluation_view view;
    cli_evaluated *parts; /* one for each space */
    size_t n_parts;
} evaluate_job;

static void add_options(evaluate_job *job, cli_options *options) {
    cli_reading_options(&job->reading, options);
    job->reading.space_name = NULL;
    job->sample_numbers = "10";
    job->sampler = "random";
    job->scoring_name = "unmeasured";
    job->trials = 10;
    job->seed = 1;
    cli_string(options, "protocol", &job->protocol_name, "NAME", "leave-one-out (default) or tasks");
    cli_choices(options, "leave-one-out tasks");
    cli_string(options, "tasks", &job->task_names, "A,B", "device tasks (ND ... FA, see above), or all");
    cli_string(options, "platforms", &job->platform_names, "A,B",
               "leave-one-out among these (default: all of the pool)");
    cli_string(options, "leave-out", &job->leave_out, "WHAT",
               "what is not learned from: the target alone (platform, default), or\n"
               "                         all of its device, engine and instruction set (family),\n"
               "                         or all of its CPU model (cpu)");
    cli_choices(options, "platform family cpu");
    cli_string(options, "source", &job->source_names, "A,B", "learn from these platforms ...");
    cli_string(options, "target", &job->target_names, "X,Y", "... and predict these");
    cli_string(options, "space", &job->reading.space_name, "NAME", "search space (default nas-bench-201)");
    cli_string(options, "predictor", &job->predictor_names, "A,B",
               "NAME[@SAMPLES][:OPTION=VALUE...] (default: all but the slow ones, see maple predictors)");
    cli_string(options, "samples", &job->sample_numbers, "3,10",
               "networks of the target that a predictor may learn from (default 10)");
    cli_string(options, "sampler", &job->sampler, "NAME",
               "which ones: random (default), suggest, params, latency, ...");
    cli_choices(options, "random suggest params latency zcp");
    cli_string(options, "train-archs", &job->train_archs, "N",
               "random architectures learned from, the same on each source, or all");
    cli_choices(options, "all");
    cli_int(options, "known", &job->known, 1, 1000000, "N",
            "learn from N random ones of each target's source platforms (other\n"
            "                         ones with another seed; default: all)");
    cli_int(options, "trials", &job->trials, 1, 100000, "N",
            "draws of samples and training architectures (default 10)");
    cli_flagged_option(options, &job->flagged);
    cli_seed(options, &job->seed);
    cli_int(options, "threads", &job->threads, 1, 1024, "N", "threads (default: one a core)");
    cli_string(options, "cache", &job->cache_name, "DIR", "where work done is kept (see above), or none");
    cli_string(options, "scoring", &job->scoring_name, "SET",
               "which networks tables are about: unmeasured (default), all, above20, ...");
    cli_flag(options, "per-target", &job->per_target, "tables show every target, not only the mean");
    cli_flag(options, "json", &job->json,
             "an array of objects, with all scoring sets, seed and command (for maple report)");
    cli_flag(options, "csv", &job->csv, "a line for each row and scoring set");
    cli_flag(options, "markdown", &job->markdown, "tables in Markdown");
}

/* --- What the options mean --- */

static maple_status exclude(const char *a, bool has_a, const char *b, bool has_b, maple_error *error) {
    return has_a && has_b ? maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s and %s exclude each other", a, b)
                          : MAPLE_OK;
}

static maple_status check_combination(const evaluate_job *job, maple_error *error) {
    const char *space = job->reading.space_name;
    bool tasks = job->protocol == TASKS, split = job->protocol == SPLIT;
    maple_status status = exclude("--json", job->json, "--csv", job->csv, error);
    if (status == MAPLE_OK)
        status = exclude("--json", job->json, "--markdown", job->markdown, error);
    if (status == MAPLE_OK)
        status = exclude("--csv", job->csv, "--markdown", job->markdown, error);
    if (status == MAPLE_OK)
        status = exclude("--tasks", tasks, "--platforms", job->platform_names, error);
    if (status == MAPLE_OK)
        status = exclude("--tasks", tasks, "--leave-out", job->leave_out, error);
    if (status == MAPLE_OK)
        status = exclude("--source and --target", split, "--platforms", job->platform_names, error);
    if (status == MAPLE_OK)
        status = exclude("--source and --target", split, "--leave-out", job->leave_out, error);
    if (status == MAPLE_OK)
        status = exclude("--tasks (each has its space)", tasks, "--space", space, error);
    if (status == MAPLE_OK && split && (!job->source_names || !job->target_names))
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT, "--source and --target go together: %s is missing",
                            job->source_names ? "--target" : "--source");
    return status;
}

static maple_status find_protocol(evaluate_job *job, maple_error *error) {
    const char *name = job->protocol_name;
    bool split = job->source_names || job->target_names;
    if (name && strcmp(name, "leave-one-out") != 0 && strcmp(name, "tasks") != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--protocol %s: use leave-one-out or tasks, or name --source and --target",
                               name);
    bool tasks = name ? strcmp(name, "tasks") == 0 : job->task_names != NULL;
    maple_status status = exclude("--protocol tasks", tasks, "--source and --target", split, error);
    if (status == MAPLE_OK)
        status = exclude("--protocol leave-one-out", name && !tasks, "--source and --target", split, error);
    if (status == MAPLE_OK)
        status = exclude("--protocol leave-one-out", name && !tasks, "--tasks", job->task_names, error);
    if (status == MAPLE_OK && tasks && !job->task_names)
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "--protocol tasks: --tasks A,B or --tasks all");
    job->protocol = tasks ? TASKS : split ? SPLIT : LEAVE_ONE_OUT;
    if (status == MAPLE_OK)
        status = check_combination(job, error);
    if (status != MAPLE_OK || !job->leave_out)
        return status;
    return cli_leave_out_parse(job->leave_out, &job->leave_out_what, error);
}

/* Every task that can be run; says which cannot. */
static void take_all_tasks(evaluate_job *job) {
    for (size_t i = 0; i < maple_task_count(); i++) {
        const maple_task *task = maple_task_at(i);
        if (task->reason)
            cli_say("task %s is not run: %s", task->name, task->reason);
        else
            job->tasks[job->n_tasks++] = task;
    }
}

static maple_status find_tasks(evaluate_job *job, maple_error *error) {
    cli_names names;
    if (job->protocol != TASKS)
        return MAPLE_OK;
    maple_status status = cli_names_split(job->task_names, "--tasks", &names, error);
    if (status != MAPLE_OK)
        return status;
    job->tasks = maple_alloc(names.n + maple_task_count(), sizeof *job->tasks);
    if (!job->tasks)
        status = maple_error_memory(error);
    else if (names.n == 1 && strcmp(names.items[0], "all") == 0)
        take_all_tasks(job);
    else
        for (size_t i = 0; status == MAPLE_OK && i < names.n; i++) {
            status = maple_task_find(names.items[i], &job->tasks[i], error);
            for (size_t k = 0; status == MAPLE_OK && k < i; k++) {
                if (job->tasks[k] == job->tasks[i])
                    status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "--tasks: %s is named twice",
                                             names.items[i]);
            }
            job->n_tasks++;
        }
    for (size_t i = 0; status == MAPLE_OK && i < job->n_tasks; i++) {
        if (job->tasks[i]->note)
            cli_say("task %s: %s", job->tasks[i]->name, job->tasks[i]->note);
    }
    cli_names_free(&names);
    return status;
}

static maple_status find_train_archs(evaluate_job *job, maple_error *error) {
    job->train = -1;
    if (!job->train_archs)
        return MAPLE_OK;
    job->train = 0;
    if (strcmp(job->train_archs, "all") == 0)
        return MAPLE_OK;
    int *numbers;
    size_t n;
    maple_status status = cli_numbers_parse(job->train_archs, "--train-archs", &numbers, &n, error);
    if (status == MAPLE_OUT_OF_MEMORY)
        return status;
    if (status == MAPLE_OK) {
        job->train = n == 1 ? numbers[0] : 0;
        maple_free(numbers);
    }
    if (job->train < 1)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--train-archs %s: one number from 1, or all",
                               job->train_archs);
    return MAPLE_OK;
}

static maple_status understand(evaluate_job *job, maple_error *error) {
    maple_status status = find_protocol(job, error);
    if (status == MAPLE_OK)
        status = maple_scoring_find(job->scoring_name, &job->view.scoring, error);
    if (status == MAPLE_OK)
        status = cli_contenders_parse(job->predictor_names, &job->contenders, error);
    if (status == MAPLE_OK)
        status = cli_numbers_parse(job->sample_numbers, "--samples", &job->samples, &job->n_samples, error);
    if (status == MAPLE_OK)
        status = find_train_archs(job, error);
    if (status == MAPLE_OK)
        status = cli_names_split(job->platform_names, "--platforms", &job->platforms, error);
    if (status == MAPLE_OK)
        status = cli_names_split(job->source_names, "--source", &job->sources, error);
    if (status == MAPLE_OK)
        status = cli_names_split(job->target_names, "--target", &job->targets, error);
    if (status == MAPLE_OK)
        status = cli_cache_folder(job->cache_name, &job->cache, error);
    if (status == MAPLE_OK)
        status = find_tasks(job, error);
    if (job->threads == 0)
        job->threads = cli_cores();
    job->view.per_target = job->per_target;
    job->view.sampler = job->sampler;
    return status;
}

static void release(evaluate_job *job) {
    for (size_t i = 0; i < job->n_parts; i++)
        maple_free(job->parts[i].rows);
    maple_free(job->parts);
    maple_free(job->tasks);
    maple_free(job->samples);
    maple_free(job->cache);
    maple_free(job->command);
    cli_names_free(&job->platforms);
    cli_names_free(&job->sources);
    cli_names_free(&job->targets);
    cli_contenders_free(&job->contenders);
}

/* --- Evaluating --- */

static maple_status make_splits(const evaluate_job *job, const maple_dataset *dataset, maple_splits *splits,
                                maple_error *error) {
    if (job->protocol == LEAVE_ONE_OUT)
        return maple_splits_leave_one_out(dataset, job->platforms.items, job->platforms.n,
                                          job->leave_out_what, splits, error);
    if (job->protocol == SPLIT)
        return maple_splits_named(dataset, job->sources.items, job->sources.n, job->targets.items,
                                  job->targets.n, splits, error);
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < job->n_tasks; i++) {
        if (strcmp(job->tasks[i]->space, maple_space_name(dataset->space)) == 0)
            status = maple_splits_task(dataset, job->tasks[i], splits, error);
    }
    return status;
}

static void say_flagged(const evaluate_job *job, const maple_dataset *dataset, maple_pool *pool) {
    if (job->reading.bundled)
        cli_say_all_flagged(dataset);
    else
        cli_say_flagged(dataset, pool, NULL);
}

static maple_status evaluate_space(evaluate_job *job, maple_pool *pool, const char *space_name,
                                   cli_evaluated *part, maple_error *error) {
    const maple_space *space;
    maple_dataset *dataset = NULL;
    maple_splits splits = {0};
    maple_status status = maple_space_find(space_name, &space, error);
    if (status == MAPLE_OK)
        status = maple_dataset_load_flagged(&pool, 1, space, job->flagged, &dataset, error);
    if (status == MAPLE_OK)
        say_flagged(job, dataset, pool);
    if (status == MAPLE_OK)
        status = make_splits(job, dataset, &splits, error);
    if (status == MAPLE_OK)
        status = cli_keep_known((size_t)job->known, job->seed, dataset, &splits, error);
    if (status == MAPLE_OK) {
        part->space = maple_space_name(space);
        status =
            cli_choose_train_archs(job->train, &job->contenders, dataset, &splits, &part->train_archs, error);
    }
    if (status == MAPLE_OK) {
        maple_evaluation evaluation = {.dataset = dataset,
                                       .splits = &splits,
                                       .contenders = job->contenders.items,
                                       .n_contenders = job->contenders.n,
                                       .samples = job->samples,
                                       .n_samples = job->n_samples,
                                       .sampler = job->sampler,
                                       .train_archs = part->train_archs,
                                       .trials = job->trials,
                                       .seed = job->seed,
                                       .threads = job->threads,
                                       .cache = job->cache,
                                       .hooks = cli_hooks()};
        status = maple_evaluate(&evaluation, &part->rows, &part->n, error);
    }
    maple_splits_free(&splits);
    maple_dataset_free(dataset);
    return status;
}

/* Each space once, in the order of the tasks. */
static maple_status evaluate_pool(maple_pool *pool, void *user, maple_error *error) {
    evaluate_job *job = user;
    job->parts = maple_alloc(job->n_tasks + 1, sizeof *job->parts);
    if (!job->parts)
        return maple_error_memory(error);
    if (job->protocol != TASKS) {
        const char *space = job->reading.space_name ? job->reading.space_name : "nas-bench-201";
        return evaluate_space(job, pool, space, &job->parts[job->n_parts++], error);
    }
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < job->n_tasks; i++) {
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || strcmp(job->tasks[k]->space, job->tasks[i]->space) == 0;
        if (!seen)
            status = evaluate_space(job, pool, job->tasks[i]->space, &job->parts[job->n_parts++], error);
    }
    return status;
}

/* A command that could score nothing has failed, whatever it has printed. */
static maple_status check_any(const evaluate_job *job, maple_error *error) {
    const char *reason = "";
    for (size_t p = 0; p < job->n_parts; p++) {
        for (size_t i = 0; i < job->parts[p].n; i++) {
            if (!*job->parts[p].rows[i].reason)
                return MAPLE_OK;
            reason = *reason ? reason : job->parts[p].rows[i].reason;
        }
    }
    return maple_error_set(error, MAPLE_BAD_INPUT, "nothing could be scored; the first reason: %s", reason);
}

/* Once for each contender: thousands of runs leave out a sample now and then. */
static void say_left_out(const evaluate_job *job) {
    for (size_t c = 0; c < job->contenders.n; c++) {
        const char *label = job->contenders.items[c].label;
        double left_out = 0, samples = 0;
        for (size_t p = 0; p < job->n_parts; p++) {
            for (size_t i = 0; i < job->parts[p].n; i++) {
                const maple_evaluation_row *row = &job->parts[p].rows[i];
                if (!*row->target || *row->reason || strcmp(row->predictor, label) != 0)
                    continue;
                left_out += row->left_out * row->trials;
                samples += (double)row->samples * row->trials;
            }
        }
        if (left_out > 0)
            cli_say("warning: %s left out %.0f of %.0f samples, which do not fit with the others", label,
                    left_out, samples);
    }
}

static maple_status print_result(const evaluate_job *job, maple_error *error) {
    const cli_evaluation_origin origin = {job->command, job->sampler, job->seed};
    cli_end_progress();
    say_left_out(job);
    if (job->json)
        return cli_evaluation_json(job->parts, job->n_parts, &origin, error);
    if (job->csv)
        return cli_evaluation_csv(job->parts, job->n_parts, job->sampler, error);
    return cli_evaluation_table(job->parts, job->n_parts, &job->view, job->markdown, error);
}

static maple_status run_evaluate(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    evaluate_job job = {0};
    add_options(&job, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status != MAPLE_OK || options.help)
        return status;
    status = cli_keep_command(self, argc, argv, &job.command, error); /* no arguments: nothing was moved */
    if (status == MAPLE_OK)
        status = understand(&job, error);
    if (status == MAPLE_OK)
        status = cli_with_readable_pool(&job.reading, evaluate_pool, error);
    if (status == MAPLE_OK)
        status = print_result(&job, error);
    if (status == MAPLE_OK)
        status = check_any(&job, error);
    release(&job);
    return status;
}

const cli_command cli_evaluate = {
    .name = "evaluate",
    .arguments = "",
    .summary = "compare predictors on the platforms of a pool",
    .details =
        "Predicts platforms of one pool from its others and a few networks of their own, and scores the "
        "predictions on the\n"
        "networks that were not measured for it (--scoring). Who is predicted from whom: each platform of "
        "the pool (or of the list\n"
        "--platforms) from all others of it, --target from --source, or the device tasks of the literature "
        "(--tasks) on the public\n"
        "tables (maple pool import help).\n"
        "\n"
        "Predictors: NAME, NAME@900 (its own number of samples), NAME:OPTION=VALUE:OPTION=VALUE (options of "
        "maple fit).\nTasks: ND N1 N2 N3 N4 NA (nas-bench-201), FD F1 F2 F3 F4 FA (fbnet); N1, N3 and N4 "
        "have no "
        "public tables.\nSamplers: random, suggest (what gp asks for), params, latency, kmeans:ENCODING, "
        "cosine:ENCODING, zcp (cosine:zcp);\nencodings: one-hot, features, zcp (which needs scores: maple "
        "pool "
        "import zcp FILE --space NAME).\n"
        "Scoring sets: unmeasured; all; above20 (above 20 % of the median); first128 and trimmed800 (by "
        "canonical "
        "index).\n\n"
        "`measured` counts the different networks that were measured on the target: samples and references; "
        "left_out (JSON, CSV)\nthe samples that a predictor found not to fit with the others. fit is the "
        "time of "
        "pre-training on the sources, adapt\nthat for the target, predict that for all; what comes from the "
        "cache has the times of its making. Every contender of a\ntrial has the same samples and training "
        "architectures. 90 % cov. (coverage90) is the share of latencies within the\nnominal 90 % interval, "
        "width (interval_width) the median of (upper - lower) / prediction; predictors without\nintervals "
        "have "
        "neither.\n\n"
        "--train-archs N: N random ones of the architectures that all sources of a target have; fewer in "
        "common is "
        "an error. all:\nwhatever each source has (of which maple, fine-tune, help and nasflat take their "
        "option "
        "source_archs). Default: 900\nwhere the sources have so many in common, else all, and stderr says "
        "what there is.\n\n"
        "Every finished run and pre-trained model is kept in maple-evaluate.db in the cache folder, under "
        "all that "
        "it depends on\n(data, options, seed, this build, ...): a command that was interrupted, or killed, "
        "goes on "
        "when it is given again, and one\nthat was complete repeats its result. The folder is --cache DIR, "
        "else "
        "$XDG_CACHE_HOME/maple, else ~/.cache/maple. Above\n256 MiB what was longest unused goes. To clear "
        "the "
        "cache remove the file; --cache none computes all and keeps nothing.\nmaple predict, fit, suggest, "
        "profile and quickstart keep their pre-trained models there, too.",
    .examples =
        "  maple evaluate --bundled --leave-out family --samples 3,10 --predictor maple,lut-fit,flops\n"
        "  maple evaluate --pool help.db --tasks ND,FA --predictor flops,nearest --samples 10,20 --json\n"
        "  maple evaluate --source board-a,board-b --target board-c --predictor "
        "maple,maple:epochs=20,lut-fit",
    .run = run_evaluate,
};
