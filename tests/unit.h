/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h: cmocka, behind the headers that it wants before it, and what many tests write. */
#ifndef MAPLE_TESTS_UNIT_H
#define MAPLE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Predictions without intervals (maple/evaluate.h). */
#define POINTS(ms) ((maple_predictions){.latency_ms = (ms)})

#endif
