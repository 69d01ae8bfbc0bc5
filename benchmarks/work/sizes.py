"""One step of many sizes against PyTorch eager: the smallest nets, and where threads begin to pay.

The loss is mean((tanh(x W) − y)²) with W of width × width, so a net has width² parameters.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.timing import alternate, median, table
from benchmarks.work.contest import Contestant, Options, shown

WIDTHS = (1, 2, 3, 6, 10, 18, 32, 45, 46, 64, 100, 178, 316, 562, 1000)
BATCHES = (1, 8, 32, 128, 512)
RATE = 0.01
_NOISE = 1.15  # what a wider net may take less by before it counts


def arrays(width: int, batch: int) -> tuple[np.ndarray, ...]:
    """The weights, the inputs and the targets."""
    generator = np.random.default_rng(0)
    shapes = ((width, width), (batch, width), (batch, width))
    w, x, y = (generator.standard_normal(shape, np.float32) for shape in shapes)
    return w / np.float32(width**0.5), x, y


def ours(width: int, batch: int) -> Contestant:
    """One call of a jitted function."""
    w, x, y = map(cr.tensor, arrays(width, batch))

    @cr.jit
    def step(w: cr.Tensor, x: cr.Tensor, y: cr.Tensor) -> tuple[cr.Tensor, cr.Tensor]:
        loss, g = cr.value_and_grad(lambda w: cr.mean(cr.square(cr.tanh(x @ w) - y)))(w)
        return w - RATE * g, loss

    held = [w]

    def run() -> cr.Tensor:
        held[0], loss = step(held[0], x, y)
        return loss

    return Contestant(run, lambda loss: np.array([loss.item()]))


def peer(width: int, batch: int) -> Contestant:
    """The same in PyTorch, with its own loss and optimizer."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    w, x, y = map(torch.from_numpy, arrays(width, batch))
    w = torch.nn.Parameter(w)
    optimizer = torch.optim.SGD([w], lr=RATE, fused=True)

    def run() -> Any:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(torch.tanh(x @ w), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Contestant(run, lambda loss: np.array([loss.item()]))


def cell(width: int, batch: int, options: Options) -> tuple[float, float]:
    """Our seconds a step, and PyTorch's ÷ ours."""
    both = {"ours": ours(width, batch), "peer": peer(width, batch)}
    mine, others = (c.figures(c.run()) for c in both.values())
    np.testing.assert_allclose(mine, others, rtol=1e-3)
    runs = {name: contestant.run for name, contestant in both.items()}
    times = alternate(runs, options.rounds, options.seconds / 10)
    return median(times["ours"]), median(times["peer"]) / median(times["ours"])


def main(options: Options) -> None:
    """Print the table, where PyTorch was faster, and where a wider net took less time."""
    found = {(w, b): cell(w, b, options) for w in WIDTHS for b in BATCHES}
    rows = [["parameters", *(f"batch {b}" for b in BATCHES)]]
    for w in WIDTHS:
        cells = [found[w, b] for b in BATCHES]
        rows.append([f"{w * w:,}", *(f"{shown(t)} ({r:.2f})" for t, r in cells)])
    print("sizes: our time for a step, and PyTorch eager ÷ chainrule\n")
    print(table(rows), "\n")
    slower = [f"{w * w:,} × {b}" for (w, b), (_, r) in found.items() if r < 1]
    print("slower than PyTorch (parameters × batch):", ", ".join(slower) or "nowhere")
    backward = [
        f"{w * w:,} × {b} after {v * v:,}"
        for b in BATCHES
        for k, w in enumerate(WIDTHS)
        for v in WIDTHS[:k]
        if found[v, b][0] > _NOISE * found[w, b][0]
    ]
    print("less time than for a narrower net:", ", ".join(backward) or "nowhere", "\n")
