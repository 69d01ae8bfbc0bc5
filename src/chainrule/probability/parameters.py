"""What every distribution asks of its parameters and of the numbers that it is fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from chainrule import tree
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.creation import ones
from chainrule.functions.elementwise import maximum
from chainrule.functions.lift import (
    Operand,
    as_tensor,
    broadcast,
    cast,
    common_shape,
    describe,
    floating,
    promoted,
)
from chainrule.functions.random import uniform
from chainrule.functions.reduction import sum
from chainrule.ir.dtype import float64
from chainrule.tensors import Tensor, tensor

__all__: list[str] = []

Parameter = Operand | Sequence[float]
Made = TypeVar("Made")


class Condition(NamedTuple):
    """What numbers have to fulfill, in words and as a test; NaN never does."""

    words: str
    holds: Callable[[np.ndarray], np.ndarray]


FINITE: Final = Condition("be finite", np.isfinite)
POSITIVE: Final = Condition("be greater than 0", lambda v: (v > 0) & np.isfinite(v))
NOT_NEGATIVE: Final = Condition("be 0 or greater", lambda v: (v >= 0) & np.isfinite(v))
SHARE: Final = Condition("lie between 0 and 1", lambda v: (v >= 0) & (v <= 1))
INSIDE: Final = Condition("lie between 0 and 1, exclusive", lambda v: (v > 0) & (v < 1))
LOGIT: Final = Condition("be a number", lambda v: ~np.isnan(v))
BINARY: Final = Condition("be 0 or 1", lambda v: (v == 0) | (v == 1))
COUNT: Final = Condition(
    "be a whole number, 0 or greater", lambda v: (v >= 0) & (v == np.floor(v)) & np.isfinite(v)
)


def parameter(value: Parameter, name: str) -> Tensor:
    """A parameter as a floating Tensor."""
    return floating(as_tensor(_operand(value), name))


def _operand(value: Parameter) -> Operand:
    return tensor(value) if isinstance(value, Sequence) else value


def parameters(owner: str, **given: Parameter) -> list[Tensor]:
    """Parameters as floating Tensors of one dtype and shape."""
    made = [floating(t) for t in promoted(owner, *map(_operand, given.values()))]
    shape = common_shape(owner, made)
    return [broadcast(t, shape) for t in made]


def require(owner: str, condition: Condition, **given: Tensor) -> None:
    """Raise at the first number that does not fulfill the condition, where values are known."""
    for name, value in given.items():
        known = value._value
        if known is None or (fine := condition.holds(known)).all():
            continue
        place = tuple(int(i) for i in np.unravel_index(int(np.argmin(fine)), known.shape))
        at = f"[{', '.join(map(str, place))}]" if place else ""
        too_large = np.isposinf(known[place]) and condition in (POSITIVE, NOT_NEGATIVE)
        raise ArgumentError(
            f"{owner}: {name}{at} is {float(known[place])!r}, and must "
            f"{FINITE.words if too_large else condition.words}\n\n"
            f"    {name}   {describe(value)}"
        )


# ---------------------------------------------------------------- data to fit


def data(owner: str, condition: Condition, x: Operand, axes: int = 1) -> Tensor:
    """The numbers to which a distribution is fitted: some rows, all fulfilling its condition."""
    rows = parameter(x, owner)
    if rows.ndim < axes:
        raise ShapeError(
            f"{owner}: data have {axes} axes or more, the first of which counts the draws\n\n"
            f"    x   {describe(rows)}"
        )
    if not rows.shape[0]:
        raise ArgumentError(
            f"{owner}: there are no data\n\n    x   {describe(rows)}\n\n"
            "  Nothing is most likely of nothing."
        )
    require(owner, condition, x=rows)
    return rows


def shares(owner: str, rows: Tensor, weights: Parameter | None) -> Tensor:
    """How much each row counts in float64, so that all together count 1: one factor for each."""
    if weights is None:
        return ones(rows.shape[0]) / float(rows.shape[0])
    given = cast(as_tensor(_operand(weights), owner), float64)
    if given.shape != rows.shape[:1]:
        raise ShapeError(
            f"{owner}: there is not one weight for each row\n\n    x         {describe(rows)}\n"
            f"    weights   {describe(given)}"
        )
    require(owner, NOT_NEGATIVE, weights=given)
    total = sum(given)
    if total._value is not None and float(total._value) == 0:
        raise ArgumentError(f"{owner}: all weights are 0, so there are no data")
    return given / total


def average(share: Tensor, rows: Tensor) -> Tensor:
    """Σᵢ sᵢ xᵢ over the first axis, in float64, in which long sums keep their digits."""
    return sum(share.reshape((-1,) + (1,) * (rows.ndim - 1)) * cast(rows, float64), axis=0)


def narrowed(rows: Tensor, *found: Tensor) -> list[Tensor]:
    """What was found in float64, in the dtype of the data."""
    return [cast(each, rows.dtype) for each in found]


# ---------------------------------------------------------------- draws


def open_uniform(key: Operand, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Uniform numbers that are never 0, nor 1: half a step in place of 0."""
    least = 2.0**-25 if like.dtype.name == "float32" else 2.0**-54
    return maximum(uniform(key, shape, dtype=like.dtype), least)


def kept(owner: Any, name: str, make: Callable[..., Made], *arguments: Any) -> Made:
    """What a distribution makes of its parameters, kept for as long as these are the same Tensors.

    A Tensor that a transform records or watches is of another class, and nothing is kept.
    """
    held = owner.__dict__
    branches = owner._branches
    found: tuple[list[Any], list[Tensor], Made] | None = held.get(name)
    if found is not None:
        before, tensors, made = found
        for known, branch in zip(before, branches, strict=True):
            if held[branch] is not known:
                break
        else:
            if all([type(t) is Tensor for t in tensors]):  # noqa: C419  faster
                return made
    parameters = [held[branch] for branch in branches]
    if not all(map(_fixed, parameters)):
        return make(*arguments)
    made = make(*arguments)
    plain = all([type(p) is Tensor for p in parameters])  # noqa: C419  faster
    held[name] = parameters, parameters if plain else tree.flatten(parameters)[0], made
    return made


def _fixed(parameter: Any) -> bool:
    """Whether no transform records or watches a parameter, nor those of a component."""
    if isinstance(parameter, Tensor):
        return type(parameter) is Tensor and parameter._recording is None
    if isinstance(parameter, tuple):
        return all(map(_fixed, parameter))
    return all(_fixed(parameter.__dict__[branch]) for branch in parameter._branches)
