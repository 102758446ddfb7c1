/* SPDX-License-Identifier: Apache-2.0 */
/* maple search: the best architectures under constraints on latency. */
#include "search.h"

#include <math.h>
#include <string.h>

/* What was measured before something went wrong is kept. */
static maple_status verify(cli_searching *s, maple_error *error) {
    size_t wanted = (size_t)s->verify, n = wanted < s->result.n ? wanted : s->result.n;
    s->verified = maple_alloc(n * s->n_targets, sizeof *s->verified);
    if (!s->verified)
        return maple_error_memory(error);
    for (size_t i = 0; i < n * s->n_targets; i++)
        s->verified[i] = (maple_latency){.latency_ms = NAN, .reason = "not measured"};
    maple_status status = MAPLE_OK;
    for (size_t p = 0; status == MAPLE_OK && p < s->n_targets; p++) {
        status = cli_verify(s->user, s->targets[p].name, s->space, s->result.archs, n, s->fitting.seed,
                            s->verified + p * n, error);
        if (status == MAPLE_OK)
            s->n_verify = n;
    }
    cli_search_count(s);
    return status;
}

static maple_status judge_verified(const cli_searching *s, maple_error *error) {
    if (s->violations == 0 && s->failed == 0)
        return MAPLE_OK;
    if (s->failed == 0)
        return maple_error_set(error, MAPLE_CHECK_FAILED,
                               "%zu of %zu architectures that were measured violate a constraint",
                               s->violations, s->n_verified);
    return maple_error_set(error, MAPLE_CHECK_FAILED,
                           "of %zu architectures %zu violate a constraint and %zu could not be measured",
                           s->n_verify, s->violations, s->failed);
}

static maple_status find(cli_searching *s, maple_error *error) {
    maple_status status = cli_search_prepare(s, error);
    if (status == MAPLE_OK)
        status = maple_search(&s->request, &s->result, error);
    cli_end_progress();
    if (status == MAPLE_OK)
        status = maple_judge_finish(s->judge, error);
    if (status == MAPLE_OK) {
        s->index = maple_alloc(s->result.n, sizeof *s->index);
        status = s->index ? cli_indices(s->user, s->space, s->result.archs, s->result.n, s->index, error)
                          : maple_error_memory(error);
    }
    return status;
}

/* What was found is printed whatever becomes of verifying it. */
static maple_status search(cli_searching *s, maple_error *error) {
    maple_error why = {0};
    maple_status status = find(s, error);
    if (status != MAPLE_OK)
        return status;
    maple_status verified = s->verify > 0 ? verify(s, &why) : MAPLE_OK;
    cli_end_progress();
    status = cli_search_print(s, error);
    if (status == MAPLE_OK && verified != MAPLE_OK)
        status = maple_error_set(error, verified, "%s", why.message);
    return status == MAPLE_OK ? judge_verified(s, error) : status;
}

/* What would be ignored is refused. */
static maple_status check_options(const cli_searching *s, const cli_options *options, maple_error *error) {
    static const char *const OF_FITTING[] = {"predictor", "options", "samples",
                                             "leave-out", "flagged", "cache"};
    if (s->front && cli_given(options, "best"))
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--front and --best exclude each other: a front is as long as it is");
    if (!s->front && s->verify > s->best)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--verify %d, but only the %d best are looked for: raise --best", s->verify,
                               s->best);
    if (s->models.data && s->latencies && strcmp(s->latencies, "measured") == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--latencies measured and --model exclude each other: a model only predicts; "
                               "--platform takes what was measured");
    bool measured = s->latencies && strcmp(s->latencies, "measured") == 0;
    for (size_t i = 0; measured && i < sizeof OF_FITTING / sizeof *OF_FITTING; i++) {
        if (cli_given(options, OF_FITTING[i]) && strcmp(OF_FITTING[i], "flagged") != 0)
            return maple_error_set(
                error, MAPLE_BAD_ARGUMENT,
                "--latencies measured and --%s exclude each other: what was measured is not "
                "predicted",
                OF_FITTING[i]);
    }
    for (size_t i = 0; s->models.data && !s->platforms.data && i < sizeof OF_FITTING / sizeof *OF_FITTING;
         i++) {
        if (cli_given(options, OF_FITTING[i]))
            return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                   "--%s says how a --platform is predicted for: a --model is fitted already",
                                   OF_FITTING[i]);
    }
    return MAPLE_OK;
}

