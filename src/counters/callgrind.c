/* SPDX-License-Identifier: Apache-2.0 */
/*
 * callgrind: counts simulated by Valgrind, for machines whose counters are not visible. The worker runs under
 * Valgrind; only the counted runs are instrumented, through client requests.
 *
 * The cache is the same on every host (32 KiB 8-way L1, 1 MiB 16-way last level, 64-byte lines): counts
 * describe the code that ran, not this CPU's caches. Valgrind offers AVX2, not AVX-512. Cycles cannot be
 * simulated.
 */
#include "counters/callgrind.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define L1_GEOMETRY "32768,8,64"
#define LL_GEOMETRY "1048576,16,64"
#define DUMP_PREFIX "callgrind.out"

enum { WARM_RUNS = 2, MAX_DUMP_BYTES = 64 << 20, MAX_COLUMNS = 32 };

/* --- Reading a dump --- */

typedef struct dump_columns {
    size_t n;
    char names[MAX_COLUMNS][16];
    double values[MAX_COLUMNS];
} dump_columns;

/* The rest of the first line that starts with `key`; NULL where there is none. */
static const char *find_line(const char *dump, const char *key) {
    size_t length = strlen(key);
    for (const char *line = dump; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0)
            return line + length;
    }
    return NULL;
}

static size_t parse_names(const char *line, dump_columns *columns) {
    size_t n = 0;
    for (int used = 0; n < MAX_COLUMNS && *line != '\n' && *line; line += used) {
        if (*line == ' ') {
            used = 1;
            continue;
        }
        used = (int)strcspn(line, " \n");
        snprintf(columns->names[n++], sizeof columns->names[0], "%.*s", used, line);
    }
    return n;
}

/* Trailing zeros may be left out of a cost line: what is not there is 0 by the format. */
static void parse_values(const char *line, dump_columns *columns) {
    size_t n = 0;
    while (n < columns->n && *line && *line != '\n') {
        char *end;
        double value = strtod(line, &end);
        if (end == line)
            break;
        columns->values[n++] = value;
        line = end;
        line += strspn(line, " ");
    }
}

static const double *column(const dump_columns *columns, const char *name) {
    for (size_t i = 0; i < columns->n; i++) {
        if (strcmp(columns->names[i], name) == 0)
            return &columns->values[i];
    }
    return NULL;
}

/* Each of our events as a sum of callgrind's. L1 misses are what reaches the last level (a two-level cache).
 */
static const char *const formulas[MAPLE_EVENTS][7] = {
    [MAPLE_INSTRUCTIONS] = {"Ir"},
    [MAPLE_CACHE_REFERENCES] = {"D1mr", "I1mr", "D1mw"},
    [MAPLE_CACHE_MISSES] = {"DLmr", "ILmr", "DLmw"},
    [MAPLE_L1_DCACHE_LOADS] = {"Dr"},
    [MAPLE_L1_DCACHE_LOAD_MISSES] = {"D1mr"},
    [MAPLE_LLC_LOADS] = {"D1mr", "I1mr"},
    [MAPLE_LLC_LOAD_MISSES] = {"DLmr", "ILmr"},
    [MAPLE_LLC_STORES] = {"D1mw"},
    [MAPLE_LLC_STORE_MISSES] = {"DLmw"},
};

static maple_count evaluate(const dump_columns *columns, maple_event event, double runs) {
    if (!formulas[event][0])
        return maple_count_missing(
            "callgrind simulates no cycles; the operator's measured latency tells its time");
    maple_count count = {.value = 0, .running_share = 1, .status = MAPLE_COUNTER_SIMULATED};
    for (size_t i = 0; formulas[event][i]; i++) {
        const double *value = column(columns, formulas[event][i]);
        if (!value) {
            char reason[96];
            snprintf(reason, sizeof reason, "callgrind's dump has no column %s (no cache simulation)",
                     formulas[event][i]);
            return maple_count_missing(reason);
        }
        count.value += *value / runs;
    }
    return count;
}

