"""The operators and methods of Tensor: one line each, attached when this file is imported.

The functions themselves are the operators, so that ``x + y`` costs no call more than ``cr.add``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from chainrule.elsewhere import no_attribute
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import (
    comparison,
    cumulative,
    data_types,
    deviations,
    elementary,
    elementwise,
    interop,
    joining,
    linear,
    logic,
    manipulation,
    padding,
    reduction,
    searching,
    sorting,
)
from chainrule.functions.indexing import getitem, take
from chainrule.functions.lift import Operand, describe, known_array
from chainrule.functions.stacks import stack_of
from chainrule.functions.updates import At
from chainrule.tensors import Tensor, of_value, tensor

__all__: list[str] = []

Function = Callable[..., Any]


def _reflected(function: Callable[..., Tensor]) -> Function:
    """The operator for a Tensor on the right."""

    def operator(x: Tensor, other: Operand, /) -> Tensor:
        return function(other, x)

    return operator


# A sum or product is the same from either side, to the last bit.
OPERATORS: Final[dict[str, Function]] = {
    "__abs__": elementwise.abs,
    "__add__": elementwise.add,
    "__and__": logic.bitwise_and,
    "__eq__": comparison.equal,
    "__floordiv__": elementwise.floor_divide,
    "__ge__": comparison.greater_equal,
    "__getitem__": getitem,
    "__gt__": comparison.greater,
    "__invert__": logic.bitwise_invert,
    "__le__": comparison.less_equal,
    "__lshift__": logic.bitwise_left_shift,
    "__lt__": comparison.less,
    "__matmul__": linear.matmul,
    "__mod__": elementwise.remainder,
    "__mul__": elementwise.multiply,
    "__ne__": comparison.not_equal,
    "__neg__": elementwise.negative,
    "__or__": logic.bitwise_or,
    "__pos__": elementwise.positive,
    "__pow__": elementary.pow,
    "__radd__": elementwise.add,
    "__rand__": logic.bitwise_and,
    "__rfloordiv__": _reflected(elementwise.floor_divide),
    "__rlshift__": _reflected(logic.bitwise_left_shift),
    "__rmatmul__": _reflected(linear.matmul),
    "__rmod__": _reflected(elementwise.remainder),
    "__rmul__": elementwise.multiply,
    "__ror__": logic.bitwise_or,
    "__rpow__": _reflected(elementary.pow),
    "__rrshift__": _reflected(logic.bitwise_right_shift),
    "__rshift__": logic.bitwise_right_shift,
    "__rsub__": _reflected(elementwise.subtract),
    "__rtruediv__": _reflected(elementwise.divide),
    "__rxor__": logic.bitwise_xor,
    "__sub__": elementwise.subtract,
    "__truediv__": elementwise.divide,
    "__xor__": logic.bitwise_xor,
}


# ---------------------------------------------------------------- under NumPy's parameters


def _along(function: Function, default: int | None = None) -> Function:
    """A function of the array API standard as a method, whose axis may be given by position."""

    def method(x: Tensor, /, axis: Any = default, **named: Any) -> Any:
        return function(x, axis=axis, **named)

    method.__doc__ = function.__doc__
    return method


def _several(given: Sequence[Any]) -> Any:
    """``x.reshape(2, 3)`` and ``x.reshape((2, 3))`` alike."""
    return given[0] if len(given) == 1 else tuple(given)


def _reshape(x: Tensor, /, *shape: Any) -> Tensor:
    """Give the same elements, in row-major order, another shape; one size may be −1."""
    return manipulation.reshape(x, _several(shape))


def _transpose(x: Tensor, /, *axes: Any) -> Tensor:
    """Put the axes into another order, or into the reverse one."""
    order = _several(axes) if axes else range(x.ndim)[::-1]
    return manipulation.permute_dims(x, order)


def _copy(x: Tensor, _memo: object = None, /) -> Tensor:
    """Give a Tensor of the same numbers, which lasts if this one is given away (jit's donate)."""
    return x if x._value is None else of_value(x._value)


# ---------------------------------------------------------------- Python's protocols


def _matrix_transpose(x: Tensor) -> Tensor:
    """The transposed matrices of a stack: the last two axes exchanged."""
    return linear.matrix_transpose(stack_of(".mT", x))


def _transposed(x: Tensor) -> Tensor:
    """The transposed matrix."""
    if (value := known_array(x)) is not None and value.ndim == 2:
        return of_value(value.T)
    if x.ndim != 2:
        raise ShapeError(
            f".T: a matrix has two axes\n\n    {describe(x)}\n\n"
            "  .mT transposes each matrix of a stack, cr.permute_dims reorders any axes."
        )
    return manipulation.swapaxes(x, 0, 1)


def _at(x: Tensor) -> At:
    """Changed copies: ``x.at[i].set(v)``, ``add``, ``multiply``, ``min`` and ``max``."""
    return At(x)


def _iterate(x: Tensor) -> Iterator[Tensor]:
    if x.ndim == 0:
        raise TypeError("a Tensor with no axes cannot be iterated over")
    return (getitem(x, k) for k in range(x.shape[0]))


def _contains(x: Tensor, value: Operand) -> bool:
    return bool(reduction.any(comparison.equal(x, value)))


def _reduce(x: Tensor) -> tuple[Any, ...]:
    """Pickle the numbers as a NumPy array."""
    return tensor, (x._exported("pickling"),)


def _format(x: Tensor, spec: str) -> str:
    if not spec:
        return str(x)
    if x.size != 1:
        raise ArgumentError(f"the format {spec!r} is for one number\n\n    {describe(x)}")
    return format(x._known().item(), spec)


_FUNCTIONS: Final = (
    comparison,
    cumulative,
    elementary,
    elementwise,
    joining,
    linear,
    logic,
    manipulation,
    padding,
    searching,
)


def _missing(x: Tensor, name: str) -> Any:
    """What is no method may be a function here, or have another name."""
    if name.startswith("_"):  # asked for by protocols, often
        raise AttributeError(name)
    if any(name in module.__all__ for module in _FUNCTIONS):
        raise AttributeError(
            f"Tensor has no attribute {name!r}\n\n  It is a function: cr.{name}(x)."
        )
    raise no_attribute("Tensor", "Tensor", name, x)


PROTOCOLS: Final[dict[str, Function]] = {
    "__array_function__": interop.array_function,
    "__array_namespace__": interop.array_namespace,
    "__array_ufunc__": interop.array_ufunc,
    "__contains__": _contains,
    "__copy__": _copy,
    "__deepcopy__": _copy,
    "__dlpack__": interop.dlpack,
    "__dlpack_device__": interop.dlpack_device,
    "__format__": _format,
    "__getattr__": _missing,
    "__iter__": _iterate,
    "__reduce__": _reduce,
}

METHODS: Final[dict[str, Function]] = {
    "all": _along(reduction.all),
    "any": _along(reduction.any),
    "argmax": _along(searching.argmax),
    "argmin": _along(searching.argmin),
    "argsort": _along(sorting.argsort, -1),
    "astype": data_types.astype,
    "clip": elementwise.clip,
    "copy": _copy,
    "cumsum": _along(cumulative.cumulative_sum),
    "dot": linear.matmul,
    "flatten": manipulation.flatten,
    "max": _along(reduction.max),
    "mean": _along(reduction.mean),
    "min": _along(reduction.min),
    "nonzero": searching.nonzero,
    "prod": _along(reduction.prod),
    "ravel": manipulation.ravel,
    "repeat": joining.repeat,
    "reshape": _reshape,
    "round": elementwise.round,
    "squeeze": manipulation.squeeze,
    "std": _along(deviations.std),
    "sum": _along(reduction.sum),
    "swapaxes": manipulation.swapaxes,
    "take": take,
    "to_device": interop.to_device,
    "transpose": _transpose,
    "var": _along(deviations.var),
}

PROPERTIES: Final[dict[str, Function]] = {
    "T": _transposed,
    "at": _at,
    "mT": _matrix_transpose,
}


def _attach() -> None:
    for name, function in (OPERATORS | PROTOCOLS | METHODS).items():
        setattr(Tensor, name, function)
    for name, function in PROPERTIES.items():
        setattr(Tensor, name, property(function))


_attach()
