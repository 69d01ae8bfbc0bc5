"""Softmax, its logarithm, and the logarithm of a sum of exponentials.

They are Blocks with closed-form tangents. At infinite inputs, where the naive formulas give NaN,
they have their limits: entries of +∞ share the probability evenly, an entry of −∞ has none, and a
slice that is −∞ everywhere has probability 0 everywhere, log-sum-exp −∞ and derivative 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.elsewhere import reduced
from chainrule.functions.along_axes import count, dot, kept, kept_shape, number, repeat
from chainrule.functions.axes import Axes, axes_of
from chainrule.functions.block import closed_form
from chainrule.functions.lift import Operand, as_tensor, floating, known_along, reshaped
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value

__all__ = ["log_softmax", "logsumexp", "softmax"]

Array = np.ndarray[Any, Any]
Tangents = list[Node | None]


def _exponentials(x: Node, axes: tuple[int, ...]) -> tuple[Node, Node, Node]:
    """d = x − max x with ∞ − ∞ = 0, exp(d), and its sum, which is at least 1 unless all x are −∞.

    There it counts as 1.
    """
    largest = build.reduce("max", x, axes)
    lowest = number(float(np.finfo(x.dtype.numpy).min), largest)
    top = repeat(build.apply("maximum", largest, lowest), x, axes)
    attained = build.apply("equal", x, top)
    shifted = build.select(attained, build.zeros_like(x), build.subtract(x, top))
    exponential = build.apply("exp", shifted)
    total = build.sum_(exponential, axes)
    return shifted, exponential, build.apply("maximum", total, number(1, total))


def _parts(x: Operand, axis: Axes, keep: bool = False) -> tuple[Array, Array, Array] | None:
    """max x, exp(d) or, to ``keep``, d, and the sum of exp(d), in as few passes as there are.

    It is for known Tensors whose largest elements are finite; None sends others the long way.
    """
    value = known_along(x, axis)
    if value is None or value.dtype.kind != "f" or not value.size:
        return None
    try:
        return quiet_call(_exponentials_at_once, value, axis, keep)
    except (TypeError, ValueError):
        return None


def _exponentials_at_once(x: Array, axis: Any, keep: bool) -> tuple[Array, Array, Array] | None:
    largest = np.maximum.reduce(x, axis, keepdims=True)
    if not np.isfinite(largest).all():
        return None
    shifted = np.subtract(x, largest)
    exponential = np.exp(shifted) if keep else np.exp(shifted, out=shifted)
    return largest, shifted, np.add.reduce(exponential, axis, keepdims=True)


def _softmax_tangent(
    _inputs: list[Node], outputs: list[Node], tangents: Tangents, axes: tuple[int, ...]
) -> Tangents:
    """dp = p ⊙ (dx − Σ p dx)."""
    p, dx = outputs[0], tangents[0]
    if dx is None:
        return [None]
    average = repeat(dot(p, dx, axes), dx, axes)
    return [build.multiply(p, build.subtract(dx, average))]


@closed_form(_softmax_tangent)
def _softmax(x: Node, axes: tuple[int, ...]) -> Node:
    if not count(x, axes):
        return x
    _, exponential, total = _exponentials(x, axes)
    return build.apply("divide", exponential, repeat(total, x, axes))


@reduced
def softmax(x: Operand, /, *, axis: Axes = -1) -> Tensor:
    """Give the probabilities that are proportional to exp(x).

    pᵢ = exp(xᵢ) / Σⱼ exp(xⱼ),   dp = p ⊙ (dx − Σ p dx)

    Entries of +∞ share the probability evenly; where all are −∞, all probabilities are 0.

    Shapes:  x: ... n   →   ... n
    Raises:  ShapeError: x lacks an axis.
    Source:  bridle1990probabilistic

    >>> softmax(tensor([1000.0, 1000.0]))
    Tensor([0.5, 0.5])
    """
    if (parts := _parts(x, axis)) is not None:
        _, exponential, total = parts
        return of_value(np.divide(exponential, total, out=exponential))
    x = floating(as_tensor(x, "softmax"))
    return _softmax([x], axes_of("softmax", axis, x))


def _log_softmax_tangent(
    _inputs: list[Node], outputs: list[Node], tangents: Tangents, axes: tuple[int, ...]
) -> Tangents:
    """dy = dx − Σ exp(y) dx."""
    y, dx = outputs[0], tangents[0]
    if dx is None:
        return [None]
    average = repeat(dot(build.apply("exp", y), dx, axes), dx, axes)
    return [build.subtract(dx, average)]


@closed_form(_log_softmax_tangent)
def _log_softmax(x: Node, axes: tuple[int, ...]) -> Node:
    if not count(x, axes):
        return x
    shifted, _, total = _exponentials(x, axes)
    return build.subtract(shifted, repeat(build.apply("log", total), x, axes))


@reduced
def log_softmax(x: Operand, /, *, axis: Axes = -1) -> Tensor:
    """Give the logarithm of softmax, exact where softmax itself would round to 0.

    yᵢ = xᵢ − log Σⱼ exp(xⱼ),   dy = dx − Σ exp(y) dx

    Shapes:  x: ... n   →   ... n
    Raises:  ShapeError: x lacks an axis.

    >>> log_softmax(tensor([0.0, -2000.0]))
    Tensor([    0., -2000.])
    """
    if (parts := _parts(x, axis, keep=True)) is not None:
        _, shifted, total = parts
        return of_value(np.subtract(shifted, np.log(total), out=shifted))
    x = floating(as_tensor(x, "log_softmax"))
    return _log_softmax([x], axes_of("log_softmax", axis, x))


def _logsumexp_tangent(
    inputs: list[Node], _outputs: list[Node], tangents: Tangents, axes: tuple[int, ...]
) -> Tangents:
    """dy = Σ softmax(x) dx."""
    x, dx = inputs[0], tangents[0]
    if dx is None:
        return [None]
    return [dot(_softmax.builder(x, axes), dx, axes)]


@closed_form(_logsumexp_tangent)
def _logsumexp(x: Node, axes: tuple[int, ...]) -> Node:
    if not count(x, axes):
        shape = tuple(x.shape[a] for a in kept(x, axes))
        return build.fill(-np.inf, shape, x.dtype)
    largest = build.reduce("max", x, axes)
    infinite = build.apply("isinf", largest)
    finite = build.select(infinite, build.zeros_like(largest), largest)
    shifted = build.subtract(x, repeat(finite, x, axes))
    total = build.sum_(build.apply("exp", shifted), axes)
    return build.add((build.apply("log", total), finite))


@reduced
def logsumexp(x: Operand, /, *, axis: Axes = None, keepdims: bool = False) -> Tensor:
    """Give the logarithm of a sum of exponentials, without overflow.

    y = log Σᵢ exp(xᵢ),   dy = Σ softmax(x) dx

    It is +∞ if an entry is, and −∞ if all are or there are none.

    Shapes:  x: ...   →
             x: ... n   →   ...   for axis=-1
             x: ... n   →   ... 1   for axis=-1, keepdims=True
    Raises:  ShapeError: x lacks an axis, or one is given twice.
    Source:  blanchard2021accurately

    >>> logsumexp(tensor([1000.0, 1000.0]))
    Tensor(1000.69314718)
    """
    x = floating(as_tensor(x, "logsumexp"))
    axes = axes_of("logsumexp", axis, x)
    if (parts := _parts(x, axes)) is not None:
        largest, _, total = parts
        sums = np.log(total, out=total)
        sums += largest
        return of_value(sums if keepdims else np.squeeze(sums, axes))
    made: Tensor = _logsumexp([x], tuple(sorted(axes)))
    if not keepdims:
        return made
    return reshaped(made, kept_shape(x.shape, axes))
