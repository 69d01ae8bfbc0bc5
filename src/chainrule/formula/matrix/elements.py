"""Sums over windows as trees: Σcᵤᵥ Wₖcᵤᵥ X[n, c, i+u, j+v], with letters for the labels.

A window stands at i, j, …, and u, v, … are the places in it, unless their axes have names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from chainrule.algebra.index import Atom, Poly, Term
from chainrule.formula.matrix.indices import SPARE, element
from chainrule.formula.matrix.piece import piece
from chainrule.formula.matrix.windows import Index, Opened, Reading, UnsolvedError, opened
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of, walk, with_parts

__all__ = ["windowed"]

_PLACES, _INSIDE = "ijprstlmnk", "uvaeoxhrst"
Part = tuple[Opened, int, Tree, Sequence[Tree]]
"""A term, its sign, its scalar and the trees of its readings."""


def windowed(
    poly: Poly,
    scalars: Callable[[Term], tuple[list[Tree], list[Tree]]],
    atom_tree: Callable[[Atom], Tree],
) -> Tree:
    """A poly with its windows written out; scalars and atoms become trees by these.

    Raises:  UnsolvedError: this notation does not reach it.
    """
    parts: list[Part] = []
    for made in (part for term in poly.terms for part in opened(term, poly.dims)):
        above, below = scalars(Term(made.coefficient, tuple(made.scalars)))
        sign, scalar = piece(made.coefficient, above, below, None).tree(())
        parts.append((made, sign, scalar, [atom_tree(r.atom) for r in made.readings]))
    return _summed(parts, poly.dims)


def _summed(parts: Sequence[Part], dims: tuple[str, ...]) -> Tree:
    """A sum of terms whose windows are written out."""
    taken = {d for term, *_ in parts for d in term.sizes.values()}
    taken |= {p.name for *_, trees in parts for t in trees for p in walk(t)
              if isinstance(p, ts.Symbol)}  # fmt: skip
    order = [window for term, *_ in parts for window in term.order]
    outputs = _lettered(dict(enumerate(dims)), order, taken, {})
    found = []
    for term, sign, scalar, trees in parts:
        letters = _lettered(term.sizes, term.order, taken, outputs)
        found.append((sign, _indexed(term, scalar, trees, letters)))
    if len(found) == 1 and found[0][0] > 0:
        return found[0][1]
    found.sort(key=lambda pair: -pair[0])
    return ts.Plus(dims, tuple(sign for sign, _ in found), tuple(tree for _, tree in found))


def _lettered(
    sizes: Mapping[int, str],
    order: Iterable[tuple[int, ...]],
    taken: set[str],
    known: Mapping[int, str],
) -> dict[int, str]:
    """A letter for each label: its axis name if that is free, else what a window's axes have."""
    letters = dict(known)
    for label, dim in sorted(sizes.items()):
        if len(dim) == 1 and dim.isalpha() and dim not in letters.values():
            letters.setdefault(label, dim)
    used = {*taken, *letters.values()}
    places, inside = ((c for c in row if c not in used) for row in (_PLACES, _INSIDE))
    for place, *within, whole in order:
        for label, letter in [(place, places), *((i, inside) for i in within), (whole, places)]:
            if label in sizes and label not in letters:
                letters[label] = _first(c for c in letter if c not in letters.values())
    used |= {*letters.values(), *_PLACES[:2], *_INSIDE[:2]}
    spare = (c for c in SPARE if c not in used)
    return letters | {i: _first(spare) for i in sorted(sizes) if i not in letters}


def _first(letters: Iterator[str]) -> str:
    letter = next(letters, None)
    if letter is None:
        raise UnsolvedError
    return letter


def _indexed(term: Opened, scalar: Tree, trees: Sequence[Tree], letters: Mapping[int, str]) -> Tree:
    dims = tuple(term.sizes[k] for k in range(term.rank))
    factors = [_relation(r.label, r.index, term.sizes, letters) for r in term.relations]
    pairs = sorted(zip(term.readings, trees, strict=True), key=lambda p: _place(p[0]))
    factors += [_factor(r, tree, term, letters) for r, tree in pairs]
    windows = [place for place, *_ in term.order]
    windows += [i for _, *within, _ in term.order for i in within]
    shown = [c for f in factors for c in f.labels]
    bound = sorted((i for i in term.sizes if i >= term.rank),
                   key=lambda i: (i in windows, windows.index(i) if i in windows
                                  else shown.index(letters[i])))  # fmt: skip
    summed = tuple((letters[i], term.sizes[i]) for i in bound)
    return ts.Indexed(dims, scalar, tuple(letters[k] for k in range(term.rank)), summed,
                      tuple(factors))  # fmt: skip


