/* SPDX-License-Identifier: Apache-2.0 */
/* gemm.h: CBLAS's product in the precision of this build, for the layers of src/nn. */
#ifndef MAPLE_NN_GEMM_H
#define MAPLE_NN_GEMM_H

#include "nn/nn.h"

#include <cblas.h>

/* c[m, n] = op(a) op(b), added to `keep` (0 or 1) times c; k the inner dimension, lda and ldb the stored row
 * lengths. */
static inline void nn_gemm(CBLAS_TRANSPOSE ta, CBLAS_TRANSPOSE tb, size_t m, size_t n, size_t k,
                           const nn_real *a, size_t lda, const nn_real *b, size_t ldb, nn_real keep,
                           nn_real *c) {
#ifdef NN_DOUBLE
    cblas_dgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, 1, a, (blasint)lda, b,
                (blasint)ldb, keep, c, (blasint)n);
#else
    cblas_sgemm(CblasRowMajor, ta, tb, (blasint)m, (blasint)n, (blasint)k, 1, a, (blasint)lda, b,
                (blasint)ldb, keep, c, (blasint)n);
#endif
}

#endif
