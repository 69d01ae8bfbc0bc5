"""Small things: import, an eager operation, recording and reverse mode per node."""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

import chainrule as cr
from benchmarks.timing import alternate, machine, median, table
from chainrule.autodiff.linearize import linearize
from chainrule.autodiff.transpose import transpose
from chainrule.ir import build
from chainrule.recording import recording
from chainrule.tensors import node_of, of_node


def importing() -> list[list[str]]:
    """Seconds of a whole process that imports, alternating with NumPy alone and with nothing."""
    programs = {
        "python, nothing imported": [sys.executable, "-c", "pass"],
        "import numpy": [sys.executable, "-c", "import numpy"],
        "import chainrule": [sys.executable, "-c", "import chainrule"],
        "import chainrule, first tensor": [
            sys.executable,
            "-c",
            "import chainrule as cr; cr.tensor(1.0)",
        ],
        "chainrule --help": [sys.executable, "-m", "chainrule", "--help"],
    }
    warm = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(11):
        for name, command in programs.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=warm)
            times[name].append(time.perf_counter() - start)
    return [[name, f"{statistics.median(t):.3f} s"] for name, t in times.items()]


def eager() -> list[list[str]]:
    """Microseconds of one operation on arrays of three numbers."""
    x, y = cr.tensor([1.0, 2.0, 3.0]), cr.tensor([4.0, 5.0, 6.0])
    m, v = cr.ones((4, 3)), cr.ones(3)
    a, b = np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0])
    work: dict[str, Callable[[], object]] = {
        "x + y": lambda: x + y,
        "NumPy: x + y": lambda: a + b,
        "x * 2.0": lambda: x * 2.0,
        "x * 2": lambda: x * 2,
        "1 - x": lambda: 1 - x,
        "m + v (broadcast)": lambda: m + v,
        "exp(x)": lambda: cr.exp(x),
        "x > y": lambda: x > y,
        "m @ v": lambda: m @ v,
        "NumPy: exp(a)": lambda: np.exp(a),
        "sum(x)": lambda: cr.sum(x),
        "max(m, axis=0)": lambda: cr.max(m, axis=0),
        "reshape(m, (3, 4))": lambda: cr.reshape(m, (3, 4)),
        "x[1:]": lambda: x[1:],
        "softmax(m)": lambda: cr.softmax(m),
    }
    work |= _peers()
    times = alternate(work)
    return [[name, f"{median(t) * 1e6:.2f} µs"] for name, t in times.items()]


def _peers() -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    try:
        import torch

        s, t = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])
        found["PyTorch: x + y"] = lambda: s + t
    except ImportError:
        pass
    try:
        import jax.numpy as jnp

        p, q = jnp.array([1.0, 2.0, 3.0]), jnp.array([4.0, 5.0, 6.0])
        found["JAX: x + y"] = lambda: (p + q).block_until_ready()
    except ImportError:
        pass
    return found


def reverse_mode(length: int = 3000) -> list[list[str]]:
    """Microseconds for each recorded operation of a chain, phase by phase."""
    x = cr.tensor([0.1, 0.2, 0.3])
    phases: dict[str, list[float]] = {"record": [], "linearize": [], "transpose": []}
    whole: list[float] = []
    for _ in range(9):
        gc.collect()
        clock = [time.perf_counter()]
        with recording("grad", opaque=False) as opened:
            variable = build.alias(node_of(x, opened))
            y = of_node(variable, opened)
            for k in range(length // 3):
                y = cr.sin(y) + (y * x if k % 2 else y * 0.5)
            clock.append(time.perf_counter())
            direction = build.parameter(variable.shape, variable.dtype)
            assert y._node is not None
            (tangent,) = linearize([y._node], {variable: direction})
            assert tangent is not None
            clock.append(time.perf_counter())
            transpose([tangent], [build.fill(1.0, y.shape, y.dtype)], [direction])
            clock.append(time.perf_counter())
        for name, start, end in zip(phases, clock, clock[1:], strict=False):
            phases[name].append((end - start) / length)
        gradient = cr.grad(_chain)
        start = time.perf_counter()
        gradient(x, length)
        whole.append((time.perf_counter() - start) / length)
    rows = [[name, f"{median(t) * 1e6:.1f} µs"] for name, t in phases.items()]
    total = sum(median(t) for t in phases.values())
    rows.append(["together: recording plus reverse mode", f"{total * 1e6:.1f} µs"])
    rows.append(["grad, with NumPy computing all values", f"{median(whole) * 1e6:.1f} µs"])
    return rows


def _chain(x: cr.Tensor, length: int) -> cr.Tensor:
    y = x
    for k in range(length // 3):
        y = cr.sin(y) + (y * x if k % 2 else y * 0.5)
    return cr.sum(y)


def main() -> None:
    """Print the tables."""
    print(f"\n{machine()}\n")
    print(table([["import (a whole process)", "median"], *importing()]), "\n")
    print(table([["an eager operation", "median"], *eager()]), "\n")
    print(table([["one operation of a chain of 3,000", "median"], *reverse_mode()]), "\n")
