"""Linear lowering: from the tangent of a program to index algebra, with values as atoms.

A tangent is linear in its directions. On the way from a direction to a result stand only products,
sums and changes of layout; what they multiply with are values of the program, which stay what they
are: nodes, to be computed when someone asks. Every axis has the number that is its size.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra import combine, picks
from chainrule.algebra.index import Atom, Factor, Number, Poly, Term, atom_poly, constant, normal
from chainrule.ir.dtype import BUNDLE
from chainrule.ir.graph import Node, ancestors, dependents
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Join,
    Map,
    Reshape,
    Scatter,
    Select,
    View,
)

__all__ = ["LinearLowering", "Unstructured"]

_ONE = Fraction(1)
_EXACT = 1 << 30
_SMALL = 32  # elements of a vector that is dense at once when single ones are read


class Unstructured(Exception):  # noqa: N818 — an answer, not an error
    """The tangent is not made of products, sums and changes of layout, or has too many terms."""


class LinearLowering:
    """The polys of tangents, one for each pair of a tangent and a direction.

    atoms   the node of each atom that is a value
    most    how many terms a poly may have
    since   a serial number: older aliases are variables of transforms around this one, and stay
    """

    def __init__(
        self, tangents: Sequence[Node], directions: Sequence[Node], most: int, since: int
    ) -> None:
        self.atoms: dict[Atom, Node] = {}
        self.most = most
        self._since = since
        self._directions = {d: Atom("direction", (k,), (), _dims(d))
                            for k, d in enumerate(directions)}  # fmt: skip
        self._identities = _Identities(since)
        self._sources: dict[Node, Poly] = {}
        self._polys = {d: atom_poly(a) for d, a in self._directions.items()}
        order, found = dependents(tangents, list(directions))
        self._dependent = found
        for node in (n for n in order if n not in self._polys):
            self._polys[node] = self._checked(self._rule(node))
        self._tangents = list(tangents)

    def coefficient(self, tangent: int, direction: int) -> Poly:
        """∂tangent/∂direction: the labels of the tangent, then those of the direction."""
        node = self._tangents[tangent]
        atom = list(self._directions.values())[direction]
        dims = (*_dims(node), *atom.dims)
        poly = self._polys.get(node)
        terms = [] if poly is None else [_set_free(t, atom, poly.rank) for t in poly.terms]
        return _pinned([t for t in terms if t is not None], dims)

    def _checked(self, poly: Poly) -> Poly:
        if len(poly.terms) > self.most or picks.is_split(poly, _SMALL):
            raise Unstructured
        poly = picks.simplified(poly)
        if picks.meeting(poly):
            raise Unstructured
        return poly

    # ------------------------------------------------------------ what carries a direction

    def _rule(self, node: Node) -> Poly:
        op, dims = node.op, _dims(node)
        match op:
            case Input():
                return self._value(node.inputs[0])
            case Add(signs=signs):
                return combine.add(
                    [(Fraction(s), self._value(n)) for s, n in zip(signs, node.inputs, strict=True)]
                )
            case Einsum(subscripts=subscripts):
                operands = [self._value(n) for n in node.inputs]
                return combine.einsum(operands, subscripts.inputs, subscripts.output, dims)
            case Map() if op.record.name == "divide" and node.inputs[1] not in self._dependent:
                below = combine.power(self._value(node.inputs[1]), Fraction(-1))
                return combine.multiply(self._value(node.inputs[0]), below, dims)
            case Map() if op.record.name == "cast":
                return self._value(node.inputs[0])
            case Select() if node.inputs[0] not in self._dependent:
                return self._select(node, dims)
            case Reshape():
                return picks.reshaped(self._value(node.inputs[0]), dims)
            case View(axes=axes):
                return picks.viewed(self._value(node.inputs[0]), axes, dims)
            case Accumulate(view=view):
                return picks.accumulated(self._value(node.inputs[0]), view.axes, dims)
            case Join(axis=axis):
                return picks.joined([self._value(n) for n in node.inputs], axis, dims)
            case Gather() | Scatter() if self._dependent.isdisjoint(node.inputs[1:]):
                return self._indexed(node, dims)
        raise Unstructured

    def _indexed(self, node: Node, dims: tuple[str, ...]) -> Poly:
        """A read or a write at integers; each index is a factor of its own."""
        operand, *indices = node.inputs
        value, shared = self._value(operand), indices[0].ndim
        read = isinstance(node.op, Gather)
        sized = value.dims if read else dims
        count = value.rank + shared  # above the labels of both sides
        axes = list(range(count, count + len(indices)))
        places = list(range(shared))
        rest = list(range(shared, value.rank - len(indices) + shared if read else value.rank))
        factors = [
            self._at(index, (*places, axis), size)
            for index, axis, size in zip(indices, axes, sized, strict=False)
        ]
        inner, outer = ([*axes, *rest], [*places, *rest])
        if not read:
            inner, outer = outer, inner
        unit = Term(_ONE, tuple(factors))
        found = value.at(inner, itertools.count(count + len(indices)))
        return normal([t.times(unit) for t in found], outer, dims)

    def _at(self, index: Node, labels: tuple[int, ...], size: str) -> Factor:
        dims = (*_dims(index), size)
        atom = Atom("at", (self._identities.of(index), size), (), dims)
        self.atoms.setdefault(atom, index)
        return Factor(atom, labels)

    def _value(self, node: Node) -> Poly:
        return self._polys[node] if node in self._polys else self.source(node)

    def _select(self, node: Node, dims: tuple[str, ...]) -> Poly:
        """Mask · chosen + (1 − mask) · otherwise; a side that is zero leaves no mask behind."""
        mask = node.inputs[0]
        parts: list[tuple[Number, Poly]] = []
        for holds, side in zip(("mask", "unless"), node.inputs[1:], strict=True):
            poly = self._value(side)
            if poly.terms:
                gate = self._gate(holds, mask)
                parts.append((_ONE, combine.multiply(gate, poly, dims)))
        return combine.add(parts) if parts else constant(_ONE - 1, dims)

    def _gate(self, head: str, mask: Node) -> Poly:
        """The mask, or its opposite, as a factor that keeps NaN of the other side out."""
        through = self.source(mask)
        (term,) = through.terms
        gates = tuple(
            Factor(Atom(head, f.atom.params, (), f.atom.dims), f.labels) for f in term.factors
        )
        for old, new in zip(term.factors, gates, strict=True):
            self.atoms[new.atom] = self.atoms[old.atom]
        return normal([Term(term.coefficient, gates)], range(through.rank), through.dims)

    # ------------------------------------------------------------ what does not

    def source(self, node: Node) -> Poly:
        """A value of the program: an atom, read through broadcasts, numbers and outer products."""
        found = self._sources.get(node)
        if found is None:
            found = self._sources[node] = self._read(node)
        return found

    def _read(self, node: Node) -> Poly:
        op, dims = node.op, _dims(node)
        match op:
            case Fill(value=value) if node.dtype.is_float:
                return constant(_exact(float(value)), dims)
            case Data(value=value) if not dims and node.dtype.is_float:
                return constant(_exact(float(value)), dims)
            case Delta():
                return combine.delta(dims[0])
            case Input() if node.inputs and node.serial >= self._since:
                return self.source(node.inputs[0])
            case Reshape():
                return self._without_picks(picks.reshaped(self.source(node.inputs[0]), dims), node)
            case View(axes=axes):
                found = picks.viewed(self.source(node.inputs[0]), axes, dims)
                return self._without_picks(found, node)
            case Map() if op.record.name == "divide":
                above, below = map(self.source, node.inputs)
                if combine.number_of(below):
                    return combine.multiply(above, combine.power(below, Fraction(-1)), dims)
            case Add(signs=signs):
                parts = [(Fraction(s), self.source(n)) for s, n in
                         zip(signs, node.inputs, strict=True)]  # fmt: skip
                if len(parts) == 1 or all(_is_constant(p) for _, p in parts):
                    return combine.add(parts)
            case Einsum(subscripts=subscripts):
                operands = [self.source(n) for n in node.inputs]
                if _is_worth_opening(operands, subscripts.inputs, subscripts.output):
                    return combine.einsum(operands, subscripts.inputs, subscripts.output, dims)
        return self._atom(node)

    def _without_picks(self, found: Poly, node: Node) -> Poly:
        """A value read through exchanged and repeated axes; a slice of one is a value itself."""
        cut = any(picks.is_pick(f) for t in found.terms for f in t.factors)
        return self._atom(node) if cut else found

    def _atom(self, node: Node) -> Poly:
        if node.dtype is BUNDLE:
            raise Unstructured
        atom = Atom("value", (self._identities.of(node),), (), _dims(node))
        self.atoms.setdefault(atom, node)
        return atom_poly(atom)


class _Identities:
    """A number for every value: the same for nodes that compute the same thing."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._numbers: dict[Node, int] = {}
        self._known: dict[object, int] = {}

    def of(self, node: Node) -> int:
        for n in ancestors([node], stop=self._numbers):
            if n not in self._numbers:
                self._numbers[n] = self._number(n)
        return self._numbers[node]

    def _number(self, node: Node) -> int:
        operands = tuple(self._numbers[i] for i in node.inputs)
        if isinstance(node.op, Input):
            inner = operands and node.serial >= self._since
            return operands[0] if inner else self._known.setdefault(node, len(self._known))
        try:
            key: object = (node.op, operands, node.shape, node.dtype)
            return self._known.setdefault(key, len(self._known))
        except TypeError:
            return self._known.setdefault(node, len(self._known))


