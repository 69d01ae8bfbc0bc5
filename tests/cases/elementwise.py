"""Element-wise functions of the array API standard, special functions, and choice."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

from chainrule.functions import comparison, elementary, elementwise, logic
from tests.cases.case import Case, Spec

SHAPE = (2, 3)
NUMPY_NAMES = {
    "acos": "arccos", "acosh": "arccosh", "asin": "arcsin", "asinh": "arcsinh", "atan": "arctan",
    "atan2": "arctan2", "atanh": "arctanh", "bitwise_invert": "invert",
    "bitwise_left_shift": "left_shift", "bitwise_right_shift": "right_shift", "pow": "power",
    "round": "rint",
}  # fmt: skip
SCIPY_NAMES = {"lgamma": "gammaln", "digamma": "psi"}
SCIPY = {"erf", "erfc", "lgamma", "digamma", "ndtr", "xlogy"}


def oracle(name: str) -> Callable[..., Any]:
    """The function of NumPy or SciPy."""
    if name in SCIPY:
        return getattr(scipy.special, SCIPY_NAMES.get(name, name))  # type: ignore[no-any-return]
    return getattr(np, NUMPY_NAMES.get(name, name))  # type: ignore[no-any-return]


def function(name: str) -> Callable[..., Any]:
    """Our function."""
    room = next(r for r in (comparison, elementwise, logic, elementary) if name in r.__all__)
    return getattr(room, name)  # type: ignore[no-any-return]


def cases(names: str, *kinds: str, orders: int = 2) -> list[Case]:
    """A case for each of some functions with operands of these kinds."""
    specs = tuple(Spec(kind, SHAPE) for kind in kinds)
    batched = kinds[0] not in ("bool", "integer")
    return [
        Case(name, function(name), specs, oracle(name), orders=orders, batched=batched)
        for name in names.split()
    ]


def one(label: str, function: Callable[..., Any], value: Callable[..., Any], *specs: Spec) -> Case:
    """A case of its own."""
    return Case(label, function, specs, value)


A, B, POSITIVE = Spec("normal", (3, 2)), Spec("normal", (2,)), Spec("positive", (2,))

CASES: list[Case] = [
    *cases("abs cos cosh erf erfc exp expm1 ndtr negative positive sin sinh square tanh", "normal"),
    *cases("asinh atan conj imag real", "normal"),
    *cases("tan asin acos atanh log1p", "unit"),
    *cases("log log2 log10 sqrt lgamma digamma reciprocal", "positive"),
    *cases("acosh", "large"),
    *cases("add subtract multiply maximum minimum logaddexp", "normal", "normal"),
    *cases("hypot atan2 copysign", "normal", "normal"),
    *cases("divide xlogy remainder", "normal", "positive"),
    *cases("pow", "positive", "normal"),
    *cases("ceil floor round sign trunc", "normal"),
    *cases("floor_divide", "normal", "positive"),
    *cases("equal greater greater_equal less less_equal not_equal", "integer", "integer", orders=0),
    *cases("logical_and logical_or logical_xor", "bool", "bool", orders=0),
    *cases("isfinite isinf isnan signbit", "normal", orders=0),
    *cases("nextafter", "normal", "normal", orders=0),
    *cases("logical_not bitwise_invert", "bool", orders=0),
    *cases("bitwise_and bitwise_or bitwise_xor", "integer", "integer", orders=0),
    *cases("bitwise_left_shift bitwise_right_shift", "integer", "integer", orders=0),
    one("add-broadcast", elementwise.add, np.add, A, B),
    one("multiply-broadcast", elementwise.multiply, np.multiply, A, B),
    one("multiply-broadcast-both", elementwise.multiply, np.multiply, Spec("normal", (3, 1)), B),
    one("multiply-broadcast-rank-0", elementwise.multiply, np.multiply, A, Spec("normal", ())),
    one("multiply-size-0", elementwise.multiply, np.multiply, Spec("normal", (0, 1)), B),
    one("divide-broadcast", elementwise.divide, np.divide, Spec("normal", (3, 1)), POSITIVE),
    one("multiply-same", lambda x: elementwise.multiply(x, x), np.square, A),
    one("multiply-number", lambda x: elementwise.multiply(-2.5, x), lambda x: -2.5 * x, A),
    one("subtract-number", lambda x: elementwise.subtract(1, x), lambda x: 1 - x, A),
    one("divide-number", lambda x: elementwise.divide(x, 3), lambda x: x / 3, A),
    *(
        one(f"pow-{n}", lambda x, n=n: elementary.pow(x, n), lambda x, n=n: x**n, A)
        for n in (0, 1, 2, 3, 4)
    ),
    *(
        one(f"pow-{n}", lambda x, n=n: elementary.pow(x, n), lambda x, n=n: x**n, POSITIVE)
        for n in (-2, -1, 0.5, 2.5)
    ),
    one("pow-of-number", lambda x: elementary.pow(2.0, x), lambda x: 2.0**x, A),
    one("clip", elementwise.clip, np.clip, A, Spec("unit", (2,)), Spec("large", (3, 1))),
    one("clip-below", lambda x: elementwise.clip(x, -0.5), lambda x: np.maximum(x, -0.5), A),
    one("clip-above", lambda x: elementwise.clip(x, max=0.5), lambda x: np.minimum(x, 0.5), A),
    one("where", elementwise.where, np.where, Spec("bool", (3, 1)), A, B),
    one(
        "where-number",
        lambda x: elementwise.where(comparison.greater(x, 0), elementary.sqrt(x), 0.0),
        lambda x: np.sqrt(np.maximum(x, 0)),
        A,
    ),
]
