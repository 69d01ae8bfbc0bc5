"""The value of an Einsum in NumPy: products by broadcasting, sums by reduction, the rest by BLAS.

A contraction of two operands sorts its labels into batch (in both operands and the result),
contracted (in both, not in the result) and free (in one of them); with them brought into the order
(batch, free, contracted) and (batch, contracted, free) it is one stacked matrix product. BLAS reads
transposed matrices as they lie, so nothing is copied while each group is a single axis.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import numpy as np

from chainrule.ir.graph import Node
from chainrule.ir.primitives import Einsum
from chainrule.ir.subscripts import Labels, Subscripts, canonical
from chainrule.ir.symmetry import gram_of
from chainrule.runtime.sums import einsum, leading, lie_as_rows, sum_of_rows, summed_down
from chainrule.runtime.windows import blocked, overlaps, reduce_windows

Kernel = Callable[..., np.ndarray]


@lru_cache(maxsize=16384)
def einsum_kernel(subscripts: Subscripts) -> Kernel:
    """A function of arrays that computes the contraction."""
    inputs, output = subscripts.inputs, subscripts.output
    if len(inputs) == 1 and _is_trace(inputs[0], output):
        return sum_of_diagonal
    if any(len(set(labels)) < len(labels) for labels in inputs) or len(inputs) > 2:
        return _general(subscripts)
    if len(inputs) == 1:
        return _reduce_then_order(inputs[0], output)
    left, right = inputs
    if set(left) | set(right) == set(output):
        return _broadcast_product(left, right, output)
    return _matrix_product(left, right, output)


def _is_trace(labels: Labels, output: Labels) -> bool:
    """Whether the last two axes are one that is summed, and the others stay as they are."""
    return len(labels) > 1 and labels == (*output, *labels[-1:] * 2) and labels[-1] not in output


def sum_of_diagonal(x: np.ndarray) -> np.ndarray:
    """The trace of each matrix of a stack."""
    return np.asarray(x.trace(0, -2, -1, x.dtype))


def _general(subscripts: Subscripts) -> Kernel:
    text = str(subscripts)
    if len(subscripts.inputs) > 2:
        return lambda *arrays: np.asarray(np.einsum(text, *arrays, optimize=True))
    return lambda *arrays: np.asarray(einsum(text, *arrays))


def _reduce_then_order(labels: Labels, output: Labels) -> Kernel:
    axes = tuple(a for a, label in enumerate(labels) if label not in output)
    kept = tuple(label for label in labels if label in output)
    order = tuple(kept.index(label) for label in output)
    ordered = order == tuple(range(len(order)))
    first = leading(axes)

    def run(array: np.ndarray) -> np.ndarray:
        if first and lie_as_rows(array, first):
            summed = sum_of_rows(array, first)
        else:
            summed = reduce_windows(np.add, array, axes) if axes else array
        return summed if ordered else summed.transpose(order)

    return run


def _broadcast_product(left: Labels, right: Labels, output: Labels) -> Kernel:
    if _is_aligned(left, output) and _is_aligned(right, output):
        return np.multiply
    if output == (*left, *right):
        return _general(canonical((left, right), output))
    place_left, place_right = _placement(left, output), _placement(right, output)

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(np.multiply(place_left(x), place_right(y)))

    return run


def outer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each element of a vector times each of another; NumPy's einsum takes half of its outer."""
    return einsum("i,j->ij", x, y)


def _is_aligned(labels: Labels, output: Labels) -> bool:
    """Whether NumPy's broadcasting, which aligns last axes, does the right thing by itself."""
    return labels == output[len(output) - len(labels) :]


def _placement(labels: Labels, output: Labels) -> Callable[[np.ndarray], np.ndarray]:
    """Bring axes into the output's order, with axes of size 1 for the labels that are missing."""
    order = tuple(labels.index(label) for label in output if label in labels)
    first = next((k for k, label in enumerate(output) if label in labels), len(output))
    index = tuple(slice(None) if label in labels else None for label in output[first:])
    plain = order == tuple(range(len(order)))
    if plain and None not in index:
        return lambda x: x
    if plain:
        return lambda x: x[index]
    return lambda x: x.transpose(order)[index]


def _matrix_product(left: Labels, right: Labels, output: Labels) -> Kernel:
    alone_left = tuple(a for a, n in enumerate(left) if n not in right and n not in output)
    alone_right = tuple(a for a, n in enumerate(right) if n not in left and n not in output)
    left = tuple(n for n in left if n in right or n in output)
    right = tuple(n for n in right if n in left or n in output)
    core = _ordered_product(left, right, output)
    if not alone_left and not alone_right:
        return core

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x = np.add.reduce(x, axis=alone_left, dtype=x.dtype) if alone_left else x
        y = np.add.reduce(y, axis=alone_right, dtype=y.dtype) if alone_right else y
        return np.asarray(core(np.asarray(x), np.asarray(y)))

    return run


