/* SPDX-License-Identifier: Apache-2.0 */
/* maple search: what it prints. */
#include "search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const maple_latency *verified(const cli_searching *s, size_t i, size_t p) {
    return &s->verified[p * s->n_verify + i];
}

static bool violates(const cli_searching *s, size_t i, size_t p) {
    return verified(s, i, p)->latency_ms > s->targets[p].max_latency_ms;
}

/* One that is too slow on a platform violates, whatever is not known of the others. */
void cli_search_count(cli_searching *s) {
    for (size_t i = 0; i < s->n_verify; i++) {
        bool slow = false, known = true;
        for (size_t p = 0; p < s->n_targets; p++) {
            slow = slow || violates(s, i, p);
            known = known && isfinite(verified(s, i, p)->latency_ms);
        }
        s->violations += slow;
        s->n_verified += slow || known;
        s->failed += !slow && !known;
    }
}

static double rate(const cli_searching *s) {
    return s->result.seconds > 0 ? (double)s->result.evaluated / s->result.seconds : NAN;
}

/* --- JSON --- */

static void add_latency(cJSON *object, const cli_searching *s, size_t i, size_t p) {
    const maple_search_latency *l = &s->result.latency[i * s->n_targets + p];
    cJSON_AddItemToObject(object, "latency_ms", cli_number(l->latency_ms));
    cJSON_AddItemToObject(object, "lower_ms", cli_number(l->lower_ms));
    cJSON_AddItemToObject(object, "upper_ms", cli_number(l->upper_ms));
    cJSON_AddItemToObject(object, "bound_ms", cli_number(l->bound_ms));
    cJSON_AddBoolToObject(object, "measured", l->measured);
    if (i >= s->n_verify)
        return;
    const maple_latency *row = verified(s, i, p);
    bool known = isfinite(row->latency_ms);
    cJSON_AddItemToObject(object, "verified_ms", cli_number(row->latency_ms));
    cJSON_AddItemToObject(object, "violates",
                          known ? cJSON_CreateBool(violates(s, i, p)) : cJSON_CreateNull());
    if (!known)
        cJSON_AddStringToObject(object, "not_verified", row->reason);
}

static cJSON *describe_found(const cli_searching *s, size_t i) {
    char text[MAPLE_MAX_ARCH_TEXT];
    cJSON *item = cJSON_CreateObject();
    maple_space_format(s->space, &s->result.archs[i], text);
    cJSON_AddStringToObject(item, "arch", text);
    cJSON_AddItemToObject(item, "index",
                          s->index[i] >= 0 ? cJSON_CreateNumber(s->index[i]) : cJSON_CreateNull());
    cJSON_AddItemToObject(item, "score", cli_number(s->result.scores[i]));
    add_latency(item, s, i, 0);
    cJSON *all = cJSON_AddArrayToObject(item, "latencies");
    for (size_t p = 0; p < s->n_targets; p++) {
        cJSON *latency = cJSON_CreateObject();
        cJSON_AddStringToObject(latency, "platform", s->targets[p].name);
        add_latency(latency, s, i, p);
        cJSON_AddItemToArray(all, latency);
    }
    return item;
}

static maple_status print_json(const cli_searching *s, maple_error *error) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "space", maple_space_name(s->space));
    cJSON_AddStringToObject(object, "score", maple_judge_name(s->judge));
    cJSON_AddStringToObject(object, "algorithm", maple_search_algorithm_name(s->result.algorithm));
    cJSON_AddItemToObject(object, "confidence",
                          s->confidence ? cJSON_CreateNumber(s->request.confidence) : cJSON_CreateNull());
    cJSON *platforms = cJSON_AddArrayToObject(object, "platforms");
    for (size_t p = 0; p < s->n_targets; p++) {
        const maple_search_platform *t = &s->targets[p];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", t->name);
        cJSON_AddItemToObject(item, "max_latency_ms", cli_number(t->max_latency_ms));
        cJSON_AddBoolToObject(item, "labels", t->measured != NULL);
        if (t->predictor)
            cJSON_AddStringToObject(item, "predictor", maple_predictor_describe(t->predictor)->name);
        else
            cJSON_AddNullToObject(item, "predictor");
        cJSON_AddItemToArray(platforms, item);
    }
    cJSON_AddNumberToObject(object, "evaluated", (double)s->result.evaluated);
    cJSON_AddNumberToObject(object, "feasible", (double)s->result.feasible);
    cJSON_AddNumberToObject(object, "scored", (double)s->result.scored);
    cJSON_AddItemToObject(object, "seconds", cli_number(s->result.seconds));
    cJSON_AddItemToObject(object, "candidates_per_s", cli_number(rate(s)));
    if (s->n_verify > 0) {
        cJSON_AddNumberToObject(object, "verified", (double)s->n_verified);
        cJSON_AddNumberToObject(object, "violations", (double)s->violations);
        cJSON_AddNumberToObject(object, "failed", (double)s->failed);
    }
    cJSON *found = cJSON_AddArrayToObject(object, "architectures");
    for (size_t i = 0; i < s->result.n; i++)
        cJSON_AddItemToArray(found, describe_found(s, i));
    return cli_print_json(object, error);
}

