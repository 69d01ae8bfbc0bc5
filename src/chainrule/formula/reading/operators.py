"""The operators of derivations on typed trees: products, sums, quotients, and their shapes.

Vectors are columns in mathematics and have one axis in NumPy. A ``Term`` has NumPy's shape, and a
tree whose value is a column; a row has the shape ("1", "n").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from chainrule.algebra.sizes import multiplied
from chainrule.formula.reading.numeric import Called
from chainrule.formula.reading.shapes import Shape, Unknowns, broadcast, shown
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose, number
from chainrule.formula.typeset.tree import Tree

__all__ = ["Apart", "MisfitError", "Term"]


class MisfitError(Exception):
    """Shapes that do not fit; the reader knows where in the text."""


class Apart(list["Term"]):
    """A list of arrays that cannot stand side by side, and why."""

    def __init__(self, terms: Sequence[Term], problem: str) -> None:
        super().__init__(terms)
        self.problem = problem


_NOTHING: Final = number(0)


@dataclass(frozen=True)
class Term:
    """A tree with its shape; ``meta`` is a Python value, such as the tuple that X.shape is."""

    tree: Tree
    shape: Shape = ()
    meta: Any = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def is_array(self) -> bool:
        """Whether this has a value, as a tuple, a text and True have none."""
        return self.tree is not _NOTHING


def python_value(meta: Any) -> Term:
    """What is no array: a tuple of sizes, a list, a text, True."""
    return Term(_NOTHING, (), meta)


def called(name: str, parts: Sequence[Term], shape: Shape, settings: tuple[Any, ...] = ()) -> Term:
    """A function of NumPy's."""
    tree = Called(shape, name, tuple(p.tree for p in parts), tuple(p.rank for p in parts), settings)
    return Term(tree, shape)


def tree_dims(shape: Shape) -> Shape:
    """The dims of a tree of this shape: rows and columns have one."""
    if len(shape) == 2 and "1" in shape:
        return (shape[1] if shape[0] == "1" else shape[0],)
    return shape


def grid(term: Term) -> tuple[str, str]:
    """Rows and columns of a term in a matrix product."""
    if term.rank == 0:
        return "1", "1"
    return (term.shape[0], "1") if term.rank == 1 else (term.shape[0], term.shape[1])


def of_grid(tree: Tree, rows: str, columns: str) -> Term:
    """A product of these rows and columns: one column is a vector."""
    if rows == "1" and columns == "1":
        return Term(tree, ())
    return Term(tree, (rows,) if columns == "1" else (rows, columns))


# ---------------------------------------------------------------- products


def scaled(scalars: Sequence[Tree], body: Term | None) -> Term:
    """Scalars in front of an array."""
    flat: list[Tree] = []
    for s in scalars:
        flat += s.parts if isinstance(s, ts.Product) and all(not p.dims for p in s.parts) and all(
            not isinstance(p, ts.Transpose) for p in s.parts) else [s]  # fmt: skip
    if not flat:
        assert body is not None
        return body
    front = flat[0] if len(flat) == 1 else ts.Product((), tuple(flat))
    if body is None:
        return Term(front)
    if isinstance(body.tree, ts.Scaled):
        inner = scaled([*flat, body.tree.scalar], None).tree
        return Term(ts.Scaled(body.tree.dims, inner, body.tree.body), body.shape)
    return Term(ts.Scaled(body.tree.dims, front, body.tree), body.shape)


