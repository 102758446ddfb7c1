/* SPDX-License-Identifier: Apache-2.0 */
/* Which CPUs share a core: see siblings.h. */
#include "measure/siblings.h"

#include "measure/probe.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { TURNS = 10, PROBES = 40, RUNS = TURNS * PROBES };
static const double SHARED = 1.12; /* as what probe.c takes for a neighbour */
static const double BEST = 0.05;   /* quantile of the probes */
static const int64_t LONGEST_WAIT_NS = 50000000;

typedef struct trial {
    int cpu, other;
    atomic_int busy;     /* what the other CPU is to do: 1 spin, 0 sleep, -1 end */
    atomic_int spinning; /* what it does */
    double alone_ns[RUNS], beside_ns[RUNS];
} trial;

static void nap(void) {
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

static void *spin(void *argument) {
    trial *t = argument;
    for (int what; (what = atomic_load(&t->busy)) >= 0;) {
        atomic_store(&t->spinning, what);
        if (what > 0)
            maple_probe_run();
        else
            nap();
    }
    return NULL;
}

/* The other CPU may be taken by somebody else for a while: then it is not waited for. */
static void have_it(trial *t, int what) {
    int64_t end = maple_clock_ns() + LONGEST_WAIT_NS;
    atomic_store(&t->busy, what);
    while (atomic_load(&t->spinning) != what && maple_clock_ns() < end)
        nap();
}

static void *probe(void *argument) {
    trial *t = argument;
    for (int turn = 0; turn < TURNS; turn++) {
        have_it(t, 0);
        for (int i = 0; i < PROBES; i++)
            t->alone_ns[turn * PROBES + i] = (double)maple_probe_run();
        have_it(t, 1);
        for (int i = 0; i < PROBES; i++)
            t->beside_ns[turn * PROBES + i] = (double)maple_probe_run();
    }
    atomic_store(&t->busy, -1);
    return NULL;
}

static maple_status start(pthread_t *thread, int cpu, void *(*run)(void *), trial *t, maple_error *error) {
    pthread_attr_t attributes;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    int failed = pthread_attr_init(&attributes);
    if (failed)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "threads: %s", strerror(failed));
    failed = pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
    if (!failed)
        failed = pthread_create(thread, &attributes, run, t);
    pthread_attr_destroy(&attributes);
    return failed ? maple_error_set(error, MAPLE_UNSUPPORTED, "a thread cannot be pinned to CPU %d: %s", cpu,
                                    strerror(failed))
                  : MAPLE_OK;
}

/* *slowdown: of the fastest probes: others disturb some of either half, a busy loop all of its half. */
static maple_status try_pair(trial *t, double *slowdown, maple_error *error) {
    pthread_t spinner, prober;
    maple_status status = start(&spinner, t->other, spin, t, error);
    if (status != MAPLE_OK)
        return status;
    status = start(&prober, t->cpu, probe, t, error);
    if (status == MAPLE_OK)
        pthread_join(prober, NULL);
    atomic_store(&t->busy, -1);
    pthread_join(spinner, NULL);
    if (status != MAPLE_OK)
        return status;
    maple_sort_doubles(t->alone_ns, RUNS);
    maple_sort_doubles(t->beside_ns, RUNS);
    *slowdown =
        maple_quantile_sorted(t->beside_ns, RUNS, BEST) / maple_quantile_sorted(t->alone_ns, RUNS, BEST);
    return MAPLE_OK;
}

maple_status maple_siblings_find(maple_siblings *out, maple_error *error) {
    cpu_set_t allowed;
    *out = (maple_siblings){.cpu = -1};
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return maple_error_set(error, MAPLE_UNSUPPORTED, "the CPUs of this process are not visible");
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET((size_t)cpu, &allowed))
            out->cpu = cpu;
    }
    trial *t = maple_alloc(1, sizeof *t);
    maple_status status = t ? MAPLE_OK : maple_error_memory(error);
    for (int other = 0; other < out->cpu && out->tried < MAPLE_MAX_CPUS && status == MAPLE_OK; other++) {
        double slowdown = 0;
        if (!CPU_ISSET((size_t)other, &allowed))
            continue;
        *t = (trial){.cpu = out->cpu, .other = other};
        status = try_pair(t, &slowdown, error);
        out->tried++;
        if (status == MAPLE_OK && slowdown > SHARED) {
            out->cpus[out->n] = other;
            out->slowdown[out->n++] = slowdown;
        }
    }
    maple_free(t);
    return status;
}
