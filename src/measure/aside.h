/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside.h: a pool that goes again, for what is measured beside a platform's labels: it holds the same
 * platform, and lies in a temporary folder ($TMPDIR, else /tmp).
 */
#ifndef MAPLE_MEASURE_ASIDE_H
#define MAPLE_MEASURE_ASIDE_H

#include "maple/measure.h"
#include "measure/lock.h"

typedef struct maple_aside {
    maple_lock lock; /* of the platform in its own pool */
    char folder[512], path[544];
    maple_pool *pool;
    maple_platform platform; /* the same one, in that pool */
} maple_aside;

/* After maple_session_check_plan; what is known of the platform's speed counts there, too. *out is closed by
 * maple_aside_close in any case. */
maple_status maple_aside_open(const maple_measure_config *config, maple_pool *pool,
                              const maple_platform *platform, maple_aside *out, maple_error *error);
void maple_aside_close(maple_aside *aside);

#endif
