"""Linear systems with a structured matrix: by blocks, by factors, in eigenvectors, by Woodbury."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.algebra.joint import joint_of
from chainrule.algebra.structure import Form, Part, Summand
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import add, divide, subtract
from chainrule.functions.lift import Lifted
from chainrule.functions.linear import matmul
from chainrule.functions.systems import solve
from chainrule.ir import build
from chainrule.tensors import Tensor
from chainrule.transform.joint import joint_operations, solve_jointly
from chainrule.transform.operators import Structured
from chainrule.transform.scalars import scalar_of

__all__ = ["iterated", "solve_structured", "structured_operations"]

_reshape = Lifted(build.reshape)
_transpose = Lifted(build.transpose)
_identity = Lifted(lambda node: build.delta(node.shape[0], node.dtype))


def structured_operations(form: Form) -> int | None:
    """The operations of a structured solve, or None where the structure does not help."""
    if not form.summands or not form.is_square:
        return None
    blocks = math.prod(form.sizes[r] for r, _ in form.blocks)
    rank = _rank(form)
    joint = joint_of(form)
    if joint is not None:
        return joint_operations(form, joint)
    if form.kronecker is not None:
        sides = [math.prod(form.sizes[i] for i in p.rows) for p in form.kronecker]
        return sum(side**3 for side in sides) + form.shape[0] * sum(sides)
    if rank is not None:
        return rank**3 + 2 * rank * rank * form.side
    return int(blocks * form.side**3)


def solve_structured(block: Structured, vectors: Tensor) -> Tensor:
    """X with A x = vectors; these have the axes of the rows, then one that counts them."""
    form = block.form
    joint = joint_of(form)
    if joint is not None:
        return solve_jointly(block, joint, vectors)
    if form.kronecker is not None:
        return _by_factors(block, form.kronecker, vectors)
    outer = _outer(form)
    right = _inward(form, vectors, outer)
    made = _by_rank(block, right) if _rank(form) is not None else _by_blocks(block, right)
    return _outward(form, made, vectors.shape[-1], outer)


# ---------------------------------------------------------------- axes


def _outer(form: Form) -> tuple[list[int], list[int]]:
    """The row labels as blocks, free, identities; and the column labels likewise."""
    rows = [r for r, _ in form.blocks] + [*form.free[0]] + [r for r, _ in form.identities]
    columns = [c for _, c in form.blocks] + [*form.free[1]] + [c for _, c in form.identities]
    return rows, columns


def _inward(form: Form, vectors: Tensor, outer: tuple[list[int], list[int]]) -> Tensor:
    """The right sides as a stack of matrices: blocks, free axes, identities and vectors."""
    count = vectors.shape[-1]
    turned = _transpose([vectors], (*outer[0], form.rows))
    blocks = math.prod(form.sizes[r] for r, _ in form.blocks)
    wide = math.prod(form.sizes[r] for r, _ in form.identities) * count
    return _reshape([turned], (blocks, form.side, wide))  # type: ignore[no-any-return]


def _outward(form: Form, made: Tensor, count: int, outer: tuple[list[int], list[int]]) -> Tensor:
    sizes = [form.sizes[c] for c in outer[1]]
    spread = _reshape([made], (*sizes, count))
    order = [outer[1].index(c) for c in form.column_labels]
    return _transpose([spread], (*order, len(order)))  # type: ignore[no-any-return]


# ---------------------------------------------------------------- block by block


def _by_blocks(block: Structured, right: Tensor) -> Tensor:
    core = _reshape([block.core()], (right.shape[0], block.form.side, block.form.side))
    return divide(right, core) if block.form.side == 1 else solve(core, right)


def _by_factors(block: Structured, parts: Sequence[Part], vectors: Tensor) -> Tensor:
    """(A ⊗ B)⁻¹ = A⁻¹ ⊗ B⁻¹, each applied along its axes."""
    form = block.form
    (summand,) = form.summands
    labels = list(form.row_labels)  # what each axis of the vectors is, as they turn to columns
    for part in parts:
        sides = part.rows, part.columns
        rest = [k for k, i in enumerate(labels) if i not in part.rows]
        own = [labels.index(i) for i in part.rows]
        turned = _transpose([vectors], (*own, *rest, len(labels)))
        side = math.prod(form.sizes[i] for i in sides[0])
        flat = _reshape([turned], (side, math.prod(turned.shape) // side))
        solved = solve(block.matrix(part), flat)
        shape = (*(form.sizes[i] for i in sides[1]), *turned.shape[len(own) :])
        vectors = _reshape([solved], shape)
        labels = [*sides[1], *(labels[k] for k in rest)]
    tied = dict(summand.ties)
    columns = [tied.get(i, i) for i in labels]
    order = [columns.index(c) for c in form.column_labels]
    made = _transpose([vectors], (*order, len(order)))
    return divide(made, scalar_of(block, summand, made))


# ---------------------------------------------------------------- D + L R


def _rank(form: Form) -> int | None:
    """The rank of what is left beside a diagonal, if it is less than half of the side."""
    if form.blocks or not form.free[0] or len(form.summands) < 2:
        return None
    straight = set(zip(*form.free, strict=False))
    diagonal = [s for s in form.summands if straight <= set(s.ties)]
    rest = [s for s in form.summands if s not in diagonal]
    ranks = [_rank_of(form, s) for s in rest]
    if not diagonal or not rest or any(r is None for r in ranks):
        return None
    total = sum(r for r in ranks if r is not None)
    return total if 2 * total < form.side else None


def _rank_of(form: Form, summand: Summand) -> int | None:
    """The size of the summed axes where rows and columns meet, for a term that is one part."""
    wide = [p for p in summand.parts if p.labels]
    if len(wide) != 1 or set(wide[0].labels) != {*form.free[0], *form.free[1]}:
        return None
    (part,) = wide
    rows, columns = set(part.rows), set(part.columns)
    if any(set(f.labels) & rows and set(f.labels) & columns for f in part.factors):
        return None
    sizes = form.sizes_in(summand)
    return math.prod(sizes[i] for i in part.bound)


def _by_rank(block: Structured, right: Tensor) -> Tensor:
    """(D + L R)⁻¹ g = D⁻¹g − D⁻¹L (I + R D⁻¹ L)⁻¹ R D⁻¹ g."""
    form = block.form
    flat = _reshape([right], right.shape[1:])
    lows = [s for s in form.summands if _rank_of(form, s) is not None
            and len(s.ties) == len(form.common)]  # fmt: skip
    diagonal = _reshape([block.diagonal_of(lows)], (form.side, 1))
    left, across = block.joined_sides(lows)
    first, scaled = divide(flat, diagonal), divide(left, diagonal)
    inner = add(_identity([across]), matmul(across, scaled))
    made = subtract(first, matmul(scaled, solve(inner, matmul(across, first))))
    return _reshape([made], right.shape)  # type: ignore[no-any-return]


# ---------------------------------------------------------------- by products alone


def iterated(
    product: Callable[[np.ndarray], np.ndarray], right: np.ndarray, symmetric: bool
) -> np.ndarray:
    """Solve by Krylov methods: MINRES for a symmetric matrix, else GMRES.

    Raises:  ArgumentError: it does not converge.
    """
    import scipy.sparse.linalg as sparse

    size = right.shape[0]
    operator = sparse.LinearOperator((size, size), matvec=product, dtype=right.dtype)
    accuracy = float(np.finfo(right.dtype).eps) ** 0.8
    settings: dict[str, Any] = {"rtol": accuracy, "maxiter": min(10 * size, 10_000)}
    method = sparse.minres if symmetric else sparse.gmres
    columns = []
    for column in right.T:
        solution, failed = method(operator, column, **settings)
        residual = float(np.linalg.norm(product(solution) - column))
        if failed or not residual <= 1e3 * accuracy * max(float(np.linalg.norm(column)), 1e-300):
            raise ArgumentError(
                "solve: the iteration does not converge; the matrix may be singular\n\n"
                "  Add a multiple of the identity: solve(g, damping=1e-3)."
            )
        columns.append(solution)
    return np.stack(columns, axis=1).astype(right.dtype)