def _place(reading: Reading) -> tuple[bool, int]:
    """Relations first, windows last."""
    return reading.atom.head != "indicator", max(len(p.terms) for p in reading.places)


def _is_plain(reading: Reading) -> bool:
    return all(p.label is not None for p in reading.places)


def _relation(
    label: int, index: Index, sizes: Mapping[int, str], letters: Mapping[int, str]
) -> ts.At:
    """[p = 2i + u] as an element of I."""
    eye = ts.Eye((sizes[label], sizes[label]))
    places = (Index(0, ((label, 1),)), index)
    return _read(eye, places, sizes, letters, Fraction(1), outside=True)


def _read(
    body: Tree, places: Sequence[Index], sizes: Mapping[int, str], letters: Mapping[int, str],
    power: Fraction, outside: bool,
) -> ts.At:  # fmt: skip
    """An array at sums of labels."""
    labels = list(dict.fromkeys(i for p in places for i in p.labels))
    axes = tuple((p.offset, tuple((labels.index(i), s) for i, s in p.terms)) for p in places)
    divisors = tuple(p.divisor for p in places)
    shown = divisors if any(d != 1 for d in divisors) else ()
    view = ts.Read(tuple(sizes[i] for i in labels), body, axes, outside, shown)
    return ts.At((), view, tuple(letters[i] for i in labels), power)


def _factor(reading: Reading, tree: Tree, term: Opened, letters: Mapping[int, str]) -> ts.At:
    """A factor at its places; the places of the array go into a relation, [Hₙₖₕw = P[⌊h/2⌋]]."""
    if _is_plain(reading):
        at = tuple(letters[p.labels[0]] for p in reading.places)
        inside = element(tree, at, set(letters.values()))
        return ts.At((), inside, at, reading.power)
    if not labels_of(tree):
        places = reading.places
        if isinstance(tree, ts.Eye):  # [t = i+u], not [i+u = t]
            places = tuple(sorted(places, key=lambda p: p.label is None))
        return _read(tree, places, term.sizes, letters, reading.power, reading.outside)
    if not _is_guarded(reading, term):
        raise UnsolvedError
    return _pushed(reading, tree, term, letters)


def _is_guarded(reading: Reading, term: Opened) -> bool:
    """Whether a name beside it is 0 wherever this is read outside."""
    written = {p for p in reading.places if p.label is None}
    named = [r for r in term.readings if r.atom.head == "name" and r.power > 0]
    return not reading.outside or written <= {p for r in named for p in r.places}


def _pushed(reading: Reading, tree: Tree, term: Opened, letters: Mapping[int, str]) -> ts.At:
    """A relation in index notation with sums of labels for its own labels."""
    own = dict(zip(labels_of(tree), reading.places, strict=True))
    sizes = term.sizes
    free = list(dict.fromkeys(i for p in reading.places for i in p.labels))
    labels, shape = tuple(letters[i] for i in free), tuple(sizes[i] for i in free)

    def moved(part: Tree) -> Tree:
        if not isinstance(part, ts.Indexed):
            return with_parts(part, moved)
        if part.summed or any(isinstance(f.body, ts.Read) or labels_of(f.body)
                              for f in part.factors):  # fmt: skip
            raise UnsolvedError
        factors = tuple(at(f) for f in part.factors)
        return replace(part, dims=shape, labels=labels, factors=factors)

    def at(f: ts.At) -> ts.At:
        places = [own[i] for i in f.labels]
        if all(p.label is not None for p in places):
            return replace(f, labels=tuple(letters[p.labels[0]] for p in places))
        return _read(f.body, places, sizes, letters, f.power, outside=True)

    return ts.At((), _with_dims(moved(tree), tree.dims, shape), labels, reading.power)


def _with_dims(tree: Tree, old: tuple[str, ...], new: tuple[str, ...]) -> Tree:
    """A tree whose parts of these dims have others."""
    inner = with_parts(tree, lambda part: _with_dims(part, old, new))
    return replace(inner, dims=new) if inner.dims == old else inner
