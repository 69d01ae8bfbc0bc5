"""Eigenvalues of structured symmetric matrices."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.algebra.joint import joint_of
from chainrule.algebra.structure import Form
from chainrule.functions.decomposition import eigvalsh
from chainrule.functions.elementwise import abs as absolute
from chainrule.functions.elementwise import multiply, negative
from chainrule.functions.indexing import take
from chainrule.functions.lift import Lifted, reshaped
from chainrule.functions.sorting import argsort, sort
from chainrule.ir import build
from chainrule.tensors import Tensor, of_value
from chainrule.transform.joint import joint_operations, joint_spectrum
from chainrule.transform.operators import Structured
from chainrule.transform.scalars import scalar_of

__all__ = ["lanczos", "largest", "spectrum", "spectrum_operations"]

_repeat = Lifted(lambda node, count: build.broadcast(node, (count, *node.shape)))


def spectrum_operations(form: Form) -> int | None:
    """The operations of a structured spectrum, or None where the structure does not help."""
    if not form.summands or not form.is_square or not form.is_straight:
        return None
    joint = joint_of(form)
    if joint is not None:
        return joint_operations(form, joint)
    if form.kronecker is not None:
        return sum(math.prod(form.sizes[i] for i in p.rows) ** 3 for p in form.kronecker)
    return _blocks(form) * form.side**3


def _blocks(form: Form) -> int:
    return math.prod(form.sizes[r] for r, _ in form.blocks)


def spectrum(block: Structured) -> Tensor:
    """All eigenvalues, as often as they occur, in no particular order."""
    form = block.form
    joint = joint_of(form)
    if joint is not None:
        found = joint_spectrum(block, joint)
    elif form.kronecker is not None:
        found = _products(block)
    else:
        core = reshaped(block.core(), (_blocks(form), form.side, form.side))
        found = core if form.side == 1 else eigvalsh(core)
    found = reshaped(found, (math.prod(found.shape),))
    times = math.prod(form.sizes[r] for r, _ in form.identities)
    return reshaped(_repeat([found], times), (times * found.shape[0],))


def _products(block: Structured) -> Tensor:
    """The eigenvalues of a Kronecker product are the products of those of its factors."""
    assert block.form.kronecker is not None
    first, *others = (eigvalsh(block.matrix(p)) for p in block.form.kronecker)
    found = multiply(first, scalar_of(block, block.form.summands[0], first))
    for values in others:
        column = reshaped(found, (found.shape[0], 1))
        found = reshaped(multiply(column, values), (found.shape[0] * values.shape[0],))
    return found


def largest(values: Tensor, count: int | None) -> Tensor:
    """The eigenvalues of largest absolute value, in descending order."""
    if count is not None and count < values.shape[0]:
        order = argsort(negative(absolute(values)))
        values = take(values, order[:count], axis=0)
    return sort(values, descending=True)


def lanczos(
    product: Callable[[np.ndarray], np.ndarray], size: int, count: int, dtype: np.dtype
) -> Tensor:
    """The eigenvalues of largest absolute value, from products with vectors."""
    import scipy.sparse.linalg as sparse

    operator = sparse.LinearOperator((size, size), matvec=product, dtype=dtype)
    start = np.random.default_rng(0).standard_normal(size).astype(dtype)
    found = sparse.eigsh(operator, k=count, which="LM", return_eigenvectors=False, v0=start)
    return of_value(np.sort(np.asarray(found, dtype))[::-1].copy())
