"""Changed copies: ``x.at[index].set(value)`` and its relatives.

The transpose S of reading with an index lays the new values out over zeros. Then

    add        x + S v
    set        S v where the index reads, else x
    multiply   x · S v where the index reads, else x

so derivatives flow to x and to the values. Where an index repeats, the values for one place are
first combined into one: sorted by place, then merged with neighbors at distance 1, 2, 4, ….
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from chainrule.errors import DTypeError, ShapeError
from chainrule.functions.indexing import getitem, plain, take
from chainrule.functions.lift import Lifted, Operand, as_tensor, broadcast, cast, describe
from chainrule.functions.manipulation import reshape
from chainrule.functions.pointwise import ADD, MULTIPLY, Pointwise, pointwise
from chainrule.functions.selection import Selection, select
from chainrule.functions.sorting import argsort
from chainrule.ir import build
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, Shape, View
from chainrule.tensors import Tensor, of_value

__all__ = ["At", "Place"]


@final
class At:
    """What ``x.at`` gives: index it to say which elements to change."""

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __getitem__(self, index: Any) -> Place:
        return Place(self._tensor, index)


@final
class Place:
    """Some elements of a Tensor, of which a changed copy is made.

    Values broadcast to the elements and take the Tensor's dtype.

    Raises:  IndexingError: the index does not fit.
             ShapeError: the values do not broadcast to the elements.
             DTypeError: the values are of another kind, such as floats for integers.

    >>> x = cr.tensor([1.0, 2.0, 3.0])
    >>> x.at[1].set(9), x.at[::2].add(1), x.at[[0, 0]].add(1)
    (Tensor([1., 9., 3.]), Tensor([2., 2., 4.]), Tensor([3., 2., 3.]))
    """

    __slots__ = ("_index", "_tensor")

    def __init__(self, tensor: Tensor, index: Any) -> None:
        self._tensor = tensor
        self._index = index

    def get(self) -> Tensor:
        """Read the elements."""
        return getitem(self._tensor, self._index)

    def set(self, values: Operand) -> Tensor:
        """Replace the elements; where an index repeats, the last value counts."""
        return _write("set", None, self._tensor, self._index, values)

    def add(self, values: Operand) -> Tensor:
        """Add to the elements, as often as they are indexed."""
        return _write("add", ADD, self._tensor, self._index, values)

    def multiply(self, values: Operand) -> Tensor:
        """Multiply the elements, as often as they are indexed."""
        return _write("multiply", MULTIPLY, self._tensor, self._index, values)

    def min(self, values: Operand) -> Tensor:
        """Take the smaller of each element and its values."""
        return _write("min", _MINIMUM, self._tensor, self._index, values)

    def max(self, values: Operand) -> Tensor:
        """Take the larger of each element and its values."""
        return _write("max", _MAXIMUM, self._tensor, self._index, values)


_MINIMUM, _MAXIMUM = pointwise("minimum"), pointwise("maximum")


def _write(name: str, combine: Pointwise | None, x: Tensor, index: Any, values: Operand) -> Tensor:
    name = f"at[...].{name}"
    given = _of_kind(name, x, values)
    if combine is None and x._node is None and given._node is None:
        changed = x._known().copy()
        try:
            changed[plain(index)] = given._value
        except (IndexError, TypeError, ValueError):
            pass  # the long way knows how to say what is wrong
        else:
            return of_value(changed)
    mask = as_tensor(index, name) if isinstance(index, Tensor | np.ndarray) else None
    if mask is not None and mask.dtype is bool_ and mask.shape == x.shape[: mask.ndim]:
        rest = x.ndim - mask.ndim
        if given.ndim <= rest:  # needs no number of elements, so the mask may be unknown
            wide = broadcast(reshape(mask, mask.shape + (1,) * rest), x.shape)
            return _replaced(combine, x, wide, _fitted(name, given, x.shape[mask.ndim :], x.shape))
    selection = select(name, x, index)
    shape = selection.result
    updates = _fitted(name, given, shape, shape)
    if combine is ADD:
        return ADD(x, _spread(updates, selection, x.shape))
    kept: Tensor | None = None
    if selection.gathered and _may_repeat(selection):
        updates, kept, selection = _merged(combine, updates, selection)
    everywhere = broadcast(of_value(np.asarray(True)), selection.result)
    mask = _spread(everywhere, selection, x.shape)
    if kept is not None:
        updates = _select([kept, updates, broadcast(_zero(updates), updates.shape)])
    return _replaced(combine, x, mask, _spread(updates, selection, x.shape))


def _replaced(combine: Pointwise | None, x: Tensor, mask: Tensor, values: Tensor) -> Tensor:
    changed = values if combine is None else combine(x, values)
    return _select([mask, changed, x])


def _zero(tensor: Tensor) -> Tensor:
    return of_value(np.zeros((), tensor.dtype.numpy))


def _of_kind(name: str, x: Tensor, values: Operand) -> Tensor:
    """The values in x's dtype; a float never becomes an integer without being asked to."""
    given = as_tensor(values, name)
    order = ("bool", "unsigned", "signed", "float")
    plain = isinstance(values, int) and x.dtype.is_integer
    if not plain and order.index(given.dtype.kind) > order.index(x.dtype.kind):
        raise DTypeError(
            f"{name}: {given.dtype} values for {x.dtype} elements\n\n    {describe(x)}\n"
            f"    {describe(given)}\n\n  Convert one of them with astype."
        )
    return cast(given, x.dtype)


