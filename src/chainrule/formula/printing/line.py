"""Printing a typeset tree as a line: one walk, and a notation that says what the signs look like.

Precedence, from loose to tight: ± · then ⊙ ⊘ ⊗ and Σ · then a scalar in front (· and /) · then
juxtaposition · then superscripts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from chainrule.algebra.signs import RAISED
from chainrule.algebra.sizes import combined
from chainrule.formula.printing.windows import indices, is_relation, totals
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import axes_below, is_between_bars, labels_of, spanned

__all__ = ["Notation", "Printer"]

SUM, HADAMARD, SCALE, JUXTAPOSED, POSTFIX, ATOM = range(6)
_HALF = Fraction(1, 2)
Shown = tuple[str, int]


@dataclass(frozen=True)
class Notation:
    """How signs are written. Templates have {} where their parts go.

    wide      whether single letters are set apart by a space too
    name      prints a name of the program; ``function``, a function's name before its bracket
    fraction  prints a scalar fraction from its two sides, which may need brackets
    """

    hadamard: str
    over: str
    kron: str
    dot: str
    minus: str
    ones: str
    zero: str
    eye: str
    brackets: str
    transpose: str
    inverse: str
    inverse_transpose: str
    power: str
    elementwise_power: str
    root: str
    norm: str
    frobenius: str
    magnitude: str
    indicator: str
    commutation: str
    total: str
    blocks: str
    diag: str
    trace: str
    vec: str
    relations: dict[str, str]
    wide: bool
    name: Callable[[str], str]
    function: Callable[[str], str]
    subscript: Callable[[str, str], str]
    number: Callable[[Fraction | float], str]
    fraction: Callable[[str, str, bool, bool], Shown]
    half: Callable[[Fraction], str | None]


class Printer:
    """Prints trees in one notation."""

    def __init__(self, notation: Notation) -> None:
        self.notation = notation

    def __call__(self, tree: Tree) -> str:
        """Print a tree."""
        return self._print(tree)[0]

    def _wrap(self, tree: Tree, least: int) -> str:
        shown, level = self._print(tree)
        return shown if level >= least else self.notation.brackets.format(shown)

    def _print(self, tree: Tree) -> Shown:
        n = self.notation
        match tree:
            case ts.Symbol(name=name) | ts.Constant(name=name):
                return n.name(name), ATOM
            case ts.Number(value=value):
                return self._number(value)
            case ts.Ones():
                return n.ones, ATOM
            case ts.Zero():
                return (n.zero if tree.dims else "0"), ATOM
            case ts.Eye():
                return n.eye, ATOM
            case ts.Unit(place=place):
                return n.subscript("e", from_end(place, tree.dims[0])), ATOM
            case ts.Bias(body=body):
                return self._print(body)
            case ts.Product(parts=parts):
                return self._juxtaposed(parts), JUXTAPOSED
            case ts.Elementwise(parts=parts):
                return n.hadamard.join(self._wrap(p, SCALE) for p in parts), HADAMARD
            case ts.Over(top=top, bottom=bottom):
                return n.over.join((self._wrap(top, SCALE), self._wrap(bottom, SCALE))), HADAMARD
            case ts.Kron(parts=parts):
                return n.kron.join(self._wrap(p, JUXTAPOSED) for p in parts), HADAMARD
            case ts.Quotient(top=top, bottom=bottom):
                return self._quotient(top, bottom)
            case ts.Scaled(scalar=scalar, body=body):
                return self._scaled(scalar, body), SCALE
            case ts.Plus(signs=signs, parts=parts):
                return self._sum(signs, parts), SUM
            case ts.Transpose(body=ts.Inverse(body=body)):
                return n.inverse_transpose.format(self._wrap(body, ATOM)), POSTFIX
            case ts.Transpose(body=body):
                return n.transpose.format(self._wrap(body, ATOM)), POSTFIX
            case ts.Inverse(body=body):
                return n.inverse.format(self._wrap(body, ATOM)), POSTFIX
            case ts.Power():
                return self._power(tree)
            case _:
                return self._function(tree)

    def _function(self, tree: Tree) -> Shown:
        """What has brackets of its own, and index notation."""
        n = self.notation
        match tree:
            case ts.Apply(name="log|·|", parts=(only,)):
                return f"log|{self(only)}|", ATOM
            case ts.Apply(parts=(only,)) if is_between_bars(tree):
                return n.magnitude.format(self(only)), ATOM
            case ts.Apply(name="reshape", parts=(body,)):
                sizes = f"({', '.join(tree.dims)})"
                return n.function("reshape") + n.brackets.format(f"{self(body)}, {sizes}"), ATOM
            case ts.Apply(name=name, parts=parts):
                inside = n.brackets.format(", ".join(map(self, parts)))
                shown, below = n.function(spanned(name)[0]), axes_below(tree)
                return (self._below(shown, below) if below else shown) + inside, ATOM
            case ts.Diag(body=body):
                return n.diag.format(self(body)), ATOM
            case ts.Trace(body=body):
                return n.trace.format(self(body)), ATOM
            case ts.Vec(body=body):
                return n.vec.format(self(body)), ATOM
            case ts.Norm(body=body):
                template = n.frobenius if len(body.dims) == 2 else n.norm
                return template.format(self(body)), ATOM
            case ts.Bracket(relation=relation, left=left, right=right):
                sign = n.relations[relation]
                return n.indicator.format(f"{self(left)} {sign} {self(right)}"), ATOM
            case ts.Commutation(sizes=sizes):
                return n.subscript(n.commutation, "".join(sizes)), ATOM
            case ts.Row(body=body, label=label):
                return n.subscript(self(body).lower(), label), ATOM
            case ts.SumOver(label=label, body=body):
                return f"{n.subscript(n.total, label)} {self._wrap(body, HADAMARD)}", HADAMARD
            case ts.Blocks(label=label, body=body):
                return n.blocks.format(label, self(body)), SUM
            case ts.Viewed(body=body) if padding(tree) is not None:
                return n.function("pad") + n.brackets.format(f"{self(body)}, {padding(tree)}"), ATOM
            case ts.Viewed(body=body):
                return self._wrap(body, ATOM) + places(tree), ATOM
            case ts.Placed(body=body):
                inside = f"{self(body)}, {places(tree)}"
                return n.function("place") + n.brackets.format(inside), ATOM
            case ts.Stacked(parts=parts, axis=axis):
                return n.indicator.format(
                    ("; " if axis == 0 else ", ").join(map(self, parts))
                ), ATOM
            case ts.At(body=body, labels=labels, power=power):
                return self._at(body, labels, power), POSTFIX
            case ts.Indexed():
                return self._indexed(tree), HADAMARD
        raise TypeError(type(tree).__name__)

    # ------------------------------------------------------------ numbers and fractions

    def _number(self, value: Fraction | float) -> Shown:
        if isinstance(value, Fraction) and value.denominator != 1:
            half = self.notation.half(value)
            if half is not None:
                return half, ATOM
            top, bottom = (self.notation.number(Fraction(v)) for v in value.as_integer_ratio())
            return self.notation.fraction(top, bottom, False, False)
        shown = self.notation.number(value)
        raised = shown[-1] in RAISED.values()
        return shown, SCALE if "·" in shown else POSTFIX if raised else ATOM

    def _quotient(self, top: Tree, bottom: Tree) -> Shown:
        if isinstance(top, ts.Number) and isinstance(bottom, ts.Number):
            a, b = top.value, bottom.value
            if isinstance(a, Fraction) and isinstance(b, Fraction):
                return self._number(a / b)
        above, level = self._print(top)
        below, low = self._print(bottom)
        if top.dims:
            wrapped = above if level >= SCALE else self.notation.brackets.format(above)
            under = below if low >= POSTFIX else self.notation.brackets.format(below)
            return f"{wrapped} / {under}", SCALE
        return self.notation.fraction(above, below, level < SCALE, low < POSTFIX)

    def _power(self, tree: ts.Power) -> Shown:
        n = self.notation
        exponent = tree.exponent
        value = exponent.value if isinstance(exponent, ts.Number) else None
        if value == _HALF:
            return n.root.format(self._wrap(tree.body, POSTFIX)), POSTFIX
        called = isinstance(tree.body, ts.Apply | ts.Norm | ts.Bracket)
        inner = self(tree.body) if called else self._wrap(tree.body, ATOM)
        whole = isinstance(value, Fraction) and value.denominator == 1
        matrix = len(tree.body.dims) == 2 and not labels_of(tree.body)
        template = n.elementwise_power if matrix and whole else n.power
        return template.format(inner, self._wrap(exponent, POSTFIX)), POSTFIX

    # ------------------------------------------------------------ products

    def _juxtaposed(self, parts: Sequence[Tree]) -> str:
        """No space between single letters; one between longer names; · after a function."""
        words = [self._wrap(p, POSTFIX) for p in parts]
        long = self.notation.wide or any(
            isinstance(base_of(p), ts.Symbol) and len(self(base_of(p))) > 1 for p in parts
        )
        shown = words[0]
        for before, word, part in zip(parts, words[1:], parts[1:], strict=False):
            numeric = isinstance(before, ts.Number)
            called = not before.dims and not numeric and (is_call(before) or is_call(part))
            if called or (numeric and isinstance(base_of(part), ts.Number)):
                shown += (
                    self.notation.dot.strip(" ") if not self.notation.wide else self.notation.dot
                )
            elif long and not numeric and not word.startswith("("):
                shown += " "
            elif isinstance(base_of(part), ts.Row) and (shown[-1].isupper() or "_" in word):
                shown += " "  # W rₙ and w_d w_dᵀ, since Wr would be a name
            shown += word
        return shown

    def _scaled(self, scalar: Tree, body: Tree) -> str:
        """A scalar in front: 2x, λw, 1/n · x, exp(s)·x."""
        n = self.notation
        front, level = self._print(scalar)
        if level < SCALE:
            front, level = n.brackets.format(front), ATOM
        number = isinstance(scalar, ts.Number)
        inner = self._wrap(body, HADAMARD if number else SCALE)
        if isinstance(scalar, ts.Quotient | ts.Number) and level == SCALE:
            return f"{front} {n.dot.strip()} {inner}"
        if front[-1:] and n.half(_HALF) is not None and front == n.half(_HALF):
            return f"{front} {inner}"
        if isinstance(body, ts.Elementwise | ts.Kron):
            return f"{front} {inner}" if number else f"{front}{n.dot}{inner}"
        first = body.parts[0] if isinstance(body, ts.Product) else body
        single = isinstance(base_of(first), ts.Symbol | ts.Eye) and len(self(base_of(first))) == 1
        tight = inner.startswith("(") or single
        if number or isinstance(scalar, ts.Quotient):
            return front + inner if tight and not n.wide else f"{front} {inner}"
        plain = scalar.parts if isinstance(scalar, ts.Product) else (scalar,)
        short = all(
            isinstance(p, ts.Number | ts.Plus | ts.Product) or (len(self(p)) == 1) for p in plain
        )
        if tight and short:
            return front + inner if not n.wide else f"{front} {inner}"
        return f"{front}{n.dot}{inner}"

    def _sum(self, signs: Sequence[int], parts: Sequence[Tree]) -> str:
        shown = ""
        for sign, part in zip(signs, parts, strict=True):
            word = self._wrap(part, HADAMARD)
            if shown:
                shown += f" {'+' if sign > 0 else self.notation.minus} {word}"
            else:
                shown = word if sign > 0 else f"{self.notation.minus}{word}"
        return shown

    def _indexed(self, tree: ts.Indexed) -> str:
        n = self.notation
        one = tree.scalar == ts.Number((), Fraction(1))
        if not tree.factors and not tree.summed:
            return self(tree.scalar)
        front = "" if one else f"{self._wrap(tree.scalar, SCALE)} {n.dot.strip()} "
        total = "".join(self._below(n.total, part) + " " for part in totals(tree))
        above = " ".join(self._at(f.body, f.labels, f.power) for f in tree.factors if f.power > 0)
        below = " ".join(self._at(f.body, f.labels, -f.power) for f in tree.factors if f.power < 0)
        if sum(f.power < 0 for f in tree.factors) > 1:
            below = n.brackets.format(below)
        return front + total + (f"{above or '1'} / {below}" if below else above)

    def _below(self, sign: str, labels: str) -> str:
        """Labels below Σ or a function; where they are bounded, in braces."""
        signs = {"<": self.notation.relations["<"], "−": self.notation.minus}
        if "<" not in labels:
            return self.notation.subscript(sign, labels)
        return f"{sign}_{{{''.join(signs.get(c, c) for c in labels)}}}"

    def _read(self, body: ts.Read, labels: tuple[str, ...]) -> str:
        """An element at sums of labels: X[n, c, i+u, j+v], [h = 2i+u]."""
        n = self.notation
        shown = indices(body, labels)
        if is_relation(body):
            return n.indicator.format(f" {n.relations['=']} ".join(shown))
        return f"{self._wrap(body.body, ATOM)}[{', '.join(shown)}]"

    def _at(self, body: Tree, labels: tuple[str, ...], power: Fraction) -> str:
        """An element of an array, raised to a power."""
        n = self.notation
        if isinstance(body, ts.Read):
            shown = self._read(body, labels)
        elif labels_of(body) == labels:
            shown = self(body) if power != 1 else self._wrap(body, POSTFIX)
        else:
            shown = n.subscript(self._wrap(body, ATOM), "".join(labels))
        if power == 1:
            return shown
        inside = n.brackets.format(shown)
        if power == _HALF:
            return n.root.format(inside)
        return n.power.format(inside, self._number(power)[0])


def base_of(tree: Tree) -> Tree:
    """What is transposed, inverted or raised to a power."""
    while isinstance(tree, ts.Transpose | ts.Inverse | ts.Power):
        tree = tree.body
    return tree


def is_call(tree: Tree) -> bool:
    """Whether a tree is a call, perhaps raised to a power."""
    return isinstance(base_of(tree), ts.Apply | ts.Trace | ts.Diag)


def padding(tree: ts.Viewed) -> str | None:
    """How many zeros stand before and after, as in np.pad; None where nothing else is read."""
    shown = []
    for (offset, terms), size in zip(tree.axes, tree.body.dims, strict=True):
        before = combined((-1, _signed(offset)))
        if not tree.outside or len(terms) != 1 or terms[0][1] != 1 or before[0] == "−":
            return None
        shown.append(f"{before}, {combined((1, tree.dims[terms[0][0]]), (-1, size), (-1, before))}")
    return ", ".join(shown if len(shown) == 1 else [f"({pair})" for pair in shown])


def _signed(offset: int | str) -> str:
    return str(offset).replace("-", "−")


def from_end(place: int | str, size: str) -> str:
    """A place as Python counts: −1 for n−1 in an axis of size n."""
    shown = _signed(place)
    after = combined((1, shown), (-1, size))
    return after if not shown.isdigit() and re.fullmatch(r"−\d+", after) else shown


_AXES = "ijklmnpqrstuvwxyz"  # of windows of images there are seven and more
"""What the places along the axes of a result are called."""


def places(tree: ts.Viewed | ts.Placed) -> str:
    """[:, 0] for a slice, [i + j] for windows: the index that each axis is read at."""
    ends = (tree.body.dims, tree.dims)
    whole, part = ends if isinstance(tree, ts.Viewed) else ends[::-1]
    if all(len(terms) < 2 for _, terms in tree.axes):
        pairs = zip(tree.axes, whole, strict=True)
        return f"[{', '.join(slice_of(axis, size, part) for axis, size in pairs)}]"
    shown = []
    for offset, terms in tree.axes:
        words = [_AXES[axis] if step == 1 else f"{step}{_AXES[axis]}" for axis, step in terms]
        shown.append(" + ".join([*words, *([_signed(offset)] if offset else [])]) or "0")
    return f"[{', '.join(shown)}]"


def slice_of(axis: ts.Place, size: str, dims: tuple[str, ...]) -> str:
    """Where an axis of this size is read: 0, 2:, :m, 1:m+1, ::2, ::−1, −1."""
    offset, terms = axis
    start = from_end(offset, size)
    if not terms:
        return start
    ((place, step),) = terms
    length = dims[place]
    front = "" if start == ("0" if step > 0 else "−1") else start
    if step != 1:
        return f"{front}::{step}".replace("-", "−")
    stop = combined((1, _signed(offset)), (1, length))
    return f"{front}:" if stop == combined((1, size)) else f"{front}:{from_end(stop, size)}"
