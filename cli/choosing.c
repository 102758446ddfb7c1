/* SPDX-License-Identifier: Apache-2.0 */
/* Which networks to measure: what suggest, profile and quickstart share. */
#include "cli.h"

#include <math.h>
#include <string.h>

/* --- What is known of a device --- */

void cli_device_free(cli_device *device) {
    maple_free(device->archs);
    maple_free(device->latency_ms);
    *device = (cli_device){0};
}

maple_status cli_device_measured(const maple_dataset *dataset, const maple_dataset_platform *platform,
                                 cli_device *out, maple_error *error) {
    *out = (cli_device){.target = maple_dataset_target(dataset, platform),
                        .archs = maple_alloc(dataset->n_archs, sizeof *out->archs),
                        .latency_ms = maple_alloc(dataset->n_archs, sizeof *out->latency_ms)};
    if (!out->archs || !out->latency_ms)
        return maple_error_memory(error);
    size_t n = 0;
    for (size_t i = 0; i < dataset->n_archs; i++) {
        if (!isfinite(platform->latency_ms[i]))
            continue;
        out->archs[n] = dataset->archs[i];
        out->latency_ms[n++] = platform->latency_ms[i];
    }
    out->target.archs = out->archs;
    out->target.latency_ms = out->latency_ms;
    out->target.n_samples = n;
    return MAPLE_OK;
}

/* --- Choosing --- */

void cli_choice_free(cli_choice *choice) {
    maple_free(choice->archs);
    maple_free(choice->widths);
    *choice = (cli_choice){0};
}

static maple_status random_archs(const cli_choosing *c, size_t n, maple_arch **archs, maple_error *error) {
    maple_rng rng = maple_rng_seed(c->seed);
    *archs = maple_alloc(n, sizeof **archs);
    return *archs ? maple_space_sample(c->dataset->space, c->target->graph, &rng, n, *archs, error)
                  : maple_error_memory(error);
}

/* Where a space is too large, architectures that the sources were measured on are predicted best. */
static maple_status find_candidates(const cli_choosing *c, maple_arch **archs, size_t *n,
                                    maple_error *error) {
    enum { USUAL = 5000 };
    const maple_dataset *d = c->dataset;
    if (c->candidates == 0 && maple_space_enumerable(d->space) > 0)
        return cli_all_archs(d->space, archs, n, error);
    if (c->candidates == 0 && d->n_archs > 0) {
        *n = d->n_archs;
        *archs = maple_alloc(*n, sizeof **archs);
        if (!*archs)
            return maple_error_memory(error);
        memcpy(*archs, d->archs, *n * sizeof **archs);
        return MAPLE_OK;
    }
    *n = c->candidates > 0 ? c->candidates : USUAL;
    return random_archs(c, *n, archs, error);
}

/* Nothing was chosen: because nothing was left, or because it was not needed. */
static maple_status check_left(const cli_choosing *c, const maple_pretrained *pretrained,
                               const maple_fit_request *request, const maple_arch *archs, size_t n,
                               maple_error *error) {
    size_t place, found;
    maple_status status =
        maple_pretrained_suggest(pretrained, request, archs, n, 1, 0, &place, NULL, &found, error);
    if (status == MAPLE_OK && found == 0)
        status = maple_error_set(error, MAPLE_BAD_INPUT,
                                 "nothing is left to suggest: of %zu candidates each was measured (%zu "
                                 "latencies are there), runs the same graph as one that was, or runs nothing",
                                 n, c->target->n_samples);
    return status;
}

static maple_status suggest(const cli_choosing *c, const maple_fit_request *request, const maple_arch *archs,
                            size_t n, cli_choice *out, maple_error *error) {
    maple_pretrained *pretrained = NULL;
    size_t most = c->n < n ? c->n : n;
    size_t *chosen = maple_alloc(most, sizeof *chosen);
    out->archs = maple_alloc(most, sizeof *out->archs);
    out->widths = maple_alloc(most, sizeof *out->widths);
    maple_status status = chosen && out->archs && out->widths ? MAPLE_OK : maple_error_memory(error);
    if (status == MAPLE_OK)
        status = maple_model_cache_pretrain(cli_cache_models(c->cache, c->predictor), c->predictor, request,
                                            &pretrained, error);
    if (status == MAPLE_OK)
        status = maple_pretrained_suggest(pretrained, request, archs, n, most, c->width, chosen, out->widths,
                                          &out->n, error);
    if (status == MAPLE_OK && out->n == 0)
        status = check_left(c, pretrained, request, archs, n, error);
    for (size_t i = 0; status == MAPLE_OK && i < out->n; i++)
        out->archs[i] = archs[chosen[i]];
    maple_pretrained_free(pretrained);
    maple_free(chosen);
    return status;
}

maple_status cli_choose(const cli_choosing *c, cli_choice *out, maple_error *error) {
    *out = (cli_choice){0};
    maple_arch *archs = NULL;
    maple_fit_request request = {.space = c->dataset->space,
                                 .pool = c->dataset,
                                 .sources = c->sources,
                                 .n_sources = c->n_sources,
                                 .target = *c->target,
                                 .seed = c->seed,
                                 .options = c->options,
                                 .hooks = cli_hooks()};
    maple_status status = find_candidates(c, &archs, &out->n_candidates, error);
    if (status == MAPLE_OK)
        status = suggest(c, &request, archs, out->n_candidates, out, error);
    maple_free(archs);
    return status;
}

