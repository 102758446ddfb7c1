/* SPDX-License-Identifier: Apache-2.0 */
/* stdout is data, stderr is talk; the progress bar shows on a terminal only. */
#include "cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static struct {
    char task[64];
    int64_t started_ns, shown_ns;
    double started_at; /* progress that was there when the task was first seen */
    bool visible;
} bar;

const char *cli_plural(size_t n) {
    return n == 1 ? "" : "s";
}

cJSON *cli_number(double value) {
    return isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull();
}

cJSON *cli_repeatability_json(const maple_repeatability *row) {
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "date", row->date);
    cJSON_AddNumberToObject(item, "n", (double)row->n);
    cJSON_AddNumberToObject(item, "rounds", row->rounds);
    cJSON_AddItemToObject(item, "median", cli_number(row->median));
    cJSON_AddItemToObject(item, "p90", cli_number(row->p90));
    cJSON_AddItemToObject(item, "p95", cli_number(row->p95));
    cJSON_AddItemToObject(item, "max", cli_number(row->max));
    return item;
}

void cli_add_report(cJSON *object, const maple_measure_report *report) {
    cJSON_AddNumberToObject(object, "measured", (double)report->measured);
    cJSON_AddNumberToObject(object, "already", (double)report->already);
    cJSON_AddNumberToObject(object, "failed", (double)report->failed);
    cJSON_AddNumberToObject(object, "workers_lost", (double)report->losses);
    cJSON_AddItemToObject(object, "wall_s", cli_number(report->wall_s));
    cJSON_AddItemToObject(object, "executing_s", cli_number(report->executing_s));
    cJSON_AddItemToObject(object, "timed_s", cli_number(report->timed_s));
    cJSON_AddItemToObject(object, "sentinel_drift",
                          cli_number(report->windows > 0 ? report->sentinel_drift : NAN));
    cJSON_AddItemToObject(object, "sentinel_shift", cli_number(report->sentinel_shift));
    cJSON_AddItemToObject(object, "disturbed_share", cli_number(report->disturbed_share));
    cJSON_AddItemToObject(object, "median_spread", cli_number(report->median_spread));
    cJSON_AddNumberToObject(object, "flagged", (double)report->flagged);
    cJSON_AddNumberToObject(object, "windows", (double)report->windows);
    cJSON_AddNumberToObject(object, "windows_changed", (double)report->windows_changed);
    cJSON_AddNumberToObject(object, "rounds_repeated", (double)report->rounds_repeated);
    cJSON *load = cJSON_AddObjectToObject(object, "load");
    cJSON_AddItemToObject(load, "runnable", cli_number(report->load.runnable));
    cJSON_AddItemToObject(load, "steal_share", cli_number(report->load.steal_share));
    cJSON_AddItemToObject(load, "switches_per_s", cli_number(report->load.switches_per_s));
    cJSON_AddItemToObject(load, "involuntary_per_s", cli_number(report->load.involuntary_per_s));
    cJSON_AddItemToObject(load, "preempted_share", cli_number(report->load.preempted_share));
}

/* Percent with one digit, or "-" where nothing was measured. */
static void format_percent(double share, char text[16]) {
    if (isfinite(share))
        snprintf(text, 16, "%.1f %%", 100 * share);
    else
        snprintf(text, 16, "-");
}

void cli_print_report(const maple_measure_report *report) {
    static const double PREEMPTED = 0.05, RUNNABLE = 0.5, STEAL = 0.01; /* worth a line */
    const maple_load *load = &report->load;
    char spread[16], drift[16], disturbed[16];
    format_percent(report->median_spread, spread);
    format_percent(report->windows > 0 ? report->sentinel_drift : NAN, drift);
    format_percent(report->disturbed_share, disturbed);
    if (report->measured > 0)
        printf("  %.1f s, %.0f %% of it running networks (%.0f %% timed); spread of runs %s, sentinel drift "
               "%s, disturbed runs %s\n",
               report->wall_s, 100 * report->executing_s / report->wall_s,
               100 * report->timed_s / report->wall_s, spread, drift, disturbed);
    if (report->rounds_repeated > 0)
        printf("  %zu rounds were repeated because the machine was faster or slower meanwhile\n",
               report->rounds_repeated);
    if (report->windows_changed > 0)
        printf(
            "  the machine changed: %zu of %zu windows of rounds were kept though the sentinels were off by "
            "more than 3 %%\n",
            report->windows_changed, report->windows);
    if (load->preempted_share > PREEMPTED)
        printf("  other programs used this core during %.0f %% of the rounds (%.0f times a second)\n",
               100 * load->preempted_share, load->involuntary_per_s);
    if (load->runnable > RUNNABLE)
        printf("  %.1f other tasks ran or wanted to run on this machine on average\n", load->runnable);
    if (load->steal_share > STEAL)
        printf("  the hypervisor took %.1f %% of the CPUs' time\n", 100 * load->steal_share);
}

