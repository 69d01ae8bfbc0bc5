"""Native programs: a graph compiled to machine code, ready to be called with arrays."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from chainrule.codegen.assembly.llvm import Module
from chainrule.codegen.assembly.table import ARENA, FIRST, STATUS
from chainrule.codegen.assembly.texts import module_texts
from chainrule.codegen.outline import Segment
from chainrule.codegen.program import compile_graph
from chainrule.codegen.statements.carries import SMALL
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Data
from chainrule.runtime.engine import Library, host_target, load
from chainrule.runtime.memory import (
    byte_text,
    empty,
    is_held_alone,
    owned,
    placed,
    require_memory,
)
from chainrule.runtime.quiet import quietly
from chainrule.runtime.reference import Program, kernel
from chainrule.runtime.threads import pool, symbols

__all__ = ["ARRAY_HEADER", "NativeProgram", "plain"]

Array = np.ndarray[Any, Any]
_BYTES: Final = np.dtype(np.uint8)
_ASK: Final = 1 << 26  # bytes from which on we look first whether there are as many
_SHARED: Final = 4 * SMALL  # bytes that small results may share
_PLAIN: Final = 0x101
"""NumPy's flags of an array that is contiguous and aligned."""


class _Call:
    """What belongs to one call: the table and the arrays that its addresses point into."""

    def __init__(self, program: NativeProgram, arrays: Sequence[Array], arena: Array) -> None:
        self.table = table = program.template.copy()
        self.arena = arena
        self.status = np.zeros(1, np.int64)
        self.arrays: dict[int, Array] = {}
        for k, given in enumerate(arrays, FIRST):
            self.put(k, given)
        for k, shape, dtype in program.made:
            self.put(k, empty(shape, dtype))
        table[ARENA] = _address(arena)
        table[STATUS] = _address(self.status)

    def put(self, entry: int, value: Array) -> None:
        """Let an entry of the table be an array."""
        self.arrays[entry] = value
        self.table[entry] = _address(value)