maple_status cli_check_suggests(const char *predictor, maple_error *error) {
    const maple_predictor_info *info;
    maple_status status = maple_predictor_find(predictor, &info, error);
    if (status != MAPLE_OK || info->suggests)
        return status;
    maple_text known = {0};
    for (size_t i = 0; (info = maple_predictor_at(i)); i++)
        if (info->suggests)
            maple_text_addf(&known, "%s%s", known.length > 0 ? ", " : "", info->name);
    status = maple_error_set(error, MAPLE_BAD_ARGUMENT,
                             "predictor %s does not say what to measure next; these do: %s", predictor,
                             known.data ? known.data : "none");
    maple_text_free(&known);
    return status;
}

/* --- The first networks of a device --- */

void cli_sampling_options(cli_sampling *sampling, cli_cache *cache, cli_options *options) {
    *sampling = (cli_sampling){.predictor = "gp", .sampler = "suggest", .cache = cache};
    cli_string(options, "sampler", &sampling->sampler, "NAME",
               "which networks: suggest (those that make predictions surest; default), random");
    cli_choices(options, "suggest random");
    cli_cache_option(cache, options);
}

maple_status cli_sampling_check(cli_sampling *sampling, const cli_options *options, maple_error *error) {
    sampling->given = cli_given(options, "sampler");
    sampling->suggests = strcmp(sampling->sampler, "suggest") == 0;
    if (!sampling->suggests && strcmp(sampling->sampler, "random") != 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "--sampler %.60s: use suggest or random",
                               sampling->sampler);
    if (!sampling->suggests)
        return MAPLE_OK;
    if (sampling->given)
        return cli_check_suggests(sampling->predictor, error);
    const maple_predictor_info *info;
    maple_status status = maple_predictor_find(sampling->predictor, &info, error);
    sampling->suggests = status == MAPLE_OK && info->suggests;
    return status;
}

/* Why the default cannot be followed, or not well; NULL: it can. */
static const char *why_random(const cli_sampling *sampling, size_t n_sources, size_t n) {
    enum { MANY = 100 }; /* so many are asked for to know a device, not to know what to ask for */
    if (n_sources == 0)
        return "no other platform is known to learn from";
    return n > MANY && !sampling->given ? "more than 100 are wanted" : NULL;
}

static maple_status choose_suggested(const cli_sampling *sampling, const maple_dataset *dataset,
                                     const size_t *sources, size_t n_sources, const maple_target *target,
                                     size_t n, uint64_t seed, maple_arch *archs, maple_error *error) {
    cli_choosing choosing = {.predictor = sampling->predictor,
                             .dataset = dataset,
                             .sources = sources,
                             .n_sources = n_sources,
                             .target = target,
                             .n = n,
                             .seed = seed,
                             .cache = sampling->cache};
    cli_choice choice;
    maple_status status = cli_choose(&choosing, &choice, error);
    if (status == MAPLE_OK && choice.n < n)
        status =
            maple_error_set(error, MAPLE_BAD_ARGUMENT,
                            "%zu networks asked for, but there are only %zu different ones", n, choice.n);
    if (status == MAPLE_OK)
        memcpy(archs, choice.archs, n * sizeof *archs);
    cli_choice_free(&choice);
    return status;
}

maple_status cli_sample(const cli_sampling *sampling, const maple_platform *platform,
                        const maple_dataset *dataset, size_t n, uint64_t seed, maple_arch *archs,
                        bool *suggested, maple_error *error) {
    size_t *sources = NULL, n_sources = 0;
    maple_rng rng = maple_rng_seed(seed);
    *suggested = false;
    if (!sampling->suggests || n == 0)
        return maple_space_sample(dataset->space, platform->graph, &rng, n, archs, error);
    maple_status status = cli_sources(dataset, platform, sampling->leave_out, &sources, &n_sources, error);
    const char *why = why_random(sampling, n_sources, n);
    if (status != MAPLE_OK)
        goto done;
    if (why && sampling->given) {
        status = maple_error_set(error, MAPLE_BAD_INPUT, "--sampler suggest: %s; use --sampler random", why);
    } else if (why) {
        cli_say("the networks to measure are random: %s", why);
        status = maple_space_sample(dataset->space, platform->graph, &rng, n, archs, error);
    } else {
        cli_say("%s chooses the networks to measure, from what it learned of %zu platform%s",
                sampling->predictor, n_sources, cli_plural(n_sources));
        *suggested = true;
        const maple_dataset_platform *known = maple_dataset_find(dataset, platform->name);
        maple_target target =
            known ? maple_dataset_target(dataset, known) : (maple_target){.graph = platform->graph};
        status = choose_suggested(sampling, dataset, sources, n_sources, &target, n, seed, archs, error);
    }
done:
    maple_free(sources);
    return status;
}
