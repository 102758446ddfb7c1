/* SPDX-License-Identifier: Apache-2.0 */
/* moments.h: how much the structured features of a space vary. */
#ifndef MAPLE_PREDICTOR_MOMENTS_H
#define MAPLE_PREDICTOR_MOMENTS_H

#include "maple/space.h"

enum { MAPLE_DRAWN_ARCHS = 512 }; /* architectures that say it */

/* mean and variance[maple_space_features] over archs[MAPLE_DRAWN_ARCHS], which are drawn here: always the
 * same ones of a space, as the graph form executes them. A variance of 0: the feature does not vary. */
maple_status maple_feature_moments(const maple_space *space, maple_graph_form graph, maple_arch *archs,
                                   double *mean, double *variance, maple_error *error);

#endif
