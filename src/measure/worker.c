/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker process: one engine with one configuration, told over lines what to compile, run and count.
 * Fields are separated by tabs; numbers are decimal, text has neither tabs nor newlines. Each request gets
 * one answer: "ok" with its fields, or "error <status> <message>". The worker leaves when its input ends.
 *
 *   request                                                     fields of the answer
 *   open <space> <engine> <isa or -> <threads> <batch>
 *        <weight seed> <pruned | as-written> <numeric type>     version, isa in effect, threads, batch
 *   network <id> <verify 0 | 1> <architecture>                  relative error (nan: not verified), bytes,
 *   operator <id> <verify 0 | 1> <index>                          implementations
 *   unload <id>                                                 -
 *   run <budget ns> <tag> <id> ...                              tag, ns executing, then for each id, in
 *                                                               order, as far as the budget went (at least
 *                                                               one): ns of the timed run, ns of the slower
 *                                                               probe
 *   loop <least ns> <id> ...                                    for each id: ns a run (mean over a loop
 *                                                               of that length), ns of the slower probe
 *   counters <provider> <scratch folder>                        -
 *   count <id> <warm | cold>                                    ten times: status, value, running share,
 *                                                               reason
 * ("disturbed": probe.h)
 *
 * A network is compiled and compared with the reference before it can be timed. Timed runs follow one warm
 * run of the same network; their results wait until the whole request is done, so that the parent sleeps
 * meanwhile.
 */
#include "maple/measure.h"

#include "measure/channel.h"
#include "measure/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_ID = 1 << 20, INPUT_SEED = 1 };

typedef struct worker {
    const maple_space *space;
    maple_engine_options options;
    char isa[32];
    maple_graph_form form;
    maple_engine *engine;
    maple_network **networks; /* by id; NULL where there is none */
    size_t capacity;
    maple_counter_session *counters;
} worker;

typedef struct timed {
    double ns;
    int64_t probe_ns; /* the slower one of the probe before and the probe after, or preempted (probe.h) */
} timed;

/* --- Fields of a request --- */

