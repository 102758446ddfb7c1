/* SPDX-License-Identifier: Apache-2.0 */
/* maple search: the platforms and where their latencies and the scores come from. */
#include "evaluate.h"
#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum latencies { LATENCIES_AUTO, LATENCIES_MEASURED, LATENCIES_PREDICTED } latencies;

static maple_status parse_latencies(const cli_searching *s, latencies *out, maple_error *error) {
    static const char *const NAMES[] = {"auto", "measured", "predicted"};
    *out = s->samples_given ? LATENCIES_PREDICTED : LATENCIES_AUTO;
    for (int i = 0; s->latencies && i < 3; i++) {
        if (strcmp(s->latencies, NAMES[i]) == 0) {
            *out = (latencies)i;
            return MAPLE_OK;
        }
    }
    return s->latencies ? maple_error_set(error, MAPLE_BAD_ARGUMENT,
                                          "--latencies %.40s: use auto, measured or predicted", s->latencies)
                        : MAPLE_OK;
}

/* --- Models and the space --- */

static maple_status too_many(maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_ARGUMENT, "more than %d platforms at once",
                           MAPLE_SEARCH_PLATFORMS);
}

static maple_status add_target(cli_searching *s, const maple_search_platform *target, maple_error *error) {
    if (s->n_targets == MAPLE_SEARCH_PLATFORMS)
        return too_many(error);
    s->targets[s->n_targets++] = *target;
    return MAPLE_OK;
}

static maple_status load_models(cli_searching *s, maple_error *error) {
    cli_names files;
    maple_status status = cli_names_split(s->models.data, "--model", &files, error);
    for (size_t i = 0; status == MAPLE_OK && i < files.n; i++) {
        size_t at = s->n_targets;
        maple_search_platform target = {.max_latency_ms = INFINITY};
        status = add_target(s, &target, error);
        if (status == MAPLE_OK)
            status = maple_predictor_load(files.items[i], &s->predictors[at], &s->names[at], error);
        if (status != MAPLE_OK)
            break;
        s->targets[at].name = s->names[at];
        s->targets[at].predictor = s->predictors[at];
        s->targets[at].graph = maple_predictor_graph(s->predictors[at]);
    }
    cli_names_free(&files);
    return status;
}

/* That of the models, where none is named. */
static maple_status find_space(cli_searching *s, maple_error *error) {
    if (s->n_targets > 0 && !s->space_given) {
        s->space = maple_predictor_space(s->predictors[0]);
        s->fitting.space_name = maple_space_name(s->space);
        return MAPLE_OK;
    }
    return maple_space_find(s->fitting.space_name, &s->space, error);
}

/* --- Platforms --- */

/* Whether every architecture that the search may look at has a label, or can have none. */
static bool all_measured(const cli_searching *s, const maple_dataset_platform *platform) {
    size_t listed = maple_judge_listed(s->judge), n = listed > 0 ? listed : maple_space_enumerable(s->space);
    size_t n_labels = 0, unknown = 0;
    maple_arch *labelled = maple_alloc(s->dataset->n_archs, sizeof *labelled);
    for (size_t i = 0; labelled && i < s->dataset->n_archs; i++)
        if (isfinite(platform->latency_ms[i]))
            labelled[n_labels++] = s->dataset->archs[i];
    /* Both are many: counted by their numbers in the space, or one by one where it has none. */
    size_t size = maple_space_enumerable(s->space);
    bool *known = maple_alloc(size, sizeof *known);
    for (size_t i = 0; size > 0 && known && i < n_labels; i++)
        known[maple_space_ordinal(s->space, &labelled[i])] = true;
    for (size_t i = 0; i < n && unknown == 0; i++) {
        maple_arch arch = listed > 0 ? maple_judge_nth(s->judge, i) : maple_space_nth(s->space, i);
        bool found = size > 0 && known && known[maple_space_ordinal(s->space, &arch)];
        for (size_t k = 0; size == 0 && !found && k < n_labels; k++)
            found = maple_arch_equal(&labelled[k], &arch);
        bool none = platform->platform.graph == MAPLE_GRAPH_PRUNED && maple_space_degenerate(s->space, &arch);
        unknown += found || none ? 0 : 1;
    }
    maple_free(labelled);
    maple_free(known);
    return n > 0 && unknown == 0;
}

/* Before it is fitted, which may take long. */
static maple_status check_intervals(const cli_searching *s, maple_error *error) {
    const maple_predictor_info *info;
    maple_status status = maple_predictor_find(s->fitting.predictor, &info, error);
    if (status == MAPLE_OK && s->request.confidence > 0 && !info->intervals)
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT,
                            "--confidence: predictor %s has no intervals, so how sure it is is not known; "
                            "gp has, or leave --confidence out",
                            info->name);
    return status;
}

static maple_status add_platform(cli_searching *s, const char *name, latencies which, maple_error *error) {
    const maple_dataset_platform *platform;
    s->fitting.platform = name;
    maple_status status = cli_find_platform(&s->fitting, s->user, s->dataset, &platform, error);
    if (status != MAPLE_OK)
        return status;
    size_t at = s->n_targets;
    maple_search_platform target = {.name = platform->platform.name,
                                    .graph = platform->platform.graph,
                                    .dataset = s->dataset,
                                    .measured = which == LATENCIES_PREDICTED ? NULL : platform,
                                    .max_latency_ms = INFINITY};
    for (size_t i = 0; i < at; i++)
        if (strcmp(s->targets[i].name, target.name) == 0)
            return maple_error_set(error, MAPLE_BAD_ARGUMENT, "platform '%s' is named twice", target.name);
    status = add_target(s, &target, error);
    if (status != MAPLE_OK || which == LATENCIES_MEASURED ||
        (which == LATENCIES_AUTO && all_measured(s, platform)))
        return status;
    status = check_intervals(s, error);
    if (status != MAPLE_OK)
        return status;
    status = cli_fit_in(&s->fitting, s->dataset, platform, &s->predictors[at], error);
    s->targets[at].predictor = s->predictors[at];
    return status == MAPLE_OK ? status : maple_error_prefix(error, status, "%s", target.name);
}

