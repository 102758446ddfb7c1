/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of a worker process. */
#include "measure/worker_client.h"

#include "measure/channel.h"
#include "measure/probe.h"
#include "measure/process.h"

#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_S = 120, SIMULATED_TIMEOUT_S = 900, MAX_WORDS = 32 };

struct maple_worker {
    const maple_measure_config *config;
    maple_process *process;
    double timeout_s;
    maple_engine_description engine;
    int64_t *fastest_probe_ns; /* the caller's; NULL is fine */
};

/* --- Where and with what it runs --- */

/* The last CPUs that this process may use (the first ones get most interrupts), or those from config->cpu on.
 */
static maple_status choose_cpus(const maple_measure_config *config, int *cpus, size_t *n,
                                maple_error *error) {
    cpu_set_t set;
    int allowed[CPU_SETSIZE], count = 0, first = -1, threads = config->options.threads;
    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        *n = 0; /* a machine with more CPUs than the set holds: unpinned */
        return MAPLE_OK;
    }
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &set)) {
            if (cpu == config->cpu)
                first = count;
            allowed[count++] = cpu;
        }
    }
    if (config->cpu >= 0 && first < 0)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT,
                               "CPU %d is not one that this process may use (%d to %d)", config->cpu,
                               allowed[0], allowed[count - 1]);
    if (threads > count)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "%d threads need %d CPUs; this process may use %d",
                               threads, threads, count);
    if (first < 0)
        first = count - threads;
    for (int i = 0; i < threads; i++)
        cpus[i] = allowed[(first + i) % count];
    *n = (size_t)threads;
    return MAPLE_OK;
}

static bool is_named(const char *variable, const char *name) {
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

/* NAME=value words: an almost empty environment, so that nothing of the user's shell changes what is
 * measured. Behind a launcher even the lengths are fixed: the environment shifts the stack, and with it
 * simulated cache conflicts. */
static maple_status build_environment(const maple_measure_config *config, bool fixed, const int *cpus,
                                      size_t n_cpus, maple_text *text, maple_error *error) {
    static const char *const kept[] = {"PATH", "HOME", "LD_LIBRARY_PATH"};
    char **engine = NULL;
    maple_status status = maple_engine_environment(config->engine, &config->options, &engine, error);
    if (status != MAPLE_OK)
        return status;
    bool places = false;
    for (size_t i = 0; i < sizeof kept / sizeof kept[0] && !fixed; i++) {
        const char *value = getenv(kept[i]);
        if (value)
            maple_text_addf(text, "%s=%s\n", kept[i], value);
    }
    if (fixed)
        maple_text_add(text, "PATH=/usr/local/bin:/usr/bin:/bin\nHOME=/\n");
    for (size_t i = 0; engine[i]; i++) {
        maple_text_addf(text, "%s\n", engine[i]);
        places = places || is_named(engine[i], "OMP_PLACES");
    }
    if (n_cpus > 1 && !places) {
        maple_text_add(text, "OMP_PLACES=");
        for (size_t i = 0; i < n_cpus; i++)
            maple_text_addf(text, "%s{%d}", i ? "," : "", cpus[i]);
        maple_text_add(text, "\n");
    }
    maple_free(engine);
    return text->failed ? maple_error_memory(error) : MAPLE_OK;
}

/* Cuts lines into words[], NULL-terminated; false where there are too many. */
static bool cut_lines(char *text, char *words[MAX_WORDS]) {
    size_t n = 0;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (n + 1 >= MAX_WORDS)
            return false;
        words[n++] = line;
        *end = '\0';
        line = end + 1;
    }
    words[n] = NULL;
    return true;
}

