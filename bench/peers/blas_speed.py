# SPDX-License-Identifier: Apache-2.0
"""What the scripts of this folder share: how they begin, with a look at the BLAS that PyTorch uses."""
import sys
import time

import torch


def need_openblas(program):
    """GMAC/s of a product on one core; ends the program where that is a reference BLAS, with which a comparison means
    nothing. To make OpenBLAS the active BLAS: update-alternatives --config libblas.so.3-x86_64-linux-gnu, or
    LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-pthread."""
    a = torch.randn(512, 512)
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    speed = 512**3 / best / 1e9
    if speed < 8:
        sys.exit(f"{program}: the active BLAS does {speed:.1f} GMAC/s on one core: that is a reference BLAS; activate OpenBLAS "
                 "(bench/peers/blas_speed.py says how) and run again")
    return speed


def begin(program, threads):
    """Every run alike: so many threads, the same random numbers, no reference BLAS. Returns what need_openblas does."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    return need_openblas(program)
