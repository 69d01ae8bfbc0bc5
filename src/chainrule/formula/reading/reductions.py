"""Sums, means, log-sum-exp and softmax of derivations, along an axis or over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from chainrule.formula.reading import operators as op
from chainrule.formula.reading.operators import MisfitError, Term
from chainrule.formula.reading.shapes import Shape, Unknowns, shown
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number
from chainrule.formula.typeset.walk import REDUCTIONS, labels_of, over

__all__: list[str] = []

Options = Mapping[str, Term]


def size_term(size: str) -> Term:
    """A size as a number: n, 3, or n·k."""
    if size.isdigit():
        return Term(number(int(size)), (), size)
    parts = size.split("·")
    trees = tuple(number(int(p)) if p.isdigit() else ts.Symbol((), p) for p in parts)
    return Term(trees[0] if len(trees) == 1 else ts.Product((), trees), (), size)


def axis_of(parts: Sequence[Term], options: Options, place: int = 1) -> int | None:
    term = options.get("axis") or (parts[place] if len(parts) > place else None)
    if term is None or (term.meta is None and not term.is_array):
        return None
    if isinstance(term.tree, ts.Number) and term.is_array and term.tree.value % 1 == 0:
        return int(term.tree.value)
    raise MisfitError("axis is a whole number")


def reduced(unknowns: Unknowns, name: str, parts: list[Term], options: Options) -> Term | None:
    if name not in ("sum", "mean", "logsumexp", "softmax", "log_softmax", *REDUCTIONS):
        return None
    body = parts[0]
    several = _axes_of(body, parts, options)
    axis = None if several is not None else axis_of(parts, options)
    if axis is not None and not -body.rank <= axis < body.rank:
        raise MisfitError(f"axis {axis} of an array of shape {shown(body.shape)} does not exist")
    if name in REDUCTIONS:
        return _extremum(name, body, axis if several is None else several, _kept(options))
    if several is not None and (len(several) < body.rank or "softmax" in name):
        return _along_several(unknowns, name, body, several, _kept(options))
    keep = _kept(options)
    place = None if axis is None else axis % body.rank
    match name:
        case "sum":
            return _summed(unknowns, body, place, keep)
        case "mean" if body.rank == 1 and not keep:
            return Term(ts.Apply((), "mean", (body.tree,)))
        case "mean":
            axes = body.shape if place is None else (body.shape[place],)
            total = _summed(unknowns, body, place, keep)
            count = op.juxtaposed(
                unknowns, [size_term(unknowns.value(a)) for a in axes] or [_one()]
            )
            return op.scaled([op.over(unknowns, _one(), count).tree], total)
        case "logsumexp":
            return _log_sum_exp(body, place, keep)
    place = body.rank - 1 if place is None else place
    if body.rank <= 2 and place == body.rank - 1:
        return Term(ts.Apply(body.tree.dims, name, (body.tree,)), body.shape)
    return op.called(name, [body], body.shape, (place,))


def norm(unknowns: Unknowns, parts: Sequence[Term], options: Options) -> Term:
    """The Euclidean norm of everything, or along an axis.

    Raises:  MisfitError: another norm.
    """
    body, order = parts[0], options.get("ord", parts[1] if len(parts) > 1 else None)
    along = {name: term for name, term in options.items() if name != "ord"}
    is_matrix = body.rank == 2 and "axis" not in along
    if order is not None and not (order.meta == "fro" if is_matrix else order == Term(number(2))):
        wanted = "'fro' of a matrix" if is_matrix else "2 of a vector"
        raise MisfitError(f"norm is Euclidean in a derivation: its order is {wanted}")
    if not along:
        return Term(ts.Norm((), body.tree))
    squares = op.raised(unknowns, body, Term(number(2)), matrix=False)
    total = reduced(unknowns, "sum", [squares], along)
    assert total is not None
    half = ts.Number((), Fraction(1, 2))
    return Term(ts.Power(total.tree.dims, total.tree, half), total.shape)


def _axes_of(body: Term, parts: Sequence[Term], options: Options) -> tuple[int, ...] | None:
    """Several axes: axis=(0, 1), or the labels below softmaxₙₘ; None for one axis or all."""
    if "over" in options:
        letters = str(options["over"].meta)  # axes have one letter each
        if not labels_of(body.tree) and all(body.shape.count(i) == 1 for i in letters):
            return tuple(sorted(map(body.shape.index, letters)))
        return tuple(range(body.rank - len(letters), body.rank))
    term = options.get("axis") or (parts[1] if len(parts) > 1 else None)
    if term is None or not isinstance(term.meta, tuple):
        return None
    axes = [a.replace("−", "-") for a in term.meta]
    if not all(a.lstrip("-").isdigit() and -body.rank <= int(a) < body.rank for a in axes):
        raise MisfitError(f"there are no such axes in the shape {shown(body.shape)}")
    found = {int(a) % body.rank for a in axes}
    if not found or len(found) < len(axes):
        raise MisfitError("axis is a whole number, or several that differ")
    return tuple(sorted(found))


def _along_several(
    unknowns: Unknowns, name: str, body: Term, axes: tuple[int, ...], keep: bool
) -> Term:
    """A function along several axes: softmax keeps them, the others sum over them."""
    last = axes == tuple(range(body.rank - len(axes), body.rank)) and not keep
    kept = _left(body, axes, keep)
    match name:
        case "softmax" | "log_softmax" if last:
            tree = ts.Apply(body.tree.dims, over(name, len(axes)), (body.tree,))
            return Term(tree, body.shape)
        case "softmax" | "log_softmax":
            return op.called(name, [body], body.shape, (axes,))
        case "sum":
            return op.called("sum", [body], kept, (axes, keep))
        case "mean":
            lengths = [size_term(unknowns.value(body.shape[a])) for a in axes]
            return op.over(
                unknowns, op.called("sum", [body], kept, (axes, keep)),
                op.juxtaposed(unknowns, lengths),
            )  # fmt: skip
        case "logsumexp" if last:
            return Term(ts.Apply(op.tree_dims(kept), name, (body.tree,)), kept)
        case "logsumexp":
            return op.called("logsumexp", [body], kept, (axes, keep))
    raise MisfitError(f"{name} takes one axis or none")


def _left(body: Term, gone: Sequence[int], keep: bool) -> Shape:
    """The shape that is left when some axes are summed over."""
    found = (("1" if k in gone else d) for k, d in enumerate(body.shape) if keep or k not in gone)
    return tuple(found)


def _kept(options: Options) -> bool:
    return bool(options["keepdims"].meta) if "keepdims" in options else False


def _extremum(name: str, body: Term, axes: tuple[int, ...] | int | None, keep: bool) -> Term:
    """max, min, prod and the like, which go along the last axes of their operand."""
    every = tuple(range(body.rank))
    gone = every if axes is None else (axes,) if isinstance(axes, int) else axes
    gone = tuple(a % body.rank for a in gone)
    rest = tuple(a for a in every if a not in gone)
    if body.rank > 2 and (keep or (*rest, *gone) != every):
        return op.called(name, [body], _left(body, gone, keep), (gone, keep))
    if (*rest, *gone) != every:
        body = op.transposed(body)
        rest = (0,)
    dims = body.shape[: len(rest)]
    made = Term(ts.Apply(op.tree_dims(dims), name, (body.tree,)), dims)
    if not keep or not rest:
        return made
    return Term(made.tree, (*dims, "1")) if gone == (1,) else op.row(made)


def _one() -> Term:
    return Term(number(1))


def _summed(unknowns: Unknowns, body: Term, place: int | None, keep: bool) -> Term:
    """Sums as products with 𝟏."""
    shape = unknowns.shape(body.shape)
    if not shape:
        return body
    if len(shape) > 2 or "1" in shape or (keep and place is None):
        axes = range(len(shape)) if place is None else (place,)
        return op.called("sum", [body], _left(body, axes, keep), (tuple(axes), keep))
    ones = [Term(ts.Ones((d,)), (d,)) for d in shape]
    if place is None:
        after = [body, ones[1]] if len(shape) == 2 else [body]
        return op.juxtaposed(unknowns, [op.row(ones[0]), *after])
    if len(shape) == 1:
        return op.juxtaposed(unknowns, [op.row(ones[0]), body])
    if place == 1:
        made = op.juxtaposed(unknowns, [body, ones[1]])
        return Term(made.tree, (shape[0], "1")) if keep else made
    made = op.juxtaposed(unknowns, [op.transposed(body), ones[0]])
    return op.transposed(made) if keep else made


def _log_sum_exp(body: Term, place: int | None, keep: bool) -> Term:
    if body.rank == 1 and not keep:
        return Term(ts.Apply((), "logsumexp", (body.tree,)))
    if body.rank == 2 and place == 1 and not keep:
        return Term(ts.Apply(body.shape[:1], "logsumexp", (body.tree,)), body.shape[:1])
    axis = tuple(range(body.rank)) if place is None else place
    gone = axis if isinstance(axis, tuple) else (axis,)
    return op.called("logsumexp", [body], _left(body, gone, keep), (axis, keep))
