"""Elements: one element of a node as an expression of loop variables.

What is pointwise or only moves elements is written into the expression of whoever reads it; at a
*stored* node, whose array lies in memory, an expression ends in a Load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainrule.codegen.mathematics.scalars import is_native
from chainrule.codegen.statements.affine import Affine, flattened, known, unflattened, variable
from chainrule.codegen.statements.loops import (
    Add,
    Apply,
    Choose,
    Expression,
    Fetch,
    Guard,
    Inside,
    Load,
    Number,
    Position,
    Statement,
    Times,
)
from chainrule.ir import primitives as p
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.ir.scalar import SCALARS
from chainrule.ir.subscripts import Labels, Subscripts

__all__ = ["Elements", "Stored", "injective", "is_inline"]

Guards = tuple[Guard, ...]
Index = tuple[Affine, ...]


class Stored(Exception):  # noqa: N818 — a signal, not an error
    """A node cannot be written into an expression here: it has to lie in memory."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.node = node


def is_inline(node: Node) -> bool:
    """Whether a node can be written into the expressions of those who read it."""
    match node.op:
        case p.Map(record=record, params=params):
            return is_native(record, node.inputs[0].dtype, params)
        case p.Fill() | p.Iota() | p.Delta() | p.View() | p.Reshape() | p.Select() | p.Add():
            return True
        case p.Data(value=value):
            return value.size == 1
        case p.Einsum(subscripts=subscripts):
            return _sums_nothing(subscripts.inputs, subscripts.output)
        case p.Gather():
            return True
        case p.Scatter():
            return _marks(node) is not None
        case p.Accumulate(view=view):
            return injective(view)
        case p.Join():
            return True
        case _:
            return False


def _sums_nothing(inputs: Sequence[Labels], output: Labels) -> bool:
    return all(set(labels) <= set(output) for labels in inputs)


def _marks(node: Node) -> int | None:
    """Which axis of a Scatter is counted through by an index: each place is written once there."""
    for axis, index in enumerate(node.inputs[1:]):
        if isinstance(index.op, p.Iota) and index.op.size == node.shape[axis]:
            return axis
    return None


def injective(view: p.View) -> bool:
    """Whether a view moves axes, at most one to one place, by steps of one."""
    used = [o for axis in view.axes for o, _ in axis.terms]
    free = [o for o, size in enumerate(view.shape) if size > 1 and o not in used]
    single = all(len(axis.terms) <= 1 for axis in view.axes)
    ones = all(abs(step) == 1 for axis in view.axes for _, step in axis.terms)
    return not free and len(used) == len(set(used)) and single and ones


