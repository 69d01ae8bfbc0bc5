"""Derivatives along some paths only: what comes out when one use of a value is taken as constant.

If v is the derivative with one edge of the graph cut, then what was forgotten is the path through
that edge: the denominator that depends on x too, the second occurrence of a variable.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.autodiff.linearize import linearize
from chainrule.errors import ChainruleError
from chainrule.formula.derivation.question import tensors
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.program import Point, Program, close, fitted
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset.evaluate import Array
from chainrule.ir import build
from chainrule.ir.dtype import BUNDLE
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Map
from chainrule.runtime.reference import evaluate as run
from chainrule.tensors import Tensor
from chainrule.transform import grad
from chainrule.transform.trace import Trace, trace

__all__ = ["by_paths"]

_MOST_EDGES, _MOST_ENTRIES = 150, 80
Edge = tuple[int, int]


@dataclass(frozen=True)
class Cut:
    """What is held constant: a use of a value, named values, or the slopes of all activations."""

    edge: Edge | None = None
    names: tuple[str, ...] = ()
    slopes: bool = False


def by_paths(program: Program, values: Sequence[Array]) -> Finding | None:
    """Whether a value is the derivative with one use of a value held constant."""
    point = program.points[0]
    if (
        point.truth.size > 20 * _MOST_ENTRIES
        or fitted(values[0], point.truth, program.rows) is None
    ):
        return None
    try:
        traced = _traced(program, point)
        found = _without_slopes(program, traced, values) or _by_uses(program, traced, values)
        if found is not None:
            return found
        for names in _held(traced):
            if _explains(program, Cut(names=names), values):
                return _finding(program, " and ".join(map(spelled, names)))
        edges = _edges(traced.graph, _input(traced, program.question.names[-1]))
        for edge in edges[:_MOST_EDGES]:
            if _explains(program, Cut(edge), values):
                node = traced.graph.nodes()[edge[0]]
                held = traced.names.get(node.inputs[edge[1]])
                return _finding(program, None if held is None else spelled(held))
    except (ChainruleError, NotImplementedError):
        return None
    return None


def _finding(program: Program, held: str | None) -> Finding:
    variable = spelled(program.question.names[-1])
    if held is None or held == variable:
        return Finding(
            "missing term", f"{variable} occurs more than once: one path through it is missing"
        )
    return Finding(
        "missing term", f"{held} depends on {variable} too: the path through {held} is missing"
    )


def _traced(program: Program, point: Point) -> Trace:
    """The program whose Jacobian is asked: f, or its gradient."""
    question = program.question
    if question.order != 2:
        return trace(question.f)(**tensors(point.arguments))
    first = question.names[0]

    def slope(**arguments: Tensor) -> Tensor:
        own = arguments.pop(first)
        found: Tensor = grad(lambda value: question.f(**arguments, **{first: value}))(own)
        return found

    arguments = tensors(point.arguments)
    return trace(_named(slope, list(arguments)))(*arguments.values())


def _named(function: Callable[..., Tensor], names: Sequence[str]) -> Callable[..., Tensor]:
    """A function of positional arguments with these names."""

    def named(*values: Tensor) -> Tensor:
        return function(**dict(zip(names, values, strict=True)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    shown = inspect.Signature([inspect.Parameter(n, kind) for n in names])
    named.__signature__ = shown  # type: ignore[attr-defined]
    return named


def _input(traced: Trace, name: str) -> Node:
    return next(n for n in traced.graph.inputs if traced.names.get(n) == name)


def _held(traced: Trace) -> Iterator[tuple[str, ...]]:
    """One local, or two, that may have been taken as constant."""
    ends = {*traced.graph.inputs, *traced.graph.outputs}
    nodes = set(traced.graph.nodes()) - ends
    inner = [name for node, name in traced.names.items() if node in nodes]
    yield from ((n,) for n in inner)
    yield from itertools.combinations(inner[:6], 2)


def _edges(graph: Graph, source: Node) -> list[Edge]:
    """The uses of values that depend on the source and that are used more than once."""
    depends = {source}
    uses: dict[Node, list[Edge]] = {}
    for place, node in enumerate(graph.nodes()):
        for slot, operand in enumerate(node.inputs):
            if operand in depends and node not in graph.inputs:
                depends.add(node)
                uses.setdefault(operand, []).append((place, slot))
    return [e for found in uses.values() if len(found) > 1 for e in found]


def _explains(program: Program, cut: Cut, values: Sequence[Array]) -> bool:
    checked = 0
    for point, value in zip(program.points[:3], values, strict=False):
        made = fitted(value, point.truth, program.rows)
        found = None if made is None else _with_cut(program, point, cut)
        if (
            made is None
            or found is None
            or not np.isfinite(found).all()
            or not close(made, found.reshape(made.shape))
        ):
            return False
        checked += 1
    return checked > 1


def _with_cut(program: Program, point: Point, cut: Cut) -> Array | None:
    """The Jacobian at a point, with one edge cut."""
    traced = _traced(program, point)
    graph = traced.graph
    source = _input(traced, program.question.names[-1])
    table = {n: np.asarray(point.arguments[traced.names[n]]) for n in graph.inputs}
    done = _cut(traced, cut, table)
    if done is None:
        return None
    output = done.get(graph.outputs[0], graph.outputs[0])
    direction = build.parameter(source.shape, source.dtype)
    (tangent,) = linearize([output], {source: direction})
    if tangent is None:
        return np.zeros(point.truth.shape)
    columns = []
    size = int(np.prod(source.shape, dtype=int))
    for k in range(size):
        unit = np.zeros(size)
        unit[k] = 1.0
        values = dict(table) | {direction: unit.reshape(source.shape)}
        columns.append(run([tangent], values)[0].reshape(-1))
    return np.stack(columns, axis=-1).reshape(output.shape + source.shape)


def _cut(traced: Trace, cut: Cut, table: dict[Node, Array]) -> dict[Node, Node] | None:
    """The nodes with a cut; the values of what is constant go into the table."""
    nodes, inputs = traced.graph.nodes(), set(traced.graph.inputs)
    if cut.slopes:
        return _straightened(traced, table)
    held = {n for n, name in traced.names.items() if name in cut.names}
    constants: dict[Node, Node] = {}
    if cut.edge is not None:
        place, slot = cut.edge
        if place >= len(nodes) or slot >= len(nodes[place].inputs):
            return None
        held = {nodes[place].inputs[slot]}
    for node in held:
        if not node.dtype.is_float or node.dtype is BUNDLE:
            return None
        constants[node] = build.parameter(node.shape, node.dtype)
    table.update(zip(constants.values(), run(list(constants), dict(table)), strict=True))
    done: dict[Node, Node] = dict(constants) if cut.edge is None else {}
    for place, node in enumerate(nodes):
        if node in done or node in inputs:
            continue
        changed = tuple(
            constants[i] if (place, slot) == cut.edge else done.get(i, i)
            for slot, i in enumerate(node.inputs)
        )
        done[node] = (
            node if changed == node.inputs else Node(node.op, changed, node.shape, node.dtype)
        )
    return done


def _without_slopes(program: Program, traced: Trace, values: Sequence[Array]) -> Finding | None:
    """Whether all activations were taken to have the slope 1."""
    if program.question.order != 1 or not any(is_activation(n) for n in traced.graph.nodes()):
        return None
    if _explains(program, Cut(slopes=True), values):
        return Finding(
            "missing activation derivative", "the derivatives of all the activations are missing"
        )
    return None


def is_activation(node: Node) -> bool:
    return isinstance(node.op, Map) and node.op.record.name in (
        "relu",
        "tanh",
        "sigmoid",
        "softplus",
    )


def _by_uses(program: Program, traced: Trace, values: Sequence[Array]) -> Finding | None:
    """The derivative as a sum over the uses of the variable: those left out, or of another sign."""
    source = _input(traced, program.question.names[-1])
    uses = [(place, slot) for place, node in enumerate(traced.graph.nodes())
            for slot, operand in enumerate(node.inputs) if operand is source]  # fmt: skip
    if not 1 < len(uses) < 7 or program.question.order == 2:
        return None
    parts: list[list[Array]] = []
    for point in program.points[:3]:
        cuts = [_with_cut(program, point, Cut(use)) for use in uses]
        if any(c is None for c in cuts):
            return None
        parts.append([point.truth - c.reshape(point.truth.shape) for c in cuts if c is not None])
    variable = spelled(program.question.names[-1])
    choices = itertools.chain(
        *(itertools.product(pair, repeat=len(uses)) for pair in ((1, 0), (1, -1)))
    )
    for signs in choices:
        kinds = set(signs)
        if len(kinds) < 2:
            continue
        if all(_sums_to(program, v, p.truth, signs, own)
               for v, p, own in zip(values, program.points, parts, strict=False)):  # fmt: skip
            if kinds == {0, 1}:
                return Finding(
                    "missing term",
                    f"{variable} occurs more than once: a part of its uses is left out",
                )
            return Finding("sign", f"one of the occurrences of {variable} has the wrong sign")
    return None


def _sums_to(
    program: Program, value: Array, truth: Array, signs: Sequence[int], parts: Sequence[Array]
) -> bool:
    made = fitted(value, truth, program.rows)
    total = sum((s * p for s, p in zip(signs, parts, strict=True)), np.zeros(truth.shape))
    return made is not None and close(made, total)


def _straightened(traced: Trace, table: dict[Node, Array]) -> dict[Node, Node]:
    """The nodes with every activation as z plus a constant: the same value, and the slope 1."""
    done: dict[Node, Node] = {}
    inputs = set(traced.graph.inputs)
    for node in traced.graph.nodes():
        if node in inputs:
            continue
        changed = tuple(done.get(i, i) for i in node.inputs)
        done[node] = (
            node if changed == node.inputs else Node(node.op, changed, node.shape, node.dtype)
        )
        if is_activation(node):
            rest = build.parameter(node.shape, node.dtype)
            known = dict(table)
            value, before = run([node, node.inputs[0]], known)
            table[rest] = value - before
            done[node] = build.add((changed[0], rest))
    return done
