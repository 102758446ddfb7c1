/* SPDX-License-Identifier: Apache-2.0 */
/* fake_latency.h: what the fake worker's runs take; the tests know it, too. */
#ifndef MAPLE_TESTS_FAKE_LATENCY_H
#define MAPLE_TESTS_FAKE_LATENCY_H

#include "maple/space.h"

/* 1 to 2 ms by architecture, and up to 1 % more by round: each run has a value of its own. */
static inline double fake_latency_ms(const maple_arch *arch, int round) {
    double whole = (double)(maple_hash(arch->op, sizeof arch->op) % 1000000);
    return (1 + whole / 1e6) * (1 + (double)((round * 7919) % 1000) / 1e5);
}

#endif
