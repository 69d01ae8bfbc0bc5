"""Linear systems with a structured matrix: by blocks, by factors, in eigenvectors, by Woodbury."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.algebra.joint import joint_of
from chainrule.algebra.low_rank import rank_of, sides_of
from chainrule.algebra.structure import Form, Part, Summand
from chainrule.errors import ArgumentError
from chainrule.functions.elementwise import add, divide, subtract
from chainrule.functions.lift import Lifted, reshaped, transposed
from chainrule.functions.linear import matmul
from chainrule.functions.systems import solve
from chainrule.ir import build
from chainrule.tensors import Tensor
from chainrule.transform.joint import joint_operations, solve_jointly
from chainrule.transform.operators import Structured
from chainrule.transform.scalars import scalar_of

__all__ = ["elements_of_solve", "iterated", "solve_structured", "structured_operations"]

_identity = Lifted(lambda node: build.delta(node.shape[-2], node.dtype))


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
        return blocks * (rank**3 + 2 * rank * rank * form.side)
    return int(blocks * form.side**3)


def elements_of_solve(form: Form) -> int:
    """How many elements a structured solve writes out: the blocks, or next to nothing."""
    small = joint_of(form) is not None or form.kronecker is not None or _rank(form) is not None
    return 0 if small else form.core_size


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
    turned = transposed(vectors, (*outer[0], form.rows))
    blocks = math.prod(form.sizes[r] for r, _ in form.blocks)
    wide = math.prod(form.sizes[r] for r, _ in form.identities) * count
    return reshaped(turned, (blocks, form.side, wide))


def _outward(form: Form, made: Tensor, count: int, outer: tuple[list[int], list[int]]) -> Tensor:
    sizes = [form.sizes[c] for c in outer[1]]
    spread = reshaped(made, (*sizes, count))
    order = [outer[1].index(c) for c in form.column_labels]
    return transposed(spread, (*order, len(order)))


# ---------------------------------------------------------------- block by block


def _by_blocks(block: Structured, right: Tensor) -> Tensor:
    core = reshaped(block.core(), (right.shape[0], block.form.side, block.form.side))
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
        turned = transposed(vectors, (*own, *rest, len(labels)))
        side = math.prod(form.sizes[i] for i in sides[0])
        flat = reshaped(turned, (side, math.prod(turned.shape) // side))
        solved = solve(block.matrix(part), flat)
        shape = (*(form.sizes[i] for i in sides[1]), *turned.shape[len(own) :])
        vectors = reshaped(solved, shape)
        labels = [*sides[1], *(labels[k] for k in rest)]
    tied = dict(summand.ties)
    columns = [tied.get(i, i) for i in labels]
    order = [columns.index(c) for c in form.column_labels]
    made = transposed(vectors, (*order, len(order)))
    return divide(made, scalar_of(block, summand, made))


# ---------------------------------------------------------------- D + L R


def _rank(form: Form) -> int | None:
    """The rank of what is left beside a diagonal, if it is less than half of the side."""
    if not form.free[0] or len(form.summands) < 2:
        return None
    lows = _lows(form)
    diagonal = [s for s in form.summands if s not in lows]
    straight = set(zip(*form.free, strict=False))
    if not lows or not diagonal or not all(straight <= set(s.ties) for s in diagonal):
        return None
    total = sum(rank_of(form, s) for s in lows)
    return total if 2 * total < form.side else None


def _lows(form: Form) -> list[Summand]:
    """The terms that are no diagonal, if each of them is L R."""
    straight = set(zip(*form.free, strict=False))
    rest = [s for s in form.summands if not straight <= set(s.ties)]
    common = len(form.common)
    return rest if all(len(s.ties) == common and sides_of(form, s) for s in rest) else []


def _by_rank(block: Structured, right: Tensor) -> Tensor:
    """(D + L R)⁻¹ g = D⁻¹g − D⁻¹L (I + R D⁻¹ L)⁻¹ R D⁻¹ g, for each block."""
    form = block.form
    lows = _lows(form)
    diagonal = reshaped(block.diagonal_of(lows), (right.shape[0], form.side, 1))
    left, across = block.joined_sides(lows)
    first, scaled = divide(right, diagonal), divide(left, diagonal)
    inner = add(matmul(across, scaled), _identity([across]))
    return subtract(first, matmul(scaled, solve(inner, matmul(across, first))))


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