maple_status maple_callgrind_counts(const char *dump, double runs, maple_count counts[MAPLE_EVENTS],
                                    maple_error *error) {
    const char *events = find_line(dump, "events:");
    const char *totals = find_line(dump, "totals:");
    if (!totals)
        totals = find_line(dump, "summary:");
    if (!events || !totals)
        return maple_error_set(error, MAPLE_DEVICE_ERROR,
                               "callgrind's dump has no '%s' line: it is cut short",
                               events ? "totals:" : "events:");
    dump_columns columns = {0};
    columns.n = parse_names(events, &columns);
    parse_values(totals + strspn(totals, " "), &columns);
    for (int i = 0; i < MAPLE_EVENTS; i++)
        counts[i] = evaluate(&columns, (maple_event)i, runs);
    return MAPLE_OK;
}

/* --- Running under Valgrind --- */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#ifdef MAPLE_HAVE_VALGRIND

#include <valgrind/callgrind.h>

typedef struct callgrind_session {
    maple_counter_session base;
    char *scratch;
} callgrind_session;

static bool in_path(const char *program) {
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        char file[4096];
        int written = snprintf(file, sizeof file, "%.*s/%s", (int)length, path, program);
        if (written > 0 && (size_t)written < sizeof file && access(file, X_OK) == 0)
            return true;
        path += length;
        path += *path == ':';
    }
    return false;
}

static bool probe(char *reason, size_t reason_size) {
    if (!SANITIZED && in_path("valgrind"))
        return true;
    snprintf(reason, reason_size, "%s",
             SANITIZED ? "this build has AddressSanitizer, which does not run under Valgrind"
                       : "valgrind is not in PATH; install it (Debian: valgrind)");
    return false;
}

static maple_status launcher(const char *scratch, char ***out, maple_error *error) {
    char file[4096], log[4096];
    int length = snprintf(file, sizeof file, "--callgrind-out-file=%s/" DUMP_PREFIX, scratch);
    if (length < 0 || (size_t)length >= sizeof file)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "%s: path too long for Valgrind", scratch);
    snprintf(log, sizeof log, "--log-file=%s/valgrind.log", scratch);
    const char *const words[] = {
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        "--cache-sim=yes",
        "--I1=" L1_GEOMETRY,
        "--D1=" L1_GEOMETRY,
        "--LL=" LL_GEOMETRY,
        "--vgdb=no",
        log,
        file,
        NULL,
    };
    *out = maple_counters_words(words);
    return *out ? MAPLE_OK : maple_error_memory(error);
}

/* Calls `visit` for every dump in the folder; the first failure ends it. */
static maple_status each_dump(const char *folder,
                              maple_status (*visit)(const char *path, void *user, maple_error *), void *user,
                              maple_error *error) {
    DIR *directory = opendir(folder);
    if (!directory)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be read: %s", folder, strerror(errno));
    maple_status status = MAPLE_OK;
    for (struct dirent *entry; status == MAPLE_OK && (entry = readdir(directory));) {
        char path[4096];
        if (strncmp(entry->d_name, DUMP_PREFIX, strlen(DUMP_PREFIX)) != 0)
            continue;
        int length = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (length > 0 && (size_t)length < sizeof path)
            status = visit(path, user, error);
    }
    closedir(directory);
    return status;
}

static maple_status remove_dump(const char *path, void *user, maple_error *error) {
    (void)user;
    if (unlink(path) != 0)
        return maple_error_set(error, MAPLE_IO_ERROR, "%s: cannot be removed: %s", path, strerror(errno));
    return MAPLE_OK;
}

typedef struct dump_reading {
    double runs;
    maple_count *counts;
    size_t found; /* dumps with counts in them */
} dump_reading;

static maple_status read_dump(const char *path, void *user, maple_error *error) {
    dump_reading *reading = user;
    char *text = NULL;
    size_t bytes = 0;
    maple_status status = maple_read_file(path, MAX_DUMP_BYTES, &text, &bytes, error);
    if (status == MAPLE_OK && bytes > 0) {
        status = maple_callgrind_counts(text, reading->runs, reading->counts, error);
        reading->found++;
    }
    maple_free(text);
    return status;
}

