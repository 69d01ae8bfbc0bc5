"""The ways to one derivative, each with its value and its cost."""

from __future__ import annotations

import inspect
import math
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.comparing import operations
from chainrule.formula.comparing.curve import best_step, third_derivative
from chainrule.formula.derivation.samples import Signature
from chainrule.formula.explaining.explain import explain
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.explaining.naming import definitions
from chainrule.formula.explaining.verify import value_of
from chainrule.formula.grading.program import program
from chainrule.formula.reading.numeric import NumpyEvaluator
from chainrule.formula.reading.parse import parse
from chainrule.runtime.reference import evaluate
from chainrule.tensors import Tensor, tensor
from chainrule.transform import grad, jit, jvp, trace, vmap
from chainrule.transform.trace import Trace

__all__ = [
    "Rule",
    "Setting",
    "Way",
    "called",
    "explained",
    "forward",
    "manual",
    "numerical",
    "plain",
    "reverse",
    "symbolic",
    "tensors",
]

Array = npt.NDArray[Any]
Rule = str | Callable[..., Any]

_MOST_FORWARD = 2048  # elements for which forward mode is run in full
_MOST_NUMERICAL = 64  # elements that are differenced
_PATIENCE = 0.1  # seconds for measuring a time


@final
@dataclass(frozen=True)
class Way:
    """One way to the derivative.

    name        manual, symbolic, numerical, forward or reverse
    value       the derivative; only the elements that were differenced are numbers
    error       the largest difference to reverse mode, relative to the largest element
    operations  arithmetic operations, None where they cannot be counted
    memory      bytes that were held at most while it ran
    seconds     time of one run, after what is made once
    note        what else there is to say, such as why there is no value
    """

    name: str
    value: Array | None = None
    error: float | None = None
    operations: int | None = None
    memory: int | None = None
    seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """A function, its variable, and the point at which it is differentiated."""

    f: Callable[..., Any]
    wrt: str
    given: Signature
    point: Mapping[str, Any]
    sizes: Mapping[str, int]
    examples: Sequence[Any] = ()
    axes: Mapping[str, str] | None = None
    facts: Mapping[str, str] | None = None

    @property
    def start(self) -> Array:
        """The variable's value."""
        return np.asarray(self.point[self.wrt])

    def alone(self) -> Callable[[Tensor], Any]:
        """The function of the variable alone."""
        held = tensors(self.point)
        return lambda value: self.f(**{**held, self.wrt: value})

    def number(self, value: Array) -> float:
        """The value of f where the variable has this value."""
        return float(self.alone()(tensor(value)).numpy())

    def traced(self) -> Trace:
        """The program at the point."""
        return trace(self.f)(**tensors(self.point))


