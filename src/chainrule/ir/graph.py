"""Nodes and graphs.

A node applies a primitive to earlier nodes. Nodes are never changed after they are made, equal
only to themselves, and numbered in the order in which they were made: an operand always has a
smaller serial number than its user, so sorting by serial number is a topological order and a bound
on the serial number bounds every walk. Nothing here recurses, so depth is limited by memory only.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from chainrule.ir.dtype import DType
from chainrule.ir.primitives import (
    Block,
    Cond,
    Data,
    Delta,
    Fill,
    Input,
    Iota,
    Loop,
    Primitive,
    Project,
    Shape,
    Type,
)
from chainrule.ir.record import Record

_serial: Final = itertools.count()


class Node:
    """One application of a primitive. Immutable by convention; identity is equality."""

    __slots__ = ("__weakref__", "dtype", "inputs", "op", "serial", "shape")

    def __init__(self, op: Primitive, inputs: tuple[Node, ...], shape: Shape, dtype: DType) -> None:
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.dtype = dtype
        self.serial = next(_serial)

    @property
    def type(self) -> Type:
        """The shape and dtype of the value."""
        return Type(self.shape, self.dtype)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """The memory that the value takes."""
        return math.prod(self.shape) * self.dtype.numpy.itemsize

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"%{self.serial}:{self.dtype.short}[{shape}]"


class Graph(Record, identity=True):
    """A closed program: any nodes may stand as formal inputs; walks from the outputs stop there."""

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]

    def nodes(self) -> list[Node]:
        """All nodes that the outputs need, formal inputs included, in topological order."""
        return ancestors(self.outputs, stop=self.inputs)


def mark() -> int:
    """A serial number larger than that of every node made so far and smaller than later ones."""
    return next(_serial)


def ancestors(outputs: Iterable[Node], stop: Iterable[Node] = (), since: int = -1) -> list[Node]:
    """All nodes that the outputs need, in topological order.

    The walk includes the ``stop`` nodes but does not go past them, and leaves out nodes with
    a serial number below ``since``.
    """
    seen: set[Node] = set()
    closed = set(stop)
    stack = [n for n in outputs if n.serial >= since]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node not in closed:
            stack.extend(i for i in node.inputs if i.serial >= since and i not in seen)
    return sorted(seen, key=_by_serial)


def _by_serial(node: Node) -> int:
    return node.serial


def dependents(outputs: Iterable[Node], inputs: Sequence[Node]) -> tuple[list[Node], set[Node]]:
    """The nodes on a path from an input to an output: in topological order, and as a set."""
    if not inputs:
        return [], set()
    since = min(n.serial for n in inputs)
    found = set(inputs)
    order: list[Node] = []
    for node in ancestors(outputs, since=since):
        if node in found or not found.isdisjoint(node.inputs):
            found.add(node)
            order.append(node)
    return order, found


def is_constant(node: Node) -> bool:
    """Whether the node is a source whose value is known from itself alone."""
    return isinstance(node.op, Data | Fill | Iota | Delta)


def frontier(outputs: Iterable[Node], inputs: Sequence[Node], since: int) -> list[Node]:
    """The nodes from outside that a body made since ``since`` reads: its closure, in order.

    Constants are not listed; they may stand in any body.
    """
    closed = set(inputs)
    free: dict[Node, None] = {}
    seen: set[Node] = set(inputs)
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if is_constant(node):
            continue
        if node not in closed and _comes_from_outside(node, since):
            free[node] = None
        else:
            stack.extend(node.inputs)
    return sorted(free, key=_by_serial)


def _comes_from_outside(node: Node, since: int) -> bool:
    """Whether a node made since then only names a value from before, or is from before itself.

    A result of an outer bundle is such a name; the bundle itself is no value to hand in.
    """
    if isinstance(node.op, Project):
        return node.inputs[0].serial < since
    return node.serial < since or (isinstance(node.op, Input) and not node.inputs)


def substitute(outputs: Sequence[Node], replacement: Mapping[Node, Node]) -> list[Node]:
    """Rebuild the outputs with some nodes replaced; what does not depend on them stays itself."""
    if not replacement:
        return list(outputs)
    since = min(n.serial for n in replacement)
    done: dict[Node, Node] = dict(replacement)
    for node in ancestors(outputs, stop=replacement, since=since):
        if node in done:
            continue
        inputs = tuple(done.get(i, i) for i in node.inputs)
        changed = any(a is not b for a, b in zip(inputs, node.inputs, strict=True))
        done[node] = with_inputs(node, inputs) if changed else node
    return [done.get(n, n) for n in outputs]


def with_inputs(node: Node, inputs: tuple[Node, ...]) -> Node:
    """The same primitive on other operands of the same types."""
    return Node(node.op, inputs, node.shape, node.dtype)


def bodies(op: Primitive) -> tuple[Graph, ...]:
    """The graphs inside a structural primitive."""
    match op:
        case Block(body=body) | Loop(body=body):
            return (body,)
        case Cond(then=then, otherwise=otherwise):
            return (then, otherwise)
        case _:
            return ()


def size(graph: Graph) -> int:
    """How many nodes a graph has; those of a body count once, however often it stands there."""
    seen = {graph}
    stack, total = [graph], 0
    while stack:
        nodes = stack.pop().nodes()
        total += len(nodes)
        for body in (body for node in nodes for body in bodies(node.op)):
            if body not in seen:
                seen.add(body)
                stack.append(body)
    return total


def read_results(nodes: Iterable[Node]) -> dict[Node, frozenset[int]]:
    """Which results of each bundle are read."""
    read: dict[Node, set[int]] = {}
    for node in nodes:
        if isinstance(node.op, Project):
            read.setdefault(node.inputs[0], set()).add(node.op.index)
    return {bundle: frozenset(indices) for bundle, indices in read.items()}
