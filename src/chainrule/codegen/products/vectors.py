"""What is done with the lanes of several vectors together: transposing them, summing each."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, bits, constant, element, lanes, vector

__all__ = ["between", "copy_turned", "group_of", "interleaved", "joined", "sums", "transposed"]


def transposed(b: Builder, vectors: Sequence[Value]) -> list[Value]:
    """The columns of a square block whose rows are n vectors of n lanes, n a power of two.

    Two rows at a time, first within each 128 bits, then whole groups of 128 bits: processors have
    an instruction for each of these exchanges.
    """
    rows = interleaved(b, vectors)
    count, per = lanes(rows[0].type), group_of(rows[0].type)
    lower = [g * per + k for g in range(0, 2 * (count // per), 2) for k in range(per)]
    step = per
    while step < count:
        _exchange(b, rows, step, lower, per)
        step *= 2
    return rows


def copy_turned(
    b: Builder,
    kind: str,
    source: tuple[Value, int],
    made: tuple[Value, int],
    count: int,
    size: tuple[int, int],
    width: int,
) -> None:
    """Copy a block of memory turned over, no longer or wider than a vector.

    source, made   where the blocks begin, and how far apart the vectors in them lie
    count          lanes of vectors
    size           the vectors that are read, and how many of the elements of each
    width          the elements that are written of each vector; after those read come zeros
    """
    (place, step), (there, apart), (rows, columns) = source, made, size
    register, mask = vector(kind, count), b.first_or_all(count, columns)
    read = [b.load_some(register, b.offset(place, k * step, kind), mask) for k in range(rows)]
    read += [constant(register, 0)] * (count - rows)
    for k, values in enumerate(transposed(b, read)[:columns]):
        b.store_some(values, b.offset(there, k * apart, kind), b.first_or_all(count, width))


def interleaved(b: Builder, vectors: Sequence[Value]) -> list[Value]:
    """The columns of each square block of 128 bits: in every row the same group of each."""
    rows = list(vectors)
    count, per = lanes(rows[0].type), group_of(rows[0].type)
    lower = [g + k // 2 + count * (k % 2) for g in range(0, count, per) for k in range(per)]
    step = per // 2
    while step:
        _exchange(b, rows, step, lower, per // 2)
        step //= 2
    return rows


def _exchange(b: Builder, rows: list[Value], step: int, lower: Sequence[int], away: int) -> None:
    """Let rows i and i + step be some of the lanes of both, and those so far away from them."""
    upper = [k + away for k in lower]
    for i in range(len(rows)):
        if not i & step:
            x, y = rows[i], rows[i + step]
            rows[i], rows[i + step] = b.shuffle(x, y, lower), b.shuffle(x, y, upper)


def group_of(kind: str) -> int:
    """How many lanes of a vector 128 bits have, or all of them."""
    return min(lanes(kind), max(128 // bits(element(kind)), 1))


def between(b: Builder, count: int, begin: Value, end: int) -> Value:
    """The mask of the lanes from one number (i64) to before another one."""
    every = b.first(count, b.number(end))
    return b.binary("xor", every, b.first(count, begin))


def joined(b: Builder, vectors: Sequence[Value]) -> Value:
    """The lanes of several vectors, a power of two of them, one after another."""
    parts = list(vectors)
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [b.shuffle(x, y, range(2 * lanes(x.type))) for x, y in pairs]
    return parts[0]


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
