"""Bits and uniform numbers, of which all other draws are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chainrule.errors import DTypeError, ShapeError
from chainrule.functions.axes import shape_of
from chainrule.functions.lift import Lifted, Operand, as_tensor, cast, describe
from chainrule.functions.random_keys import key_of, random_bits
from chainrule.functions.random_long import Drawn
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_FLOAT, DType, as_dtype, float32, uint32, uint64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor

__all__: list[str] = []

Sizes = int | Sequence[int]


def _bits_nodes(key: Node, shape: Shape, dtype: DType, start: Node | None = None) -> Node:
    return random_bits(key, shape, dtype, start=start)


_bits: Final = Drawn(_bits_nodes)


def bits(key: Operand, shape: Sizes = (), dtype: object = uint64) -> Tensor:
    """Draw integers whose bits are all independent and fair.

    Raises:  DTypeError: the dtype is no unsigned integer.
    Source:  salmon2011parallel

    >>> cr.random.bits(cr.random.key(1), 2, "uint8").dtype
    uint8
    """
    kind = as_dtype(dtype)
    if kind.kind != "unsigned":
        raise DTypeError(f"random.bits: bits are unsigned integers, not {kind}")
    return _bits([key_of("random.bits", key)], shape_of("random.bits", shape), kind)


def float_of(name: str, dtype: object) -> DType:
    """The floating dtype that is asked for."""
    kind = as_dtype(dtype)
    if not kind.is_float:
        raise DTypeError(f"{name}: draws are floating, not {kind}")
    return kind


def unit(key: Node, shape: Shape, dtype: DType, start: Node | None = None) -> Node:
    """k · 2⁻ᵖ with k of p random bits: p = 53 in float64, 24 in float32; in [0, 1)."""
    return unit_of(random_bits(key, shape, words_of(dtype), start=start), dtype)


def unit_of(words: Node, dtype: DType) -> Node:
    """The same of bits that were drawn."""
    return _scaled(words, 24 if dtype is float32 else 53, 0.0, dtype)


def words_of(dtype: DType) -> DType:
    """The dtype of the bits of which a floating number is made."""
    return uint32 if dtype is float32 else uint64


def open_unit(key: Node, shape: Shape, dtype: DType, start: Node | None = None) -> Node:
    """(k + ½) · 2⁻ᵖ with one bit fewer: in (0, 1), symmetric, neither 0 nor 1."""
    words = random_bits(key, shape, words_of(dtype), start=start)
    return _scaled(words, 23 if dtype is float32 else 52, 0.5, dtype)


def _scaled(words: Node, precision: int, offset: float, dtype: DType) -> Node:
    shift = build.fill(words.dtype.bits - precision, words.shape, words.dtype)
    number = build.cast(build.apply("bitwise_right_shift", words, shift), dtype)
    if offset:
        number = build.add((number, build.fill(offset, number.shape, dtype)))
    return build.scale(number, 2.0**-precision)


def _between(drawn: Node, low: Node, high: Node) -> Node:
    """low + (high − low) u."""
    low, high = (build.broadcast(n, drawn.shape) for n in (low, high))
    return build.add((low, build.multiply(build.subtract(high, low), drawn)))


def _between_nodes(
    key: Node, low: Node, high: Node, shape: Shape, dtype: DType, start: Node | None = None
) -> Node:
    return _between(unit(key, shape, dtype, start), low, high)


_uniform: Final = Drawn(unit)
_uniform_between: Final = Drawn(_between_nodes)


def uniform(
    key: Operand,
    shape: Sizes = (),
    low: Operand = 0.0,
    high: Operand = 1.0,
    *,
    dtype: object = DEFAULT_FLOAT,
) -> Tensor:
    """Draw numbers that are uniform between low and high.

    x = low + (high − low) u,   u = k · 2⁻⁵³ (float32: 2⁻²⁴), k uniform: 0 ≤ u < 1

    Rounding may give ``high`` itself if it is not 1. Derivatives flow to low and high.

    Shapes:  key: 2   →   m n   for shape=(m, n)
    Raises:  DTypeError: the dtype is not floating. ShapeError: low or high does not broadcast.

    >>> x = cr.random.uniform(cr.random.key(0), (1000,))
    >>> cr.all((x >= 0) & (x < 1))
    Tensor(True)
    """
    draws = _uniform, _uniform_between
    return drawn("random.uniform", draws, key, shape, dtype, low=low, high=high)


def drawn(
    name: str,
    draws: tuple[Lifted[Tensor], Lifted[Tensor]],
    key: Operand,
    shape: Sizes,
    dtype: object,
    **parameters: Operand,
) -> Tensor:
    """Draw floating numbers: by the first of two for the parameters 0 and 1, else by the second."""
    kind, sizes = float_of(name, dtype), shape_of(name, shape)
    source, given = key_of(name, key), tuple(parameters.values())
    plain, general = draws
    if all(isinstance(v, int | float) for v in given) and given == (0, 1):
        return plain([source], sizes, kind)
    made = parameters_of(name, sizes, kind, **parameters)
    return general([source, *made], sizes, kind)


def parameters_of(name: str, shape: Shape, dtype: DType, **values: Operand) -> list[Tensor]:
    """Parameters of a distribution, in its dtype; they broadcast to the shape drawn."""
    made = []
    for key_, value in values.items():
        tensor = cast(as_tensor(value, name), dtype)
        aligned = zip(reversed(tensor.shape), reversed(shape), strict=False)
        if tensor.ndim > len(shape) or any(a not in (1, b) for a, b in aligned):
            raise ShapeError(
                f"{name}: {key_} does not broadcast to the shape drawn, {list(shape)}\n\n"
                f"    {key_}   {describe(tensor)}"
            )
        made.append(tensor)
    return made