static maple_status open_session(const char *scratch, maple_counter_session **out, maple_error *error) {
    if (!RUNNING_ON_VALGRIND)
        return maple_error_set(
            error, MAPLE_UNSUPPORTED,
            "this process does not run under Valgrind; start it behind maple_counters_launcher");
    callgrind_session *session = maple_alloc(1, sizeof *session);
    if (!session)
        return maple_error_memory(error);
    session->base.provider = &maple_counters_callgrind;
    session->scratch = maple_strdup(scratch);
    if (!session->scratch) {
        maple_free(session);
        return maple_error_memory(error);
    }
    *out = &session->base;
    return MAPLE_OK;
}

/* The counted runs. Starting instrumentation empties the simulated caches: that is the cold state, and
 * exactly. */
static maple_status run_instrumented(maple_cache_state state, int runs, maple_counted_body body, void *user,
                                     maple_error *error) {
    maple_status status = MAPLE_OK;
    CALLGRIND_START_INSTRUMENTATION;
    if (state == MAPLE_CACHE_WARM)
        status = body(user, error);
    CALLGRIND_ZERO_STATS;
    for (int i = 0; i < runs && status == MAPLE_OK; i++)
        status = body(user, error);
    CALLGRIND_DUMP_STATS;
    CALLGRIND_STOP_INSTRUMENTATION;
    return status;
}

static maple_status count_body(maple_counter_session *base, maple_cache_state state, maple_counted_body body,
                               void *user, maple_count counts[MAPLE_EVENTS], maple_error *error) {
    callgrind_session *session = (callgrind_session *)base;
    int runs = state == MAPLE_CACHE_WARM ? WARM_RUNS : 1;
    maple_count found[MAPLE_EVENTS];
    dump_reading reading = {.runs = runs, .counts = found};
    maple_status status = each_dump(session->scratch, remove_dump, NULL, error);
    if (status == MAPLE_OK)
        status =
            body(user, error); /* first-use work (code generation, lazy binding) stays outside the count */
    if (status == MAPLE_OK)
        status = run_instrumented(state, runs, body, user, error);
    if (status == MAPLE_OK)
        status = each_dump(session->scratch, read_dump, &reading, error);
    if (status == MAPLE_OK && reading.found != 1)
        status = maple_error_set(error, MAPLE_DEVICE_ERROR, "%s: Valgrind left %zu dumps instead of 1",
                                 session->scratch, reading.found);
    if (status == MAPLE_OK)
        memcpy(counts, found, sizeof found);
    return status;
}

static void close_session(maple_counter_session *base) {
    callgrind_session *session = (callgrind_session *)base;
    maple_free(session->scratch);
    maple_free(session);
}

#else

static const char not_built[] =
    "this build has no Valgrind support; install valgrind (with its headers) and rebuild";

static bool probe(char *reason, size_t reason_size) {
    snprintf(reason, reason_size, "%s", not_built);
    return false;
}

static maple_status launcher(const char *scratch, char ***out, maple_error *error) {
    (void)scratch;
    (void)out;
    return maple_error_set(error, MAPLE_UNSUPPORTED, "callgrind: %s", not_built);
}

static maple_status open_session(const char *scratch, maple_counter_session **out, maple_error *error) {
    (void)scratch;
    (void)out;
    return maple_error_set(error, MAPLE_UNSUPPORTED, "callgrind: %s", not_built);
}

static maple_status count_body(maple_counter_session *session, maple_cache_state state,
                               maple_counted_body body, void *user, maple_count counts[MAPLE_EVENTS],
                               maple_error *error) {
    (void)session;
    (void)state;
    (void)body;
    (void)user;
    (void)counts;
    return maple_error_set(error, MAPLE_UNSUPPORTED, "callgrind: %s", not_built);
}

static void close_session(maple_counter_session *session) {
    maple_free(session);
}

#endif

const maple_counter_provider maple_counters_callgrind = {
    .info = {.name = "callgrind",
             .description =
                 "simulated by Valgrind's callgrind: 32 KiB 8-way L1, 1 MiB 16-way last level, no cycles",
             .simulated = true,
             .isa = "avx2"},
    .probe = probe,
    .launcher = launcher,
    .open = open_session,
    .count = count_body,
    .close = close_session,
};