static maple_status start_process(maple_worker *worker, const maple_counter_info *counters,
                                  const char *scratch, maple_error *error) {
    const maple_measure_config *config = worker->config;
    int cpus[CPU_SETSIZE];
    char *argv[MAX_WORDS], *environment[MAX_WORDS], **launcher = NULL;
    size_t n_cpus = 0, n = 0;
    maple_text variables = {0};
    if (!config->worker_path)
        return maple_error_set(error, MAPLE_BAD_ARGUMENT, "no worker program is configured (worker_path)");
    maple_status status = choose_cpus(config, cpus, &n_cpus, error);
    if (status == MAPLE_OK && counters)
        status = maple_counters_launcher(counters, scratch, &launcher, error);
    if (status != MAPLE_OK)
        return status;
    while (launcher && launcher[n] && n < MAX_WORDS - 3) {
        argv[n] = launcher[n];
        n++;
    }
    char *last[] = {(char *)(uintptr_t)config->worker_path, (char *)(uintptr_t) "worker", NULL};
    memcpy(argv + n, last, sizeof last);
    status = build_environment(config, n > 0, cpus, n_cpus, &variables, error);
    if (status == MAPLE_OK && !cut_lines(variables.data, environment))
        status = maple_error_set(error, MAPLE_BAD_ARGUMENT, "worker: too many environment variables");
    if (status == MAPLE_OK)
        status = maple_process_start(&(maple_process_options){argv, environment, cpus, n_cpus},
                                     &worker->process, error);
    maple_text_free(&variables);
    maple_free(launcher);
    return status;
}

/* --- Requests and answers --- */

static bool next_double(char **rest, double *out) {
    const char *field = maple_next_field(rest);
    char *end;
    if (!field || !*field)
        return false;
    *out = strtod(field, &end);
    return *end == '\0';
}

/* Sends `request` and leaves the fields after "ok" in *fields (NULL where there are none), within `seconds`.
 */
static maple_status ask_within(maple_worker *worker, maple_text *request, double seconds, char **fields,
                               maple_error *error) {
    char *answer = NULL;
    maple_text_add(request, "\n");
    maple_status status = request->failed ? maple_error_memory(error)
                                          : maple_process_ask(worker->process, request->data, seconds,
                                                              worker->config->hooks, &answer, error);
    maple_text_free(request);
    if (status != MAPLE_OK)
        return status;
    char *rest = answer;
    if (strncmp(answer, "ok", 2) == 0 && (answer[2] == '\t' || answer[2] == '\0')) {
        maple_next_field(&rest);
        *fields = rest;
        return MAPLE_OK;
    }
    if (strncmp(answer, "error\t", 6) == 0) {
        double code = 0;
        maple_next_field(&rest);
        if (next_double(&rest, &code) && rest)
            return maple_error_set(error, (maple_status)(int)code, "%s", rest);
    }
    return maple_process_distrust(worker->process, answer, error);
}

/* The same, `seconds` later than a worker may usually be silent. */
static maple_status ask(maple_worker *worker, maple_text *request, double seconds, char **fields,
                        maple_error *error) {
    return ask_within(worker, request, worker->timeout_s + seconds, fields, error);
}

static maple_status bad_answer(maple_worker *worker, const char *what, maple_error *error) {
    char text[64];
    snprintf(text, sizeof text, "(%s)", what);
    return maple_process_distrust(worker->process, text, error);
}

static maple_status open_engine(maple_worker *worker, maple_error *error) {
    const maple_measure_config *config = worker->config;
    const maple_engine_options *options = &config->options;
    maple_text request = {0};
    char *fields = NULL;
    double threads, batch;
    maple_text_addf(&request, "open\t%s\t%s\t%s\t%d\t%d\t%" PRIu64 "\t%s\t%s",
                    maple_space_name(config->space), config->engine, options->isa ? options->isa : "-",
                    options->threads, options->batch, options->weight_seed,
                    maple_graph_form_name(config->graph), maple_engine_dtype_name(options->dtype));
    maple_status status = ask(worker, &request, 0, &fields, error);
    if (status != MAPLE_OK)
        return status;
    const char *version = maple_next_field(&fields), *isa = maple_next_field(&fields);
    if (!version || !isa || !next_double(&fields, &threads) || !next_double(&fields, &batch))
        return bad_answer(worker, "open: four fields expected", error);
    maple_engine_description *engine = &worker->engine;
    *engine =
        (maple_engine_description){.threads = (int)threads, .batch = (int)batch, .dtype = options->dtype};
    snprintf(engine->name, sizeof engine->name, "%s", config->engine);
    snprintf(engine->version, sizeof engine->version, "%s", version);
    snprintf(engine->isa, sizeof engine->isa, "%s", isa);
    return MAPLE_OK;
}

