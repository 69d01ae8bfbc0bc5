"""Parse a derivation: text in NumPy-like form or in Unicode mathematics to a typeset tree.

The grammar gives the structure (``grammar``), operators and functions the shapes (``operators``,
``calls``). Here names become symbols, and what does not fit becomes an error with a caret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, Final

from chainrule.algebra.signs import with_plain_digits
from chainrule.algebra.sizes import multiplied
from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading import operators as op
from chainrule.formula.reading.calls import FUNCTIONS, apply, commutation
from chainrule.formula.reading.grammar import expression
from chainrule.formula.reading.indices import IndexReader
from chainrule.formula.reading.names import CONSTANTS, Names, instead_of_function
from chainrule.formula.reading.operators import MisfitError, Term
from chainrule.formula.reading.reductions import size_term
from chainrule.formula.reading.shapes import Shape, shown, sliced
from chainrule.formula.reading.slices import Slice, extent, taken
from chainrule.formula.reading.stacks import stacked
from chainrule.formula.reading.syntax import UNIT, Syntax
from chainrule.formula.reading.tokens import UnfittingError
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of

__all__ = ["Reader", "parse"]

_MOST_AXES: Final = 16  # of (n,) * 10**9, which would fill the memory
_VALUES: Final = {"True": True, "False": False, "None": None, "float": float, "int": int}


def parse(text: str, names: Names, expected: Shape | None = None) -> Tree:
    """Parse one expression to a typeset tree.

    𝟏 and I take the size that fits, in the end to the ``expected`` shape of the whole.

    Raises:  FormulaError: a syntax error, an unknown name, shapes that do not fit; with a caret.
    """
    reader = Reader(text, names)
    return reader.whole(expression(text, names.vocabulary), expected).tree


class Reader(IndexReader):
    """Reads the syntax of one text."""

    def whole(self, syntax: Syntax, expected: Shape | None = None) -> Term:
        """Read a whole expression, and settle the sizes that are open."""
        syntax = self.marked(syntax, expected or ())
        term = self.in_order(self.value(syntax if self.labels else self.with_axes(syntax)))
        if expected is not None:
            self.unknowns.fit(term.shape, expected)
        if term.meta == "zero" and expected is not None:
            return Term(ts.Zero(op.tree_dims(expected)), expected)
        return Term(self.unknowns.settled(term.tree), self.unknowns.shape(term.shape), term.meta)

    def read(self, syntax: Syntax) -> Term:
        """Read a piece of syntax; shapes that do not fit are reported at its place."""
        try:
            return self._read(syntax)
        except MisfitError as problem:
            raise UnfittingError(*self.error(str(problem), syntax).args) from None

    def _read(self, syntax: Syntax) -> Term:
        parts, unknowns = syntax.parts, self.unknowns
        if (elements := self.elements(syntax)) is not None:
            return self.in_indices("", elements)
        match syntax.kind:
            case "number":
                top, _, bottom = syntax.text.partition("/")
                value = Fraction(top) / Fraction(bottom or 1)
                return Term(ts.Number((), value))
            case "name":
                return self._name(syntax)
            case "string":
                return op.python_value(syntax.text)
            case "ones":
                size = unknowns.fresh()
                return Term(ts.Ones((size,)), (size,))
            case "zeros":
                return Term(ts.Zero(()), (), "zero")
            case "minus":
                return op.negative(self.value(parts[0]))
            case "op":
                return self._operator(syntax)
            case "juxtaposed":
                return self._juxtaposed(syntax)
            case "transposed":
                return op.transposed(self.value(parts[0]))
            case "power":
                return self._power(syntax)
            case "norm":
                return Term(ts.Norm((), self.value(parts[0]).tree))
            case "magnitude":
                return self._magnitude(syntax)
            case "value":
                shape = self.names.shapes[syntax.text]
                return Term(ts.Symbol(op.tree_dims(shape), syntax.text), shape)
            case "size":
                return size_term(syntax.text)
        return self._structure(syntax)

    def _structure(self, syntax: Syntax) -> Term:
        match syntax.kind:
            case "attribute":
                return self._attribute(syntax)
            case "call":
                return self._call(syntax)
            case "index":
                return self._index(syntax)
            case "tuple":
                return self._tuple(syntax)
            case "labelled" | "window" as kind:
                return self.labelled(syntax) if kind == "labelled" else self.window(syntax)
            case "total":
                return self.total(syntax)
            case "blocks":
                return self.blocks(syntax)
            case "unit":
                return op.unit(self.unknowns, str(self._extent(syntax.parts[0])))
            case "stacked":
                return stacked(self.unknowns, [self.value(p) for p in syntax.parts], 0)
            case "slices":
                return op.python_value(("slices", *map(self._bound, syntax.parts)))
        raise self.error("this has no value here", syntax)

    def _tuple(self, syntax: Syntax) -> Term:
        """A tuple of sizes, or a list of arrays."""
        terms: list[Term] = []
        sizes: list[str] = []
        for part in syntax.parts:
            if part.kind == "star":
                sizes += self.read(part.parts[0]).meta or ()
                continue
            term = self.read(part)
            terms.append(term)
            if isinstance(term.meta, str):
                sizes.append(term.meta)
            elif isinstance(term.tree, ts.Number):
                sizes.append(str(term.tree.value))
            elif not term.rank and isinstance(size := extent(term.tree), str):
                sizes.append(size)
        starred = any(p.kind == "star" for p in syntax.parts)
        plain = starred or len(sizes) == len(terms)
        if plain or syntax.text != "[":
            return op.python_value(tuple(sizes) if plain else terms)
        try:
            return replace(stacked(self.unknowns, terms, 1), meta=terms)
        except MisfitError as problem:  # a list for stack, not [A, B]
            return op.python_value(op.Apart(terms, str(problem)))

    # ------------------------------------------------------------ names

    def _name(self, syntax: Syntax) -> Term:
        name = self.names.printed.get(spelled(syntax.text))
        if name is None:
            return self._constant(syntax)
        if name in self.names.shapes:
            shape = self.names.shapes[name]
            return Term(ts.Symbol(op.tree_dims(shape), name), shape)
        return size_term(name)

    def _constant(self, syntax: Syntax) -> Term:
        text = syntax.text
        if text == "I":
            size = self.unknowns.fresh()
            return Term(ts.Eye((size, size)), (size, size))
        if text in _VALUES:
            return op.python_value(_VALUES[text])
        if text in CONSTANTS:
            return Term(CONSTANTS[text])
        if (unit := UNIT.fullmatch(text)) is not None:
            return op.unit(self.unknowns, with_plain_digits(unit[1]))
        if text.startswith("K_"):
            sizes = tuple(c for c in text[2:])
            if len(sizes) == 2 and set(sizes) <= {*self.names.sizes, *"0123456789"}:
                return commutation(self.unknowns, sizes)
        if text in FUNCTIONS:
            raise self.error(f"{text} is a function, and is not called here", syntax)
        raise self.error(f"there is no {text!r}", syntax, self.names.instead_of(text))

    # ------------------------------------------------------------ operators

    def _operator(self, syntax: Syntax) -> Term:
        if syntax.text == "/" and syntax.parts[1].kind == "juxtaposed":
            return self._fraction(syntax)
        left, right = (self.read(p) for p in syntax.parts)
        unknowns = self.unknowns
        if isinstance(left.meta, tuple) and isinstance(right.meta, tuple):
            return op.python_value(left.meta + right.meta)
        if (
            isinstance(left.meta, tuple)
            and syntax.text == "*"
            and isinstance(right.tree, ts.Number)
        ):
            return op.python_value(left.meta * min(int(right.tree.value), _MOST_AXES))
        for term, part in zip((left, right), syntax.parts, strict=True):
            self.must_be_array(term, part)
        left, right = op.zeros_fitted(left, right)
        if (elements := self.of_elements(left, syntax.text, right)) is not None:
            return elements
        match syntax.text:
            case "+" | "−":
                return op.plus(unknowns, left, right, 1 if syntax.text == "+" else -1)
            case "·":
                return op.juxtaposed(unknowns, [left, right])
            case "*":
                return op.times(unknowns, left, right)
            case "@":
                return op.matmul(unknowns, left, right)
            case "/" | "⊘":
                return op.over(unknowns, left, right)
            case "⊙":
                return op.hadamard(unknowns, left, right)
            case "⊗":
                return op.kronecker(unknowns, left, right)
            case "⊛":
                return op.khatri_rao(unknowns, left, right)
        return op.holds(unknowns, syntax.text, left, right)

    def _fraction(self, syntax: Syntax) -> Term:
        """a/bc is a/(bc), but 1/n Xᵀ(P − Y) is (1/n) Xᵀ(P − Y): no number is over a matrix."""
        above, below = syntax.parts
        top, factors = self.value(above), self._factors(below)
        whole = self._product(below, factors)
        if not top.rank and whole.rank:
            for count in range(len(factors) - 1, 0, -1):
                under = op.number_of(self.unknowns, factors[:count])
                if under is not None:
                    fraction = op.over(self.unknowns, *op.zeros_fitted(top, under))
                    return self._product(syntax, [fraction, *factors[count:]])
        return op.over(self.unknowns, *op.zeros_fitted(top, whole))

    def _juxtaposed(self, syntax: Syntax) -> Term:
        factors = self._factors(syntax)
        return self.product_of_elements(syntax, factors) or self._product(syntax, factors)

    def _factors(self, syntax: Syntax) -> list[Term]:
        return [self._turned(p, self.value(p)) for p in syntax.parts]

    def _product(self, syntax: Syntax, factors: Sequence[Term]) -> Term:
        try:
            return op.juxtaposed(self.unknowns, factors)
        except MisfitError as problem:
            raise UnfittingError(*self.error(str(problem), syntax).args) from None

    @staticmethod
    def _turned(part: Syntax, term: Term) -> Term:
        """In (P − Y) x.T the row xᵀ, since no program has this product; NumPy's x.T is x."""
        is_row = part.kind == "attribute" and part.text in ("T", "mT") and term.rank == 1
        return op.transposed(term) if is_row else term

    def _power(self, syntax: Syntax) -> Term:
        body = self.value(syntax.parts[0])
        exponent = syntax.parts[1]
        inner = exponent.parts[0] if exponent.kind == "minus" else exponent
        if syntax.text == "^" and inner.kind == "name" and inner.text == "T":
            turned = op.transposed(body)
            if exponent.kind != "minus":
                return turned
            return op.raised(self.unknowns, turned, Term(number(-1)), matrix=True)
        matrix = syntax.text == "^" and not labels_of(body.tree)
        return op.raised(self.unknowns, body, self.value(exponent), matrix=matrix)

    def _magnitude(self, syntax: Syntax) -> Term:
        body = self.value(syntax.parts[0])
        if body.rank < 2:
            return apply(self.unknowns, "abs", [body], {})
        notes = ["Write det(A) for the determinant, abs(A) for the elements' absolute values."]
        raise self.error("|A| of a matrix can be read in two ways", syntax, notes)

    # ------------------------------------------------------------ attributes, calls, indices

    def _attribute(self, syntax: Syntax) -> Term:
        body = self.read(syntax.parts[0])
        match syntax.text:
            case "T" | "mT":
                return body if body.rank == 1 else op.transposed(body)
            case "shape":
                return op.python_value(self.unknowns.shape(body.shape))
            case "size":
                return size_term(self.unknowns.value(multiplied(body.shape)))
            case "ndim":
                return Term(number(body.rank))
        raise self.error(
            f"there is no attribute {syntax.text!r}", syntax, ["There are T, shape, size and ndim."]
        )

    def _call(self, syntax: Syntax) -> Term:
        name = syntax.text
        if name not in FUNCTIONS:
            raise self.error(f"there is no function {name!r}", syntax, instead_of_function(name))
        parts: list[Term] = []
        options: dict[str, Term] = {}
        for p in syntax.parts:
            if p.kind == "keyword" and p.text in options:
                raise self.error(f"{p.text!r} is given twice", p)
            if p.kind == "keyword":
                options[p.text] = self.read(p.parts[0])
            elif p.kind == "star":
                parts += [size_term(d) for d in self.read(p.parts[0]).meta or ()]
            else:
                parts.append(self.read(p))
        if "over" in options and parts:
            parts[0] = self.along(parts[0], str(options["over"].meta), syntax)
        return apply(self.unknowns, name, parts, options)

    def _index(self, syntax: Syntax) -> Term:
        body = self.read(syntax.parts[0])
        items = syntax.parts[1:]
        if self._joined(items):
            return self._juxtaposed(replace(syntax, parts=(
                syntax.parts[0], Syntax("tuple", "[", items, items[0].start, syntax.end)
            )))  # fmt: skip
        if isinstance(body.meta, tuple) and items[0].kind == "slice":
            start, stop, step = (b if isinstance(b, int) else None for b in self._bounds(items[0]))
            return op.python_value(body.meta[start:stop:step])
        if isinstance(body.meta, tuple):
            return size_term(body.meta[self._whole_number(items[0])])
        if body.meta == "slogdet":
            return body
        self.must_be_array(body, syntax.parts[0])
        return self._indexed(body, items, syntax)

    def _joined(self, items: Sequence[Syntax]) -> bool:
        """Whether [A, B] after a factor joins matrices: no array has matrices as its indices."""
        if len(items) < 2 or any(item.kind in ("slice", "none") for item in items):
            return False
        return any(self.read(item).rank == 2 for item in items)

    def _whole_number(self, syntax: Syntax) -> int:
        term = self.read(syntax)
        tree = term.tree
        if isinstance(tree, ts.Plus) and len(tree.parts) == 1:
            tree = tree.parts[0]
        if not isinstance(tree, ts.Number):
            raise self.error("a whole number is needed here", syntax)
        return int(tree.value) if tree is term.tree else -int(tree.value)

    def _indexed(self, body: Term, items: Sequence[Syntax], syntax: Syntax) -> Term:
        """Slices, None, whole numbers, and an array of indices."""
        shape: list[str] = []
        settings: list[Any] = []
        arrays: list[Term] = []
        axes = list(self.unknowns.shape(body.shape))
        for item in items:
            if item.kind == "name" and item.text == "None":
                settings.append(None)
                shape.append("1")
                continue
            if not axes:
                raise self.error(f"too many indices for the shape {shown(body.shape)}", syntax)
            size = axes.pop(0)
            if item.kind == "slice":
                start, stop, step = self._bounds(item)
                settings.append((start, stop, step))
                shape.append(sliced(size, start, stop, step))
                continue
            value = self.value(item)
            if value.rank:
                arrays.append(value)
                settings.append("array")
                shape += value.shape if len(arrays) == 1 else ()
            elif (place := extent(value.tree)) is not None:
                settings.append(place)
            else:  # a computed place, such as floor(t)
                arrays.append(value)
                settings.append("array")
        shape += axes
        if not arrays and None not in settings:
            view = taken(Term(body.tree, self.unknowns.shape(body.shape)), settings)
            if view is not None:
                return view
        if settings == [(None, None, None), None] and body.rank == 1:
            return Term(body.tree, (body.shape[0], "1"))
        if settings == [None, (None, None, None)] and body.rank == 1:
            return op.row(body)
        return op.called("index", [body, *arrays], tuple(shape), tuple(settings))

    def _bound(self, item: Syntax) -> Slice | int | str:
        return self._bounds(item) if item.kind == "slice" else self._extent(item)

    def _bounds(self, item: Syntax) -> Slice:
        found = [None if p.kind == "none" else self._extent(p) for p in item.parts]
        start, stop, step = [*found, None, None][:3]
        return start, stop, step

    def _extent(self, syntax: Syntax) -> int | str:
        """A whole number or a size, such as m+1."""
        found = extent(self.read(syntax).tree)
        if found is None:
            raise self.error("a whole number or a size is needed here", syntax)
        return found
