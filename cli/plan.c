/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a plan: JSON, every field checked before anything is measured. */
#include "plan.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_BYTES = 64 << 20, MAX_RANDOM = 1000000 };

/* --- Fields: each with its path in the file for messages --- */

typedef struct place {
    const char *file;
    const char *path; /* "platforms[2]"; "" at the top */
} place;

static maple_status refuse(const place *at, const char *field, const char *what, maple_error *error) {
    bool top = !at->path[0] && !field[0];
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s: %s%s%s%s%s", at->file, at->path,
                           at->path[0] && field[0] ? "." : "", field, top ? "" : ": ", what);
}

/* Fields that nobody reads are mistakes: a misspelt "thread" would measure something else. */
static maple_status check_fields(const place *at, const cJSON *object, const char *const *known,
                                 maple_error *error) {
    if (!cJSON_IsObject(object))
        return refuse(at, "", "an object is expected ({...})", error);
    const cJSON *field;
    cJSON_ArrayForEach(field, object) {
        size_t i = 0;
        while (known[i] && strcmp(known[i], field->string) != 0)
            i++;
        if (known[i] && cJSON_GetObjectItemCaseSensitive(object, field->string) == field)
            continue;
        if (known[i])
            return refuse(at, field->string, "this field is there twice: leave one", error);
        maple_text names = {0};
        for (i = 0; known[i]; i++)
            maple_text_addf(&names, "%s%s", i ? ", " : "there is no such field; use ", known[i]);
        maple_status status = refuse(at, field->string, names.data ? names.data : "unknown", error);
        maple_text_free(&names);
        return status;
    }
    return MAPLE_OK;
}

static maple_status read_text(const place *at, const cJSON *object, const char *field, const char **out,
                              maple_error *error) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, field);
    if (!value)
        return MAPLE_OK;
    if (!cJSON_IsString(value) || !value->valuestring[0])
        return refuse(at, field, "a text is expected (\"...\")", error);
    *out = value->valuestring;
    return MAPLE_OK;
}

static maple_status read_number(const place *at, const cJSON *object, const char *field, double least,
                                double most, double *out, maple_error *error) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, field);
    char what[96];
    if (!value)
        return MAPLE_OK;
    if (!cJSON_IsNumber(value) || value->valuedouble < least || value->valuedouble > most ||
        value->valuedouble != floor(value->valuedouble)) {
        snprintf(what, sizeof what, "a whole number from %.0f to %.0f is expected", least, most);
        return refuse(at, field, what, error);
    }
    *out = value->valuedouble;
    return MAPLE_OK;
}

static maple_status read_int(const place *at, const cJSON *object, const char *field, int least, int most,
                             int *out, maple_error *error) {
    double value = *out;
    maple_status status = read_number(at, object, field, least, most, &value, error);
    *out = (int)value;
    return status;
}

/* JSON numbers hold whole numbers up to 2^53. */
static maple_status read_seed(const place *at, const cJSON *object, uint64_t *out, maple_error *error) {
    double value = (double)*out;
    maple_status status = read_number(at, object, "seed", 0, 9007199254740992.0, &value, error);
    *out = (uint64_t)value;
    return status;
}

/* --- Architectures --- */

static maple_status read_list(const place *at, const cJSON *list, const maple_space *space,
                              maple_arch **archs, size_t *n, maple_error *error) {
    size_t count = (size_t)cJSON_GetArraySize(list), i = 0;
    maple_arch *found = count ? maple_alloc(count, sizeof *found) : NULL;
    if (count == 0)
        return refuse(at, "", "the list is empty: name architectures, or {\"random\": N}, or {\"all\": true}",
                      error);
    if (!found)
        return maple_error_memory(error);
    const cJSON *item;
    maple_status status = MAPLE_OK;
    cJSON_ArrayForEach(item, list) {
        char path[96];
        snprintf(path, sizeof path, "%s[%zu]", at->path, i);
        place here = {at->file, path};
        if (!cJSON_IsString(item))
            status = refuse(&here, "", "the text of an architecture is expected", error);
        else
            status = maple_space_parse(space, item->valuestring, &found[i++], error);
        if (status != MAPLE_OK && cJSON_IsString(item))
            maple_error_prefix(error, status, "%s: %s", at->file, path);
        if (status != MAPLE_OK)
            break;
    }
    if (status != MAPLE_OK) {
        maple_free(found);
        return status;
    }
    *archs = found;
    *n = count;
    return MAPLE_OK;
}

maple_status cli_plan_archs(const cli_plan *plan, const cli_plan_platform *platform, const maple_space *space,
                            maple_graph_form form, maple_arch **archs, size_t *n, maple_error *error) {
    static const char *const fields[] = {"random", "seed", "all", NULL};
    const place at = {plan->file, platform->where};
    const cJSON *value = platform->archs;
    int random = 0;
    uint64_t seed = plan->seed;
    if (cJSON_IsArray(value))
        return read_list(&at, value, space, archs, n, error);
    if (!value)
        return refuse(&at, "", "missing: a list of architectures, or {\"random\": N}, or {\"all\": true}",
                      error);
    maple_status status = check_fields(&at, value, fields, error);
    if (status == MAPLE_OK)
        status = read_int(&at, value, "random", 1, MAX_RANDOM, &random, error);
    if (status == MAPLE_OK)
        status = read_seed(&at, value, &seed, error);
    if (status != MAPLE_OK)
        return status;
    bool all = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(value, "all"));
    if (all == (random > 0))
        return refuse(&at, "", "one of \"random\": N and \"all\": true is expected", error);
    if (all)
        return cli_all_archs(space, archs, n, error);
    *archs = maple_alloc((size_t)random, sizeof **archs);
    if (!*archs)
        return maple_error_memory(error);
    *n = (size_t)random;
    maple_rng rng = maple_rng_seed(seed);
    status = maple_space_sample(space, form, &rng, *n, *archs, error);
    return status == MAPLE_OK ? status : maple_error_prefix(error, status, "%s: %s", at.file, at.path);
}

