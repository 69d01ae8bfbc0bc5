"""Update rules: optimizers that treat each parameter by itself, by one formula."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule import tree
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.creation import zeros_like
from chainrule.functions.elementwise import add, multiply, subtract
from chainrule.functions.lift import as_tensor, describe
from chainrule.ir.dtype import int64
from chainrule.optim.optimizer import (
    Factor,
    Model,
    Optimizer,
    Rate,
    Scalar,
    State,
    rate_at,
    rate_of_last,
    slot,
)
from chainrule.tensors import Tensor, tensor

__all__: list[str] = []

Formula = Callable[..., tuple[Tensor, ...]]
_MOST = 6  # paths in a message


@dataclass(frozen=True)
class UpdateRule(Optimizer):
    """The base of optimizers that treat each parameter by itself, by one formula.

    The state is a dictionary: the number of steps taken, an int64 Tensor, and for each slot a tree
    like the model, zeros at first. The learning rate η is a number, or a schedule, which is asked
    with the number of steps taken before. Parameters keep their dtypes; factors that all share are
    computed in float64, once a step.
    """

    learning_rate: Rate

    @property
    def kind(self) -> str:
        """What messages call it."""
        return type(self).__name__

    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """What is remembered of each parameter."""

    @abstractmethod
    def formula(self, rate: Factor, step: Tensor) -> Formula:
        """Give the function (w, g, *slots) → (w, *slots) that takes this step from 1 up."""

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        zeros = {name: tree.map_(zeros_like, model) for name in self.slots()}
        return {"step": tensor(0, dtype=int64), **zeros}

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step, its learning rate multiplied by a factor: give the new model and state."""
        before = slot(self, state, "step")
        rate, step = rate_at(self.learning_rate, before), add(before, 1)
        if isinstance(factor, Tensor) or factor != 1:
            rate = multiply(rate, factor)
        slots = self.slots()
        held = [slot(self, state, name) for name in slots]
        model, *after = each(self.kind, self.formula(rate, step), model, gradients, *held)
        return model, {"step": step, **dict(zip(slots, after, strict=True))}

    def current_rate(self, state: State) -> float:
        """Give the learning rate of the last step, or of the first if none was taken."""
        return rate_of_last(self.learning_rate, slot(self, state, "step"))


def require(kind: str, rate: Rate, **settings: tuple[float, float, float]) -> None:
    """Raise for a setting outside of its interval low ≤ value < high."""
    if not (callable(rate) or isinstance(rate, int | float | Tensor)):
        given = type(rate).__name__
        raise TypeError(f"{kind}: learning_rate is a {given}, not a number or a schedule")
    if not callable(rate) and not rate >= 0:
        raise ArgumentError(f"{kind}: learning_rate={rate}, which must not be negative")
    for name, (value, low, high) in settings.items():
        if not low <= value < high:
            bound = f" and less than {high:g}" if high < float("inf") else ""
            raise ArgumentError(f"{kind}: {name}={value}, which must be at least {low:g}{bound}")


def decayed(rate: Factor, decay: float) -> Callable[[Tensor], Tensor]:
    """The function w → (1 − η λ) w: decoupled weight decay."""
    if not decay:
        return lambda w: w
    keep = Scalar(subtract(1.0, multiply(rate, decay)))
    return lambda w: multiply(w, keep.like(w))


def each(kind: str, step: Formula, model: Any, gradients: Any, *slots: Any) -> list[Any]:
    """Apply a step to corresponding parameters, gradients and slots; give the trees of its results.

    Raises:  ArgumentError: the gradients have another structure than the model.
             ShapeError: a gradient has another shape than its parameter.
    """
    parameters, structure = tree.flatten(model)
    flat = [check_structure(kind, "gradients", model, gradients)]
    flat += [check_structure(kind, "state", model, slot) for slot in slots]
    check_shapes(kind, model, flat[0])
    made = [step(as_tensor(p, kind), *row) for p, *row in zip(parameters, *flat, strict=True)]
    columns = list(zip(*made, strict=True)) if made else [()] * (1 + len(slots))
    return [tree.unflatten(structure, column) for column in columns]


def check_structure(kind: str, name: str, model: Any, other: Any) -> list[Tensor]:
    """The leaves of a tree; raises ArgumentError unless it has the structure of the model."""
    leaves, found = tree.flatten(other)
    if found == tree.flatten(model)[1]:
        return [as_tensor(leaf, kind) for leaf in leaves]
    own, given = (listed([path for path, _ in tree.paths(t)]) for t in (model, other))
    if own == given:
        given = "the same, with other settings or State cells"
    raise ArgumentError(
        f"{kind}: the structure of the {name} is not that of the model\n\n"
        f"    model      {own}\n    {name:<9}  {given}\n\n"
        "  Take gradients with respect to the model, and the state from init(model)."
    )


def listed(paths: list[str]) -> str:
    """Some paths in one line."""
    shown = [path or "a Tensor" for path in paths[:_MOST]]
    return ", ".join(shown + ["…"] * (len(paths) > _MOST)) or "nothing"


def check_shapes(kind: str, model: Any, gradients: list[Tensor]) -> None:
    """Raise ShapeError unless each gradient has the shape of its parameter."""
    for (path, p), g in zip(tree.paths(model), gradients, strict=True):
        if as_tensor(p, kind).shape != g.shape:
            raise ShapeError(
                f"{kind}: the gradient of {path or 'the model'} has another shape\n\n"
                f"    parameter  {describe(p)}\n    gradient   {describe(g)}"
            )
