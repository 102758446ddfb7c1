/* SPDX-License-Identifier: Apache-2.0 */
/* The latencies of a platform as CSV; what was exported imports to the same values. */
#include "pool/pool_internal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The shortest decimal that reads back as the same number; nothing for NaN. */
static void add_number(maple_text *out, double value) {
    char text[32];
    if (isnan(value))
        return;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    maple_text_add(out, text);
}

static void add_field(maple_text *out, const char *text) {
    if (!strpbrk(text, ",\"\r\n")) {
        maple_text_add(out, text);
        return;
    }
    maple_text_add(out, "\"");
    for (const char *quote; (quote = strchr(text, '"')); text = quote + 1)
        maple_text_addf(out, "%.*s\"\"", (int)(quote - text), text);
    maple_text_addf(out, "%s\"", text);
}

static void add_row(maple_text *out, const maple_space *space, const maple_latency *row, int index) {
    char arch[MAPLE_MAX_ARCH_TEXT];
    maple_space_format(space, &row->arch, arch);
    add_field(out, arch);
    maple_text_add(out, ",");
    if (index >= 0)
        maple_text_addf(out, "%d", index);
    const double values[] = {row->latency_ms, row->mean_ms, row->min_ms, row->sd_ms};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        maple_text_add(out, ",");
        add_number(out, values[i]);
    }
    maple_text_addf(out, ",%d,", row->runs);
    add_field(out, row->reason);
    maple_text_add(out, ",");
    add_field(out, row->flag);
    maple_text_add(out, "\n");
}

static maple_status add_rows(maple_text *out, const maple_space *space, const maple_latency *rows,
                             const int *index, size_t n, maple_error *error) {
    /* The caller may have set a locale with a decimal comma. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain)
        return maple_error_memory(error);
    locale_t before = uselocale(plain);
    maple_text_add(out, "arch,index,latency_ms,mean_ms,min_ms,sd_ms,runs,reason,flag\n");
    for (size_t i = 0; i < n; i++)
        add_row(out, space, &rows[i], index[i]);
    uselocale(before);
    freelocale(plain);
    return out->failed ? maple_error_memory(error) : MAPLE_OK;
}

maple_status maple_pool_export_csv(maple_pool *pool, int64_t platform, const maple_space *space,
                                   maple_text *out, maple_error *error) {
    maple_latency *rows = NULL;
    maple_arch *archs = NULL;
    int *index = NULL;
    size_t n = 0;
    maple_status status = maple_pool_begin_read(pool, error);
    if (status != MAPLE_OK)
        return status;
    status = maple_pool_require_platform(pool, platform, error);
    if (status == MAPLE_OK)
        status = maple_pool_latencies(pool, platform, space, &rows, &n, error);
    if (status != MAPLE_OK)
        goto done;
    archs = maple_alloc(n, sizeof *archs);
    index = maple_alloc(n, sizeof *index);
    if (!archs || !index) {
        status = maple_error_memory(error);
        goto done;
    }
    for (size_t i = 0; i < n; i++)
        archs[i] = rows[i].arch;
    status = maple_pool_indices(pool, space, archs, n, index, error);
done:
    status = maple_pool_end(pool, status, error);
    if (status == MAPLE_OK)
        status = add_rows(out, space, rows, index, n, error);
    maple_free(rows);
    maple_free(archs);
    maple_free(index);
    return status;
}
