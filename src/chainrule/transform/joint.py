"""Systems and eigenvalues of sums of Kronecker products, in the eigenvectors of their factors.

(A ⊗ I + I ⊗ B)⁻¹ = (Q ⊗ P) (Λ ⊕ Μ)⁻¹ (Q ⊗ P)ᵀ,   A = QΛQᵀ,  B = PΜPᵀ
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.algebra.joint import Joint
from chainrule.algebra.structure import Form
from chainrule.functions.decomposition import EighResult, eigh
from chainrule.functions.elementwise import add, divide, multiply
from chainrule.functions.lift import Lifted, reshaped, transposed
from chainrule.functions.linear import matmul
from chainrule.ir import build
from chainrule.tensors import Tensor
from chainrule.transform.operators import Structured
from chainrule.transform.scalars import scalar_of

__all__ = ["joint_operations", "joint_spectrum", "solve_jointly"]

_expand = Lifted(build.expand)


def joint_operations(form: Form, joint: Joint) -> int:
    """The operations of a solve: the eigenvectors, and four products with each matrix of them."""
    sides = [group.form.shape[0] for group in joint.groups]
    return sum(10 * side**3 for side in sides) + 4 * form.shape[0] * sum(sides)


def solve_jointly(block: Structured, joint: Joint, vectors: Tensor) -> Tensor:
    """X with A x = vectors; these have the axes of the rows, then one that counts them."""
    found = _decomposed(block, joint)
    turned = vectors
    for group, (_, vectors_of) in zip(joint.groups, found, strict=True):
        turned = _along(turned, group.rows, transposed(vectors_of, (1, 0)))
    turned = divide(turned, _spread(block, joint, found, turned))
    for group, (_, vectors_of) in zip(joint.groups, found, strict=True):
        turned = _along(turned, group.rows, vectors_of)
    return turned


def joint_spectrum(block: Structured, joint: Joint) -> Tensor:
    """The eigenvalues, those of axes that every term ties left out."""
    return _values(block, joint, _decomposed(block, joint))


def _decomposed(block: Structured, joint: Joint) -> list[EighResult]:
    found = []
    for group in joint.groups:
        own = Structured(group.form, block.values, block.dtype, block.names)
        found.append(eigh(reshaped(own.dense(), group.form.shape)))
    return found


def _along(vectors: Tensor, rows: Sequence[int], matrix: Tensor) -> Tensor:
    """A matrix times some axes of a stack, which stay where they are."""
    rest = [k for k in range(vectors.ndim) if k not in rows]
    order = [*rows, *rest]
    front = transposed(vectors, tuple(order))
    side = matrix.shape[0]
    flat = reshaped(front, (side, math.prod(front.shape) // max(side, 1)))
    made = reshaped(matmul(matrix, flat), front.shape)
    return transposed(made, tuple(order.index(k) for k in range(vectors.ndim)))


def _values(block: Structured, joint: Joint, found: Sequence[EighResult]) -> Tensor:
    """Σ over terms of number · Π eigenvalues, with an axis for each group."""
    shape = tuple(values.shape[0] for values, _ in found)
    total: Tensor | None = None
    for summand, present in joint.terms:
        made: Tensor | None = None
        for k, (values, _) in enumerate(found):
            if present[k]:
                wide = _expand([values], shape, (k,))
                made = wide if made is None else multiply(made, wide)
        if summand is not None:
            number = scalar_of(block, summand, found[0].eigenvalues)
            made = _expand([number], shape, ()) if made is None else multiply(made, number)
        assert made is not None
        total = made if total is None else add(total, made)
    assert total is not None
    return total


def _spread(block: Structured, joint: Joint, found: Sequence[EighResult], like: Tensor) -> Tensor:
    """The eigenvalues for each element of a stack."""
    values = _values(block, joint, found)
    form = block.form
    axes = [r for group in joint.groups for r in group.rows]
    sizes = tuple(form.sizes[r] for r in axes)
    return _expand([reshaped(values, sizes)], like.shape, tuple(axes))
