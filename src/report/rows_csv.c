/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the rows that `maple evaluate --csv` printed: one line is one scoring set of a row. */
#include "pool/csv.h"
#include "report/rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    TASK,
    PREDICTOR,
    SAMPLES,
    TRIALS,
    SCORING,
    N,
    REQUIRED,
    SPACE = REQUIRED,
    TARGET,
    SAMPLER,
    TRAIN,
    MEASURED,
    REFERENCES,
    LEFT_OUT,
    SOURCES,
    FIT,
    ADAPT,
    PREDICT,
    REASON,
    FIXED
};

static const char *const NAMES[FIXED] = {
    [TASK] = "task",         [PREDICTOR] = "predictor", [SAMPLES] = "samples",
    [TRIALS] = "trials",     [SCORING] = "scoring",     [N] = "n",
    [SPACE] = "space",       [TARGET] = "target",       [SAMPLER] = "sampler",
    [TRAIN] = "train_archs", [MEASURED] = "measured",   [REFERENCES] = "references",
    [LEFT_OUT] = "left_out", [SOURCES] = "sources",     [FIT] = "fit_ms",
    [ADAPT] = "adapt_ms",    [PREDICT] = "predict_ms",  [REASON] = "reason"};

typedef struct reader {
    maple_csv *csv;
    const maple_csv_field *fields; /* of the line; NULL: none is left */
    int columns[FIXED + REPORT_N_METRICS];
} reader;

static void take_text(const reader *r, int column, char *out, size_t size) {
    if (r->columns[column] >= 0)
        snprintf(out, size, "%s", r->fields[r->columns[column]].text);
}

/* An empty field is a number that is not there. */
static maple_status take_number(const reader *r, int column, double *out, maple_error *error) {
    const maple_csv_field *field = r->columns[column] >= 0 ? &r->fields[r->columns[column]] : NULL;
    return field && field->length > 0 ? maple_csv_number(r->csv, field, out, error) : MAPLE_OK;
}

static maple_status take_count(const reader *r, int column, int *out, maple_error *error) {
    return r->columns[column] < 0
               ? MAPLE_OK
               : maple_csv_integer(r->csv, &r->fields[r->columns[column]], 0, 1000000000, out, error);
}

static maple_status take_score(const reader *r, maple_evaluation_row *row, maple_error *error) {
    const maple_csv_field *name = &r->fields[r->columns[SCORING]];
    double n = NAN;
    maple_scoring s;
    if (maple_scoring_find(name->text, &s, NULL) != MAPLE_OK)
        return maple_csv_fail(r->csv, name, error, "'%.60s' is no scoring set", name->text);
    maple_status status = take_number(r, N, &n, error);
    if (status != MAPLE_OK || !(n >= 0))
        return status;
    maple_score *score = &row->scores[s];
    score->valid = true;
    score->mean.n = score->sd.n = (size_t)n;
    for (int i = 0; status == MAPLE_OK && i < REPORT_N_METRICS; i++)
        status = take_number(r, FIXED + i, (double *)((char *)score + REPORT_METRICS[i].offset), error);
    return status;
}

static maple_status take_row(const reader *r, maple_report_row *out, maple_error *error) {
    maple_evaluation_row *row = &out->row;
    char archs[32] = "";
    take_text(r, TASK, row->task, sizeof row->task);
    take_text(r, PREDICTOR, row->predictor, sizeof row->predictor);
    take_text(r, TARGET, row->target, sizeof row->target);
    take_text(r, REASON, row->reason, sizeof row->reason);
    take_text(r, SPACE, out->space, sizeof out->space);
    take_text(r, SAMPLER, out->sampler, sizeof out->sampler);
    take_text(r, TRAIN, archs, sizeof archs);
    maple_status status = take_count(r, SAMPLES, &row->samples, error);
    if (status == MAPLE_OK)
        status = take_count(r, TRIALS, &row->trials, error);
    if (status == MAPLE_OK)
        status = take_count(r, REFERENCES, &row->references, error);
    const struct {
        int column;
        double *out;
    } numbers[] = {{MEASURED, &row->measured}, {LEFT_OUT, &row->left_out}, {SOURCES, &row->sources},
                   {FIT, &row->fit_ms},        {ADAPT, &row->adapt_ms},    {PREDICT, &row->predict_ms}};
    for (size_t i = 0; status == MAPLE_OK && i < sizeof numbers / sizeof *numbers; i++)
        status = take_number(r, numbers[i].column, numbers[i].out, error);
    if (strcmp(archs, "all") == 0)
        out->train_archs = INFINITY;
    else if (status == MAPLE_OK)
        status = take_number(r, TRAIN, &out->train_archs, error);
    return status == MAPLE_OK ? take_score(r, row, error) : status;
}

maple_status report_read_csv(const char *path, const char *data, size_t bytes, maple_report_rows *rows,
                             maple_error *error) {
    reader r = {0};
    const char *names[FIXED + REPORT_N_METRICS];
    for (int i = 0; i < FIXED + REPORT_N_METRICS; i++)
        names[i] = i < FIXED ? NAMES[i] : REPORT_METRICS[i - FIXED].name;
    maple_status status = maple_csv_open_text(path, data, bytes, &r.csv, error);
    if (status == MAPLE_OK)
        status = maple_csv_columns(r.csv, names, FIXED + REPORT_N_METRICS, REQUIRED, r.columns, error);
    while (status == MAPLE_OK) {
        status = maple_csv_next(r.csv, &r.fields, error);
        if (status != MAPLE_OK || !r.fields)
            break;
        maple_report_row *row = report_append_row(rows, error);
        status = row ? take_row(&r, row, error) : MAPLE_OUT_OF_MEMORY;
    }
    maple_csv_close(r.csv);
    return status;
}