void cli_format_predictions(const cli_predictions *p, maple_text *out) {
    maple_text_add(out, "arch,index,latency_ms,lower_ms,upper_ms\n");
    for (size_t i = 0; i < p->n; i++) {
        char text[MAPLE_MAX_ARCH_TEXT];
        maple_space_format(p->space, &p->archs[i], text);
        maple_text_add(out, text);
        maple_text_add(out, ",");
        if (p->index[i] >= 0)
            maple_text_addf(out, "%d", p->index[i]);
        const double values[] = {p->latency_ms[i], p->lower_ms[i], p->upper_ms[i]};
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            maple_text_add(out, ",");
            if (isfinite(values[v]))
                maple_text_addf(out, "%.6g", values[v]);
        }
        maple_text_add(out, "\n");
    }
}

maple_status cli_flush(maple_error *error) {
    if (fflush(stdout) != 0 || ferror(stdout))
        return maple_error_set(error, MAPLE_IO_ERROR, "standard output cannot be written: %s",
                               strerror(errno));
    return MAPLE_OK;
}

static maple_status print_json(cJSON *value, bool indented, maple_error *error) {
    char *text = indented ? cJSON_Print(value) : cJSON_PrintUnformatted(value);
    cJSON_Delete(value);
    if (!text)
        return maple_error_memory(error);
    puts(text);
    cJSON_free(text);
    return cli_flush(error);
}

maple_status cli_print_json(cJSON *value, maple_error *error) {
    return print_json(value, true, error);
}

maple_status cli_print_json_line(cJSON *value, maple_error *error) {
    return print_json(value, false, error);
}

void cli_end_progress(void) {
    if (bar.visible)
        fputs("\r\033[K", stderr);
    bar.visible = false;
}

void cli_say(const char *format, ...) {
    cli_end_progress();
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

static void log_message(void *user, maple_log_level level, const char *message) {
    (void)user;
    if (level >= MAPLE_LOG_WARNING)
        cli_say("warning: %s", message);
}

static void format_duration(double seconds, char text[16]) {
    if (!isfinite(seconds) || seconds > 359999)
        snprintf(text, 16, "--:--");
    else if (seconds >= 3600)
        snprintf(text, 16, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60, (int)seconds % 60);
    else
        snprintf(text, 16, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
}

static void show_progress(void *user, const maple_progress *progress) {
    (void)user;
    enum { WIDTH = 28 };
    int64_t now = maple_clock_ns();
    if (strcmp(bar.task, progress->task) != 0 || progress->done < bar.started_at) {
        snprintf(bar.task, sizeof bar.task, "%s", progress->task);
        bar.started_ns = now;
        bar.started_at = progress->done;
        bar.shown_ns = 0;
    }
    bool finished = progress->total > 0 && progress->done >= progress->total;
    if (!finished && now - bar.shown_ns < 100000000)
        return;
    bar.shown_ns = now;
    double elapsed = (double)(now - bar.started_ns) * 1e-9;
    double rate = elapsed > 0 ? (progress->done - bar.started_at) / elapsed : 0;
    double share = progress->total > 0 ? progress->done / progress->total : 0;
    char cells[WIDTH + 1], eta[16];
    for (int i = 0; i < WIDTH; i++)
        cells[i] = i < (int)(share * WIDTH) ? '#' : '.';
    cells[WIDTH] = '\0';
    format_duration(rate > 0 ? (progress->total - progress->done) / rate : INFINITY, eta);
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %%  %.0f %s/s  ETA %s", progress->task, cells, share * 100, rate,
            progress->unit, eta);
    bar.visible = true;
    if (finished)
        cli_end_progress();
}

static bool is_interrupted(void *user) {
    (void)user;
    return interrupted != 0;
}

static void note_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
    /* A second Ctrl-C ends the program the ordinary way. */
    signal(SIGINT, SIG_DFL);
}

const maple_hooks *cli_hooks(void) {
    static maple_hooks hooks;
    hooks.log = log_message;
    hooks.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
    hooks.cancelled = is_interrupted;
    struct sigaction action = {.sa_handler = note_interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return &hooks;
}
