/* SPDX-License-Identifier: Apache-2.0 */
/* check.h: calls that must succeed, or fail as they should. The calls give their error to `&why`. */
#ifndef MAPLE_TESTS_CHECK_H
#define MAPLE_TESTS_CHECK_H

#include "maple/base.h"
#include "unit.h"

#include <string.h>

static maple_error why; /* of the last call */

/* Fails with the message of the library where `call` does not succeed. */
#define OK(call)                                                                                             \
    do {                                                                                                     \
        if ((call) != MAPLE_OK)                                                                              \
            fail_msg("%s: %s", #call, why.message);                                                          \
    } while (0)

/* `call` gives the status `expected`, which stands in the error, too, and a message that holds `part`. */
#define FAILS(call, expected, part)                                                                          \
    do {                                                                                                     \
        why.message[0] = '\0';                                                                               \
        assert_int_equal((call), expected);                                                                  \
        assert_int_equal(why.status, expected);                                                              \
        if (!strstr(why.message, part))                                                                      \
            fail_msg("'%s' does not say '%s'", why.message, part);                                           \
    } while (0)

#endif
