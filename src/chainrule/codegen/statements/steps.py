"""Steps: what computes each of the values of a graph that lie in memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from chainrule.codegen.statements.affine import Affine, variable
from chainrule.codegen.statements.counting import forms_in, merged
from chainrule.codegen.statements.elements import Elements, Stored, is_inline
from chainrule.codegen.statements.loops import Expression, Load, Statement
from chainrule.codegen.statements.storing import domain, is_loops, is_memory, is_product, stored_in
from chainrule.ir import primitives as p
from chainrule.ir.dtype import BUNDLE
from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.routines.solving import SOLVE
from chainrule.ir.symmetry import gram_of

__all__ = [
    "Check",
    "Contraction",
    "Draw",
    "Host",
    "Nested",
    "Scattered",
    "Solve",
    "Spread",
    "Step",
    "is_system",
    "steps_of",
]

_OFTEN: Final = 32  # times that an element goes into a product, which are worth a copy of it
_WIDE: Final = 32  # columns of one of many products; fewer leave lanes without work
_DEEP: Final = 8  # rows, and terms of a sum, that are worth laying out columns for each image
_SMALL: Final = 64  # rows of a linear system
_FEW: Final = 48  # rows, or terms of a sum, of which all are computed as soon as half


class Contraction(NamedTuple):
    """A matrix product, or a stack of them: target = Σ left · right.

    Variables are those of the target's axes, then the contracted ones. ``batch``, ``rows``,
    ``columns`` and ``inner`` say which are which, slowest first. Of a ``symmetric`` one it is known
    that rows and columns can be exchanged.
    """

    target: Node
    extents: tuple[int, ...]
    batch: tuple[int, ...]
    rows: tuple[int, ...]
    columns: tuple[int, ...]
    inner: tuple[int, ...]
    left: Expression
    right: Expression
    symmetric: bool = False


class Spread(NamedTuple):
    """target[place] += value over all variables, from zeros.

    axes    the place on each axis; ``place`` is its number
    guards  what is not sure to lie inside
    """

    target: Node
    extents: tuple[int, ...]
    axes: tuple[Affine, ...]
    place: Affine
    guards: tuple[tuple[Affine, int], ...]
    value: Expression


class Scattered(NamedTuple):
    """target[indices…, rest…] += value, from zeros.

    The first ``looped`` variables count through the indices.
    """

    target: Node
    extents: tuple[int, ...]
    looped: int
    indices: tuple[Expression, ...]
    value: Expression


class Check(NamedTuple):
    """Ends the program where an index is outside of its axis."""

    extents: tuple[int, ...]
    value: Expression
    size: int


class Host(NamedTuple):
    """A node that NumPy computes; its results are the nodes in ``targets``."""

    node: Node
    targets: tuple[Node, ...]


class Draw(NamedTuple):
    """Random bits for a stack of keys."""

    target: Node
    node: Node


class Solve(NamedTuple):
    """Small linear systems: a node whose only result is the node in ``targets``."""

    node: Node
    targets: tuple[Node, ...]


class Nested(NamedTuple):
    """A Loop or a Cond whose bodies are machine code; its results are the nodes in ``targets``."""

    node: Node
    targets: tuple[Node, ...]


Step = Statement | Contraction | Spread | Scattered | Draw | Check | Host | Solve | Nested


def steps_of(graph: Graph) -> list[Step]:
    """The steps that compute a graph, in an order in which each reads only what is there."""
    nodes = graph.nodes()
    stored = stored_in(graph, nodes)
    while True:
        try:
            return list(_once(_steps(graph, nodes, stored)))
        except Stored as found:
            stored.add(found.node)


def _once(steps: Iterable[Step]) -> Iterable[Step]:
    """The steps without checks that were made before."""
    made: set[Check] = set()
    for step in steps:
        if isinstance(step, Check):
            if step in made:
                continue
            made.add(step)
        yield step


def _steps(graph: Graph, nodes: Sequence[Node], stored: set[Node]) -> Iterable[Step]:
    given = set(graph.inputs)
    projects: dict[Node, list[Node]] = {}
    for node in nodes:
        if isinstance(node.op, p.Project) and node not in given:
            projects.setdefault(node.inputs[0], []).append(node)
    for node in nodes:
        if node in given or isinstance(node.op, p.Project):
            continue
        if 0 in node.shape:
            yield from _checks(node, stored)
        elif node.dtype is BUNDLE:
            kind = Nested if _is_nested(node) else Solve if is_system(node) else Host
            yield kind(node, tuple(projects.get(node, ())))
        elif node in stored and not is_memory(node):
            yield from _checks(node, stored)
            yield _step(node, stored)
        elif isinstance(node.op, p.Gather | p.Scatter):
            yield from _checks(node, stored)


def is_system(node: Node) -> bool:
    """Whether a node solves linear systems that are small enough for machine code."""
    op = node.op
    return (
        isinstance(op, p.RoutineCall) and op.routine is SOLVE and node.inputs[0].shape[-1] <= _SMALL
    )


def _is_nested(node: Node) -> bool:
    """Whether a Loop or a Cond needs nothing of the host."""
    return isinstance(node.op, p.Loop | p.Cond) and not any(map(_needs_host, bodies(node.op)))


def _needs_host(graph: Graph) -> bool:
    given = set(graph.inputs)
    for node in graph.nodes():
        if node in given or isinstance(node.op, p.Project) or is_inline(node) or is_loops(node):
            continue
        if not (is_memory(node) or is_system(node) or _is_nested(node)):
            return True
    return False


def _step(node: Node, stored: set[Node]) -> Step:
    op = node.op
    match op:
        case p.Einsum() if not is_inline(node):
            found = _contraction(node, op, stored)
            if found is not None:
                return found
        case p.Accumulate(view=view) if not is_inline(node):
            return _spread(node, view, stored)
        case p.Scatter() if not is_inline(node):
            return _scattered(node, stored)
        case p.Random():
            return Draw(node, node)
        case p.Reduce():
            pass
        case _ if not is_inline(node):
            return Host(node, (node,))
    extents = domain(node)
    return Elements(stored.__contains__, extents).body(node)


# ---------------------------------------------------------------- contractions


def _contraction(node: Node, op: p.Einsum, stored: set[Node]) -> Contraction | None:
    if not is_product(node):
        return None
    extents = domain(node)
    output = op.subscripts.output
    first, second = op.subscripts.inputs
    summed = [n for n in dict.fromkeys((*first, *second)) if n not in output]
    variables = {n: k for k, n in enumerate((*output, *summed))}
    # Columns are what lies together in the result.
    order = (1, 0) if output[-1] in first and output[-1] not in second else (0, 1)
    operands = [node.inputs[k] for k in order]
    labels = [op.subscripts.inputs[k] for k in order]
    made = Elements(stored.__contains__, extents)
    left, right = (
        made.at(n, tuple(variable(variables[label]) for label in own))
        for n, own in zip(operands, labels, strict=True)
    )
    gram = gram_of(node)
    free = {*gram.mirror, *gram.mirror.values()} if gram else set(first) ^ set(second)
    batch = [n for n in output if n not in free]
    rows = [n for n in output if n in free and n in labels[0]]
    columns = [n for n in output if n in free and n in labels[1]]
    a, b, c, d = (tuple(variables[n] for n in g) for g in (batch, rows, columns, summed))
    if gram is None and _size(b, extents) >= _DEEP and _size(d, extents) >= _DEEP:
        loops = merged(c, extents, [*forms_in(left), *forms_in(right)])
        if len(loops) > 2 and _is_sparse(operands[1], stored) and _size(b, extents) >= _OFTEN:
            raise Stored(operands[1])
        if len(loops) > 1 and loops[-1].extent >= _WIDE:
            # Each image is a matrix of channels and places; one matrix multiplies all of them.
            a, c = (*a, *(v for v in c if v not in loops[-1].members)), loops[-1].members
    if not (_lies_flat(left, (b, d), extents) and _lies_flat(right, (d, c), extents)):
        return None
    few = min(_size(b, extents), _size(d, extents)) <= _FEW
    # Of a matrix and itself as it is, elements that mirror each other are the same sum anyway.
    as_it_is = isinstance(left, Load) and isinstance(right, Load)
    symmetric = gram is not None and not (few and as_it_is)
    return Contraction(node, extents, a, b, c, d, left, right, symmetric)


def _size(variables: Sequence[int], extents: Sequence[int]) -> int:
    """How many places some variables count."""
    return math.prod(extents[v] for v in variables)


def _is_sparse(node: Node, stored: set[Node]) -> bool:
    """Whether a node picks elements of another one, each once at most: a copy has no more."""
    view = node.op
    if node in stored or not isinstance(view, p.View) or node.ndim != node.inputs[0].ndim:
        return False
    plain = all(len(axis.terms) == 1 and axis.terms[0][1] > 0 for axis in view.axes)
    return plain and math.prod(node.shape) < math.prod(node.inputs[0].shape)


def _lies_flat(value: Expression, groups: Sequence[Sequence[int]], extents: Sequence[int]) -> bool:
    """Whether the axes of a matrix's rows, and of its columns, are counted through as one.

    Windows are not: they are read in place by loops over all their axes.
    """
    forms = list(forms_in(value))
    return all(len(merged(group, extents, forms)) == 1 for group in groups)


# ---------------------------------------------------------------- sums into places


def _spread(node: Node, view: p.View, stored: set[Node]) -> Spread:
    operand = node.inputs[0]
    index = tuple(map(variable, range(operand.ndim)))
    made = Elements(stored.__contains__, operand.shape)
    forms = []
    for axis in view.axes:
        form = Affine(axis.offset)
        for o, step in axis.terms:
            form = form.plus(index[o], step)
        forms.append(form)
    place, stride = Affine(0), 1
    for form, size in zip(reversed(forms), reversed(node.shape), strict=True):
        place = place.plus(form, stride)
        stride *= size
    limits = dict(enumerate(operand.shape))
    guards = tuple(
        (form, size) for form, size in zip(forms, node.shape, strict=True)
        if form.limits(limits)[0] < 0 or form.limits(limits)[1] >= size
    )  # fmt: skip
    return Spread(node, operand.shape, tuple(forms), place, guards, made.at(operand, index))


def _scattered(node: Node, stored: set[Node]) -> Scattered:
    updates, *indices = node.inputs
    index = tuple(map(variable, range(updates.ndim)))
    made = Elements(stored.__contains__, updates.shape)
    count = indices[0].ndim
    found = tuple(made.at(n, index[:count]) for n in indices)
    return Scattered(node, updates.shape, count, found, made.at(updates, index))


def _checks(node: Node, stored: set[Node]) -> Iterable[Check]:
    if not isinstance(node.op, p.Gather | p.Scatter):
        return
    target = node.inputs[0] if isinstance(node.op, p.Gather) else node
    for axis, n in enumerate(node.inputs[1:]):
        if isinstance(n.op, p.Iota) and n.op.size <= target.shape[axis]:
            continue
        made = Elements(stored.__contains__, n.shape)
        index = tuple(map(variable, range(n.ndim)))
        yield Check(n.shape, made.at(n, index), target.shape[axis])
