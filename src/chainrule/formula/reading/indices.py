"""Index notation in derivations: Σⱼₖ Bⱼᵣ Cₖᵣ, Iₙᵢ Xₙd, rows xₙ, Σₙ over rows, blocks."""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.algebra.sizes import combined, multiplied
from chainrule.errors import FormulaError
from chainrule.formula.matrix.indices import letters_of
from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading import operators as op
from chainrule.formula.reading.calls import commutation
from chainrule.formula.reading.elements import Power, factors_of, labelled_in, relabelled
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.operators import Apart, Term
from chainrule.formula.reading.shapes import Shape, Unknowns, shown
from chainrule.formula.reading.syntax import UNIT, Syntax
from chainrule.formula.reading.tokens import UnfittingError, located
from chainrule.formula.reading.windows import Place, place_of, windowed
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number, power_of
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import ALONG_LAST, labels_of, spanned

__all__ = ["IndexReader"]


_JOINING = frozenset("+−>≥<≤=")


def _number(size: str) -> int | str:
    plain = size.replace("−", "-")
    return int(plain) if plain.lstrip("-").isdigit() else size


def _is_unit(syntax: Syntax) -> bool:
    return UNIT.fullmatch(syntax.text) is not None


def _rewritten(tree: Tree, grown: Callable[[Tree], Tree]) -> Tree:
    """A sum of elements with every element changed, then the sum itself."""
    if isinstance(tree, ts.Indexed):
        return grown(tree)
    if isinstance(tree, ts.Apply) and spanned(tree.name)[0] in ALONG_LAST:
        return grown(_element(tree))  # the order of its labels says along which it goes
    if isinstance(tree, ts.Plus | ts.Apply | ts.Elementwise):
        shape = grown(tree).dims
        return replace(tree, dims=shape, parts=tuple(_rewritten(p, grown) for p in tree.parts))
    if isinstance(tree, ts.Bracket):
        sides = (_rewritten(p, grown) for p in (tree.left, tree.right))
        return ts.Bracket(grown(tree).dims, tree.relation, *sides)
    if isinstance(tree, ts.Power | ts.Scaled):
        return replace(tree, dims=grown(tree).dims, body=_rewritten(tree.body, grown))
    return tree


def _element(tree: Tree) -> Tree:
    """A tree in index notation as one factor, whose labels can then stand in another order."""
    labels = labels_of(tree)
    read = ts.At((), tree, labels, Fraction(1))
    return ts.Indexed(tree.dims, number(1), labels, (), (read,)) if labels else tree


