/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of an evaluation as JSON, CSV, and tables. */
#include "evaluate.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- JSON --- */

static cJSON *score_json(const maple_score *score) {
    if (!score->valid)
        return cJSON_CreateNull();
    cJSON *object = cJSON_CreateObject();
    const struct {
        const char *name;
        double value;
    } VALUES[] = {
        {"spearman", score->mean.spearman},
        {"spearman_sd", score->sd.spearman},
        {"kendall", score->mean.kendall},
        {"acc1", score->mean.acc1},
        {"acc5", score->mean.acc5},
        {"acc10", score->mean.acc10},
        {"acc10_sd", score->sd.acc10},
        {"mape", score->mean.mape},
        {"medape", score->mean.medape},
        {"rmse_ms", score->mean.rmse_ms},
        {"coverage90", score->mean.coverage90},
        {"interval_width", score->mean.interval_width},
    };
    cJSON_AddNumberToObject(object, "n", (double)score->mean.n);
    for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++)
        cJSON_AddItemToObject(object, VALUES[i].name, cli_number(VALUES[i].value));
    return object;
}

/* A number; beyond what a double holds exactly a text. */
static cJSON *seed_json(uint64_t seed) {
    char text[32];
    if (seed <= (uint64_t)1 << 53)
        return cJSON_CreateNumber((double)seed);
    snprintf(text, sizeof text, "%llu", (unsigned long long)seed);
    return cJSON_CreateString(text);
}

static cJSON *row_json(const cli_evaluated *part, const maple_evaluation_row *row,
                       const cli_evaluation_origin *origin) {
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "task", row->task);
    cJSON_AddStringToObject(object, "space", part->space);
    cJSON_AddStringToObject(object, "predictor", row->predictor);
    cJSON_AddItemToObject(object, "target",
                          *row->target ? cJSON_CreateString(row->target) : cJSON_CreateNull());
    cJSON_AddNumberToObject(object, "samples", row->samples);
    cJSON_AddNumberToObject(object, "references", row->references);
    cJSON_AddItemToObject(object, "measured", cli_number(row->measured));
    cJSON_AddItemToObject(object, "left_out", cli_number(row->left_out));
    cJSON_AddItemToObject(object, "sources", cli_number(row->sources));
    cJSON_AddNumberToObject(object, "trials", row->trials);
    cJSON_AddItemToObject(object, "seed", seed_json(origin->seed));
    cJSON_AddStringToObject(object, "sampler", origin->sampler);
    cJSON_AddItemToObject(object, "train_archs",
                          part->train_archs > 0 ? cJSON_CreateNumber((double)part->train_archs)
                                                : cJSON_CreateString("all"));
    cJSON_AddItemToObject(object, "fit_ms", cli_number(row->fit_ms));
    cJSON_AddItemToObject(object, "adapt_ms", cli_number(row->adapt_ms));
    cJSON_AddItemToObject(object, "predict_ms", cli_number(row->predict_ms));
    for (int s = 0; s < MAPLE_SCORINGS; s++)
        cJSON_AddItemToObject(object, maple_scoring_name((maple_scoring)s), score_json(&row->scores[s]));
    cJSON_AddStringToObject(object, "command", origin->command);
    if (*row->reason)
        cJSON_AddStringToObject(object, "reason", row->reason);
    return object;
}

maple_status cli_evaluation_json(const cli_evaluated *parts, size_t n, const cli_evaluation_origin *origin,
                                 maple_error *error) {
    cJSON *array = cJSON_CreateArray();
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < parts[p].n; i++)
            cJSON_AddItemToArray(array, row_json(&parts[p], &parts[p].rows[i], origin));
    }
    return cli_print_json(array, error);
}

/* --- CSV --- */

static void print_quoted(const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void print_value(double value) {
    putchar(',');
    if (isfinite(value))
        printf("%.9g", value);
}

static void print_csv_line(const cli_evaluated *part, const maple_evaluation_row *row, const char *sampler,
                           int scoring) {
    const char *const texts[] = {row->task, part->space, row->predictor, row->target};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        print_quoted(texts[i]);
        putchar(',');
    }
    printf("%d,%d", row->samples, row->references);
    print_value(row->measured);
    printf(",%d,%s,", row->trials, sampler);
    if (part->train_archs > 0)
        printf("%zu", part->train_archs);
    else
        fputs("all", stdout);
    print_value(row->fit_ms);
    print_value(row->adapt_ms);
    print_value(row->predict_ms);
    printf(",%s,", maple_scoring_name((maple_scoring)scoring));
    const maple_score *score = &row->scores[scoring];
    if (score->valid) {
        const double values[] = {score->mean.spearman, score->sd.spearman,     score->mean.kendall,
                                 score->mean.acc1,     score->mean.acc5,       score->mean.acc10,
                                 score->sd.acc10,      score->mean.mape,       score->mean.medape,
                                 score->mean.rmse_ms,  score->mean.coverage90, score->mean.interval_width};
        printf("%zu", score->mean.n);
        for (size_t i = 0; i < sizeof values / sizeof *values; i++)
            print_value(values[i]);
    } else {
        fputs(",,,,,,,,,,,,", stdout);
    }
    print_value(row->left_out);
    print_value(row->sources);
    putchar(',');
    print_quoted(row->reason);
    putchar('\n');
}

