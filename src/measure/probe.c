/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the core is to ourselves: see probe.h. */
#include "measure/probe.h"

#include <sys/resource.h>
#include <time.h>

enum { ITERATIONS = 1400 };
static const double LONGER_THAN_OWN = 1.12;     /* undisturbed probes beside one network stay within 1.1 */
static const double CLOCKS = 1.25;              /* the core's clocks differ so with the width of vectors */
static const double LONGER_THAN_MACHINE = 1.35; /* neighbours cost more than that */
static const double LOST = 0.01; /* of the time, to other programs: what labels may differ by */

/* One operation in each of eight independent chains. The values have to exist after each, or the compiler
 * would compute the sums at once. */
#define STEP                                                                                                 \
    do {                                                                                                     \
        a += i, b ^= i, c += i, d ^= i, e += i, f ^= i, g += i, h ^= i;                                      \
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));       \
    } while (0)

/* One-cycle operations, bound by how many of them the core can issue. Eight steps a turn: a loop of one step
 * is fetched at one of two speeds, 10 % apart, as its last interrupt left it, which looks like a neighbour
 * and is none. */
int64_t maple_probe_run(void) {
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    int64_t start = maple_clock_ns();
    for (uint64_t i = 0; i < ITERATIONS; i++) {
        STEP;
        STEP;
        STEP;
        STEP;
        STEP;
        STEP;
        STEP;
        STEP;
    }
    return maple_clock_ns() - start;
}

maple_cpu_use maple_cpu_use_now(void) {
    struct rusage usage;
    struct timespec cpu = {0};
    maple_cpu_use now = {.at_ns = maple_clock_ns()};
    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0)
        now.cpu_ns = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
    if (getrusage(RUSAGE_SELF, &usage) == 0)
        now.preemptions = usage.ru_nivcsw;
    return now;
}

bool maple_was_preempted(const maple_cpu_use *then, int threads) {
    maple_cpu_use now = maple_cpu_use_now();
    double wall_ns = (double)(now.at_ns - then->at_ns),
           lost_ns = threads * wall_ns - (double)(now.cpu_ns - then->cpu_ns);
    return now.preemptions > then->preemptions && lost_ns > LOST * wall_ns;
}

int64_t maple_probe_undisturbed(const int64_t *ascending_ns, size_t n) {
    if (n == 0)
        return 0;
    int64_t low_ns = ascending_ns[n / 20];
    return (double)low_ns <= CLOCKS * (double)ascending_ns[0] ? low_ns : ascending_ns[0];
}

bool maple_probe_disturbed(int64_t duration_ns, int64_t own_undisturbed_ns, int64_t machine_fastest_ns) {
    return duration_ns >= MAPLE_PROBE_PREEMPTED ||
           (double)duration_ns > LONGER_THAN_OWN * (double)own_undisturbed_ns ||
           (machine_fastest_ns > 0 && (double)duration_ns > LONGER_THAN_MACHINE * (double)machine_fastest_ns);
}

void maple_probe_note(int64_t *fastest_ns, int64_t duration_ns) {
    if (duration_ns < MAPLE_PROBE_PREEMPTED && (*fastest_ns == 0 || duration_ns < *fastest_ns))
        *fastest_ns = duration_ns;
}
