"""A program at random points: its names with their shapes and values, and the true derivative.

What a derivation is compared with: parameters, locals and generated names at points of pairwise
different sizes, the derivative that automatic differentiation gives there, and what students give
instead of it: the function itself, the gradients of other arguments and of intermediate values.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.derivation.question import (
    Order,
    Question,
    ask,
    derive,
    name_of,
    require_number,
    settled,
    tensors,
)
from chainrule.formula.derivation.samples import Signature
from chainrule.formula.explaining.explain import readable
from chainrule.formula.explaining.room import with_room
from chainrule.formula.explaining.verify import automatic, difference, is_hole, nudged
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.numeric import NumpyEvaluator
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.typeset.evaluate import Array
from chainrule.formula.typeset.tree import Tree
from chainrule.ir.graph import Node
from chainrule.runtime.reference import evaluate as run
from chainrule.tensors import Tensor
from chainrule.transform.trace import Trace, trace

__all__ = ["Point", "Program", "program"]

_SIZES = (4, 3, 5, 2, 6, 7, 8, 9)
_TOLERANCE = 1e-7
_SMALL = 1e-5  # what is left of a derivative that is zero is rounding
_ATTEMPTS = 12
_POINTS = 7


@dataclass(frozen=True)
class Point:
    """Sizes, the values of all names there, and the true derivative."""

    sizes: Mapping[str, int]
    arguments: Mapping[str, Any]
    values: Mapping[str, Array]
    truth: Array


@dataclass(frozen=True)
class Program:
    """What is asked, the names that a derivation may use, and the points to compare at.

    question  the function, the variables, the order
    names     parameters, locals, generated names, with their shapes
    dims      the sizes of the derivative's axes
    rows      how many of them belong to the output
    points    where to compare; all sizes differ in the first ones
    main      the formula of the derivative, where there is one, and what stands in it
    """

    question: Question
    names: Names
    dims: Shape
    rows: int
    points: tuple[Point, ...]
    derivation: Derivation | None = None
    main: Tree | None = None
    known: Mapping[str, Tree] = field(default_factory=dict)
    own: tuple[str, ...] = ()

    def evaluator(self, point: Point, more: Mapping[str, Array] | None = None) -> NumpyEvaluator:
        """What evaluates trees at a point."""
        return NumpyEvaluator({**point.values, **(more or {})}, point.sizes)

    def matches(self, found: Array, truth: Array) -> bool:
        """Whether a value is the derivative: as an array, or as a matrix in row-major order."""
        made = fitted(found, truth, self.rows)
        return made is not None and close(made, truth)


def close(found: Array, truth: Array) -> bool:
    """Whether two arrays of one shape agree."""
    scale = max(_SMALL, float(np.max(np.abs(truth), initial=0.0)))
    error = np.max(np.abs(found - truth), initial=0.0)
    return bool(error <= _TOLERANCE * scale)


def fitted(found: Array, truth: Array, rows: int) -> Array | None:
    """A value with the shape of the truth; None if it has another one."""
    shape = truth.shape
    if found.shape == shape:
        return found
    flat = math.prod(shape[:rows]), math.prod(shape[rows:])
    if found.shape == flat or found.size == 1 == truth.size:
        return found.reshape(shape)
    if len(shape) == 1 and found.shape == (*shape, 1):
        return found.reshape(shape)
    if len(shape) == 2 and 1 in shape and found.shape == (max(shape), 1) and shape[1] == 1:
        return found.reshape(shape)
    if found.ndim == 0 and found == 0:
        return np.zeros(shape)
    return None


# ---------------------------------------------------------------- making one


def program(
    f: Callable[..., Any], wrt: str | tuple[str, str], axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None, order: Order = 1, examples: Sequence[Any] = (),
) -> Program:  # fmt: skip
    """Record a function, and draw the points at which derivations are compared."""
    question = ask("check", f, wrt, examples, axes, facts, order)
    names, given = question.names, question.given
    derivation = derive(question)
    require_number("check", question, derivation)
    question = settled(question, derivation)
    order = question.order
    printed = _printed(question, derivation)  # first, since it finds sizes such as k+m
    output = _dims(derivation, [t.graph.outputs[0] for t in derivation.traces])
    dims = tuple(d for n in names for d in given.axes[n])
    dims = (output if order == "jacobian" else ()) + (
        dims * 2 if order == 2 == 1 + len(names) else dims
    )
    rows = {1: len(dims), 2: len(given.axes[names[0]]), "jacobian": len(output)}[order]
    for main, known in (printed, (None, {})):
        shapes = _shapes(derivation, given, known)
        own = {n: output for n in (f.__name__, "L") if n not in shapes}
        points = tuple(_points(question, main, known, derivation, own))
        if points:  # none where the formula has constants, which are of one size
            break
    else:
        raise FormulaError(
            f"check: at none of {2 * _ATTEMPTS + 1} random points is the derivative of "
            f"{name_of(f)} known well enough to compare with"
        )
    numbers = [p.sizes for p in points[:2]]
    allowed = Names({**own, **shapes}, frozenset(given.names), numbers)
    return Program(question, allowed, dims, rows, points, derivation, main, known, tuple(own))


def _printed(question: Question, derivation: Derivation) -> tuple[Tree | None, dict[str, Tree]]:
    """The formula that we would print; a derivation can be checked where we have none."""
    try:
        return readable(question, derivation, expand=False)
    except (ChainruleError, ArithmeticError, LookupError):
        return None, {}


def _shapes(
    derivation: Derivation, given: Signature, known: Mapping[str, Tree]
) -> dict[str, Shape]:
    """The shapes of parameters, locals and generated names."""
    constants = derivation.lowering.constants
    found: dict[str, Shape] = {n: tuple(map(str, np.shape(v))) for n, v in constants.items()}
    found |= {name: tree.dims for name, tree in known.items()}
    tables = [_locals(t) for t in derivation.traces]
    for name in tables[0]:
        if all(name in t for t in tables):
            found[name] = _dims(derivation, [t[name] for t in tables])
    found |= {n: () for n, v in given.fixed.items() if isinstance(v, int | float)}
    return {**found, **given.axes}


def _locals(traced: Trace) -> dict[str, Node]:
    """The node of each local name."""
    return {name: node for node, name in traced.names.items() if "." not in name}


def _dims(derivation: Derivation, nodes: list[Node]) -> Shape:
    joins = derivation.lowering.joins
    shapes = zip(*(n.shape for n in nodes), strict=True)
    return tuple(joins.get(sizes) or derivation.sizes.symbol(sizes) for sizes in shapes)


# ---------------------------------------------------------------- points


def _points(
    question: Question, main: Tree | None, known: Mapping[str, Tree], derivation: Derivation,
    own: Mapping[str, Shape],
) -> Iterator[Point]:  # fmt: skip
    """Points of pairwise different sizes first and last, and of any sizes between."""
    found = 0
    for attempt in itertools.count():
        if found == _POINTS or attempt > 2 * _ATTEMPTS:
            return
        generator = np.random.default_rng(500 + attempt)
        sizes = _sizes(question, generator, attempt if found < 2 or found > 4 else None)
        sizes = with_room(sizes, (main, *known.values()))
        arguments = question.given.draw(sizes, generator, question.usual)
        try:
            with np.errstate(all="ignore"):
                point = _point(question, main, known, derivation, own, sizes, arguments)
        except (ChainruleError, ArithmeticError, ValueError, IndexError):
            point = None
        if point is not None:
            found += 1
            yield point


def _sizes(
    question: Question, generator: np.random.Generator, attempt: int | None
) -> dict[str, int]:
    """The sizes of a point: all different, or random ones."""
    if attempt is None or question.given.tied or question.given.long:
        return question.given.points(generator)
    names = question.given.names
    orders = list(
        itertools.islice(itertools.permutations(_SIZES[: max(len(names), 2)], len(names)), 720)
    )
    return dict(zip(names, orders[attempt * 7 % len(orders)], strict=True))


def _point(
    question: Question, main: Tree | None, known: Mapping[str, Tree], derivation: Derivation,
    own: Mapping[str, Shape], sizes: Mapping[str, int], arguments: Mapping[str, Any],
) -> Point | None:  # fmt: skip
    """A point with all its values.

    None where the derivative is not defined or ill-conditioned, or 0 by a convention that formulas
    do not know, as that of a norm at 0.
    """
    truth = automatic(question, arguments)
    if not difference(automatic(question, nudged(question, arguments)), truth) < 1e-8:
        return None
    traced = trace(question.f)(**tensors(arguments))
    values = _named(traced, known, derivation, own, sizes, arguments)
    if main is not None:
        printed = NumpyEvaluator({**derivation.lowering.constants, **values}, sizes)(main)
        if is_hole(printed, truth):
            return None
    return Point(sizes, arguments, values, truth)


def _named(
    traced: Trace, known: Mapping[str, Tree], derivation: Derivation, own: Iterable[str],
    sizes: Mapping[str, int], arguments: Mapping[str, Any],
) -> dict[str, Array]:  # fmt: skip
    """The values of all names at arguments of the sizes at which the program was recorded."""
    nodes = _locals(traced)
    results = run([*nodes.values(), traced.graph.outputs[0]], _inputs(traced, arguments))
    values = {n: np.asarray(v) for n, v in derivation.lowering.constants.items()}
    values |= dict(zip(nodes, results[:-1], strict=True))
    values |= {n: np.asarray(v) for n, v in arguments.items() if not isinstance(v, str)}
    values |= {name: np.asarray(results[-1]) for name in own}
    evaluator = NumpyEvaluator(values, sizes)
    for name, tree in known.items():
        if name not in values:
            value = evaluator(tree)
            evaluator.values[name] = value
            values[name] = value.reshape(-1) if len(tree.dims) == 1 else value
    return values


def _inputs(traced: Trace, arguments: Mapping[str, Any]) -> dict[Node, Any]:
    return {n: np.asarray(arguments[traced.names[n]]) for n in traced.graph.inputs}


def names_at(
    prog: Program, traced: Trace, sizes: Mapping[str, int], arguments: Mapping[str, Any]
) -> dict[str, Array]:
    """The values of all names at other arguments of a recorded program."""
    assert prog.derivation is not None
    return _named(traced, prog.known, prog.derivation, prog.own, sizes, arguments)


def at_arguments(prog: Program, point: Point, arguments: Mapping[str, Any]) -> Point | None:
    """A point with other arguments of the same sizes."""
    if prog.derivation is None:
        return None
    own = dict.fromkeys(prog.own, ())
    try:
        return _point(
            prog.question, prog.main, prog.known, prog.derivation, own, point.sizes, arguments
        )
    except (ChainruleError, ArithmeticError, ValueError):
        return None


def at_sizes(prog: Program, sizes: Mapping[str, int]) -> Point | None:
    """A point of given sizes."""
    arguments = prog.question.given.draw(sizes, np.random.default_rng(600), prog.question.usual)
    return at_arguments(prog, replace(prog.points[0], sizes=sizes), arguments)


def gradient_of(prog: Program, name: str, point: Point) -> Array | None:
    """The derivative by another argument at a point."""
    question = replace(prog.question, names=(name,) * len(prog.question.names))
    try:
        return automatic(question, point.arguments)
    except ChainruleError:
        return None


def cotangents_at(prog: Program, point: Point) -> dict[str, Array]:
    """The gradients by the locals at a point."""
    traced = trace(prog.question.f)(**tensors(point.arguments))
    if traced.graph.outputs[0].shape != ():
        return {}
    found = traced.cotangents()
    nodes = {name: found[node] for name, node in _locals(traced).items() if node in found}
    results = run(list(nodes.values()), _inputs(traced, point.arguments))
    return dict(zip(nodes, results, strict=True))


def value_of_function(prog: Program, point: Point) -> Array:
    """The function itself at a point."""
    result = prog.question.f(**tensors(point.arguments))
    return np.asarray(result.numpy() if isinstance(result, Tensor) else result)
