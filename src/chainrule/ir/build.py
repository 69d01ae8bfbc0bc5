"""Constructors of nodes: each checks, infers and makes one node (or none if nothing changes).

The derivative rules are written with these. They take nodes whose shapes and dtypes already fit;
promotion and broadcasting by NumPy's rules happen where a user's values come in.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np

from chainrule.errors import ShapeError
from chainrule.ir.dtype import BUNDLE, DType, bool_, from_numpy, int64
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Axis,
    Block,
    BlockTangent,
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
    Print,
    Project,
    Random,
    Reduce,
    ReduceKind,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    Shape,
    Type,
    View,
)  # fmt: skip
from chainrule.ir.routine import ROUTINES
from chainrule.ir.scalar import SCALARS
from chainrule.ir.subscripts import Labels, canonical

# ---------------------------------------------------------------- sources


def parameter(shape: Shape, dtype: DType, name: str | None = None) -> Node:
    """An input whose value is not known."""
    return Node(Input(name), (), shape, dtype)


def alias(node: Node) -> Node:
    """A fresh name for a value, to differentiate with respect to."""
    return Node(Input(), (node,), node.shape, node.dtype)


def data(value: np.ndarray) -> Node:
    """A constant array; the caller promises not to change it."""
    return Node(Data(value), (), value.shape, from_numpy(value.dtype))


def fill(value: float | int | bool, shape: Shape, dtype: DType) -> Node:
    """One number everywhere."""
    kind = float if dtype.is_float else (bool if dtype is bool_ else int)
    return Node(Fill(kind(value), shape, dtype), (), shape, dtype)


def zeros_like(node: Node) -> Node:
    """Zeros of a node's shape and dtype."""
    return fill(0, node.shape, node.dtype)


def iota(size: int, dtype: DType = int64) -> Node:
    """0, 1, …, size − 1."""
    return Node(Iota(size, dtype), (), (size,), dtype)


def delta(size: int, dtype: DType) -> Node:
    """The identity matrix."""
    return Node(Delta(size, dtype), (), (size, size), dtype)


def random(
    key: Node, counter: Node, shape: Shape, dtype: DType, skipped: Node | None = None
) -> Node:
    """Random bits for keys (..., 2) and counters (...), after so many blocks of four words."""
    operands = (key, counter) if skipped is None else (key, counter, skipped)
    return Node(Random(shape, dtype), operands, key.shape[:-1] + shape, dtype)


# ---------------------------------------------------------------- pointwise

_MAPS: Final = {name: Map(record) for name, record in SCALARS.items()}
_SIGNS: Final[dict[tuple[int, ...], Add]] = {s: Add(s) for s in ((1, 1), (1, -1), (-1,))}
_SELECT: Final = Select()


def apply(name: str, *operands: Node, params: tuple[Any, ...] = ()) -> Node:
    """A scalar function of the table on operands of one shape and dtype."""
    op = Map(SCALARS[name], params) if params or name not in _MAPS else _MAPS[name]
    first = operands[0]
    return Node(op, operands, first.shape, op.record.result(first.dtype, params))


def cast(node: Node, dtype: DType) -> Node:
    """The same numbers in another scalar type."""
    return node if node.dtype is dtype else apply("cast", node, params=(dtype,))


def select(mask: Node, chosen: Node, otherwise: Node) -> Node:
    """``chosen`` where the mask holds, else ``otherwise``."""
    return Node(_SELECT, (mask, chosen, otherwise), chosen.shape, chosen.dtype)


def add(operands: Sequence[Node], signs: tuple[int, ...] | None = None) -> Node:
    """A signed sum."""
    if signs is None:
        if len(operands) == 1:
            return operands[0]
        signs = (1,) * len(operands)
    op = _SIGNS.get(signs) or Add(signs)
    first = operands[0]
    return Node(op, tuple(operands), first.shape, first.dtype)


def subtract(left: Node, right: Node) -> Node:
    """left − right."""
    return add((left, right), (1, -1))


def negative(node: Node) -> Node:
    """−node."""
    return add((node,), (-1,))


# ---------------------------------------------------------------- contraction


@lru_cache(maxsize=65536)
def _einsum_op(inputs: tuple[Labels, ...], output: Labels) -> Einsum:
    return Einsum(canonical(inputs, output))


