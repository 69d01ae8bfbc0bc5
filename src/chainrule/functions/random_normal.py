"""Normal numbers, of which two are made at once."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from chainrule.functions.blockwise import BLOCK, paired
from chainrule.functions.lift import Lifted, Operand
from chainrule.functions.random_keys import lane, random_bits
from chainrule.functions.random_long import Kind, Program, compiled, long_arrays
from chainrule.functions.random_uniform import Sizes, drawn, unit, unit_of, words_of
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_FLOAT, DType, from_numpy, uint64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor, of_value

__all__: list[str] = []


def _pair(first: Node, second: Node) -> list[Node]:
    """√(−2 log u₁) (cos 2πu₂, sin 2πu₂) [box1958note]; u₁ = 1 − k 2⁻ᵖ is never 0."""
    log = build.apply("log1p", build.negative(first))
    radius = build.apply("sqrt", build.scale(log, -2))
    angle = build.scale(second, 2 * math.pi)
    return [build.multiply(radius, build.apply(f, angle)) for f in ("cos", "sin")]


def _cosine_nodes(first: Node, second: Node) -> Node:
    return _pair(first, second)[0]


_cosine: Final = Lifted(_cosine_nodes)


def standard_normal(first: Tensor, second: Tensor) -> Tensor:
    """Make standard normal numbers of uniform ones, the cosine of each pair."""
    return _cosine([first, second])


def _normal_nodes(key: Node, shape: Shape, dtype: DType) -> Node:
    """The first half of the uniform numbers are the radii, the second the angles."""
    size = math.prod(shape)
    half = -(-size // 2)
    drawn = unit(key, (2, half), dtype)
    pair = _pair(*(build.reshape(build.slice_axis(drawn, 0, k, 1), (half,)) for k in (0, 1)))
    return build.reshape(build.slice_axis(build.join(pair, 0), 0, 0, size), shape)


def _shifted(standard: Node, mean: Node, deviation: Node) -> Node:
    scaled = build.multiply(build.broadcast(deviation, standard.shape), standard)
    return build.add((build.broadcast(mean, standard.shape), scaled))


def _normal_at(key: Node, mean: Node, deviation: Node, shape: Shape, dtype: DType) -> Node:
    return _shifted(_normal_nodes(key, shape, dtype), mean, deviation)


class _Normal(Lifted[Tensor]):
    """A long draw of normal numbers outside of any recording runs block by block."""

    __slots__ = ()

    def __call__(self, tensors: Sequence[Tensor], *static: Any) -> Tensor:
        shape, dtype = static
        arrays = long_arrays(tensors, shape)
        if arrays is None:
            return super().__call__(tensors, shape, dtype)
        if any(a.size > 1 for a in arrays[1:]):
            return _shift([_normal(tensors[:1], shape, dtype), *tensors[1:]])
        count = math.prod(shape)
        half = -(-count // 2)
        apart = half % lane(words_of(dtype))
        kinds = tuple([((1,), from_numpy(a.dtype)) for a in arrays[1:]])
        fixed = [arrays[0], *[a.reshape(1) for a in arrays[1:]], np.array(half - apart, np.uint64)]
        made = paired(_program(apart, dtype, kinds), fixed, half, BLOCK)
        return of_value(made[:count].reshape(shape))


@functools.lru_cache
def _program(apart: int, dtype: DType, kinds: tuple[Kind, ...]) -> Program:
    """The program of a block of pairs.

    apart   how many numbers the angles stand behind a whole block of bits: that one is cut
    """

    def block(key: Node, *operands: Node) -> list[Node]:
        *moments, half, start = operands
        words, extra = words_of(dtype), lane(words_of(dtype)) if apart else 0
        bits = random_bits(key, (BLOCK + extra,), words, start=build.add((half, start)))
        angles = unit_of(build.slice_axis(bits, 0, apart, BLOCK), dtype)
        pair = _pair(unit(key, (BLOCK,), dtype, start), angles)
        return [_shifted(x, *moments) for x in pair] if moments else pair

    return compiled(block, *kinds, ((), uint64), ((), uint64))


_shift: Final = Lifted(_shifted)
_normal: Final = _Normal(_normal_nodes)
_normal_shifted: Final = _Normal(_normal_at)


def normal(
    key: Operand,
    shape: Sizes = (),
    mean: Operand = 0.0,
    std: Operand = 1.0,
    *,
    dtype: object = DEFAULT_FLOAT,
) -> Tensor:
    """Draw normal numbers by the method of Box and Muller.

    x = mean + std · √(−2 log u₁) cos 2πu₂   (and sin, for the other half)

    Equal on every machine up to its log, cos and sin. No number is more than 8.6 (float32: 5.8)
    standard deviations from the mean. Derivatives flow to mean and std.

    Shapes:  key: 2   →   m n   for shape=(m, n)
    Raises:  DTypeError: the dtype is not floating. ShapeError: mean or std does not broadcast.
    Source:  box1958note

    >>> x = cr.random.normal(cr.random.key(0), (10_000,))
    >>> cr.abs(cr.mean(x)) < 0.05
    Tensor(True)
    """
    draws = _normal, _normal_shifted
    return drawn("random.normal", draws, key, shape, dtype, mean=mean, std=std)
