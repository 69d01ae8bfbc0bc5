"""The open table of elementwise functions: one record each, with its partial derivatives as data.

A partial derivative is an expression of the operands ``X``, ``Y``, ``Z`` and of the result ``OUT``,
so one text gives forward mode, reverse mode, higher orders, formulas and machine code. A record
``linear`` in an operand is its own derivative there. A partial of 0 is a true zero (``floor``);
``partials=None`` says that the result is not a real number (comparisons).

At kinks a convention is chosen once: relu, abs and sign have derivative 0 at 0; max and min share
evenly between ties; clip has derivative 1 at its bounds; sqrt has its limit, infinity, at 0.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, Union

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.ir.dtype import BUNDLE, DType, bool_
from chainrule.ir.record import Record

Number = float | int


class Expression(Record):
    """A partial derivative: written with Python's operators, read by every transform."""

    def __add__(self, other: "Operand_") -> "Sum":
        return Sum((self, wrap(other)), (1, 1))

    def __sub__(self, other: "Operand_") -> "Sum":
        return Sum((self, wrap(other)), (1, -1))

    def __rsub__(self, other: Number) -> "Sum":
        return Sum((wrap(other), self), (1, -1))

    def __mul__(self, other: "Operand_") -> "Product":
        return Product(self, wrap(other))

    def __neg__(self) -> "Sum":
        return Sum((self,), (-1,))

    def __truediv__(self, other: "Operand_") -> "Apply":
        return Apply("divide", (self, wrap(other)))

    def __gt__(self, other: "Operand_") -> "Apply":
        return Apply("greater", (self, wrap(other)))

    def __ge__(self, other: "Operand_") -> "Apply":
        return Apply("greater_equal", (self, wrap(other)))

    def __lt__(self, other: "Operand_") -> "Apply":
        return Apply("less", (self, wrap(other)))

    def __and__(self, other: "Expression") -> "Apply":
        return Apply("logical_and", (self, other))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rtruediv__(self, other: Number) -> "Apply":
        return Apply("divide", (wrap(other), self))


class Operand(Expression):
    """The operand of this number."""

    index: int


class Result(Expression):
    """The value of the function itself."""


class Literal_(Expression):  # noqa: N801 — typing has the plain name
    """A number."""

    value: Number


class Sum(Expression):
    """A signed sum."""

    terms: tuple[Expression, ...]
    signs: tuple[int, ...]


class Product(Expression):
    """A product of two factors."""

    left: Expression
    right: Expression


class Choose(Expression):
    """``chosen`` where the mask holds, ``otherwise`` elsewhere."""

    mask: Expression
    chosen: Expression
    otherwise: Expression


class Apply(Expression):
    """Another record of the table, applied."""

    name: str
    arguments: tuple[Expression, ...]
    params: tuple[Any, ...] = ()


Operand_ = Union[Expression, Number]  # noqa: UP007 — used before Expression's subclasses exist


ZERO = Literal_(0)


def wrap(value: Operand_) -> Expression:
    """Make a number an expression; there is one zero, so that rules find it by identity."""
    if isinstance(value, Expression):
        return value
    return ZERO if value == 0 else Literal_(value)


def choose(mask: Expression, chosen: Operand_, otherwise: Operand_) -> Choose:
    """Choose by a mask."""
    return Choose(mask, wrap(chosen), wrap(otherwise))


def _apply(name: str) -> Callable[..., Apply]:
    return lambda *arguments: Apply(name, tuple(wrap(a) for a in arguments))


X, Y, Z, OUT = Operand(0), Operand(1), Operand(2), Result()
_cos, _sin, _cosh, _sinh = map(_apply, ("cos", "sin", "cosh", "sinh"))
_exp, _log, _sqrt, _sign, _sigmoid = map(_apply, ("exp", "log", "sqrt", "sign", "sigmoid"))
_pow, _equal, _isinf, _copysign = map(_apply, ("pow", "equal", "isinf", "copysign"))
_floor_divide = _apply("floor_divide")

Output = Literal["same", "bool", "param"]
Partials = tuple[Expression, ...]


class Scalar(Record, identity=True):
    """An elementwise function: its value, its partial derivatives and what it accepts."""

    name: str
    numpy: Callable[..., Any]
    partials: Partials | Callable[..., Partials] | None
    arity: int = 1
    accepts: frozenset[str] = frozenset({"float"})
    output: Output = "same"
    linear: tuple[int, ...] = ()
    special: bool = False  # value comes from scipy.special, imported when first used

    def __repr__(self) -> str:
        return self.name

    def result(self, dtype: DType, params: tuple[Any, ...]) -> DType:
        """The dtype of the result for operands of this dtype."""
        if self.output == "bool":
            return bool_
        if self.output == "param":
            assert isinstance(params[0], DType)
            return params[0]
        return dtype

    def partial(self, index: int, params: tuple[Any, ...]) -> Expression:
        """The derivative with respect to one operand."""
        assert self.partials is not None
        partials = self.partials(*params) if callable(self.partials) else self.partials
        return partials[index]