def juxtaposed(unknowns: Unknowns, terms: Sequence[Term]) -> Term:
    """A product as mathematics writes it: scalars anywhere, arrays as matrices."""
    arrays = [t for t in terms if t.rank]
    if len(arrays) == 1:
        return scaled([t.tree for t in terms if not t.rank], arrays[0])
    scalars: list[Tree] = []
    chain: list[Tree] = []
    rows = columns = "1"
    for term in terms:
        if term.rank > 2:
            raise MisfitError(f"a product has no meaning for an array of shape {shown(term.shape)}")
        if not term.rank:
            scalars.append(term.tree)
            continue
        front, body = _unscaled(term)
        scalars += front
        above, beside = grid(term)
        if chain and unknowns.value(rows) == unknowns.value(columns) == "1":
            scalars.append(_product((), chain))
            chain = []
        if not chain:
            chain, rows, columns = _factors(body), above, beside
        elif unknowns.same(columns, above):
            chain += _factors(body)
            columns = beside
        else:
            raise _misfit(unknowns, (rows, columns), (above, beside))
    if not chain:
        return scaled(scalars, None)
    rows, columns = unknowns.value(rows), unknowns.value(columns)
    body_term = of_grid(_product(tree_dims((rows, columns)), chain), rows, columns)
    if not body_term.rank:
        return scaled([*scalars, body_term.tree], None)
    return scaled(scalars, body_term)


def _misfit(unknowns: Unknowns, left: Shape, right: Shape) -> MisfitError:
    sides = [unknowns_shown(unknowns, shape) for shape in (left, right)]
    vectors = all(len(shape) == 1 or shape[1:] == ("1",) for shape in (left, right))
    advice = "; ⊙ multiplies them element by element" if sides[0] == sides[1] else ""
    if vectors and not advice:
        advice = "; np.outer(u, v), or u vᵀ, is the matrix of all products"
    return MisfitError(f"the shapes {sides[0]} and {sides[1]} do not fit in a product{advice}")


def unknowns_shown(unknowns: Unknowns, shape: Shape) -> str:
    """A shape of a factor; a column is written as a vector."""
    known = unknowns.shape(shape)
    return shown(known[:1] if len(known) == 2 and known[1] == "1" else known)


def number_of(unknowns: Unknowns, factors: Sequence[Term]) -> Term | None:
    """The product of some factors, if it is a number."""
    try:
        made = juxtaposed(unknowns, factors)
    except MisfitError:  # they fit only together with what follows
        return None
    return None if made.rank else made


def _product(dims: Shape, chain: Sequence[Tree]) -> Tree:
    if dims == ("1",):
        dims = ()
    return chain[0] if len(chain) == 1 else ts.Product(dims, tuple(chain))


def _factors(tree: Tree) -> list[Tree]:
    return list(tree.parts) if isinstance(tree, ts.Product) and tree.dims else [tree]


def _unscaled(term: Term) -> tuple[list[Tree], Tree]:
    if isinstance(term.tree, ts.Scaled):
        return [term.tree.scalar], term.tree.body
    return [], term.tree


