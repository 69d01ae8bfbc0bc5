"""Several optimizers for the parts of one model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, cast, final

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.functions.lift import as_tensor
from chainrule.optim.optimizer import Factor, Model, Optimizer, State, require_optimizer, slot
from chainrule.optim.rule import check_shapes, check_structure, listed
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Grouped"]

Part = dict[str, Tensor]


class Divided(Optimizer):
    """The base of optimizers that give each parameter to one of several others.

    Each of these sees its parameters as a dictionary by path. The state is {"groups": (…)}, one
    state for each.
    """

    @abstractmethod
    def members(self) -> tuple[Optimizer, ...]:
        """The optimizers."""

    @abstractmethod
    def place(self, path: str, parameter: Tensor) -> int:
        """Which of the optimizers takes this parameter."""

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        parts = self._parts(model)
        return {"groups": tuple(o.init(p) for o, p in zip(self.members(), parts, strict=True))}

    def update(
        self, gradients: Any, state: State, model: Model, factor: Factor = 1.0
    ) -> tuple[Model, State]:
        """Take a step, its learning rates multiplied by a factor: give the new model and state."""
        kind = type(self).__name__
        leaves = check_structure(kind, "gradients", model, gradients)
        check_shapes(kind, model, leaves)
        parts = self._parts(model)
        states = self._states(state)
        named = dict(zip([path for path, _ in tree.paths(model)], leaves, strict=True))
        made = [
            optimizer.update({path: named[path] for path in part}, own, part, factor)
            for optimizer, own, part in zip(self.members(), states, parts, strict=True)
        ]
        after = _joined(model, [part for part, _ in made])
        return after, {"groups": tuple(own for _, own in made)}

    def evaluated(self, state: State, model: Model) -> Model:
        """Give the model to evaluate and to keep: of each part what its optimizer gives."""
        zipped = zip(self.members(), self._states(state), self._parts(model), strict=True)
        return _joined(model, [o.evaluated(own, part) for o, own, part in zipped])

    def observe(self, state: State, figure: float) -> State:
        """Tell all optimizers how training goes, once an epoch."""
        zipped = zip(self.members(), self._states(state), strict=True)
        return {"groups": tuple(o.observe(own, figure) for o, own in zipped)}

    def current_rate(self, state: State) -> float:
        """Give the learning rate of the last step of the first optimizer."""
        return self.members()[0].current_rate(self._states(state)[0])

    def _states(self, state: State) -> tuple[State, ...]:
        states: tuple[State, ...] = slot(self, state, "groups")
        if len(states) != len(self.members()):
            raise ArgumentError(
                f"{type(self).__name__}: the state has {plural(len(states), 'group')} and "
                f"the optimizer {len(self.members())}\n\n  Take the state from init(model)."
            )
        return states

    def _parts(self, model: Any) -> list[Part]:
        parts: list[Part] = [{} for _ in self.members()]
        for path, leaf in tree.paths(model):
            parameter = as_tensor(leaf, type(self).__name__)
            parts[self.place(path, parameter)][path] = parameter
        return parts


def _joined(model: Model, parts: list[Part]) -> Model:
    """The model with the parameters of all parts."""
    found = {path: leaf for part in parts for path, leaf in part.items()}
    structure = tree.flatten(model)[1]
    leaves = [found[path] for path, _ in tree.paths(model)]
    return cast(Model, tree.unflatten(structure, leaves))


@final
@dataclass(frozen=True)
class Grouped(Divided):
    """Groups of parameters by their paths, each with an optimizer of its own.

    A parameter belongs to the first group whose pattern fits its path, such as ``layers.0.weight``.
    In a pattern, * is any text, ? any one character, and [ab] one of some. A group that shall not
    move gets ``SGD(0.0)``. A wrapper inside a group, such as ``Clipped``, sees that group only;
    around all of them it sees the whole model. Records show the learning rate of the first group.

    Raises:  ArgumentError: no pattern fits a parameter, a pattern has no parameter, or there are no
             groups.

    >>> from chainrule.optim import SGD
    >>> grouped = Grouped({"*.bias": SGD(0.0), "*": SGD(0.1)})
    >>> model = {"layer": {"weight": tensor([1.0]), "bias": tensor([1.0])}}
    >>> model, state = grouped.update(model, grouped.init(model), model)
    >>> model
    {'layer': {'weight': Tensor([0.9]), 'bias': Tensor([1.])}}
    """

    groups: Mapping[str, Optimizer]

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", dict(self.groups))
        if not self.groups:
            raise ArgumentError('Grouped: there are no groups; {"*": optimizer} has all parameters')
        for pattern, optimizer in self.groups.items():
            require_optimizer("Grouped", f"groups[{pattern!r}]", optimizer)

    def __hash__(self) -> int:
        return hash(tuple(self.groups.items()))

    def init(self, model: Any) -> State:
        """Give the state before the first step."""
        paths = [path for path, _ in tree.paths(model)]
        for pattern, part in zip(self.groups, self._parts(model), strict=True):
            if paths and not part:
                raise ArgumentError(
                    f"Grouped: no parameter is left for the pattern {pattern!r}\n\n"
                    f"    patterns    {', '.join(map(repr, self.groups))}\n"
                    f"    parameters  {listed(paths)}\n\n"
                    "  Each parameter belongs to the first pattern that fits its path."
                )
        return super().init(model)

    def members(self) -> tuple[Optimizer, ...]:
        """The optimizers."""
        return tuple(self.groups.values())

    def place(self, path: str, parameter: Tensor) -> int:
        """Which of the optimizers takes this parameter."""
        for number, pattern in enumerate(self.groups):
            if fnmatchcase(path, pattern):
                return number
        raise ArgumentError(
            f"Grouped: no pattern fits the parameter {path or 'that is the model'}\n\n"
            f"    patterns  {', '.join(map(repr, self.groups))}\n\n"
            '  A last pattern "*" takes all that are left.'
        )
