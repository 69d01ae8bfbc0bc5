"""Lowering: from the nodes of a program to index algebra.

Every primitive becomes a product, a sum or an atom. Corresponding nodes of all recordings go
together, as a tuple, so that sizes and constants can be told apart. Values that the user named are
atoms; what they stand for is kept beside them, for the "where" lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, assert_never

import numpy as np

from chainrule.algebra import combine, masks, matrices, scalars
from chainrule.algebra.definitions import expanded
from chainrule.algebra.exponentials import complements
from chainrule.algebra.gathers import gather, scatter
from chainrule.algebra.index import Atom, Factor, Poly, Term, atom_poly, normal
from chainrule.algebra.joins import ends, joined, part_of
from chainrule.algebra.reductions import along, attained, axes_of, reduced
from chainrule.algebra.reshapes import reads_outside, reshaped, squeezed
from chainrule.algebra.rules import tidy
from chainrule.algebra.sizes import Sizes
from chainrule.algebra.views import accumulated, viewed
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node, ancestors
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Axis,
    Block,
    Cond,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Print,
    Project,
    Random,
    Reduce,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    View,
)  # fmt: skip

__all__ = ["Lowering", "Twins", "result_of"]

Twins = tuple[Node, ...]
"""The node that stands at one place of the program, in each recording."""

_ONE = Fraction(1)
_UNSIZED = RoutineCall | Block | Loop | Cond | Join  # what has no size, or finds its own
_TRUTH = {
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_invert": "logical_not",
}


@dataclass(frozen=True)
class Opaque:
    """A bundle whose results are atoms."""

    head: str
    operands: tuple[Poly, ...]


Lowered = Poly | list[Poly] | Opaque


@dataclass
class Lowering:
    """One run of lowering: what is named, and what each node came out as.

    names        names by node of the first recording; such a node is an atom
    groups       nodes of the forward pass: their sums stay together in products
    facts        what is known of the values of names: "symmetric", "simplex", "positive"
    inferred     what follows for named values, such as the symmetry of XᵀX
    constants    arrays of the program that have no formula, by their generated names
    sized        those of them that are other arrays at other sizes
    joins        the sizes of joined arrays, by their numbers in the recordings
    fixed        what else of the program is another at other sizes: "a number", "an index"
    values       inputs that are values of a program: they have no axes of size 1 in formulas
    definitions  for each name that was met, the poly that it stands for
    """

    sizes: Sizes
    names: Mapping[Node, str]
    groups: frozenset[Node] = frozenset()
    values: frozenset[str] = frozenset()
    facts: Mapping[str, frozenset[str]] = field(default_factory=dict)
    definitions: dict[Atom, Poly] = field(default_factory=dict)
    inferred: dict[str, frozenset[str]] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    sized: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)
    joins: dict[tuple[int, ...], str] = field(default_factory=dict)
    known: dict[Node, Lowered] = field(default_factory=dict)

    def __post_init__(self) -> None:
        results = {result_of(n): name for n, name in self.names.items()}
        self._results = {place: name for place, name in results.items() if place is not None}

    def lower(self, outputs: Twins) -> Poly:
        """Give the poly of a node."""
        orders = [ancestors((n,)) for n in outputs[: self.sizes.recordings or 1]]
        if any(len(order) != len(orders[0]) for order in orders):
            orders = orders[:1]
            self.fixed.add("a step")
            self.sizes = Sizes({name: sizes[:1] for name, sizes in self.sizes.named.items()})
        for twins in zip(*orders, strict=True):
            if twins[0] not in self.known:
                made = self._rule(twins)
                made = tidy(made, self.definitions) if isinstance(made, Poly) else made
                self.known[twins[0]] = self._named(twins, made)
        return self.value(outputs[0])

    def simplest(self, poly: Poly) -> Poly:
        """The poly tidied once more; zero if it is zero with all names written out."""
        poly = complements(tidy(poly, self.definitions))
        return poly if expanded(poly, self.definitions).terms else combine.scale(Fraction(0), poly)

    def value(self, node: Node) -> Poly:
        """The poly of a node that was lowered."""
        found = self.known[node]
        assert isinstance(found, Poly)
        return found

    def dims(self, twins: Twins) -> tuple[str, ...]:
        """The symbols of the sizes of a node's axes."""
        shapes = list(zip(*(n.shape for n in twins), strict=True))
        found = [self.joins.get(s) or self.sizes.known(s) for s in shapes]
        if None in found and self.sizes.recordings > 1:
            self.fixed.add("a size")
        return tuple(str(s[0]) if d is None else d for s, d in zip(shapes, found, strict=True))

    # ------------------------------------------------------------ names

    def _named(self, twins: Twins, made: Lowered) -> Lowered:
        name = self.names.get(twins[0]) or self._results.get(result_of(twins[0]) or (twins[0], -1))
        if name is None or not isinstance(made, Poly) or not twins[0].dtype.is_float:
            return made
        dims = self.dims(twins)
        if "1" in dims and not isinstance(twins[0].op, Input):
            # A parameter keeps its axis, also where a zero was added to it.
            is_parameter = made == atom_poly(self._name(name, dims))
            return made if is_parameter else self._squeezed(name, made, dims)
        if made.rank == 2 and dims[0] == dims[1] and matrices.is_symmetric(made):
            self.inferred[name] = frozenset({"symmetric"})
        atom = self._name(name, dims)
        value = atom_poly(atom)
        if made != value:
            self.definitions.setdefault(atom, made)
        return value

    def _squeezed(self, name: str, made: Poly, dims: tuple[str, ...]) -> Poly:
        """A named value that kept a reduced axis: in formulas it has none."""
        value = self._spread(name, dims)
        if made != value:
            atom = value.terms[0].factors[0].atom
            self.definitions.setdefault(atom, tidy(squeezed(made), self.definitions))
        return value

    def _spread(self, name: str, dims: tuple[str, ...]) -> Poly:
        """A name without the axes of size 1, read with them."""
        kept = [k for k, dim in enumerate(dims) if dim != "1"]
        atom = self._name(name, tuple(dims[k] for k in kept))
        return normal([Term(_ONE, (Factor(atom, tuple(kept)),))], range(len(dims)), dims)

    def _name(self, name: str, dims: tuple[str, ...]) -> Atom:
        known = self.facts.get(name, frozenset()) | self.inferred.get(name, frozenset())
        return Atom("name", (name,), (), dims, "symmetric" in known, known)

    # ------------------------------------------------------------ one rule for each primitive

    def _rule(self, twins: Twins) -> Lowered:
        node, op = twins[0], twins[0].op
        dims = self.dims(twins) if not isinstance(op, _UNSIZED) else ()
        match op:
            case Input():
                if node.inputs:
                    return self.value(node.inputs[0])
                name = self.names.get(node, op.name or "x")
                if name in self.values and "1" in dims:
                    return self._spread(name, dims)
                return atom_poly(self._name(name, dims))
            case Print():
                return self.value(node.inputs[0])
            case Data(value=value):
                return self._data(twins, value, dims)
            case Fill():
                values = [float(n.op.value) for n in twins if isinstance(n.op, Fill)]
                return combine.filled(self._number(values), dims)
            case Iota():
                return atom_poly(Atom("iota", (), (), dims))
            case Delta():
                return combine.delta(dims[0])
            case Random():
                return atom_poly(Atom("random", (node.serial,), (), dims))
            case Map():
                return self._map(twins, op, dims)
            case Select():
                mask, chosen, otherwise = map(self.value, node.inputs)
                if not node.dtype.is_float:  # an index that counts from the end, made positive
                    return otherwise
                return masks.select(mask, chosen, otherwise)
            case Add(signs=signs):
                pairs = zip(signs, map(self.value, node.inputs), strict=True)
                return combine.add([(Fraction(s), p) for s, p in pairs])
            case Einsum(subscripts=subscripts):
                operands = [self._factor(n) for n in node.inputs]
                return combine.einsum(operands, subscripts.inputs, subscripts.output, dims)
            case Reduce(kind=kind, axes=axes):
                return reduced(kind, self.value(node.inputs[0]), axes, dims)
            case Reshape():
                return self._reshape(twins, dims)
            case View(axes=axes):
                return self._view(node.inputs[0], axes, dims, twins)
            case Accumulate(view=view):
                return self._accumulate(node.inputs[0], view, dims, twins)
            case Join(axis=axis):
                return self._join(twins, axis)
            case Gather():
                return self._gather(node, dims)
            case Scatter():
                return self._scatter(node, dims)
            case RoutineCall():
                return self._routine(twins, op)
            case Project(index=index):
                found = self.known[node.inputs[0]]
                if isinstance(found, Opaque):
                    return atom_poly(Atom(found.head, (index,), found.operands, dims))
                assert isinstance(found, list)
                return found[index]
            case Block():
                return self._block(twins, op)
            case Loop() | Cond():
                return self._opaque(twins, type(op).__name__.lower())
            case _:
                assert_never(op)

    def _factor(self, node: Node) -> Poly:
        """A poly to multiply with: sums of the forward pass stay together."""
        poly = self.value(node)
        return combine.grouped(poly) if node in self.groups or self._is_offset(node) else poly

    def _is_offset(self, node: Node) -> bool:
        """Whether a node is a number plus something, as 1 − y² in a partial derivative."""
        return isinstance(node.op, Add) and any(
            combine.number_of(self.value(n)) for n in node.inputs
        )

    def _number(self, values: Sequence[float]) -> Term:
        """A number of the program; one that follows no sizes that we know holds for these only."""
        made = self.sizes.number(values)
        if not made.factors and len({repr(v) for v in values}) > 1:
            self.fixed.add("a number")
        return made

    def _data(self, twins: Twins, value: Any, dims: tuple[str, ...]) -> Poly:
        values = [n.op.value for n in twins if isinstance(n.op, Data)]
        if not dims:
            return combine.filled(self._number([float(v) for v in values]), dims)
        if all(v.size and np.all(v == v.flat[0]) for v in values):
            return combine.filled(self._number([float(v.flat[0]) for v in values]), dims)
        if len(dims) == 1 and all(np.array_equal(v, np.arange(len(v))) for v in values):
            return atom_poly(Atom("iota", (), (), dims))
        if len(dims) == 2 and all(np.array_equal(v, np.eye(*v.shape)) for v in values):
            return combine.delta(dims[0])
        if (half := matrices.triangle(values)) is not None:
            return atom_poly(Atom(half[0], half[1:], (), dims))
        name = next((n for n, v in self.constants.items() if v is values[0]), "")
        name = name or f"c{1 + len(self.constants)}"
        self.constants[name] = values[0]
        if not all(d.isdigit() for d in dims):
            self.sized.add(name)
        return atom_poly(Atom("name", (name,), (), dims))

    # ------------------------------------------------------------ pointwise

    def _map(self, twins: Twins, op: Map, dims: tuple[str, ...]) -> Poly:
        name = op.record.name
        operands = [self.value(n) for n in twins[0].inputs]
        if twins[0].dtype is bool_:
            name = _TRUTH.get(name, name)
        if name == "divide":
            return combine.multiply(
                self._factor(twins[0].inputs[0]), combine.power(operands[1], Fraction(-1)), dims
            )
        return scalars.apply(name, operands, op.params, dims, not twins[0].inputs[0].dtype.is_float)

    # ------------------------------------------------------------ layout

    def _reshape(self, twins: Twins, dims: tuple[str, ...]) -> Poly:
        return reshaped(self.value(twins[0].inputs[0]), self._factor(twins[0].inputs[0]), dims)

    def _view(
        self, source: Node, axes: Sequence[Axis], dims: tuple[str, ...], twins: Twins
    ) -> Poly:
        offsets, outside = self._offsets(twins, axes), reads_outside(twins[0], axes)
        operand, whole, axes = self.value(source), self._factor(source), list(axes)
        for k, axis in enumerate(axes):
            length = dims[axis.terms[0][0]] if axis.terms else None
            if not outside and len(axis.terms) < 2 and all(step == 1 for _, step in axis.terms):
                part = part_of(operand, k, offsets[k], length, self.definitions)
                if part is not None:
                    operand, whole = part, combine.grouped(part)
                    axes[k], offsets[k] = Axis(0, axis.terms), 0
        return viewed(operand, whole, axes, offsets, dims, outside)

    def _join(self, twins: Twins, axis: int) -> Poly:
        """Joined arrays; the sizes that they have together are known from now on."""
        parts = [self.value(n) for n in twins[0].inputs]
        sizes = [[n.shape[axis] for n in t.inputs] for t in twins]
        for k, end in enumerate(ends([p.dims[axis] for p in parts])):
            if not end.isdigit():
                self.joins[tuple(sum(s[:k]) for s in sizes)] = end
        return joined(parts, axis)

    def _offsets(self, twins: Twins, axes: Sequence[Axis]) -> list[int | str]:
        """Where each axis begins to be read: a number, or n−1 where that grows with a size."""
        views = [n.op.view if isinstance(n.op, Accumulate) else n.op for n in twins]
        every = [view.axes for view in views if isinstance(view, View)]
        if any([a.terms for a in other] != [a.terms for a in axes] for other in every):
            self.fixed.add("an index")
            return [a.offset for a in axes]
        places = [tuple(a.offset for a in each) for each in zip(*every, strict=True)]
        found = [self.sizes.offset(p) if p not in self.joins else self.joins[p] for p in places]
        if None in found:
            self.fixed.add("an index")
        return [a.offset if o is None else o for a, o in zip(axes, found, strict=True)]

    def _accumulate(self, source: Node, view: View, dims: tuple[str, ...], twins: Twins) -> Poly:
        offsets = self._offsets(twins, view.axes)
        return accumulated(self.value(source), self._factor(source), view.axes, offsets, dims)

    # ------------------------------------------------------------ indices

    def _gather(self, node: Node, dims: tuple[str, ...]) -> Poly:
        operand, indices = self._factor(node.inputs[0]), [self.value(n) for n in node.inputs[1:]]
        return gather(operand, indices, dims)

    def _scatter(self, node: Node, dims: tuple[str, ...]) -> Poly:
        updates, indices = self._factor(node.inputs[0]), [self.value(n) for n in node.inputs[1:]]
        return scatter(updates, indices, dims)

    # ------------------------------------------------------------ bundles

    def _routine(self, twins: Twins, op: RoutineCall) -> Lowered:
        operands = [self.value(n) for n in twins[0].inputs]
        known = matrices.routine(op.routine.name, operands, op.params)
        return known if known is not None else self._opaque(twins, op.routine.name)

    def _opaque(self, twins: Twins, head: str) -> Opaque:
        """A bundle that has no formula of its own: the function's name stands for its results."""
        return Opaque(head, tuple(self.value(n) for n in twins[0].inputs))

    def _block(self, twins: Twins, op: Block) -> list[Poly]:
        operands = [self.value(n) for n in twins[0].inputs]
        if op.name in ("softmax", "log_softmax", "logsumexp"):
            shapes = [tuple(n.op.body.outputs[0].shape for n in twins if isinstance(n.op, Block))]
            dims = tuple(self.sizes.symbol(s) for s in zip(*shapes[0], strict=True))
            return [along(op.name, operands[0], axes_of(op.body), dims)]
        if op.name == "attained":
            return [attained(*operands)]
        bodies = [n.op.body for n in twins if isinstance(n.op, Block)]
        inner = Lowering(self.sizes, {}, frozenset(bodies[0].nodes()))
        inner.constants, inner.sized, inner.fixed = self.constants, self.sized, self.fixed
        inner.joins = self.joins
        inner.known.update(zip(bodies[0].inputs, operands, strict=True))
        return [
            inner.lower(tuple(outputs))
            for outputs in zip(*(body.outputs for body in bodies), strict=True)
        ]


def result_of(node: Node) -> tuple[Node, int] | None:
    """Which result of which bundle a node is; reading it twice makes two nodes."""
    return (node.inputs[0], node.op.index) if isinstance(node.op, Project) else None
