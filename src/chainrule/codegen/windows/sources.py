"""Sources: where the operands of a sum over windows are read, and what is copied for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Load
from chainrule.codegen.windows.copies import Frame, frame_of
from chainrule.codegen.windows.roles import Roles

__all__ = ["Source", "framed", "sources_of", "stands_alone", "there"]


class Source(NamedTuple):
    """Where an operand is read.

    how    "there": where it lies; "framed": from a copy with its zeros; "packed": from a copy
           along the lanes
    form   the place of an element by the variables that move inside a block
    """

    how: str
    load: Load
    form: Affine
    frame: Frame | None
    elements: int


def sources_of(roles: Roles, lanes: int, blocks: Mapping[int, int]) -> tuple[Source, Source] | None:
    """Where the operands are read inside a block."""
    extents = {v: roles.size(v) for v in (*roles.rows, *roles.columns, roles.lane, *roles.inner)}
    extents |= blocks
    left = _left(roles.left, extents)
    right = _right(roles, lanes, extents)
    return None if left is None or right is None else (left, right)


def _moving(load: Load, extents: Mapping[int, int]) -> Affine:
    return Affine(0, tuple((v, c) for v, c in load.flat.terms if v in extents))


def there(load: Load, extents: Mapping[int, int]) -> Source:
    """An operand that is read where it lies."""
    return Source("there", load, _moving(load, extents), None, 0)


def _left(load: Load, extents: Mapping[int, int]) -> Source | None:
    if not load.guards:
        return there(load, extents)
    return framed(load, extents)


def framed(load: Load, extents: Mapping[int, int], beyond: int = 0) -> Source | None:
    """An operand that is copied with its zeros, and so many elements beyond."""
    frame = frame_of(load, extents)
    if frame is None:
        return None
    return Source("framed", load, frame.form(), frame, frame.elements + beyond)


def _right(roles: Roles, lanes: int, extents: Mapping[int, int]) -> Source | None:
    load, lane = roles.right, roles.lane
    frame = frame_of(load, extents)
    if frame is None:
        return None
    if load.guards or roles.columns or any(len(axis.steps) > 1 for axis in frame.axes):
        made = Source("framed", load, frame.form(), frame, frame.elements + 2 * lanes)
        return made if made.form.coefficient(lane) == 1 else None
    if load.flat.coefficient(lane) == 1 and _is_padded(load, lane, roles.size(lane), lanes):
        return there(load, extents)
    form = _packed_form(roles.inner, lane, extents, lanes)
    elements = (form.limits(extents)[1] // lanes + 1) * lanes
    return Source("packed", load, form, None, elements)


def _is_padded(load: Load, lane: int, extent: int, lanes: int) -> bool:
    """Whether whole vectors along the lanes lie inside the array."""
    last = load.source.shape[-1] if load.source.shape else 1
    others = (load.flat.constant, *(c for v, c in load.flat.terms if v != lane))
    return extent % lanes == 0 or (last % lanes == 0 and all(c % last == 0 for c in others))


def _packed_form(
    variables: Sequence[int], lane: int, extents: Mapping[int, int], lanes: int
) -> Affine:
    """Where an element is if the lanes, filled up, come last."""
    stride = -(-extents[lane] // lanes) * lanes
    made = Affine(0, ((lane, 1),))
    for v in reversed(variables):
        made = made.plus(Affine(0, ((v, stride),)))
        stride *= extents[v]
    return made


def stands_alone(load: Load, stage: int, others: set[int]) -> bool:
    """Whether a variable has an axis of its own, which is not the last one."""
    if load.flat.coefficient(stage) < 0 or any(g.form.coefficient(stage) for g in load.guards):
        return False
    frame = frame_of(load._replace(guards=()), dict.fromkeys(others, 2))
    assert frame is not None
    own = [a for a in frame.axes if any(v == stage for v, _ in a.steps)]
    return all(len(a.steps) == 1 and a is not frame.axes[-1] for a in own)
