#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The meta-training of `help` in PyTorch, for its time to be compared with (docs/method.md, help): graph network of 9 nodes,
hardware branch, modulator, 8 tasks an episode, two Meta-SGD steps on 10 networks with second-order gradients, 200 queries,
Adam. Latencies are random: only time is measured. Prints seconds an episode, and of 2,000.

    /usr/bin/python3 bench/peers/help_pytorch.py [--episodes N] [--threads N]
"""
import argparse
import resource
import time

import torch
import torch.nn.functional as F

from blas_speed import begin

NODES, KINDS, WIDTH, EMBEDDING, TASKS, SUPPORT, QUERY, STEPS = 9, 8, 100, 10, 8, 10, 200, 2
EDGES = [(0, 1), (0, 2), (0, 4), (1, 3), (1, 5), (2, 6), (3, 6), (4, 7), (5, 7), (6, 7)]


def adjacency():
    a = torch.eye(NODES)
    for source, target in EDGES + [(i, 8) for i in range(8)]:
        a[target, source] = 1
    return a


def linear(inputs, outputs):
    bound = inputs**-0.5
    return [torch.empty(inputs, outputs).uniform_(-bound, bound), torch.empty(outputs).uniform_(-bound, bound)]


def create():
    """theta: four graph layers, two of the hardware branch, three of the head; and the modulator."""
    theta = sum((linear(i, WIDTH) for i in (KINDS, WIDTH, WIDTH, WIDTH)), [])
    theta += linear(EMBEDDING, WIDTH) + linear(WIDTH, WIDTH) + linear(2 * WIDTH, 2 * WIDTH)
    theta += linear(2 * WIDTH, 2 * WIDTH) + linear(2 * WIDTH, 1)
    return theta, linear(EMBEDDING, EMBEDDING) + linear(EMBEDDING, 2 * (3 * 2 * WIDTH + 3))


def forward(theta, a, x, hardware):
    for layer in range(4):
        x = F.relu(a @ (x @ theta[2 * layer]) + theta[2 * layer + 1])
    h = F.relu(F.relu(hardware @ theta[8] + theta[9]) @ theta[10] + theta[11])
    y = torch.cat([x[:, -1], h.expand(len(x), -1)], dim=1)
    y = F.relu(y @ theta[12] + theta[13])
    y = F.relu(y @ theta[14] + theta[15])
    return (y @ theta[16] + theta[17]).squeeze(1)


def modulate(theta, modulator, hardware):
    s = F.relu(hardware @ modulator[0] + modulator[1]) @ modulator[2] + modulator[3]
    mu, sigma = s[:603], F.softplus(s[603:])
    z = mu + sigma * torch.randn(603)
    theta = list(theta)
    for k in range(3):
        theta[12 + 2 * k] = theta[12 + 2 * k] * (1 + 0.01 * z[200 * k:200 * (k + 1)]).unsqueeze(1)
        theta[13 + 2 * k] = theta[13 + 2 * k] + 0.01 * z[600 + k]
    return theta, 0.5 * (mu**2 + sigma**2 - 1).sum() - sigma.log().sum()


def networks(n):
    kinds = torch.randint(1, 6, (n, NODES))
    kinds[:, 0], kinds[:, 7], kinds[:, 8] = 0, 6, 7
    return F.one_hot(kinds, KINDS).float()


def episode(theta, alpha, modulator, a):
    loss = 0
    for _ in range(TASKS):
        hardware = torch.rand(EMBEDDING)
        fast, divergence = modulate(theta, modulator, hardware)
        x, y = networks(SUPPORT), torch.rand(SUPPORT)
        for _ in range(STEPS):
            gradient = torch.autograd.grad(F.mse_loss(forward(fast, a, x, hardware), y), fast, create_graph=True)
            fast = [p - r * g for p, r, g in zip(fast, alpha, gradient)]
        loss = loss + (F.mse_loss(forward(fast, a, networks(QUERY), hardware), torch.rand(QUERY)) + 0.1 * divergence) / TASKS
    return loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    speed = begin("help_pytorch", arguments.threads)
    a = adjacency()
    theta, modulator = create()
    alpha = [torch.full_like(p, 1e-3) for p in theta]
    everything = theta + alpha + modulator
    for p in everything:
        p.requires_grad_()
    optimiser = torch.optim.Adam(everything, lr=1e-4, foreach=True)
    best = float("inf")
    for _ in range(arguments.episodes):
        start = time.perf_counter()
        optimiser.zero_grad()
        episode(theta, alpha, modulator, a).backward()
        optimiser.step()
        best = min(best, time.perf_counter() - start)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"episode_ms {best * 1e3:.1f} of_2000_s {best * 2000:.0f} memory_mib {memory:.0f} threads {arguments.threads} "
          f"torch {torch.__version__} blas_gmacs {speed:.0f}")


if __name__ == "__main__":
    main()