def matmul(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """left @ right by NumPy's rules: a vector on the left is a row."""
    if not left.rank or not right.rank:
        raise MisfitError("@ multiplies arrays, and one side is a scalar; you want *")
    if left.rank > 2 or right.rank > 2:
        raise MisfitError("@ of arrays with more than two axes; use einsum")
    before, after = left.shape[-1], right.shape[0]
    if not unknowns.same(before, after):
        raise _misfit(unknowns, left.shape, right.shape)
    if left.rank == 1 and right.rank == 2:
        turned = juxtaposed(unknowns, [transposed(right), left])
        return Term(turned.tree, right.shape[1:])
    first = row(left) if left.rank == 1 else left
    made = juxtaposed(unknowns, [first, right])
    return Term(made.tree, (*left.shape[:-1], *right.shape[1:]))


def row(term: Term) -> Term:
    """A vector as a row."""
    return Term(flat_transpose(term.tree), ("1", term.shape[0]))


def transposed(term: Term) -> Term:
    """Aᵀ as mathematics has it: a vector becomes a row."""
    tree = term.tree
    if term.rank == 0:
        return term
    if term.rank == 1:
        turned = tree.body if isinstance(tree, ts.Transpose) else ts.Transpose(tree.dims, tree)
        return Term(turned, ("1", term.shape[0]))
    if term.rank > 2:
        axes = tuple(range(term.rank))[::-1]
        return called("transpose", [term], term.shape[::-1], axes)
    shape = term.shape[::-1]
    body = tree.body if isinstance(tree, ts.Transpose) else ts.Transpose(tree.dims[::-1], tree)
    return Term(body, shape[:1] if shape[1] == "1" else shape)


def unit(unknowns: Unknowns, place: str) -> Term:
    """e₀, of the size that fits; e₋₁ is the last."""
    size = unknowns.fresh()
    return Term(ts.Unit((size,), int(place) if place.isdigit() else place), (size,))


def zeros_fitted(left: Term, right: Term) -> tuple[Term, Term]:
    """𝟎 has the shape of what stands beside it."""
    if left.meta == "zero":
        left = Term(ts.Zero(right.tree.dims), right.shape)
    if right.meta == "zero":
        right = Term(ts.Zero(left.tree.dims), left.shape)
    return left, right


# ---------------------------------------------------------------- element by element


def together(unknowns: Unknowns, left: Term, right: Term) -> Shape:
    """The common shape of two arrays that stand side by side element by element."""
    one, two = unknowns.shape(left.shape), unknowns.shape(right.shape)
    if not one or not two:
        return one or two
    if len(one) == len(two) and ("1" in one) == ("1" in two) and unknowns.match(one, two):
        return unknowns.shape(one)
    found = broadcast(one, two)
    if found is None and len(one) != len(two):
        longer, short = (one, two) if len(one) > len(two) else (two, one)
        if unknowns.match(longer[len(longer) - len(short) :], short):
            found = unknowns.shape(longer)
    if found is None:
        raise MisfitError(f"{shown(one)} and {shown(two)} do not fit element by element")
    return found


def spread(unknowns: Unknowns, term: Term, shape: Shape) -> Term:
    """A term with this shape, repeated along the axes that it lacks."""
    term = Term(term.tree, unknowns.shape(term.shape))
    whole = term.rank == len(shape) and "1" not in term.shape  # sizes that are open yet will fit
    if whole or term.shape == shape or not term.rank:
        return term
    if len(shape) == 2:
        ones = [ts.Ones((d,)) for d in shape]
        match term.shape:
            case (_,) | ("1", _):
                across = row(term).tree if term.rank == 1 else term.tree
                return Term(ts.Product(shape, (ones[0], across)), shape)
            case (_, "1"):
                turned = ts.Transpose(shape[1:], ones[1])
                return Term(ts.Product(shape, (term.tree, turned)), shape)
    return called("copy", [term], shape)


def plus(unknowns: Unknowns, left: Term, right: Term, sign: int) -> Term:
    """A sum or a difference; a vector beside a matrix is added to every row."""
    shape = together(unknowns, left, right)
    if len(shape) > 2:
        return called("add" if sign > 0 else "subtract", [left, right], shape)
    signs: list[int] = []
    parts: list[Tree] = []
    for s, term in ((1, left), (sign, right)):
        tree = term.tree
        if term.rank == 1 and len(shape) == 2 and unknowns.value(term.shape[0]) == shape[1]:
            tree = ts.Bias(shape, tree)
        elif term.rank:
            tree = spread(unknowns, term, shape).tree
        if isinstance(tree, ts.Plus) and s > 0:
            signs += tree.signs
            parts += tree.parts
        else:
            signs.append(s)
            parts.append(tree)
    return Term(ts.Plus(tree_dims(shape), tuple(signs), tuple(parts)), shape)


def negative(term: Term) -> Term:
    """−A."""
    if isinstance(term.tree, ts.Number):
        return Term(ts.Number((), -term.tree.value))
    return Term(ts.Plus(term.tree.dims, (-1,), (term.tree,)), term.shape)


def hadamard(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """A ⊙ B of one shape."""
    if not left.rank or not right.rank:
        return juxtaposed(unknowns, [left, right])
    shape = together(unknowns, left, right)
    if len(shape) > 2:
        return called("multiply", [left, right], shape)
    parts: list[Tree] = []
    for term in (left, right):
        tree = spread(unknowns, term, shape).tree
        parts += tree.parts if isinstance(tree, ts.Elementwise) else [tree]
    return Term(ts.Elementwise(tree_dims(shape), tuple(parts)), shape)


def times(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """left * right: a vector beside a matrix scales its columns, an (n, 1) its rows."""
    if not left.rank or not right.rank:
        return juxtaposed(unknowns, [left, right])
    shape = together(unknowns, left, right)
    if len(shape) == 2 and "1" not in shape:
        for one, other in ((left, right), (right, left)):
            if unknowns.shape(other.shape) == shape and unknowns.shape(one.shape) != shape:
                return _scaled_axis(one, other)
    return hadamard(unknowns, left, right)


def _scaled_axis(vector: Term, matrix: Term) -> Term:
    """diag(v) A or A diag(v)."""
    rows = vector.rank == 2 and vector.shape[1] == "1"
    column = vector.tree
    if vector.rank == 2 and not rows:
        column = flat_transpose(column)
    size = matrix.shape[0] if rows else matrix.shape[1]
    diagonal = ts.Diag((size, size), column)
    parts = (diagonal, matrix.tree) if rows else (matrix.tree, diagonal)
    return Term(ts.Product(matrix.shape, parts), matrix.shape)


def over(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """left / right: by a scalar, or element by element."""
    if isinstance(left.tree, ts.Number) and isinstance(right.tree, ts.Number):
        a, b = left.tree.value, right.tree.value
        if b:
            exact = isinstance(a, Fraction) and isinstance(b, Fraction)
            return Term(number(a / b if exact else float(a) / float(b)))
    if not right.rank:
        return Term(ts.Quotient(left.tree.dims, left.tree, right.tree), left.shape)
    shape = together(unknowns, left, right)
    if len(shape) > 2:
        return called("divide", [left, right], shape)
    top = left.tree if not left.rank else spread(unknowns, left, shape).tree
    return Term(ts.Over(tree_dims(shape), top, spread(unknowns, right, shape).tree), shape)


def raised(unknowns: Unknowns, body: Term, exponent: Term, matrix: bool) -> Term:
    """A power, of every element or, if ``matrix``, of a square matrix."""
    value = exponent.tree.value if isinstance(exponent.tree, ts.Number) else None
    square = body.rank == 2 and unknowns.value(body.shape[0]) == unknowns.value(body.shape[1])
    if matrix and body.rank == 2 and value is not None and value == -1:
        if not square and not unknowns.same(*body.shape):
            raise MisfitError(f"a matrix of shape {shown(body.shape)} has no inverse")
        return Term(ts.Inverse(body.tree.dims, body.tree), body.shape)
    if matrix and square and value is not None and value in (2, 3):
        return juxtaposed(unknowns, [body] * int(value))
    if exponent.rank:
        shape = together(unknowns, body, exponent)
        return called("power", [body, exponent], shape)
    return Term(ts.Power(body.tree.dims, body.tree, exponent.tree), body.shape)


def kronecker(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """A ⊗ B, row-major."""
    (a, b), (c, d) = grid(left), grid(right)
    rows, columns = (unknowns.value(multiplied(pq)) for pq in ((a, c), (b, d)))
    parts = left.tree.parts if isinstance(left.tree, ts.Kron) else (left.tree,)
    tree = ts.Kron(tree_dims((rows, columns)), (*parts, right.tree))
    return of_grid(tree, rows, columns)


def khatri_rao(unknowns: Unknowns, left: Term, right: Term) -> Term:
    """A ⊛ B, the Kronecker product column by column."""
    if left.rank != 2 or right.rank != 2 or not unknowns.same(left.shape[1], right.shape[1]):
        raise MisfitError("⊛ takes two matrices with equally many columns")
    rows = unknowns.value(f"{left.shape[0]}·{right.shape[0]}")
    return called("khatri_rao", [left, right], (rows, left.shape[1]))


def holds(unknowns: Unknowns, relation: str, left: Term, right: Term) -> Term:
    """[a > b]."""
    shape = together(unknowns, left, right)
    one, two = (t.tree if not t.rank else spread(unknowns, t, shape).tree for t in (left, right))
    return Term(ts.Bracket(tree_dims(shape), relation, one, two), shape)