/* --- The plan --- */

static maple_status read_platform(const cli_plan *plan, int i, const cJSON *object, cli_plan_platform *out,
                                  maple_error *error) {
    static const char *const fields[] = {"engine", "isa",  "dtype",         "threads", "batch",
                                         "graph",  "name", "architectures", NULL};
    char path[48];
    snprintf(path, sizeof path, "platforms[%d]", i);
    const place at = {plan->file, path};
    *out = (cli_plan_platform){.dtype = "f32", .graph = "pruned", .threads = 1, .batch = 1};
    maple_status status = check_fields(&at, object, fields, error);
    if (status == MAPLE_OK)
        status = read_text(&at, object, "engine", &out->engine, error);
    if (status == MAPLE_OK && !out->engine)
        status = refuse(&at, "engine", "missing (see maple engines)", error);
    if (status == MAPLE_OK)
        status = read_text(&at, object, "isa", &out->isa, error);
    if (status == MAPLE_OK)
        status = read_text(&at, object, "dtype", &out->dtype, error);
    if (status == MAPLE_OK)
        status = read_text(&at, object, "graph", &out->graph, error);
    if (status == MAPLE_OK)
        status = read_text(&at, object, "name", &out->name, error);
    if (status == MAPLE_OK)
        status = read_int(&at, object, "threads", 1, 1024, &out->threads, error);
    if (status == MAPLE_OK)
        status = read_int(&at, object, "batch", 1, 4096, &out->batch, error);
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(object, "architectures");
    out->archs = own ? own : cJSON_GetObjectItemCaseSensitive(plan->document, "architectures");
    snprintf(out->where, sizeof out->where, "%s%sarchitectures", own ? path : "", own ? "." : "");
    return status;
}

static maple_status parse(const char *file, const char *text, cJSON **out, maple_error *error) {
    const char *end = text;
    *out = cJSON_ParseWithOpts(text, &end, 1);
    if (*out)
        return MAPLE_OK;
    int line = 1, column = 1;
    for (const char *c = text; c < end && *c; c++) {
        column = *c == '\n' ? 1 : column + 1;
        line += *c == '\n';
    }
    return maple_error_set(error, MAPLE_BAD_INPUT, "%s:%d:%d: this is not JSON", file, line, column);
}

static maple_status read_top(cli_plan *plan, maple_error *error) {
    static const char *const fields[] = {"pool",     "space",         "rounds",    "seed", "memory",
                                         "counters", "architectures", "platforms", NULL};
    const place at = {plan->file, ""};
    const cJSON *top = plan->document;
    maple_status status = check_fields(&at, top, fields, error);
    if (status == MAPLE_OK)
        status = read_text(&at, top, "pool", &plan->pool, error);
    if (status == MAPLE_OK)
        status = read_text(&at, top, "space", &plan->space, error);
    if (status == MAPLE_OK)
        status = read_text(&at, top, "counters", &plan->counters, error);
    if (status == MAPLE_OK)
        status = read_int(&at, top, "rounds", 1, 10000, &plan->rounds, error);
    if (status == MAPLE_OK)
        status = read_int(&at, top, "memory", 16, 1 << 20, &plan->memory_mib, error);
    return status == MAPLE_OK ? read_seed(&at, top, &plan->seed, error) : status;
}

maple_status cli_plan_read(const char *file, cli_plan *out, maple_error *error) {
    cli_plan plan = {.file = file, .space = "nas-bench-201", .rounds = 50, .memory_mib = 1024, .seed = 1};
    const place at = {file, ""};
    char *text;
    size_t bytes;
    maple_status status = maple_read_file(file, MAX_BYTES, &text, &bytes, error);
    if (status != MAPLE_OK)
        return status;
    status = parse(file, text, &plan.document, error);
    maple_free(text);
    if (status == MAPLE_OK)
        status = read_top(&plan, error);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(plan.document, "platforms"), *item;
    if (status == MAPLE_OK && (!cJSON_IsArray(list) || cJSON_GetArraySize(list) == 0))
        status =
            refuse(&at, "platforms", "a list of platforms is expected ([{\"engine\": ...}, ...])", error);
    if (status == MAPLE_OK) {
        plan.platforms = maple_alloc((size_t)cJSON_GetArraySize(list), sizeof *plan.platforms);
        status = plan.platforms ? MAPLE_OK : maple_error_memory(error);
    }
    if (status == MAPLE_OK) {
        cJSON_ArrayForEach(item, list) {
            status = read_platform(&plan, plan.n, item, &plan.platforms[plan.n], error);
            if (status != MAPLE_OK)
                break;
            plan.n++;
        }
    }
    if (status == MAPLE_OK)
        *out = plan;
    else
        cli_plan_free(&plan);
    return status;
}

void cli_plan_free(cli_plan *plan) {
    cJSON_Delete(plan->document);
    maple_free(plan->platforms);
}
