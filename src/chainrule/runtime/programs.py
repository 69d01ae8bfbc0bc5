"""What runs a graph: machine code, or NumPy.

CHAINRULE_RUNTIME   ``native`` (the default) or ``reference``, the interpreter that every result is
                    measured against
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.ir.graph import Graph, size
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.reference import Program
from chainrule.runtime.threads import load_ahead

__all__ = ["is_native", "ready", "soon"]

_LONGEST = 10_000
"""Nodes of a graph above which to translate it takes longer than most programs run."""

RUNTIMES = ("native", "reference")


def is_native() -> bool:
    """Whether programs run as machine code.

    Raises:  ArgumentError: CHAINRULE_RUNTIME names no runtime.
    """
    return _checked(os.environ.get("CHAINRULE_RUNTIME", "") or "native") == "native"


@cache
def _checked(name: str) -> str:
    if name not in RUNTIMES:
        raise ArgumentError(
            f"CHAINRULE_RUNTIME is {name!r}; there are {' and '.join(map(repr, RUNTIMES))}"
        )
    return name


def soon() -> None:
    """Say that a graph is being recorded that will be made ready."""
    if is_native():
        load_ahead()


def ready(
    graph: Graph,
    threads: int = 0,
    donated: Sequence[int] = (),
    precision: str = "float32",
    level: int = 2,
) -> Callable[..., list[Any]]:
    """Make an optimized graph callable with the arrays of its inputs.

    threads  how many a native program may use; 0: ``thread_count()``
    donated  the inputs over which a native program may write results
    precision  what a native program may round the operands of large products of float32 to
    level    how well LLVM translates it: at 0 in a third of the time, for what runs seldom
    """
    if not is_native() or size(graph) > _LONGEST:
        return Program(graph)
    return NativeProgram(graph, threads, donated, precision, level)
