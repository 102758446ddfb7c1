/* SPDX-License-Identifier: Apache-2.0 */
/* One BLAS thread while a predictor works. */
#include "nn/nn.h"

#include <cblas.h>
#include <pthread.h>

/* The library keeps no state of its own; this guards the state of OpenBLAS, which is global to the process.
 */
static pthread_mutex_t blas_mutex = PTHREAD_MUTEX_INITIALIZER;
static int blas_users, blas_threads_before;

void nn_blas_enter(void) {
    pthread_mutex_lock(&blas_mutex);
    if (blas_users++ == 0) {
        blas_threads_before = openblas_get_num_threads();
        if (blas_threads_before != 1)
            openblas_set_num_threads(1);
    }
    pthread_mutex_unlock(&blas_mutex);
}

void nn_blas_leave(void) {
    pthread_mutex_lock(&blas_mutex);
    if (--blas_users == 0 && blas_threads_before != 1)
        openblas_set_num_threads(blas_threads_before);
    pthread_mutex_unlock(&blas_mutex);
}
