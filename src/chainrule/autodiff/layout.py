"""The transpose of a View: another View where it can be, otherwise an Accumulate."""

from __future__ import annotations

from chainrule.autodiff.guard import Guarded, Linear, force, moved
from chainrule.ir import build
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, View


def transposed_view(cotangent: Linear, view: View, operand: Node) -> Linear:
    """The cotangent of the operand of a View; it stays guarded where the View mixes nothing."""
    if isinstance(cotangent, Guarded) and not _moves(view):
        cotangent = force(cotangent)
    return moved(cotangent, lambda c: _transposed(c, view, operand))


def _is_plain(view: View) -> bool:
    """Whether each axis is read along at most one axis of the result, in steps of ±1."""
    used = [o for axis in view.axes for o, _ in axis.terms]
    single = all(len(axis.terms) <= 1 for axis in view.axes) and len(set(used)) == len(used)
    return single and all(abs(step) == 1 for axis in view.axes for _, step in axis.terms)


def _moves(view: View) -> bool:
    """Whether the view reads no element twice and its transpose is a View."""
    return _is_plain(view) and sum(len(axis.terms) for axis in view.axes) == len(view.shape)


def _transposed(cotangent: Node, view: View, operand: Node) -> Node:
    """Sum what the view repeats, then put each element back where it was read.

    With steps of ±1 and one axis each that is a View again; otherwise an Accumulate.
    """
    if not _is_plain(view):
        return build.accumulate(cotangent, view, operand.shape)
    order = [axis.terms[0][0] for axis in view.axes if axis.terms]
    if order == list(range(cotangent.ndim)):
        summed = cotangent
    elif cotangent.dtype is bool_:  # a mask, which only moves
        summed = build.transpose(cotangent, order)
    else:
        summed = build.einsum((cotangent,), (tuple(range(cotangent.ndim)),), tuple(order))
    sized = tuple(view.shape[axis.terms[0][0]] if axis.terms else 1 for axis in view.axes)
    placed = build.reshape(summed, sized)
    axes = tuple(_put_back(axis, i) for i, axis in enumerate(view.axes))
    return build.view(placed, operand.shape, axes)


def _put_back(axis: Axis, i: int) -> Axis:
    """Solve i = offset + step·o for o."""
    step = axis.terms[0][1] if axis.terms else 1
    return Axis(-axis.offset * step, ((i, step),))
