/* SPDX-License-Identifier: Apache-2.0 */
/* maple pareto: how good the decisions are that predicted latencies lead to. */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BUDGETS = 10 };
static const double CIFAR100_REFERENCE = 60; /* % */

typedef struct {
    cli_fitting fitting;
    cli_scoring scoring;
    const char *reference_latency, *reference_score;
    bool json;
    /* what it is about */
    const maple_space *space;
    maple_pool *user;
    maple_dataset *dataset;
    maple_judge *judge;
    maple_predictor *predictor;
    size_t n; /* architectures that have a label */
    maple_arch *archs;
    double *latency_ms, *predicted_ms, *score;
    int *index;
    double reference_ms, reference, budgets_ms[BUDGETS];
    char score_name[200]; /* cli_scoring_name */
    bool is_cifar100;
    maple_pareto pareto;
} comparison;

/* --- Preparing --- */

static maple_status take_labels(comparison *c, const maple_dataset_platform *platform, maple_error *error) {
    size_t most = c->dataset->n_archs;
    c->archs = maple_alloc(most, sizeof *c->archs);
    c->latency_ms = maple_alloc(most, sizeof *c->latency_ms);
    c->predicted_ms = maple_alloc(most, sizeof *c->predicted_ms);
    c->score = maple_alloc(most, sizeof *c->score);
    c->index = maple_alloc(most, sizeof *c->index);
    if (!c->archs || !c->latency_ms || !c->predicted_ms || !c->score || !c->index)
        return maple_error_memory(error);
    for (size_t i = 0; i < most; i++) {
        if (!isfinite(platform->latency_ms[i]))
            continue;
        c->archs[c->n] = c->dataset->archs[i];
        c->latency_ms[c->n++] = platform->latency_ms[i];
    }
    if (c->n == 0)
        return maple_error_set(
            error, MAPLE_BAD_INPUT,
            "no network of %s was measured in %s: the true front is not known; maple measure "
            "--all measures them",
            platform->platform.name, maple_space_name(c->space));
    return MAPLE_OK;
}

/* Ascending copies of what is finite, freed by maple_free; *n of them. */
static double *sorted_copy(const double *values, size_t n, size_t *found) {
    double *copy = maple_alloc(n, sizeof *copy);
    *found = 0;
    for (size_t i = 0; copy && i < n; i++)
        if (isfinite(values[i]))
            copy[(*found)++] = values[i];
    if (copy)
        maple_sort_doubles(copy, *found);
    return copy;
}

/* The reference point, and the budgets: quantiles .05, .15, ..., .95 of the device's latencies. */
static maple_status set_reference(comparison *c, maple_error *error) {
    size_t n_ms, n_scores;
    double *ms = sorted_copy(c->latency_ms, c->n, &n_ms), *scores = sorted_copy(c->score, c->n, &n_scores);
    maple_status status = ms && scores ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK) {
        c->is_cifar100 = cli_scoring_name(&c->scoring, c->judge, c->score_name, sizeof c->score_name) &&
                         strstr(c->score_name, "cifar100") != NULL;
        c->reference_ms = maple_quantile_sorted(ms, n_ms, 0.5);
        c->reference = c->is_cifar100 ? CIFAR100_REFERENCE : maple_quantile_sorted(scores, n_scores, 0.5);
        for (int i = 0; i < BUDGETS; i++)
            c->budgets_ms[i] = maple_quantile_sorted(ms, n_ms, (0.5 + i) / BUDGETS);
    }
    if (status == MAPLE_OK && c->reference_latency)
        status = cli_latency_parse(c->reference_latency, "--reference-latency", &c->reference_ms, error);
    if (status == MAPLE_OK && c->reference_score)
        status = cli_real_parse(c->reference_score, "--reference-score", &c->reference, error);
    maple_free(ms);
    maple_free(scores);
    return status;
}

