/* SPDX-License-Identifier: Apache-2.0 */
/* maple candidates: what it prints. */
#include "candidates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double mean_of(double sum, int n) {
    return n > 0 ? sum / n : NAN;
}

/* n - 1; NaN of one. */
static double deviation_of(double sum, double square, int n) {
    if (n < 2)
        return NAN;
    double variance = (square - sum * sum / n) / (n - 1);
    return sqrt(fmax(variance, 0));
}

/* Without measuring, whose time is the device's. */
static double total_of(const cli_choosing_job *job, const cli_choosing_row *r) {
    return job->candidates.seconds + r->adapt_s / job->trials;
}

/* --- JSON --- */

static cJSON *choice_json(const cli_choosing_job *job, const cli_chosen *t, size_t b) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "budget_ms", job->budgets_ms[b]);
    cJSON_AddNumberToObject(item, "chosen", t->chosen);
    cJSON_AddNumberToObject(item, "violated", t->violated);
    cJSON_AddItemToObject(item, "latency_ms", cli_number(mean_of(t->latency_ms, t->chosen)));
    cJSON_AddItemToObject(item, "latency_sd_ms",
                          cli_number(deviation_of(t->latency_ms, t->latency_square, t->chosen)));
    cJSON_AddItemToObject(item, "accuracy", cli_number(mean_of(t->accuracy, t->chosen)));
    cJSON_AddItemToObject(item, "accuracy_sd",
                          cli_number(deviation_of(t->accuracy, t->accuracy_square, t->chosen)));
    cJSON_AddNumberToObject(item, "accepted", (double)t->accepted / job->trials);
    cJSON_AddItemToObject(
        item, "accepted_violating",
        cli_number(t->accepted > 0 ? (double)t->accepted_violating / (double)t->accepted : NAN));
    return item;
}

static cJSON *row_json(const cli_choosing_job *job, const cli_choosing_row *r) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "predictor", r->label);
    if (*r->reason) {
        cJSON_AddStringToObject(item, "reason", r->reason);
        return item;
    }
    cJSON_AddNumberToObject(item, "measured", r->measured / job->trials);
    cJSON_AddItemToObject(item, "pretrain_s", cli_number(r->pretrain_s));
    cJSON_AddNumberToObject(item, "adapt_s", r->adapt_s / job->trials);
    cJSON_AddNumberToObject(item, "total_s", total_of(job, r));
    cJSON *budgets = cJSON_AddArrayToObject(item, "budgets");
    for (size_t b = 0; b < job->n_budgets; b++)
        cJSON_AddItemToArray(budgets, choice_json(job, &r->budgets[b], b));
    return item;
}

static maple_status print_json(const cli_choosing_job *job, maple_error *error) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "platform", job->platform);
    cJSON_AddNumberToObject(object, "candidates", (double)job->candidates.n);
    cJSON_AddNumberToObject(object, "generation_s", job->candidates.seconds);
    cJSON_AddNumberToObject(object, "take", job->take);
    cJSON_AddItemToObject(object, "confidence", cli_number(job->confidence > 0 ? job->confidence : NAN));
    cJSON_AddNumberToObject(object, "trials", job->trials);
    cJSON_AddNumberToObject(object, "seed", (double)job->seed);
    cJSON *oracle = cJSON_AddArrayToObject(object, "oracle");
    for (size_t b = 0; b < job->n_budgets; b++) {
        size_t best = job->oracle[b];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "budget_ms", job->budgets_ms[b]);
        cJSON_AddItemToObject(item, "latency_ms", cli_number(best == SIZE_MAX ? NAN : job->latency_ms[best]));
        cJSON_AddItemToObject(item, "accuracy",
                              cli_number(best == SIZE_MAX ? NAN : job->candidates.accuracy[best]));
        cJSON_AddItemToArray(oracle, item);
    }
    cJSON *rows = cJSON_AddArrayToObject(object, "predictors");
    for (size_t c = 0; c < job->contenders.n; c++)
        cJSON_AddItemToArray(rows, row_json(job, &job->rows[c]));
    return cli_print_json(object, error);
}

/* --- Tables --- */

enum { CELL = 44 }; /* columns of text */

