/* SPDX-License-Identifier: Apache-2.0 */
/* Registry of counter providers, and the names of events, states and statuses. */
#include "counters/provider.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* In the order in which "auto" tries them. */
static const maple_counter_provider *const providers[] = {
    &maple_counters_perf,
    &maple_counters_callgrind,
    &maple_counters_none,
};
enum { PROVIDERS = sizeof providers / sizeof providers[0] };

static const char *const event_names[MAPLE_EVENTS] = {
    [MAPLE_CPU_CYCLES] = "cpu-cycles",
    [MAPLE_INSTRUCTIONS] = "instructions",
    [MAPLE_CACHE_REFERENCES] = "cache-references",
    [MAPLE_CACHE_MISSES] = "cache-misses",
    [MAPLE_L1_DCACHE_LOADS] = "L1-dcache-loads",
    [MAPLE_L1_DCACHE_LOAD_MISSES] = "L1-dcache-load-misses",
    [MAPLE_LLC_LOADS] = "LLC-loads",
    [MAPLE_LLC_LOAD_MISSES] = "LLC-load-misses",
    [MAPLE_LLC_STORES] = "LLC-stores",
    [MAPLE_LLC_STORE_MISSES] = "LLC-store-misses",
};

const char *maple_event_name(maple_event event) {
    return (unsigned)event < MAPLE_EVENTS ? event_names[event] : "unknown event";
}

const char *maple_counter_status_name(maple_counter_status status) {
    switch (status) {
    case MAPLE_COUNTER_MISSING:
        return "missing";
    case MAPLE_COUNTER_COUNTED:
        return "counted";
    case MAPLE_COUNTER_SCALED:
        return "scaled";
    case MAPLE_COUNTER_SIMULATED:
        return "simulated";
    }
    return "unknown status";
}

const char *maple_cache_state_name(maple_cache_state state) {
    return state == MAPLE_CACHE_COLD ? "cold" : "warm";
}

maple_count maple_count_missing(const char *reason) {
    maple_count count = {.value = NAN, .running_share = NAN, .status = MAPLE_COUNTER_MISSING};
    snprintf(count.reason, sizeof count.reason, "%s", reason);
    return count;
}

char **maple_counters_words(const char *const *words) {
    size_t n = 0, characters = 0;
    while (words[n])
        characters += strlen(words[n++]) + 1;
    char **copy = maple_alloc((n + 1) * sizeof *copy + characters, 1);
    if (!copy)
        return NULL;
    char *next = (char *)(copy + n + 1);
    for (size_t i = 0; i < n; i++) {
        size_t bytes = strlen(words[i]) + 1;
        memcpy(next, words[i], bytes);
        copy[i] = next;
        next += bytes;
    }
    return copy;
}

size_t maple_counters_count(void) {
    return PROVIDERS;
}

const maple_counter_info *maple_counters_at(size_t i) {
    return i < PROVIDERS ? &providers[i]->info : NULL;
}

/* `info` comes from maple_counters_at, so it is the first member of its provider. */
static const maple_counter_provider *provider_of(const maple_counter_info *info) {
    for (size_t i = 0; i < PROVIDERS; i++) {
        if (&providers[i]->info == info)
            return providers[i];
    }
    return &maple_counters_none;
}

static maple_status find_automatically(const maple_counter_info **out, char *reason, size_t reason_size,
                                       maple_error *error) {
    size_t used = 0;
    for (size_t i = 0; i < PROVIDERS; i++) {
        char why[200] = "";
        if (providers[i]->probe(why, sizeof why)) {
            *out = &providers[i]->info;
            return MAPLE_OK;
        }
        if (used < reason_size) {
            int length = snprintf(reason + used, reason_size - used, "%s%s: %s", used ? "; " : "",
                                  providers[i]->info.name, why);
            used += length > 0 ? (size_t)length : 0;
        }
    }
    return maple_error_set(error, MAPLE_UNSUPPORTED, "no counter provider works on this machine");
}

maple_status maple_counters_find(const char *name, const maple_counter_info **out, char *reason,
                                 size_t reason_size, maple_error *error) {
    if (reason_size > 0)
        reason[0] = '\0';
    if (strcmp(name, "auto") == 0)
        return find_automatically(out, reason, reason_size, error);
    for (size_t i = 0; i < PROVIDERS; i++) {
        if (strcmp(providers[i]->info.name, name) == 0) {
            *out = &providers[i]->info;
            return MAPLE_OK;
        }
    }
    char known[200] = "auto";
    for (size_t i = 0; i < PROVIDERS; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, ", %s", providers[i]->info.name);
    }
    return maple_error_set(error, MAPLE_NOT_FOUND, "no counter provider '%s'; there are: %s", name, known);
}

bool maple_counters_probe(const maple_counter_info *info, char *reason, size_t reason_size) {
    if (reason_size > 0)
        reason[0] = '\0';
    return provider_of(info)->probe(reason, reason_size);
}

maple_status maple_counters_launcher(const maple_counter_info *info, const char *scratch, char ***out,
                                     maple_error *error) {
    const maple_counter_provider *provider = provider_of(info);
    if (provider->launcher)
        return provider->launcher(scratch, out, error);
    const char *const nothing[] = {NULL};
    char **words = maple_counters_words(nothing);
    if (!words)
        return maple_error_memory(error);
    *out = words;
    return MAPLE_OK;
}

maple_status maple_counters_open(const maple_counter_info *info, const char *scratch,
                                 maple_counter_session **out, maple_error *error) {
    return provider_of(info)->open(scratch, out, error);
}

maple_status maple_counters_count_body(maple_counter_session *session, maple_cache_state state,
                                       maple_counted_body body, void *user, maple_count counts[MAPLE_EVENTS],
                                       maple_error *error) {
    return session->provider->count(session, state, body, user, counts, error);
}

void maple_counters_close(maple_counter_session *session) {
    if (session)
        session->provider->close(session);
}
