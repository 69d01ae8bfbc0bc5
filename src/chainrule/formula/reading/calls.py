"""The functions that derivations may call, NumPy's and those of mathematics, on typed trees."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from chainrule.algebra.sizes import multiplied
from chainrule.formula.reading import operators as op
from chainrule.formula.reading.arguments import check_arguments
from chainrule.formula.reading.operators import MisfitError, Term
from chainrule.formula.reading.reductions import Options, norm, reduced, size_term
from chainrule.formula.reading.shapes import Shape, Unknowns, shown
from chainrule.formula.reading.slices import extent, floored, padded, placed
from chainrule.formula.reading.stacks import stack
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import number
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import REDUCTIONS
from chainrule.wording import plural

__all__ = ["FUNCTIONS", "apply", "size_term"]

_ALIASES: Final = {
    "sigmoid": "σ", "expit": "σ", "ndtr": "Φ", "Phi": "Φ", "ln": "log", "arctan": "atan",
    "arcsin": "asin", "arccos": "acos", "absolute": "abs", "max": "maximum", "min": "minimum",
    "amax": "max", "amin": "min", "tr": "trace", "power": "pow", "matmul": "dot",
    "identity": "eye", "chol": "cholesky",
}  # fmt: skip
_ELEMENTWISE: Final = frozenset({
    "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "sin", "cos", "tan", "asin",
    "acos", "atan", "sinh", "cosh", "tanh", "σ", "Φ", "softplus", "relu", "erf", "erfc",
    "lgamma", "digamma", "trigamma", "abs", "sign", "floor", "ceil", "asinh", "acosh", "atanh",
    "log|·|",
})  # fmt: skip
_OTHERS: Final = frozenset({
    "sum", "mean", "trace", "diag", "diagonal", "vec", "ravel", "flatten", "norm", "inv", "solve",
    "det", "slogdet", "logdet", "cholesky", "pinv", "outer", "inner", "dot", "vdot", "kron",
    "einsum", "reshape", "transpose", "eye", "ones", "zeros", "ones_like", "zeros_like", "softmax",
    "log_softmax", "logsumexp", "where", "maximum", "minimum", "clip", "multiply", "divide", "add",
    "subtract", "negative", "square", "pow", "reciprocal", "onehot", "one_hot", "commutation",
    "len", "stack", "float", "astype", "windows", "logaddexp",
    "floor_divide",
})  # fmt: skip
_PLACING: Final = frozenset({"pad", "place", "argsort", "tril", "triu"})
FUNCTIONS: Final = _PLACING | _ELEMENTWISE | _OTHERS | REDUCTIONS | set(_ALIASES)
"""The functions that a derivation may call."""


def apply(unknowns: Unknowns, name: str, parts: Sequence[Term], options: Options) -> Term:
    """The value of a call.

    Raises:  MisfitError: arguments of the wrong number or shape.
    """
    parts = list(parts)
    name = _ALIASES.get(name, name) if len(parts) != 1 or name not in REDUCTIONS else name
    check_arguments(name, parts, options)
    if name in _ELEMENTWISE:
        return _elementwise(name, _only(name, parts))
    for group in (reduced, _of_matrices, _made, _of_two, _general):
        found = group(unknowns, name, parts, options)
        if found is not None:
            return found
    raise MisfitError(f"{name} cannot be called like this")


def _only(name: str, parts: Sequence[Term]) -> Term:
    if len(parts) != 1:
        raise MisfitError(f"{name} takes one argument, and there are {len(parts)}")
    return parts[0]


def _elementwise(name: str, term: Term) -> Term:
    if name == "sqrt":
        half = ts.Number((), Fraction(1, 2))
        return Term(ts.Power(term.tree.dims, term.tree, half), term.shape)
    return Term(ts.Apply(term.tree.dims, name, (term.tree,)), term.shape)


# ---------------------------------------------------------------- matrices


def _square(unknowns: Unknowns, name: str, term: Term) -> None:
    if term.rank != 2 or not unknowns.same(*term.shape):
        raise MisfitError(
            f"{name} needs a square matrix, and this is {shown(unknowns.shape(term.shape))}"
        )


def _of_matrices(unknowns: Unknowns, name: str, parts: list[Term], options: Options) -> Term | None:
    if not parts:
        return None
    body = parts[0]
    match name:
        case "trace":
            _square(unknowns, "tr", body)
            return Term(ts.Trace((), body.tree))
        case "det" | "logdet" | "slogdet":
            _square(unknowns, name, body)
            det = Term(ts.Apply((), "det", (body.tree,)))
            return det if name == "det" else Term(ts.Apply((), "log|·|", (det.tree,)), (), name)
        case "inv":
            _square(unknowns, "inv", body)
            return Term(ts.Inverse(body.tree.dims, body.tree), body.shape)
        case "solve":
            _square(unknowns, "solve", body)
            inverse = Term(ts.Inverse(body.tree.dims, body.tree), body.shape)
            return op.matmul(unknowns, inverse, parts[1])
        case "cholesky" | "pinv":
            _square(unknowns, name, body)
            return op.called(name, [body], body.shape)
        case "norm":
            return norm(unknowns, parts, options)
        case "diag" | "diagonal":
            return _diagonal(unknowns, body)
        case "vec" | "ravel" | "flatten":
            size = unknowns.value(multiplied(body.shape))
            if body.rank != 2:
                return op.called("reshape", [body], (size,))
            return Term(ts.Vec((size,), body.tree), (size,))
        case "transpose" if len(parts) == 1:
            return body if body.rank == 1 else op.transposed(body)
    return None


def _diagonal(unknowns: Unknowns, body: Term) -> Term:
    if body.rank == 1:
        return Term(ts.Diag(body.shape * 2, body.tree), body.shape * 2)
    if body.rank == 2 and "1" in body.shape:
        size = body.shape[1] if body.shape[0] == "1" else body.shape[0]
        return Term(ts.Diag((size, size), body.tree), (size, size))
    _square(unknowns, "diag", body)
    return Term(ts.Diag(body.shape[:1], body.tree), body.shape[:1])


# ---------------------------------------------------------------- arrays of a given size


def _made(unknowns: Unknowns, name: str, parts: list[Term], _: Options) -> Term | None:
    match name:
        case "eye":
            size = _size(parts[0]) if parts else unknowns.fresh()
            return Term(ts.Eye((size, size)), (size, size))
        case "ones" | "zeros" | "ones_like" | "zeros_like":
            like = name.endswith("_like")
            shape = parts[0].shape if like else _sizes(parts[:1])
            return _filled(shape, name.startswith("ones"))
        case "len":
            if not parts[0].rank:
                raise MisfitError("len of a scalar")
            return size_term(parts[0].shape[0])
        case "onehot" | "one_hot":
            told = _size(parts[1]) if len(parts) > 1 else _ordered(parts[0].tree)
            dims = (*parts[0].shape, told or unknowns.fresh())
            return Term(ts.Apply(dims, "onehot", (parts[0].tree,)), dims)
        case "commutation":
            sizes = _sizes(parts)
            if len(sizes) != 2:
                raise MisfitError("commutation takes two sizes")
            return commutation(unknowns, sizes)
        case "reshape":
            return _reshaped(unknowns, parts[0], _sizes(parts[1:], minus=True))
    return None


def _ordered(tree: Tree) -> str | None:
    """How many places an order, or a part of one, tells apart."""
    while isinstance(tree, ts.Viewed):
        tree = tree.body
    return tree.dims[-1] if isinstance(tree, ts.Apply) and tree.name == "argsort" else None


def commutation(unknowns: Unknowns, sizes: Shape) -> Term:
    """Kₘₙ."""
    both = unknowns.value(multiplied(sizes))
    return Term(ts.Commutation((both, both), sizes), (both, both))


def _size(term: Term) -> str:
    if isinstance(term.meta, str):
        return term.meta
    found = None if term.rank else extent(term.tree)
    if found is not None:
        return str(found)
    raise MisfitError("a size is needed, such as len(X), X.shape[1] or a number")


def _sizes(parts: Sequence[Term], minus: bool = False) -> Shape:
    found: list[str] = []
    for part in parts:
        if isinstance(part.meta, tuple):
            found += part.meta
        else:
            found.append(_size(part))
    if not minus and any(f.startswith("-") for f in found):
        raise MisfitError("a size is positive")
    return tuple(found)


def _filled(shape: Shape, ones: bool) -> Term:
    if not ones:
        return Term(ts.Zero(op.tree_dims(shape)), shape) if shape else Term(number(0))
    if len(shape) == 1:
        return Term(ts.Ones(shape), shape)
    return op.called("copy", [Term(number(1))], shape) if shape else Term(number(1))


def _reshaped(unknowns: Unknowns, body: Term, sizes: Shape) -> Term:
    """A reshape; one size may be −1."""
    if sizes == ("-1",):
        return apply(unknowns, "vec", [body], {})
    if "-1" in sizes:
        rest = unknowns.value(multiplied(body.shape)).split("·")
        for size in unknowns.value("·".join(s for s in sizes if s != "-1")).split("·"):
            if size not in rest:
                raise MisfitError(f"{shown(body.shape)} cannot be reshaped like this")
            rest.remove(size)
        sizes = tuple("·".join(rest) or "1" if s == "-1" else s for s in sizes)
    if not unknowns.same(multiplied(body.shape), multiplied(sizes)):
        raise MisfitError(f"{shown(body.shape)} cannot be reshaped to {shown(sizes)}")
    return op.called("reshape", [body], sizes)


# ---------------------------------------------------------------- two arrays


def _of_two(unknowns: Unknowns, name: str, parts: list[Term], _: Options) -> Term | None:
    if len(parts) < 2:
        return None
    left, right = parts[:2]
    match name:
        case "outer":
            columns, rows = (
                apply(unknowns, "vec", [p], {}) if p.rank > 1 else p for p in (left, right)
            )
            if not columns.rank or not rows.rank:
                return op.juxtaposed(unknowns, [left, right])
            made = op.juxtaposed(unknowns, [columns, op.row(rows)])
            return Term(made.tree, (columns.shape[0], rows.shape[0]))
        case "inner" | "dot" | "vdot":
            if not left.rank or not right.rank:
                return op.juxtaposed(unknowns, [left, right])
            return op.matmul(unknowns, left, right)
        case "kron":
            return op.kronecker(unknowns, left, right)
        case "maximum" | "minimum":
            shape = op.together(unknowns, left, right)
            if len(shape) > 2:
                return op.called(name, [left, right], shape)
            trees = tuple(
                t.tree if not t.rank else op.spread(unknowns, t, shape).tree for t in (left, right)
            )
            return Term(ts.Apply(op.tree_dims(shape), name, trees), shape)
        case "where":
            return _where(unknowns, parts)
        case "floor_divide":
            return size_term(floored(left, right))
        case "logaddexp":
            return op.called(name, [left, right], op.together(unknowns, left, right))
        case "multiply":
            return op.times(unknowns, left, right)
        case "divide":
            return op.over(unknowns, left, right)
        case "add" | "subtract":
            return op.plus(unknowns, left, right, 1 if name == "add" else -1)
        case "pow":
            return op.raised(unknowns, left, right, matrix=False)
    return None


def _where(unknowns: Unknowns, parts: Sequence[Term]) -> Term:
    if len(parts) != 3:
        raise MisfitError("where takes a condition and two values")
    shape = op.together(unknowns, parts[0], Term(parts[1].tree, op.together(unknowns, *parts[1:])))
    return op.called("where", parts, shape)


# ---------------------------------------------------------------- the rest


def _general(unknowns: Unknowns, name: str, parts: list[Term], options: Options) -> Term | None:
    match name:
        case "negative":
            return op.negative(_only(name, parts))
        case "square":
            return op.raised(unknowns, parts[0], Term(number(2)), matrix=False)
        case "reciprocal":
            return op.over(unknowns, Term(number(1)), parts[0])
        case "clip" if len(parts) == 3:
            above = apply(unknowns, "maximum", parts[:2], {})
            return apply(unknowns, "minimum", [above, parts[2]], {})
        case "float" | "astype":
            return parts[0]
        case "transpose":
            axes = tuple(int(s) for s in _sizes(parts[1:]))
            return op.called("transpose", parts[:1], tuple(parts[0].shape[a] for a in axes), axes)
        case "einsum":
            return _einsum(unknowns, parts)
        case "windows":
            width = unknowns.fresh()
            return op.called("windows", parts[:1], (unknowns.fresh(), width))
        case "argsort" if parts and parts[0].rank:
            return Term(ts.Apply(parts[0].tree.dims, name, (parts[0].tree,)), parts[0].shape)
        case "tril" | "triu" if parts and parts[0].rank == 2:
            return _triangle(unknowns, name, parts)
        case "pad":
            return padded(parts[0], parts[1:])
        case "place":
            return placed(unknowns, parts)
        case "stack":
            return stack(unknowns, parts, options)
    return None


def _triangle(unknowns: Unknowns, name: str, parts: Sequence[Term]) -> Term:
    """The triangle of a matrix; one that is open on both sides, tril(𝟏𝟏ᵀ), is square."""
    shape = unknowns.shape(parts[0].shape)
    if all(size[0] == "?" for size in shape):
        unknowns.same(*shape)
    return Term(ts.Apply(shape, name, tuple(p.tree for p in parts[:2])), shape)


def _einsum(unknowns: Unknowns, parts: Sequence[Term]) -> Term:
    subscripts = parts[0].meta
    if not isinstance(subscripts, str):
        raise MisfitError('einsum takes its subscripts first, as in einsum("ij,jk->ik", A, B)')
    before, _, after = subscripts.replace(" ", "").partition("->")
    groups = before.split(",")
    if len(groups) != len(parts) - 1:
        raise MisfitError(
            f"the subscripts name {len(groups)} arrays, and there are {len(parts) - 1}"
        )
    sizes: dict[str, str] = {}
    for letters, part in zip(groups, parts[1:], strict=True):
        if len(letters) != part.rank:
            raise MisfitError(
                f"'{letters}' has {plural(len(letters), 'axis')}, and the array {shown(part.shape)}"
            )
        for letter, size in zip(letters, part.shape, strict=True):
            if not unknowns.same(sizes.setdefault(letter, size), size):
                raise MisfitError(f"axis '{letter}' has two sizes, {sizes[letter]} and {size}")
    for letter in after:
        if letter not in sizes:
            raise MisfitError(f"axis '{letter}' of the result is in none of the arrays")
    shape = tuple(unknowns.value(sizes[letter]) for letter in after)
    return op.called("einsum", parts[1:], shape, (f"{before}->{after}",))