static void print_cell(const cli_choosing_job *job, const char *text) {
    if (job->markdown) {
        printf(" %s |", text);
        return;
    }
    int width = 0;
    for (const char *c = text; *c; c++)
        width += ((unsigned char)*c & 0xc0) != 0x80; /* a character of several bytes is one column */
    printf("  %s%*s", text, width < CELL ? CELL - width : 0, "");
}

static void print_start(const cli_choosing_job *job, const char *label, const char *measured,
                        const char *pretraining, const char *adapting) {
    printf(job->markdown ? "| %s | %s | %s | %s |" : "%-24s %8s %11s %8s", label, measured, pretraining,
           adapting);
}

static void print_head(const cli_choosing_job *job) {
    if (job->markdown)
        print_start(job, "predictor", "measured", "pre-training s", "adapting s");
    else
        print_start(job, "PREDICTOR", "MEASURED", "PRE-TRAIN S", "ADAPT S");
    for (size_t b = 0; b < job->n_budgets; b++) {
        char budget[40];
        snprintf(budget, sizeof budget, "%g ms", job->budgets_ms[b]);
        print_cell(job, budget);
    }
    printf("\n");
    if (!job->markdown)
        return;
    printf("|---|---|---|---|");
    for (size_t b = 0; b < job->n_budgets; b++)
        printf("---|");
    printf("\n");
}

static void print_oracle(const cli_choosing_job *job) {
    print_start(job, "oracle", "all", "-", "-");
    for (size_t b = 0; b < job->n_budgets; b++) {
        char text[64] = "none meets it";
        if (job->oracle[b] != SIZE_MAX)
            snprintf(text, sizeof text, "%.2f ms, %.2f %%", job->latency_ms[job->oracle[b]],
                     job->candidates.accuracy[job->oracle[b]]);
        print_cell(job, text);
    }
    printf("\n");
}

static void print_choice(const cli_choosing_job *job, const cli_chosen *t) {
    char text[192] = "no choice", none[64] = "", latency_sd[32] = "", accuracy_sd[32] = "";
    if (t->chosen > 1) {
        snprintf(latency_sd, sizeof latency_sd, " ± %.2f",
                 deviation_of(t->latency_ms, t->latency_square, t->chosen));
        snprintf(accuracy_sd, sizeof accuracy_sd, " ± %.2f",
                 deviation_of(t->accuracy, t->accuracy_square, t->chosen));
    }
    if (t->chosen < job->trials)
        snprintf(none, sizeof none, ", %d of %d without a choice", job->trials - t->chosen, job->trials);
    if (t->chosen > 0)
        snprintf(text, sizeof text, "%.2f%s ms, %.2f%s %%, %d/%d over%s", mean_of(t->latency_ms, t->chosen),
                 latency_sd, mean_of(t->accuracy, t->chosen), accuracy_sd, t->violated, t->chosen, none);
    print_cell(job, text);
}

static void print_row(const cli_choosing_job *job, const cli_choosing_row *r) {
    char measured[32] = "-", pretraining[32] = "-", adapting[32] = "-";
    if (*r->reason) {
        print_start(job, r->label, measured, pretraining, adapting);
        print_cell(job, r->reason);
        for (size_t b = 1; job->markdown && b < job->n_budgets; b++)
            printf(" |");
        printf("\n");
        return;
    }
    snprintf(measured, sizeof measured, "%.3g", r->measured / job->trials);
    if (isfinite(r->pretrain_s))
        snprintf(pretraining, sizeof pretraining, "%.2f", r->pretrain_s);
    snprintf(adapting, sizeof adapting, "%.3f", r->adapt_s / job->trials);
    print_start(job, r->label, measured, pretraining, adapting);
    for (size_t b = 0; b < job->n_budgets; b++)
        print_choice(job, &r->budgets[b]);
    printf("\n");
}

maple_status cli_candidates_print(const cli_choosing_job *job, maple_error *error) {
    if (job->json)
        return print_json(job, error);
    print_head(job);
    print_oracle(job);
    for (size_t c = 0; c < job->contenders.n; c++)
        print_row(job, &job->rows[c]);
    if (job->markdown)
        return cli_flush(error);
    printf("\nMade by the generator in %.0f s: that, measuring, and adapting (once for a device) are what a "
           "choice costs;\npre-training is once for all devices.\n",
           job->candidates.seconds);
    return cli_flush(error);
}
