"""Formulas of any rank: matrices for two labels, Kronecker products for four.

A Hessian of a matrix has the labels (i, j; a, b) and is written for row-major vec, which is what
``reshape(-1)`` does. A term that couples i with a, and j with b, is M ⊗ N; i with b and j with a,
(M ⊗ N)K; i with j and a with b, vec(M)vec(N)ᵀ. A free δ between i and a makes the rest a block for
each i; a summed label in three or more factors becomes Σₙ over named rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from chainrule.algebra.combine import lone
from chainrule.algebra.index import Factor, Poly, Term
from chainrule.algebra.sizes import multiplied
from chainrule.formula.matrix.factor import total
from chainrule.formula.matrix.piece import Piece, piece
from chainrule.formula.matrix.reduction import Irreducible, Reduction, indexed, scalar_factors
from chainrule.formula.matrix.reduction import formula as matrix_formula
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose, product
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import walk

__all__ = ["formula"]

_ONE = Fraction(1)


def formula(poly: Poly, rows: int | None = None) -> Tree:
    """The formula of a poly; of rank above 2, the first ``rows`` labels are those of the rows."""
    if rows is None or (poly.rank <= 2 and rows == poly.rank - rows):
        return matrix_formula(poly)
    if not poly.terms:
        return ts.Zero(flattened(poly.dims, rows))
    dims = flattened(poly.dims, rows)
    try:
        return _structured(poly, rows, dims)
    except Irreducible:
        return indexed(poly)


def _structured(poly: Poly, rows: int, dims: tuple[str, str]) -> Tree:
    pieces = [_piece(t, poly.dims, rows) for t in poly.terms]
    if any(isinstance(p.chain[0], ts.Blocks) for p in pieces):
        blocks = [_piece(t, poly.dims, rows, blocks=True) if _has_blocks(t, rows) else p
                  for t, p in zip(poly.terms, pieces, strict=True)]  # fmt: skip
        pieces = blocks
    return total(dims, pieces)


def _has_blocks(term: Term, rows: int) -> bool:
    return any(f.atom.head == "delta" and set(f.labels) == {0, rows} for f in term.factors)


def flattened(dims: tuple[str, ...], rows: int) -> tuple[str, str]:
    """The sizes of a matrix whose rows and columns are products of axes."""
    return multiplied(dims[:rows]), multiplied(dims[rows:])


def _piece(term: Term, dims: tuple[str, ...], rows: int, blocks: bool = False) -> Piece:
    above, below = scalar_factors(term)
    factors = [f for f in term.factors if f.labels]
    scalars, body = (_fixed if blocks else _body)(factors, dims, rows, {})
    return piece(term.coefficient, [*above, *scalars], below, body)


Rows = dict[int, str]


def _body(
    factors: Sequence[Factor], dims: tuple[str, ...], rows: int, fixed: Rows
) -> tuple[list[Tree], Tree]:
    """The scalars and the tree of a product of factors."""
    left, right = list(range(rows)), list(range(rows, len(dims)))
    groups = _components(factors, fixed)
    shape = flattened(dims, rows)
    deltas = {frozenset(f.labels) for f in factors if f.atom.head == "delta"}
    whole = [f for f in factors if _is_flat_identity(f, len(dims))]
    if len(whole) == 1 and all(set(f.labels) <= {0} for f in factors if f is not whole[0]):
        scalars, inner = _reduce([f for f in factors if f is not whole[0]], [0], dims, fixed)
        plain = len(factors) == 1
        return scalars, ts.Eye(shape) if plain else ts.Diag(shape, inner)
    if len(left) == len(right) == 2 and deltas >= {frozenset((0, 2)), frozenset((1, 3))}:
        rest = [f for f in factors if f.atom.head != "delta"]
        if rest:
            moved = [_merged(f, {2: 0, 3: 1}) for f in rest]
            scalars, inner = _reduce(moved, [0, 1], dims, fixed)
            return scalars, ts.Diag(shape, ts.Vec((shape[0],), inner))
    for pairs, kind in _pairings(left, right):
        if all(_together(groups, pairs[k], pairs[1 - k]) for k in (0,)):
            return _paired(factors, groups, pairs, kind, dims, rows, fixed)
    scaled = _scaled_sides(factors, dims, rows, fixed)
    if scaled is not None:
        return scaled
    return _fixed(factors, dims, rows, fixed)


def _is_flat_identity(f: Factor, rank: int) -> bool:
    """Whether a factor is ∂vec(X)/∂X, which is I when its sides are flattened."""
    if f.atom.head != "reshape" or f.labels != tuple(range(rank)) or f.power != 1:
        return False
    whole = lone(f.atom.args[0])
    square = multiplied(f.atom.dims[1:]) == f.atom.dims[0]
    return whole is not None and whole.atom.head == "delta" and square


def _scaled_sides(
    factors: Sequence[Factor], dims: tuple[str, ...], rows: int, fixed: Rows
) -> tuple[list[Tree], Tree] | None:
    """diag(vec M) in front of a Kronecker product, or behind it, for an M of two row labels."""
    if any(f.atom.head == "delta" and set(f.labels) == {0, rows} for f in factors):
        return None  # a block for each row says more
    for side in (range(rows), range(rows, len(dims))):
        own = [f for f in factors if f.labels and set(f.labels) == set(side)]
        rest = [f for f in factors if f not in own]
        left, right = list(range(rows)), list(range(rows, len(dims)))
        groups = _components(rest, fixed)
        if len(side) != 2 or not own or len(left) > 2 or len(right) > 2 or not any(
            _together(groups, pairs[0], pairs[1]) for pairs, _ in _pairings(left, right)
        ):  # fmt: skip
            continue
        if all(f.atom.head == "delta" for f in own):
            continue
        scalars, vector = _reduce(own, list(side), dims, fixed)
        more, body = _body(rest, dims, rows, fixed)
        size = flattened(dims, rows)[0 if side.start == 0 else 1]
        diagonal = ts.Diag((size, size), ts.Vec((size,), vector))
        parts = [diagonal, body] if side.start == 0 else [body, diagonal]
        return [*scalars, *more], product(parts)
    return None


def _pairings(left: list[int], right: list[int]) -> list[tuple[tuple[list[int], list[int]], str]]:
    """Which labels may stand together: straight, crossed, rows apart from columns."""
    found = []
    if len(left) == 2 and len(right) == 1:
        found.append((([left[0]], [left[1], right[0]]), "straight"))
    for a in (left[:1], []) if len(left) == 1 and len(right) == 2 else (left[:1],):
        b = [i for i in left if i not in a]
        found.append(((a + right[:1], b + right[1:]), "straight"))
    if len(left) == len(right) == 2:
        found.append((([left[0], right[1]], [left[1], right[0]]), "crossed"))
        found.append(((left, right), "vec"))
    return found


def _together(groups: list[set[int]], first: list[int], second: list[int]) -> bool:
    """Whether no group joins the two sides."""
    return all(not (g & set(first) and g & set(second)) for g in groups)


def _paired(
    factors: Sequence[Factor], groups: list[set[int]], pairs: tuple[list[int], list[int]],
    kind: str, dims: tuple[str, ...], rows: int, fixed: Rows,
) -> tuple[list[Tree], Tree]:  # fmt: skip
    first, second = pairs
    there = set().union(*(g for g in groups if g & set(first))) if groups else set()
    one = [f for f in factors if set(f.labels) & there]
    two = [f for f in factors if not set(f.labels) & there]
    scalars_one, m = _side(one, first, dims, rows, fixed)
    scalars_two, n = _side(two, second, dims, rows, fixed)
    shape = flattened(dims, rows)
    scalars = [*scalars_one, *scalars_two]
    if kind == "vec":
        columns = ts.Vec((shape[1],), n)
        return scalars, product([ts.Vec((shape[0],), m), flat_transpose(columns)])
    both = _kron(shape, m, n)
    if kind == "crossed":
        return scalars, product([both, ts.Commutation((shape[1], shape[1]), dims[rows:])])
    return scalars, both


def _kron(shape: tuple[str, str], m: Tree, n: Tree) -> Tree:
    """M ⊗ N, where a 1 by 1 side vanishes and I ⊗ I is I."""
    if isinstance(m, ts.Eye) and isinstance(n, ts.Eye):
        return ts.Eye(shape)
    return ts.Kron(shape, (m, n))


def _side(
    factors: Sequence[Factor], labels: list[int], dims: tuple[str, ...], rows: int, fixed: Rows
) -> tuple[list[Tree], Tree]:
    """One side of a Kronecker product: a matrix, a column, a row, or 1."""
    scalars, tree = _reduce(factors, labels, dims, fixed)
    if len(labels) == 1 and labels[0] >= rows:
        return scalars, flat_transpose(tree)
    return scalars, tree


def _reduce(
    factors: Sequence[Factor], labels: list[int], dims: tuple[str, ...], fixed: Rows
) -> tuple[list[Tree], Tree]:
    """Reduce factors over these output labels."""
    number = {label: k for k, label in enumerate(labels)}
    others = sorted({i for f in factors for i in f.labels} - number.keys())
    number |= {label: len(labels) + k for k, label in enumerate(others)}
    moved = [_merged(f, number) for f in factors]
    reduction = Reduction(
        tuple(dims[i] for i in labels),
        moved,
        {number[i]: d for i, d in fixed.items() if i in number},
    )
    body = reduction.run()
    return reduction.scalars, ts.Number((), _ONE) if body is None else body


def _merged(f: Factor, number: dict[int, int]) -> Factor:
    return Factor(f.atom, tuple(number.get(i, i) for i in f.labels), f.power)


def _components(factors: Sequence[Factor], fixed: Rows) -> list[set[int]]:
    """The sets of labels that factors connect; labels that are held fixed connect nothing."""
    groups: list[set[int]] = []
    for f in factors:
        joined = set(f.labels) - fixed.keys()
        for group in [g for g in groups if g & joined]:
            groups.remove(group)
            joined |= group
        if joined:
            groups.append(joined)
    return groups


def _fixed(
    factors: Sequence[Factor], dims: tuple[str, ...], rows: int, fixed: Rows
) -> tuple[list[Tree], Tree]:
    """Hold one label fixed: a block for each place of a free δ, or Σₙ."""
    shape = flattened(dims, rows)
    for f in factors:
        if f.atom.head == "delta" and min(f.labels) == 0 and max(f.labels) == rows:
            return _blocks(factors, f, dims, rows, fixed)
    uses: dict[int, int] = {}
    sizes: dict[int, str] = {}
    for f in factors:
        for label, dim in zip(f.labels, f.atom.dims, strict=True):
            uses[label] = uses.get(label, 0) + 1
            sizes[label] = dim
    bound = [i for i, n in uses.items() if i >= len(dims) and n >= 2 and i not in fixed]
    if not bound:
        raise Irreducible("labels that no product separates")
    label = max(bound, key=lambda i: uses[i])
    held = fixed | {label: sizes[label]}
    scalars, body = _body(factors, dims, rows, held)
    inner = piece(_ONE, scalars, [], body).tree(shape)[1]
    return [], ts.SumOver(shape, sizes[label], inner)


def _blocks(
    factors: Sequence[Factor], delta: Factor, dims: tuple[str, ...], rows: int, fixed: Rows
) -> tuple[list[Tree], Tree]:
    """δ between the first row label and the first column label: one block for each place."""
    rest = [_merged(f, {rows: 0}) for f in factors if f is not delta]
    left = list(range(1, rows))
    right = list(range(rows + 1, len(dims)))
    held = fixed | {0: dims[0]}
    labels = [*left, *right]
    scalars, body = _reduce(rest, labels, dims, held)
    if not left and right:
        body = flat_transpose(body)
    own = [s for s in scalars if any(isinstance(p, ts.Row) for p in walk(s))]
    outside = [s for s in scalars if s not in own]
    inner = piece(_ONE, own, [], body).tree(body.dims)[1]
    return outside, ts.Blocks(flattened(dims, rows), dims[0], inner)
