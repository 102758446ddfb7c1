/* SPDX-License-Identifier: Apache-2.0 */
/* Clock, and how a long operation talks to its caller. */
#include "maple/base.h"

#include <stdio.h>
#include <time.h>

int64_t maple_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void maple_log(const maple_hooks *hooks, maple_log_level level, const char *format, ...) {
    if (!hooks || !hooks->log)
        return;
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hooks->log(hooks->user, level, message);
}

void maple_report_progress(const maple_hooks *hooks, const char *task, double done, double total,
                           const char *unit) {
    if (!hooks || !hooks->progress)
        return;
    maple_progress progress = {.task = task, .done = done, .total = total, .unit = unit};
    hooks->progress(hooks->user, &progress);
}

bool maple_is_cancelled(const maple_hooks *hooks) {
    return hooks && hooks->cancelled && hooks->cancelled(hooks->user);
}
