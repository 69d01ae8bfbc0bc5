"""Symmetry: products of two that are symmetric since their factors are one matrix.

Xᵀ diag(s) X and A Aᵀ are what they are with rows and columns exchanged, so half of their elements
need computing. It is seen from the factors alone: those with axes of rows are, on the other side,
those with axes of columns; all others, a scale along what is summed, may be on either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final, NamedTuple

from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Add, Einsum, View
from chainrule.ir.subscripts import Labels

__all__ = ["Gram", "gram_of", "is_multiple", "is_symmetric", "permutes"]

_MOST: Final = 16  # factors that are looked at on each side
_AXES: Final = 5  # axes of rows that may be columns

Factor = tuple[Node, Labels]


class Gram(NamedTuple):
    """A symmetric product Bᵀ diag(s) B, or one for each of several s.

    base     the factors of B, with the labels of columns
    scales   those of s in the first operand, and in the second
    mirror   the label of a column for each label of a row
    """

    base: list[Factor]
    scales: tuple[list[Factor], list[Factor]]
    mirror: dict[int, int]


def is_symmetric(node: Node) -> bool:
    """Whether a product of two is sure to be symmetric: C[rows, columns] = C[columns, rows]."""
    return gram_of(node) is not None


def is_multiple(node: Node, other: Node) -> bool:
    """Whether a node is another one times a factor that lacks one of its axes; or several."""
    if not isinstance(node.op, Einsum) or len(node.inputs) != 2 or other not in node.inputs:
        return False
    place = node.inputs.index(other)
    inputs, output = node.op.subscripts.inputs, node.op.subscripts.output
    in_order = tuple(n for n in output if n in inputs[place]) == inputs[place]
    return in_order and not set(inputs[place]) <= set(inputs[1 - place])


def gram_of(node: Node) -> Gram | None:
    """What a product is made of, if it is symmetric."""
    op = node.op
    mirrors = list(_mirrors(node))
    if not mirrors or not isinstance(op, Einsum):
        return None
    inputs = op.subscripts.inputs
    sides = [_factors(n, labels) for n, labels in zip(node.inputs, inputs, strict=True)]
    shared = set(inputs[0]) & set(inputs[1])
    found = (_with_mirror(sides, shared, mirror) for mirror in mirrors)
    whole = (g for g in found if g is not None and {*op.subscripts.output} <= _labels(g))
    return next(whole, None)


def _labels(gram: Gram) -> set[int]:
    """The axes that a product has from its factors; it may be repeated along others."""
    named = {n for factors in (gram.base, *gram.scales) for _, own in factors for n in own}
    return named | {*gram.mirror}


def _with_mirror(
    sides: list[list[Factor]], shared: set[int], mirror: dict[int, int]
) -> Gram | None:
    """The same if these rows are these columns."""
    free = {*mirror, *mirror.values()}
    left, right = (
        [(n, tuple(mirror.get(i, i) for i in own)) for n, own in side if not free.isdisjoint(own)]
        for side in sides
    )
    if Counter(left) != Counter(right) or not shared <= {n for _, own in left for n in own}:
        return None
    first, second = ([f for f in side if free.isdisjoint(f[1])] for side in sides)
    return Gram(right, (first, second), mirror)


def _mirrors(node: Node) -> Iterator[dict[int, int]]:
    """Which column each axis of rows could be, in a result that is square in these axes.

    What one operand alone has beyond that counts products of one matrix with different scales.
    """
    op = node.op
    if not isinstance(op, Einsum) or len(node.inputs) != 2 or not node.dtype.is_float:
        return
    first, second = op.subscripts.inputs
    output = op.subscripts.output
    distinct = len(set(first)) == len(first) and len(set(second)) == len(second)
    is_product = set(first) ^ set(second) <= set(output) and not set(first).isdisjoint(second)
    if not distinct or not is_product or set(first) & set(second) <= set(output):
        return
    alone = [
        [n for n in output if n in a and n not in b] for a, b in ((first, second), (second, first))
    ]
    fewer, more = sorted(alone, key=len)
    size = dict(zip(output, node.shape, strict=True))
    if not fewer or len(more) > _AXES:
        return
    for chosen in combinations(more, len(fewer)):
        if [size[n] for n in chosen] == [size[n] for n in fewer]:
            rows, columns = sorted((fewer, list(chosen)), key=lambda side: output.index(side[0]))
            yield dict(zip(rows, columns, strict=True))


def _factors(node: Node, labels: Labels) -> list[Factor]:
    """A node as a product of factors without sums, as far as it is one."""
    found: list[Factor] = []
    stack = [(node, labels)]
    while stack:
        factor, own = stack.pop()
        op = factor.op
        if len(found) + len(stack) > _MOST:
            return [(node, labels)]
        if isinstance(op, Einsum) and _sums_nothing(op):
            names: Mapping[int, int] = dict(zip(op.subscripts.output, own, strict=True))
            stack += [
                (n, tuple(names[i] for i in side))
                for n, side in zip(factor.inputs, op.subscripts.inputs, strict=True)
            ]
        elif isinstance(op, Add) and op.signs == (-1,):
            stack += [(build.fill(-1, (), factor.dtype), ()), (factor.inputs[0], own)]
        elif isinstance(op, View) and permutes(op, factor.inputs[0]):
            stack.append((factor.inputs[0], tuple(own[axis.terms[0][0]] for axis in op.axes)))
        else:
            found.append((factor, own))
    return found


def _sums_nothing(op: Einsum) -> bool:
    sides = (*op.subscripts.inputs, op.subscripts.output)
    distinct = all(len(set(labels)) == len(labels) for labels in sides)
    return distinct and all(set(labels) <= set(op.subscripts.output) for labels in sides)


def permutes(view: View, operand: Node) -> bool:
    """Whether each axis of the operand appears whole and once in the result."""
    return all(
        axis.offset == 0
        and len(axis.terms) == 1
        and axis.terms[0][1] == 1
        and view.shape[axis.terms[0][0]] == size
        for axis, size in zip(view.axes, operand.shape, strict=True)
    ) and len({axis.terms[0][0] for axis in view.axes}) == len(view.axes)