class IndexReader(ABC):
    """The part of the reader that knows labels.

    expected  the shape of the whole, where it is known: it says in which order labels stand
    labels    whether the whole is in index notation: xᵢ is an element then, not a row
    windows   whether something is read at sums of labels
    """

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names = text, names
        self.unknowns = Unknowns(names.numbers)
        self.expected: Shape = ()
        self.labels = False
        self.windows = False

    def marked(self, syntax: Syntax, expected: Shape) -> Syntax:
        """A whole text with its windows marked, before it is read."""
        made = windowed(syntax, self.names, expected)
        self.expected, self.windows = expected, made is not syntax
        self.labels = self.has_labels(made)
        return made

    def has_labels(self, syntax: Syntax) -> bool:
        """Whether labels alone say where things stand: all are elements, and not all of them rows.

        In Σₙ yₙ xₙ the label is the name of an axis, and xₙ a row of X; in yᵢ Xᵢⱼ it is neither.
        """
        found = labelled_in(syntax)
        return self._are_elements([(f, Fraction(1)) for f in found]) and not all(
            self._is_row(f) for f in found
        )

    def with_axes(self, syntax: Syntax) -> Syntax:
        """Labels of rows by the names of their axes: Σᵢ xᵢ yᵢ is Σₙ xₙ yₙ where X has n rows."""
        fitting: dict[str, set[str]] = {}
        found = labelled_in(syntax)
        for part in found:
            first = {s[0] for _, s in self._named(part.parts[0]) if s}
            if len(part.text) == 1 and first:
                fitting[part.text] = fitting.get(part.text, first) & first
        taken = {label for part in found for label in part.text}
        names = {
            label: axis
            for label, axes in fitting.items()
            for axis in axes
            if len(axes) == 1 and label not in self.names.sizes and axis not in taken
        }
        return relabelled(syntax, names) if names else syntax

    def _is_row(self, syntax: Syntax) -> bool:
        """Whether what is labelled is a row of an array, by the name of its first axis."""
        base = syntax.parts[0]
        if base.kind == "window":
            return False
        if base.kind != "name" or self._is_constant(base):
            return True
        return any(s[:1] == (syntax.text,) for _, s in self._named(base))

    def _named(self, base: Syntax) -> list[tuple[str, Shape]]:
        """The values that a letter may stand for, with their shapes: xₙ is a row of X."""
        cases = (base.text, base.text.upper(), base.text.lower())
        names = [self.names.printed.get(spelled(case), "") for case in cases]
        return [(n, self.names.shapes[n]) for n in names if n in self.names.shapes]

    def _is_constant(self, base: Syntax) -> bool:
        """Whether this is the K of Kₘₙ or the e of e₋₁, and no value of the user's."""
        return base.text in ("K", "e") and spelled(base.text) not in self.names.printed

    @abstractmethod
    def read(self, syntax: Syntax) -> Term:
        """Read a piece of syntax."""

    def value(self, syntax: Syntax) -> Term:
        """Read a piece of syntax that is an array."""
        term = self.read(syntax)
        self.must_be_array(term, syntax)
        return term

    def must_be_array(self, term: Term, syntax: Syntax) -> None:
        """Refuse a tuple, a text or True where an array is needed: they would count as 0."""
        if isinstance(term.meta, Apart):
            raise UnfittingError(*self.error(term.meta.problem, syntax).args)
        if not term.is_array:
            raise self.error("this is no array", syntax)

    def error(self, message: str, syntax: Syntax, notes: Sequence[str] = ()) -> FormulaError:
        """An error with carets under a piece of the text."""
        return located(message, self.text, syntax.start, max(syntax.end, syntax.start + 1), notes)

    def labelled(self, syntax: Syntax) -> Term:
        """xₙ, the row n of X; Kₘₙ; e₋₁."""
        base, labels = syntax.parts[0], syntax.text
        if base.kind != "name":
            return self._row(self.value(base), syntax)
        if base.text == "e" and labels[0] == "-" and "e" not in self.names.printed:
            return op.unit(self.unknowns, labels.replace("-", "−"))
        if base.text == "K" and len(labels) == 2 and spelled("K") not in self.names.printed:
            return commutation(self.unknowns, tuple(labels))
        for name, shape in self._named(base):
            if len(labels) == 1 and shape[:1] == (labels,):
                return self._row(Term(ts.Symbol(shape, name), shape), syntax)
        raise self.error(
            f"there is no {base.text!r} with an axis named {labels!r} for its rows", syntax
        )

    def _row(self, body: Term, syntax: Syntax) -> Term:
        if not body.rank or not self.unknowns.same(body.shape[0], syntax.text):
            raise self.error(f"there is no axis named {syntax.text!r} for the rows of this", syntax)
        return Term(ts.Row(body.shape[1:], body.tree, syntax.text), body.shape[1:])

    def total(self, syntax: Syntax) -> Term:
        """Σ over labels: of index notation, or of rows; Σᵢ Σ_{u<2} is one sum."""
        inner = syntax.parts[0]
        if self.windows and inner.kind == "total" and not set(inner.text) & set(syntax.text):
            parts = (*inner.parts, *syntax.parts[1:])
            return self.total(replace(inner, text=syntax.text + inner.text, parts=parts))
        body = syntax.parts[0]
        factors = factors_of(body)
        elements = any(f.kind == "labelled" for f, _ in factors) and self._are_elements(factors)
        elements = elements or self.labels
        limits = {c: self.size_of(p) for p in syntax.parts[1:] for c in p.text}
        if len(syntax.text) > 1 or elements:
            return self.in_indices(syntax.text, factors, limits)
        term = self.value(body)
        if syntax.text in labels_of(term.tree):  # they stand under functions
            return self.in_indices(syntax.text, factors)
        return Term(ts.SumOver(term.tree.dims, syntax.text, term.tree), term.shape)

    def elements(self, syntax: Syntax) -> list[Power] | None:
        """The factors of a product of elements without Σ, as Iₙᵢ Xₙd / (vₙ)²; None of others."""
        if syntax.kind not in ("juxtaposed", "labelled", "power", "op") or (
            syntax.kind == "op" and syntax.text not in "·/"
        ):
            return None
        factors = factors_of(syntax)
        labelled = [f for f, _ in factors if f.kind == "labelled"]
        if not labelled or any(self._is_constant(f.parts[0]) for f in labelled):
            return None
        few = len(self.expected) < 3 and all(len(f.text) < 2 for f in labelled)
        if few and not self.labels:
            return None
        return factors if self._are_elements(factors) else None

    def _are_elements(self, factors: Sequence[Power]) -> bool:
        """Whether all labelled factors are single elements of arrays."""
        ranks = {**self.names.vocabulary.ranks, "I": 2}
        return all(
            f.parts[0].kind != "name"
            or len(f.text) == ranks.get(spelled(f.parts[0].text), int(_is_unit(f.parts[0])))
            for f, _ in factors
            if f.kind == "labelled"
        )

    def in_indices(
        self, summed: str, factors: Sequence[Power], limits: Mapping[str, str] | None = None
    ) -> Term:
        """Σⱼₖ Bⱼᵣ Cₖᵣ: labels are the names of axes; ``limits`` are sizes of some."""
        expected, self.expected = self.expected, ()
        scalars: list[Tree] = []
        found: list[ts.At] = []
        sizes: dict[str, str] = dict(limits or {})
        for f, power in factors:
            body = self.value(f.parts[0] if f.kind == "labelled" else f)
            labels = tuple(f.text) if f.kind == "labelled" else labels_of(body.tree)
            if not labels:
                scalars.append(power_of(body.tree, power))
                continue
            if len(labels) != body.rank:
                problem = f"{len(labels)} labels for the shape {shown(body.shape)}"
                raise UnfittingError(*self.error(problem, f).args)
            for label, size in zip(labels, body.shape, strict=True):
                if not self.unknowns.same(sizes.setdefault(label, size), size):
                    raise self.error(f"label {label!r} has two sizes", f)
            found.append(ts.At(body.shape, body.tree, labels, power))
        self.expected = expected
        for label in sizes:
            if label in self.names.sizes and self.unknowns.value(sizes[label])[:1] == "?":
                self.unknowns.same(sizes[label], label)
        for label in summed:
            if label not in sizes:
                raise self.error(f"nothing here has the label {label!r}", factors[0][0])
        free = self._ordered(tuple(i for i in sizes if i not in summed), sizes)
        scalar = op.scaled(scalars, None).tree if scalars else number(1)
        shape = tuple(self.unknowns.value(sizes[i]) for i in free)
        sums = tuple((i, self.unknowns.value(sizes[i])) for i in summed)
        return Term(ts.Indexed(shape, scalar, free, sums, tuple(found)), shape)

    def _ordered(self, free: Shape, sizes: dict[str, str]) -> Shape:
        """The labels in the order of the expected axes: by their sizes, or by the usual letters."""
        letters = tuple(letters_of(self.expected))
        if self.windows:
            return self._filled(free, sizes)
        if set(free) <= set(letters) and (len(free) == len(letters) or len(letters) > 2):
            for label, size in zip(letters, self.expected, strict=True):
                self.unknowns.same(sizes.setdefault(label, size), size)
            return letters
        there = sorted(sizes[i] for i in free) == sorted(self.expected)
        if there and len(set(self.expected)) == len(free):
            return tuple(sorted(free, key=lambda i: self.expected.index(sizes[i])))
        return free

    def _filled(self, free: Shape, sizes: dict[str, str]) -> Shape:
        """The labels in the order of the expected axes: those of their names, then the others.

        Axes of which a text says nothing, as those of size 1, have labels of their own. A term that
        has too few labels, as bₖ beside Σcᵤ Wₖcᵤ X[c, i+u], has those that it has.
        """
        named = list(dict.fromkeys(d for d in self.expected if len(d) == 1 and d.isalpha()))
        rest = [i for i in free if i not in named]
        other = len(self.expected) - len(named) - self.expected.count("1")
        if not free or len(rest) != other:
            return free
        spare = (c for c in string.ascii_letters if c not in sizes and c not in self.expected)
        found: list[str] = []
        for size in self.expected:
            own = size in named and size not in found
            label = size if own else next(spare) if size == "1" else rest.pop(0)
            self.unknowns.same(sizes.setdefault(label, size), size)
            found.append(label)
        return tuple(found)

    def window(self, syntax: Syntax) -> Term:
        """X[n, c, i+u, j+v], an array read at sums of labels: its axes are the labels."""
        base, *items = syntax.parts
        body = self.value(base)
        if len(items) != body.rank:
            problem = f"{len(items)} indices for the shape {shown(body.shape)}"
            raise UnfittingError(*self.error(problem, syntax).args)
        places = [p for p in map(place_of, items) if p is not None]
        labels = syntax.text
        whole = {"".join(p.terms): size for p, size in zip(places, body.shape, strict=True)
                 if p == Place("0", {"".join(p.terms): 1})}  # fmt: skip
        dims = tuple(whole.get(label) or self.unknowns.fresh() for label in labels)
        axes = tuple((_number(p.offset), tuple((labels.index(c), n) for c, n in p.terms.items()))
                     for p in places)  # fmt: skip
        divisors = tuple(p.divisor for p in places) if any(p.divisor > 1 for p in places) else ()
        tree = ts.Read(dims, body.tree, axes, outside=True, divisors=divisors)
        return Term(tree, dims)

    def size_of(self, limit: Syntax) -> str:
        """The size up to which a label goes, in Σ_{u<2}."""
        found = place_of(limit.parts[0])
        if found is None or (found.divisor > 1 and limit.parts[0].kind != "size"):
            raise self.error("a whole number or a size is needed here", limit)
        if limit.parts[0].kind == "size":
            return limit.parts[0].text
        return combined(*((n, c) for c, n in found.terms.items()), (1, found.offset))

    def of_elements(self, left: Term, sign: str, right: Term) -> Term | None:
        """Xᵢd − Xₙd, where both have all labels, or 1 + Bₙₜₖ; None of anything else.

        So are relations: [Xₙcₕw = Mₙc] holds or not at each place of X.
        """
        one, two = labels_of(left.tree), labels_of(right.tree)
        if (
            sign not in _JOINING
            or (not one and not two)
            or (left.rank and not one)
            or (right.rank and not two)
        ):
            return None
        sizes = dict(zip(two, right.shape, strict=True)) | dict(zip(one, left.shape, strict=True))
        for label, size in zip(two, right.shape, strict=True):
            self.unknowns.same(sizes[label], size)
        first, second = (self._with(t, sizes).tree if t.rank else t.tree for t in (left, right))
        shape = tuple(sizes.values())
        if sign in "+−":
            return Term(ts.Plus(shape, (1, 1 if sign == "+" else -1), (first, second)), shape)
        return Term(ts.Bracket(shape, sign, first, second), shape)

    def product_of_elements(self, syntax: Syntax, factors: Sequence[Term]) -> Term | None:
        """σ(Tₙₜd) tanh(Tₙₜd), whose labels stand under the functions; None of anything else."""
        arrays = [t for t in factors if t.rank]
        if len(arrays) < 2 or not all(labels_of(t.tree) for t in arrays):
            return None
        return self.in_indices("", factors_of(syntax))

    def along(self, term: Term, labels: str, call: Syntax) -> Term:
        """A term with the labels last along which a function goes: softmaxₙ(Tₙₜd)."""
        own = dict(zip(labels_of(term.tree), term.shape, strict=False))
        for limit in (p for option in call.parts for p in option.parts if p.kind == "limit"):
            for label in limit.text:
                self.unknowns.same(own.get(label, ""), self.size_of(limit))
        if not set(labels) <= set(own):
            return term
        return self._with(
            term, {i: own[i] for i in (*(i for i in own if i not in labels), *labels)}
        )

    def in_order(self, term: Term) -> Term:
        """A term whose labels stand as the axes of the whole do."""
        own = dict(zip(labels_of(term.tree), term.shape, strict=False))
        order = self._ordered(tuple(own), own)
        return term if order == tuple(own) else self._with(term, {i: own[i] for i in order})

    def _with(self, term: Term, sizes: dict[str, str]) -> Term:
        shape = tuple(sizes.values())

        def grown(tree: Tree) -> Tree:
            if isinstance(tree, ts.Indexed):
                return replace(tree, dims=shape, labels=tuple(sizes))
            return replace(tree, dims=shape) if labels_of(tree) else tree

        return Term(_rewritten(term.tree, grown), shape)

    def blocks(self, syntax: Syntax) -> Term:
        """Block-diagonal over n."""
        body = self.value(syntax.parts[0])
        rows, columns = op.grid(body)
        both = tuple(self.unknowns.value(multiplied((syntax.text, d))) for d in (rows, columns))
        return Term(ts.Blocks(both, syntax.text, body.tree), both)