static bool next_number(char **rest, uint64_t limit, uint64_t *out) {
    const char *field = maple_next_field(rest);
    if (!field || *field < '0' || *field > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t value = strtoull(field, &end, 10);
    if (*end || errno || value > limit)
        return false;
    *out = value;
    return true;
}

static maple_status bad_request(const char *what, maple_error *error) {
    return maple_error_set(error, MAPLE_BAD_INPUT, "worker: request without a valid %s", what);
}

static maple_status next_network(const worker *self, char **rest, maple_network **out, maple_error *error) {
    uint64_t id;
    if (!next_number(rest, MAX_ID, &id))
        return bad_request("id", error);
    if (id >= self->capacity || !self->networks[id])
        return maple_error_set(error, MAPLE_NOT_FOUND, "worker: nothing is loaded as %" PRIu64, id);
    *out = self->networks[id];
    return MAPLE_OK;
}

/* --- Requests: each appends its fields to `answer` --- */

static maple_status serve_open(worker *self, char *rest, maple_text *answer, maple_error *error) {
    const char *space = maple_next_field(&rest), *engine = maple_next_field(&rest),
               *isa = maple_next_field(&rest);
    uint64_t threads, batch, seed;
    if (!space || !engine || !isa || self->engine)
        return bad_request("space, engine and ISA, once", error);
    if (!next_number(&rest, 4096, &threads) || !next_number(&rest, 1 << 20, &batch) ||
        !next_number(&rest, UINT64_MAX, &seed))
        return bad_request("number of threads, batch or seed", error);
    const char *form = maple_next_field(&rest);
    const char *type = maple_next_field(&rest);
    maple_engine_dtype dtype = MAPLE_DTYPE_F32;
    maple_status status = maple_graph_form_parse(form ? form : "", &self->form, error);
    if (status == MAPLE_OK)
        status = maple_engine_dtype_parse(type ? type : "", &dtype, error);
    if (status == MAPLE_OK)
        status = maple_space_find(space, &self->space, error);
    if (status != MAPLE_OK)
        return status;
    snprintf(self->isa, sizeof self->isa, "%s", isa);
    self->options = (maple_engine_options){strcmp(isa, "-") == 0 ? NULL : self->isa, (int)threads, (int)batch,
                                           seed, dtype};
    status = maple_engine_open(engine, &self->options, &self->engine, error);
    if (status != MAPLE_OK)
        return status;
    maple_engine_description description;
    maple_engine_describe(self->engine, &description);
    maple_text_addf(answer, "\t%s\t%s\t%d\t%d", description.version, description.isa, description.threads,
                    description.batch);
    return MAPLE_OK;
}

/* Room for the id; an earlier network of it goes. */
static maple_status clear_id(worker *self, size_t id, maple_error *error) {
    if (id >= self->capacity) {
        size_t capacity = 2 * id + 64;
        maple_network **networks = maple_resize(self->networks, capacity, sizeof *networks);
        if (!networks)
            return maple_error_memory(error);
        for (size_t i = self->capacity; i < capacity; i++)
            networks[i] = NULL;
        self->networks = networks;
        self->capacity = capacity;
    }
    maple_network_free(self->networks[id]);
    self->networks[id] = NULL;
    return MAPLE_OK;
}

static maple_status give_input(const worker *self, maple_network *network, maple_error *error) {
    maple_shape shape = maple_network_input_shape(network);
    float *input =
        maple_alloc_aligned((size_t)self->options.batch * maple_shape_elements(shape), sizeof *input);
    if (!input)
        return maple_error_memory(error);
    maple_graph_random_input(shape, self->options.batch, INPUT_SEED, input);
    maple_status status = maple_network_set_input(network, input, error);
    maple_free(input);
    return status;
}

/* Compiles, then verifies (which leaves the seeded input) or only gives the input. */
static maple_status compile(const worker *self, const maple_graph *raw, bool operator_alone, bool verify,
                            maple_network **out, double *relative_error, maple_error *error) {
    maple_network *network = NULL;
    maple_status status = operator_alone
                              ? maple_engine_compile_operator(self->engine, raw, self->form, &network, error)
                              : maple_engine_compile(self->engine, raw, self->form, &network, error);
    if (status != MAPLE_OK)
        return status;
    *relative_error = NAN;
    if (verify)
        status = maple_network_verify(network, raw, self->options.weight_seed, INPUT_SEED,
                                      maple_engine_tolerance(self->options.dtype), relative_error, error);
    else
        status = give_input(self, network, error);
    if (status == MAPLE_OK)
        *out = network;
    else
        maple_network_free(network);
    return status;
}

static maple_status serve_load(worker *self, bool operator_alone, char *rest, maple_text *answer,
                               maple_error *error) {
    uint64_t id, verify, index = 0;
    if (!self->engine)
        return bad_request("open before it", error);
    if (!next_number(&rest, MAX_ID, &id) || !next_number(&rest, 1, &verify))
        return bad_request("id or verify flag", error);
    maple_status status = clear_id(self, id, error);
    if (status != MAPLE_OK)
        return status;
    maple_graph raw;
    if (operator_alone) {
        if (!next_number(&rest, maple_space_operators(self->space) - 1, &index))
            return bad_request("operator index", error);
        status = maple_space_operator_network(self->space, index, self->form, &raw, error);
    } else {
        const char *text = maple_next_field(&rest);
        maple_arch arch;
        status = maple_space_parse(self->space, text ? text : "", &arch, error);
        if (status == MAPLE_OK)
            status = maple_space_network(self->space, &arch, &raw, error);
    }
    if (status != MAPLE_OK)
        return status;
    double relative_error = NAN;
    status = compile(self, &raw, operator_alone, verify == 1, &self->networks[id], &relative_error, error);
    maple_graph_release(&raw);
    if (status == MAPLE_OK)
        maple_text_addf(answer, "\t%.17g\t%zu\t%s", relative_error, maple_network_bytes(self->networks[id]),
                        maple_network_implementations(self->networks[id]));
    return status;
}

static maple_status serve_unload(worker *self, char *rest, maple_error *error) {
    uint64_t id;
    if (!next_number(&rest, MAX_ID, &id))
        return bad_request("id", error);
    return id < self->capacity ? clear_id(self, id, error) : MAPLE_OK;
}

/* What was before something that is timed. */
typedef struct surroundings {
    int64_t probe_ns;
    maple_cpu_use use;
} surroundings;

static surroundings before(void) {
    int64_t probe_ns = maple_probe_run();
    return (surroundings){probe_ns, maple_cpu_use_now()};
}

static int64_t after(const surroundings *then, int threads) {
    bool preempted = maple_was_preempted(&then->use, threads);
    int64_t probe_ns = maple_probe_run();
    if (preempted)
        return MAPLE_PROBE_PREEMPTED;
    return probe_ns > then->probe_ns ? probe_ns : then->probe_ns;
}

/* One warm run, one timed run between two probes. */
static maple_status time_once(maple_network *network, int threads, timed *out, int64_t *executing_ns,
                              maple_error *error) {
    int64_t warm = maple_clock_ns();
    maple_status status = maple_network_run(network, error);
    *executing_ns += maple_clock_ns() - warm;
    surroundings then = before();
    int64_t start = maple_clock_ns();
    if (status == MAPLE_OK)
        status = maple_network_run(network, error);
    int64_t elapsed = maple_clock_ns() - start;
    *executing_ns += elapsed;
    *out = (timed){(double)elapsed, after(&then, threads)};
    return status;
}

static void add_timed(maple_text *answer, const timed *times, size_t n) {
    for (size_t i = 0; i < n; i++)
        maple_text_addf(answer, "\t%.17g\t%" PRId64, times[i].ns, times[i].probe_ns);
}

static maple_status serve_run(worker *self, char *rest, maple_text *answer, maple_error *error) {
    uint64_t budget, tag;
    if (!next_number(&rest, INT64_MAX, &budget) || !next_number(&rest, UINT32_MAX, &tag) || !rest)
        return bad_request("budget, tag or list of ids", error);
    size_t n = 0, capacity = 1;
    for (const char *at = rest; *at; at++)
        capacity += *at == '\t';
    timed *times = maple_alloc(capacity, sizeof *times);
    if (!times)
        return maple_error_memory(error);
    maple_status status = MAPLE_OK;
    int64_t begin = maple_clock_ns(), executing_ns = 0;
    while (rest && status == MAPLE_OK && (n == 0 || maple_clock_ns() - begin < (int64_t)budget)) {
        maple_network *network = NULL;
        status = next_network(self, &rest, &network, error);
        if (status == MAPLE_OK)
            status = time_once(network, self->options.threads, &times[n++], &executing_ns, error);
    }
    if (status == MAPLE_OK) {
        maple_text_addf(answer, "\t%" PRIu64 "\t%" PRId64, tag, executing_ns);
        add_timed(answer, times, n);
    }
    maple_free(times);
    return status;
}

static maple_status time_loop(maple_network *network, int64_t least_ns, double *ns, maple_error *error) {
    int64_t start = maple_clock_ns();
    maple_status status = maple_network_run(network, error);
    int64_t one = maple_clock_ns() - start;
    /* The warm run is slower than what follows: twice as many, then more where the loop ended too early. */
    int64_t runs = 2 * least_ns / (one > 0 ? one : 1) + 1;
    *ns = NAN;
    while (status == MAPLE_OK) {
        start = maple_clock_ns();
        for (int64_t i = 0; i < runs && status == MAPLE_OK; i++)
            status = maple_network_run(network, error);
        int64_t elapsed = maple_clock_ns() - start;
        *ns = (double)elapsed / (double)runs;
        if (elapsed >= least_ns)
            break;
        runs *= 2;
    }
    return status;
}

static maple_status serve_loop(worker *self, char *rest, maple_text *answer, maple_error *error) {
    uint64_t least;
    if (!next_number(&rest, INT64_MAX / 4, &least) || !rest)
        return bad_request("least time or list of ids", error);
    maple_status status = MAPLE_OK;
    while (rest && status == MAPLE_OK) {
        maple_network *network = NULL;
        timed loop = {.ns = NAN};
        status = next_network(self, &rest, &network, error);
        surroundings then = before();
        if (status == MAPLE_OK)
            status = time_loop(network, (int64_t)least, &loop.ns, error);
        loop.probe_ns = after(&then, self->options.threads);
        add_timed(answer, &loop, 1);
    }
    return status;
}

static maple_status serve_counters(worker *self, char *rest, maple_error *error) {
    const char *name = maple_next_field(&rest), *scratch = maple_next_field(&rest);
    char reason[200];
    const maple_counter_info *info = NULL;
    if (!name || !scratch || self->counters)
        return bad_request("provider and scratch folder, once", error);
    maple_status status = maple_counters_find(name, &info, reason, sizeof reason, error);
    if (status == MAPLE_OK)
        status = maple_counters_open(info, scratch, &self->counters, error);
    return status;
}

static maple_status run_body(void *user, maple_error *error) {
    return maple_network_run(user, error);
}

static maple_status serve_count(worker *self, char *rest, maple_text *answer, maple_error *error) {
    maple_network *network = NULL;
    maple_count counts[MAPLE_EVENTS];
    if (!self->counters)
        return bad_request("counters before it", error);
    maple_status status = next_network(self, &rest, &network, error);
    if (status != MAPLE_OK)
        return status;
    const char *name = maple_next_field(&rest);
    bool cold = name && strcmp(name, maple_cache_state_name(MAPLE_CACHE_COLD)) == 0;
    if (!name || (!cold && strcmp(name, maple_cache_state_name(MAPLE_CACHE_WARM)) != 0))
        return bad_request("cache state (warm, cold)", error);
    status = maple_counters_count_body(self->counters, cold ? MAPLE_CACHE_COLD : MAPLE_CACHE_WARM, run_body,
                                       network, counts, error);
    for (int i = 0; i < MAPLE_EVENTS && status == MAPLE_OK; i++)
        maple_text_addf(answer, "\t%d\t%.17g\t%.17g\t%s", (int)counts[i].status, counts[i].value,
                        counts[i].running_share, counts[i].reason);
    return status;
}

static maple_status serve_request(worker *self, char *request, maple_text *answer, maple_error *error) {
    char *rest = request;
    const char *verb = maple_next_field(&rest);
    if (strcmp(verb, "open") == 0)
        return serve_open(self, rest, answer, error);
    if (strcmp(verb, "network") == 0)
        return serve_load(self, false, rest, answer, error);
    if (strcmp(verb, "operator") == 0)
        return serve_load(self, true, rest, answer, error);
    if (strcmp(verb, "unload") == 0)
        return serve_unload(self, rest, error);
    if (strcmp(verb, "run") == 0)
        return serve_run(self, rest, answer, error);
    if (strcmp(verb, "loop") == 0)
        return serve_loop(self, rest, answer, error);
    if (strcmp(verb, "counters") == 0)
        return serve_counters(self, rest, error);
    if (strcmp(verb, "count") == 0)
        return serve_count(self, rest, answer, error);
    return maple_error_set(error, MAPLE_BAD_INPUT, "worker: unknown request '%.40s'", verb);
}

static void write_error(const maple_error *error, maple_text *answer) {
    char message[sizeof error->message];
    memcpy(message, error->message, sizeof message);
    for (char *c = message; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
    maple_text_addf(answer, "error\t%d\t%s\n", (int)error->status, message);
}

/* One request; false where the parent cannot be reached any more. */
static bool serve_line(worker *self, maple_channel *channel, char *line) {
    maple_error error = {0};
    maple_text answer = {0};
    maple_text_add(&answer, "ok");
    if (serve_request(self, line, &answer, &error) == MAPLE_OK) {
        maple_text_add(&answer, "\n");
    } else {
        maple_text_free(&answer);
        write_error(&error, &answer);
    }
    static const char exhausted[] = "error\t52\tworker: out of memory\n"; /* MAPLE_OUT_OF_MEMORY */
    const char *text = answer.failed ? exhausted : answer.data;
    bool reached = maple_channel_write(channel, text, strlen(text), 0) == MAPLE_CHANNEL_OK;
    maple_text_free(&answer);
    return reached;
}

static void release(worker *self) {
    maple_counters_close(self->counters);
    for (size_t i = 0; i < self->capacity; i++)
        maple_network_free(self->networks[i]);
    maple_free(self->networks);
    maple_engine_close(self->engine);
}

maple_status maple_worker_serve(int input, int output) {
    /* What an engine's library prints must not get between the answers. */
    int answers = dup(output);
    if (answers < 0 || (output == STDOUT_FILENO && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)) {
        if (answers >= 0)
            close(answers);
        return MAPLE_IO_ERROR;
    }
    worker self = {0};
    maple_channel channel = {.input = input, .output = answers};
    char *line = NULL;
    maple_channel_result result = MAPLE_CHANNEL_OK;
    while (result == MAPLE_CHANNEL_OK) {
        result = maple_channel_read(&channel, 0, &line);
        if (result == MAPLE_CHANNEL_OK && !serve_line(&self, &channel, line))
            result = MAPLE_CHANNEL_END;
    }
    release(&self);
    maple_channel_release(&channel);
    close(answers);
    return result == MAPLE_CHANNEL_END ? MAPLE_OK : MAPLE_IO_ERROR;
}
