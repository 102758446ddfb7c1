/* SPDX-License-Identifier: Apache-2.0 */
/* The worker process of the tests: what `maple worker` is in the command line. */
#include "maple/measure.h"

#include <string.h>

int main(int argc, char **argv) {
    if (argc != 2 || strcmp(argv[1], "worker") != 0)
        return 2;
    return maple_worker_serve(0, 1) == MAPLE_OK ? 0 : 1;
}
