/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker without an engine, for tests of campaigns: it speaks the protocol of src/measure/worker.c, and the
 * latency of a run is a known function of the architecture and the round (fake_latency.h), a few
 * microseconds of wall time each.
 *
 * What it does wrong is told by the file argv[0].conf, one line each: WHEN WHAT ARCHITECTURE, where WHEN is
 * compile or run, and WHAT is crash, exit, hang, garbage, kill (SIGKILL), refuse, once (crash, if there is no
 * file argv[0].once yet, which it makes); or `scale FACTOR`: all latencies are so much longer; or `most N`:
 * killed (SIGKILL) while it compiles one more than N networks; or `drift FACTOR FROM TO`: those of runs
 * [FROM, TO), as this process counts them, are so much longer; or `alternate SHARE`: longer by it in even
 * rounds, shorter in odd ones; or `noisy SHARE RUNS ARCHITECTURE`: the first RUNS of it are longer and
 * shorter in turn; or `scatter SHARE`: each run is longer or shorter by up to that, at random; or
 * `neighbour SHARE`: that share of the runs, at random, and the probes beside them take 1.6 times as long; or
 * `preempted SHARE ARCHITECTURE` (or `all`): that share of its runs is three times as long, because another
 * program had the core meanwhile.
 */
#include "fake_latency.h"
#include "maple/space.h"
#include "measure/probe.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MAX_IDS = 1 << 16, MAX_FAULTS = 64 };

typedef struct fault {
    char when[16], what[16], arch[MAPLE_MAX_ARCH_TEXT];
} fault;

static struct {
    const maple_space *space;
    char arch[MAX_IDS][128];
    fault faults[MAX_FAULTS];
    int n_faults, loaded, most;
    double scale, probe, alternate, scatter, neighbour, preempted;
    char preempted_arch[128];
    maple_rng rng;
    double drift;
    long drift_from, drift_to, runs;
    char noisy[128];
    double noise;
    long noisy_runs;
    const char *program;
} self = {.scale = 1, .probe = 1, .drift = 1, .most = MAX_IDS};

static void read_faults(void) {
    char path[512], line[512];
    snprintf(path, sizeof path, "%s.conf", self.program);
    FILE *file = fopen(path, "re");
    while (file && self.n_faults < MAX_FAULTS && fgets(line, sizeof line, file)) {
        fault *one = &self.faults[self.n_faults];
        if (sscanf(line, "scale %lf", &self.scale) == 1 || sscanf(line, "most %d", &self.most) == 1 ||
            sscanf(line, "probe %lf", &self.probe) == 1 ||
            sscanf(line, "alternate %lf", &self.alternate) == 1 ||
            sscanf(line, "scatter %lf", &self.scatter) == 1 ||
            sscanf(line, "neighbour %lf", &self.neighbour) == 1 ||
            sscanf(line, "preempted %lf %127s", &self.preempted, self.preempted_arch) == 2 ||
            sscanf(line, "drift %lf %ld %ld", &self.drift, &self.drift_from, &self.drift_to) == 3 ||
            sscanf(line, "noisy %lf %ld %127s", &self.noise, &self.noisy_runs, self.noisy) == 3)
            continue;
        if (sscanf(line, "%15s %15s %255s", one->when, one->what, one->arch) == 3)
            self.n_faults++;
    }
    if (file)
        fclose(file);
}

static _Noreturn void hang(void) {
    for (;;)
        pause();
}

