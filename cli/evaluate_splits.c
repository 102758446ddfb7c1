/* SPDX-License-Identifier: Apache-2.0 */
/* maple evaluate: which platforms, and how many architectures of them, are learned from. */
#include "evaluate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

maple_status cli_keep_known(size_t known, uint64_t seed, const maple_dataset *dataset, maple_splits *splits,
                            maple_error *error) {
    for (size_t i = 0; known > 0 && i < splits->n; i++) {
        maple_split *split = &splits->items[i];
        const char *target = dataset->platforms[split->target].platform.name;
        if (split->n_sources < known)
            return maple_error_set(error, MAPLE_BAD_INPUT,
                                   "--known %zu: %s has only %zu platforms to learn from", known, target,
                                   split->n_sources);
        maple_rng rng = maple_rng_seed(seed ^ maple_hash(target, strlen(target)));
        maple_rng_shuffle(&rng, split->n_sources, split->sources);
        split->n_sources = known;
        for (size_t a = 1; a < known; a++) { /* in the dataset's order again */
            size_t row = split->sources[a], at = a;
            for (; at > 0 && split->sources[at - 1] > row; at--)
                split->sources[at] = split->sources[at - 1];
            split->sources[at] = row;
        }
    }
    return MAPLE_OK;
}

/* The fewest architectures that the sources of a split have in common; SIZE_MAX where no split has sources.
 */
static size_t fewest_in_common(const maple_dataset *dataset, const maple_splits *splits) {
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < splits->n; i++) {
        const maple_split *split = &splits->items[i];
        size_t n = 0;
        for (size_t row = 0; split->n_sources > 0 && row < dataset->n_archs; row++) {
            size_t s = 0;
            while (s < split->n_sources && isfinite(dataset->platforms[split->sources[s]].latency_ms[row]))
                s++;
            n += s == split->n_sources;
        }
        if (split->n_sources > 0 && n < fewest)
            fewest = n;
    }
    return fewest;
}

/* Says what is learned from where the usual number cannot be. */
static void say_all(const maple_dataset *dataset, const maple_splits *splits, size_t usual, size_t fewest) {
    size_t least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < splits->n; i++) {
        for (size_t s = 0; s < splits->items[i].n_sources; s++) {
            const double *ms = dataset->platforms[splits->items[i].sources[s]].latency_ms;
            size_t n = 0;
            for (size_t row = 0; row < dataset->n_archs; row++)
                n += isfinite(ms[row]) ? 1 : 0;
            least = n < least ? n : least;
            most = n > most ? n : most;
        }
    }
    char range[64];
    if (least == most)
        snprintf(range, sizeof range, "%zu", most);
    else
        snprintf(range, sizeof range, "%zu to %zu", least, most);
    cli_say("sources have %zu architectures in common, fewer than the usual %zu: learning from all that each "
            "has, %s (--train-archs all)",
            fewest, usual, range);
}

maple_status cli_choose_train_archs(long asked, const cli_contenders *contenders,
                                    const maple_dataset *dataset, const maple_splits *splits, size_t *out,
                                    maple_error *error) {
    enum { USUAL = 900 };
    size_t fewest = fewest_in_common(dataset, splits);
    *out = asked > 0 ? (size_t)asked : 0;
    if (*out > fewest)
        return maple_error_set(error, MAPLE_BAD_INPUT,
                               "--train-archs %zu: sources have only %zu architectures in common in %s; use "
                               "so many at most, or --train-archs all",
                               *out, fewest, maple_space_name(dataset->space));
    if (asked >= 0)
        return MAPLE_OK;
    if (fewest >= USUAL) {
        *out = USUAL;
        return MAPLE_OK;
    }
    bool learns = false;
    for (size_t i = 0; i < contenders->n; i++) {
        const maple_predictor_info *info;
        learns = learns || (maple_predictor_find(contenders->items[i].name, &info, NULL) == MAPLE_OK &&
                            info->needs_pool);
    }
    if (learns)
        say_all(dataset, splits, USUAL, fewest);
    return MAPLE_OK;
}