maple_status cli_evaluation_csv(const cli_evaluated *parts, size_t n, const char *sampler,
                                maple_error *error) {
    puts("task,space,predictor,target,samples,references,measured,trials,sampler,train_archs,fit_ms,adapt_ms,"
         "predict_ms,scoring,n,spearman,spearman_sd,kendall,acc1,acc5,acc10,acc10_sd,mape,medape,rmse_ms,"
         "coverage90,interval_width,left_out,sources,reason");
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < parts[p].n; i++) {
            for (int s = 0; s < MAPLE_SCORINGS; s++)
                print_csv_line(&parts[p], &parts[p].rows[i], sampler, s);
        }
    }
    return cli_flush(error);
}

/* --- Tables --- */

enum { TARGET = 1, COVERAGE = 10, WIDTH, FIT_MS, ADAPT_MS, PREDICT_MS, COLUMNS, CELL = 176 };

typedef struct table {
    char (*cells)[COLUMNS][CELL]; /* [lines]; the first is the heading */
    size_t n;
    bool hidden[COLUMNS];
} table;

static const char *const HEADING[COLUMNS] = {"predictor", "target", "measured", "n",        "±1 %",
                                             "±5 %",      "±10 %",  "Spearman", "Kendall",  "MAPE",
                                             "90 % cov.", "width",  "fit ms",   "adapt ms", "predict ms"};

/* Characters, not bytes. */
static int shown_width(const char *text) {
    int n = 0;
    for (; *text; text++)
        n += (*text & 0xc0) != 0x80;
    return n;
}

static void write_number(char *cell, double value, int digits) {
    if (isfinite(value))
        snprintf(cell, CELL, "%.*f", digits, value);
    else
        snprintf(cell, CELL, "-");
}

static void write_spread(char *cell, double mean, double sd) {
    if (isfinite(mean) && isfinite(sd))
        snprintf(cell, CELL, "%.3f ± %.3f", mean, sd);
    else
        write_number(cell, mean, 3);
}

/* A number of milliseconds with three figures, or as many as it has. */
static void write_time(char *cell, double ms) {
    write_number(cell, ms, ms >= 99.95 ? 0 : ms >= 9.995 ? 1 : 2);
}

static void write_line(char cells[COLUMNS][CELL], const maple_evaluation_row *row, maple_scoring scoring) {
    const maple_score *score = &row->scores[scoring];
    snprintf(cells[0], CELL, "%s", row->predictor);
    snprintf(cells[1], CELL, "%s", *row->target ? row->target : "mean");
    write_number(cells[2], row->measured, fabs(row->measured - round(row->measured)) < 0.05 ? 0 : 1);
    write_time(cells[FIT_MS], row->fit_ms);
    write_time(cells[ADAPT_MS], row->adapt_ms);
    write_time(cells[PREDICT_MS], row->predict_ms);
    for (int i = 3; i < FIT_MS; i++)
        snprintf(cells[i], CELL, "-");
    if (!score->valid)
        return;
    snprintf(cells[3], CELL, "%zu", score->mean.n);
    write_number(cells[4], score->mean.acc1, 3);
    write_number(cells[5], score->mean.acc5, 3);
    write_spread(cells[6], score->mean.acc10, score->sd.acc10);
    write_spread(cells[7], score->mean.spearman, score->sd.spearman);
    write_number(cells[8], score->mean.kendall, 3);
    write_number(cells[9], score->mean.mape, 3);
    write_number(cells[COVERAGE], score->mean.coverage90, 3);
    write_number(cells[WIDTH], score->mean.interval_width, 3);
}

static void print_line(const table *t, size_t line, const int *widths, bool markdown) {
    for (int c = 0; c < COLUMNS; c++) {
        if (t->hidden[c])
            continue;
        const char *cell = t->cells[line][c];
        int gap = widths[c] - shown_width(cell);
        bool left = c < 2;
        printf("%s%*s%s%*s", markdown ? (c == 0 ? "| " : " | ") : "  ", left ? 0 : gap, "", cell,
               left ? gap : 0, "");
    }
    puts(markdown ? " |" : "");
}

