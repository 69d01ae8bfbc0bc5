"""First values of parameters, by their papers.

An initializer is a function of (key, shape, dtype). The functions here take settings and give one.
The last two axes and the others of a weight count as (out, in, kernel …): its fan-in is
in · ∏ kernel, its fan-out out · ∏ kernel.

>>> he_normal()(cr.random.key(0), (512, 784), "float32").shape
(512, 784)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import creation, elementary, linalg, linear, random
from chainrule.functions.elementwise import clip, multiply, where
from chainrule.functions.lift import cast
from chainrule.functions.manipulation import reshape
from chainrule.ir.dtype import DType, as_dtype, float64
from chainrule.ir.primitives import Shape
from chainrule.tensors import Tensor

__all__ = [
    "Initializer",
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "zeros",
]


@final
@dataclass(frozen=True)
class Initializer:
    """A distribution of first values: a function of a key, a shape and a dtype."""

    name: str
    settings: tuple[tuple[str, float], ...]
    draw: Callable[[Tensor, Shape, DType], Tensor] = field(repr=False, compare=False)

    def __call__(self, key: Tensor, shape: Shape, dtype: Any = "float32") -> Tensor:
        """Draw the first values of a parameter."""
        return self.draw(key, shape, as_dtype(dtype))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v:g}' for k, v in self.settings)})"


def _made(
    name: str, draw: Callable[[Tensor, Shape, DType], Tensor], **settings: float
) -> Initializer:
    return Initializer(name, tuple(settings.items()), draw)


def _not_negative(name: str, **settings: float) -> None:
    for setting, value in settings.items():
        if not value >= 0:
            raise ArgumentError(f"{name}: {setting}={value}, which must not be negative")


# ---------------------------------------------------------------- one number


def zeros() -> Initializer:
    """Start with zeros, as biases do.

    >>> cr.nn.initialization.zeros()(cr.random.key(0), (2,))
    Tensor([0., 0.], float32)
    """
    return _made("zeros", lambda key, shape, dtype: creation.zeros(shape, dtype=dtype))


def ones() -> Initializer:
    """Start with ones, as the scales of normalization do.

    >>> cr.nn.initialization.ones()(cr.random.key(0), (2,))
    Tensor([1., 1.], float32)
    """
    return _made("ones", lambda key, shape, dtype: creation.ones(shape, dtype=dtype))


def constant(value: float) -> Initializer:
    """Start with one number everywhere.

    >>> constant(0.5)(cr.random.key(0), (2,))
    Tensor([0.5, 0.5], float32)
    """
    return _made(
        "constant",
        lambda key, shape, dtype: creation.full(shape, value, dtype=dtype),
        value=value,
    )


# ---------------------------------------------------------------- given distributions


def uniform(low: float = -0.05, high: float = 0.05) -> Initializer:
    """Draw from the uniform distribution: variance (high − low)²/12.

    Raises:  ArgumentError: low is greater than high.

    >>> uniform(-0.1, 0.1)
    uniform(low=-0.1, high=0.1)
    """
    if not low <= high:
        raise ArgumentError(f"uniform: low={low} is greater than high={high}")
    return _made(
        "uniform",
        lambda key, shape, dtype: random.uniform(key, shape, low, high, dtype=dtype),
        low=low,
        high=high,
    )


def normal(std: float = 0.01, mean: float = 0.0) -> Initializer:
    """Draw from the normal distribution: variance std².

    Raises:  ArgumentError: std is negative.

    >>> normal(0.02)
    normal(std=0.02, mean=0)
    """
    _not_negative("normal", std=std)
    return _made(
        "normal",
        lambda key, shape, dtype: random.normal(key, shape, mean, std, dtype=dtype),
        std=std,
        mean=mean,
    )


def truncated_normal(std: float = 0.01, mean: float = 0.0) -> Initializer:
    """Draw from the normal distribution cut off at two standard deviations: variance 0.7737 std².

    x = mean + std · Φ⁻¹(Φ(−2) + u (Φ(2) − Φ(−2))),   u uniform in [0, 1)

    ``std`` is that of the normal distribution before it is cut.

    Raises:  ArgumentError: std is negative.

    >>> x = truncated_normal(1.0)(cr.random.key(0), (1000,))
    >>> cr.all(cr.abs(x) <= 2)
    Tensor(True)
    """
    _not_negative("truncated_normal", std=std)

    def draw(key: Tensor, shape: Shape, dtype: DType) -> Tensor:
        edge = math.erf(math.sqrt(2))
        share = random.uniform(key, shape, -edge, edge, dtype=float64)
        standard = math.sqrt(2) * _inverse_erf(share)
        return cast(clip(mean + std * standard, mean - 2 * std, mean + 2 * std), dtype)

    return _made("truncated_normal", draw, std=std, mean=mean)


def _inverse_erf(y: Tensor) -> Tensor:
    """erf⁻¹ for |y| < 0.96: from its series, three steps of Halley's method; error below 10⁻¹⁵."""
    x = 0.5 * math.sqrt(math.pi) * y * (1 + math.pi / 12 * y * y)
    for _ in range(3):
        newton = 0.5 * math.sqrt(math.pi) * (elementary.erf(x) - y) * elementary.exp(x * x)
        x = x - newton / (1 + x * newton)
    return x


