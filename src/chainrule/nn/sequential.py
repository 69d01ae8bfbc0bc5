"""Layers one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, final

from chainrule.errors import ArgumentError
from chainrule.nn.module import Module

__all__ = ["Sequential"]


@final
class Sequential(Module):
    """Layers one after another: modules or plain functions, each given what the one before gave.

    f(x) = fₙ(… f₂(f₁(x)))

    Raises:  ArgumentError: a layer cannot be called.

    >>> with cr.nn.seed(0):
    ...     model = Sequential(cr.nn.Linear(64, 32), cr.relu, cr.nn.Linear(32, 10))
    >>> model
    Sequential
    ───────────────────────────────────────────────────────
    path      layer            parameters             count
    ───────────────────────────────────────────────────────
    layers.0  Linear(64 → 32)  weight 32×64, bias 32  2,080
    layers.1  relu
    layers.2  Linear(32 → 10)  weight 10×32, bias 10    330
    ───────────────────────────────────────────────────────
    total                                             2,410
    >>> model[1] is cr.relu, len(model)
    (True, 3)
    """

    layers: tuple[Module | Callable[..., Any], ...]

    def __init__(self, *layers: Any) -> None:
        for place, layer in enumerate(layers):
            require_layer(f"Sequential: layer {place}", layer)
        self.layers = layers

    def __call__(self, x: Any, /) -> Any:
        """Apply the layers in their order."""
        for layer in self.layers:
            x = layer(x)  # type: ignore[operator]
        return x

    def __getitem__(self, index: int) -> Any:
        return self.layers[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)


def require_layer(what: str, layer: Any) -> None:
    """Raise for what cannot be a layer, such as a class that was not called."""
    if callable(layer) and not isinstance(layer, type):
        return
    kind = "class" if isinstance(layer, type) else type(layer).__name__
    name = getattr(layer, "__name__", repr(layer))
    raise ArgumentError(
        f"{what} is the {kind} {name}, which is no layer\n\n"
        "  A layer is a module or a function of a Tensor, such as nn.Linear(64, 10) or cr.relu."
    )
