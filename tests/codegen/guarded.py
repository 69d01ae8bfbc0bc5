"""Native programs whose buffers have canaries around them and garbage inside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.codegen import program
from chainrule.codegen.statements import carries
from chainrule.ir.graph import Graph
from chainrule.runtime import native
from chainrule.runtime.memory import empty
from chainrule.runtime.native import NativeProgram
from chainrule.runtime.reference import Program

_CANARY = 0xAB
_AROUND = 4096


class Buffers:
    """Memory for results and arenas in which every byte is 0xAB until it is written."""

    def __init__(self) -> None:
        self.made: list[tuple[np.ndarray, int, int, tuple[int, ...]]] = []

    def placed(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[np.ndarray, int]:
        """What ``chainrule.runtime.memory.placed`` gives."""
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        whole = np.full(size + 2 * _AROUND + 64, _CANARY, np.uint8)
        begin = _AROUND + -(whole.ctypes.data + _AROUND) % 64
        self.made.append((whole, begin, begin + size, shape))
        inside = whole[begin : begin + size].view(dtype).reshape(shape)
        return inside, whole.ctypes.data + begin

    def owned(self, size: int, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, int]:
        """What ``chainrule.runtime.memory.owned`` gives."""
        inside, address = self.placed((size,), np.dtype(np.uint8))
        return inside, address

    def empty(self, shape: Sequence[int], dtype: Any) -> np.ndarray:
        """What ``chainrule.runtime.memory.empty`` gives."""
        return self.placed(tuple(shape), np.dtype(dtype))[0]

    def check(self) -> None:
        """Nothing was written outside of any array."""
        for whole, begin, end, shape in self.made:
            before, after = whole[:begin], whole[end:]
            for side in (before, after):
                places = np.flatnonzero(side != _CANARY)
                assert not places.size, f"bytes {places[:20]} beside an array {shape} were written"


@contextmanager
def guarded() -> Iterator[Buffers]:
    """Let native programs allocate guarded buffers, and check them at the end."""
    buffers = Buffers()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "placed", buffers.placed)
        patch.setattr(native, "empty", buffers.empty)
        patch.setattr(native, "owned", buffers.owned)
        patch.setattr(native, "_SHARED", 0)  # each result between canaries of its own
        yield buffers
    buffers.check()


def shared_at_once(patch: pytest.MonkeyPatch) -> None:
    """Let threads share every kernel that has several tiles, however short it is."""
    patch.setattr(program, "PAYS", 0)


def optimized(f: Any, *inputs: Any) -> tuple[Graph, list[np.ndarray]]:
    """The graph that jit compiles, and the arrays that it is called with."""
    _, graph, operands = cr.jit(f)._recorded(inputs, {})
    return graph, [t.numpy() for t in operands]


def natively(
    graph: Graph, arrays: Sequence[np.ndarray], precision: str = "float32"
) -> list[np.ndarray]:
    """The outputs, computed twice in fresh guarded buffers, with the same bits."""
    with guarded():
        program = NativeProgram(graph, precision=precision)
        first = program(*arrays)
        program.frames.clear()
        second = program(*arrays)
    for a, b in zip(first, second, strict=True):
        assert a.tobytes() == b.tobytes()
    return [np.array(a) for a in first]


def own(array: np.ndarray) -> np.ndarray:
    """A copy in memory that can be taken over."""
    made = empty(array.shape, array.dtype)
    np.copyto(made, array)
    return made


def giving_away(
    graph: Graph, arrays: Sequence[np.ndarray], donated: Sequence[int]
) -> tuple[list[np.ndarray], int]:
    """The outputs where the caller gives some inputs away, and how many results took one over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(carries, "SMALL", 0)
        program = NativeProgram(graph, 0, donated)
    given = [own(array) for array in arrays]
    places = {a.ctypes.data for k, a in enumerate(given) if k in donated and a.size}
    found = program.taking(given)
    taken = places & {a.ctypes.data for a in found}
    assert len(taken) >= len(program.taken)  # more where an output is an input
    return found, len(program.taken)


def by_numpy(graph: Graph, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs as the reference runtime computes them."""
    return [np.asarray(a) for a in Program(graph)(*arrays)]
