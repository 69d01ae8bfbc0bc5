"""Random numbers (``cr.random``): each is a pure function of a key; there is no hidden state.

A key is two words of 64 bits. The bits for a key are the words of Philox4x64-10
[salmon2011parallel], a counter-based generator: equal for equal keys on every machine, in every
transform and for any number of threads. Integers, uniform numbers, permutations and dropout masks
are equal to the last bit as well; normal and Gumbel numbers also call the logarithm, sine and
cosine of the machine's mathematical library, which may differ in the last place.

Use a key once. ``split`` and ``fold_in`` make independent new ones.
"""

from __future__ import annotations

import operator
from typing import Final

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.axes import axis_of, shape_of
from chainrule.functions.indexing import take
from chainrule.functions.lift import Lifted, Operand, as_tensor, describe, floating
from chainrule.functions.random_keys import fold_in, key, key_of, random_bits, split
from chainrule.functions.random_long import Drawn
from chainrule.functions.random_normal import normal
from chainrule.functions.random_uniform import (
    Sizes,
    bits,
    float_of,
    open_unit,
    parameters_of,
    uniform,
    unit,
)
from chainrule.ir import build
from chainrule.ir.dtype import (
    ALL,
    DEFAULT_FLOAT,
    DEFAULT_INT,
    DType,
    as_dtype,
    uint32,
    uint64,
)
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.ir.routines.ordering import ARGSORT
from chainrule.tensors import Tensor, of_value

__all__ = [
    "bernoulli",
    "bits",
    "categorical",
    "dropout",
    "exponential",
    "fold_in",
    "gumbel",
    "key",
    "normal",
    "permutation",
    "randint",
    "split",
    "uniform",
]


def _exponential_nodes(key: Node, shape: Shape, dtype: DType, start: Node | None = None) -> Node:
    """−log(1 − u)."""
    return build.negative(build.apply("log1p", build.negative(unit(key, shape, dtype, start))))


_exponential: Final = Drawn(_exponential_nodes)


def exponential(key: Operand, shape: Sizes = (), *, dtype: object = DEFAULT_FLOAT) -> Tensor:
    """Draw exponential numbers with mean 1.

    x = −log(1 − u)

    >>> x = cr.random.exponential(cr.random.key(0), (10_000,))
    >>> cr.all(x >= 0) & (cr.abs(cr.mean(x) - 1) < 0.05)
    Tensor(True)
    """
    kind, sizes = float_of("random.exponential", dtype), shape_of("random.exponential", shape)
    return _exponential([key_of("random.exponential", key)], sizes, kind)


def _gumbel_nodes(key: Node, shape: Shape, dtype: DType, start: Node | None = None) -> Node:
    """−log(−log u)."""
    log = build.apply("log", open_unit(key, shape, dtype, start))
    return build.negative(build.apply("log", build.negative(log)))


_gumbel: Final = Drawn(_gumbel_nodes)


def gumbel(key: Operand, shape: Sizes = (), *, dtype: object = DEFAULT_FLOAT) -> Tensor:
    """Draw numbers of the standard Gumbel distribution, the limit of the largest of many.

    x = −log(−log u),   0 < u < 1

    >>> x = cr.random.gumbel(cr.random.key(0), (10_000,))
    >>> cr.abs(cr.median(x) + np.log(np.log(2))) < 0.05
    Tensor(True)
    """
    kind, sizes = float_of("random.gumbel", dtype), shape_of("random.gumbel", shape)
    return _gumbel([key_of("random.gumbel", key)], sizes, kind)


def _less_nodes(key: Node, p: Node, shape: Shape, start: Node | None = None) -> Node:
    drawn = unit(key, shape, p.dtype, start)
    return build.apply("less", drawn, build.broadcast(p, shape))


_less: Final = Drawn(_less_nodes)


