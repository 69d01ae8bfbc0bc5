"""Networks of linear layers, ready made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.functions import random
from chainrule.functions.activations import relu
from chainrule.nn.initialization import Initializer, he_normal
from chainrule.nn.keys import key_for
from chainrule.nn.linear import Linear
from chainrule.nn.sequential import Sequential
from chainrule.tensors import Tensor

__all__ = ["linear", "mlp"]


def linear(
    in_features: int, out_features: int, *, key: Tensor | None = None, dtype: Any = "float32"
) -> Linear:
    """Make the linear classifier: scores f(x) = W x + b, one for each class.

    >>> cr.nn.linear(784, 10, key=cr.random.key(0)).weight.shape
    (10, 784)
    """
    return Linear(in_features, out_features, key=key, dtype=dtype)


def mlp(
    sizes: Sequence[int],
    activation: Callable[[Tensor], Tensor] = relu,
    *,
    weight_init: Initializer | None = None,
    key: Tensor | None = None,
    dtype: Any = "float32",
) -> Sequential:
    """Make a multi-layer perceptron: linear layers with an activation between each two.

    f(x) = Wₙ σ(… σ(W₁ x + b₁) …) + bₙ

    ``sizes`` are the numbers of features from the inputs to the outputs; two sizes make a linear
    map. The weights start by He's normal distribution unless ``weight_init`` says otherwise.

    Raises:  ArgumentError: there are fewer than two sizes, or there is no key.
    Source:  rumelhart1986learning; he2015delving, eq. 10

    >>> cr.nn.count(cr.nn.mlp((3, 4, 4, 1), key=cr.random.key(0)))
    41
    """
    if len(sizes) < 2:
        raise ArgumentError(
            f"mlp: sizes={tuple(sizes)}; at least the inputs and the outputs have a size"
        )
    keys = random.split(key_for("mlp", key), len(sizes) - 1)
    init = weight_init or he_normal()
    layers: list[Callable[..., Any]] = []
    for place, (n, m) in enumerate(pairwise(sizes)):
        layers += [Linear(n, m, weight_init=init, key=keys[place], dtype=dtype), activation]
    return Sequential(*layers[:-1])
