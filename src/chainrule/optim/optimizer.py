"""What an optimizer is: pure functions of trees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeVar

from chainrule.elsewhere import no_attribute
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import maximum, subtract
from chainrule.functions.lift import cast
from chainrule.schedule import Schedule
from chainrule.tensors import Tensor

__all__ = ["Optimizer"]

Model = TypeVar("Model")
State = dict[str, Any]
Rate = float | Schedule
Factor = Tensor | float


class Optimizer(ABC):
    """The base of optimizers: settings, and pure functions of trees.

    ``init`` makes the state, a tree of Tensors. ``update`` takes a step; it runs inside ``jit``.
    Around the steps, a training calls three more: ``evaluated`` gives the model to judge and to
    keep, ``observe`` tells the optimizer once an epoch how training goes, and ``current_rate``
    gives the learning rate for the records. An optimizer may wrap another: gradient clipping,
    accumulation, averages of weights, groups of parameters.

    >>> from chainrule.optim import AdamW, Averaged, Clipped
    >>> optimizer = Averaged(Clipped(AdamW(0.001), norm=1.0), decay=0.99)
    >>> w = tensor([1.0])
    >>> model, state = optimizer.update(tensor([7.0]), optimizer.init(w), w)
    >>> model, optimizer.evaluated(state, model), optimizer.current_rate(state)
    (Tensor([0.99899]), Tensor([0.99899]), 0.001)
    """

    def __new__(cls, *_: Any, **named: Any) -> Self:
        """Make one; what other libraries call ``lr`` is told its name here."""
        if "lr" in named:
            raise TypeError(
                f"{cls.__name__}() has no argument 'lr'\n\n"
                "  It is learning_rate here, the first argument."
            )
        return super().__new__(cls)

    if not TYPE_CHECKING:  # which knows by itself what is missing

        def __getattr__(self, name: str) -> Any:
            raise no_attribute(type(self).__name__, "Optimizer", name, self)

    @abstractmethod
    def init(self, model: Any) -> State:
        """Give the state before the first step."""

    @abstractmethod
    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step, its learning rate multiplied by a factor: give the new model and state."""

    def evaluated(self, state: State, model: Model) -> Model:
        """Give the model to evaluate and to keep: the model itself, unless weights are averaged."""
        return model

    def observe(self, state: State, figure: float) -> State:
        """Tell how training goes, once an epoch: a loss, on validation data if there are any."""
        return state

    @abstractmethod
    def current_rate(self, state: State) -> float:
        """Give the learning rate of the last step, or of the first if none was taken."""


@dataclass(frozen=True)
class Wrapper(Optimizer):
    """The base of optimizers that do something around the steps of another one."""

    optimizer: Optimizer

    def __post_init__(self) -> None:
        require_optimizer(type(self).__name__, "optimizer", self.optimizer)

    def inner(self, state: State) -> State:
        """The state of the wrapped optimizer."""
        inner: State = slot(self, state, "optimizer")
        return inner

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        return {"optimizer": self.optimizer.init(model)}

    def evaluated(self, state: State, model: Model) -> Model:
        """Give the model to evaluate and to keep: what the wrapped optimizer gives."""
        return self.optimizer.evaluated(self.inner(state), model)

    def observe(self, state: State, figure: float) -> State:
        """Tell how training goes, once an epoch."""
        return {**state, "optimizer": self.optimizer.observe(self.inner(state), figure)}

    def current_rate(self, state: State) -> float:
        """Give the learning rate of the last step, or of the first if none was taken."""
        return self.optimizer.current_rate(self.inner(state))


def require_optimizer(kind: str, name: str, value: object) -> None:
    """Raise for what is no optimizer, such as a class or a learning rate."""
    if not isinstance(value, Optimizer):
        shown = value.__name__ if isinstance(value, type) else repr(value)
        raise ArgumentError(f"{kind}: {name} is {shown}; it must be an optimizer, as SGD(0.1) is")


def slot(optimizer: Optimizer, state: State, name: str) -> Any:
    """A part of the state; raises ArgumentError for the state of another optimizer."""
    try:
        return state[name]
    except KeyError:
        raise ArgumentError(
            f"{type(optimizer).__name__.lstrip('_')}: the state has no {name!r}\n\n"
            f"    state  {', '.join(map(str, state)) or 'empty'}\n\n"
            "  It is that of another optimizer; take the state from init(model)."
        ) from None


class Scalar:
    """A factor that is the same for all parameters, in the dtype of each, converted once."""

    def __init__(self, value: Factor) -> None:
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


def rate_at(rate: Rate, step: Tensor) -> Factor:
    """The learning rate after this number of steps: of a schedule, or the number itself."""
    return rate(step) if callable(rate) else float(rate)


def rate_of_last(rate: Rate, step: Tensor) -> float:
    """The learning rate of the last of this number of steps, or of the first if it is 0."""
    return float(rate_at(rate, maximum(subtract(step, 1), 0)))
