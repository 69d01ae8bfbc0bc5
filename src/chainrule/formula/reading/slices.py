"""Slices and padding in derivations: x[1:m+1], X[:, 0], pad(A, (0, 1), (2, n−3)).

Sizes are text: numbers, names of axes, and sums of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.sizes import combined, stepped
from chainrule.formula.reading.operators import MisfitError, Term, tree_dims
from chainrule.formula.reading.shapes import Unknowns
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree

__all__ = ["Bound", "Slice", "extent", "padded", "placed", "taken"]

Bound = int | str | None
"""An end of a slice: a whole number, a size such as m+1, or none."""
Slice = tuple[Bound, Bound, Bound]


def extent(tree: Tree) -> int | str | None:
    """A whole number, or a size such as m+1; None if a tree is neither."""
    shown = _extent(tree)
    if shown is None:
        return None
    plain = shown.replace("−", "-")
    return int(plain) if plain.lstrip("-").isdigit() else shown


def _extent(tree: Tree) -> str | None:
    match tree:
        case ts.Number(value=Fraction() as value) if value.denominator == 1:
            return str(value).replace("-", "−")
        case ts.Symbol(dims=(), name=name):
            return name
        case ts.Product(dims=(), parts=parts):
            factors = [_extent(p) for p in parts]
            return None if None in factors else "·".join(str(f) for f in factors)
        case ts.Plus(dims=(), signs=signs, parts=parts):
            terms = [_extent(p) for p in parts]
            if None in terms:
                return None
            return combined(*((s, str(t)) for s, t in zip(signs, terms, strict=True)))
    return None


def floored(top: Term, bottom: Term) -> str:
    """The size ⌊(n−1)/2⌋ that (n − 1) // 2 is.

    Raises:  MisfitError: not a size over a whole number.
    """
    whole, step = extent(top.tree), extent(bottom.tree)
    if not isinstance(whole, str) or not isinstance(step, int) or step < 1:
        raise MisfitError("// is of a size and a whole number, as in (n − 1) // 2")
    return f"⌊({whole})/{step}⌋" if set(whole) & set("+−") else f"⌊{whole}/{step}⌋"


def taken(body: Term, items: Sequence[Bound | Slice]) -> Term | None:
    """Slices and single places of an array as a view; None where it is none."""
    if tree_dims(body.shape) != body.shape:
        return None
    dims: list[str] = []
    axes: list[ts.Place] = []
    for size, item in zip(body.shape, [*items, *[(None,) * 3] * body.rank], strict=False):
        if not isinstance(item, tuple):
            axes.append((_from_start(item, size), ()))
            continue
        start, length = _reach(size, *item)
        axes.append((start, ((len(dims), int(item[2] or 1)),)))
        dims.append(length)
    if "1" in dims or any(d.startswith("−") or d == "0" for d in dims):
        return None
    return Term(ts.Viewed(tuple(dims), body.tree, tuple(axes)), tuple(dims))


def _reach(size: str, start: Bound, stop: Bound, step: Bound) -> tuple[int | str, str]:
    """Where a slice begins, and how long it is.

    Raises:  MisfitError: a length that is not known without numbers.
    """
    if step == -1 and start is None and stop is None:
        return _number(combined((1, size), (-1, "1"))), size
    first = _from_start(start or 0, size)
    last = size if stop is None else str(_from_start(stop, size))
    length = combined((1, last), (-1, str(first)))
    if step in (None, 1):
        return first, length
    known = stepped(length, step) if isinstance(step, int) and step > 0 else None
    if known is None:
        raise MisfitError("the length of this slice is not known")
    return first, known


def _from_start(place: Bound, size: str) -> int | str:
    """A place counted from the start: −1 is n−1."""
    if place is None:
        return 0
    shown = str(place).replace("-", "−")
    if isinstance(place, int) and place < 0:
        shown = combined((1, size), (1, shown))
    return _number(shown)


def _number(size: str) -> int | str:
    return int(size) if size.isdigit() else size


def padded(body: Term, parts: Sequence[Term]) -> Term:
    """An array with zeros before and after, as np.pad.

    Raises:  MisfitError: not a pair of sizes for every axis.
    """
    pads = _pads(parts)
    if len(pads) != body.rank:
        raise MisfitError(f"pad takes a pair of sizes for each of the {body.rank} axes")
    axes: list[ts.Place] = []
    dims: list[str] = []
    for k, (size, (before, after)) in enumerate(zip(body.shape, pads, strict=True)):
        offset = combined((-1, before))
        place = int(offset.replace("−", "-")) if offset.lstrip("−").isdigit() else offset
        axes.append((place, ((k, 1),)))
        dims.append(combined((1, size), (1, before), (1, after)))
    return Term(ts.Viewed(tuple(dims), body.tree, tuple(axes), outside=True), tuple(dims))


def placed(unknowns: Unknowns, parts: Sequence[Term]) -> Term:
    """Zeros with an array at the places of a slice, as place(u, [2:, :]).

    Raises:  MisfitError: no slice, or not a place for every axis.
    """
    where = parts[1].meta if len(parts) == 2 else None
    if not isinstance(where, tuple) or where[:1] != ("slices",):
        raise MisfitError("place takes an array and a slice, as in place(u, [2:, :])")
    body, where = parts[0], where[1:]
    axes: list[ts.Place] = []
    dims: list[str] = []
    count = sum(isinstance(item, tuple) for item in where)
    if count != body.rank:
        raise MisfitError(f"place takes a slice for each of the {body.rank} axes")
    for item in where:
        if not isinstance(item, tuple):
            dims.append(unknowns.fresh())
            axes.append((_from_start(item, dims[-1]), ()))
            continue
        axis = sum(bool(terms) for _, terms in axes)
        start, stop, step = item
        dims.append(_whole(unknowns, start, stop, step, body.shape[axis]))
        backwards = step == -1 and start is None
        first = combined((1, dims[-1]), (-1, "1")) if backwards else None
        place = _from_start(start, dims[-1]) if first is None else _number(first)
        axes.append((place, ((axis, int(step or 1)),)))
    return Term(ts.Placed(tuple(dims), body.tree, tuple(axes)), tuple(dims))


def _whole(unknowns: Unknowns, start: Bound, stop: Bound, step: Bound, length: str) -> str:
    """The size of an axis, from a slice of this length that lies in it."""
    if step == -1 and start is stop is None:
        return length
    if step not in (None, 1) or (isinstance(start, int) and start < 0):
        return unknowns.fresh()
    if stop is None:
        return combined((1, str(start or 0)), (1, length))
    if isinstance(stop, int) and stop < 0:
        return combined((1, str(start or 0)), (1, length), (1, str(-stop)))
    return unknowns.fresh()


def _pads(parts: Sequence[Term]) -> list[tuple[str, str]]:
    """Pairs of sizes: 1, n−2 for one axis, (0, 1), (2, 3) or ((0, 1), (2, 3)) for several."""
    flat: list[str] = []
    for part in parts:
        inner = part.meta if isinstance(part.meta, tuple | list) else [part]
        for item in inner:
            if isinstance(item, Term) and isinstance(item.meta, tuple | list):
                flat += [_padding(i) for i in item.meta]
            else:
                flat.append(_padding(item))
    return list(zip(flat[::2], flat[1::2], strict=False))


def _padding(item: Term | str) -> str:
    size = item if isinstance(item, str) else extent(item.tree)
    if size is None:
        raise MisfitError("pad takes sizes: how many zeros stand before and after")
    return str(size).replace("-", "−")