static void add_options(cli_searching *s, cli_options *options) {
    cli_list(options, "platform", &s->platforms, "NAME",
             "a platform that it is for; several, one option each or with commas");
    cli_list(options, "model", &s->models, "FILE", "the same as a model saved by maple fit");
    cli_list(options, "max-latency", &s->limits, "5ms",
             "the latency allowed there (us, s, ms; without a unit: ms): one for all platforms, or one\n"
             "                         for each");
    cli_string(options, "confidence", &s->confidence, "P",
               "keep what meets it with this probability, by the interval (0.5 to below 1)");
    cli_scoring_options(&s->scoring, options);
    cli_int(options, "best", &s->best, 1, 1000000, "K", "how many architectures are wanted (default 10)");
    cli_flag(options, "front", &s->front, "all that no other is better than in score and latencies");
    cli_string(options, "algorithm", &s->algorithm, "NAME", "auto (default), enumerate, evolution, nsga2");
    cli_choices(options, "auto enumerate evolution nsga2");
    cli_int(options, "evaluations", &s->evaluations, 1, 5000000, "N",
            "architectures that evolution and nsga2 look at (default 20000)");
    cli_int(options, "population", &s->population, 2, 100000, "N", "of them at a time (default 100)");
    cli_string(options, "latencies", &s->latencies, "WHICH",
               "auto (measured where there is a label, else predicted; default), measured,\n"
               "                         predicted (the default with --samples)");
    cli_choices(options, "auto measured predicted");
    cli_int(
        options, "verify", &s->verify, 1, 10000, "K",
        "measure the K best anew on this machine, whatever labels there are; exit code 1 where one\n"
        "                         violates or cannot be measured, or the machine is not as fast as it was");
    cli_fitting_how_options(&s->fitting, options);
    cli_flag(options, "json", &s->json, "one object");
}

static maple_status run_search(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    cli_searching s = {.algorithm = "auto", .evaluations = 20000, .population = 100, .best = 10};
    add_options(&s, &options);
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status == MAPLE_OK && !options.help) {
        s.space_given = cli_given(&options, "space");
        s.samples_given = cli_given(&options, "samples");
        status = check_options(&s, &options, error);
        if (status == MAPLE_OK)
            status = search(&s, error);
    }
    cli_search_free(&s);
    return status;
}

const cli_command cli_search = {
    .name = "search",
    .arguments = "",
    .summary = "the best architectures by a score, under constraints on latency",
    .details =
        "Scores come from the pool (--score), from a file (--scores: a CSV file with the columns arch and "
        "score, or "
        "position,\nop and score, whose scores are added up) or from a program (--score-command: it gets the "
        "architectures on its\nstandard input, one a line, and answers each with a line that holds a number, "
        "or nan "
        "for none; it has to flush when\nit has answered what it got).\n\n"
        "A list of scores is looked at as a whole, and so is a space of no more than --evaluations "
        "architectures.\nElse regularised evolution (Real et al. 2019) seeks the best score, and NSGA-II "
        "(Deb et al. 2002) the --front of score\nand latencies; architectures that violate a constraint are "
        "not "
        "scored and never returned. Latencies are labels of the\npool or predictions of --predictor or "
        "--model; with --confidence what counts is the latency that one measurement\nstays under with that "
        "probability, on each platform by itself. None meets the constraints: exit code 3, and how fast\nthe "
        "fastest is. What was found is printed also where --verify fails.",
    .examples =
        "  maple search --platform my-laptop --max-latency 5ms --score cifar100_test\n"
        "  maple search --platform phone,server --max-latency 20ms,5ms --samples 10 --confidence 0.95 "
        "--json\n"
        "  maple search --model phone.safetensors --scores table.csv --max-latency 8ms --evaluations 100000\n"
        "  maple search --platform my-laptop --max-latency 5ms --verify 5",
    .run = run_search,
};