def _ordered_product(left: Labels, right: Labels, output: Labels) -> Kernel:
    contracted = tuple(n for n in left if n in right and n not in output)
    if not contracted:
        return _broadcast_product(left, right, output)
    batch = tuple(n for n in output if n in left and n in right)
    rows = tuple(n for n in output if n in left and n not in right)
    columns = tuple(n for n in output if n in right and n not in left)
    if not rows and not columns:
        return _inner_product(left, right, output, contracted)
    if rows and columns and output.index(columns[0]) < output.index(rows[0]):
        swapped = _ordered_product_core(right, left, output, batch, columns, contracted, rows)
        return _with_windows(lambda x, y: swapped(y, x), left, right, output)
    core = _ordered_product_core(left, right, output, batch, rows, contracted, columns)
    return _with_windows(core, left, right, output)


def _with_windows(core: Kernel, left: Labels, right: Labels, output: Labels) -> Kernel:
    """The product, which cuts an operand that is a large view of windows into blocks."""

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if overlaps(y):
            return blocked(y, right, x, left, output, _block_product)
        if overlaps(x):
            return blocked(x, left, y, right, output, _block_product)
        return core(x, y)

    return run


@lru_cache(maxsize=4096)
def _block_product(left: Labels, right: Labels, output: Labels) -> Kernel:
    """The product of two operands that are small enough to be copied."""
    contracted = tuple(n for n in left if n in right and n not in output)
    batch = tuple(n for n in output if n in left and n in right)
    rows = tuple(n for n in output if n in left and n not in right)
    columns = tuple(n for n in output if n in right and n not in left)
    return _ordered_product_core(left, right, output, batch, rows, contracted, columns)


def _inner_product(left: Labels, right: Labels, output: Labels, contracted: Labels) -> Kernel:
    """Rows against rows, with no free axis.

    BLAS where the rows lie together, else NumPy's own loop: a matrix product would copy both
    operands to bring the rows together.
    """
    if not left == right == (*output, *contracted):
        subscripts = canonical((left, right), output)
        if left[0] == right[0] and contracted == left[:1]:
            words, _, result = str(subscripts).partition("->")
            return summed_down([word[1:] for word in words.split(",")], result)
        return _general(subscripts)
    if not output:
        several = len(contracted) > 1
        # The dot product of two vectors is NumPy's, as eager vecdot has it; a norm goes in pieces.
        return lambda x, y: np.asarray(
            dot(x.reshape(-1), y.reshape(-1)) if several or x is y else np.vecdot(x, y)
        )
    if len(contracted) == 1:
        return np.vecdot
    count = len(output)

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = (*x.shape[:count], math.prod(x.shape[count:]))
        return np.asarray(np.vecdot(x.reshape(rows), y.reshape(rows)))

    return run


_PIECE: Final = 8192
"""Numbers; OpenBLAS wakes threads for dot products of more than 10,000."""
_WAKES: Final = 2**15
"""Numbers from which on a thread that was asleep saves more than it takes to wake it."""


def dot(x: np.ndarray, y: np.ndarray) -> Any:
    """The dot product of two vectors.

    Those of middle length go in pieces that wake no thread of BLAS: where other programs have the
    processors, that takes a thousand times as long as to add up.
    """
    size = len(x)
    if not _PIECE < size < _WAKES:
        return x.dot(y)
    total: Any = 0
    for start in range(0, size, _PIECE):
        piece = x[start : start + _PIECE]
        total = total + piece.dot(piece if y is x else y[start : start + _PIECE])
    return total