static void print_table(const table *t, bool markdown) {
    int widths[COLUMNS] = {0};
    for (size_t i = 0; i < t->n; i++) {
        for (int c = 0; c < COLUMNS; c++) {
            int width = shown_width(t->cells[i][c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t i = 0; i < t->n; i++) {
        print_line(t, i, widths, markdown);
        if (i > 0 || !markdown)
            continue;
        putchar('|');
        for (int c = 0; c < COLUMNS; c++) {
            if (!t->hidden[c])
                fputs(c < 2 ? "---|" : "---:|", stdout);
        }
        putchar('\n');
    }
}

static int compare_rows(const void *left, const void *right) {
    const maple_evaluation_row *a = *(const maple_evaluation_row *const *)left;
    const maple_evaluation_row *b = *(const maple_evaluation_row *const *)right;
    int mean_a = !*a->target, mean_b = !*b->target;
    if (mean_a != mean_b) /* targets first, each with all its predictors, then the means */
        return mean_a - mean_b;
    int target = strcmp(a->target, b->target);
    if (target != 0)
        return target;
    if (a->measured != b->measured)
        return a->measured < b->measured ? -1 : 1;
    return (a > b) - (a < b);
}

static size_t count_targets(const maple_evaluation_row *rows, size_t n) {
    size_t targets = 0;
    while (targets < n && *rows[targets].target)
        targets++;
    return targets;
}

/* The rows of one task, which follow each other. */
static maple_status print_task(const cli_evaluated *part, const maple_evaluation_row *rows, size_t n,
                               const cli_evaluation_view *view, bool markdown, maple_error *error) {
    const maple_evaluation_row **order = maple_alloc(n, sizeof *order);
    table t = {.cells = maple_alloc(n + 1, sizeof *t.cells),
               .n = 1,
               .hidden = {[TARGET] = !view->per_target, [COVERAGE] = true, [WIDTH] = true}};
    if (!order || !t.cells) {
        maple_free(order);
        maple_free(t.cells);
        return maple_error_memory(error);
    }
    size_t shown = 0, targets = count_targets(rows, n);
    for (size_t i = 0; i < n; i++) {
        if (!*rows[i].reason && (view->per_target || !*rows[i].target))
            order[shown++] = &rows[i];
    }
    qsort(order, shown, sizeof *order, compare_rows);
    for (int c = 0; c < COLUMNS; c++)
        snprintf(t.cells[0][c], CELL, "%s", HEADING[c]);
    for (size_t i = 0; i < shown; i++) {
        const maple_score *score = &order[i]->scores[view->scoring];
        if (score->valid && isfinite(score->mean.coverage90))
            t.hidden[COVERAGE] = t.hidden[WIDTH] = false;
        write_line(t.cells[t.n++], order[i], view->scoring);
    }
    printf("%s%s (%s): mean over %zu target%s, %d trial%s; sampler %s; trained on ", markdown ? "### " : "",
           rows[0].task, part->space, targets, cli_plural(targets), rows[0].trials,
           rows[0].trials == 1 ? "" : "s", view->sampler);
    if (part->train_archs > 0)
        printf("%zu architectures a source", part->train_archs);
    else
        fputs("all architectures", stdout);
    printf("; scored on %s\n%s", maple_scoring_name(view->scoring), markdown ? "\n" : "");
    if (shown > 0)
        print_table(&t, markdown);
    if (markdown && shown > 0)
        putchar('\n');
    for (size_t i = 0; i < n; i++) {
        if (*rows[i].reason && (view->per_target || !*rows[i].target))
            printf("%s%s, %d samples%s%s: %s\n", markdown ? "- " : "  ", rows[i].predictor, rows[i].samples,
                   *rows[i].target ? ", " : "", rows[i].target, rows[i].reason);
    }
    maple_free(order);
    maple_free(t.cells);
    return MAPLE_OK;
}

/* Of "name@20:gnn=dense" the name counts. */
static bool is_of(const char *label, const char *name) {
    size_t length = strlen(name);
    return strncmp(label, name, length) == 0 && !isalnum((unsigned char)label[length]) &&
           label[length] != '-';
}

static bool has_rows_of(const cli_evaluated *parts, size_t n, const char *name) {
    for (size_t p = 0; p < n; p++) {
        for (size_t i = 0; i < parts[p].n; i++)
            if (is_of(parts[p].rows[i].predictor, name))
                return true;
    }
    return false;
}

/* Below all tables, what has to be said of predictors that are in them. */
static void print_caveats(const cli_evaluated *parts, size_t n) {
    for (size_t i = 0; i < maple_predictor_count(); i++) {
        const maple_predictor_info *info = maple_predictor_at(i);
        if (info->caveat && has_rows_of(parts, n, info->name))
            printf("\n%s: %s\n", info->name, info->caveat);
    }
}

maple_status cli_evaluation_table(const cli_evaluated *parts, size_t n, const cli_evaluation_view *view,
                                  bool markdown, maple_error *error) {
    maple_status status = MAPLE_OK;
    bool first_task = true;
    for (size_t p = 0; p < n; p++) {
        for (size_t first = 0; status == MAPLE_OK && first < parts[p].n;) {
            const maple_evaluation_row *rows = &parts[p].rows[first];
            size_t count = 1;
            while (first + count < parts[p].n && strcmp(rows[count].task, rows[0].task) == 0)
                count++;
            if (!first_task)
                putchar('\n');
            first_task = false;
            status = print_task(&parts[p], rows, count, view, markdown, error);
            first += count;
        }
    }
    if (status == MAPLE_OK)
        print_caveats(parts, n);
    return status == MAPLE_OK ? cli_flush(error) : status;
}
