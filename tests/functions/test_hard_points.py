"""Kinks, ties and singular points: the value and two derivatives, the same in both modes.

The conventions are those of the table in ``ir/scalar.py``. ``inf`` marks a one-sided limit.
"""

from collections.abc import Callable
from math import inf, log, nan
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, DTypeError, GradientError, IndexingError
from chainrule.functions import activations as act
from chainrule.functions import elementary as el
from chainrule.functions import elementwise as ew
from chainrule.tensors import Tensor, tensor
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
    return ew.where(cr.greater(x, 0), el.sqrt(x), 0.0)


def safe_log_product(x: Tensor, w: Tensor) -> Tensor:
    return ew.where(cr.greater(x, 0), ew.multiply(w, el.log(x)), x)


def nested_choice(x: Tensor) -> Tensor:
    inner = ew.where(cr.greater(x, 1), el.log(ew.subtract(x, 1)), ew.multiply(2, x))
    return ew.where(cr.less(x, 0), el.sqrt(ew.negative(x)), ew.multiply(inner, inner))


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
    Point("floor at 2", ew.floor, (2.0,), 2, 0, 0),
    Point("ceil at 2", ew.ceil, (2.0,), 2, 0, 0),
    Point("trunc at 2", ew.trunc, (2.0,), 2, 0, 0),
    Point("round at 2.5", ew.round, (2.5,), 2, 0, 0),
    Point("−7.5 mod 2", ew.remainder, (-7.5, 2.0), 0.5, 1, 0),
    Point("−7.5 mod 2, in the divisor", ew.remainder, (-7.5, 2.0), 0.5, 4, 0, 1),
    Point("4 mod 2, in the divisor", ew.remainder, (4.0, 2.0), 0, -2, 0, 1),
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
    Point("prelu at 0", act.prelu, (0.0, 0.25), 0, 0.25, 0),
    Point("elu at 0", lambda x: act.elu(x, 0.5), (0.0,), 0, 0.5, 0.5),
    Point("celu at 0", lambda x: act.celu(x, 0.5), (0.0,), 0, 1, 2),
    Point("hard_sigmoid at −3", act.hard_sigmoid, (-3.0,), 0, 0, 0),
    Point("hard_sigmoid at 3", act.hard_sigmoid, (3.0,), 1, 1 / 6, 0),
    Point("hard_swish at 3", act.hard_swish, (3.0,), 3, 1.5, 1 / 3),
    Point("hard_tanh at −1", act.hard_tanh, (-1.0,), -1, 1, 0),
    Point("hard_tanh at 1", act.hard_tanh, (1.0,), 1, 1, 0),
    Point("hardshrink at its bound", act.hardshrink, (0.5,), 0, 0, 0),
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
        chosen = ew.where(cr.greater(x, 0), ew.multiply(w, el.log(x)), 0.0)
        return chosen.sum()  # type: ignore[no-any-return]

    close(grad(loss)(tensor(3.0)), log(4))
    close(grad(grad(loss))(tensor(3.0)), 0)
    close(jvp(loss, (tensor(3.0),), (tensor(1.0),))[1], log(4))


def test_where_does_not_leak_nan_through_a_sum_of_products() -> None:
    x = tensor([-1.0, 4.0, 0.0])

    def loss(x: Tensor) -> Tensor:
        root = el.sqrt(x)
        chosen = ew.where(cr.greater(x, 0), ew.multiply(ew.multiply(root, x), 2.0), x)
        return ew.multiply(chosen, chosen).sum()  # type: ignore[no-any-return]

    np.testing.assert_allclose(grad(loss)(x).numpy(), [-2, 4 * 3 * 16, 0])


def halves(x: Tensor) -> Tensor:
    return cr.concat([el.sqrt(x[:1]), el.sqrt(x[1:])])


