/* SPDX-License-Identifier: Apache-2.0 */
/* What else runs on the machine: see load.h. */
#include "measure/load.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a file; false where there is none. /proc/stat can be long: what is wanted of its end, the
 * line "ctxt", comes after one line a CPU and the interrupts. */
static bool read_some(const char *root, const char *path, char *out, size_t size) {
    char full[4096];
    size_t used = 0;
    out[0] = '\0';
    int length = snprintf(full, sizeof full, "%s%s", root ? root : "", path);
    if (length < 0 || (size_t)length >= sizeof full)
        return false;
    int file = open(full, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    while (used + 1 < size) {
        ssize_t got = read(file, out + used, size - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(file);
    out[used] = '\0';
    return used > 0;
}

/* The value after "key" at the beginning of a line. */
static double value_of(const char *text, const char *key) {
    size_t length = strlen(key);
    for (const char *line = text; *line;) {
        char *end;
        if (strncmp(line, key, length) == 0) {
            double value = strtod(line + length, &end);
            return end > line + length ? value : NAN;
        }
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return NAN;
}

/* "0.08 0.03 0.01 2/345 6789": the fourth field. */
static double read_running(const char *root) {
    char text[128];
    double running;
    if (!read_some(root, "/proc/loadavg", text, sizeof text) ||
        sscanf(text, "%*s %*s %*s %lf/", &running) != 1)
        return NAN;
    return running;
}

/* "cpu  user nice system idle iowait irq softirq steal guest guest_nice": guest is part of user. */
static void read_stat(const char *root, maple_load_sample *out) {
    enum { STAT_BYTES = 1 << 16, FIELDS = 8, STEAL = 7 };
    static const char name[] = "cpu ";
    char text[STAT_BYTES];
    if (!read_some(root, "/proc/stat", text, sizeof text))
        return;
    out->switches = value_of(text, "ctxt ");
    if (strncmp(text, name, strlen(name)) != 0)
        return;
    double sum = 0, field = 0;
    char *at = text + strlen(name);
    for (int i = 0; i < FIELDS; i++) {
        char *end;
        field = strtod(at, &end);
        if (end == at)
            return;
        sum += field;
        at = end;
    }
    out->steal = field;
    out->ticks = sum;
}

void maple_load_sample_take(const char *root, long process, maple_load_sample *out) {
    char path[64], text[8192];
    *out = (maple_load_sample){.running = read_running(root),
                               .steal = NAN,
                               .ticks = NAN,
                               .switches = NAN,
                               .involuntary = NAN,
                               .process = process,
                               .at_ns = maple_clock_ns()};
    read_stat(root, out);
    snprintf(path, sizeof path, "/proc/%ld/status", process);
    if (read_some(root, path, text, sizeof text))
        out->involuntary = value_of(text, "nonvoluntary_ctxt_switches:");
}

static void note_differences(maple_load_meter *meter, const maple_load_sample *now) {
    const maple_load_sample *then = &meter->last;
    double seconds = (double)(now->at_ns - then->at_ns) / 1e9;
    double switches = now->switches - then->switches, involuntary = now->involuntary - then->involuntary;
    double ticks = now->ticks - then->ticks, steal = now->steal - then->steal;
    if (ticks >= 0 && steal >= 0) {
        meter->ticks += ticks;
        meter->steal += steal;
    }
    if (switches >= 0) {
        meter->switches += switches;
        meter->switches_s += seconds;
    }
    if (now->process == then->process && involuntary >= 0) { /* a worker that was started again counts anew */
        meter->involuntary += involuntary;
        meter->involuntary_s += seconds;
        meter->intervals++;
        meter->preempted += involuntary > 0;
    }
}

void maple_load_note(maple_load_meter *meter, const maple_load_sample *sample) {
    if (meter->n++ > 0)
        note_differences(meter, sample);
    if (sample->running >= 1) {
        meter->running += sample->running - 1; /* without who asks */
        meter->n_running++;
    }
    meter->last = *sample;
}

static double quotient(double sum, double over) {
    return over > 0 ? sum / over : NAN;
}

void maple_load_read(const maple_load_meter *meter, maple_load *out) {
    *out = (maple_load){.runnable = quotient(meter->running, meter->n_running),
                        .steal_share = quotient(meter->steal, meter->ticks),
                        .switches_per_s = quotient(meter->switches, meter->switches_s),
                        .involuntary_per_s = quotient(meter->involuntary, meter->involuntary_s),
                        .preempted_share = quotient(meter->preempted, meter->intervals)};
}
