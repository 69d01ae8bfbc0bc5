"""The NumPy interpreter: the executable specification of every primitive.

``kernel`` gives the function of arrays that a node computes; ``Program`` runs a graph with them,
letting go of each value after its last use.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple, assert_never
from weakref import WeakKeyDictionary

import numpy as np

from chainrule.errors import IndexingError, RecordingError
from chainrule.ir.graph import Graph, Node, read_results
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Block,
    Cond,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Primitive,
    Print,
    Project,
    Random,
    Reduce,
    ReduceKind,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    View,
)  # fmt: skip
from chainrule.runtime.contraction import computes_half, einsum_kernel, symmetric_kernel
from chainrule.runtime.philox import random_bits
from chainrule.runtime.quiet import quietly
from chainrule.runtime.reuse import left_to_broadcasting, overwritten
from chainrule.runtime.views import accumulate_kernel, view_kernel
from chainrule.runtime.windows import reduce_windows

Array = np.ndarray
Kernel = Callable[..., Any]
Ready = Callable[[Graph], Kernel]


def kernel(node: Node, needed: frozenset[int] = frozenset(), ready: Ready | None = None) -> Kernel:
    """The function of arrays that this node computes; a bundle's gives a sequence.

    ``needed`` are the results of a bundle that are read; ``ready`` makes bodies callable.
    """
    op = node.op
    ready = ready or program
    match op:
        case Map(record=record, params=()):
            return record.numpy
        case Map(record=record, params=params):
            return partial(_with_params, record.numpy, params)
        case Einsum(subscripts=subscripts):
            return (symmetric_kernel if computes_half(node) else einsum_kernel)(subscripts)
        case Add(signs=signs):
            return _add(signs)
        case View():
            return view_kernel(op, node.inputs[0].shape)
        case Select():
            return _select(node)
        case Reshape(shape=shape):
            return lambda x: x.reshape(shape)
        case Input():
            return lambda x: x
        case Data(value=value):
            return lambda: value
        case Fill(value=value, shape=shape, dtype=dtype):
            return lambda: np.broadcast_to(np.asarray(value, dtype.numpy), shape)
        case Iota(size=size, dtype=dtype):
            return lambda: np.arange(size, dtype=dtype.numpy)
        case Delta(size=size, dtype=dtype):
            return lambda: np.eye(size, dtype=dtype.numpy)
        case Random(shape=shape, dtype=dtype):
            return lambda key, counter, *skipped: random_bits(key, counter, shape, dtype, *skipped)
        case Reduce(kind=kind, axes=axes):
            return _reduce(kind, axes)
        case Accumulate(view=view, shape=shape):
            return accumulate_kernel(view, shape)
        case Join(axis=axis):
            return lambda *arrays: np.concatenate(arrays, axis)
        case Gather():
            return _gather
        case Scatter(shape=shape):
            return partial(_scatter, shape)
        case RoutineCall(routine=routine, params=params):
            return lambda *arrays: routine.value(*arrays, *params)
        case Project(index=index):
            return lambda results: results[index]
        case Block(body=body):
            return ready(body)
        case Loop():
            return _loop(op, needed, ready(op.body))
        case Cond(then=then, otherwise=otherwise):
            return _cond(ready(then), ready(otherwise))
        case Print(message=message, write=write):
            return partial(_print, message, write)
        case _:
            assert_never(op)


def _with_params(function: Kernel, params: tuple[Any, ...], *arrays: Array) -> Any:
    return function(*arrays, *params)


def _add(signs: tuple[int, ...]) -> Kernel:
    match signs:
        case (1, 1):
            return np.add
        case (1, -1):
            return np.subtract
        case (-1,):
            return np.negative
        case (-1, 1):
            return lambda x, y: np.subtract(y, x)

    def run(*arrays: Array) -> Array:
        # np.negative of an array without axes is a NumPy scalar, which takes no result.
        total = arrays[0].copy() if signs[0] > 0 else np.asarray(np.negative(arrays[0]))
        for sign, array in zip(signs[1:], arrays[1:], strict=True):
            (np.add if sign > 0 else np.subtract)(total, array, out=total)
        return total

    return run


def _select(node: Node) -> Kernel:
    """np.where, or for a large choice between numbers and zero, a mask of bits: 8 times as fast."""
    _, chosen, otherwise = (n.op for n in node.inputs)
    if math.prod(node.shape) < _MANY or not node.dtype.is_float:
        return np.where
    bits = np.dtype(f"i{node.dtype.bits // 8}")
    if _is_zero(otherwise):
        return lambda mask, x, _: _masked(mask, x, bits)
    if _is_zero(chosen):
        return lambda mask, _, x: _masked(~mask, x, bits)
    return np.where


def _is_zero(op: Primitive) -> bool:
    return isinstance(op, Fill) and op.value == 0 and math.copysign(1, op.value) > 0


_MANY = 4096


def _masked(mask: Array, x: Array, bits: np.dtype) -> Array:
    """x where the mask holds, else +0, also where x is NaN or infinite."""
    kept = mask.view(np.int8).astype(bits, order="C")  # a broadcast mask would turn the axes
    np.negative(kept, out=kept)
    np.bitwise_and(kept, x.view(bits), out=kept)
    return kept.view(x.dtype)


def _reduce(kind: ReduceKind, axes: tuple[int, ...]) -> Kernel:
    match kind:
        case "max":
            return lambda x: reduce_windows(np.maximum, x, axes)
        case "min":
            return lambda x: reduce_windows(np.minimum, x, axes)
        case "prod":
            return lambda x: np.prod(x, axis=axes, dtype=x.dtype)
        case "any":
            return lambda x: np.any(x, axis=axes)
        case "all":
            return lambda x: np.all(x, axis=axes)
        case "argmax":
            return lambda x: np.argmax(x, axis=axes[0])
        case "argmin":
            return lambda x: np.argmin(x, axis=axes[0])
        case _:
            assert_never(kind)


def _gather(array: Array, *indices: Array) -> Array:
    _check_indices(array.shape, indices)
    return array.take(indices[0], axis=0, mode="clip") if len(indices) == 1 else array[indices]


def _scatter(shape: tuple[int, ...], updates: Array, *indices: Array) -> Array:
    _check_indices(shape, indices)
    target = np.zeros(shape, updates.dtype)
    np.add.at(target, indices, updates)
    return target


def _check_indices(shape: tuple[int, ...], indices: Sequence[Array]) -> None:
    for axis, index in enumerate(indices):
        if index.size and not (index.min() >= 0 and index.max() < shape[axis]):
            wrong = index[(index < 0) | (index >= shape[axis])].flat[0]
            raise IndexingError(
                f"index {wrong} is out of bounds for axis {axis} of size {shape[axis]}"
            )


def _print(message: str, write: Callable[[str], None], first: Array, *others: Array) -> Array:
    write(message.format(*others))
    return first


def _cond(then: Kernel, otherwise: Kernel) -> Kernel:
    return lambda predicate, *arrays: (then if predicate else otherwise)(*arrays)


def _loop(op: Loop, needed: frozenset[int], body: Kernel) -> Kernel:
    first_history = op.carries + op.slices
    keep_history = any(i >= first_history for i in needed)

    def run(*arrays: Array) -> list[Array]:
        constants = arrays[: op.constants]
        carries = list(arrays[op.constants : op.constants + op.carries])
        stacked = arrays[op.constants + op.carries :]
        outputs: list[list[Array]] = [[] for _ in range(op.slices)]
        history: list[list[Array]] = [[] for _ in range(op.carries)]
        steps = range(op.length)
        for t in reversed(steps) if op.reverse else steps:
            if keep_history:
                for kept, carry in zip(history, carries, strict=True):
                    kept.append(carry)
            results = body(*constants, *carries, *[s[t] for s in stacked])
            carries = list(results[: op.carries])
            for made, result in zip(outputs, results[op.carries :], strict=True):
                made.append(result)
        if op.reverse:
            outputs = [made[::-1] for made in outputs]
            history = [kept[::-1] for kept in history]
        types = [n.type for n in op.body.outputs]
        slices = [
            np.stack(made) if made else np.empty((0, *t.shape), t.dtype.numpy)
            for made, t in zip(outputs, types[op.carries :], strict=True)
        ]
        saved = [
            np.stack(kept) if kept else np.empty((op.length, *t.shape), t.dtype.numpy)
            for kept, t in zip(history, types, strict=False)
        ]
        return [*carries, *slices, *saved]

    return run


class Step(NamedTuple):
    """One kernel of a program: what it reads, where it writes, overwrites (or −1), and frees."""

    run: Kernel
    read: Callable[[list[Any]], Sequence[Array]]
    target: int
    over: int
    frees: tuple[int, ...]


class Program:
    """A graph made ready to run: one kernel after another, each value freed after its last use."""

    def __init__(self, graph: Graph) -> None:
        nodes = graph.nodes()
        place = {node: k for k, node in enumerate(nodes)}
        given = set(graph.inputs)
        for node in graph.inputs:
            place.setdefault(node, len(place))
        self.size = len(place)
        self.inputs = [place[n] for n in graph.inputs]
        self.outputs = [place[n] for n in graph.outputs]
        needed = read_results(nodes)
        users: dict[Node, list[Node]] = {}
        for node in nodes:
            for operand in () if node in given else node.inputs:
                users.setdefault(operand, []).append(node)
        last = {operand: found[-1] for operand, found in users.items()}
        keep = set(graph.outputs) | given
        self.constants: list[tuple[int, Any]] = []
        self.steps: list[Step] = []
        computed = [n for n in nodes if n not in given]
        kernels: dict[Node, Any] = {n: kernel(n, needed.get(n, frozenset())) for n in computed}
        for node in left_to_broadcasting(kernels, users, keep):
            kernels[node] = kernels[node].read
        for node, run in kernels.items():
            if not node.inputs and not isinstance(node.op, Input):
                self.constants.append((place[node], quietly(run)))
                continue
            frees = tuple(
                place[i] for i in dict.fromkeys(node.inputs)
                if last[i] is node and i not in keep and i.inputs
            )  # fmt: skip
            over = overwritten(node, run, last, users, keep)
            read = _reader([place[i] for i in node.inputs])
            self.steps.append(Step(run, read, place[node], place[over] if over else -1, frees))

    def __call__(self, *arrays: Array) -> list[Array]:
        """Compute the outputs for these inputs; NumPy gives no warnings."""
        return quietly(self._run, *arrays)

    def _run(self, *arrays: Array) -> list[Array]:
        values: list[Any] = [None] * self.size
        for k, array in zip(self.inputs, arrays, strict=True):
            values[k] = array
        for k, value in self.constants:
            values[k] = value
        for run, read, target, over, frees in self.steps:
            result = run(*read(values)) if over < 0 else run(*read(values), out=values[over])
            values[target] = result if type(result) in _VALUES else np.asarray(result)
            for k in frees:
                values[k] = None
        return [values[k] for k in self.outputs]


def _reader(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Array]]:
    """What picks the operands of a step from all values; a list of them takes twice as long."""
    if len(places) > 1:
        return itemgetter(*places)
    first = places[0] if places else 0
    return itemgetter(slice(first, first + len(places)))


_programs: WeakKeyDictionary[Graph, Program] = WeakKeyDictionary()


def program(graph: Graph) -> Program:
    """The program of a graph, made once: bodies of Blocks and Loops are shared by many nodes."""
    found = _programs.get(graph)
    if found is None:
        found = _programs[graph] = Program(graph)
    return found


_VALUES = frozenset({np.ndarray, list, tuple})


def evaluate(
    outputs: Sequence[Node], values: dict[Node, Any], *, release: bool = False
) -> list[Array]:
    """Compute nodes that have values, reading from and adding to a table of known values.

    Only nodes that lead to an output and are not known yet are computed. With ``release`` a value
    that was computed here is let go after its last use.
    """
    missing = [n for n in outputs if n not in values]
    if missing:
        quietly(_evaluate, missing, values, frozenset(outputs) if release else None)
    return [values[n] for n in outputs]


def _evaluate(
    missing: Sequence[Node], values: dict[Node, Any], keep: frozenset[Node] | None
) -> None:
    nodes, needed = _unknown(missing, values)
    last = {} if keep is None else {i: node for node in nodes for i in node.inputs}
    for node in nodes:
        inputs = node.inputs
        run = kernel(node, needed.get(node, frozenset()))
        result = run(*[values[i] for i in inputs])
        values[node] = result if type(result) in _VALUES else np.asarray(result)
        if keep is not None:
            for operand in [i for i in inputs if last[i] is node and i not in keep]:
                values.pop(operand, None)
    for node in needed:  # a later reader may need results that were left out this time
        if isinstance(node.op, Loop):
            values.pop(node, None)


def _unknown(
    outputs: Sequence[Node], values: dict[Node, Any]
) -> tuple[list[Node], dict[Node, frozenset[int]]]:
    """The nodes to compute, in order, and which results of their bundles are read."""
    seen: set[Node] = set()
    read: dict[Node, frozenset[int]] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen or node in values:
            continue
        seen.add(node)
        op = node.op
        if isinstance(op, Project):
            read[node.inputs[0]] = read.get(node.inputs[0], frozenset()) | {op.index}
        elif isinstance(op, Input) and not node.inputs:
            raise RecordingError("a value that depends on an unknown input was asked for")
        stack += node.inputs
    return sorted(seen, key=_serial), read


def _serial(node: Node) -> int:
    return node.serial
