/* SPDX-License-Identifier: Apache-2.0 */
/* Judges: scores from a pool, by adding up, by a command. (From files: judge_csv.c.) */
#include "search/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *maple_judge_name(const maple_judge *judge) {
    return judge->name;
}

size_t maple_judge_listed(const maple_judge *judge) {
    return judge->listed.n;
}

maple_arch maple_judge_nth(const maple_judge *judge, size_t i) {
    return judge->listed.archs[i];
}

void maple_judge_free(maple_judge *judge) {
    if (!judge)
        return;
    search_command_stop(judge->command);
    maple_arch_index_release(&judge->listed);
    maple_free(judge->values);
    maple_free(judge->table);
    maple_free(judge->name);
    maple_free(judge);
}

maple_status maple_judge_finish(maple_judge *judge, maple_error *error) {
    return judge->command ? search_command_finish(judge->command, error) : MAPLE_OK;
}

maple_status maple_judge_from_command(const maple_space *space, const char *command, double timeout_s,
                                      const maple_hooks *hooks, maple_judge **out, maple_error *error) {
    maple_judge *judge = maple_alloc(1, sizeof *judge);
    if (!judge)
        return maple_error_memory(error);
    *judge = (maple_judge){.space = space, .name = maple_strdup(command)};
    maple_status status = judge->name ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = search_command_start(command, timeout_s, hooks, &judge->command, error);
    if (status == MAPLE_OK)
        *out = judge;
    else
        maple_judge_free(judge);
    return status;
}

/* --- From pools --- */

/* Names of scores, each once, however many pools have it. */
typedef struct score_names {
    char (*items)[64];
    size_t n;
} score_names;

static maple_status add_name(score_names *names, const char *name, maple_error *error) {
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->items[i], name) == 0)
            return MAPLE_OK;
    char(*larger)[64] = maple_resize(names->items, names->n + 1, sizeof *larger);
    if (!larger)
        return maple_error_memory(error);
    names->items = larger;
    snprintf(names->items[names->n++], sizeof *names->items, "%s", name);
    return MAPLE_OK;
}

static maple_status list_scores(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                score_names *names, maple_error *error) {
    maple_status status = MAPLE_OK;
    for (size_t i = 0; status == MAPLE_OK && i < n_pools; i++) {
        maple_score_count *scores = NULL;
        size_t found = 0;
        status = maple_pool_scores(pools[i], space, &scores, &found, error);
        for (size_t k = 0; status == MAPLE_OK && k < found; k++)
            status = add_name(names, scores[k].name, error);
        maple_free(scores);
    }
    return status;
}

static maple_status no_score(const maple_space *space, const char *name, const score_names *names,
                             maple_error *error) {
    if (names->n == 0)
        return maple_error_set(
            error, MAPLE_NOT_FOUND,
            "no scores of %s are known: maple pool import accuracy or zcp brings some into a "
            "pool, --scores FILE reads them, --score-command asks a program",
            maple_space_name(space));
    maple_text list = {0};
    for (size_t i = 0; i < names->n; i++)
        maple_text_addf(&list, "%s%s", i > 0 ? ", " : "", names->items[i]);
    const char *text = list.data ? list.data : "";
    maple_status status =
        name ? maple_error_set(error, MAPLE_NOT_FOUND, "no score '%.63s' of %s; there is: %.700s", name,
                               maple_space_name(space), text)
             : maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "which score? --score NAME, with one of those of %s: %.700s",
                               maple_space_name(space), text);
    maple_text_free(&list);
    return status;
}

/* From the first pool that has it; *n is 0 where none does. */
static maple_status find_values(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                const char *name, maple_arch **archs, double **values, size_t *n,
                                maple_error *error) {
    maple_status status = MAPLE_OK;
    *n = 0;
    for (size_t i = 0; status == MAPLE_OK && *n == 0 && i < n_pools; i++)
        status = maple_pool_score_values(pools[i], space, name, archs, values, n, error);
    return status;
}

static maple_status make_list(const maple_space *space, const char *name, const maple_arch *archs,
                              const double *values, size_t n, maple_judge **out, maple_error *error) {
    maple_judge *judge = maple_alloc(1, sizeof *judge);
    if (!judge)
        return maple_error_memory(error);
    *judge = (maple_judge){
        .space = space, .name = maple_strdup(name), .values = maple_alloc(n, sizeof *judge->values)};
    maple_status status = judge->name && judge->values
                              ? maple_arch_index_create(space, n, &judge->listed, error)
                              : maple_error_memory(error);
    for (size_t i = 0; status == MAPLE_OK && i < n; i++)
        judge->values[maple_arch_index_add(&judge->listed, &archs[i])] = values[i];
    if (status == MAPLE_OK)
        *out = judge;
    else
        maple_judge_free(judge);
    return status;
}

maple_status maple_judge_from_pools(maple_pool *const *pools, size_t n_pools, const maple_space *space,
                                    const char *name, maple_judge **out, maple_error *error) {
    maple_arch *archs = NULL;
    double *values = NULL;
    score_names names = {0};
    size_t n = 0;
    const char *wanted = name ? name : "cifar100_test";
    maple_status status = find_values(pools, n_pools, space, wanted, &archs, &values, &n, error);
    if (status == MAPLE_OK && n > 0)
        goto done;
    if (status == MAPLE_OK)
        status = list_scores(pools, n_pools, space, &names, error);
    if (status == MAPLE_OK && (name || names.n != 1))
        status = no_score(space, name, &names, error);
    if (status == MAPLE_OK) {
        wanted = names.items[0];
        status = find_values(pools, n_pools, space, wanted, &archs, &values, &n, error);
    }
done:
    if (status == MAPLE_OK)
        status = make_list(space, wanted, archs, values, n, out, error);
    maple_free(names.items);
    maple_free(archs);
    maple_free(values);
    return status;
}

/* --- Scoring --- */

static maple_status ask_command(maple_judge *judge, const maple_arch *archs, size_t n, double *scores,
                                maple_error *error) {
    maple_text lines = {0};
    for (size_t i = 0; i < n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(judge->space, &archs[i], text);
        maple_text_add(&lines, text);
        maple_text_add(&lines, "\n");
    }
    maple_status status = lines.failed ? maple_error_memory(error)
                                       : search_command_ask(judge->command, lines.data ? lines.data : "",
                                                            lines.length, n, scores, error);
    maple_text_free(&lines);
    return status;
}

maple_status maple_judge_score(maple_judge *judge, const maple_arch *archs, size_t n, double *scores,
                               maple_error *error) {
    if (judge->command)
        return ask_command(judge, archs, n, scores, error);
    size_t positions = (size_t)maple_space_positions(judge->space),
           ops = (size_t)maple_space_ops(judge->space);
    for (size_t i = 0; i < n; i++) {
        if (!judge->table) {
            size_t row = maple_arch_index_find(&judge->listed, &archs[i]);
            scores[i] = row == SIZE_MAX ? NAN : judge->values[row];
            continue;
        }
        scores[i] = 0;
        for (size_t p = 0; p < positions; p++)
            scores[i] += judge->table[p * ops + archs[i].op[p]];
    }
    return MAPLE_OK;
}