def einsum(operands: Sequence[Node], inputs: tuple[Labels, ...], output: Labels) -> Node:
    """A contraction; labels are any integers. Output labels that no operand has are an error."""
    sizes: dict[int, int] = {}
    for operand, labels in zip(operands, inputs, strict=True):
        for label, size in zip(labels, operand.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise ShapeError(f"einsum: an axis has two sizes, {sizes[label]} and {size}")
    shape = tuple(sizes[label] for label in output)
    return Node(_einsum_op(inputs, output), tuple(operands), shape, operands[0].dtype)


def multiply(left: Node, right: Node) -> Node:
    """The elementwise product of two nodes of one shape."""
    labels = tuple(range(len(left.shape)))
    return Node(_einsum_op((labels, labels), labels), (left, right), left.shape, left.dtype)


def scale(node: Node, factor: float) -> Node:
    """A number times a node."""
    labels = tuple(range(node.ndim))
    return einsum((fill(factor, (), node.dtype), node), ((), labels), labels)


def sum_(node: Node, axes: tuple[int, ...]) -> Node:
    """The sum over these axes, which vanish."""
    if not axes:
        return node
    labels = tuple(range(node.ndim))
    return einsum((node,), (labels,), tuple(a for a in labels if a not in axes))


def matmul(left: Node, right: Node) -> Node:
    """The product of stacks of matrices with the same batch axes."""
    batch = tuple(range(left.ndim - 2))
    i, j, k = len(batch), len(batch) + 1, len(batch) + 2
    return einsum((left, right), ((*batch, i, k), (*batch, k, j)), (*batch, i, j))


_REDUCED_DTYPES: Final = {"any": bool_, "all": bool_, "argmax": int64, "argmin": int64}


def reduce(kind: ReduceKind, node: Node, axes: tuple[int, ...]) -> Node:
    """A reduction other than a sum over these axes, which vanish."""
    shape = tuple(n for a, n in enumerate(node.shape) if a not in axes)
    return Node(Reduce(kind, axes), (node,), shape, _REDUCED_DTYPES.get(kind, node.dtype))


# ---------------------------------------------------------------- layout


def reshape(node: Node, shape: Shape) -> Node:
    """The same elements under another shape."""
    if shape == node.shape:
        return node
    if math.prod(shape) != math.prod(node.shape):
        raise ShapeError(
            f"reshape: {list(node.shape)} has another number of elements than {list(shape)}"
        )
    return Node(Reshape(shape), (node,), shape, node.dtype)


@lru_cache(maxsize=65536)
def _view_op(shape: Shape, axes: tuple[Axis, ...]) -> View:
    return View(shape, axes)


def view(node: Node, shape: Shape, axes: tuple[Axis, ...]) -> Node:
    """An affine index map; see View."""
    if shape == node.shape and all(a == (0, ((k, 1),)) for k, a in enumerate(axes)):
        return node
    return Node(_view_op(shape, axes), (node,), shape, node.dtype)


def transpose(node: Node, order: Sequence[int]) -> Node:
    """Axes in another order: axis k of the result is axis order[k] of the node."""
    place = {source: target for target, source in enumerate(order)}
    axes = tuple(Axis(0, ((place[a], 1),)) for a in range(node.ndim))
    return view(node, tuple(node.shape[a] for a in order), axes)


def swap_last(node: Node) -> Node:
    """The transposed matrices of a stack."""
    return transpose(node, (*range(node.ndim - 2), node.ndim - 1, node.ndim - 2))


def broadcast(node: Node, shape: Shape) -> Node:
    """Repeat along new leading axes and axes of size 1, as NumPy does."""
    if shape == node.shape:
        return node
    if isinstance(node.op, Fill):
        return fill(node.op.value, shape, node.dtype)
    lead = len(shape) - node.ndim
    axes = tuple(
        Axis(0, ((lead + a, 1),)) if n == shape[lead + a] else Axis(0, ())
        for a, n in enumerate(node.shape)
    )
    return view(node, shape, axes)


def expand(node: Node, shape: Shape, kept: Sequence[int]) -> Node:
    """Repeat along new axes: axis a of the node becomes axis kept[a] of the result."""
    return view(node, shape, tuple(Axis(0, ((k, 1),)) for k in kept))


def slice_axis(node: Node, axis: int, start: int, size: int, step: int = 1) -> Node:
    """``size`` elements from ``start`` on along an axis, by this step; zeros outside the node."""
    axes = tuple(
        Axis(start, ((axis, step),)) if a == axis else Axis(0, ((a, 1),)) for a in range(node.ndim)
    )
    return view(node, (*node.shape[:axis], size, *node.shape[axis + 1 :]), axes)


def flip(node: Node, axis: int) -> Node:
    """The reverse order along an axis."""
    return slice_axis(node, axis, node.shape[axis] - 1, node.shape[axis], -1)


def accumulate(node: Node, of: View, shape: Shape) -> Node:
    """The transpose of a View whose operand has this shape."""
    return Node(Accumulate(of, shape), (node,), shape, node.dtype)


def join(nodes: Sequence[Node], axis: int) -> Node:
    """Nodes one after another along an axis."""
    if len(nodes) == 1:
        return nodes[0]
    size = sum(n.shape[axis] for n in nodes)
    shape = (*nodes[0].shape[:axis], size, *nodes[0].shape[axis + 1 :])
    return Node(Join(axis), tuple(nodes), shape, nodes[0].dtype)


# ---------------------------------------------------------------- indices

_GATHER: Final = Gather()


def gather(node: Node, indices: Sequence[Node]) -> Node:
    """Read the leading axes at integer nodes of one shape."""
    shape = indices[0].shape + node.shape[len(indices) :]
    return Node(_GATHER, (node, *indices), shape, node.dtype)


def scatter(updates: Node, indices: Sequence[Node], shape: Shape) -> Node:
    """Add updates into zeros of this shape."""
    return Node(Scatter(shape), (updates, *indices), shape, updates.dtype)


# ---------------------------------------------------------------- library and structure


def project(bundle: Node, index: int, type_: Type) -> Node:
    """One result of a bundle."""
    return Node(Project(index), (bundle,), type_.shape, type_.dtype)


def _bundle(op: Any, operands: Sequence[Node], types: Sequence[Type]) -> list[Node]:
    node = Node(op, tuple(operands), (), BUNDLE)
    return [project(node, i, t) for i, t in enumerate(types)]


def routine(name: str, *operands: Node, params: tuple[Any, ...] = ()) -> list[Node]:
    """The results of a library routine."""
    record = ROUTINES[name]
    types = record.types(tuple(n.type for n in operands), params)
    return _bundle(RoutineCall(record, params), operands, types)


def block(
    name: str,
    body: Graph,
    operands: Sequence[Node],
    tangent: BlockTangent | None = None,
    barrier: bool = False,
) -> list[Node]:
    """The results of a named body."""
    op = Block(name, body, tangent, barrier)
    return _bundle(op, operands, [n.type for n in body.outputs])


def loop_types(op: Loop) -> list[Type]:
    """The types of a Loop's results: final carries, stacked slices, histories of the carries."""
    outputs = [n.type for n in op.body.outputs]
    carries, slices = outputs[: op.carries], outputs[op.carries :]
    stack = [Type((op.length, *t.shape), t.dtype) for t in (*slices, *carries)]
    return [*carries, *stack]


def loop(
    body: Graph,
    constants: Sequence[Node],
    carries: Sequence[Node],
    slices: Sequence[Node],
    length: int,
    reverse: bool = False,
) -> list[Node]:
    """The final carries, the stacked slices and the histories of the carries of a scan."""
    op = Loop(body, len(constants), len(carries), length, reverse)
    return _bundle(op, (*constants, *carries, *slices), loop_types(op))


def cond(predicate: Node, then: Graph, otherwise: Graph, operands: Sequence[Node]) -> list[Node]:
    """The results of one of two bodies."""
    return _bundle(Cond(then, otherwise), (predicate, *operands), [n.type for n in then.outputs])


def print_(message: str, first: Node, others: Sequence[Node] = ()) -> Node:
    """The first operand; the message is written when it is computed."""
    return Node(Print(message), (first, *others), first.shape, first.dtype)
