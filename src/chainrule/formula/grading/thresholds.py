"""Comparisons that turn over at the wrong place, as [x > 0.001] where the derivative has [x > 0].

Random points seldom lie between two thresholds that are close, or beyond a large one. So arguments
are moved along a line to where a comparison of the derivation or of the program turns over, and
the derivation is compared with the derivative on both sides, a little and a little more apart.
Where comparisons are joined, as in all(w > 5), lines also start where elements are nearly equal:
then they pass the threshold together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, final

import numpy as np

from chainrule.errors import ChainruleError
from chainrule.formula.derivation.question import tensors
from chainrule.formula.explaining.switches import Switch, opened, switches
from chainrule.formula.explaining.verify import is_float
from chainrule.formula.grading.comparisons import ROUNDED, compared, is_step, said
from chainrule.formula.grading.far_sizes import at_another_size
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import (
    Point,
    Program,
    at_arguments,
    fitted,
    names_at,
    value_of_function,
)
from chainrule.formula.reading.numeric import NumpyEvaluator
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.evaluate import Array
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import REDUCTIONS, walk
from chainrule.ir.primitives import Reduce
from chainrule.runtime.reference import evaluate as run
from chainrule.transform.trace import trace

__all__ = ["misplaced"]

_BASES = 2  # points from which lines start
_FAR = (-30.0, 30.0, 1e3, -1e3, 1e6, -1e6)  # scales of one argument at the end of a line
_SCALES = (-1.0, 1e-3, 30.0, 1e3)  # of all of them
_APART = (1e-6, 1e-3)  # how far beside a threshold, in parts of what the start lies away from it
_STEP = 1e-7  # of a line, for the slope of a comparison along it
_TOLERANCE = 1e-5  # near a threshold more digits may cancel than elsewhere
_LINES = 4  # on which an element is sought to turn over where the program is defined
_DIGITS = 9  # that are kept where two sides are to be equal in all of them
_ELEMENTS = 4  # of a comparison, since the derivative may concern the first row alone
_SPREAD = 0.01  # of elements that are nearly equal
_HALVINGS = 40  # of a line, until a jump is found
_FREE = frozenset({"", "positive"})
_MOST = 24  # comparisons that are looked at
_CONVEX = frozenset({"", "positive", "spd", "definite", "symmetric", "probability", "simplex"})
_CONES = frozenset({"", "positive", "spd", "definite", "symmetric"})

Arguments = Mapping[str, Any]


@final
@dataclass(frozen=True)
class _Compared:
    """Two sides that a text compares, at these places of the sums around them; None is 0."""

    tree: Tree
    left: Tree
    right: Tree | None
    places: Mapping[str, int]


_Comparison = _Compared | Switch
_Excess = Callable[[float], Array | None]  # of a comparison, along a line


def misplaced(
    program: Program, derivation: Callable[[Point], Array], text: Tree | None
) -> Finding | None:
    """A comparison of the text, or of the program, beside which the derivation is wrong."""
    if program.derivation is None:
        return None
    around = (
        _Around(program, base, text, np.random.default_rng(700 + place), names).places()
        for place, (base, names) in enumerate(_bases(program, text))
    )
    with np.errstate(all="ignore"):
        for comparison, near in chain.from_iterable(around):
            if not _agrees(program, derivation(near), near.truth):
                return Finding("threshold", _words(comparison))
        return None if text is None else at_another_size(program, derivation, text)


def _words(comparison: _Comparison) -> str:
    if isinstance(comparison, _Compared):
        return said(comparison.tree)
    return f"the derivative changes at a kink of {comparison.name}, and this does not"


def _jumps(comparison: _Comparison) -> bool:
    """Whether the two sides are made of other comparisons, and meet nowhere."""
    if isinstance(comparison, Switch):
        return False
    sides = [comparison.left, *([] if comparison.right is None else [comparison.right])]
    return any(is_step(part) for side in sides for part in walk(side))


def _is_equality(comparison: _Comparison) -> bool:
    tree = comparison.tree if isinstance(comparison, _Compared) else None
    return isinstance(tree, ts.Bracket) and tree.relation == "="


def _agrees(program: Program, found: Array, truth: Array) -> bool:
    made = fitted(found, truth, program.rows)
    if made is None:
        return False
    scale = float(np.max(np.abs(truth), initial=1e-6))
    return bool(np.max(np.abs(made - truth), initial=0.0) <= _TOLERANCE * scale)


def _bases(program: Program, text: Tree | None) -> Iterator[tuple[Point, tuple[str, ...]]]:
    """Points from which lines start; where several elements decide, some with nearly equal ones.

    With each the arguments whose elements are nearly equal, which alone are moved then.
    """
    yield from ((point, ()) for point in program.points[:_BASES])
    if not _joins(program, text):
        return
    first, given = program.points[0], program.question.given
    generator = np.random.default_rng(800)
    alike = {
        name: np.asarray(1 + _SPREAD * generator.standard_normal(np.shape(value)))
        for name, value in first.arguments.items()
        if is_float(value) and given.facts.get(name, program.question.usual) in _FREE
    }
    vectors = tuple(name for name, value in alike.items() if np.ndim(value) == 1)
    several = [names for names in {vectors, tuple(alike)} if len(names) > 1]
    for names in [*((name,) for name in alike), *sorted(several)]:
        changed = {name: alike[name] for name in names}
        made = at_arguments(program, first, {**first.arguments, **changed})
        if made is not None:
            yield made, names


def _joins(program: Program, text: Tree | None) -> bool:
    """Whether several elements, or comparisons, decide together."""
    parts = [] if text is None else list(walk(text))
    if any(isinstance(p, ts.Apply) and p.name in REDUCTIONS for p in parts):
        return True
    if sum(1 for p in parts for _ in compared(p)) > 1:
        return True
    graph = trace(program.question.f)(**tensors(program.points[0].arguments)).graph
    reduced = any(isinstance(node.op, Reduce) for node in opened(graph))
    return reduced and any(not s.chooses for n in graph.inputs for s in switches(graph, n))


@final
class _Around:
    """A point, and the lines that lead away from it."""

    def __init__(
        self, program: Program, base: Point, text: Tree | None, generator: np.random.Generator,
        alike: tuple[str, ...],
    ) -> None:  # fmt: skip
        self.program, self.base, self.text, self.alike = program, base, text, alike
        self.traced = trace(program.question.f)(**tensors(base.arguments))
        graph = self.traced.graph
        found = _unique(s for node in graph.inputs for s in switches(graph, node))
        self.comparisons = (self._of_text() + found)[:_MOST]
        self.ends = list(self._ends(generator)) if self.comparisons else []
        self.crossings: dict[tuple[int, float, float], list[Point]] = {}

    def _of_text(self) -> list[_Compared]:
        """The comparisons that are met while the text is evaluated."""
        if self.text is None:
            return []
        watching = _Watching(self._values(self.base.arguments), self.base.sizes)
        watching(self.text)
        return watching.seen

    def _values(self, arguments: Arguments) -> dict[str, Array]:
        return names_at(self.program, self.traced, self.base.sizes, arguments)

    def places(self) -> Iterator[tuple[_Comparison, Point]]:
        """The first comparisons, each with the points beside it."""
        for comparison in self.comparisons:
            for near in self._beside(comparison):
                yield comparison, near

    def _beside(self, comparison: _Comparison) -> Iterator[Point]:
        """Points on both sides of where a comparison turns over; none where no line meets it."""
        before = self._excess(comparison, self.base.arguments)
        if before is None:
            return
        left, jumps = dict.fromkeys(_spread(before.shape), _LINES), _jumps(comparison)
        for line, end in enumerate(self.ends):
            if not left:
                return
            excess = partial(self._excess_along, comparison, end)
            after = excess(1.0)
            if after is None or after.shape != before.shape:
                continue
            sides = np.sign(before), np.sign(after)
            over = sides[0] != sides[1] if jumps else sides[0] * sides[1] < 0
            for element in [e for e in left if (np.isfinite(after) & over)[e]]:
                turned = self._jumped if jumps else self._crossed
                points = list(turned(excess, line, element))
                yield from points
                if len(points) > 1 and _is_equality(comparison):
                    yield from self._between(*points[:2])
                left[element] -= _LINES if points else 1
            left = {element: lines for element, lines in left.items() if lines > 0}

    def _jumped(self, excess: _Excess, line: int, element: tuple[int, ...]) -> Iterator[Point]:
        """Points on both sides of where a comparison of comparisons turns over."""
        low, high, first = 0.0, 1.0, excess(0.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            found = excess(middle)
            if found is None or first is None:
                return
            same = np.sign(found[element]) == np.sign(first[element])
            low, high = (middle, high) if same else (low, middle)
        for moved in (low, high, *(min(1.0, (1 + apart) * high) for apart in _APART)):
            yield from self._near(line, moved)

    def _crossed(self, excess: _Excess, line: int, element: tuple[int, ...]) -> Iterator[Point]:
        from scipy.optimize import brentq  # takes a tenth of a second to load

        def at(part: float) -> float:
            found = excess(part)
            return float("nan") if found is None else float(found[element])

        away = abs(at(0.0))
        try:
            root = brentq(at, 0.0, 1.0, xtol=1e-15)
        except (ValueError, RuntimeError):  # undefined on the way
            return
        slope = (at(root + _STEP) - at(root - _STEP)) / (2 * _STEP)
        if not abs(at(root)) <= min(_APART) * away / 10 or not np.isfinite(slope) or not slope:
            return  # it jumps there
        crossing = line, float(f"{root:.9g}"), float(f"{abs(away / slope):.6g}")
        if crossing not in self.crossings:  # where x > 0 turns over, relu(x) does too
            aside = [part * away / slope for part in _APART]
            sides = [root + sign * apart for apart in aside for sign in (-1, 1)]
            self.crossings[crossing] = [p for s in sides for p in self._near(line, s)]
        yield from self.crossings[crossing]

    def _between(self, left: Point, right: Point) -> Iterator[Point]:
        """The point at which two sides are equal, in all digits, unless the derivative jumps."""
        arguments = {
            name: np.round((value + right.arguments[name]) / 2, _DIGITS)
            for name, value in left.arguments.items()
            if is_float(value)
        }
        at = at_arguments(self.program, self.base, {**left.arguments, **arguments})
        if at is not None and all(_agrees(self.program, p.truth, at.truth) for p in (left, right)):
            yield at

    def _near(self, line: int, part: float) -> Iterator[Point]:
        """The point there; outside of its support, a density says nothing of its slope."""
        near = at_arguments(self.program, self.base, self._at(self.ends[line], part))
        if near is not None and np.isfinite(value_of_function(self.program, near)).all():
            yield near

    def _excess_along(self, comparison: _Comparison, end: Arguments, part: float) -> Array | None:
        return self._excess(comparison, self._at(end, part))

    def _excess(self, comparison: _Comparison, arguments: Arguments) -> Array | None:
        """By how much the left side is larger, for each element; None where that is undefined."""
        try:
            left, right = self._sides(comparison, arguments)
            return np.subtract(left, right)
        except (ChainruleError, ArithmeticError, ValueError, IndexError):
            return None

    def _sides(self, comparison: _Comparison, arguments: Arguments) -> tuple[Array, Array]:
        if isinstance(comparison, Switch):
            graph, names = self.traced.graph, self.traced.names
            table = {n: np.asarray(arguments[names[n]]) for n in graph.inputs}
            asked = [s for s in (comparison.left, comparison.right) if s is not None]
            found = run(asked, table)
        else:
            trees = [t for t in (comparison.left, comparison.right) if t is not None]
            found = [self._evaluated(t, comparison, arguments) for t in trees]
            if isinstance(comparison.tree, ts.Apply) and comparison.tree.name in ROUNDED:
                found.append(self._evaluated(comparison.left, comparison, self.base.arguments))
        return found[0], found[1] if len(found) > 1 else np.zeros(())

    def _evaluated(self, tree: Tree, comparison: _Compared, arguments: Arguments) -> Array:
        evaluate = NumpyEvaluator(self._values(arguments), self.base.sizes)
        evaluate.places.update(comparison.places)
        return evaluate(tree)

    def _at(self, end: Arguments, part: float) -> dict[str, Any]:
        held = self.base.arguments
        return {**held, **{n: (1 - part) * held[n] + part * v for n, v in end.items()}}

    def _ends(self, generator: np.random.Generator) -> Iterator[Arguments]:
        """Arguments to move towards. What is an array of 0 and 1, or orthogonal, stays."""
        question = self.program.question
        facts = {n: question.given.facts.get(n, question.usual) for n in question.given.axes}
        held = {n: v for n, v in self.base.arguments.items() if is_float(v) and n in facts}
        other = question.given.draw(self.base.sizes, generator, question.usual)

        def scaled(names: Iterable[str], scale: float) -> Arguments:
            allowed = _CONES if scale > 0 else {""}
            return {n: scale * held[n] for n in names if facts[n] in allowed}

        if self.alike:
            yield from (scaled(self.alike, scale) for scale in _FAR)
            return
        yield {n: other[n] for n in held if facts[n] in _CONVEX}
        for scale in _FAR:  # one by one, since beside large numbers a small one is not seen
            yield from (scaled([n], scale) for n in held)
        yield from (scaled(held, scale) for scale in _SCALES)


def _spread(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Elements of an array: all of them, or the first, the last and some between."""
    places = np.linspace(0, math.prod(shape) - 1, min(_ELEMENTS, math.prod(shape)))
    return [tuple(map(int, np.unravel_index(round(p), shape))) for p in places]


def _unique(found: Iterator[Switch]) -> list[Switch]:
    """Each switch once, though several arguments may move it; ties have no sides."""
    table = {(s.node, s.left, s.right): s for s in found if not s.chooses and s.left.dtype.is_float}
    return list(table.values())


@final
class _Watching(NumpyEvaluator):
    """An evaluator that keeps what is compared in a text."""

    def __init__(self, values: Mapping[str, Array], sizes: Mapping[str, int]) -> None:
        super().__init__(values, sizes)
        self.seen: list[_Compared] = []

    def __call__(self, tree: Tree) -> Array:
        """Evaluate a tree."""
        for left, right in compared(tree):
            self.seen.append(_Compared(tree, left, right, dict(self.places)))
        return super().__call__(tree)
