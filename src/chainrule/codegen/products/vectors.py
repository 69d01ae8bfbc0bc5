"""What is done with the lanes of several vectors together: transposing them, summing each."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.codegen.llvm import Builder
from chainrule.codegen.values import Value, constant, lanes

__all__ = ["sums", "transposed"]


def transposed(b: Builder, vectors: Sequence[Value]) -> list[Value]:
    """The columns of a square block whose rows are n vectors of n lanes, n a power of two.

    In step s, rows i and i + s exchange the blocks of s lanes that lie off their diagonal.
    """
    rows = list(vectors)
    count = lanes(rows[0].type)
    step = count // 2
    while step:
        upper = [k - step + count if k & step else k for k in range(count)]
        lower = [k + count if k & step else k + step for k in range(count)]
        for i in range(count):
            if not i & step:
                x, y = rows[i], rows[i + step]
                rows[i], rows[i + step] = b.shuffle(x, y, upper), b.shuffle(x, y, lower)
        step //= 2
    return rows


def sums(b: Builder, vectors: Sequence[Value]) -> Value:
    """The sum of the lanes of each of n vectors, n ≤ their lanes, in the first n lanes of one.

    A fixed tree: each merge folds two vectors to half their lanes and lays them side by side.
    """
    count = lanes(vectors[0].type)
    group = [*vectors, *[constant(vectors[0].type, 0)] * (count - len(vectors))]
    step = count // 2
    while step:
        group = [_merged(b, group[i], group[i + step], step) for i in range(step)]
        step //= 2
    return group[0]


def _merged(b: Builder, x: Value, y: Value, step: int) -> Value:
    """Lanes without bit ``step`` take x folded, those with it y folded."""
    if x == y:  # nothing but zeros
        return x
    count = lanes(x.type)
    source = [k + count if k & step else k for k in range(count)]
    return b.fadd(b.shuffle(x, y, source), b.shuffle(x, y, [k ^ step for k in source]))
