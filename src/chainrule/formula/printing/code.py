"""Formulas as Python: NumPy's text and our own, from the same tree that is printed.

Vectors have one axis, as NumPy users write them: ``X.T @ (P - Y) / n``, ``np.outer(a, b)``,
``d[:, None] * A``. The text only needs the arguments of the function; sizes, what the library does
not have, and the "where" lines come first, one per line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from chainrule.formula.printing.dialect import CHAINRULE, NUMPY, Dialect
from chainrule.formula.printing.kinds import (
    ATOM,
    POWER,
    SIGNED,
    TIMES,
    bracketed,
    identifier,
    indexable,
    is_diagonal,
    is_truth,
    kind_of,
    number_text,
    plain_letters,
    sliced,
    spread_vector,
    swapped,
)
from chainrule.formula.printing.lengths import Lengths
from chainrule.formula.printing.line import from_end
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose, is_row, number, power_of
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import spanned

__all__ = ["CHAINRULE", "NUMPY", "identifier", "program"]

SUM = 0
Code = tuple[str, int]
_RELATIONS = {">": ">", "≥": ">=", "<": "<", "≤": "<=", "=": "=="}


def program(
    result: str,
    tree: Tree,
    where: Sequence[tuple[str, Tree]],
    axes: Mapping[str, tuple[str, ...]],
    dialect: Dialect = NUMPY,
) -> str:
    """The definitions and the formula as Python text; the last line binds ``result``."""
    writer = Writer(dialect, axes, {name for name, _ in where})
    lines = [f"{identifier(name)} = {writer.value(part)}" for name, part in where]
    taken = {*axes, *(identifier(name) for name, _ in where), *writer.size.defined}
    while result in taken:
        result += "_"
    lines.append(f"{result} = {writer.value(tree)}")
    prelude = [dialect.prelude[name] for name in writer.needed]
    sizes = [f"{name} = {place}" for name, place in writer.size.defined.items()]
    return "\n".join([*prelude, *sizes, *lines])


class Writer:
    """Writes trees in one dialect, and notes which sizes and definitions they need."""

    def __init__(
        self, dialect: Dialect, axes: Mapping[str, tuple[str, ...]], taken: Iterable[str]
    ) -> None:
        self.dialect = dialect
        self.size = Lengths(axes, taken)
        self.taken = self.size.taken
        self.needed: dict[str, None] = {}
        self.places: dict[str, str] = {}

    def value(self, tree: Tree) -> str:
        """The text of a tree that stands alone."""
        shown, _ = self._floating(tree)
        return shown

    # ------------------------------------------------------------ words

    def _call(self, name: str, *arguments: str) -> Code:
        words = self.dialect.words.get(name, name)
        for key in self.dialect.prelude:
            if key == name or words.startswith(f"{key}("):
                self.needed[key] = None
        shown = self.dialect.call(name, *arguments)
        return shown, ATOM

    def _wrap(self, tree: Tree, least: int) -> str:
        shown, level = self.code(tree)
        return shown if level >= least else f"({shown})"

    # ------------------------------------------------------------ trees

    def _floating(self, tree: Tree) -> Code:
        """A tree as numbers: comparisons alone would be truth values, which do not add up."""
        shown, level = self.code(tree)
        return (f"1.0 * {shown}", TIMES) if is_truth(tree) else (shown, level)

    def code(self, tree: Tree) -> Code:
        """The text of a tree, and how tightly it holds together."""
        match tree:
            case ts.Symbol(name=name):
                free = name not in self.taken and (self.size.has(name) or name[0] in "⌈⌊")
                return (self.size(name) if free and not tree.dims else identifier(name)), ATOM
            case ts.Constant():
                return f"{self.dialect.prefix}.pi", ATOM
            case ts.Number(value=value):
                return number_text(value)
            case ts.Ones(dims=(dim,)):
                return self._call("ones", self.size(dim))
            case ts.Zero(dims=dims):
                return self._call("zeros", self.size.shape(dims)) if dims else ("0.0", ATOM)
            case ts.Eye(dims=dims):
                return self._call("eye", self.size(dims[0]))
            case ts.Bias(body=body):
                return self.code(body)
            case ts.Product(parts=parts):
                return self._product(list(parts))
            case ts.Elementwise(parts=parts):
                return " * ".join(self._factor(p, k) for k, p in enumerate(parts)), TIMES
            case ts.Over(top=top, bottom=bottom) | ts.Quotient(top=top, bottom=bottom):
                return f"{self._wrap(top, TIMES)} / {self._wrap(bottom, SIGNED)}", TIMES
            case ts.Scaled(scalar=scalar, body=body):
                return self._scaled(scalar, body), TIMES
            case ts.Plus(signs=signs, parts=parts):
                return self._sum(signs, parts)
            case ts.Transpose(body=body):
                shown = self._wrap(body, ATOM)
                return (shown if len(body.dims) < 2 else f"{shown}.T"), ATOM
            case ts.Inverse(body=body):
                return self._call("inv", self.value(body))
            case ts.Power(body=body, exponent=ts.Number(value=value)) if value == Fraction(1, 2):
                return self._call("sqrt", self.value(body))
            case ts.Power(body=body, exponent=exponent):
                raised = self._wrap(exponent, SIGNED)
                return f"{self._wrap(body, ATOM)}**{raised}", POWER
            case _:
                return self._function(tree)

    def _function(self, tree: Tree) -> Code:
        match tree:
            case ts.Apply(name=name, parts=parts):
                return self._apply(name, parts, tree.dims)
            case ts.Diag(body=body):
                return self._call("diag" if len(body.dims) == 1 else "diagonal", self.value(body))
            case ts.Trace(body=body):
                return self._call("trace", self.value(body))
            case ts.Norm(body=body):
                return self._call("norm", self.value(body))
            case ts.Bracket(relation=relation, left=left, right=right):
                return f"({self.value(left)} {_RELATIONS[relation]} {self.value(right)})", ATOM
            case ts.Vec(body=body, by_columns=by_columns):
                turned = flat_transpose(body) if by_columns else body
                return f"{self._wrap(turned, ATOM)}.reshape(-1)", ATOM
            case ts.Kron(parts=parts):
                return self._kron(parts)
            case ts.Commutation(sizes=sizes, by_columns=by_columns):
                rows, columns = map(self.size, sizes[::-1] if by_columns else sizes)
                eye, _ = self._call("eye", f"{rows} * {columns}")
                return swapped(eye, rows, columns), ATOM
            case ts.Unit(dims=(dim,), place=place):
                is_half = str(place)[:1] in ("⌈", "⌊")
                at = self.size(str(place)) if is_half else from_end(place, dim).replace("−", "-")
                return f"{self._call('eye', self.size(dim))[0]}[{at}]", ATOM
            case ts.Row(body=body, label=label):
                return f"{self._wrap(body, ATOM)}[{self.places[label]}]", ATOM
            case ts.SumOver(label=label, body=body):
                return f"sum({self._over(label, body)})", ATOM
            case ts.Blocks(label=label, body=body, by_columns=True):
                kron, _ = self._call("kron", "block", f"{self.dialect.prefix}.outer(u, u)")
                eye, _ = self._call("eye", self.size(label))
                return f"sum({kron} for block, u in zip([{self._over(label, body)}], {eye}))", ATOM
            case ts.Blocks(label=label, body=body):
                return self._call("block_diag", f"*[{self._over(label, body)}]")
            case ts.Read(body=body, axes=axes, divisors=divisors) if divisors:
                return self._reached("read", body, axes, tree.dims, divisors)
            case ts.Viewed(body=body, axes=axes, outside=False):
                return self._viewed(body, axes, tree.dims)
            case ts.Viewed(body=body, axes=axes):
                return self._reached("read", body, axes, tree.dims)
            case ts.Placed(body=body, axes=axes):
                return self._reached("place", body, axes, tree.dims)
            case ts.Stacked(parts=parts, axis=axis):
                return self._stacked(parts, axis, len(tree.dims))
            case ts.Indexed(factors=(ts.At(body=ts.Symbol() as array, labels=at),)) if (
                tree == ts.Indexed(array.dims, number(1), at, (), tree.factors)
                and tree.factors[0].power == 1
            ):
                return self.code(array)
            case ts.Indexed():
                return self._indexed(tree), TIMES
        raise TypeError(type(tree).__name__)

    def _factor(self, tree: Tree, place: int) -> str:
        """A factor of ``*``: a product with ``@`` is bracketed, so that nobody has to count."""
        shown, level = self.code(tree)
        first = (
            place == 0 and level == TIMES and not (isinstance(tree, ts.Product) and " @ " in shown)
        )
        return shown if level >= SIGNED or first else f"({shown})"

    def _sum(self, signs: Sequence[int], parts: Sequence[Tree]) -> Code:
        shown = ""
        full = any(len(p.dims) == 2 and spread_vector(p) is None for p in parts)
        for sign, part in zip(signs, parts, strict=True):
            spread = spread_vector(part) if full else None
            word, level = self._floating(part) if spread is None else self._spread(*spread)
            word = f"({word})" if level < TIMES else word
            if shown:
                shown += f" {'+' if sign > 0 else '-'} {word}"
            else:
                shown = word if sign > 0 else f"-{word}"
        return shown, SUM if len(parts) > 1 else TIMES

    def _spread(self, vector: Tree, column: bool) -> Code:
        """A vector that is added to every row or column."""
        shown, level = self._floating(vector)
        return (f"{indexable(shown)}[:, None]", ATOM) if column else (shown, level)

    def _scaled(self, scalar: Tree, body: Tree) -> str:
        """A scalar times an array; what stands under its fraction bar divides at the end."""
        below: list[str] = []
        front = scalar
        if isinstance(scalar, ts.Quotient):
            front, under = scalar.top, scalar.bottom
            below.append(self._wrap(under, SIGNED))
        elif isinstance(scalar, ts.Number) and isinstance(scalar.value, Fraction):
            below += [str(scalar.value.denominator)] if scalar.value.denominator != 1 else []
            front = ts.Number((), Fraction(scalar.value.numerator))
        one = isinstance(front, ts.Number) and front.value == 1
        shown = self._wrap(body, TIMES)
        if not one:
            shown = f"{self._factor(front, 0)} * {self._factor(body, 1)}"
        return " / ".join([shown, *below])

    # ------------------------------------------------------------ matrix products

    def _product(self, parts: list[Tree]) -> Code:
        """A product: u vᵀ is an outer product, uᵀv a dot product, the rest is ``@``."""
        runs: list[list[Tree]] = [[]]
        for part in parts:
            if runs[-1] and (is_row(part) or not part.dims or not runs[-1][-1].dims):
                runs.append([])
            runs[-1].append(part)
        made = [(self._chain(run), kind_of(run)) for run in runs]
        scalars = [code for code, kind in made if kind == "scalar"]
        arrays = [code for code, kind in made if kind != "scalar"]
        if len(arrays) == 2:
            outer = self._call("outer", *(code for code, _ in arrays))
            arrays = [outer]
        words = [c for c, _ in scalars if c]
        if not arrays and len(words) == 1:
            return made[0][0]
        every = [*scalars, *arrays]
        if len(every) == 1:
            return every[0]
        shown = [c if level >= SIGNED else f"({c})" for c, level in every]
        return " * ".join(shown), TIMES

    def _chain(self, parts: list[Tree]) -> Code:
        """Matrices from a row or a column on: diagonal ones only scale."""
        if len(parts) == 1:
            return self.code(parts[0])
        first, *rest = parts
        if is_diagonal(first):
            return self._scaling(first, rest)
        places = [k for k, p in enumerate(parts) if is_diagonal(p)]
        if not places:
            return " @ ".join(self._operand(p, k) for k, p in enumerate(parts)), TIMES
        (k, *_) = places
        left, level = self._chain(parts[:k])
        if k == len(parts) - 1:
            assert isinstance(parts[k], ts.Diag)
            return f"{bracketed(left, level)} * {self._vector(parts[k])}", TIMES
        right, tight = self._chain(parts[k:])
        left = left if level >= SIGNED or " * " not in left else f"({left})"
        return f"{left} @ {bracketed(right, tight)}", TIMES

    def _operand(self, tree: Tree, place: int) -> str:
        """An operand of ``@``: another product is bracketed, so that nobody has to count."""
        shown, level = self.code(tree)
        return bracketed(shown, level)

    def _scaling(self, first: Tree, rest: list[Tree]) -> Code:
        shown, level = self._chain(rest)
        vector = self._vector(first)
        if kind_of(rest) == "matrix":
            vector = f"{indexable(vector)}[:, None]"
        return f"{vector} * {bracketed(shown, level)}", TIMES

    def _vector(self, tree: Tree) -> str:
        """The vector of a diagonal matrix."""
        assert isinstance(tree, ts.Diag)
        shown, level = self._floating(tree.body)
        return bracketed(shown, level)

    # ------------------------------------------------------------ functions

    def _apply(self, name: str, parts: Sequence[Tree], dims: tuple[str, ...]) -> Code:
        inside = [self.value(p) for p in parts]
        name, many = spanned(name)
        if many > 1:
            return self._call(name, inside[0], f"axis={tuple(range(-many, 0))}")
        match name:
            case "onehot":
                if isinstance(parts[0], ts.Apply) and parts[0].name in ("floor", "ceil"):
                    inside = [f'{inside[0]}.astype("int64")']
                return self._call("one_hot", inside[0], self.size(dims[-1]))
            case "reshape":
                return self._call("reshape", inside[0], self.size.shape(dims))
            case "logsumexp" if dims:
                gone = len(parts[0].dims) - len(dims)
                axis = tuple(range(-gone, 0)) if gone > 1 else -1
                return self._call("logsumexp", inside[0], f"axis={axis}")
            case "max" | "min" | "prod" | "argmax" | "argmin" | "any" | "all" if len(parts) == 1:
                axes = tuple(range(len(dims), len(parts[0].dims)))
                along = "" if not dims else f"axis={axes[0] if len(axes) == 1 else axes}"
                return f"{self._wrap(parts[0], ATOM)}.{name}({along})", ATOM
        return self._call(name, *inside)

    def _kron(self, parts: Sequence[Tree]) -> Code:
        shown = [self._as_matrix(p) for p in parts]
        made = shown[0]
        for other in shown[1:]:
            made, _ = self._call("kron", made, other)
        return made, ATOM

    def _as_matrix(self, tree: Tree) -> str:
        """A side of a Kronecker product: columns and rows have two axes there."""
        if len(tree.dims) == 1 and not is_row(tree):
            return f"{self._wrap(tree, ATOM)}[:, None]"
        if is_row(tree):
            return f"{self._wrap(flat_transpose(tree), ATOM)}[None, :]"
        return self.value(tree)

    def _stacked(self, parts: Sequence[Tree], axis: int, rank: int) -> Code:
        """Parts one after another; what has an axis too few gets one of size 1."""
        shown = []
        for part in parts:
            word = self.value(part)
            if not part.dims:
                word, _ = self._call("reshape", word, "(1,)" if rank == 1 else "(1, 1)")
            elif is_row(part) or (len(part.dims) == 1 and rank == 2):
                word = f"{indexable(word)}{'[None, :]' if is_row(part) else '[:, None]'}"
            shown.append(word)
        return self._call("concat", f"[{', '.join(shown)}]", f"axis={axis}")

    def _over(self, label: str, body: Tree) -> str:
        name = next(c for c in "ijlpqrst" if c not in self.taken and c not in self.places.values())
        self.places[label] = name
        shown = self.value(body)
        del self.places[label]
        return f"{shown} for {name} in range({self.size(label)})"

    def _viewed(self, body: Tree, axes: tuple[ts.Place, ...], dims: tuple[str, ...]) -> Code:
        """Plain slices where an axis is read by a number and a step, else indices."""
        words = [sliced(entry, old, dims) for entry, old in zip(axes, body.dims, strict=True)]
        order = [steps[0][0] for _, steps in axes if steps]
        if all(w is not None for w in words) and order == list(range(len(dims))):
            return f"{self._wrap(body, ATOM)}[{', '.join(str(w) for w in words)}]", ATOM
        return self._reached("read", body, axes, dims)

    def _reached(
        self, function: str, body: Tree, axes: tuple[ts.Place, ...], dims: tuple[str, ...],
        divisors: Sequence[int] = (),
    ) -> Code:  # fmt: skip
        """Reading or placing by an affine map of indices; P[⌊h/2⌋] has each element of P twice."""
        starts = [self.size(o) if isinstance(o, str) else str(o) for o, _ in axes]
        entries = [f"({o}, {list(steps)})" for o, (_, steps) in zip(starts, axes, strict=True)]
        shown = self.value(body)
        for axis, times in enumerate(divisors):
            if times > 1:
                shown, _ = self._call("repeat", shown, str(times), f"axis={axis}")
        return self._call(function, shown, self.size.shape(dims), *entries)

    def _indexed(self, tree: ts.Indexed) -> str:
        """Index notation by einsum; a label that no factor has is that of ones."""
        plain = plain_letters(tree)
        inputs, operands = [], []
        for at in tree.factors:
            body = power_of(at.body, at.power)
            inputs.append("".join(plain[i] for i in at.labels))
            operands.append(self.value(body) if len(tree.factors) > 1 else self._wrap(body, TIMES))
        there = "".join(inputs)
        sized = [*zip(tree.labels, tree.dims, strict=True), *tree.summed]
        for label, dim in [(i, d) for i, d in sized if plain[i] not in there]:
            inputs.append(plain[label])
            operands.append(self._call("ones", self.size(dim))[0])
        output = "".join(plain[i] for i in tree.labels)
        shown = operands[0]
        if inputs != [output]:
            shown, _ = self._call("einsum", f'"{",".join(inputs)}->{output}"', *operands)
        front, level = self.code(tree.scalar)
        if front == "1":
            return shown
        return f"{front if level >= TIMES else f'({front})'} * {shown}"