/* --- Text --- */

static void print_platforms(const cli_searching *s) {
    for (size_t p = 0; p < s->n_targets; p++) {
        const maple_search_platform *t = &s->targets[p];
        printf("%-9s  %s: ", p == 0 ? "platform" : "", t->name);
        if (isfinite(t->max_latency_ms))
            printf("at most %g ms; ", t->max_latency_ms);
        if (t->predictor)
            printf("predicted by %s%s\n", maple_predictor_describe(t->predictor)->name,
                   t->measured ? ", measured where there is a label" : "");
        else
            puts("measured");
    }
}

static void print_latency(const cli_searching *s, size_t i, size_t p) {
    const maple_search_latency *l = &s->result.latency[i * s->n_targets + p];
    char interval[40] = "";
    if (isfinite(l->upper_ms))
        snprintf(interval, sizeof interval, "[%.4g, %.4g]", l->lower_ms, l->upper_ms);
    else if (l->measured)
        snprintf(interval, sizeof interval, "measured");
    printf("  %9.4g %-17s", l->latency_ms, interval);
    if (i >= s->n_verify) {
        if (s->n_verify > 0)
            printf("  %12s", "");
        return;
    }
    const maple_latency *row = verified(s, i, p);
    if (isfinite(row->latency_ms))
        printf("  %10.4g%s", row->latency_ms, violates(s, i, p) ? " !" : "  ");
    else
        printf("  %12s", "failed");
}

static void print_verification(const cli_searching *s) {
    printf("\nverified on this machine: %zu, of which %zu violate%s a constraint", s->n_verified,
           s->violations, s->violations == 1 ? "s" : "");
    if (s->failed > 0)
        printf("; %zu could not be measured", s->failed);
    putchar('\n');
    for (size_t i = 0; i < s->n_verify; i++)
        for (size_t p = 0; p < s->n_targets; p++)
            if (!isfinite(verified(s, i, p)->latency_ms))
                printf("  number %zu on %s: %s\n", i + 1, s->targets[p].name, verified(s, i, p)->reason);
}

static maple_status print_text(const cli_searching *s, maple_error *error) {
    const maple_search_result *r = &s->result;
    print_platforms(s);
    printf("score      %s\n", maple_judge_name(s->judge));
    printf("search     %s: %zu architectures, %zu meet the constraints, %zu of them have a score\n",
           maple_search_algorithm_name(r->algorithm), r->evaluated, r->feasible, r->scored);
    double size = maple_space_size(s->space);
    if (r->algorithm != MAPLE_SEARCH_ENUMERATE)
        printf("           of %.*g in %s: more --evaluations may find better ones\n", size < 1e9 ? 10 : 2,
               size, maple_space_name(s->space));
    printf("\n%10s", "SCORE");
    for (size_t p = 0; p < s->n_targets; p++)
        printf("  %9s %-17s%s", "MS", s->n_targets > 1 ? s->targets[p].name : "90 % INTERVAL",
               s->n_verify > 0 ? "    VERIFIED  " : "");
    puts("  ARCHITECTURE");
    for (size_t i = 0; i < r->n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &r->archs[i], text);
        printf("%10.6g", r->scores[i]);
        for (size_t p = 0; p < s->n_targets; p++)
            print_latency(s, i, p);
        printf("  %s\n", text);
    }
    if (s->n_verify > 0)
        print_verification(s);
    cli_say("%zu architectures in %.3g s: %.3g a second", r->evaluated, r->seconds, rate(s));
    return cli_flush(error);
}

maple_status cli_search_print(const cli_searching *s, maple_error *error) {
    return s->json ? print_json(s, error) : print_text(s, error);
}