def tensors(point: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of a point as Tensors."""
    return {n: tensor(v) if isinstance(v, np.ndarray) else v for n, v in point.items()}


# ---------------------------------------------------------------- by hand, by formula


def manual(setting: Setting, rule: Rule) -> Way:
    """The user's own rule."""
    if isinstance(rule, str):
        return _written(setting, rule)
    try:
        value, memory, seconds = measured(lambda: called(rule, setting.point))
    except ChainruleError as error:
        return Way("manual", note=str(error).splitlines()[0])
    counted = _counted(lambda **point: called(rule, point), setting.point)
    return _shaped(Way("manual", value, None, counted, memory, seconds), setting)


def _written(setting: Setting, text: str) -> Way:
    """A rule as text, evaluated with the values of the program's names."""
    asked = program(setting.f, setting.wrt, setting.axes, setting.facts, 1, setting.examples)
    formula = parse(text, asked.names, asked.dims)
    recorded = setting.traced()
    known = {n: t for n, t in asked.known.items() if n not in setting.point}
    nodes = {name: node for node, name in recorded.names.items() if name not in known}
    held = {n: setting.point[recorded.names[n]] for n in recorded.graph.inputs}
    values = dict(zip(nodes, evaluate(list(nodes.values()), held), strict=True))

    def run() -> Array:
        evaluator = NumpyEvaluator({**values, **setting.point}, setting.sizes)
        for name, tree in definitions(formula, known):
            evaluator.values[name] = evaluator(tree)
        return evaluator(formula)

    value, memory, seconds = measured(run)
    trees = [formula, *(t for _, t in definitions(formula, known))]
    counted = sum(operations.of_formula(t, setting.sizes) for t in trees)
    return _shaped(Way("manual", value, None, counted, memory, seconds), setting)


def _shaped(way: Way, setting: Setting) -> Way:
    """The way with the value in the variable's shape, or with a word on what shape it has."""
    assert way.value is not None
    if way.value.size == setting.start.size:
        return replace(way, value=way.value.reshape(setting.start.shape))
    wrong = f"has shape {list(way.value.shape)}; {setting.wrt} has {list(setting.start.shape)}"
    return replace(way, note=wrong)


def called(rule: Callable[..., Any], point: Mapping[str, Any]) -> Any:
    """The rule with those of f's arguments that it names; with all of them if it names others."""
    held = tensors(point)
    wanted = list(inspect.signature(rule).parameters)
    if set(wanted) <= set(held):
        return rule(**{n: held[n] for n in wanted})
    return rule(*held.values())


def _counted(f: Callable[..., Any], point: Mapping[str, Any]) -> int | None:
    """The operations of a function, if it can be recorded."""
    names = [n for n, v in point.items() if isinstance(v, np.ndarray)]
    rest = {n: v for n, v in point.items() if n not in names}
    try:
        recorded = trace(lambda *args: f(**dict(zip(names, args, strict=True)), **rest))(
            *(tensor(point[n]) for n in names)
        )
    except (ChainruleError, TypeError, ValueError):
        return None
    return operations.of_graph(recorded.graph)


def symbolic(setting: Setting, formula: Explanation | str) -> Way:
    """The printed formula, evaluated as it is printed."""
    if isinstance(formula, str):
        return Way("symbolic", note=formula)
    known = dict(formula.where)
    try:
        with np.errstate(all="ignore"):  # a formula may be undefined where the program is not
            value, memory, seconds = measured(
                lambda: value_of(formula.tree, known, setting.point, setting.sizes, {})
            )
    except FormulaError as error:
        return Way("symbolic", note=str(error).splitlines()[0])
    trees = [formula.tree, *known.values()]
    count = sum(operations.of_formula(t, setting.sizes) for t in trees)
    shape = setting.start.shape
    whole = value.reshape(shape) if value.size == setting.start.size else value
    return Way("symbolic", np.broadcast_to(whole, shape), None, count, memory, seconds)


# ---------------------------------------------------------------- by machine


def numerical(setting: Setting, recorded: Trace) -> Way:
    """Central differences, each element with the step that balances truncation and round-off."""
    start = setting.start
    places = list(np.ndindex(start.shape))
    some = len(places) > _MOST_NUMERICAL
    if some:
        chosen = np.random.default_rng(0).choice(len(places), _MOST_NUMERICAL, replace=False)
        places = [places[k] for k in sorted(chosen)]
    steps = _steps(setting, places)
    value, memory, seconds = measured(lambda: _differences(setting, places, steps))
    count = operations.of_graph(recorded.graph)
    note = f"{len(places)} of {start.size:,} elements" if some else ""
    scale = start.size / max(1, len(places))
    return Way("numerical", value, None, 2 * count * start.size, memory, seconds * scale, note)


def _steps(setting: Setting, places: Sequence[tuple[int, ...]]) -> list[float]:
    here = setting.number(setting.start)
    found = []
    for place in places:
        unit = np.zeros(setting.start.shape)
        unit[place] = 1.0
        found.append(best_step(here, third_derivative(setting.number, setting.start, unit)))
    return found


def _differences(
    setting: Setting, places: Sequence[tuple[int, ...]], steps: Sequence[float]
) -> Array:
    value = np.full(setting.start.shape, np.nan)
    for place, step in zip(places, steps, strict=True):
        above, below = setting.start.copy(), setting.start.copy()
        above[place] += step
        below[place] -= step
        value[place] = (setting.number(above) - setting.number(below)) / (
            above[place] - below[place]
        )
    return value


def forward(setting: Setting) -> Way:
    """Forward mode: as many tangents as the variable has elements, in one batch."""
    if setting.start.size > _MOST_FORWARD:
        return Way("forward", note=f"{setting.start.size:,} elements need as many passes; not run")
    return _automatic("forward", setting)


def reverse(setting: Setting) -> Way:
    """Reverse mode: one gradient."""
    return _automatic("reverse", setting)


def _automatic(mode: str, setting: Setting) -> Way:
    held = tensors(setting.point)
    others = {n: v for n, v in held.items() if n != setting.wrt}

    def derivative(**point: Any) -> Any:
        rest = {n: v for n, v in point.items() if n != setting.wrt}

        def alone(value: Tensor) -> Any:
            return setting.f(**rest, **{setting.wrt: value})

        if mode == "reverse":
            return grad(alone)(point[setting.wrt])
        basis = np.eye(setting.start.size).reshape(-1, *setting.start.shape)
        push = vmap(lambda direction: jvp(alone, (point[setting.wrt],), (direction,))[1])
        return push(tensor(basis)).reshape(setting.start.shape)

    compiled = jit(lambda value: derivative(**others, **{setting.wrt: value}))
    try:
        value, memory, seconds = measured(lambda: compiled(held[setting.wrt]))
    except ChainruleError:  # the program asks for values, so it cannot be compiled
        value, memory, seconds = measured(lambda: derivative(**held))
    return Way(mode, value, None, _counted(derivative, setting.point), memory, seconds)


def explained(setting: Setting) -> Explanation | str:
    """The formula, or why there is none."""
    try:
        return explain(
            setting.f, setting.wrt, *setting.examples, axes=setting.axes, facts=setting.facts
        )
    except ChainruleError as error:
        return str(error).splitlines()[0].removeprefix("explain: ")


# ---------------------------------------------------------------- measuring


def plain(value: Any) -> Any:
    """The array of a Tensor; anything else as it is."""
    return value.numpy() if isinstance(value, Tensor) else value


def measured(run: Callable[[], Any]) -> tuple[Array, int, float]:
    """The value of a computation, the bytes that it held at most, and the seconds that it took."""
    run()
    tracemalloc.start()
    try:
        value = np.asarray(plain(run()))
        memory = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    best, begun = math.inf, time.perf_counter()
    while time.perf_counter() - begun < _PATIENCE or best == math.inf:
        clock = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - clock)
    return np.asarray(value, float), memory, best
