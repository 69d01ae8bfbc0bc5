"""Native programs: a graph compiled to machine code, ready to be called with arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from chainrule.codegen.program import ARENA, FIRST, STATUS, Segment, compile_graph
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Data
from chainrule.runtime.engine import Library, host_target, load
from chainrule.runtime.memory import empty
from chainrule.runtime.reference import Program, kernel
from chainrule.runtime.threads import pool, symbols

__all__ = ["NativeProgram"]

Array = np.ndarray[Any, Any]
_BYTES: Final = np.dtype(np.uint8)


class _Call:
    """What belongs to one call: the table and the arrays that its addresses point into."""

    def __init__(self, program: NativeProgram, arrays: Sequence[Array], arena: Array) -> None:
        self.table = table = program.template.copy()
        self.arena = arena
        self.status = np.zeros(1, np.int64)
        self.arrays: dict[int, Array] = {}
        for k, (array, dtype) in enumerate(zip(arrays, program.inputs, strict=True), FIRST):
            self.put(k, _ready(array, dtype))
        for k, shape, dtype in program.made:
            self.put(k, empty(shape, dtype))
        table[ARENA] = _address(arena)
        table[STATUS] = _address(self.status)

    def put(self, entry: int, array: Array) -> None:
        """Let an entry of the table be an array."""
        self.arrays[entry] = array
        self.table[entry] = _address(array)


class NativeProgram:
    """A graph as machine code; called with the arrays of its inputs, it gives those of its outputs.

    An array is read where it lies if it is contiguous and aligned, else copied first. Several
    threads may call it at once. Results share no memory with anything but, where an output is an
    input, with that.
    """

    def __init__(self, graph: Graph) -> None:
        target = host_target()
        self.native = native = compile_graph(graph, target)
        own = any(s.host is None for s in native.segments)
        self.library: Library | None = load(native.text, target, symbols=symbols()) if own else None
        self.place = {node: k for k, node in enumerate(native.entries, FIRST)}
        self.template = np.zeros(FIRST + len(native.entries), np.int64)
        self.constants: list[Array] = []
        for node in native.constants:
            assert isinstance(node.op, Data)
            self.constants.append(np.require(node.op.value, node.dtype.numpy, ["C", "A"]))
            self.template[self.place[node]] = _address(self.constants[-1])
        self.inputs = [n.dtype.numpy for n in graph.inputs]
        self.made = [(self.place[n], n.shape, n.dtype.numpy) for n in native.made]
        self.outputs = [self.place[n] for n in graph.outputs]
        self.steps = [self._step(s) for s in native.segments]
        self.arenas: list[Array] = []
        self.reference: Program | None = None

    def _step(self, segment: Segment) -> Callable[[_Call], None]:
        if segment.host is None:
            assert self.library is not None
            run = pool().prepare(self.library.address(segment.name), self.native.scratch)
            return lambda call: run(_address(call.table))
        return self._host(segment.host.node, segment.host.targets)

    def _host(self, node: Node, targets: Sequence[Node]) -> Callable[[_Call], None]:
        """A node that NumPy computes; its results are arrays of their own."""
        indices = [getattr(t.op, "index", 0) for t in targets]
        run = kernel(node, frozenset(indices), native_program)
        single = targets[:1] == (node,)

        def step(call: _Call) -> None:
            operands = [self._array(call, n) for n in node.inputs]
            results = run(*operands)
            for target, index in zip(targets, indices, strict=True):
                found = results if single else results[index]
                array = np.array(found, target.dtype.numpy, order="C")
                call.put(self.place[target], array)

        return step

    def _array(self, call: _Call, node: Node) -> Array:
        """The value of a node, wherever it lies."""
        if node in self.place:
            k = self.place[node]
            if k in call.arrays:
                return call.arrays[k]
            return self.constants[self.native.constants.index(node)]
        if 0 in node.shape:
            return np.empty(node.shape, node.dtype.numpy)
        size = math.prod(node.shape) * node.dtype.numpy.itemsize
        offset = self.native.places[node]
        return call.arena[offset : offset + size].view(node.dtype.numpy).reshape(node.shape)

    def __call__(self, *arrays: Array) -> list[Array]:
        """Compute the outputs for these inputs."""
        try:
            arena = self.arenas.pop()
        except IndexError:
            arena = empty((self.native.arena,), _BYTES)
        call = _Call(self, arrays, arena)
        for step in self.steps:
            step(call)
            if call.status[0]:
                return self._by_reference(arrays)
        self.arenas.append(arena)
        found = call.arrays
        return [found[k] if k in found else self._constant(k) for k in self.outputs]

    def _constant(self, entry: int) -> Array:
        return self.constants[[self.place[n] for n in self.native.constants].index(entry)]

    def _by_reference(self, arrays: Sequence[Array]) -> list[Array]:
        """Compute with NumPy, whose errors say what was wrong with the numbers."""
        if self.reference is None:
            self.reference = Program(self.native.graph)
        return self.reference(*arrays)


def native_program(graph: Graph) -> NativeProgram:
    """The native program of a body."""
    return NativeProgram(graph)


def _address(array: Array) -> int:
    found: int = array.__array_interface__["data"][0]
    return found


def _ready(array: Array, dtype: np.dtype[Any]) -> Array:
    if array.flags.c_contiguous and array.flags.aligned and array.dtype == dtype:
        return array
    return np.require(array, dtype, ["C", "A"])