def bernoulli(key: Operand, p: Operand = 0.5, shape: Sizes | None = None) -> Tensor:
    """Draw True with probability p: where a uniform number is less than p.

    The shape is that of p unless it is given.

    >>> cr.random.bernoulli(cr.random.key(0), 1.0, 2)
    Tensor([ True,  True])
    """
    chance = floating(as_tensor(p, "random.bernoulli"))
    sizes = chance.shape if shape is None else shape_of("random.bernoulli", shape)
    (chance,) = parameters_of("random.bernoulli", sizes, chance.dtype, p=chance)
    return _less([key_of("random.bernoulli", key), chance], sizes)


def _randint_nodes(
    key: Node,
    low: Node,
    span: Node,
    shape: Shape,
    dtype: DType,
    narrow: bool,
    start: Node | None = None,
) -> Node:
    """low + ⌊span · k 2⁻⁶⁴⌋ with k of 64 random bits [lemire2019fast], without a division.

    narrow   whether the span is less than 2³²
    """
    words = random_bits(key, shape, uint64, start=start)
    high = _high_word(words, build.broadcast(span, shape), narrow)
    offset = build.cast(high, low.dtype)
    return build.cast(build.add((build.broadcast(low, shape), offset)), dtype)


def _high_word(first: Node, second: Node, narrow: bool) -> Node:
    """The upper 64 bits of products of 64 bits, by products of halves, of which none overflows."""

    def halves(number: Node) -> tuple[Node, Node]:
        upper = build.apply("bitwise_right_shift", number, build.fill(32, number.shape, uint64))
        mask = build.fill(2**32 - 1, number.shape, uint64)
        return upper, build.apply("bitwise_and", number, mask)

    (above, below), (top, bottom) = halves(first), halves(second)
    carried, _ = halves(build.multiply(below, bottom))
    upper, lower = halves(build.add((build.multiply(above, bottom), carried)))
    if narrow:  # the upper half of the second factor is 0
        return upper
    carried, _ = halves(build.add((build.multiply(below, top), lower)))
    return build.add((build.multiply(above, top), upper, carried))


_randint: Final = Drawn(_randint_nodes)


_LIMITS: Final = {d: (np.iinfo(d.numpy).min, np.iinfo(d.numpy).max) for d in ALL if d.is_integer}


def randint(
    key: Operand, shape: Sizes, low: int, high: int, *, dtype: object = DEFAULT_INT
) -> Tensor:
    """Draw integers low, …, high − 1, all equally likely up to (high − low) · 2⁻⁶⁴.

    x = low + ⌊(high − low) k 2⁻⁶⁴⌋,   k uniform below 2⁶⁴

    Raises:  ArgumentError: there is no integer to draw, or the dtype cannot hold one.
             DTypeError: the dtype is no integer.
    Source:  lemire2019fast, sec. 3

    >>> cr.random.randint(cr.random.key(0), (2,), 5, 6)
    Tensor([5, 5])
    """
    kind, first, last = as_dtype(dtype), operator.index(low), operator.index(high) - 1
    if last < first:
        raise ArgumentError(f"random.randint: there is no integer from {low} to before {high}")
    if not kind.is_integer:
        raise DTypeError(f"random.randint: draws are integers, not {kind}")
    least, most = _LIMITS[kind]
    if first < least or last > most or last - first >= 1 << 63:
        raise ArgumentError(f"random.randint: {kind} does not hold {low} to {high} − 1")
    sizes = shape_of("random.randint", shape)
    source = key_of("random.randint", key)
    wide = np.uint64 if kind is uint64 else np.int64
    bounds = of_value(np.array(first, wide)), of_value(np.array(last - first + 1, np.uint64))
    return _randint([source, *bounds], sizes, kind, last - first + 1 < 1 << 32)


def _categorical_nodes(key: Node, logits: Node, axis: int, shape: Shape) -> Node:
    lead = len(shape) - logits.ndim + 1
    axis += lead
    full = (*shape[:axis], logits.shape[axis - lead], *shape[axis:])
    noise = _gumbel_nodes(key, full, logits.dtype)
    scores = build.add((build.broadcast(logits, full), noise))
    return build.reduce("argmax", scores, (axis,))