SCALARS: dict[str, Scalar] = {}
REAL = frozenset({"float"})
NUMERIC = frozenset({"float", "signed", "unsigned"})
INTEGER = frozenset({"signed", "unsigned"})
BITS = INTEGER | {"bool"}
ANY = NUMERIC | {"bool"}


def register(record: Scalar) -> Scalar:
    """Add a record to the table. Every transform, the docs and the tests find it there."""
    if record.name in SCALARS:
        raise ValueError(f"the scalar function {record.name!r} exists already")
    SCALARS[record.name] = record
    return record


def _unary(
    name: str, numpy: Callable[..., Any], partial: Operand_ | None, accepts: frozenset[str] = REAL
) -> None:
    register(Scalar(name, numpy, None if partial is None else (wrap(partial),), 1, accepts))


def _binary(
    name: str,
    numpy: Callable[..., Any],
    partials: tuple[Operand_, Operand_] | None,
    accepts: frozenset[str] = REAL,
    output: Output = "same",
    linear: tuple[int, ...] = (),
) -> None:
    wrapped = None if partials is None else tuple(wrap(p) for p in partials)
    register(Scalar(name, numpy, wrapped, 2, accepts, output, linear))


def _special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, imported when it is first used (it is slow to import)."""

    def value(*arrays: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(*arrays)

    return value


_MANY = 4096
_BLOCK = 2**13
_CLIP: Callable[..., Any] = getattr(np._core.umath, "clip", np.clip)  # type: ignore[attr-defined]
"""NumPy's ufunc itself; its function takes 3 µs before it calls it."""


