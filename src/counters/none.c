/* SPDX-License-Identifier: Apache-2.0 */
/* The provider of machines that can count nothing: every event is missing and says so. */
#include "counters/provider.h"

static bool probe(char *reason, size_t reason_size) {
    (void)reason;
    (void)reason_size;
    return true;
}

static maple_status open_session(const char *scratch, maple_counter_session **out, maple_error *error) {
    (void)scratch;
    maple_counter_session *session = maple_alloc(1, sizeof *session);
    if (!session)
        return maple_error_memory(error);
    session->provider = &maple_counters_none;
    *out = session;
    return MAPLE_OK;
}

static maple_status count_body(maple_counter_session *session, maple_cache_state state,
                               maple_counted_body body, void *user, maple_count counts[MAPLE_EVENTS],
                               maple_error *error) {
    (void)session;
    (void)state;
    maple_status status = body(user, error); /* a body that fails is told, whoever counts */
    if (status != MAPLE_OK)
        return status;
    for (int i = 0; i < MAPLE_EVENTS; i++)
        counts[i] = maple_count_missing("not counted: counter provider 'none' was chosen");
    return MAPLE_OK;
}

static void close_session(maple_counter_session *session) {
    maple_free(session);
}

const maple_counter_provider maple_counters_none = {
    .info = {.name = "none", .description = "no counters: every event is missing"},
    .probe = probe,
    .open = open_session,
    .count = count_body,
    .close = close_session,
};
