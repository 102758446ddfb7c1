/* SPDX-License-Identifier: Apache-2.0 */
/* unit.h: cmocka, behind the headers that it wants before it. */
#ifndef MAPLE_TESTS_UNIT_H
#define MAPLE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#endif
