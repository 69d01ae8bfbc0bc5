"""A race: several methods on one function, from one start."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.errors import ArgumentError
from chainrule.optim.descend import descend
from chainrule.optim.minimum import Minimum, require_count
from chainrule.optim.objective import Loss, Watched
from chainrule.optim.optimizer import Optimizer
from chainrule.optim.race_plot import drawn
from chainrule.optim.vector import Layout, Vector
from chainrule.wording import plural

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Race", "Runner", "race"]

Method = Callable[[Any, Any], Minimum] | Optimizer
_MOST_COORDINATES = 100  # of which paths keep the points


@final
@dataclass(frozen=True, eq=False)
class Runner:
    """What one method did in a race.

    name           what the race calls it
    values         the function at each evaluation, in order
    seconds        when each was computed, from the method's own start
    path           the points that it went to, a row each: p n; none for more than 100 coordinates
    path_values    the function at these points
    path_counts    how many evaluations it had had when it went there
    best           the least finite value of all
    minimum        what the method gave; None if it did not end by itself
    fault          why it ended otherwise, or ""

    Units:   seconds are those of the clock, recording the function included.
    """

    name: str
    values: Vector
    seconds: Vector
    path: npt.NDArray[np.float64]
    path_values: Vector
    path_counts: npt.NDArray[np.intp]
    best: float
    minimum: Minimum | None
    fault: str

    @property
    def outcome(self) -> str:
        """How it ended, in words."""
        if self.minimum is None:
            return self.fault.partition("\n")[0]
        return "converged" if self.minimum.converged else "not converged"


@final
@dataclass(frozen=True, eq=False)
class Race:
    """What came of a race: its runners in the order in which they were given.

    ``print(race)`` shows a table, ``race.plot()`` a figure, ``race["L-BFGS"]`` one runner.
    """

    loss: Loss = field(repr=False)
    start: Any
    runners: tuple[Runner, ...]

    def __getitem__(self, name: str) -> Runner:
        """Give a runner by its name; raises KeyError."""
        for runner in self.runners:
            if runner.name == name:
                return runner
        raise KeyError(f"no runner {name!r}; there are {[r.name for r in self.runners]}")

    def __str__(self) -> str:
        heads = ("method", "best value", "evaluations", "seconds", "end")
        rows = [
            (r.name, f"{r.best:.6g}", f"{len(r.values):,}", f"{_last(r.seconds):.3f}", r.outcome)
            for r in self.runners
        ]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        lines = []
        for row in (heads, *rows):
            cells = [
                cell.rjust(width) if 0 < place < len(row) - 1 else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("   ".join(cells).rstrip())
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Draw the function against evaluations and time, and two parameters' paths over contours.

        Raises:  ImportError: matplotlib is missing; ``pip install "chainrule[plot]"`` installs it.

        >>> from chainrule.optim import SGD, lbfgs
        >>> bowl = lambda x: x[0] ** 2 + 5 * x[1] ** 2
        >>> run = race(bowl, cr.tensor([2.0, 1.0]), {"SGD": SGD(0.1), "L-BFGS": lbfgs})
        >>> run.plot().savefig("race.png")
        """
        layout = Layout("race", self.start)

        def at(vector: Vector) -> float:
            value = float(self.loss(layout.parameters(vector)))
            return value if math.isfinite(value) else math.nan

        return drawn(self.runners, at, layout.start)


def race(
    loss: Loss, start: Any, methods: Mapping[str, Method], *, evaluations: int = 10_000,
    seconds: float | None = None,
) -> Race:  # fmt: skip
    """Run several methods on one function from one start; record what each computes and when.

    A method is a function of (loss, start) that gives a Minimum, as ``lbfgs``, ``newton`` or
    ``partial(cma_es, seed=1)`` are, or an optimizer such as ``Adam(0.1)``, which takes a step an
    evaluation. Each is stopped after so many evaluations or seconds. A Hessian counts as one
    evaluation, as a gradient with its value does: time tells what it costs. A method that
    fails is recorded with its fault, and the others go on.

    Raises:  ArgumentError: a setting is out of range, or there is no method.

    >>> from chainrule.optim import Adam, conjugate_gradient, lbfgs
    >>> methods = {"Adam": Adam(0.1), "CG": conjugate_gradient, "L-BFGS": lbfgs}
    >>> run = race(lambda x: cr.sum((x - 3) ** 2), cr.zeros(2), methods, evaluations=200)
    >>> [runner.best < 0.1 for runner in run.runners]
    [True, True, True]
    """
    require_count("race", 1, evaluations=evaluations)
    if seconds is not None and not seconds > 0:
        raise ArgumentError(f"race: seconds={seconds}, which must be greater than 0")
    _check(methods)
    layout = Layout("race", start)
    runners = [
        _run(name, method, loss, start, layout, evaluations, seconds)
        for name, method in methods.items()
    ]
    return Race(loss, start, tuple(runners))