def _fitted(name: str, values: Tensor, selected: Shape, shape: Shape) -> Tensor:
    """The values repeated to a shape, if they broadcast to the selected elements."""
    own = values.shape
    while len(own) > len(selected) and own[0] == 1:
        own = own[1:]
    pairs = zip(own[::-1], selected[::-1], strict=False)
    if len(own) > len(selected) or any(n not in (1, m) for n, m in pairs):
        raise ShapeError(
            f"{name}: the values do not broadcast to the selected shape {list(selected)}\n\n"
            f"    {describe(values)}"
        )
    return broadcast(reshape(values, own), shape)


# ---------------------------------------------------------------- the transpose of reading


def _spread_nodes(*operands: Any) -> Node:
    updates: Node
    updates, *indices, lead, place, gathered, viewed, axes, shape = operands
    if gathered:
        order = (*gathered, *(a for a in range(len(viewed)) if a not in gathered))
        target = tuple(viewed[a] for a in order)
        added = build.scatter(_front_nodes(updates, lead, place), indices, target)
        updates = build.transpose(added, [order.index(a) for a in range(len(viewed))])
    if viewed == shape and axes == tuple(Axis(0, ((k, 1),)) for k in range(len(shape))):
        return updates
    return build.accumulate(updates, View(viewed, axes), shape)


_spread_lifted = Lifted(_spread_nodes)
_select = Lifted(build.select)


def _spread(updates: Tensor, selection: Selection, shape: Shape) -> Tensor:
    """S v: zeros of a shape with the updates added where the selection reads."""
    lead = selection.indices[0].ndim if selection.indices else 0
    return _spread_lifted(
        [updates, *selection.indices],
        lead,
        selection.place,
        selection.gathered,
        selection.shape,
        selection.axes,
        shape,
    )


# ---------------------------------------------------------------- repeated indices


def _may_repeat(selection: Selection) -> bool:
    """Whether an element may be read twice; known indices are looked at."""
    if selection.indices[0].size <= 1:
        return False
    if any(i._node is not None for i in selection.indices):
        return True
    rows = np.stack([i._known().ravel() for i in selection.indices])
    return bool(np.unique(rows, axis=1).shape[1] < rows.shape[1])


def _merged(
    combine: Pointwise | None, updates: Tensor, selection: Selection
) -> tuple[Tensor, Tensor, Selection]:
    """Sort the updates by the place that they change, and combine those for one place in its last.

    Gives the updates, a mask of those that count, and the selection in the new order.
    Cost:  log₂ n passes over n updates.
    """
    count = selection.indices[0].size
    lead, rest = selection.indices[0].ndim, selection.rest
    front = _front([updates], lead, selection.place)
    rows = reshape(front, (count, *rest))
    number = _zero(selection.indices[0])
    for axis, index in zip(selection.gathered, selection.indices, strict=True):
        number = ADD(MULTIPLY(number, selection.shape[axis]), reshape(index, (count,)))
    order = argsort(number)
    places = take(number, order)
    rows = take(rows, order, axis=0)
    shift = 1
    while combine is not None and shift < count:
        rows = _neighbors(combine, rows, places, shift)
        shift *= 2
    indices = tuple(take(reshape(i, (count,)), order) for i in selection.indices)
    sorted_ = Selection(selection.shape, selection.axes, selection.gathered, indices, 0)
    kept = broadcast(reshape(_is_last([places]), (count,) + (1,) * len(rest)), rows.shape)
    return rows, kept, sorted_


def _neighbors(combine: Pointwise, rows: Tensor, places: Tensor, shift: int) -> Tensor:
    """Combine each row with the one ``shift`` before it, if that is for the same place."""
    earlier = _delayed([rows], shift)
    same = reshape(_same_place([places], shift), places.shape + (1,) * (rows.ndim - 1))
    return _select([broadcast(same, rows.shape), combine(earlier, rows), rows])


def _delayed_nodes(x: Node, shift: int) -> Node:
    return build.slice_axis(x, 0, -shift, x.shape[0])


def _same_place_nodes(places: Node, shift: int) -> Node:
    one = build.fill(1, places.shape, places.dtype)  # so that the zeros before the first differ
    own = build.add((places, one))
    return build.apply("equal", _delayed_nodes(own, shift), own)


def _is_last_nodes(places: Node) -> Node:
    one = build.fill(1, places.shape, places.dtype)
    own = build.add((places, one))
    return build.apply("not_equal", build.slice_axis(own, 0, 1, places.shape[0]), own)


def _front_nodes(updates: Node, lead: int, place: int) -> Node:
    """The axes of the index arrays, so many from a place on, come first."""
    first = range(place, place + lead)
    return build.transpose(updates, (*first, *range(place), *range(place + lead, updates.ndim)))


_delayed = Lifted(_delayed_nodes)
_same_place = Lifted(_same_place_nodes)
_is_last = Lifted(_is_last_nodes)
_front = Lifted(_front_nodes)
