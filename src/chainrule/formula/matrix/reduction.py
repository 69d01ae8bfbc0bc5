"""From index algebra to matrices: which products, transposes and ones say what a term says.

The factors of a term are the edges of a graph whose vertices are its labels. A summed label with
two edges is a matrix product, edges between the same labels are multiplied element by element, a
summed label with one edge is a product with 𝟏: series and parallel reduction. What cannot be
reduced is written with indices.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

from chainrule.algebra.index import Atom, Factor, Poly, Term, normal
from chainrule.algebra.joins import ends
from chainrule.formula.matrix.edges import (
    Edge,
    complexity,
    diagonal,
    lying,
    seen_from,
    spread,
)
from chainrule.formula.matrix.elements import windowed
from chainrule.formula.matrix.factor import total
from chainrule.formula.matrix.indices import alike, in_indices
from chainrule.formula.matrix.piece import Piece, piece
from chainrule.formula.matrix.rows import Irreducible, row_of
from chainrule.formula.matrix.sums import with_means
from chainrule.formula.matrix.windows import UnsolvedError, has_windows, is_window
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import (
    clipped,
    elementwise,
    flat_transpose,
    is_triangle,
    power_of,
    product,
    triangle,
    turns,
    upright,
)
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import over

__all__ = ["Irreducible", "formula"]

_ONE = Fraction(1)


def formula(poly: Poly) -> Tree:
    """The matrix formula of a poly of rank 0, 1 or 2."""
    if not poly.terms:
        return ts.Zero(poly.dims)
    if poly.rank > 2:
        return indexed(poly)
    try:
        return total(poly.dims, with_means([_piece(t, poly.dims) for t in poly.terms], poly.dims))
    except Irreducible:
        return indexed(poly)


def indexed(poly: Poly) -> Tree:
    """The poly in index notation."""
    if any(map(has_windows, poly.terms)):
        try:
            return windowed(poly, scalar_factors, atom_tree)
        except UnsolvedError:  # windows of windows, and other products of views
            pass
    parts = []
    for term in poly.terms:
        above, below = scalar_factors(term)
        sign, scalar = piece(term.coefficient, above, below, None).tree(())
        parts.append((sign, scalar, [atom_tree(f.atom) for f in term.factors if f.labels]))
    return in_indices(poly.terms, poly.dims, parts)


def _piece(term: Term, dims: tuple[str, ...]) -> Piece:
    """A term as a number, scalars and a product."""
    above, below = scalar_factors(term)
    reduction = Reduction(dims, [f for f in term.factors if f.labels])
    body = reduction.run()
    return piece(term.coefficient, [*above, *reduction.scalars], below, body)


def scalar_factors(term: Term) -> tuple[list[Tree], list[Tree]]:
    """The factors without labels, those with negative powers apart."""
    above: list[Tree] = []
    below: list[Tree] = []
    for f in (f for f in term.factors if not f.labels):
        base, power = _scalar_base(f)
        (above if power > 0 else below).append(power_of(base, abs(power)))
    return above, below


def _scalar_base(f: Factor) -> tuple[Tree, Fraction]:
    """A scalar factor and its power; a root of a sum of squares is a norm."""
    if f.atom.head == "group" and len(f.atom.args[0].terms) == 1:
        (term,) = f.atom.args[0].terms
        if term.coefficient == 1 and len(term.factors) == 1 and term.factors[0].power == 2:
            inner = term.factors[0]
            if len(set(inner.labels)) == len(inner.labels) <= 2:
                return ts.Norm((), atom_tree(inner.atom)), 2 * f.power
    return atom_tree(f.atom), f.power


@dataclass
class Reduction:
    """One run of series and parallel reduction over the labels of a term."""

    dims: tuple[str, ...]
    factors: Sequence[Factor]
    rows: dict[int, str] = field(default_factory=dict)
    sizes: dict[int, str] = field(default_factory=dict)
    vectors: dict[int, list[Tree]] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    scalars: list[Tree] = field(default_factory=list)

    def run(self) -> Tree | None:
        """Reduce, and give the tree over the output labels; None for a scalar."""
        rank = len(self.dims)
        self.sizes = dict(enumerate(self.dims))
        for f in self.factors:
            self._enter(f)
        summed = [i for i in self.sizes if i >= rank and i not in self.rows]
        while summed:
            label = min(summed, key=self._cost)
            summed.remove(label)
            self._eliminate(label)
        return self._result(rank)

    def _enter(self, f: Factor) -> None:
        if is_window(f.atom):
            raise Irreducible(f.atom.key)
        self.sizes |= dict(zip(f.labels, f.atom.dims, strict=True))
        tree = power_of(atom_tree(f.atom), f.power)
        labels = f.labels
        for row in [i for i in labels if i in self.rows]:
            tree = row_of(tree, labels.index(row), self.rows[row])
            labels = tuple(i for i in labels if i != row)
        if not labels:
            self.scalars.append(tree)
        elif len(labels) == 1:
            self.vectors.setdefault(labels[0], []).append(tree)
        elif len(labels) == 2:
            self.edges.append(Edge(*labels, tree, f.atom.symmetric))
        else:
            raise Irreducible(f.atom.key)

    def _degree(self, label: int) -> int:
        return sum((e.row == label) + (e.column == label) for e in self.edges)

    def _neighbors(self, label: int) -> set[int]:
        return {e.row if e.column == label else e.column for e in self._at(label)} - {label}

    def _at(self, label: int) -> list[Edge]:
        return [e for e in self.edges if label in (e.row, e.column)]

    def _cost(self, label: int) -> tuple[int, int, int, int]:
        """Ends first, then products between two labels, then closed ones; masks stay outside."""
        neighbors = self._neighbors(label)
        masks = sum(isinstance(e.tree, ts.Bracket | ts.Plus) for e in self._at(label))
        return (len(neighbors), self._degree(label), masks, label)

    # ------------------------------------------------------------ one summed label

    def _eliminate(self, label: int) -> None:
        self._close_loops(label)
        around = self._neighbors(label)
        if not around:
            self._dot(label)
            return
        if len(around) == 1 and self._degree(label) == 2:
            (other,) = around
            if self._is_alone(other):
                self._cycle(label, other)
                return
        for other in around:
            self._parallel(label, other)
        edges = self._at(label)
        for e in edges:
            self.edges.remove(e)
        weight = self.vectors.pop(label, [])
        match edges:
            case [edge]:
                vector = elementwise(weight) if weight else ts.Ones((self.sizes[label],))
                other = edge.row if edge.column == label else edge.column
                made = product([seen_from(edge, other), vector])
                self.vectors.setdefault(other, []).append(made)
            case [first, second]:
                a = first.row if first.column == label else first.column
                b = second.row if second.column == label else second.column
                middle = [diagonal(elementwise(weight))] if weight else []
                parts = [seen_from(first, a), *middle, flat_transpose(seen_from(second, b))]
                self._add_edge(a, b, product(parts))
            case _:
                raise Irreducible("a label with three products")

    def _is_alone(self, other: int) -> bool:
        """Whether a summed label has nothing but the two edges of a cycle."""
        return other >= len(self.dims) and self._degree(other) == 2 and other not in self.vectors

    def _cycle(self, label: int, other: int) -> None:
        first, second = self._at(label)
        self.edges.remove(first)
        self.edges.remove(second)
        weight = self.vectors.pop(label, [])
        middle = [diagonal(elementwise(weight))] if weight else []
        left, right = seen_from(first, other), seen_from(second, label)
        if not middle and left == flat_transpose(right):
            least = min(right, flat_transpose(right), key=lambda tree: turns([tree]))
            self.scalars.append(power_of(ts.Norm((), least), Fraction(2)))
        else:
            self.scalars.append(ts.Trace((), upright(product([left, *middle, right]))))
        del self.sizes[other]
        self.vectors[other] = [_GONE]

    def _close_loops(self, label: int) -> None:
        for e in [e for e in self.edges if e.row == e.column == label]:
            self.edges.remove(e)
            self.vectors.setdefault(label, []).append(ts.Diag((self.sizes[label],), e.tree))

    def _parallel(self, label: int, other: int) -> None:
        """Multiply edges between the same labels element by element."""
        same = [e for e in self.edges if {e.row, e.column} == {label, other}]
        if len(same) > 1:
            for e in same:
                self.edges.remove(e)
            self._add_edge(label, other, elementwise([seen_from(e, label) for e in same]))

    def _add_edge(self, a: int, b: int, tree: Tree) -> None:
        if a == b:
            self.vectors.setdefault(a, []).append(ts.Diag((self.sizes[a],), tree))
        else:
            self.edges.append(Edge(a, b, tree))

    def _dot(self, label: int) -> None:
        """Sum a product of vectors: uᵀv, ‖v‖², tr A, 𝟏ᵀv."""
        weight = self.vectors.pop(label, [])
        if weight == [_GONE]:
            return
        if len(weight) == 1 and isinstance(weight[0], ts.Diag):
            self.scalars.append(ts.Trace((), upright(weight[0].body)))
        elif len(weight) == 1:
            (only,) = weight
            if isinstance(only, ts.Power) and only.exponent == ts.Number((), Fraction(2)):
                self.scalars.append(power_of(ts.Norm((), only.body), Fraction(2)))
            else:
                self.scalars.append(upright(product([lying(ts.Ones(only.dims)), only])))
        else:
            left, *right = sorted(weight, key=complexity)
            self.scalars.append(upright(product([lying(left), elementwise(right)])))

    # ------------------------------------------------------------ the outputs

    def _result(self, rank: int) -> Tree | None:
        if rank == 0:
            return None
        for label in range(rank):
            self._close_loops(label)
        ones = [ts.Ones((self.dims[k],)) for k in range(rank)]
        if rank == 1:
            vectors = self.vectors.get(0, [])
            return elementwise(vectors) if vectors else ones[0]
        if rank > 2:
            raise Irreducible("more than two outputs")
        left, right = self.vectors.get(0, []), self.vectors.get(1, [])
        if not self.edges:
            u = elementwise(left) if left else ones[0]
            v = elementwise(right) if right else ones[1]
            return product([u, lying(v)])
        matrices = [seen_from(e, 0) for e in self.edges]
        left, rows = spread(left)
        right, columns = spread(right)
        if not any(isinstance(m, ts.Eye) for m in matrices):
            matrices += [product([u, lying(ones[1])]) for u in rows]
            matrices += [product([ones[0], lying(v)]) for v in columns]
        else:
            left, right = [*left, *rows], [*right, *columns]
        tree = elementwise(matrices)
        if isinstance(tree, ts.Eye):
            both = [*left, *right]
            return diagonal(elementwise(both)) if both else tree
        if is_triangle(tree) and isinstance(tree, ts.Apply):
            u = elementwise(left) if left else ones[0]
            v = elementwise(right) if right else ones[1]
            return ts.Apply(tree.dims, tree.name, (product([u, lying(v)]), *tree.parts[1:]))
        parts = [tree]
        if left:
            parts.insert(0, diagonal(elementwise(left)))
        if right:
            parts.append(diagonal(elementwise(right)))
        return product(parts)


_GONE = ts.Zero(("gone",))


# ---------------------------------------------------------------- atoms

_FUNCTIONS = {"sigmoid": "σ", "ndtr": "Φ"}
_ZERO = ts.Number((), Fraction(0))


def atom_tree(atom: Atom) -> Tree:
    """The tree of one factor."""
    match atom.head.partition(":"):
        case ("name", _, _):
            return ts.Symbol(atom.dims, str(atom.params[0]), atom.symmetric)
        case ("size", _, _):
            name, less = atom.params
            symbol = ts.Symbol((), str(name))
            one = ts.Number((), Fraction(abs(int(str(less)))))
            return ts.Plus((), (1, -1), (symbol, one)) if less else symbol
        case ("unit", _, _):
            return ts.Unit(atom.dims, cast("int | str", atom.params[0]))
        case ("delta", _, _):
            return ts.Eye(atom.dims)
        case ("group", _, _):
            return formula(atom.args[0])
        case ("inverse", _, _):
            return ts.Inverse(atom.dims, formula(atom.args[0]), atom.symmetric)
        case ("det", _, _):
            return ts.Apply((), "det", (formula(atom.args[0]),))
        case ("indicator", _, _):
            left, right = alike(*map(_operand, atom.args))
            return ts.Bracket(atom.dims, str(atom.params[0]), left, right)
        case ("softmax" | "log_softmax" as name, _, _) if len(atom.params) > 1:
            name = over(name, len(atom.params))
            return ts.Apply(atom.dims, name, tuple(map(formula, atom.args)))
        case ("softmax" | "log_softmax" | "logsumexp" | "onehot" as name, _, _):
            return ts.Apply(atom.dims, name, tuple(map(formula, atom.args)))
        case ("reshape", _, _) if len(atom.dims) == 1:
            return ts.Vec(atom.dims, formula(atom.args[0]))
        case ("join", _, _):
            axis = cast("int", atom.params[0])
            return ts.Stacked(atom.dims, tuple(_cell(p, axis) for p in atom.args), axis)
        case ("tril" | "triu" as name, _, _):
            return triangle(name, int(str(atom.params[0])), atom.dims)
        case ("embed", _, _):
            return _embedding(atom)
        case ("view", _, _):
            axes = cast("tuple[ts.Place, ...]", atom.params[0])
            return ts.Viewed(atom.dims, formula(atom.args[0]), axes, len(atom.params) > 1)
        case ("accumulate", _, _):
            axes = cast("tuple[ts.Place, ...]", atom.params[0])
            return ts.Placed(atom.dims, formula(atom.args[0]), axes)
        case ("apply", _, name):
            return _applied(atom, name)
        case (name, _, kind):
            return ts.Apply(atom.dims, kind or name, tuple(map(formula, atom.args)))


def _applied(atom: Atom, name: str) -> Tree:
    """The tree of a scalar function of other formulas."""
    match name:
        case "clip":
            body, *bounds = atom.args
            return clipped(atom.dims, formula(body), *map(_operand, bounds))
        case "pow":
            base, exponent = atom.args
            return ts.Power(atom.dims, formula(base), _operand(exponent))
        case "polygamma" if atom.params[0] in (0, 1):
            shown = ("digamma", "trigamma")[int(str(atom.params[0]))]
        case _:
            shown = _FUNCTIONS.get(name, name)
    return ts.Apply(atom.dims, shown, tuple(map(formula, atom.args)))


def _operand(poly: Poly) -> Tree:
    """One side of a relation, or a bound: a number where it is the same everywhere."""
    if not poly.terms:
        return _ZERO
    if any(f.labels for t in poly.terms for f in t.factors):
        return formula(poly)
    return formula(normal(poly.terms, (), ()))


def _cell(poly: Poly, axis: int) -> Tree:
    """A part of [A; B]: of one row a row, in a column a number."""
    if poly.dims[axis] != "1" or poly.rank > 2:
        return formula(poly)
    dims = poly.dims[:axis] + poly.dims[axis + 1 :]
    place = [len(dims) if k == axis else 0 for k in range(poly.rank)]
    terms = poly.at(place, itertools.count(poly.rank))
    vector = formula(normal(terms, range(len(dims)), dims))
    return flat_transpose(vector) if dims and axis == 0 else vector


def _embedding(atom: Atom) -> Tree:
    """The columns of I that put a part at its place: I[:, n:]."""
    k, lengths = cast("tuple[int, tuple[str, ...]]", atom.params)
    start = ends(lengths)[k]
    places = ((0, ((0, 1),)), (int(start) if start.isdigit() else start, ((1, 1),)))
    return ts.Viewed(atom.dims, ts.Eye(atom.dims[:1] * 2), places)
