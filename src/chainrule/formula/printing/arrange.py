"""From the typeset tree to marks: brackets by precedence, fractions stacked, shapes below factors.

Precedence is that of the prints on one line, except that a stacked fraction needs no brackets.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import chain, pairwise

from chainrule.formula.printing import marks as m
from chainrule.formula.printing.line import (
    ATOM,
    HADAMARD,
    JUXTAPOSED,
    POSTFIX,
    SCALE,
    SUM,
    base_of,
    from_end,
    is_call,
    padding,
    places,
)
from chainrule.formula.printing.marks import Mark
from chainrule.formula.printing.notation import spelled
from chainrule.formula.printing.windows import indices, is_relation, totals
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import is_row
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import axes_below, is_between_bars, labels_of, spanned

__all__ = ["arranged", "lengths_of", "shape_of", "terms"]

Placed = tuple[Mark, int]
_PAIRS = (ts.Product, ts.Elementwise, ts.Over, ts.Kron)
_TOP = m.Sign("⊤")


def arranged(tree: Tree, shapes: bool = False) -> Mark:
    """The marks of a tree; with ``shapes``, the sizes of every factor below it."""
    return Arranger(shapes).place(tree, top=True)[0]


def terms(tree: Tree, shapes: bool = False) -> list[tuple[int, Mark]]:
    """The terms of a sum with their signs, of anything else the whole."""
    arranger = Arranger(shapes)
    if not isinstance(tree, ts.Plus):
        return [(1, arranger.place(tree, top=True)[0])]
    return [(s, arranger.wrap(p, HADAMARD))
            for s, p in zip(tree.signs, tree.parts, strict=True)]  # fmt: skip


def shape_of(tree: Tree) -> str:
    """The sizes of an array: d×n, n for a column, 1×n for a row; nothing for a scalar."""
    dims = ("1", *tree.dims) if is_row(tree) else tree.dims
    return lengths_of(dims)


def lengths_of(dims: Sequence[str]) -> str:
    """Sizes side by side, in brackets where they are products or sums: (n−1)×d."""
    if len(dims) == 1:
        return dims[0]
    return "×".join(f"({d})" if any(sign in d for sign in "·+−") else d for d in dims)


class Arranger:
    """Arranges trees, with shapes or without."""

    def __init__(self, shapes: bool) -> None:
        self.shapes = shapes

    def place(self, tree: Tree, top: bool = False) -> Placed:
        """Marks and precedence; ``top`` for what is no factor of anything."""
        if not self.shapes or (tree.dims and not _is_unit(tree)) or (top and tree.dims):
            return self._place(tree)
        mark, level = Arranger(shapes=False)._place(tree)
        return (m.Shaped(mark, shape_of(tree)) if tree.dims else mark), level

    def wrap(self, tree: Tree, least: int) -> Mark:
        """Marks in brackets if they hold together less tightly than needed."""
        mark, level = self.place(tree)
        if level >= least:
            return mark
        if isinstance(mark, m.Shaped):
            return m.Shaped(m.Fenced("(", mark.body, ")"), mark.shape)
        return m.Fenced("(", mark, ")")

    def _plain(self, tree: Tree) -> Mark:
        return self._place(tree)[0]

    def _place(self, tree: Tree) -> Placed:
        match tree:
            case ts.Symbol(name=name) | ts.Constant(name=name):
                return m.Name(name), ATOM
            case ts.Number(value=value):
                return _number(value)
            case ts.Ones():
                return m.Sign("𝟏"), ATOM
            case ts.Zero():
                return m.Sign("𝟎" if tree.dims else "0"), ATOM
            case ts.Eye():
                return m.Sign("I"), ATOM
            case ts.Unit(place=place):
                index = from_end(place, tree.dims[0])
                return m.Lowered(m.Name("e"), m.Words(index)), ATOM
            case ts.Bias(body=body):
                return self.place(body)
            case ts.Product(parts=parts):
                return self._juxtaposed(parts), JUXTAPOSED
            case ts.Elementwise(parts=parts):
                return self._joined("⊙", [self.wrap(p, SCALE) for p in parts]), HADAMARD
            case ts.Over(top=above, bottom=below):
                sides = [self.wrap(above, SCALE), self.wrap(below, SCALE)]
                return self._joined("⊘", sides), HADAMARD
            case ts.Kron(parts=parts):
                return self._joined("⊗", [self.wrap(p, JUXTAPOSED) for p in parts]), HADAMARD
            case ts.Quotient(top=above, bottom=below):
                return m.Over(self._plain(above), self._plain(below)), ATOM
            case ts.Scaled(scalar=scalar, body=body):
                return self._scaled(scalar, body), SCALE
            case ts.Plus(signs=signs, parts=parts):
                return self._sum(signs, parts), SUM
            case ts.Transpose() | ts.Inverse() | ts.Power():
                return self._raised(tree)
            case _:
                return self._function(tree)

    def _raised(self, tree: ts.Transpose | ts.Inverse | ts.Power) -> Placed:
        match tree:
            case ts.Transpose(body=ts.Inverse(body=body)):
                return m.Raised(self.wrap(body, ATOM), m.Row((m.Sign("−"), _TOP))), POSTFIX
            case ts.Transpose(body=body):
                return m.Raised(self.wrap(body, ATOM), _TOP), POSTFIX
            case ts.Inverse(body=body):
                return m.Raised(self.wrap(body, ATOM), m.Value(Fraction(-1))), POSTFIX
            case ts.Power(body=body, exponent=ts.Number(value=value)) if value == Fraction(1, 2):
                return m.Root(self._plain(body)), POSTFIX
        called = isinstance(tree.body, ts.Apply | ts.Norm | ts.Bracket)
        base = self._plain(tree.body) if called else self.wrap(tree.body, ATOM)
        exponent = self._plain(tree.exponent)
        matrix = len(tree.body.dims) == 2 and not labels_of(tree.body)
        if matrix and isinstance(exponent, m.Value):
            exponent = m.Row((m.Sign("∘"), exponent))
        return m.Raised(base, exponent), POSTFIX

    def _function(self, tree: Tree) -> Placed:
        match tree:
            case ts.Apply(name="log|·|", parts=(only,)):
                return m.Row((m.Function("log"), m.Fenced("|", self._plain(only), "|"))), ATOM
            case ts.Apply(parts=(only,)) if is_between_bars(tree):
                return m.Fenced("|", self._plain(only), "|"), ATOM
            case ts.Apply(name="reshape", parts=(body,)):
                sizes = m.Words(f"({', '.join(tree.dims)})")
                words = (self._plain(body), m.Sign(",", binary=True), sizes)
                return _called("reshape", m.Row(words)), ATOM
            case ts.Apply(name=name, parts=parts):
                between = [m.Sign(",", binary=True)] * len(parts)
                inside = list(chain(*zip(map(self._plain, parts), between, strict=True)))[:-1]
                named = _called(spanned(name)[0], m.Row(tuple(inside)), axes_below(tree))
                return named, ATOM
            case ts.Diag(body=body):
                return _called("diag", self._plain(body)), ATOM
            case ts.Trace(body=body):
                return _called("tr", self._plain(body)), ATOM
            case ts.Vec(body=body):
                return _called("vec", self._plain(body)), ATOM
            case ts.Norm(body=body):
                norm = m.Fenced("‖", self._plain(body), "‖")
                return (m.Lowered(norm, m.Words("F")) if len(body.dims) == 2 else norm), ATOM
            case ts.Bracket(relation=relation, left=left, right=right):
                sides = [self._plain(left), self._plain(right)]
                return m.Fenced("[", self._joined(relation, sides), "]"), ATOM
            case ts.Commutation(sizes=sizes):
                return m.Lowered(m.Name("K"), m.Words("".join(sizes))), ATOM
            case ts.Row(body=body, label=label):
                return m.Lowered(self._row(body), m.Words(label)), ATOM
            case ts.SumOver(label=label, body=body):
                return m.Row((m.Total(label), m.Space(), self.wrap(body, HADAMARD))), HADAMARD
            case ts.Blocks(label=label, body=body):
                head = m.Lowered(m.Function("blockdiag"), m.Words(label))
                return m.Row((head, m.Fenced("(", self._plain(body), ")"))), ATOM
            case ts.Viewed(body=body) if (zeros := padding(tree)) is not None:
                words = (self._plain(body), m.Sign(",", binary=True), m.Words(zeros))
                return _called("pad", m.Row(words)), ATOM
            case ts.Viewed(body=body):
                return m.Row((self.wrap(body, ATOM), m.Words(places(tree)))), ATOM
            case ts.Placed(body=body):
                words = (self._plain(body), m.Sign(",", binary=True), m.Words(places(tree)))
                return _called("place", m.Row(words)), ATOM
            case ts.Stacked(parts=parts, axis=axis):
                cells = tuple(map(Arranger(shapes=False)._plain, parts))
                rows = tuple((c,) for c in cells) if axis == 0 else (cells,)
                return m.Fenced("[", m.Grid(rows), "]"), ATOM
            case ts.At(body=body, labels=labels, power=power):
                return self._at(body, labels, power), POSTFIX
            case ts.Indexed():
                return self._indexed(tree), HADAMARD
        raise TypeError(type(tree).__name__)

    def _row(self, body: Tree) -> Mark:
        """The name of a row of X is x."""
        if isinstance(body, ts.Symbol) and len(body.name.rstrip("0123456789")) == 1:
            return m.Name(body.name.lower())
        return self.wrap(body, ATOM)

    # ------------------------------------------------------------ products and sums

    def _joined(self, sign: str, parts: Sequence[Mark]) -> Mark:
        found: list[Mark] = []
        for part in parts:
            found += [m.Sign(sign, binary=True), part] if found else [part]
        return m.Row(tuple(found))

    def _juxtaposed(self, parts: Sequence[Tree]) -> Mark:
        """Side by side; a thin space where names have several letters, · beside functions."""
        long = any(isinstance(base_of(p), ts.Symbol) and len(_letters(p)) > 1 for p in parts)
        found: list[Mark] = [self.wrap(parts[0], POSTFIX)]
        for before, part in pairwise(parts):
            numeric = isinstance(before, ts.Number)
            called = not before.dims and not numeric and (is_call(before) or is_call(part))
            if called or (numeric and isinstance(base_of(part), ts.Number)):
                found.append(m.Sign("·"))
            elif (long and not numeric) or self.shapes:
                found.append(m.Space())
            found.append(self.wrap(part, POSTFIX))
        return m.Row(tuple(found))

    def _scaled(self, scalar: Tree, body: Tree) -> Mark:
        """A scalar in front; · where one could mistake it for a function or a name."""
        number = isinstance(scalar, ts.Number)
        front = self.wrap(scalar, SCALE)
        inner = self.wrap(body, HADAMARD if number else SCALE)
        if isinstance(front, m.Over):
            return m.Row((front, m.Space(), inner))
        if number:
            spaced = self.shapes or isinstance(body, ts.Elementwise | ts.Over | ts.Kron)
            return m.Row((front, m.Space(), inner) if spaced else (front, inner))
        first = body.parts[0] if isinstance(body, ts.Product) else body
        parts = scalar.parts if isinstance(scalar, ts.Product) else (scalar,)
        dotted = any(map(is_call, (*parts, first))) or _is_long(first) or any(map(_is_long, parts))
        return m.Row((front, m.Sign("·") if dotted else m.Space(), inner))

    def _sum(self, signs: Sequence[int], parts: Sequence[Tree]) -> Mark:
        found: list[Mark] = []
        for sign, part in zip(signs, parts, strict=True):
            if found or sign < 0:
                found.append(m.Sign("+" if sign > 0 else "−", binary=bool(found)))
            found.append(self.wrap(part, HADAMARD))
        return m.Row(tuple(found))

    def _indexed(self, tree: ts.Indexed) -> Mark:
        found: list[Mark] = []
        if not tree.factors and not tree.summed:
            return self._plain(tree.scalar)
        if tree.scalar != ts.Number((), Fraction(1)):
            found += [self.wrap(tree.scalar, SCALE), m.Space()]
        for labels in totals(tree):
            found += [m.Total(labels), m.Space()]
        above = self._spaced([(f, f.power) for f in tree.factors if f.power > 0])
        below = self._spaced([(f, -f.power) for f in tree.factors if f.power < 0])
        if below is not None:
            above = m.Over(above or m.Value(Fraction(1)), below)
        return m.Row((*found, *([above] if above else [])))

    def _spaced(self, factors: Sequence[tuple[ts.At, Fraction]]) -> Mark | None:
        """Elements side by side; None if there are none."""
        found: list[Mark] = []
        for f, power in factors:
            found += [m.Space()] * bool(found) + [self._at(f.body, f.labels, power)]
        return m.Row(tuple(found)) if found else None

    def _read(self, body: ts.Read, labels: tuple[str, ...]) -> Mark:
        """An element at sums of labels."""
        shown = indices(body, labels)
        if is_relation(body):
            return m.Fenced("[", self._joined("=", [m.Words(w) for w in shown]), "]")
        return m.Element(self.wrap(body.body, ATOM), tuple(shown))

    def _at(self, body: Tree, labels: tuple[str, ...], power: Fraction) -> Mark:
        """An element of an array, raised to a power."""
        if isinstance(body, ts.Read):
            mark = self._read(body, labels)
            return m.Raised(mark, _number(power)[0]) if power != 1 else mark
        read = labels_of(body) == labels
        if power == Fraction(1, 2) and read:
            return m.Root(self._plain(body))
        shown = self.wrap(body, ATOM if power != 1 or not read else POSTFIX)
        if not read:
            shown = m.Lowered(shown, m.Words("".join(labels)))
        if power == Fraction(1, 2):
            return m.Root(shown)
        return m.Raised(shown, _number(power)[0]) if power != 1 else shown


def _number(value: Fraction | float) -> Placed:
    if isinstance(value, Fraction) and value.denominator != 1:
        top, bottom = (m.Value(Fraction(v)) for v in value.as_integer_ratio())
        return m.Over(top, bottom), ATOM
    return m.Value(value), ATOM


def _called(name: str, inside: Mark, below: str = "") -> Mark:
    head: Mark = m.Function(name)
    if below:
        head = m.Lowered(head, m.Words(below))
    return m.Row((head, m.Fenced("(", inside, ")")))


def _is_long(tree: Tree) -> bool:
    return len(_letters(tree).rstrip("0123456789")) > 1


def _letters(tree: Tree) -> str:
    base = base_of(tree)
    return spelled(base.name) if isinstance(base, ts.Symbol) else ""


def _is_unit(tree: Tree) -> bool:
    """Whether a shape is told for the whole: a name, a function's value, a sum of such."""
    if isinstance(tree, ts.Transpose | ts.Power):
        return _is_unit(tree.body)
    if isinstance(tree, ts.Plus):
        return all(not p.dims or _is_unit(p) for p in tree.parts)
    if isinstance(tree, ts.Scaled):
        return isinstance(tree.body, ts.Symbol)
    return not isinstance(tree, (*_PAIRS, ts.SumOver, ts.Blocks, ts.Indexed, ts.Quotient))