static maple_status prepare(comparison *c, maple_error *error) {
    const maple_dataset_platform *platform;
    maple_status status = maple_space_find(c->fitting.space_name, &c->space, error);
    if (status == MAPLE_OK)
        status = cli_open_user_pool(c->fitting.pool, &c->user, error);
    if (status == MAPLE_OK)
        status = cli_load_dataset(c->user, c->space, c->fitting.flagged, &c->dataset, error);
    if (status == MAPLE_OK)
        cli_say_flagged(c->dataset, c->user, c->fitting.platform);
    if (status == MAPLE_OK)
        status = cli_find_platform(&c->fitting, c->user, c->dataset, &platform, error);
    if (status == MAPLE_OK)
        status = take_labels(c, platform, error);
    if (status == MAPLE_OK)
        status = cli_scoring_judge(&c->scoring, c->space, c->user, &c->judge, error);
    if (status == MAPLE_OK)
        status = maple_judge_score(c->judge, c->archs, c->n, c->score, error);
    if (status == MAPLE_OK)
        status = maple_judge_finish(c->judge, error);
    if (status == MAPLE_OK)
        status = set_reference(c, error);
    if (status == MAPLE_OK)
        status = cli_fit_in(&c->fitting, c->dataset, platform, &c->predictor, error);
    if (status == MAPLE_OK)
        status = maple_predictor_predict(c->predictor, c->archs, c->n, c->predicted_ms, error);
    if (status == MAPLE_OK)
        status = cli_indices(c->user, c->space, c->archs, c->n, c->index, error);
    return status;
}

/* --- Summaries of the regrets --- */

typedef struct summary {
    double mean, max;   /* regret, where there is one */
    double first_holds; /* of budgets with a first choice: it met the budget */
    double tries;       /* mean */
    int possible;       /* budgets that something meets */
    int no_choice;      /* of these: nothing that was predicted to meet it did */
    int first_fails;    /* of these: there was no first choice, or it takes longer */
    double first_mean;  /* regret of the first choice, where it does not fail */
} summary;

static summary summarise(const comparison *c) {
    size_t regrets = 0, firsts = 0, held = 0, tries = 0;
    summary out = {.max = NAN, .first_holds = NAN, .tries = NAN};
    for (int i = 0; i < BUDGETS; i++) {
        const maple_regret *r = &c->pareto.regrets[i];
        if (isfinite(r->regret)) {
            regrets++;
            out.mean += r->regret;
            out.max = fmax(out.max, r->regret);
        }
        if (r->oracle != SIZE_MAX) {
            out.possible++;
            out.no_choice += r->chosen == SIZE_MAX;
            out.first_fails += !isfinite(r->first_regret);
        }
        if (isfinite(r->first_regret))
            out.first_mean += r->first_regret;
        if (r->first != SIZE_MAX) {
            firsts++;
            held += r->first == r->chosen;
            tries += r->tries;
        }
    }
    out.mean = regrets > 0 ? out.mean / (double)regrets : NAN;
    out.first_mean = out.possible > out.first_fails ? out.first_mean / (out.possible - out.first_fails) : NAN;
    if (firsts > 0) {
        out.first_holds = (double)held / (double)firsts;
        out.tries = (double)tries / (double)firsts;
    }
    return out;
}

/* --- JSON --- */

static cJSON *describe_row(const comparison *c, size_t row) {
    if (row == SIZE_MAX)
        return cJSON_CreateNull();
    char text[MAPLE_MAX_ARCH_TEXT];
    cJSON *item = cJSON_CreateObject();
    maple_space_format(c->space, &c->archs[row], text);
    cJSON_AddStringToObject(item, "arch", text);
    cJSON_AddItemToObject(item, "index",
                          c->index[row] >= 0 ? cJSON_CreateNumber(c->index[row]) : cJSON_CreateNull());
    cJSON_AddItemToObject(item, "score", cli_number(c->score[row]));
    cJSON_AddItemToObject(item, "latency_ms", cli_number(c->latency_ms[row]));
    cJSON_AddItemToObject(item, "predicted_ms", cli_number(c->predicted_ms[row]));
    return item;
}

static void add_front(cJSON *object, const char *name, const comparison *c, const size_t *rows, size_t n) {
    cJSON *front = cJSON_AddArrayToObject(object, name);
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(front, describe_row(c, rows[i]));
}

