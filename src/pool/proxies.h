/* SPDX-License-Identifier: Apache-2.0 */
/* proxies.h: the 13 zero-cost proxies of an architecture (maple pool import zcp) as NASFLAT normalises them.
 */
#ifndef MAPLE_POOL_PROXIES_H
#define MAPLE_POOL_PROXIES_H

#include "maple/pool.h"

enum { MAPLE_PROXIES = 13 };

/* MAPLE_NOT_FOUND with those that the dataset lacks. */
maple_status maple_proxies_check(const maple_dataset *dataset, maple_error *error);
/* out[n x MAPLE_PROXIES], row-major, of the architectures `rows` (NULL: the first n) of a dataset that has
 * all; normalised over all of its architectures that have them. A row without a usable one: MAPLE_BAD_INPUT.
 */
maple_status maple_proxies_encode(const maple_dataset *dataset, const size_t *rows, size_t n, double *out,
                                  maple_error *error);

#endif