/* False: it answered by itself. */
static bool misbehave(const char *when, const char *arch) {
    for (int i = 0; i < self.n_faults; i++) {
        const fault *one = &self.faults[i];
        char once[512];
        if (strcmp(one->when, when) != 0 || strcmp(one->arch, arch) != 0)
            continue;
        if (strcmp(one->what, "crash") == 0)
            abort();
        if (strcmp(one->what, "exit") == 0)
            exit(3);
        if (strcmp(one->what, "hang") == 0)
            hang();
        if (strcmp(one->what, "kill") == 0)
            raise(SIGKILL);
        snprintf(once, sizeof once, "%s.once", self.program);
        if (strcmp(one->what, "once") == 0) {
            int mark = open(once, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
            if (mark >= 0)
                abort();
            continue;
        }
        puts(strcmp(one->what, "refuse") == 0 ? "error\t51\tfake: it does not want to" : "\001\377 what?");
        return false;
    }
    return true;
}

static const char *field(char **rest) {
    char *start = *rest;
    if (!start)
        return "";
    char *tab = strchr(start, '\t');
    *rest = tab ? tab + 1 : NULL;
    if (tab)
        *tab = '\0';
    return start;
}

static void serve_network(char *rest) {
    size_t id = strtoul(field(&rest), NULL, 10);
    field(&rest);
    const char *arch = field(&rest);
    if (id >= MAX_IDS || strlen(arch) >= sizeof *self.arch) {
        puts("error\t30\tfake: too many networks, or too long");
        return;
    }
    if (!misbehave("compile", arch))
        return;
    self.loaded += !self.arch[id][0];
    if (self.loaded > self.most)
        raise(SIGKILL);
    snprintf(self.arch[id], sizeof *self.arch, "%s", arch);
    puts("ok\tnan\t1000\tfake");
}

static double latency_ns(size_t id, const maple_arch *arch, int round) {
    double factor = self.scale * (1 + (round % 2 ? -self.alternate : self.alternate));
    if (self.runs >= self.drift_from && self.runs < self.drift_to)
        factor *= self.drift;
    self.runs++;
    if (self.scatter > 0)
        factor *= 1 + self.scatter * (2 * maple_rng_uniform(&self.rng) - 1);
    if (strcmp(self.arch[id], self.noisy) == 0 && self.noisy_runs-- > 0)
        factor *= 1 + (round / 2 % 2 ? self.noise : -self.noise);
    return factor * fake_latency_ms(arch, round) * 1e6;
}

static bool is_preempted(size_t id) {
    bool may_be = strcmp(self.preempted_arch, "all") == 0 || strcmp(self.preempted_arch, self.arch[id]) == 0;
    return may_be && maple_rng_uniform(&self.rng) < self.preempted;
}

/* Each network runs twice, warm and timed. */
static void serve_run(char *rest) {
    static char answer[1 << 20], head[64];
    field(&rest);
    int round = atoi(field(&rest)), used = 0;
    double executing_ns = 0;
    answer[0] = '\0';
    while (rest && used < (int)sizeof answer - 64) {
        size_t id = strtoul(field(&rest), NULL, 10);
        maple_arch arch;
        if (id >= MAX_IDS || maple_space_parse(self.space, self.arch[id], &arch, NULL) != MAPLE_OK) {
            puts("error\t31\tfake: nothing is loaded there");
            return;
        }
        if (!misbehave("run", self.arch[id]))
            return;
        double slower = maple_rng_uniform(&self.rng) < self.neighbour ? 1.6 : 1;
        double ns = slower * latency_ns(id, &arch, round), probe_ns = slower * 10000 * self.probe;
        if (is_preempted(id)) {
            ns *= 3;
            probe_ns = (double)MAPLE_PROBE_PREEMPTED;
        }
        executing_ns += 2 * ns;
        used += snprintf(answer + used, sizeof answer - (size_t)used, "\t%.17g\t%.0f", ns, probe_ns);
    }
    snprintf(head, sizeof head, "ok\t%d\t%.0f", round, executing_ns);
    fputs(head, stdout);
    puts(answer);
}

/* Operator i takes (1 + i) us. */
static void serve_loop(char *rest) {
    field(&rest);
    fputs("ok", stdout);
    while (rest) {
        double slower = maple_rng_uniform(&self.rng) < self.neighbour ? 1.6 : 1;
        printf("\t%.17g\t%.0f", slower * 1000 * (1 + strtod(field(&rest), NULL)),
               slower * 10000 * self.probe);
    }
    puts("");
}

static void serve(char *line) {
    char *rest = line;
    const char *verb = field(&rest);
    if (strcmp(verb, "open") == 0) {
        const char *space = field(&rest);
        if (maple_space_find(space, &self.space, NULL) == MAPLE_OK)
            puts("ok\tfake 1\tgeneric\t1\t1");
        else
            puts("error\t31\tfake: no such space");
    } else if (strcmp(verb, "network") == 0) {
        serve_network(rest);
    } else if (strcmp(verb, "run") == 0) {
        serve_run(rest);
    } else if (strcmp(verb, "operator") == 0) {
        puts("ok\tnan\t1000\tfake");
    } else if (strcmp(verb, "loop") == 0) {
        serve_loop(rest);
    } else if (strcmp(verb, "unload") == 0) {
        size_t id = strtoul(field(&rest), NULL, 10) % MAX_IDS;
        self.loaded -= self.arch[id][0] != '\0';
        self.arch[id][0] = '\0';
        puts("ok");
    } else {
        puts("error\t30\tfake: what?");
    }
}

int main(int argc, char **argv) {
    char *line = NULL;
    size_t capacity = 0;
    (void)argc;
    self.program = argv[0];
    self.rng = maple_rng_seed(11);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    read_faults();
    while (getline(&line, &capacity, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        serve(line);
        fflush(stdout);
    }
    free(line);
    return 0;
}