/* --- Constraints --- */

/* One for each of n platforms, in their order, or one for all. */
static maple_status parse_limits(cli_searching *s, size_t n, maple_error *error) {
    cli_names limits;
    maple_status status = cli_names_split(s->limits.data, "--max-latency", &limits, error);
    if (status == MAPLE_OK && limits.n > 1 && limits.n != n)
        status = maple_error_set(
            error, MAPLE_BAD_ARGUMENT,
            "--max-latency: %zu limits for %zu platform%s: give one for each, in the order of "
            "--platform (those of --model first), or one for all",
            limits.n, n, cli_plural(n));
    for (size_t i = 0; status == MAPLE_OK && i < limits.n; i++)
        status = cli_latency_parse(limits.items[i], "--max-latency", &s->limit_ms[i], error);
    s->n_limits = limits.n;
    cli_names_free(&limits);
    return status;
}

static maple_status parse_confidence(const cli_searching *s, latencies which, double *out,
                                     maple_error *error) {
    *out = 0;
    if (!s->confidence)
        return MAPLE_OK;
    if (s->n_limits == 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--confidence says how sure --max-latency has to be met: give --max-latency");
    if (which == LATENCIES_MEASURED)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--latencies measured and --confidence exclude each other: labels have no "
                               "intervals; --latencies predicted has");
    return cli_confidence_parse(s->confidence, out, error);
}

/* What can be said of the options alone, before pools are read and predictors are fitted. */
static maple_status parse_request(cli_searching *s, latencies which, size_t n_platforms, maple_error *error) {
    double confidence = 0;
    maple_search_algorithm algorithm;
    maple_status status = maple_search_algorithm_parse(s->algorithm, &algorithm, error);
    if (status == MAPLE_OK && n_platforms > MAPLE_SEARCH_PLATFORMS)
        status = too_many(error);
    if (status == MAPLE_OK)
        status = parse_limits(s, n_platforms, error);
    if (status == MAPLE_OK)
        status = parse_confidence(s, which, &confidence, error);
    if (status == MAPLE_OK)
        s->request = (maple_search_request){.space = s->space,
                                            .platforms = s->targets,
                                            .n_platforms = n_platforms,
                                            .confidence = confidence,
                                            .algorithm = algorithm,
                                            .evaluations = (size_t)s->evaluations,
                                            .population = (size_t)s->population,
                                            .n = (size_t)s->best,
                                            .front = s->front,
                                            .seed = s->fitting.seed,
                                            .hooks = cli_hooks()};
    return status;
}

/* Before anything is searched for that could not be verified then. */
static maple_status check_verifiable(const cli_searching *s, const cli_names *platforms, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < s->n_targets; i++) /* those of models */
        status = cli_verify_check(s->user, s->targets[i].name, s->space, error);
    for (size_t i = 0; status == MAPLE_OK && i < platforms->n; i++)
        status = cli_verify_check(s->user, platforms->items[i], s->space, error);
    return status;
}

maple_status cli_search_prepare(cli_searching *s, maple_error *error) {
    cli_names names = {0};
    latencies which = LATENCIES_AUTO;
    if (!s->platforms.data && !s->models.data)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "--platform NAME or --model FILE is missing; see maple pool list");
    maple_status status = parse_latencies(s, &which, error);
    if (status == MAPLE_OK)
        status = load_models(s, error);
    if (status == MAPLE_OK)
        status = find_space(s, error);
    if (status == MAPLE_OK)
        status = cli_fitting_check(&s->fitting, s->space, error);
    if (status == MAPLE_OK)
        status = cli_names_split(s->platforms.data, "--platform", &names, error);
    if (status == MAPLE_OK)
        status = parse_request(s, which, s->n_targets + names.n, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(s->fitting.pool, &s->user, error);
    if (status == MAPLE_OK && s->verify > 0)
        status = check_verifiable(s, &names, error);
    if (status == MAPLE_OK && names.n > 0)
        status = cli_load_dataset(s->user, s->space, s->fitting.flagged, &s->dataset, error);
    if (status == MAPLE_OK && s->dataset)
        cli_say_flagged(s->dataset, s->user, names.items[0]);
    if (status == MAPLE_OK)
        status = cli_scoring_judge(&s->scoring, s->space, s->user, &s->judge, error);
    s->request.judge = s->judge;
    for (size_t i = 0; status == MAPLE_OK && i < names.n; i++)
        status = add_platform(s, names.items[i], which, error);
    for (size_t i = 0; status == MAPLE_OK && s->n_limits > 0 && i < s->n_targets; i++)
        s->targets[i].max_latency_ms = s->limit_ms[s->n_limits > 1 ? i : 0];
    s->fitting.platform = NULL;
    cli_names_free(&names);
    return status;
}

void cli_search_free(cli_searching *s) {
    for (size_t i = 0; i < MAPLE_SEARCH_PLATFORMS; i++) {
        maple_predictor_free(s->predictors[i]);
        maple_free(s->names[i]);
    }
    maple_search_free(&s->result);
    maple_judge_free(s->judge);
    maple_dataset_free(s->dataset);
    maple_pool_close(s->user);
    cli_cache_close(&s->fitting.cache);
    maple_text_free(&s->platforms);
    maple_text_free(&s->models);
    maple_text_free(&s->limits);
    maple_free(s->index);
    maple_free(s->verified);
}