class NativeProgram:
    """A graph as machine code; called with the arrays of its inputs, it gives those of its outputs.

    An array is read where it lies if it is contiguous and aligned, else copied first. Several
    threads may call it at once. Results share no memory with anything but, where an output is an
    input, with that. It uses at most so many ``threads``; 0: as many as ``thread_count()`` says.

    donated   inputs, by number, over which ``taking`` writes results where nobody sees it
    precision  what the operands of large products of float32 are rounded to: "bf16", or nothing
    level     of LLVM's work: 0 for what runs seldom
    """

    def __init__(
        self,
        graph: Graph,
        threads: int = 0,
        donated: Sequence[int] = (),
        precision: str = "float32",
        level: int = 2,
    ) -> None:
        self.threads, self.precision = threads, precision
        target = host_target(precision)
        apart = len(set(graph.inputs)) == len(graph.inputs)
        header = ARRAY_HEADER if apart else 0
        native = compile_graph(graph, target, header, donated if apart else ())
        self.library: Library | None = None
        if any(s.host is None for s in native.segments):
            self.library = load(module_texts(native.module), target, level, symbols())
        self.native = native = native._replace(module=Module())  # its lines are many
        self.place = {node: k for k, node in enumerate(native.entries, FIRST)}
        self.taken = [self.place[n] - FIRST for n in native.taken_over.values()]
        self.place |= {after: self.place[before] for after, before in native.taken_over.items()}
        self.template = np.zeros(FIRST + len(native.entries), np.int64)
        self.constants: list[Array] = []
        for node in native.constants:
            assert isinstance(node.op, Data)
            self.constants.append(np.require(node.op.value, node.dtype.numpy, ["C", "A"]))
            self.template[self.place[node]] = _address(self.constants[-1])
        self.inputs = [n.dtype.numpy for n in graph.inputs]
        self.made = [(self.place[n], n.shape, n.dtype.numpy) for n in native.made]
        self.outputs = [self.place[n] for n in graph.outputs]
        self.steps = [self._step(s) for s in native.segments] if not native.by_object else []
        self.last_of_host = max((k for k, s in enumerate(native.segments) if s.host), default=-1)
        self.frames: list[Frame] = []
        self.reference: Program | None = None
        self.blocks, self.parts = _blocks(native.made)
        self.first_made = len(self.template) - len(native.made)
        self.all_made = self.outputs == [*range(self.first_made, len(self.template))]
        self.run: Callable[[int], None] | None = None
        self.record: ctypes.Array[ctypes.c_int64] | None = None
        if native.by_object and self.library is not None:
            asked = self.library.address("program0"), native.scratch, threads
            self.run, self.record = pool().prepare(*asked), pool().record(*asked)
        single = self.all_made and len(self.outputs) == 1
        self.fills = single and self.run is not None and not self.taken
        self.filling: Any = None  # what fills, once it was asked for

    def _step(self, segment: Segment) -> Callable[[_Call], None]:
        if segment.host is None:
            assert self.library is not None
            run = pool().prepare(
                self.library.address(segment.name), self.native.scratch, self.threads
            )
            return lambda call: run(_address(call.table))
        return self._host(segment.host.node, segment.host.targets)

    def _host(self, node: Node, targets: Sequence[Node]) -> Callable[[_Call], None]:
        """A node that NumPy computes; its results are arrays of their own."""
        indices = [getattr(t.op, "index", 0) for t in targets]
        run = kernel(node, frozenset(indices), self._inner)
        single = targets[:1] == (node,)

        def step(call: _Call) -> None:
            operands = [self._array(call, n) for n in node.inputs]
            results = run(*operands)
            for target, index in zip(targets, indices, strict=True):
                found = results if single else results[index]
                call.put(self.place[target], np.array(found, target.dtype.numpy, order="C"))

        return step

    def _inner(self, graph: Graph) -> NativeProgram:
        """The program of a body that the host calls."""
        return NativeProgram(graph, precision=self.precision)

    def _array(self, call: _Call, node: Node) -> Array:
        """The value of a node, wherever it lies."""
        if node in self.place:
            k = self.place[node]
            if k in call.arrays:
                return call.arrays[k]
            return self.constants[self.native.constants.index(node)]
        if 0 in node.shape:
            return np.empty(node.shape, node.dtype.numpy)
        offset = self.native.places[node]
        return call.arena[offset : offset + node.nbytes].view(node.dtype.numpy).reshape(node.shape)

    def __call__(self, *arrays: Array) -> list[Array]:
        """Compute the outputs for these inputs.

        Raises:  CapacityError: there is no memory for what the program holds.
                 IndexingError: an index is outside of its axis.
        """
        return self.taking([*arrays])

    def taking(self, arrays: list[Array]) -> list[Array]:
        """The same; results are written over donated inputs that only this list holds.

        Where something raises, the list still has all inputs, as they were, or it is empty: then
        some may have been written over.
        """
        if not self.native.by_object:
            arrays[:] = map(_ready, arrays, self.inputs)
            return quietly(self._in_steps, arrays)
        arrays[:] = map(plain, arrays)
        return self.at_once(arrays)

    def _make_own(self, arrays: list[Array]) -> None:
        """Copy what will be overwritten and is seen by others."""
        for k in self.taken:
            if not is_held_alone(arrays, k):
                made = empty(arrays[k].shape, arrays[k].dtype)
                np.copyto(made, arrays[k])
                arrays[k] = made
                del made

    def _in_steps(self, arrays: list[Array]) -> list[Array]:
        """The outputs of a program in which the host takes part."""
        self._make_own(arrays)
        frame = self.frame()
        call, given = _Call(self, arrays, frame.arena), arrays[:]
        for number, step in enumerate(self.steps):
            if self.taken and number > self.last_of_host:
                arrays.clear()
            step(call)
            if call.status[0]:
                arrays[:] = given
                return self.by_reference(*given)
        self.frames.append(frame)
        found = call.arrays
        return [found[k] if k in found else self._constant(k) for k in self.outputs]

    def frame(self) -> Frame:
        """Memory for a call, if there is enough for it and for the results."""
        try:
            return self.frames.pop()
        except IndexError:
            pass
        arena = self.native.arena
        results = sum(node.nbytes for node in self.native.made)
        if arena + results >= _ASK:
            split = f"{byte_text(results)} for results, {byte_text(arena)} for what leads to them"
            require_memory(arena + results, "the program", f"{split}. Nothing was computed.")
        held, address = placed((arena,), _BYTES)
        table = array("q", [*self.template.tolist(), 0])
        place = table.buffer_info()[0]
        table[ARENA], table[STATUS] = address, place + 8 * (len(table) - 1)
        return Frame(held, table, place)

    def at_once(self, arrays: list[Array]) -> list[Array]:
        """The same for contiguous and aligned arrays, where the host has no part in the program."""
        if self.taken:
            self._make_own(arrays)
        frame, given = self.frame(), arrays
        table, first = frame.table, self.first_made
        blocks = [owned(size, shape, dtype) for size, shape, dtype in self.blocks]
        made = [np.ndarray(shape, dtype, blocks[b][0], at) for b, at, shape, dtype in self.parts]
        table[FIRST : FIRST + len(given)] = array("q", map(id, given))
        table[first:-1] = array("q", [blocks[b][1] + at for b, at, _, _ in self.parts])
        if self.taken:
            given = arrays[:]
            arrays.clear()
        if self.run is not None:
            self.run(frame.place)
        if table[-1]:
            table[-1] = 0
            self.frames.append(frame)
            arrays[:] = given
            return self.by_reference(*given)
        self.frames.append(frame)
        if self.all_made:
            return made
        return [
            given[k - FIRST] if k < FIRST + len(given) else
            made[k - first] if k >= first else self._constant(k)
            for k in self.outputs
        ]  # fmt: skip

    def _constant(self, entry: int) -> Array:
        return self.constants[self.constant_number(entry)]

    def constant_number(self, entry: int) -> int:
        """Which of the constants has an entry of the table."""
        return [self.place[n] for n in self.native.constants].index(entry)

    def by_reference(self, *arrays: Array) -> list[Array]:
        """Compute with NumPy, whose errors say what was wrong with the numbers."""
        if self.reference is None:
            self.reference = Program(self.native.graph)
        return self.reference(*arrays)