static maple_status open_counters(maple_worker *worker, const maple_counter_info *counters,
                                  const char *scratch, maple_error *error) {
    maple_text request = {0};
    char *fields = NULL;
    maple_text_addf(&request, "counters\t%s\t%s", counters->name, scratch);
    return ask(worker, &request, 0, &fields, error);
}

maple_status maple_worker_start(const maple_measure_config *config, const maple_counter_info *counters,
                                const char *scratch, maple_worker **out, maple_error *error) {
    maple_worker *worker = maple_alloc(1, sizeof *worker);
    if (!worker)
        return maple_error_memory(error);
    worker->config = config;
    worker->fastest_probe_ns = config->fastest_probe_ns;
    worker->timeout_s = counters && counters->simulated ? SIMULATED_TIMEOUT_S : TIMEOUT_S;
    if (config->watchdog_s > 0)
        worker->timeout_s = config->watchdog_s;
    maple_status status = start_process(worker, counters, scratch, error);
    if (status == MAPLE_OK)
        status = open_engine(worker, error);
    if (status == MAPLE_OK && counters)
        status = open_counters(worker, counters, scratch, error);
    if (status == MAPLE_OK)
        *out = worker;
    else
        maple_worker_stop(worker);
    return status;
}

void maple_worker_stop(maple_worker *worker) {
    if (!worker)
        return;
    maple_process_stop(worker->process);
    maple_free(worker);
}

bool maple_worker_gone(const maple_worker *worker) {
    return maple_process_gone(worker->process);
}

const char *maple_worker_end(const maple_worker *worker) {
    return maple_process_end(worker->process);
}

bool maple_worker_killed(const maple_worker *worker) {
    return maple_process_killed(worker->process);
}

long maple_worker_process_id(const maple_worker *worker) {
    return maple_process_id(worker->process);
}

const maple_engine_description *maple_worker_engine(const maple_worker *worker) {
    return &worker->engine;
}

static maple_status load(maple_worker *worker, maple_text *request, maple_loaded *out, maple_error *error) {
    char *fields = NULL;
    maple_loaded loaded = {0};
    double bytes;
    maple_status status = ask(worker, request, 0, &fields, error);
    if (status != MAPLE_OK)
        return status;
    if (!next_double(&fields, &loaded.relative_error) || !next_double(&fields, &bytes) || bytes < 0 ||
        !fields)
        return bad_answer(worker, "load: three fields expected", error);
    loaded.bytes = (size_t)bytes;
    snprintf(loaded.implementations, sizeof loaded.implementations, "%s", fields);
    *out = loaded;
    return MAPLE_OK;
}

maple_status maple_worker_load_network(maple_worker *worker, size_t id, const maple_arch *arch,
                                       maple_loaded *out, maple_error *error) {
    char text[MAPLE_MAX_ARCH_TEXT];
    maple_text request = {0};
    maple_space_format(worker->config->space, arch, text);
    maple_text_addf(&request, "network\t%zu\t%d\t%s", id, !worker->config->skip_verify, text);
    return load(worker, &request, out, error);
}

maple_status maple_worker_load_operator(maple_worker *worker, size_t id, size_t index, maple_loaded *out,
                                        maple_error *error) {
    maple_text request = {0};
    maple_text_addf(&request, "operator\t%zu\t%d\t%zu", id, !worker->config->skip_verify, index);
    return load(worker, &request, out, error);
}

