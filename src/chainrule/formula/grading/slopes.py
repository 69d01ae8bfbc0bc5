"""What may have been forgotten: the slopes of a program's activations, and parts of its formula.

They become further names of the program, so that the search may put them anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from chainrule.formula.derivation.question import tensors
from chainrule.formula.grading.program import Point, Program
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.reading.numeric import natural
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import is_row
from chainrule.formula.typeset.evaluate import Array
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Map
from chainrule.runtime.reference import evaluate as run
from chainrule.transform.trace import Trace, trace

__all__ = ["with_slopes"]

_MOST_PARTS = 20
_SLOPES: Mapping[str, tuple[str, Callable[..., Array]]] = {
    "relu": ("relu′ = [z > 0]", lambda y, z: (z > 0) * 1.0),
    "tanh": ("tanh′ = 1 − tanh²", lambda y, z: 1 - y * y),
    "sigmoid": ("σ′ = σ(1 − σ)", lambda y, z: y * (1 - y)),
    "softplus": ("softplus′ = σ", lambda y, z: 1 / (1 + np.exp(-z))),
    "maximum": ("max′ = [a > b]", lambda y, a, b: (a >= b) * 1.0),
}


def with_slopes(program: Program) -> tuple[Program, dict[str, str]]:
    """The program with the derivatives of its activations as further names."""
    if program.derivation is None:
        return program, {}
    first = program.derivation.traces[0]
    words: dict[str, str] = {}
    shapes: dict[str, Shape] = {}
    points: list[Point] = []
    for node, name in _activations(first):
        words[name] = _SLOPES[_kind(node)][0]
    tables = [{n: k for k, n in _activations(t)} for t in program.derivation.traces]
    for name in words:
        sizes = zip(*(t[name].shape for t in tables), strict=True)
        shapes[name] = tuple(program.derivation.sizes.symbol(s) for s in sizes)
    parts = _parts(program)
    shapes |= {name: tree.dims for name, tree in parts.items()}
    for point in program.points:
        values = {**point.values, **_slopes_at(program, point)}
        evaluator = program.evaluator(point)
        with np.errstate(all="ignore"):
            values |= {n: natural(evaluator(t), len(t.dims)) for n, t in parts.items()}
        points.append(replace(point, values=values))
    return replace(program, names=program.names.also(shapes), points=tuple(points)), words


def _parts(program: Program) -> dict[str, Tree]:
    """The parts of the formula, and of what stands in it, that may have been forgotten."""
    found: dict[str, Tree] = {}
    for tree in [program.main, *program.known.values()] if program.main is not None else []:
        for part in walk(tree):
            plain = not any(isinstance(p, ts.Row | ts.SumOver | ts.Eye) for p in walk(part))
            if isinstance(part, ts.Product) and (not part.dims or is_row(part.parts[0])):
                continue
            if plain and len(part.dims) < 3 and isinstance(part, _PARTS) and not is_row(part):
                found.setdefault(f"⟨{UNICODE(part)}⟩", part)
    return dict(itertools.islice(found.items(), _MOST_PARTS))


_PARTS = (
    ts.Apply,
    ts.Power,
    ts.Norm,
    ts.Bracket,
    ts.Inverse,
    ts.Over,
    ts.Plus,
    ts.Elementwise,
    ts.Product,
)


def _kind(node: Node) -> str:
    return node.op.record.name if isinstance(node.op, Map) else ""


def _activations(traced: Trace) -> list[tuple[Node, str]]:
    found = [n for n in traced.graph.nodes() if _kind(n) in _SLOPES]
    return [(n, f"slope {k}") for k, n in enumerate(found)]


def _slopes_at(program: Program, point: Point) -> dict[str, Array]:
    traced = trace(program.question.f)(**tensors(point.arguments))
    table = {n: np.asarray(point.arguments[traced.names[n]]) for n in traced.graph.inputs}
    found = {}
    for node, name in _activations(traced):
        values = run([node, *node.inputs], dict(table))
        found[name] = _SLOPES[_kind(node)][1](*values)
    return found
