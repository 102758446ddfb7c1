#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The network of `maple` in PyTorch, for bench/bench_fit.c to be compared with: 7 platforms x 900 architectures + 10
samples, 50 epochs, batch 128, width 128, one thread; then predict 15,625 architectures. Latencies are random: only time
is measured. Prints the same figures: fit_s, predict_ms.

    /usr/bin/python3 bench/peers/fit_pytorch.py [--descriptor N]

It refuses to run with the reference BLAS, which is eight times slower: see bench/peers/blas_speed.py.
"""
import argparse
import time

import torch
from torch import nn

from blas_speed import begin

PLATFORMS, ARCHS, SAMPLES, EPOCHS, BATCH, WIDTH, EMBEDDING = 7, 900, 10, 50, 128, 128, 32
POSITIONS, CHOICES, ALL = 6, 5, 15625


class DualStream(nn.Module):
    def __init__(self, descriptor):
        super().__init__()
        self.stream1 = nn.Sequential(nn.Linear(POSITIONS * CHOICES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
                                     nn.Linear(WIDTH, EMBEDDING))
        self.stream2 = nn.Sequential(nn.Linear(EMBEDDING + descriptor, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(),
                                     nn.Linear(WIDTH, 1))

    def forward(self, one_hot, descriptor):
        return self.stream2(torch.cat([self.stream1(one_hot), descriptor], dim=1)).squeeze(1)


def random_one_hot(n):
    codes = torch.randint(0, CHOICES, (n, POSITIONS))
    return nn.functional.one_hot(codes, CHOICES).float().reshape(n, POSITIONS * CHOICES)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--descriptor", type=int, default=7, help="columns of the hardware descriptor (7: components)")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    speed = begin("fit_pytorch", 1)
    n = PLATFORMS * ARCHS + SAMPLES
    one_hot, target = random_one_hot(n), torch.randn(n)
    platform = torch.cat([torch.arange(PLATFORMS).repeat_interleave(ARCHS), torch.full((SAMPLES,), PLATFORMS)])
    descriptors = torch.randn(PLATFORMS + 1, arguments.descriptor)[platform]
    weight = torch.cat([torch.full((PLATFORMS * ARCHS,), (PLATFORMS * ARCHS)**-0.5), torch.full((SAMPLES,), SAMPLES**-0.5)])
    weight /= weight.mean()
    everything, target_descriptor = random_one_hot(ALL), descriptors[-1:].expand(ALL, -1)
    fit_s = predict_s = float("inf")
    for _ in range(arguments.repeats):
        start = time.perf_counter()
        model = DualStream(arguments.descriptor)
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, foreach=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * ((n + BATCH - 1) // BATCH))
        for _ in range(EPOCHS):
            for rows in torch.randperm(n).split(BATCH):
                optimiser.zero_grad()
                loss = (weight[rows] * (model(one_hot[rows], descriptors[rows]) - target[rows]).abs()).mean()
                loss.backward()
                optimiser.step()
                schedule.step()
        fit_s = min(fit_s, time.perf_counter() - start)
        with torch.no_grad():
            for _ in range(5):
                start = time.perf_counter()
                model(everything, target_descriptor)
                predict_s = min(predict_s, time.perf_counter() - start)
    print(f"fit_s {fit_s:.3f} predict_ms {predict_s * 1e3:.2f} torch {torch.__version__} blas_gmacs {speed:.0f}")


if __name__ == "__main__":
    main()