maple_status maple_worker_unload(maple_worker *worker, size_t id, maple_error *error) {
    char *fields = NULL;
    maple_text request = {0};
    maple_text_addf(&request, "unload\t%zu", id);
    return ask(worker, &request, 0, &fields, error);
}

static void add_ids(maple_text *request, const size_t *ids, size_t n) {
    for (size_t i = 0; i < n; i++)
        maple_text_addf(request, "\t%zu", ids[i]);
}

/* Remembers, beyond this worker, the fastest probe. */
static bool next_timing(maple_worker *worker, char **fields, maple_timing *out) {
    double ns, probe_ns;
    if (!next_double(fields, &ns) || !(ns > 0) || !next_double(fields, &probe_ns) || !(probe_ns > 0))
        return false;
    *out = (maple_timing){ns / 1e6, (int64_t)probe_ns};
    if (worker->fastest_probe_ns)
        maple_probe_note(worker->fastest_probe_ns, out->probe_ns);
    return true;
}

maple_status maple_worker_run(maple_worker *worker, const maple_run_request *run, maple_timing *timings,
                              size_t *done, double *executing_s, maple_error *error) {
    char *fields = NULL;
    double ns, tag;
    double patience_s = run->patience_s > 0 ? run->patience_s : worker->timeout_s;
    maple_text request = {0};
    maple_text_addf(&request, "run\t%.0f\t%u", run->budget_s * 1e9, run->tag);
    add_ids(&request, run->ids, run->n);
    maple_status status = ask_within(worker, &request, run->budget_s + patience_s, &fields, error);
    if (status != MAPLE_OK)
        return status;
    if (!next_double(&fields, &tag) || tag != (double)run->tag)
        return bad_answer(worker, "run: the answer to something else", error);
    if (!next_double(&fields, &ns))
        return bad_answer(worker, "run: no time", error);
    *executing_s = ns / 1e9;
    size_t i = 0;
    for (; i < run->n && fields; i++) {
        if (!next_timing(worker, &fields, &timings[i]))
            return bad_answer(worker, "run: no latency", error);
    }
    if (i == 0 || fields)
        return bad_answer(worker, "run: wrong number of latencies", error);
    *done = i;
    return MAPLE_OK;
}

maple_status maple_worker_loop(maple_worker *worker, const size_t *ids, size_t n, double least_s,
                               maple_timing *timings, maple_error *error) {
    char *fields = NULL;
    maple_text request = {0};
    maple_text_addf(&request, "loop\t%.0f", least_s * 1e9);
    add_ids(&request, ids, n);
    maple_status status = ask(worker, &request, 4 * least_s * (double)n, &fields, error);
    if (status != MAPLE_OK)
        return status;
    for (size_t i = 0; i < n; i++) {
        if (!next_timing(worker, &fields, &timings[i]))
            return bad_answer(worker, "loop: no latency", error);
    }
    return MAPLE_OK;
}

maple_status maple_worker_count(maple_worker *worker, size_t id, maple_cache_state state,
                                maple_count counts[MAPLE_EVENTS], maple_error *error) {
    char *fields = NULL;
    maple_text request = {0};
    maple_text_addf(&request, "count\t%zu\t%s", id, maple_cache_state_name(state));
    maple_status status = ask(worker, &request, 0, &fields, error);
    if (status != MAPLE_OK)
        return status;
    for (int i = 0; i < MAPLE_EVENTS; i++) {
        maple_count count = {0};
        double kind;
        if (!next_double(&fields, &kind) || kind < MAPLE_COUNTER_MISSING || kind > MAPLE_COUNTER_SIMULATED ||
            !next_double(&fields, &count.value) || !next_double(&fields, &count.running_share) || !fields)
            return bad_answer(worker, "count: ten counts expected", error);
        count.status = (maple_counter_status)(int)kind;
        snprintf(count.reason, sizeof count.reason, "%s", maple_next_field(&fields));
        counts[i] = count;
    }
    return MAPLE_OK;
}