def _in_blocks(value: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Compute long arrays block by block, so that what lies in between stays in the cache."""

    def values(*arrays: Any) -> np.ndarray:
        first = arrays[0]
        if first.size < 2 * _BLOCK or not all(_goes_along(a, first) for a in arrays):
            return value(*arrays)
        made = np.empty(first.shape, first.dtype)
        flat, *rows = (a.reshape(-1) for a in (made, *arrays))
        for start in range(0, first.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            flat[block] = value(*[row[block] for row in rows])
        return made

    return values


def _goes_along(x: Any, first: np.ndarray) -> bool:
    """Whether x lies as the first array does, row after row."""
    alike = type(x) is np.ndarray and x.shape == first.shape and x.dtype is first.dtype
    return alike and x.flags.c_contiguous


@_in_blocks
def _sigmoid_value(x: np.ndarray) -> np.ndarray:
    """1/(1 + e⁻ˣ) as e^min(x, 0) / (1 + e^−|x|), which cannot overflow; nothing branches on x."""
    small, top = np.asarray(np.abs(x)), np.asarray(np.minimum(x, 0))
    np.exp(np.negative(small, out=small), out=small)
    np.exp(top, out=top)
    np.add(small, 1, out=small)
    return np.asarray(np.divide(top, small, out=top))


@_in_blocks
def _softplus_value(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _clip_value(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    if x.size >= _MANY:  # a third of the time
        return np.asarray(_CLIP(x, low, high))
    return np.asarray(np.minimum(np.maximum(x, low), high))


@_in_blocks
def _xlogy_value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y)).astype(x.dtype, copy=False)


def _round_value(x: np.ndarray) -> np.ndarray:
    """Halves go to the even integer; np.rint alone would make integers floating."""
    return np.asarray(np.rint(x) if x.dtype.kind == "f" else np.positive(x))


def _pow_value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if y.dtype.kind == "i" and (y < 0).any():
        raise ArgumentError(
            "pow: an integer raised to a negative integer is no integer; make one of them floating"
        )
    return np.asarray(np.power(x, y))


def _floor_divide_value(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """⌊x/y⌋ with the standard's limits: NumPy gives NaN for ∞ over a number, −1 for 1 over −∞."""
    if x.dtype.kind != "f":
        return np.asarray(np.floor_divide(x, y))
    quotient = np.asarray(np.floor_divide(x, y))
    limit = np.isinf(x) | np.isinf(y)
    return np.where(limit, np.floor(x / y), quotient) if np.any(limit) else quotient


def _cast_value(x: np.ndarray, dtype: DType) -> np.ndarray:
    return x.astype(dtype.numpy)


def _polygamma_value(x: np.ndarray, order: int) -> np.ndarray:
    import scipy.special

    value = scipy.special.psi(x) if order == 0 else scipy.special.polygamma(order, x)
    return np.asarray(value, dtype=x.dtype)


# Exponentials, logarithms, powers.
_unary("exp", np.exp, OUT)
_unary("expm1", np.expm1, _exp(X))
_unary("log", np.log, 1 / X)
_unary("log1p", np.log1p, 1 / (1 + X))
_unary("log2", np.log2, (1 / math.log(2)) / X)
_unary("log10", np.log10, (1 / math.log(10)) / X)
_unary("sqrt", np.sqrt, 0.5 / OUT)
_binary("logaddexp", np.logaddexp, (
    choose(_equal(X, Y) & _isinf(X), 0.5, _sigmoid(X - Y)),
    choose(_equal(X, Y) & _isinf(X), 0.5, _sigmoid(Y - X)),
))  # fmt: skip
_binary("pow", _pow_value, (
    choose(_equal(Y, 0), 0, Y * _pow(X, Y - 1)),
    choose(_equal(X, 0) & (Y >= 0), 0, OUT * _log(X)),
), NUMERIC)  # fmt: skip
_binary("xlogy", _xlogy_value, (
    choose(_equal(X, 0) & _equal(Y, 0), 0, _log(Y)),
    choose(_equal(X, 0) & _equal(Y, 0), 0, X / Y),
))  # fmt: skip

# Trigonometry and hyperbolas.
_unary("sin", np.sin, _cos(X))
_unary("cos", np.cos, -_sin(X))
_unary("tan", np.tan, 1 + OUT * OUT)
_unary("asin", np.arcsin, 1 / _sqrt(1 - X * X))
_unary("acos", np.arccos, -(1 / _sqrt(1 - X * X)))
_unary("atan", np.arctan, 1 / (1 + X * X))
_unary("sinh", np.sinh, _cosh(X))
_unary("cosh", np.cosh, _sinh(X))
_unary("tanh", np.tanh, 1 - OUT * OUT)
_unary("asinh", np.arcsinh, 1 / _sqrt(X * X + 1))
_unary("acosh", np.arccosh, 1 / _sqrt((X - 1) * (X + 1)))
_unary("atanh", np.arctanh, 1 / (1 - X * X))
_binary("atan2", np.arctan2, (Y / (X * X + Y * Y), -(X / (X * X + Y * Y))))
_binary("hypot", np.hypot, (
    choose(_equal(OUT, 0), 0, X / OUT), choose(_equal(OUT, 0), 0, Y / OUT),
))  # fmt: skip

# Activations and special functions.
_unary("sigmoid", _sigmoid_value, OUT * (1 - OUT))
_unary("softplus", _softplus_value, _sigmoid(X))
_unary("relu", lambda x: np.maximum(x, 0), choose(X > 0, 1, 0), NUMERIC)
_unary("erf", _special("erf"), (2 / math.sqrt(math.pi)) * _exp(-(X * X)))
_unary("erfc", _special("erfc"), (-2 / math.sqrt(math.pi)) * _exp(-(X * X)))
_unary("ndtr", _special("ndtr"), (1 / math.sqrt(2 * math.pi)) * _exp(-0.5 * (X * X)))
_unary("lgamma", _special("gammaln"), Apply("polygamma", (X,), (0,)))
register(Scalar(
    "polygamma", _polygamma_value, lambda order: (Apply("polygamma", (X,), (order + 1,)),)
))  # fmt: skip

# Arithmetic; sums and products are primitives (Add, Einsum).
_binary("divide", np.true_divide, (1 / Y, -(OUT / Y)), linear=(0,))
_binary("floor_divide", _floor_divide_value, (0, 0), NUMERIC)
_binary("remainder", np.remainder, (1, -_floor_divide(X, Y)), NUMERIC)
_binary("maximum", np.maximum, (
    choose(X > Y, 1, choose(_equal(X, Y), 0.5, 0)), choose(Y > X, 1, choose(_equal(X, Y), 0.5, 0)),
), ANY)  # fmt: skip
_binary("minimum", np.minimum, (
    choose(X < Y, 1, choose(_equal(X, Y), 0.5, 0)), choose(Y < X, 1, choose(_equal(X, Y), 0.5, 0)),
), ANY)  # fmt: skip
register(Scalar("clip", _clip_value, (
    choose((X >= Y) & (Z >= X), 1, 0),
    choose(X < Y, choose(Y > Z, 0, 1), 0),
    choose(X > Z, 1, choose(Y > Z, 1, 0)),
), 3, NUMERIC))  # fmt: skip
_binary("copysign", np.copysign, (_sign(X) * _copysign(1, Y), 0))
_binary("nextafter", np.nextafter, (1, 0))
_unary("abs", np.abs, _sign(X), NUMERIC)
_unary("sign", np.sign, 0, NUMERIC)
_unary("floor", np.floor, 0, NUMERIC)
_unary("ceil", np.ceil, 0, NUMERIC)
_unary("trunc", np.trunc, 0, NUMERIC)
_unary("round", _round_value, 0, NUMERIC)
register(Scalar("cast", _cast_value, lambda _: (wrap(1),), 1, ANY, "param", (0,)))

register(Scalar("detach", lambda x: x, (wrap(0),), 1, ANY))

# Comparisons, logic and bits: no derivative.
for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    _binary(_name, getattr(np, _name), None, ANY, "bool")
for _name in ("logical_and", "logical_or", "logical_xor"):
    _binary(_name, getattr(np, _name), None, ANY, "bool")
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    _binary(_name, getattr(np, _name), None, BITS)
_binary("bitwise_left_shift", np.left_shift, None, INTEGER)
_binary("bitwise_right_shift", np.right_shift, None, INTEGER)
_unary("bitwise_invert", np.invert, None, BITS)
for _name in ("isfinite", "isinf", "isnan", "logical_not", "signbit"):
    _domain = REAL if _name == "signbit" else ANY
    register(Scalar(_name, getattr(np, _name), None, 1, _domain, "bool"))

assert BUNDLE.kind not in ANY
