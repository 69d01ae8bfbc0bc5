"""Elementwise functions in registers: the native form of each record of ir/scalar.py.

A record's NumPy function says what it means; here stands how it is computed, for one lane or many
(codegen/mathematics). What has no native form (incomplete gamma functions) runs on the host.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, lanes, register
from chainrule.codegen.mathematics import (
    comparisons,
    error_function,
    exponentials,
    gamma,
    integers,
    inverse,
    logarithms,
    powers,
    rejection,
    rounding,
    trigonometry,
)
from chainrule.codegen.mathematics.casts import cast
from chainrule.codegen.mathematics.lanes import Lanes, where
from chainrule.ir.dtype import DType
from chainrule.ir.scalar import Scalar

__all__ = ["BELOW", "LIGHT", "SHORT", "applied", "emit_scalar", "is_native"]

LIGHT: Final = frozenset({
    "relu", "abs", "sign", "maximum", "minimum", "equal", "not_equal", "less", "less_equal",
    "greater", "greater_equal", "copysign", "logical_and", "logical_or", "logical_xor",
    "logical_not", "bitwise_and", "bitwise_or", "bitwise_xor", "clip",
})  # fmt: skip
"""Functions of about one instruction."""

SHORT: Final = LIGHT | {
    "cast", "divide", "sqrt", "detach", "isnan", "isinf", "isfinite", "signbit", "bitwise_invert",
    "floor", "ceil", "trunc",
}  # fmt: skip
"""Functions that are written out wherever they are used."""

BELOW: Final = ("no more than 0",)
"""What is said of exp where its operand is."""

Rule = Callable[[Sequence[Lanes], DType], Lanes]


def is_native(record: Scalar, dtype: DType | None = None, params: tuple[Any, ...] = ()) -> bool:
    """Whether a function has a native form, for operands of a type if one is given.

    Signed integers raised to integers have one, but only the host can refuse negative exponents.
    Of the polygamma functions the first two have one.
    """
    if record.name == "polygamma":
        return params[:1] in ((0,), (1,))
    if record.name == "pow" and dtype is not None and dtype.kind == "signed":
        return False
    return record.name in _RULES or record.name == "cast"


def applied(
    b: Builder,
    record: Scalar,
    params: tuple[Any, ...],
    operands: Sequence[Value],
    dtype: DType,
    result: DType,
) -> Value:
    """A scalar function of values; a long one is written once in the module and called.

    LLVM writes it out again where it is called only once or where that is short.
    """
    if record.name in SHORT:
        made = emit_scalar(b, record, params, operands, dtype)
        assert made is not None, record
        return made
    count = lanes(operands[0].type)
    kind = register(result, count)
    words = [record.name, dtype.short, *(re.sub(r"\W", "_", str(v)) for v in params)]
    name = "_".join([*words, str(count)])
    if name not in b.module.builders:
        parameters = [(f"x{k}", v.type) for k, v in enumerate(operands)]
        f = b.module.function(name, parameters, kind, internal=True)
        made = emit_scalar(f, record, params, f.arguments, dtype)
        assert made is not None, record
        f.ret(made)
    return b.call(name, kind, *operands)


def emit_scalar(
    b: Builder, record: Scalar, params: tuple[Any, ...], operands: Sequence[Value], dtype: DType
) -> Value | None:
    """Write a function of values in registers, all of one dtype; None if it has no native form."""
    own = [Lanes(b, o) for o in operands]
    if params == BELOW:
        return exponentials.exp_below(own[0]).value
    if record.name == "cast":
        return cast(own[0], dtype, params[0]).value
    if record.name == "polygamma":
        order = {0: gamma.digamma, 1: gamma.trigamma}.get(params[0])
        return None if order is None else _in_float64(order)(own, dtype).value
    rule = _RULES.get(record.name)
    return None if rule is None else rule(own, dtype).value


def _unary(of_real: Callable[[Lanes], Lanes]) -> Rule:
    return lambda operands, dtype: of_real(operands[0])


def _binary(of_real: Callable[[Lanes, Lanes], Lanes]) -> Rule:
    return lambda operands, dtype: of_real(operands[0], operands[1])


def _in_float64(of_real: Callable[..., Lanes]) -> Rule:
    """An algorithm for float64 that serves float32 too, where speed does not matter."""

    def rule(operands: Sequence[Lanes], dtype: DType) -> Lanes:
        made = of_real(*(x.convert("fpext", "double") for x in operands))
        return made if dtype.bits == 64 else made.convert("fptrunc", "float")

    return rule


def _typed(of_any: Callable[..., Lanes]) -> Rule:
    return lambda operands, dtype: of_any(*operands, dtype)


def _by_kind(of_real: Callable[..., Lanes], of_whole: Callable[..., Lanes]) -> Rule:
    """One algorithm for floating-point numbers and one for integers, which is told their type."""
    return lambda operands, dtype: (
        of_real(*operands) if dtype.is_float else of_whole(*operands, dtype)
    )


def _relu(x: Lanes, dtype: DType) -> Lanes:
    """max(x, 0) in one instruction; NaN stays."""
    return x if dtype.kind == "unsigned" else where(x < 0, 0, x)


def _rounding(name: str) -> Rule:
    return lambda operands, dtype: rounding.rounded(operands[0], name)


_RULES: Final[Mapping[str, Rule]] = {
    "exp": _unary(exponentials.exp),
    "expm1": _unary(exponentials.expm1),
    "log": _unary(logarithms.log),
    "log1p": _unary(logarithms.log1p),
    "log2": _unary(logarithms.log2),
    "log10": _unary(logarithms.log10),
    "logaddexp": _in_float64(logarithms.logaddexp),
    "xlogy": _binary(logarithms.xlogy),
    "pow": _by_kind(powers.power, integers.power),
    "hypot": _binary(powers.hypot),
    "sin": _unary(trigonometry.sin),
    "cos": _unary(trigonometry.cos),
    "tan": _in_float64(trigonometry.tan),
    "asin": _in_float64(inverse.asin),
    "acos": _in_float64(inverse.acos),
    "atan": _in_float64(inverse.atan),
    "atan2": _in_float64(inverse.atan2),
    "sinh": _unary(exponentials.sinh),
    "cosh": _unary(exponentials.cosh),
    "tanh": _unary(exponentials.tanh),
    "asinh": _in_float64(logarithms.asinh),
    "acosh": _in_float64(logarithms.acosh),
    "atanh": _in_float64(logarithms.atanh),
    "sigmoid": _unary(exponentials.sigmoid),
    "softplus": _unary(logarithms.softplus),
    "erf": _unary(error_function.erf),
    "erfc": _unary(error_function.erfc),
    "ndtr": _unary(error_function.ndtr),
    "lgamma": _in_float64(gamma.lgamma),
    "gamma_draw": _in_float64(rejection.gamma_draw),
    "sqrt": _unary(lambda x: x.apply("sqrt")),
    "relu": _typed(_relu),
    "divide": _binary(lambda x, y: x / y),
    "floor_divide": _by_kind(rounding.floor_divide, integers.floor_divide),
    "remainder": _by_kind(rounding.remainder, integers.remainder),
    "maximum": _typed(comparisons.maximum),
    "minimum": _typed(comparisons.minimum),
    "clip": _typed(comparisons.clip),
    "copysign": _binary(lambda x, y: x.signed_as(y)),
    "nextafter": _binary(rounding.nextafter),
    "abs": _by_kind(abs, integers.absolute),
    "sign": _by_kind(rounding.sign, integers.sign),
    "detach": _unary(lambda x: x),
    "bitwise_invert": _unary(lambda x: ~x),
    **{name: _rounding(name) for name in ("floor", "ceil", "trunc", "round")},
    **{name: _typed(rule) for name, rule in comparisons.COMPARISONS.items()},
    **{name: _binary(rule) for name, rule in comparisons.LOGIC.items()},
    **{name: _typed(rule) for name, rule in comparisons.BITS.items()},
    **{name: _unary(rule) for name, rule in comparisons.KINDS.items()},
}
