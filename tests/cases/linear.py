"""Products of linear algebra on every choice of ranks, with broadcasting and empty axes."""

import numpy as np

from chainrule.functions.linear import (
    einsum,
    kron,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    vecdot,
)
from tests.cases.case import Case, Spec


def normal(*shape: int) -> Spec:
    return Spec("normal", shape)


def _matmul(name: str, left: tuple[int, ...], right: tuple[int, ...]) -> Case:
    return Case(f"matmul {name}", matmul, (normal(*left), normal(*right)), np.matmul)


def _einsum(expression: str, *shapes: tuple[int, ...]) -> Case:
    return Case(
        f"einsum {expression} {shapes}",
        lambda *x: einsum(expression, *x),
        tuple(normal(*s) for s in shapes),
        lambda *x: np.einsum(expression, *x),
    )


CASES = [
    _matmul("matrices", (2, 3), (3, 4)),
    _matmul("vectors", (3,), (3,)),
    _matmul("a matrix and a vector", (2, 3), (3,)),
    _matmul("a vector and a matrix", (3,), (3, 2)),
    _matmul("stacks", (2, 3, 4), (2, 4, 2)),
    _matmul("a stack and a matrix", (2, 2, 3), (3, 2)),
    _matmul("a matrix and a stack", (2, 3), (2, 3, 2)),
    _matmul("a vector and a stack", (3,), (2, 3, 2)),
    _matmul("a stack and a vector", (2, 2, 3), (3,)),
    _matmul("batch axes that broadcast", (2, 1, 2, 3), (3, 3, 1)),
    _matmul("batch axes of size 1 on both sides", (1, 2, 3), (1, 3, 2)),
    _matmul("an empty sum", (2, 0), (0, 3)),
    _matmul("an empty batch", (0, 2, 3), (1, 3, 2)),
    _einsum("ij,jk->ik", (2, 3), (3, 2)),
    _einsum("ij,kj", (2, 3), (2, 3)),
    _einsum("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)),
    _einsum("ij,ij,ij->j", (2, 3), (2, 3), (2, 3)),
    _einsum("ii", (3, 3)),
    _einsum("ii->i", (3, 3)),
    _einsum("iij,jj->i", (2, 2, 3), (3, 3)),
    _einsum("i,j->ji", (2,), (3,)),
    _einsum("ijk->k", (2, 3, 2)),
    _einsum("...ij,...jk->...ik", (2, 2, 3), (3, 2)),
    _einsum("...i,i...->...", (2, 1, 3), (3, 4)),
    _einsum("i...->...", (2, 3)),
    _einsum("...,...", (2, 1), (1, 3)),
    _einsum(",i->i", (), (3,)),
    _einsum("ij->ij", (0, 3)),
    Case("vecdot", vecdot, (normal(2, 3), normal(3)), np.vecdot),
    Case(
        "vecdot axis=-2",
        lambda x, y: vecdot(x, y, axis=-2),
        (normal(3, 1), normal(2, 3, 2)),
        lambda x, y: (x * y).sum(-2),
    ),
    Case("tensordot 2", tensordot, (normal(2, 3, 2), normal(3, 2, 2)), np.tensordot),
    Case(
        "tensordot 0",
        lambda x, y: tensordot(x, y, axes=0),
        (normal(2), normal(2, 2)),
        lambda x, y: np.tensordot(x, y, 0),
    ),
    Case(
        "tensordot pairs",
        lambda x, y: tensordot(x, y, axes=((2, -3), (0, 1))),
        (normal(2, 3, 4), normal(4, 2, 2)),
        lambda x, y: np.tensordot(x, y, ((2, 0), (0, 1))),
    ),
    Case("outer", outer, (normal(2), normal(3)), np.outer),
    Case("kron", kron, (normal(2, 3), normal(2, 2)), np.kron),
    Case("kron of different ranks", kron, (normal(2), normal(2, 2)), np.kron),
    Case("matrix_transpose", matrix_transpose, (normal(2, 3, 4),), np.matrix_transpose),
]
