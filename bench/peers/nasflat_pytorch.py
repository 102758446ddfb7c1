#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training of `nasflat` in PyTorch, for its time to be compared with (docs/method.md, nasflat): ensemble of DGF and GAT
in two stages, 13 zero-cost scores at the head, pairwise hinge loss over the unique rows of a minibatch, AdamW. FBNet: 22 nodes,
800 architectures on each device, batch 128, 150 epochs; then transfer to 20 networks, batch 16, 30 epochs. Latencies are random:
only time is measured. Times some steps of the pre-training and says what all would take; the transfer in full.

    /usr/bin/python3 bench/peers/nasflat_pytorch.py [--devices N] [--steps N] [--threads N]
"""
import argparse
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn

from blas_speed import begin

NODES, KINDS, ARCHS, SCORES, MARGIN = 22, 9, 800, 13, 0.1


class Layer(nn.Module):
    """The mean of a DGF and a GAT layer."""

    def __init__(self, inputs, outputs=128, operators=48):
        super().__init__()
        self.w = nn.Linear(inputs, outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gate = nn.Linear(operators, outputs)
        self.key = nn.Linear(inputs, outputs, bias=False)
        self.attention = nn.Parameter(torch.randn(outputs) * outputs**-0.5)
        self.gate2 = nn.Linear(operators, outputs)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, x, a, o):
        s = self.w(x)
        dense = torch.sigmoid(self.gate(o)) * (a @ s) + s + self.bias
        h = self.key(x)
        e = F.leaky_relu((h * self.attention) @ h.transpose(1, 2) * h.shape[2]**-0.5, 0.01)
        u = torch.softmax(e * a, dim=2) @ h
        return (dense + self.norm(torch.sigmoid(self.gate2(o)) * u)) / 2


class Nasflat(nn.Module):
    def __init__(self):
        super().__init__()
        self.operator, self.hardware = nn.Embedding(128, 40), nn.Embedding(128, 8)
        self.output = nn.Parameter(torch.randn(1, 48))
        self.input_node, self.other_node = nn.Parameter(torch.randn(1, 48)), nn.Parameter(torch.zeros(1, 48))
        self.hidden = nn.Linear(48, 96)
        self.first = nn.ModuleList([Layer(96), Layer(128)])
        self.backward_mlp = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 128))
        self.update = nn.Sequential(nn.Linear(176, 128), nn.ReLU(), nn.Linear(128, 48))
        self.second = nn.ModuleList([Layer(96), Layer(128), Layer(128)])
        self.scores = nn.Sequential(nn.Linear(SCORES, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 128), nn.ReLU(),
                                    nn.Dropout(0.1), nn.Linear(128, 48))
        self.head = nn.Sequential(*sum(([nn.Linear(i, 200), nn.ReLU(), nn.Dropout(0.1)] for i in (176, 200, 200)), []),
                                  nn.Linear(200, 1))

    @staticmethod
    def stack(layers, x, a, o):
        for i, layer in enumerate(layers):
            x = layer(x, a, o)
            if i + 1 < len(layers):
                x = F.relu(x)
        return x

    def forward(self, operators, a, device, scores):
        n = len(operators)
        nodes = torch.cat([self.input_node, self.other_node.expand(NODES - 1, -1)])
        x = self.hidden(nodes).expand(n, -1, -1)
        inner = torch.cat([self.operator(operators[:, 1:-1]), self.hardware(device)[:, None].expand(-1, NODES - 2, -1)], dim=2)
        o = torch.cat([torch.zeros(n, 1, 48), inner, self.output.expand(n, 1, -1)], dim=1)
        v = self.backward_mlp(self.stack(self.first, x, a, o)[:, -1])
        o = self.update(torch.cat([o, v[:, None].expand(-1, NODES, -1)], dim=2))
        pooled = self.stack(self.second, x, a, o)[:, 1:].mean(dim=1)
        return self.head(torch.cat([pooled, self.scores(scores)], dim=1)).squeeze(1)


def hinge(score, latency):
    i, j = torch.triu_indices(len(score), len(score), 1)
    keep = torch.randperm(len(i))[:4 * len(score)]
    i, j = i[keep], j[keep]
    return F.relu(MARGIN - torch.sign(latency[i] - latency[j]) * (score[i] - score[j])).mean()


def train(model, rows, batch, steps, rate):
    operators, device, scores, latency = rows
    a = torch.eye(NODES)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-5, foreach=True)
    order = torch.randperm(len(latency)).split(batch)
    start = time.perf_counter()
    for step in range(steps):
        at = order[step % len(order)]
        optimiser.zero_grad()
        hinge(model(operators[at], a, device[at], scores[at]), latency[at]).backward()
        optimiser.step()
    return time.perf_counter() - start


def random_rows(archs, devices):
    n = archs * devices
    return (torch.randint(0, KINDS, (n, NODES)), torch.arange(devices).repeat_interleave(archs), torch.rand(n, SCORES),
            torch.rand(n))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--devices", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    speed = begin("nasflat_pytorch", arguments.threads)
    model = Nasflat()
    train(model, random_rows(ARCHS, arguments.devices), 128, 3, 1e-3)  # warm
    step = train(model, random_rows(ARCHS, arguments.devices), 128, arguments.steps, 1e-3) / arguments.steps
    steps = (ARCHS * arguments.devices + 127) // 128 * 150
    transfer = train(model, random_rows(20, 1), 16, 60, 1e-3)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"step_ms {step * 1e3:.1f} pretrain_s {step * steps:.0f} ({steps} steps, {arguments.devices} devices) "
          f"transfer_s {transfer:.2f} memory_mib {memory:.0f} threads {arguments.threads} torch {torch.__version__} "
          f"blas_gmacs {speed:.0f}")


if __name__ == "__main__":
    main()
