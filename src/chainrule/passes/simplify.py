"""Simplify: local algebra that leaves every value the same (up to rounding) and never costs more.

Sums: nested signed sums become one, zeros go. Products: ones go, numbers gather into one (a zero
stays a factor: 0·∞ is not 0); a transpose or a repetition that feeds a product becomes a matter of
its labels.
Layout: a view of a view is one view; views and reshapes of a constant number are that number.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from chainrule.ir import build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Add,
    Axis,
    Einsum,
    Fill,
    Map,
    Reshape,
    Select,
    View,
)  # fmt: skip
from chainrule.ir.symmetry import permutes
from chainrule.passes.rewrite import rewrite, with_bodies


def simplify(graph: Graph) -> Graph:
    """Give an equal graph with less to do."""
    uses = Counter(i for n in graph.nodes() for i in n.inputs)
    uses.update(graph.outputs)
    single: set[Node] = set()

    def rule(node: Node, old: Node) -> Node:
        result = _simplify(with_bodies(node, simplify), single)
        if uses[old] == 1:
            single.add(result)
        return result

    return rewrite(graph, rule)


def _simplify(node: Node, single: set[Node]) -> Node:
    match node.op:
        case Add():
            return _add(node, node.op, single)
        case Einsum():
            return _reordered(_einsum(node, node.op, single), single)
        case View():
            return _view(node, node.op)
        case Reshape():
            return _reshape(node)
        case Select():
            return _select(node)
        case Map():
            return _map(node)
        case _:
            return node


def number(node: Node) -> float | int | bool | None:
    """The number that a node holds everywhere, if it does."""
    return node.op.value if isinstance(node.op, Fill) else None


# ---------------------------------------------------------------- sums


def _add(node: Node, op: Add, single: set[Node]) -> Node:
    operands: list[Node] = []
    signs: list[int] = []
    for sign, operand in zip(op.signs, node.inputs, strict=True):
        if isinstance(operand.op, Add) and operand in single:
            operands += operand.inputs
            signs += [sign * s for s in operand.op.signs]
        elif not _adds_nothing(operand, sign):
            operands.append(operand)
            signs.append(sign)
    if not operands:
        return build.zeros_like(node)
    operands, signs = _doubled(operands, signs)
    if len(operands) == 1 and signs[0] > 0:
        return operands[0]
    if tuple(operands) == node.inputs:
        return node
    return build.add(operands, tuple(signs))


def _doubled(operands: list[Node], signs: list[int]) -> tuple[list[Node], list[int]]:
    """Write a + a as 2a, which is the same number; it may be multiplied on the way, or later."""
    counts = Counter(zip(operands, signs, strict=True))
    twice = {term for term, count in counts.items() if count == 2 and term[0].dtype.is_float}
    if not twice:
        return operands, signs
    made: dict[object, tuple[Node, int]] = {}
    for place, term in enumerate(zip(operands, signs, strict=True)):
        if term in twice:
            made.setdefault(term, (_two_times(term[0]), term[1]))
        else:
            made[place] = term
    nodes, kept = zip(*made.values(), strict=True)
    return list(nodes), list(kept)


def _two_times(operand: Node) -> Node:
    labels = tuple(range(operand.ndim))
    return build.einsum((build.fill(2, (), operand.dtype), operand), ((), labels), labels)


def _adds_nothing(operand: Node, sign: int) -> bool:
    """Whether the term is a zero that changes no number: −0 + 0 is 0, but −0 − 0 is −0."""
    value = number(operand)
    if value != 0 or value is None:
        return False
    return not operand.dtype.is_float or sign * math.copysign(1, value) < 0


# ---------------------------------------------------------------- products

Factor = tuple[Node, tuple[int, ...]]


def _einsum(node: Node, op: Einsum, single: set[Node]) -> Node:
    output = op.subscripts.output
    numbers: list[float] = []
    factors: list[Factor] = []
    sizes: dict[int, int] = {}
    for operand, labels in zip(node.inputs, op.subscripts.inputs, strict=True):
        sizes.update(zip(labels, operand.shape, strict=True))
        value = number(operand)
        if value is not None and (node.dtype.is_float or value == 1):
            numbers.append(value)
        else:
            inside, rest = _unscaled(operand, single)
            numbers.append(inside)
            factors.append(_absorb(rest, labels))
    scale = math.prod(numbers)
    if not factors:
        summed = [n for label, n in sizes.items() if label not in output]
        return build.fill(scale * math.prod(summed), node.shape, node.dtype)
    known = {label for _, labels in factors for label in labels}
    if not all(label in known for label in output):
        return node  # a repetition: cheaper as the View that feeds it
    lost = [n for label, n in sizes.items() if label not in known]
    if lost and not node.dtype.is_float:
        return node  # integers wrap around, numbers do not
    numbers.append(math.prod(lost))
    if not _fits(numbers, node):
        return node
    scale = math.prod(numbers)
    if scale != 1:
        factors.insert(0, (build.fill(scale, (), node.dtype), ()))
    if len(factors) == 1 and factors[0][1] == output:
        return factors[0][0]
    same = [f for f, _ in factors] == list(node.inputs)
    if same and tuple(s for _, s in factors) == op.subscripts.inputs:
        return node
    return build.einsum([f for f, _ in factors], tuple(s for _, s in factors), output)


def _fits(numbers: list[float], node: Node) -> bool:
    """Whether their product neither overflows nor loses digits where they one by one would not."""
    if not node.dtype.is_float or 0 in numbers:
        return True
    limits = np.finfo(node.dtype.numpy)
    return float(limits.tiny) <= abs(math.prod(numbers)) <= float(limits.max)


def _unscaled(operand: Node, single: set[Node]) -> tuple[float, Node]:
    """Take the numbers out of a product that only this product reads."""
    op = operand.op
    if not isinstance(op, Einsum) or operand not in single or not operand.dtype.is_float:
        return 1, operand
    pairs = list(zip(operand.inputs, op.subscripts.inputs, strict=True))
    rest = [(n, s) for n, s in pairs if s or number(n) is None]
    if not rest or len(rest) == len(pairs):
        return 1, operand
    scale = math.prod(number(n) or 0 for n, s in pairs if not s and number(n) is not None)
    output = op.subscripts.output
    if len(rest) == 1 and rest[0][1] == output:
        return scale, rest[0][0]
    return scale, build.einsum([n for n, _ in rest], tuple(s for _, s in rest), output)


def _absorb(operand: Node, labels: tuple[int, ...]) -> Factor:
    """Read through a transpose or a repetition: it only permutes or drops labels."""
    while True:
        op = operand.op
        if isinstance(op, View) and permutes(op, operand.inputs[0]):
            labels = tuple(labels[axis.terms[0][0]] for axis in op.axes)
        elif _is_transpose(operand):
            assert isinstance(op, Einsum)
            (own,) = op.subscripts.inputs
            labels = tuple(labels[op.subscripts.output.index(label)] for label in own)
        else:
            return operand, labels
        operand = operand.inputs[0]


def _is_transpose(node: Node) -> bool:
    """Whether a contraction of one operand sums nothing: it only permutes axes."""
    return (
        isinstance(node.op, Einsum)
        and len(node.inputs) == 1
        and len(set(node.op.subscripts.inputs[0])) == node.ndim == node.inputs[0].ndim
    )


def _reordered(node: Node, single: set[Node]) -> Node:
    """A transposed product is the product with its output labels transposed."""
    if not _is_transpose(node):
        return node
    product = node.inputs[0]
    if not (isinstance(product.op, Einsum) and product in single and len(product.inputs) > 1):
        return node
    assert isinstance(node.op, Einsum)
    (own,) = node.op.subscripts.inputs
    inner = product.op.subscripts
    order = [own.index(label) for label in node.op.subscripts.output]
    output = tuple(inner.output[k] for k in order)
    return build.einsum(product.inputs, inner.inputs, output)


# ---------------------------------------------------------------- layout


def _view(node: Node, op: View) -> Node:
    operand = node.inputs[0]
    value = number(operand)
    if value is not None and (value == 0 or _inside(op, operand.shape)):
        return build.fill(value, op.shape, node.dtype)
    inner = operand.op
    if isinstance(inner, View) and _inside(op, operand.shape):
        axes = tuple(_compose(axis, op) for axis in inner.axes)
        return build.view(operand.inputs[0], op.shape, axes)
    return build.view(operand, op.shape, op.axes)


def _inside(view: View, shape: tuple[int, ...]) -> bool:
    """Whether the view never reads outside of its operand."""
    for axis, size in zip(view.axes, shape, strict=True):
        reach = [step * (view.shape[o] - 1) for o, step in axis.terms]
        least = axis.offset + sum(r for r in reach if r < 0)
        most = axis.offset + sum(r for r in reach if r > 0)
        if least < 0 or most >= size:
            return False
    return True


def _compose(axis: Axis, outer: View) -> Axis:
    """Where the outer view reads an axis of the inner view's operand."""
    offset = axis.offset
    steps: dict[int, int] = {}
    for middle, step in axis.terms:
        offset += step * outer.axes[middle].offset
        for o, s in outer.axes[middle].terms:
            steps[o] = steps.get(o, 0) + step * s
    return Axis(offset, tuple(sorted((o, s) for o, s in steps.items() if s)))


def _reshape(node: Node) -> Node:
    operand = node.inputs[0]
    value = number(operand)
    if value is not None:
        return build.fill(value, node.shape, node.dtype)
    while isinstance(operand.op, Reshape):
        operand = operand.inputs[0]
    return build.reshape(operand, node.shape)


# ---------------------------------------------------------------- pointwise


def _select(node: Node) -> Node:
    mask, chosen, otherwise = node.inputs
    value = number(mask)
    if value is not None:
        return chosen if value else otherwise
    both = number(chosen)
    same = chosen is otherwise or (
        both is not None and both == number(otherwise) and _sign(both) == _sign(number(otherwise))
    )
    return chosen if same else node


def _sign(value: Any) -> float:
    return math.copysign(1, value)


def _map(node: Node) -> Node:
    op = node.op
    assert isinstance(op, Map)
    operand = node.inputs[0]
    if op.record.name == "cast":
        value = number(operand)
        if value is not None:
            return build.fill(value, node.shape, node.dtype)
        return build.cast(operand, node.dtype)
    if op.record.name == "divide" and number(node.inputs[1]) == 1:
        return operand
    return node