LAYOUTS: dict[str, Function] = {
    "reshape": lambda x: cr.flatten(el.sqrt(cr.reshape(x, (2, 2)))),
    "transpose": lambda x: cr.reshape(el.sqrt(cr.reshape(x, (2, 2)).T).T, (4,)),
    "flip": lambda x: cr.flip(el.sqrt(cr.flip(x))),
    "pad and slice": lambda x: cr.pad(el.sqrt(x), 2)[2:6],
    "roll": lambda x: cr.roll(el.sqrt(cr.roll(x, 1)), -1),
    "concat": halves,
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_where_does_not_leak_nan_through_a_change_of_layout(layout: Function) -> None:
    x, weights = tensor([0.0, 4.0, 9.0, -1.0]), tensor([1.0, 2.0, 3.0, 4.0])

    def loss(x: Tensor) -> Tensor:
        return cr.vecdot(ew.where(cr.greater(x, 0), layout(x), 0.0), weights)

    for derivative in (grad(loss), by_directions(loss)):
        near(derivative(x), [0, 0.5, 0.5, 0])
        near(jit(derivative)(x), [0, 0.5, 0.5, 0])
    second = grad(lambda x: cr.sum(grad(loss)(x)))
    near(second(x), [0, -1 / 16, -1 / 36, 0])


class Place(NamedTuple):
    """A function of an array, and at one its value, the gradient and the sum of the Hessian's rows.

    Functions with several results are weighted by 1, 2, 3, ….
    """

    label: str
    function: Function
    at: Any
    value: Any
    gradient: Any
    rows: Any = 0.0


def of_matrix(order: Any) -> Function:
    return lambda x: cr.linalg.matrix_norm(x, ord=order)


def of_vector(order: float) -> Function:
    return lambda x: cr.linalg.vector_norm(x, ord=order)


PLACES = [
    *(Place(f"the {p}-norm of 0", of_vector(p), [0, 0], 0, 0) for p in (0.5, 1, 1.5, 2, 3, inf)),
    Place("the Frobenius norm of 0", of_matrix("fro"), [[0, 0], [0, 0]], 0, 0),
    Place("the norm of a vector with ties", of_vector(inf), [-2, 2, 1], 2, [-0.5, 0.5, 0]),
    Place("the standard deviation of equals", cr.std, [1, 1, 1], 0, 0),
    Place("max of ties", cr.max, [1, 1, 0], 1, [0.5, 0.5, 0]),
    Place("min of ties", cr.min, [1, 1, 3], 1, [0.5, 0.5, 0]),
    Place("sort of ties", cr.sort, [1, 1, 0], [0, 1, 1], [2, 3, 1]),
    Place("sort of ties, descending", lambda x: cr.sort(x, descending=True), [1, 1, 0], [1, 1, 0],
          [1, 2, 3]),
    Place("median of ties", cr.median, [1, 1, 1], 1, [0, 1, 0]),
    Place("median of an even number of ties", cr.median, [1, 1, 1, 1], 1, [0, 0.5, 0.5, 0]),
    Place("logsumexp with −∞", cr.logsumexp, [-inf, 0, 0], log(2), [0, 0.5, 0.5]),
    Place("logsumexp of −∞ alone", cr.logsumexp, [-inf, -inf], -inf, 0),
    Place("logsumexp with +∞", cr.logsumexp, [inf, inf, 0], inf, [0.5, 0.5, 0]),
    Place("softmax with −∞", cr.softmax, [-inf, 0, 0], [0, 0.5, 0.5], [0, -0.25, 0.25]),
    Place("softmax of −∞ alone", cr.softmax, [-inf, -inf], 0, 0),
    Place("softmax with +∞", cr.softmax, [inf, inf, 0], [0.5, 0.5, 0], [-0.25, 0.25, 0]),
    Place("log_softmax of −∞ alone", cr.log_softmax, [-inf, -inf], -inf, [1, 2]),
    Place("prod with a zero", cr.prod, [0, 2, 3], 0, [6, 0, 0], [5, 3, 2]),
    Place("prod with two zeros", cr.prod, [0, 0, 3], 0, 0, [3, 3, 0]),
    Place("cumulative_prod with a zero", cr.cumulative_prod, [2, 0, 3], [2, 0, 0], [1, 22, 0],
          [11, 17, 6]),
    Place("det of rank 1", cr.linalg.det, [[1, 2], [2, 4]], 0, [[4, -2], [-2, 1]],
          [[1, -1], [-1, 1]]),
    Place("det of 0", cr.linalg.det, [[0, 0], [0, 0]], 0, 0, [[1, -1], [-1, 1]]),
    Place("eigenvalues, repeated", lambda x: cr.sum(cr.linalg.eigvalsh(x)), [[1, 0], [0, 1]], 2,
          [[1, 0], [0, 1]]),
    Place("the spectral norm, repeated", of_matrix(2), [[1, 0], [0, 1]], 1, [[0.5, 0], [0, 0.5]]),
]  # fmt: skip

each_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.label)