class Elements:
    """Writes elements of nodes as expressions, for loops of these extents."""

    def __init__(self, stored: Callable[[Node], bool], extents: Sequence[int]) -> None:
        self.stored = stored
        self.extents: Mapping[int, int] = dict(enumerate(extents))
        self.made: dict[Any, Expression] = {}

    def at(self, node: Node, index: Index, guards: Guards = ()) -> Expression:
        """The element at an index; it is read, and counts, only where the guards hold."""
        key = (node, index, guards)
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self._at(node, index, guards)
        return found

    def body(self, node: Node) -> Statement:
        """The statement that computes a node which is inline or a reduction."""
        op = node.op
        axes = tuple(map(variable, range(node.ndim)))
        match op:
            case p.Reduce(kind=kind, axes=reduced):
                operand = node.inputs[0]
                kept = iter(axes)
                inner = iter(range(node.ndim, operand.ndim))
                place = tuple(
                    variable(next(inner)) if a in reduced else next(kept)
                    for a in range(operand.ndim)
                )
                extents = (*node.shape, *(operand.shape[a] for a in sorted(reduced)))
                value = self.at(operand, place)
                return Statement(node, extents, kind if reduced else "", value)
            case p.Einsum(subscripts=subscripts) if not is_inline(node):
                return self._sum_of_products(node, subscripts)
            case _:
                return Statement(node, node.shape, "", self._inline(node, axes, ()))

    def _sum_of_products(self, node: Node, subscripts: Subscripts) -> Statement:
        """The statement of a contraction; summed labels are variables after those of the result."""
        sizes = dict(zip(subscripts.output, node.shape, strict=True))
        for operand, own in zip(node.inputs, subscripts.inputs, strict=True):
            for label, size in zip(own, operand.shape, strict=True):
                sizes.setdefault(label, size)
        labels = {label: variable(k) for k, label in enumerate(sizes)}
        factors = tuple(
            self.at(operand, tuple(labels[n] for n in own))
            for operand, own in zip(node.inputs, subscripts.inputs, strict=True)
        )
        value = factors[0] if len(factors) == 1 else Times(factors, node.dtype)
        return Statement(node, tuple(sizes.values()), "sum", value)

    def _at(self, node: Node, index: Index, guards: Guards) -> Expression:
        if 0 in node.shape:  # nobody comes to read it
            return Number(0, node.dtype)
        if not self.stored(node):
            return self._inline(node, index, guards)
        return Load(node, flattened(index, node.shape), guards, node.dtype)

    def _inline(self, node: Node, index: Index, guards: Guards) -> Expression:
        op = node.op
        match op:
            case p.Map(record=record, params=params):
                return Apply(record, params, self._all(node.inputs, index, guards), node.dtype)
            case p.Add(signs=signs):
                return Add(signs, self._all(node.inputs, index, guards), node.dtype)
            case p.Select():
                return Choose(self._all(node.inputs, index, guards), node.dtype)
            case p.Fill(value=value):
                return Number(value, node.dtype)
            case p.Data(value=value) if value.size == 1:
                return Number(value.item(), node.dtype)
            case p.Iota():
                return Position(index[0], node.dtype)
            case p.Delta():
                return self._as_number(Inside((Guard(index[0].plus(index[1], -1), 1),)), node)
            case p.Einsum(subscripts=subscripts):
                labels = dict(zip(subscripts.output, index, strict=True))
                factors = [
                    self.at(n, tuple(labels[label] for label in own), guards)
                    for n, own in zip(node.inputs, subscripts.inputs, strict=True)
                ]
                return factors[0] if len(factors) == 1 else Times(tuple(factors), node.dtype)
            case p.View():
                return self._view(node, op, index, guards)
            case p.Reshape():
                return self._reshape(node, index, guards)
            case p.Join(axis=axis):
                return self._join(node, axis, index, guards)
            case p.Gather():
                return self._gather(node, index, guards)
            case p.Scatter():
                return self._scatter(node, index, guards)
            case p.Accumulate(view=view):
                return self._accumulate(node, view, index, guards)
            case _:
                raise Stored(node)

    def _all(self, nodes: Sequence[Node], index: Index, guards: Guards) -> tuple[Expression, ...]:
        return tuple([self.at(n, index, guards) for n in nodes])

    def _as_number(self, mask: Expression, node: Node) -> Expression:
        one, zero = Number(1, node.dtype), Number(0, node.dtype)
        return mask if node.dtype is bool_ else Choose((mask, one, zero), node.dtype)

    def _where(self, guards: Guards, chosen: Expression, node: Node) -> Expression:
        """The expression where all guards hold, else 0; a Load sees to that by itself."""
        if not guards or isinstance(chosen, Load | Fetch):
            return chosen
        return Choose((Inside(guards), chosen, Number(0, node.dtype)), node.dtype)

    def _needed(self, guards: Sequence[Guard]) -> Guards | None:
        """The guards that are not sure to hold; None if one of them is sure not to."""
        kept: list[Guard] = []
        for guard in guards:
            low, high = guard.form.limits(self.extents)
            if high < 0 or low >= guard.size:
                return None
            if low < 0 or high >= guard.size:
                kept.append(guard)
        return tuple(kept)

    def _view(self, node: Node, op: p.View, index: Index, guards: Guards) -> Expression:
        operand = node.inputs[0]
        inner = tuple(
            Affine(axis.offset) if not axis.terms else _through(axis, index) for axis in op.axes
        )
        needed = self._needed(
            [Guard(form, size) for form, size in zip(inner, operand.shape, strict=True)]
        )
        if needed is None:
            return Number(0, node.dtype)
        return self._where(needed, self.at(operand, inner, (*guards, *needed)), node)

    def _reshape(self, node: Node, index: Index, guards: Guards) -> Expression:
        operand = node.inputs[0]
        flat = flattened(index, node.shape)
        if self.stored(operand):
            return Load(operand, flat, guards, node.dtype)
        if isinstance(operand.op, p.Reshape):
            return self._reshape_of(operand, flat, guards)
        inner = unflattened(flat, operand.shape, self.extents)
        if inner is None or 0 in operand.shape:
            raise Stored(operand)
        return self.at(operand, inner, guards)

    def _reshape_of(self, node: Node, flat: Affine, guards: Guards) -> Expression:
        inner = unflattened(flat, node.shape, self.extents)
        if inner is None:
            raise Stored(node)
        return self._reshape(node, inner, guards)

    def _join(self, node: Node, axis: int, index: Index, guards: Guards) -> Expression:
        made: Expression | None = None
        begin = 0
        for operand in node.inputs:
            form = index[axis].shifted(-begin)
            begin += operand.shape[axis]
            needed = self._needed([Guard(form, operand.shape[axis])])
            if needed is None:
                continue
            place = (*index[:axis], form, *index[axis + 1 :])
            value = self.at(operand, place, (*guards, *needed))
            if made is None:
                made = value
            else:
                made = Choose((Inside(needed), value, made), node.dtype)
        return Number(0, node.dtype) if made is None else made

    def _gather(self, node: Node, index: Index, guards: Guards) -> Expression:
        operand, *indices = node.inputs
        if 0 in operand.shape:  # no index is inside: the check of the indices ends the program
            return Number(0, node.dtype)
        if not self.stored(operand):
            raise Stored(operand)
        count = indices[0].ndim
        found = [self.at(n, index[:count], guards) for n in indices]
        rest = operand.shape[len(indices) :]
        strides = []
        size = 1
        for extent in reversed(operand.shape):
            strides.append(size)
            size *= extent
        strides = strides[::-1][: len(indices)]
        flat = flattened(index[count:], rest)
        return Fetch(operand, flat, tuple(found), tuple(strides), guards, node.dtype)

    def _scatter(self, node: Node, index: Index, guards: Guards) -> Expression:
        """Where each place is written at most once: the update, at the marked places."""
        updates, *indices = node.inputs
        counted = _marks(node)
        if counted is None:
            raise Stored(node)
        row = index[counted]
        masks = [
            Apply(
                SCALARS["equal"],
                (),
                (Position(index[k], n.dtype), self.at(n, (row,), guards)),
                bool_,
            )
            for k, n in enumerate(indices)
            if k != counted
        ]
        made = self.at(updates, (row, *index[len(indices) :]), guards)
        for mask in masks:
            made = Choose((mask, made, Number(0, node.dtype)), node.dtype)
        return made

    def _accumulate(self, node: Node, view: p.View, index: Index, guards: Guards) -> Expression:
        """The element of the operand that an injective view reads here, if there is one."""
        inner: list[Affine] = [known(0)] * len(view.shape)
        needed: list[Guard] = []
        for axis, form in zip(view.axes, index, strict=True):
            rest = form.shifted(-axis.offset)
            if not axis.terms:
                needed.append(Guard(rest, 1))
            for o, step in axis.terms:
                inner[o] = rest.times(step)
                needed.append(Guard(inner[o], view.shape[o]))
        kept = self._needed(needed)
        if kept is None:
            return Number(0, node.dtype)
        value = self.at(node.inputs[0], tuple(inner), (*guards, *kept))
        return self._where(kept, value, node)


def _through(axis: p.Axis, index: Index) -> Affine:
    made = known(axis.offset)
    for o, step in axis.terms:
        made = made.plus(index[o], step)
    return made
