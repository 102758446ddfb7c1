/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maple predict --stream: inside another program's loop. What has come is answered at once, so that a caller
 * may wait for each answer, and many lines at a time go at the speed of many at a time.
 */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROOM = 1 << 16, BLOCK = 1024 };

typedef struct stream {
    const maple_predictor *predictor;
    const maple_space *space;
    char *text; /* [ROOM] what has come and is not answered */
    size_t used;
    maple_arch archs[BLOCK];
    double latency_ms[BLOCK], lower_ms[BLOCK], upper_ms[BLOCK];
    size_t n, line, answered;
} stream;

static maple_status answer(stream *s, maple_error *error) {
    if (s->n == 0)
        return MAPLE_OK;
    maple_status status = maple_predictor_intervals(s->predictor, s->archs, s->n, s->latency_ms, s->lower_ms,
                                                    s->upper_ms, error);
    for (size_t i = 0; status == MAPLE_OK && i < s->n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(s->space, &s->archs[i], text);
        fputs(text, stdout);
        const double values[] = {s->latency_ms[i], s->lower_ms[i], s->upper_ms[i]};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            if (isfinite(values[v]))
                printf(",%.6g", values[v]);
            else
                putchar(',');
        }
        putchar('\n');
    }
    s->answered += status == MAPLE_OK ? s->n : 0;
    s->n = 0;
    return status;
}

/* An architecture, or CSV with it first; a header and empty lines are nothing to answer. */
static maple_status take_line(stream *s, char *line, maple_error *error) {
    maple_error why;
    s->line++;
    line[strcspn(line, "\r")] = '\0';
    maple_status status = maple_space_parse(s->space, line, &s->archs[s->n], &why);
    if (status != MAPLE_OK) {
        line[strcspn(line, ",")] = '\0';
        if (!*line || (s->line == 1 && strcmp(line, "arch") == 0))
            return MAPLE_OK;
        if (maple_space_parse(s->space, line, &s->archs[s->n], NULL) != MAPLE_OK)
            return maple_error_set(error, MAPLE_BAD_INPUT, "standard input:%zu: %s", s->line, why.message);
    }
    return ++s->n == BLOCK ? answer(s, error) : MAPLE_OK;
}

/* Answers all whole lines; at the end of the input what is left is one, too. */
static maple_status take_lines(stream *s, bool end, maple_error *error) {
    char *at = s->text, *limit = s->text + s->used, *next;
    maple_status status = MAPLE_OK;
    while (status == MAPLE_OK && at < limit && (next = memchr(at, '\n', (size_t)(limit - at)))) {
        *next = '\0';
        status = take_line(s, at, error);
        at = next + 1;
    }
    if (status == MAPLE_OK && end && at < limit) {
        *limit = '\0'; /* there is room for it */
        status = take_line(s, at, error);
        at = limit;
    }
    s->used = (size_t)(limit - at);
    memmove(s->text, at, s->used);
    if (status == MAPLE_OK && s->used >= ROOM - 1)
        status = maple_error_set(error, MAPLE_BAD_INPUT, "standard input:%zu: a line of more than %d bytes",
                                 s->line + 1, ROOM - 2);
    /* What came before a line that is not understood was asked for as well. */
    maple_status said = answer(s, status == MAPLE_OK ? error : NULL);
    return status == MAPLE_OK ? said : status;
}

static maple_status serve(stream *s, maple_error *error) {
    maple_status status = MAPLE_OK;
    puts("arch,latency_ms,lower_ms,upper_ms");
    status = cli_flush(error);
    for (bool end = false; status == MAPLE_OK && !end;) {
        ssize_t got = read(STDIN_FILENO, s->text + s->used, ROOM - 1 - s->used);
        if (maple_is_cancelled(cli_hooks()))
            return maple_error_set(error, MAPLE_INTERRUPTED, "interrupted after %zu architectures",
                                   s->answered);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return maple_error_set(error, MAPLE_IO_ERROR, "standard input cannot be read: %s",
                                   strerror(errno));
        end = got == 0;
        s->used += (size_t)got;
        status = take_lines(s, end, error);
        maple_status flushed = cli_flush(status == MAPLE_OK ? error : NULL);
        status = status == MAPLE_OK ? flushed : status;
    }
    return status;
}

maple_status cli_stream(const maple_predictor *predictor, maple_error *error) {
    stream *s = maple_alloc(1, sizeof *s);
    if (!s)
        return maple_error_memory(error);
    s->predictor = predictor;
    s->space = maple_predictor_space(predictor);
    s->text = maple_alloc(ROOM, 1);
    int64_t start = maple_clock_ns();
    maple_status status = s->text ? serve(s, error) : maple_error_memory(error);
    double seconds = (double)(maple_clock_ns() - start) * 1e-9;
    if (status == MAPLE_OK)
        cli_say("%zu architectures in %.2f s: %.0f a second", s->answered, seconds,
                (double)s->answered / seconds);
    maple_free(s->text);
    maple_free(s);
    return status;
}