# ---------------------------------------------------------------- by the fans


def _fans(name: str, shape: Shape) -> tuple[int, int]:
    """The numbers of inputs and outputs that a weight (out, in, kernel …) connects."""
    if len(shape) < 2:
        raise ShapeError(
            f"{name}: a parameter of shape {list(shape)} has no fan-in and fan-out\n\n"
            "  They are those of a weight (out, in, kernel …). Biases start with zeros()."
        )
    area = math.prod(shape[2:])
    return max(1, shape[1] * area), max(1, shape[0] * area)


def _scaled(
    name: str, shape_of_draw: str, variance: Callable[[int, int], float], **settings: float
) -> Initializer:
    """Mean 0 and a variance that depends on (fan-in, fan-out), normal or uniform."""

    def draw(key: Tensor, shape: Shape, dtype: DType) -> Tensor:
        std = math.sqrt(variance(*_fans(name, shape)))
        if shape_of_draw == "normal":
            return random.normal(key, shape, 0.0, std, dtype=dtype)
        return random.uniform(key, shape, -math.sqrt(3) * std, math.sqrt(3) * std, dtype=dtype)

    return _made(name, draw, **settings)


def glorot_uniform() -> Initializer:
    """Draw uniformly with variance 2/(fan-in + fan-out), for layers before tanh and the like.

    x ~ U(−a, a),   a = √(6/(fan-in + fan-out))

    Forward, the variance of the activations stays about the same from layer to layer, and
    backward that of the gradients.

    Source:  glorot2010understanding, eq. 16
    """
    return _scaled("glorot_uniform", "uniform", lambda n, m: 2 / (n + m))


def glorot_normal() -> Initializer:
    """Draw normally with variance 2/(fan-in + fan-out), for layers before tanh and the like.

    Source:  glorot2010understanding, eq. 12
    """
    return _scaled("glorot_normal", "normal", lambda n, m: 2 / (n + m))


def he_uniform(negative_slope: float = 0.0) -> Initializer:
    """Draw uniformly with variance 2/((1 + a²) fan-in), for layers before relu.

    x ~ U(−b, b),   b = √(6/((1 + a²) fan-in)),   a the slope of a leaky relu below 0

    Source:  he2015delving, eq. 10 and 15
    """
    a = negative_slope
    return _scaled("he_uniform", "uniform", lambda n, m: 2 / ((1 + a * a) * n), negative_slope=a)


def he_normal(negative_slope: float = 0.0) -> Initializer:
    """Draw normally with variance 2/((1 + a²) fan-in), for layers before relu.

    Relu sets half of the numbers to 0, which the 2 makes up for; a is the slope of a leaky relu
    below 0.

    Source:  he2015delving, eq. 10 and 15
    """
    a = negative_slope
    return _scaled("he_normal", "normal", lambda n, m: 2 / ((1 + a * a) * n), negative_slope=a)


def lecun_uniform() -> Initializer:
    """Draw uniformly with variance 1/fan-in: the layer keeps the variance of what it is given.

    Source:  lecun1998efficient, eq. 16
    """
    return _scaled("lecun_uniform", "uniform", lambda n, m: 1 / n)


def lecun_normal() -> Initializer:
    """Draw normally with variance 1/fan-in, as self-normalizing networks (selu) ask for.

    Source:  lecun1998efficient, eq. 16; klambauer2017self
    """
    return _scaled("lecun_normal", "normal", lambda n, m: 1 / n)


def orthogonal(gain: float = 1.0) -> Initializer:
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, evenly from all.

    W Wᵀ = gain² I   or   Wᵀ W = gain² I

    It is Q of the QR decomposition of a normal matrix, each column with the sign that makes R's
    diagonal positive. A weight with more axes counts as a matrix of shape (out, rest).

    Source:  saxe2014exact; mezzadri2007generate, sec. 5

    >>> w = orthogonal()(cr.random.key(0), (2, 3), "float64")
    >>> cr.all(cr.abs(w @ w.T - cr.eye(2)) < 1e-12)
    Tensor(True)
    """

    def draw(key: Tensor, shape: Shape, dtype: DType) -> Tensor:
        _fans("orthogonal", shape)
        rows, columns = shape[0], math.prod(shape[1:])
        tall = (max(rows, columns), min(rows, columns))
        q, r = linalg.qr(random.normal(key, tall, dtype=dtype))
        q = multiply(q, cast(where(linalg.diagonal(r) < 0, -gain, gain), dtype))
        return reshape(linear.matrix_transpose(q) if rows < columns else q, shape)

    return _made("orthogonal", draw, gain=gain)
