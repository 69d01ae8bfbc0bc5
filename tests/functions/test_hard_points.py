"""Kinks, ties and singular points: the value and two derivatives, the same in both modes.

The conventions are those of the table in ``ir/scalar.py``. ``inf`` marks a one-sided limit.
"""

from collections.abc import Callable
from math import inf, log, nan
from typing import Any, NamedTuple

import numpy as np
import pytest

from chainrule.functions import activations as act
from chainrule.functions import elementary as el
from chainrule.functions import elementwise as ew
from chainrule.tensor import Tensor, tensor
from chainrule.transform import grad, jit, jvp, vmap

Function = Callable[..., Any]


class Point(NamedTuple):
    """A function at a point, and there its value, first and second derivative in one operand."""

    label: str
    function: Function
    at: tuple[float, ...]
    value: float
    first: float
    second: float
    operand: int = 0


def safe_sqrt(x: Tensor) -> Tensor:
    return ew.where(ew.greater(x, 0), el.sqrt(x), 0.0)


def safe_log_product(x: Tensor, w: Tensor) -> Tensor:
    return ew.where(ew.greater(x, 0), ew.multiply(w, el.log(x)), x)


def nested_choice(x: Tensor) -> Tensor:
    inner = ew.where(ew.greater(x, 1), el.log(ew.subtract(x, 1)), ew.multiply(2, x))
    return ew.where(ew.less(x, 0), el.sqrt(ew.negative(x)), ew.multiply(inner, inner))


POINTS = [
    Point("relu at 0", act.relu, (0.0,), 0, 0, 0),
    Point("abs at 0", ew.abs, (0.0,), 0, 0, 0),
    Point("abs at −0", ew.abs, (-0.0,), 0, 0, 0),
    Point("sign at 0", ew.sign, (0.0,), 0, 0, 0),
    Point("copysign at 0", ew.copysign, (0.0, -1.0), -0.0, 0, 0),
    Point("sqrt at 0", el.sqrt, (0.0,), 0, inf, -inf),
    Point("sqrt below 0", el.sqrt, (-1.0,), nan, nan, nan),
    Point("asin at 1", el.asin, (1.0,), np.pi / 2, inf, inf),
    Point("log at 0", el.log, (0.0,), -inf, inf, -inf),
    Point("maximum of a tie", ew.maximum, (1.0, 1.0), 1, 0.5, 0),
    Point("maximum of a tie, second", ew.maximum, (1.0, 1.0), 1, 0.5, 0, 1),
    Point("minimum of a tie", ew.minimum, (1.0, 1.0), 1, 0.5, 0),
    Point("maximum of infinities", ew.maximum, (inf, inf), inf, 0.5, 0),
    Point("maximum of x with itself", lambda x: ew.maximum(x, x), (1.0,), 1, 1, 0),
    Point("clip at the lower bound", ew.clip, (0.0, 0.0, 1.0), 0, 1, 0),
    Point("clip at the upper bound", ew.clip, (1.0, 0.0, 1.0), 1, 1, 0),
    Point("clip below", ew.clip, (-1.0, 0.0, 1.0), 0, 0, 0),
    Point("clip below, in the bound", ew.clip, (-1.0, 0.0, 1.0), 0, 1, 0, 1),
    Point("clip above, in the bound", ew.clip, (2.0, 0.0, 1.0), 1, 1, 0, 2),
    Point("clip at the bound, in the bound", ew.clip, (0.0, 0.0, 1.0), 0, 0, 0, 1),
    Point("clip with bounds crossed", ew.clip, (1.5, 2.0, 1.0), 1, 1, 0, 2),
    Point("clip with one bound", lambda x: ew.clip(x, 0), (0.0,), 0, 1, 0),
    Point("xlogy(0, 0)", el.xlogy, (0.0, 0.0), 0, 0, 0),
    Point("xlogy(0, 0), in y", el.xlogy, (0.0, 0.0), 0, 0, 0, 1),
    Point("xlogy(0, 2)", el.xlogy, (0.0, 2.0), 0, log(2), 0),
    Point("0⁰", el.pow, (0.0, 0.0), 1, 0, 0),
    Point("0⁰, in the exponent", el.pow, (0.0, 0.0), 1, 0, 0, 1),
    Point("0¹", el.pow, (0.0, 1.0), 0, 1, 0),
    Point("0²", el.pow, (0.0, 2.0), 0, 0, 2),
    Point("0³", el.pow, (0.0, 3.0), 0, 0, 0),
    Point("0², in the exponent", el.pow, (0.0, 2.0), 0, 0, 0, 1),
    Point("x⁰ at 0, a number", lambda x: el.pow(x, 0), (0.0,), 1, 0, 0),
    Point("x¹ at 0, a number", lambda x: el.pow(x, 1), (0.0,), 0, 1, 0),
    Point("x² at 0, a number", lambda x: el.pow(x, 2), (0.0,), 0, 0, 2),
    Point("x³ at −1, a number", lambda x: el.pow(x, 3), (-1.0,), -1, 3, -6),
    Point("x⁴ at −1, a number", lambda x: el.pow(x, 4), (-1.0,), 1, -4, 12),
    Point("x⁻¹ at 0, a number", lambda x: el.pow(x, -1), (0.0,), inf, -inf, inf),
    Point("hypot(0, 0)", el.hypot, (0.0, 0.0), 0, 0, 0),
    Point("hypot(0, 0), second", el.hypot, (0.0, 0.0), 0, 0, 0, 1),
    Point("hypot(3, 4)", el.hypot, (3.0, 4.0), 5, 0.6, 16 / 125),
    Point("logaddexp(−∞, −∞)", el.logaddexp, (-inf, -inf), -inf, 0.5, 0),
    Point("logaddexp(∞, 0)", el.logaddexp, (inf, 0.0), inf, 1, 0),
    Point("where with NaN in the branch not taken", safe_sqrt, (-1.0,), 0, 0, 0),
    Point("where with infinity in the branch not taken", safe_sqrt, (0.0,), 0, 0, 0),
    Point("where with the branch taken", safe_sqrt, (4.0,), 2, 0.25, -1 / 32),
    Point("where of a product", safe_log_product, (-1.0, 3.0), -1, 1, 0),
    Point("where of a product, in the other factor", safe_log_product, (-1.0, 3.0), -1, 0, 0, 1),
    Point("where in where", nested_choice, (0.5,), 1, 4, 8),
    Point("where in where, outer", nested_choice, (-4.0,), 2, -0.25, -1 / 32),
    Point("elu far out", act.elu, (1e4,), 1e4, 1, 0),
    Point("relu6 at 0", act.relu6, (0.0,), 0, 0, 0),
    Point("relu6 at 6", act.relu6, (6.0,), 6, 1, 0),
    Point("leaky_relu at 0", act.leaky_relu, (0.0,), 0, 0.01, 0),
    Point("softshrink at its bound", act.softshrink, (0.5,), 0, 0, 0),
    Point("softsign at 0", act.softsign, (0.0,), 0, 1, 0),
    Point("gelu far out", act.gelu, (40.0,), 40, 1, 0),
    Point("silu far out", act.silu, (-1000.0,), 0, 0, 0),
    Point("softplus far out", act.softplus, (1000.0,), 1000, 1, 0),
    Point("log_sigmoid far out", act.log_sigmoid, (-1000.0,), -1000, 1, 0),
]

