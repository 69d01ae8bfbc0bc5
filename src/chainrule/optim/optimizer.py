"""What an optimizer is: two pure functions of trees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chainrule import tree
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.creation import zeros_like
from chainrule.functions.lift import as_tensor, cast, describe
from chainrule.ir.dtype import int64
from chainrule.schedule import Schedule
from chainrule.tensors import Tensor, tensor

__all__ = ["Optimizer"]

Model = TypeVar("Model")
State = dict[str, Any]
Rate = float | Schedule
_MOST = 6  # paths in a message


@dataclass(frozen=True)
class Optimizer(ABC):
    """The base of optimizers: settings, and two pure functions of trees.

    ``init`` makes the state: a dictionary with the number of steps taken, an int64 Tensor, and
    with trees like the model. ``update`` takes a step. The learning rate η is a number, or a
    schedule, which is asked with the number of steps taken before. Parameters keep their dtypes;
    scalar factors are computed in float64, once a step.
    """

    learning_rate: Rate

    @abstractmethod
    def init(self, model: Any) -> State:
        """Give the state before the first step."""

    @abstractmethod
    def update(self, gradients: Any, state: State, model: Model) -> tuple[Model, State]:
        """Take a step: give the new model and the new state."""

    def rate(self, step: Tensor) -> Tensor | float:
        """The learning rate after this number of steps."""
        if callable(self.learning_rate):
            return self.learning_rate(step)
        return float(self.learning_rate)


def require(kind: str, rate: Rate, **settings: tuple[float, float, float]) -> None:
    """Raise for a setting outside of its interval low ≤ value < high."""
    if not callable(rate) and not rate >= 0:
        raise ArgumentError(f"{kind}: learning_rate={rate}, which must not be negative")
    for name, (value, low, high) in settings.items():
        if not low <= value < high:
            bound = f" and less than {high:g}" if high < float("inf") else ""
            raise ArgumentError(f"{kind}: {name}={value}, which must be at least {low:g}{bound}")


def first_state(model: Any, *slots: str) -> State:
    """No step taken yet, and for each slot a tree of zeros like the model."""
    zeros = {slot: tree.map_(zeros_like, model) for slot in slots}
    return {"step": tensor(0, dtype=int64), **zeros}


class Scalar:
    """A factor that is the same for all parameters, in the dtype of each, converted once."""

    def __init__(self, value: Tensor | float) -> None:
        self.value = value
        self.cast: dict[Any, Tensor] = {}

    def like(self, parameter: Tensor) -> Tensor | float:
        """The factor in the dtype of a parameter."""
        if not isinstance(self.value, Tensor):
            return self.value
        dtype = parameter.dtype
        if dtype not in self.cast:
            self.cast[dtype] = cast(self.value, dtype)
        return self.cast[dtype]


def each(
    kind: str, step: Callable[..., tuple[Tensor, ...]], model: Any, gradients: Any, *slots: Any
) -> list[Any]:
    """Apply a step to corresponding parameters, gradients and slots; give the trees of its results.

    Raises:  ArgumentError: the gradients have another structure than the model.
             ShapeError: a gradient has another shape than its parameter.
    """
    parameters, structure = tree.flatten(model)
    flat = []
    for name, other in zip(
        ("gradients", *["state"] * len(slots)), (gradients, *slots), strict=True
    ):
        leaves, found = tree.flatten(other)
        if found != structure:
            raise ArgumentError(_other_structure(kind, name, model, other))
        flat.append([as_tensor(leaf, kind) for leaf in leaves])
    _check_shapes(kind, model, flat[0])
    made = [step(as_tensor(p, kind), *row) for p, *row in zip(parameters, *flat, strict=True)]
    columns = list(zip(*made, strict=True)) if made else [()] * (1 + len(slots))
    return [tree.unflatten(structure, column) for column in columns]


def _other_structure(kind: str, name: str, model: Any, other: Any) -> str:
    own, given = (_listed([path for path, _ in tree.paths(t)]) for t in (model, other))
    if own == given:
        given = "the same, with other settings or State cells"
    return (
        f"{kind}: the structure of the {name} is not that of the model\n\n"
        f"    model      {own}\n    {name:<9}  {given}\n\n"
        "  Take gradients with respect to the model, and the state from init(model)."
    )


def _listed(paths: list[str]) -> str:
    shown = [path or "a Tensor" for path in paths[:_MOST]]
    return ", ".join(shown + ["…"] * (len(paths) > _MOST)) or "nothing"


def _check_shapes(kind: str, model: Any, gradients: list[Tensor]) -> None:
    for (path, p), g in zip(tree.paths(model), gradients, strict=True):
        if as_tensor(p, kind).shape != g.shape:
            raise ShapeError(
                f"{kind}: the gradient of {path or 'the model'} has another shape\n\n"
                f"    parameter  {describe(p)}\n    gradient   {describe(g)}"
            )