def _ordered_product_core(
    left: Labels,
    right: Labels,
    output: Labels,
    batch: Labels,
    rows: Labels,
    contracted: Labels,
    columns: Labels,
) -> Kernel:
    natural = (*batch, *rows, *columns)
    final = tuple(natural.index(n) for n in output)
    ordered = natural == output
    if len(contracted) == 1 and len(rows) <= 1 and len(columns) <= 1 and (rows or columns):
        multiply = np.matmul if rows and columns else _matvec if rows else _vecmat
        order_left = tuple(left.index(n) for n in (*batch, *rows, *contracted))
        order_right = tuple(right.index(n) for n in (*batch, *contracted, *columns))

        def product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            made: np.ndarray = multiply(x.transpose(order_left), y.transpose(order_right))
            return made if ordered else made.transpose(final)

        return product
    matrices_left = _as_matrices(left, batch, rows, contracted)
    matrices_right = _as_matrices(right, batch, contracted, columns)
    stack_and_rows = tuple(left.index(n) for n in (*batch, *rows))
    column_axes = tuple(right.index(n) for n in columns)

    multiply_flat = np.matmul if batch else _in_pieces

    def flat_product(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        shape = (*(x.shape[a] for a in stack_and_rows), *(y.shape[a] for a in column_axes))
        made: np.ndarray = multiply_flat(matrices_left(x), matrices_right(y)).reshape(shape)
        return made if ordered else made.transpose(final)

    return flat_product


_NARROW: Final = 256
"""Numbers in a matrix that fits in registers, so that packing it for every product is a loss."""
_QUICK: Final = 10**6
"""Multiplications up to which OpenBLAS reads matrices as they lie, without packing them."""


def rows_times(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Each matrix of a stack, which lies row by row, times the same one."""
    rows = math.prod(x.shape[:-1])
    return _in_pieces(x.reshape(rows, x.shape[-1]), y).reshape(*x.shape[:-1], y.shape[-1])


def _in_pieces(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The product of two matrices; that of very many rows with a small one a piece at a time."""
    rows = len(x)
    if not 0 < y.size <= _NARROW or rows * y.size <= _QUICK:
        return np.asarray(np.matmul(x, y))
    made = np.empty((rows, y.shape[1]), x.dtype)
    step = _QUICK // y.size
    for start in range(0, rows, step):
        np.matmul(x[start : start + step], y, out=made[start : start + step])
    return made


def _matvec(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.matmul(x, y[..., None])[..., 0]
    return made


def _vecmat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    made: np.ndarray = np.matmul(x[..., None, :], y)[..., 0, :]
    return made


def _as_matrices(labels: Labels, batch: Labels, rows: Labels, columns: Labels) -> Kernel:
    """Bring an operand into a stack of matrices rows × columns.

    The group of axes that holds the operand's last axis stays last while the groups are flattened,
    so that a copy reads and writes long stretches of memory (windows are copied several times
    faster); BLAS reads the transposed matrix as it lies.
    """
    turned = bool(labels) and labels[-1] in rows
    first, second = (columns, rows) if turned else (rows, columns)
    order = tuple(labels.index(n) for n in (*batch, *first, *second))
    b, m = len(batch), len(batch) + len(first)

    def run(x: np.ndarray) -> np.ndarray:
        x = x.transpose(order)
        x = x.reshape(*x.shape[:b], math.prod(x.shape[b:m]), math.prod(x.shape[m:]))
        return x.swapaxes(-1, -2) if turned else x

    return run


# ---------------------------------------------------------------- symmetric products

_PANELS: Final = 4
_SMALLEST: Final = 192  # columns below which panels cost more than they save


def symmetric_kernel(subscripts: Subscripts) -> Kernel:
    """The same for a product of two that is known to be symmetric, by 10/16 of its operations.

    What is below the diagonal of the result is what is above it, bit by bit.
    """
    whole = einsum_kernel(subscripts)
    (left, right), output = subscripts.inputs, subscripts.output
    half = len(output) // 2
    if set(output[:half]) <= set(right):
        left, right = right, left
    rows, columns = output[:half], output[half:]
    contracted = tuple(n for n in left if n in right)
    matrices = [
        _as_matrices(labels, (), *groups)
        for labels, groups in ((left, (rows, contracted)), (right, (contracted, columns)))
    ]

    def run(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if x is y:  # BLAS sees it, and computes half of it
            return np.asarray(whole(x, y))
        if left is not subscripts.inputs[0]:
            x, y = y, x
        shape = tuple(x.shape[left.index(n)] for n in rows)
        return _by_panels(matrices[0](x), matrices[1](y)).reshape(*shape, *shape)

    return run


def _by_panels(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A symmetric product of matrices: panels from the diagonal to the right, and their mirror."""
    size = len(left)
    made = np.empty((size, size), left.dtype)
    step = -(-size // _PANELS)
    for start in range(0, size, step):
        end = min(start + step, size)
        panel = made[start:end, start:]
        np.matmul(left[start:end], right[:, start:], out=panel)
        square = panel[:, : end - start]
        below = np.tri(end - start, dtype=bool, k=-1)
        square[below] = square.T[below]
        made[end:, start:end] = panel[:, end - start :].T
    return made


def computes_half(node: Node) -> bool:
    """Whether a contraction is large and known to be symmetric, its rows before its columns."""
    if math.prod(node.shape) < _SMALLEST**2 or node.ndim % 2:
        return False
    found = gram_of(node)
    assert isinstance(node.op, Einsum)
    output = node.op.subscripts.output
    half = node.ndim // 2
    return found is not None and tuple(found.mirror.items()) == tuple(
        zip(output[:half], output[half:], strict=True)
    )