def _dims(node: Node) -> tuple[str, ...]:
    return tuple(map(str, node.shape))


def _exact(value: float) -> Number:
    """The number as a fraction if that is short, so that sums cancel exactly."""
    if value - value != 0:  # infinite or undefined
        raise Unstructured
    fraction = Fraction(value)
    return fraction if fraction.denominator <= _EXACT else value


def _is_constant(poly: Poly) -> bool:
    return combine.number_of(poly) is not None


def _is_worth_opening(
    operands: Sequence[Poly], inputs: Sequence[tuple[int, ...]], output: tuple[int, ...]
) -> bool:
    """Whether a product is larger than its factors: an outer product, a number times a value."""
    if any(i not in output for labels in inputs for i in labels):
        return False
    if any(len(p.terms) != 1 for p in operands):
        return all(len(p.terms) <= 1 for p in operands)
    for poly, labels in zip(operands, inputs, strict=True):
        (term,) = poly.terms
        for f in term.factors:
            if f.atom.head == "value" and {labels[i] for i in f.labels if i < poly.rank} >= set(
                output
            ):
                others = [p for p in operands if p is not poly]
                return all(_is_constant(p) for p in others)
    return True


# ---------------------------------------------------------------- reading off


def _set_free(term: Term, direction: Atom, rank: int) -> Term | None:
    """The term without its direction, whose labels become outputs; None if it has another one."""
    places = [f for f in term.factors if f.atom.head == "direction"]
    if len(places) != 1 or places[0].power != 1:
        raise Unstructured
    (place,) = places
    if place.atom != direction:
        return None
    return combine.set_free(term, place, rank)


def _pinned(terms: Sequence[Term], dims: tuple[str, ...]) -> Poly:
    """The sum of terms; factors read the smaller one of two output labels that a δ ties."""
    outputs = range(len(dims))
    made = []
    for term in normal(terms, outputs, dims).terms:
        same = dict(tied_labels(term))
        factors = [
            f if f.atom.head == "delta"
            else Factor(f.atom, tuple(same.get(i, i) for i in f.labels), f.power)
            for f in term.factors
        ]  # fmt: skip
        made.append(Term(term.coefficient, tuple(factors)))
    return normal(made, outputs, dims)


def tied_labels(term: Term) -> list[tuple[int, int]]:
    """The larger label of each free δ, with the smallest one that it is tied to."""
    root: dict[int, int] = {}

    def find(label: int) -> int:
        while label in root:
            label = root[label]
        return label

    for f in term.factors:
        if f.atom.head == "delta":
            low, high = sorted(map(find, f.labels))
            if low != high:
                root[high] = low
    return [(label, find(label)) for label in sorted(root)]
