/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base.h: status and error text, memory, random numbers, clock, hooks, order statistics, rank correlation,
 * files.
 *
 * Conventions of every public header of libmaple:
 *  - a fallible function returns maple_status and takes a last parameter `maple_error *error`, which may be
 * NULL; on failure *error holds the same status and a message that says what, where and what to do;
 *  - output parameters are written only on success, unless the comment says otherwise;
 *  - `x_free(NULL)` and `x_close(NULL)` do nothing; strings returned as `const char *` belong to the object;
 *  - latencies are milliseconds (double), sizes are bytes; a value that could not be had is NaN, never 0;
 *  - no function prints, exits or keeps global state; an object is used by one thread at a time.
 */
#ifndef MAPLE_BASE_H
#define MAPLE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAPLE_VERSION_MAJOR 0
#define MAPLE_VERSION_MINOR 1
#define MAPLE_VERSION_PATCH 0
#define MAPLE_VERSION       "0.1.0"

#if defined(__GNUC__)
#define MAPLE_PRINTF(format_index, first) __attribute__((format(printf, format_index, first)))
#else
#define MAPLE_PRINTF(format_index, first)
#endif

/* Values are stable; the tens group them by the exit code that the command line gives them. */
typedef enum maple_status {
    MAPLE_OK = 0,
    MAPLE_CHECK_FAILED = 10,  /* a comparison did not hold (exit 1) */
    MAPLE_BAD_ARGUMENT = 20,  /* the caller asked for something impossible (exit 2) */
    MAPLE_BAD_INPUT = 30,     /* data that does not parse or does not fit (exit 3) */
    MAPLE_NOT_FOUND = 31,     /* a name that is not there (exit 3) */
    MAPLE_IO_ERROR = 40,      /* file, pipe, disk (exit 4) */
    MAPLE_DEVICE_ERROR = 50,  /* engine or device failed (exit 5) */
    MAPLE_UNSUPPORTED = 51,   /* not built in, or not on this machine (exit 5) */
    MAPLE_OUT_OF_MEMORY = 52, /* (exit 5) */
    MAPLE_INTERRUPTED = 60,   /* cancelled, can be continued (exit 6) */
} maple_status;

typedef struct maple_error {
    maple_status status;
    char message[1024];
} maple_error;

/* Short name of a status ("bad input"); never NULL. */
const char *maple_status_name(maple_status status);

/* Fills *error (NULL allowed) with a printf-style message and returns `status`. */
maple_status maple_error_set(maple_error *error, maple_status status, const char *format, ...)
    MAPLE_PRINTF(3, 4);

/* Puts "prefix: " before the message of *error (NULL allowed) and returns `status`. */
maple_status maple_error_prefix(maple_error *error, maple_status status, const char *format, ...)
    MAPLE_PRINTF(3, 4);

/* The message for an allocation that failed; returns MAPLE_OUT_OF_MEMORY. */
maple_status maple_error_memory(maple_error *error);

/* --- Memory: every allocation of the library goes through these, so that tests can make one fail. --- */

void *maple_alloc(size_t count, size_t size);                 /* zeroed; NULL on overflow or lack of memory */
void *maple_resize(void *pointer, size_t count, size_t size); /* like realloc; the new part is not zeroed */
void *maple_alloc_aligned(size_t count, size_t size); /* zeroed, 64-byte aligned; freed by maple_free */
char *maple_strdup(const char *text);
void maple_free(void *pointer);

/* --- Growing text --- */

typedef struct maple_text {
    char *data; /* NUL-terminated once something was added; NULL before */
    size_t length, capacity;
    bool failed; /* an allocation failed; later additions do nothing */
} maple_text;

void maple_text_add(maple_text *text, const char *string);
void maple_text_addf(maple_text *text, const char *format, ...) MAPLE_PRINTF(2, 3);
/* A word of a shell's command line: as it is where it is plain, else in single quotes. */
void maple_text_add_word(maple_text *text, const char *word);
/* " --NAME VALUE", the value as such a word. */
void maple_text_add_option(maple_text *text, const char *name, const char *value);
void maple_text_free(maple_text *text);