_categorical: Final = Lifted(_categorical_nodes)


def categorical(
    key: Operand, logits: Operand, *, axis: int = -1, shape: Sizes | None = None
) -> Tensor:
    """Draw classes with probabilities softmax(logits): the largest of logits with Gumbel noise.

    x = argmax (logits + g),   g = −log(−log u)

    ``shape`` is that of the result; its last axes are those of the logits without ``axis``.

    Shapes:  key: 2   logits: ... k   →   ...
    Raises:  ShapeError: the logits have no class, or do not fit the shape.
    Source:  maddison2014sampling, sec. 2

    >>> cr.random.categorical(cr.random.key(0), tensor([0.0, 100.0]), shape=(3,))
    Tensor([1, 1, 1])
    """
    scores = floating(as_tensor(logits, "random.categorical"))
    place = axis_of("random.categorical", axis, scores)
    own = (*scores.shape[:place], *scores.shape[place + 1 :])
    sizes = own if shape is None else shape_of("random.categorical", shape)
    if sizes[len(sizes) - len(own) :] != own or not scores.shape[place]:
        raise ShapeError(
            f"random.categorical: logits with classes along axis {place} do not give draws of "
            f"shape {list(sizes)}\n\n    logits   {describe(scores)}"
        )
    return _categorical([key_of("random.categorical", key), scores], place, sizes)


def _order_nodes(words: Node) -> Node:
    return build.routine(ARGSORT.name, words, params=(False,))[0]


_order: Final = Lifted(_order_nodes)


def permutation(key: Operand, x: int | Operand) -> Tensor:
    """Draw an order of 0, …, n − 1; or, for a Tensor, bring its first axis into a drawn order.

    Shapes:  key: 2   x: n ...   →   n ...
    Raises:  ArgumentError: the int is negative. ShapeError: the Tensor has no axis.

    >>> cr.sort(cr.random.permutation(cr.random.key(0), 4))
    Tensor([0, 1, 2, 3])
    """
    source = key_of("random.permutation", key)
    if isinstance(x, int):
        if x < 0:
            raise ArgumentError(f"random.permutation: there are no {x} numbers")
        return _drawn_order(source, x)
    tensor = as_tensor(x, "random.permutation")
    if not tensor.ndim:
        raise ShapeError(f"random.permutation: x has no axis\n\n    x   {describe(tensor)}")
    return take(tensor, _drawn_order(source, tensor.shape[0]), axis=0)


def _drawn_order(key: Tensor, size: int) -> Tensor:
    """The order of random words: two of n are equal with probability n² 2⁻⁶⁵."""
    return _order([bits(key, size)])


def _dropout_nodes(key: Node, x: Node, rate: float) -> Node:
    """Compare 32 bits with rate · 2³², so that the mask is the same for every dtype of x."""
    threshold = min(round(rate * 2**32), 2**32 - 1)
    words = random_bits(key, x.shape, uint32)
    kept = build.apply("greater_equal", words, build.fill(threshold, x.shape, uint32))
    return build.select(kept, build.scale(x, 1 / (1 - rate)), build.zeros_like(x))


_dropout: Final = Lifted(_dropout_nodes)


def dropout(x: Operand, rate: float, key: Operand) -> Tensor:
    """Set each element to 0 with probability ``rate`` and scale the others, so the mean stays.

    y = x ⊙ m / (1 − rate),   m is 0 with probability rate, else 1

    Shapes:  x: ...   key: 2   →   ...   for rate=0.5
    Raises:  ArgumentError: the rate is not in [0, 1).
    Source:  srivastava2014dropout

    >>> cr.random.dropout(tensor([1.0, 2.0]), 0.0, cr.random.key(0))
    Tensor([1., 2.])
    """
    if not 0 <= rate < 1:
        raise ArgumentError(f"random.dropout: the rate is {rate}; it is at least 0 and less than 1")
    source = key_of("random.dropout", key)
    return _dropout([source, floating(as_tensor(x, "random.dropout"))], float(rate))
