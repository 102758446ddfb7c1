/* SPDX-License-Identifier: Apache-2.0 */
/* pretrained.h: pre-trained models as bytes, for a cache that keeps them among other things. */
#ifndef MAPLE_PREDICTOR_PRETRAINED_H
#define MAPLE_PREDICTOR_PRETRAINED_H

#include "maple/predictor.h"

/* Name of what a predictor pre-trains. Predictors with the same kind (`nearest`, `mean-pool`) can adapt each
 * other's models. */
const char *maple_pretrained_kind(const maple_predictor_info *info);

/* What maple_pretrained_save writes; *file[*bytes] is freed by maple_free. */
maple_status maple_pretrained_encode(const maple_pretrained *pretrained, const char *key, uint8_t **file,
                                     size_t *bytes, maple_error *error);
/* As maple_pretrained_load, for predictor `name`, from bytes that are called `where` in messages and not
 * needed afterwards. Another key or kind: MAPLE_NOT_FOUND; damaged: MAPLE_BAD_INPUT. */
maple_status maple_pretrained_decode(const char *name, const char *where, const char *key, uint8_t *file,
                                     size_t bytes, maple_pretrained **out, maple_error *error);

#endif