/* --- Random numbers: xoshiro256** seeded by splitmix64; the same seed gives the same numbers everywhere. ---
 */

typedef struct maple_rng {
    uint64_t state[4];
} maple_rng;

maple_rng maple_rng_seed(uint64_t seed);
uint64_t maple_rng_next(maple_rng *rng);
uint64_t maple_rng_below(maple_rng *rng, uint64_t bound); /* uniform in [0, bound), bound > 0, unbiased */
double maple_rng_uniform(maple_rng *rng);                 /* [0, 1) */
double maple_rng_normal(maple_rng *rng);                  /* N(0, 1) */
void maple_rng_shuffle(maple_rng *rng, size_t n, size_t *items);
uint64_t maple_hash(const void *data, size_t bytes); /* FNV-1a, for seeds and caches, not for security */

/* --- Clock --- */

int64_t maple_clock_ns(void); /* CLOCK_MONOTONIC */

/* --- Hooks: how a long operation talks to its caller. Any member may be NULL; a NULL hooks pointer is fine.
 * --- */

typedef enum maple_log_level { MAPLE_LOG_DEBUG, MAPLE_LOG_INFO, MAPLE_LOG_WARNING } maple_log_level;

typedef struct maple_progress {
    const char *task;   /* "measuring", ... */
    double done, total; /* in `unit`; total is 0 where it is not known */
    const char *unit;   /* "runs", "epochs", ... */
} maple_progress;

typedef struct maple_hooks {
    void (*log)(void *user, maple_log_level level, const char *message);
    void (*progress)(void *user, const maple_progress *progress);
    bool (*cancelled)(void *user); /* true: stop soon and return MAPLE_INTERRUPTED */
    void *user;
} maple_hooks;

void maple_log(const maple_hooks *hooks, maple_log_level level, const char *format, ...) MAPLE_PRINTF(3, 4);
void maple_report_progress(const maple_hooks *hooks, const char *task, double done, double total,
                           const char *unit);
bool maple_is_cancelled(const maple_hooks *hooks);

/* --- Order statistics over finite values; NaN for n = 0. The array is not changed. --- */

typedef struct maple_summary {
    size_t n;
    double median, mean, min, max, sd, iqr; /* sd with n - 1; iqr between the quartiles */
} maple_summary;

/* Allocates a scratch copy; fails only for lack of memory. */
maple_status maple_summarise(const double *values, size_t n, maple_summary *out, maple_error *error);

/* Ascending; no value may be NaN. */
void maple_sort_doubles(double *values, size_t n);

/* The q-quantile (linear interpolation) of an ascending array; NaN for n = 0. */
double maple_quantile_sorted(const double *ascending, size_t n, double q);

/* --- Rank correlation of n pairs, on float32 values: NaN where one side is constant. Pairs with a NaN or an
 * infinity are left out. O(n log n). Fails only for lack of memory. --- */

/* Spearman's coefficient, with mid-ranks. */
maple_status maple_spearman(const double *x, const double *y, size_t n, double *out, maple_error *error);
/* Kendall's tau-b (Knight's algorithm), ties counted exactly. */
maple_status maple_kendall(const double *x, const double *y, size_t n, double *out, maple_error *error);

/* --- Files --- */

/* Whether maple_write_file has a place to write to: worth asking before an hour of work. MAPLE_IO_ERROR. */
maple_status maple_check_writable(const char *path, maple_error *error);

/* Writes a whole file: temporary beside it, fsync, rename, fsync of the folder. The old file stays until the
 * new one is complete. Through a symbolic link it is the file pointed at that is replaced. */
maple_status maple_write_file(const char *path, const void *data, size_t bytes, maple_error *error);

/* Reads a whole file into *data (NUL-terminated, freed by maple_free); `limit` bytes at most. */
maple_status maple_read_file(const char *path, size_t limit, char **data, size_t *bytes, maple_error *error);

#endif