def weighted(place: Place) -> Function:
    def total(x: Tensor) -> Tensor:
        made = place.function(x)
        if not made.ndim:
            return made  # type: ignore[no-any-return]
        return cr.vecdot(made, cr.arange(1.0, made.shape[0] + 1))

    return total


def by_directions(f: Function) -> Function:
    """The gradient by forward mode."""

    def gradient(x: Tensor) -> Tensor:
        units = cr.reshape(cr.eye(x.size), (x.size, *x.shape))
        slopes = [jvp(f, (x,), (units[k],))[1] for k in range(x.size)]
        return cr.reshape(cr.stack(slopes), x.shape)

    return gradient


def near(actual: Tensor, expected: Any) -> None:
    wanted = np.broadcast_to(np.asarray(expected, float), actual.shape)
    np.testing.assert_allclose(actual.numpy(), wanted, rtol=1e-12, atol=1e-12)


@each_place
def test_the_value_and_the_gradient_of_an_array_are_the_convention(place: Place) -> None:
    x = tensor(np.array(place.at, float))
    near(place.function(x), place.value)
    for derivative in (grad(weighted(place)), by_directions(weighted(place))):
        near(derivative(x), place.gradient)
        near(jit(derivative)(x), place.gradient)


@each_place
def test_the_second_derivative_of_an_array_is_the_convention(place: Place) -> None:
    x = tensor(np.array(place.at, float))
    first = grad(weighted(place))
    if place.label == "eigenvalues, repeated" or "spectral" in place.label:
        with pytest.raises(GradientError, match="are both 1"):
            grad(lambda x: cr.sum(first(x)))(x)
        return
    near(grad(lambda x: cr.sum(first(x)))(x), place.rows)


def test_argmax_and_argmin_take_the_first_of_ties() -> None:
    assert cr.argmax(tensor([1.0, 3.0, 3.0])).item() == 1
    assert cr.argmin(tensor([1.0, 1.0])).item() == 0


def test_eigenvectors_of_a_repeated_value_have_no_derivative_and_others_do() -> None:
    x = tensor(np.diag([1.0, 1.0, 3.0]))
    with pytest.raises(GradientError, match="eigenvalues 0 and 1 of the matrix are both 1"):
        grad(lambda x: cr.linalg.eigh(x)[1][0, 1])(x)
    made = grad(lambda x: cr.linalg.eigh(x)[1][0, 2])(x)
    near(made, [[0, 0, 0.25], [0, 0, 0], [0.25, 0, 0]])
    turning = tensor(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    with pytest.raises(GradientError, match="eigenvalues 0 and 1 of the matrix are both 1"):
        jvp(lambda x: cr.linalg.eigh(x)[1][0, 2], (x,), (turning,))


@pytest.mark.parametrize("function", [cr.linalg.inv, cr.linalg.cholesky])
def test_singular_matrices_of_a_stack_are_named(function: Function) -> None:
    stack = tensor(np.stack([np.eye(2), np.zeros((2, 2))]))
    with pytest.raises(ArgumentError, match=r"matrix \[1\] of the stack"):
        function(stack)


def test_integers_have_no_derivative_and_indices_are_checked() -> None:
    with pytest.raises(DTypeError, match="argument 0 has dtype int64"):
        grad(cr.sum)(tensor([1, 2]))
    with pytest.raises(IndexingError, match="index 2 is out of bounds"):
        cr.take(tensor([1.0, 2.0]), tensor([2]))
    assert (tensor([1]) + tensor([1.0], dtype="float32")).dtype is cr.float32