each_point = pytest.mark.parametrize("point", POINTS, ids=lambda point: point.label)


def reverse(f: Function, k: int) -> Function:
    return grad(f, argnums=k)


def forward(f: Function, k: int) -> Function:
    def derivative(*xs: Tensor) -> Tensor:
        directions = tuple(tensor(1.0 if j == k else 0.0) for j in range(len(xs)))
        return jvp(f, xs, directions)[1]  # type: ignore[no-any-return]

    return derivative


MODES = {"forward": forward, "reverse": reverse}
each_mode = pytest.mark.parametrize("mode", MODES)


def close(actual: Tensor, expected: float) -> None:
    np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-12, atol=1e-15)


@each_point
def test_the_value_is_the_convention(point: Point) -> None:
    close(point.function(*map(tensor, point.at)), point.value)


@each_point
@each_mode
def test_the_first_derivative_is_the_convention(point: Point, mode: str) -> None:
    derivative = MODES[mode](point.function, point.operand)
    xs = [tensor(x) for x in point.at]
    close(derivative(*xs), point.first)
    close(jit(derivative)(*xs), point.first)


@each_point
@pytest.mark.parametrize("outer", MODES)
@pytest.mark.parametrize("inner", MODES)
def test_the_second_derivative_is_the_convention(point: Point, inner: str, outer: str) -> None:
    first = MODES[inner](point.function, point.operand)
    close(MODES[outer](first, point.operand)(*map(tensor, point.at)), point.second)


@each_point
def test_vmap_keeps_the_convention(point: Point) -> None:
    stacks = [tensor(np.array([x, x])) for x in point.at]
    close(vmap(reverse(point.function, point.operand))(*stacks), point.first)


def test_where_does_not_leak_nan_into_a_factor_that_is_broadcast() -> None:
    x = tensor([-1.0, 4.0, 0.0])

    def loss(w: Tensor) -> Tensor:
        chosen = ew.where(ew.greater(x, 0), ew.multiply(w, el.log(x)), 0.0)
        return chosen.sum()  # type: ignore[no-any-return]

    close(grad(loss)(tensor(3.0)), log(4))
    close(grad(grad(loss))(tensor(3.0)), 0)
    close(jvp(loss, (tensor(3.0),), (tensor(1.0),))[1], log(4))


def test_where_does_not_leak_nan_through_a_sum_of_products() -> None:
    x = tensor([-1.0, 4.0, 0.0])

    def loss(x: Tensor) -> Tensor:
        root = el.sqrt(x)
        chosen = ew.where(ew.greater(x, 0), ew.multiply(ew.multiply(root, x), 2.0), x)
        return ew.multiply(chosen, chosen).sum()  # type: ignore[no-any-return]

    np.testing.assert_allclose(grad(loss)(x).numpy(), [-2, 4 * 3 * 16, 0])
