/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the core is to ourselves: see probe.h. */
#include "measure/probe.h"

enum { ITERATIONS = 8000 };
static const int64_t STRETCH_NS = 10 * (int64_t)1000000000;
static const double DISTURBED = 1.12; /* x the fastest: undisturbed probes stay within 1.1 */

/* Eight independent chains of one-cycle operations: bound by how many instructions the core can issue. */
int64_t maple_probe_run(void) {
    uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
    int64_t start = maple_clock_ns();
    for (uint64_t i = 0; i < ITERATIONS; i++) {
        a += i;
        b ^= i;
        c += i;
        d ^= i;
        e += i;
        f ^= i;
        g += i;
        h ^= i;
        /* The values have to exist in each iteration, or the compiler would compute the sums at once. */
        __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f), "+r"(g), "+r"(h));
    }
    return maple_clock_ns() - start;
}

bool maple_probe_disturbed(int64_t duration_ns, int64_t fastest_ns) {
    return (double)duration_ns > DISTURBED * (double)fastest_ns;
}

bool maple_probe_judge(maple_probe *probe, int64_t now_ns, int64_t duration_ns) {
    if (now_ns - probe->stretch_start_ns > STRETCH_NS) {
        probe->fastest_ns[1] = probe->fastest_ns[0];
        probe->fastest_ns[0] = 0;
        probe->stretch_start_ns = now_ns;
    }
    if (probe->fastest_ns[0] == 0 || duration_ns < probe->fastest_ns[0])
        probe->fastest_ns[0] = duration_ns;
    int64_t fastest = probe->fastest_ns[0];
    if (probe->fastest_ns[1] != 0 && probe->fastest_ns[1] < fastest)
        fastest = probe->fastest_ns[1];
    return maple_probe_disturbed(duration_ns, fastest);
}

void maple_probe_start(maple_probe *probe, int64_t now_ns, int64_t fastest_ns) {
    *probe = (maple_probe){.fastest_ns = {fastest_ns, 0}, .stretch_start_ns = now_ns};
}