def _check(methods: object) -> None:
    """Raise for what is no dictionary of methods."""
    if not isinstance(methods, Mapping) or not methods:
        raise ArgumentError('race: methods has no method; give a dictionary, as {"L-BFGS": lbfgs}')
    for name, method in methods.items():
        if not isinstance(name, str):
            raise ArgumentError(f"race: the name {name!r} of a method is no text")
        if isinstance(method, type) or not (callable(method) or isinstance(method, Optimizer)):
            shown = method.__name__ if isinstance(method, type) else repr(method)
            raise ArgumentError(
                f"race: methods[{name!r}] is {shown}; it must be a function of (loss, start) or an "
                "optimizer, as SGD(0.1) is"
            )


class _EnoughError(Exception):
    """The budget of a method is used up."""


@final
class _Recorder:
    """Notes what a method tells of itself, and stops it."""

    def __init__(self, layout: Layout, evaluations: int, seconds: float | None) -> None:
        self.layout, self.evaluations, self.limit = layout, evaluations, seconds
        self.values: list[float] = []
        self.seconds: list[float] = []
        self.improved: list[tuple[Vector | None, float, int]] = []
        self.path: list[tuple[Vector | None, float, int]] = []
        self.best = math.inf
        self.started = time.perf_counter()

    def evaluated(self, parameters: Any, value: float) -> None:
        passed = time.perf_counter() - self.started
        if len(self.values) >= self.evaluations:
            raise _EnoughError(f"stopped after {plural(self.evaluations, 'evaluation')}")
        if self.limit is not None and passed > self.limit and self.values:
            raise _EnoughError(f"stopped after {self.limit:g} seconds")
        self.values.append(value)
        self.seconds.append(passed)
        if value < self.best:
            self.best = value
            self.improved.append((self._point(parameters), value, len(self.values)))

    def moved(self, parameters: Any, value: float) -> None:
        self.path.append((self._point(parameters), value, len(self.values)))

    def _point(self, parameters: Any) -> Vector | None:
        if self.layout.size > _MOST_COORDINATES:
            return None
        return self.layout.vector(tree.map_(lambda leaf: leaf.detach(), parameters))


def _run(
    name: str, method: Method, loss: Loss, start: Any, layout: Layout, evaluations: int,
    seconds: float | None,
) -> Runner:  # fmt: skip
    """Let one method run until it ends or has had enough."""
    recorder = _Recorder(layout, evaluations, seconds)
    watched, fault, minimum = Watched(loss, recorder), "", None
    try:
        if isinstance(method, Optimizer):
            steps = max(evaluations - 1 - _averages(method, layout), 0)
            found = descend(watched, start, method, steps=steps)
        else:
            found = method(watched, start)
        if not isinstance(found, Minimum):
            raise TypeError(f"it gave a {type(found).__name__}, not a Minimum")
        minimum = found
    except _EnoughError as error:
        fault = str(error)
    except Exception as error:  # whatever it is, the others go on
        fault = f"{type(error).__name__}: {error}"
    path = recorder.path or recorder.improved
    points = [point for point, _, _ in path if point is not None]
    return Runner(
        name,
        np.array(recorder.values),
        np.array(recorder.seconds),
        np.array(points).reshape(-1, layout.size),
        np.array([value for _, value, _ in path]),
        np.array([count for _, _, count in path], np.intp),
        recorder.best,
        minimum,
        fault,
    )


def _averages(optimizer: Optimizer, layout: Layout) -> bool:
    """Whether it gives other parameters than those that it went to, which are evaluated once."""
    start, other = (layout.parameters(layout.start) for _ in range(2))
    return optimizer.evaluated(optimizer.init(start), other) is not other


def _last(seconds: Vector) -> float:
    return float(seconds[-1]) if len(seconds) else 0.0