class Frame(NamedTuple):
    """What belongs to one call: the arena, and the table with its address.

    The table has one more entry, for the error.
    """

    arena: Array
    table: array[int]
    place: int


class _Block(NamedTuple):
    """Memory for results: bytes, and the shape and dtype of what is in it."""

    size: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _Part(NamedTuple):
    """A result: the number of its block, where it is in there, its shape and its dtype."""

    block: int
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def _blocks(made: Sequence[Node]) -> tuple[list[_Block], list[_Part]]:
    """The memory of results; small ones share some, which lives as long as the last of them."""
    blocks: list[_Block] = []
    parts: list[_Part] = []
    shared = -1
    for node in made:
        size = -(-node.nbytes // 64) * 64
        own = _Block(node.nbytes, node.shape, node.dtype.numpy)
        end = blocks[shared].size if shared >= 0 else 0
        if size > _SHARED // 4:
            parts.append(_Part(len(blocks), 0, *own[1:]))
            blocks.append(own)
        elif shared < 0 or end + size > _SHARED:
            shared = len(blocks)
            parts.append(_Part(shared, 0, *own[1:]))
            blocks.append(_Block(size, (size,), _BYTES))
        else:
            parts.append(_Part(shared, end, *own[1:]))
            blocks[shared] = _Block(end + size, (end + size,), _BYTES)
    return blocks, parts


def _address(given: Array) -> int:
    found: int = given.__array_interface__["data"][0]
    return found


def _where_memory_is_named() -> int:
    """The bytes of an array object before the address of its memory, as NumPy's headers have it."""
    header = object.__basicsize__
    probe = np.empty(1)
    found = ctypes.c_int64.from_address(id(probe) + header).value
    return header if found == probe.ctypes.data else 0


ARRAY_HEADER: Final = _where_memory_is_named()


def plain(given: Array) -> Array:
    """The array, or a copy that is contiguous and aligned."""
    return given if given.flags.num & _PLAIN == _PLAIN else _ready(given, given.dtype)


def _ready(given: Array, dtype: np.dtype[Any]) -> Array:
    if given.flags.c_contiguous and given.flags.aligned and given.dtype == dtype:
        return given
    return np.require(given, dtype, ["C", "A"])