static void add_regrets(cJSON *object, const comparison *c) {
    cJSON *regrets = cJSON_AddArrayToObject(object, "regret");
    for (int i = 0; i < BUDGETS; i++) {
        const maple_regret *r = &c->pareto.regrets[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToObject(item, "budget_ms", cli_number(r->budget_ms));
        cJSON_AddItemToObject(item, "regret", cli_number(r->regret));
        cJSON_AddItemToObject(item, "first_regret", cli_number(r->first_regret));
        cJSON_AddNumberToObject(item, "tries", (double)r->tries);
        cJSON_AddBoolToObject(item, "first_violates", r->first != SIZE_MAX && r->first != r->chosen);
        cJSON_AddItemToObject(item, "oracle", describe_row(c, r->oracle));
        cJSON_AddItemToObject(item, "first", describe_row(c, r->first));
        cJSON_AddItemToObject(item, "chosen", describe_row(c, r->chosen));
        cJSON_AddItemToArray(regrets, item);
    }
}

static maple_status print_json(const comparison *c, maple_error *error) {
    const maple_pareto *p = &c->pareto;
    summary s = summarise(c);
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", c->fitting.platform);
    cJSON_AddStringToObject(object, "predictor", c->fitting.predictor);
    cJSON_AddNumberToObject(object, "samples", c->fitting.samples);
    cJSON_AddNumberToObject(object, "seed", (double)c->fitting.seed);
    cJSON_AddStringToObject(object, "score", c->score_name);
    if (c->scoring.file || c->scoring.command)
        cJSON_AddStringToObject(object, "scores_from",
                                c->scoring.file ? c->scoring.file : c->scoring.command);
    cJSON_AddNumberToObject(object, "architectures", (double)p->n);
    cJSON *reference = cJSON_AddObjectToObject(object, "reference");
    cJSON_AddItemToObject(reference, "latency_ms", cli_number(c->reference_ms));
    cJSON_AddItemToObject(reference, "score", cli_number(c->reference));
    cJSON *volume = cJSON_AddObjectToObject(object, "hypervolume");
    cJSON_AddItemToObject(volume, "oracle", cli_number(p->oracle_hypervolume));
    cJSON_AddItemToObject(volume, "predicted", cli_number(p->predicted_hypervolume));
    cJSON_AddItemToObject(object, "hypervolume_ratio", cli_number(p->hypervolume_ratio));
    cJSON_AddItemToObject(object, "front_share", cli_number(p->front_share));
    cJSON_AddItemToObject(object, "regret_mean", cli_number(s.mean));
    cJSON_AddItemToObject(object, "regret_max", cli_number(s.max));
    cJSON_AddNumberToObject(object, "budgets_met_by_any", s.possible);
    cJSON_AddNumberToObject(object, "budgets_without_choice", s.no_choice);
    cJSON_AddNumberToObject(object, "first_choice_fails", s.first_fails);
    cJSON_AddItemToObject(object, "first_regret_mean", cli_number(s.first_mean));
    cJSON_AddItemToObject(object, "first_choice_holds", cli_number(s.first_holds));
    cJSON_AddItemToObject(object, "tries_mean", cli_number(s.tries));
    add_regrets(object, c);
    add_front(object, "oracle_front", c, p->oracle, p->n_oracle);
    add_front(object, "predicted_front", c, p->predicted, p->n_predicted);
    return cli_print_json(object, error);
}

/* --- Text --- */

static void print_row(const comparison *c, size_t row) {
    if (row == SIZE_MAX)
        printf("  %9s %9s", "-", "-");
    else
        printf("  %9.4g %9.6g", c->latency_ms[row], c->score[row]);
}

/* "0.123", or "-" where there is none. */
static const char *three(double value, char text[32]) {
    snprintf(text, 32, "%.3f", value);
    return isfinite(value) ? text : "-";
}

static void print_regrets(const summary *s) {
    char mean[32], max[32], first[32];
    printf("\nregret       %s on average, %s at most", three(s->mean, mean), three(s->max, max));
    if (s->no_choice > 0)
        printf(", without %d of %d budgets for which nothing was found", s->no_choice, s->possible);
    printf("\nfirst choice fails for %d of %d budgets that something meets; regret elsewhere %s on average\n",
           s->first_fails, s->possible, three(s->first_mean, first));
}

static maple_status print_text(const comparison *c, maple_error *error) {
    const maple_pareto *p = &c->pareto;
    summary s = summarise(c);
    printf("platform     %s, %zu architectures with a latency and a score (%s)\n", c->fitting.platform, p->n,
           maple_judge_name(c->judge));
    printf("predictor    %s, from %d samples\n", c->fitting.predictor, c->fitting.samples);
    printf(
        "fronts       %zu architectures by measured latency, %zu by predicted, %.1f %% of the former among "
        "them\n",
        p->n_oracle, p->n_predicted, 100 * p->front_share);
    printf("hypervolume  ratio %.4f, reference %.4g ms and %.6g\n\n", p->hypervolume_ratio, c->reference_ms,
           c->reference);
    printf("%9s  %19s  %19s  %19s  %7s  %5s\n", "BUDGET", "ORACLE: MS    SCORE", "FIRST:  MS    SCORE",
           "CHOSEN: MS    SCORE", "REGRET", "TRIES");
    for (int i = 0; i < BUDGETS; i++) {
        const maple_regret *r = &p->regrets[i];
        printf("%9.4g", r->budget_ms);
        print_row(c, r->oracle);
        print_row(c, r->first);
        print_row(c, r->chosen);
        if (isfinite(r->regret))
            printf("  %7.3f  %5zu\n", r->regret, r->tries);
        else
            printf("  %7s  %5zu\n", "-", r->tries);
    }
    print_regrets(&s);
    return cli_flush(error);
}

/* --- The command --- */

static maple_status compare(comparison *c, maple_error *error) {
    if (!c->fitting.platform)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--platform NAME is missing; see maple pool list");
    maple_status status = prepare(c, error);
    if (status != MAPLE_OK)
        return status;
    maple_pareto_request request = {.latency_ms = c->latency_ms,
                                    .predicted_ms = c->predicted_ms,
                                    .score = c->score,
                                    .n = c->n,
                                    .reference_ms = c->reference_ms,
                                    .reference_score = c->reference,
                                    .budgets_ms = c->budgets_ms,
                                    .n_budgets = BUDGETS};
    status = maple_pareto_compute(&request, &c->pareto, error);
    if (status != MAPLE_OK)
        return maple_error_prefix(error, status, "%s, score %s", c->fitting.platform,
                                  maple_judge_name(c->judge));
    if (isnan(c->pareto.hypervolume_ratio))
        cli_say(
            "no architecture is better than the reference point (%.4g ms, %.6g): there is no hypervolume to "
            "compare; --reference-latency and --reference-score set another",
            c->reference_ms, c->reference);
    return c->json ? print_json(c, error) : print_text(c, error);
}

static maple_status run_pareto(const cli_command *self, int argc, char **argv, maple_error *error) {
    cli_options options = {0};
    comparison c = {0};
    cli_fitting_ten_options(&c.fitting, &options);
    cli_scoring_options(&c.scoring, &options);
    cli_string(&options, "reference-latency", &c.reference_latency, "MS",
               "of the hypervolume (default: the median of the platform's latencies)");
    cli_string(&options, "reference-score", &c.reference_score, "X",
               "of the hypervolume (default: 60 for CIFAR-100, else the median of the scores)");
    cli_flag(&options, "json", &c.json, "one object");
    maple_status status = cli_parse(self, &options, argc, argv, 0, 0, error);
    if (status == MAPLE_OK && !options.help)
        status = compare(&c, error);
    maple_pareto_free(&c.pareto);
    maple_predictor_free(c.predictor);
    maple_judge_free(c.judge);
    maple_dataset_free(c.dataset);
    maple_pool_close(c.user);
    cli_cache_close(&c.fitting.cache);
    maple_free(c.archs);
    maple_free(c.latency_ms);
    maple_free(c.predicted_ms);
    maple_free(c.score);
    maple_free(c.index);
    return status;
}

const cli_command cli_pareto = {
    .name = "pareto",
    .arguments = "",
    .summary = "how good the decisions are that predicted latencies lead to",
    .details =
        "Of a platform whose latencies are known, all or some: the front of score and latency as it is "
        "(oracle), and "
        "the\none that a predictor finds, whose architectures count with their true latencies.\n"
        "  hypervolume_ratio  what the predicted front dominates over what the true one does, beyond a "
        "reference\n"
        "                     point (the platform's median latency; 60 % for CIFAR-100)\n"
        "  front_share        share of the true front's points that the predicted one has\n"
        "  regret             at ten budgets (quantiles .05, .15, ... .95 of the latencies): the best score "
        "that meets\n"
        "                     it, less that of the choice by prediction. What is predicted to meet the "
        "budget is\n"
        "                     tried in the order of its score until one does (`tries`; 1: the first did).\n"
        "                     Where none does there is no regret: budgets_without_choice counts these.\n"
        "  first_regret       the same of the first choice alone; first_choice_fails counts the budgets at "
        "which\n"
        "                     there is none, or it takes longer than allowed",
    .examples =
        "  maple pareto --platform titan_rtx_256 --pool help.db --predictor gp --samples 10 --seed 1 --json\n"
        "  maple pareto --platform my-laptop --samples 3 --predictor nearest",
    .run = run_pareto,
};
