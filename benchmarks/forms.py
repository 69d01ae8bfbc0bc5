"""Routines in the forms that users call: other dtypes, axes, layouts, and stacks of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.pairs import Pair, Run
from chainrule import linalg as la


def _same(name: str, label: str, *arrays: np.ndarray, of: Any = (cr, np), **how: Any) -> Pair:
    """A function that NumPy has under the same name, called alike."""
    ours, theirs = (partial(getattr(library, name), **how) for library in of)
    return Pair(f"{name} {label}", ours, theirs, arrays)


def _each(name: str, way: Run, *arrays: np.ndarray) -> Pair:
    """An expression with functions of a library, cr or np, which is its first argument."""
    return Pair(name, partial(way, cr), partial(way, np), arrays)


def _either(name: str, way: Run, *arrays: np.ndarray) -> Pair:
    """An expression that arrays and Tensors both understand."""
    return Pair(name, way, way, arrays)


def dtypes(count: int) -> Iterator[Pair]:
    """Numbers that are not float64."""
    draw = np.random.default_rng(8)
    x = draw.standard_normal((count // 100, 100))
    single, whole, mask = x.astype(np.float32), (100 * x).astype(np.int64), x > 0
    for name in ("exp", "tanh", "sqrt"):
        yield _same(name, "of float32", np.abs(single))
    for name in ("add", "multiply", "maximum"):
        yield _same(name, "of float32", single, single[::-1].copy())
    for name in ("sum", "mean", "var", "max"):
        for label, numbers in (("float32", single), ("int64", whole)):
            yield _same(name, f"of {label}", numbers)
            yield _same(name, f"of {label}, axis 0", numbers, axis=0)
    yield _same("sum", "of bool", mask)
    yield _same("count_nonzero", "of bool, axis 1", mask, axis=1)
    for name in ("any", "all"):
        yield _same(name, "of float64", np.abs(x))
        yield _same(name, "of int64, axis 1", whole, axis=1)
    yield _same("cumulative_sum", "of int64", whole, axis=1)
    yield _same("diff", "of int64", whole, axis=0)
    yield _same("sort", "of float32", single)
    yield _same("median", "of float32", single, axis=0)
    yield _either("float64 times mask", lambda x, m: x * m, x, mask)
    yield _either("float64 + int64", lambda x, i: x + i, x, whole)
    for power in (2, 3, 0.5, 1.7):
        yield _either(f"x ** {power}", lambda x, power=power: x**power, np.abs(x))
    yield _either("int64 ** 2", lambda i: i**2, whole)
    yield _each("clip of int64", lambda own, i: own.clip(i, -9, 9), whole)
    listed = x.reshape(-1).tolist()
    yield Pair("tensor(list)", lambda: cr.tensor(listed), lambda: np.array(listed), ())


def layouts(count: int) -> Iterator[Pair]:
    """Axes that are kept, several axes, and operands that do not lie row by row."""
    draw = np.random.default_rng(9)
    x, y = draw.standard_normal((2, count // 100, 100))
    cube = draw.standard_normal((10, count // 1000, 100))
    for name in ("sum", "max", "argmax"):
        yield _same(name, "that keeps axis 1", x, axis=1, keepdims=True)
        yield _same(name, "of the middle axis", cube, axis=1)
    yield _same("mean", "of two axes", cube, axis=(0, 2))
    yield _same("var", "of two axes", cube, axis=(1, 2))
    for name in ("sum", "mean", "max", "sort"):
        label = f"{name} of a transpose, axis 0"
        yield _each(label, lambda own, x, name=name: getattr(own, name)(x.T, axis=0), x)
    yield _each("exp of every other", lambda own, x: own.exp(x[:, ::2]), x)
    yield _either("x.T + y.T", lambda x, y: x.T + y.T, x, y)
    yield _either("x + column", lambda x, c: x + c, x, x[:, :1].copy())
    yield _each("x.T copied", lambda own, x: own.concat([x.T, x.T]), x)
    for axis in (0, 1):
        joined = f"concat axis {axis}"
        yield _each(joined, lambda own, x, y, a=axis: own.concat([x, y], axis=a), x, y)
        yield _same("roll", f"axis {axis}", x, shift=3, axis=axis)
    rows, wanted = draw.integers(0, len(x), len(x)), y > 0
    yield _either("x[rows]", lambda x, i: x[i], x, rows)
    yield _either("x[grid mask]", lambda x, m: x[m], x, wanted)
    counts = draw.integers(0, 4, len(x))
    yield _same("repeat", "by numbers", x, counts, axis=0)
    labels = draw.integers(0, 50, count // 50)
    yield Pair("one_hot", lambda i: cr.one_hot(i, 50), lambda i: np.eye(50)[i], (labels,))
    yield _each("unstack and stack", lambda own, x: own.stack(own.unstack(x, axis=1), axis=1), x)


def stacks(count: int) -> Iterator[Pair]:
    """Norms along other axes, products of other shapes, and many small matrices."""
    draw = np.random.default_rng(10)
    linalg = la, np.linalg
    x, y = draw.standard_normal((2, count // 100, 100))
    v, w = draw.standard_normal((2, count))
    small = draw.standard_normal((count // 64, 8, 8))
    normal = small @ small.mT + np.eye(8)
    right = draw.standard_normal((len(small), 8, 1))
    for name in ("inv", "det", "cholesky", "eigvalsh", "svdvals", "pinv", "trace"):
        yield _same(name, "of a stack", normal, of=linalg)
    yield _same("solve", "of a stack", normal, right, of=linalg)
    yield _same("matmul", "of 8 by 8", small, normal)
    yield Pair("matrices times one", cr.matmul, np.matmul, (small, small[0].copy()))
    yield Pair("dot product", cr.matmul, np.matmul, (v, w))
    yield _same("vecdot", "of vectors", v, w)
    yield _same("vecdot", "axis 0", x, y, axis=0)
    yield _each("norm axis 0", lambda own, x: own.linalg.vector_norm(x, axis=0), x)
    for order in (1, -np.inf):
        yield _same("matrix_norm", f"ord={order}", x, of=linalg, ord=order)
    yield _same("trace", "off the diagonal", x, of=linalg, offset=3)
    n = round(count**0.5)
    short = v[:n].copy(), w[:n].copy()
    for expression, given in (
        ("ij,ij->", (x, y)), ("ij,ij->i", (x, y)), ("ij,ij->j", (x, y)), ("ij->j", (x,)),
        ("i,j->ij", short),
    ):  # fmt: skip
        yield _each(f"einsum {expression}", lambda own, *a, e=expression: own.einsum(e, *a), *given)
    tall, square = draw.standard_normal((count // 10, 10)), draw.standard_normal((10, 10))
    yield Pair("einsum bi,ij,bj->b", partial(cr.einsum, "bi,ij,bj->b"),
               partial(np.einsum, "bi,ij,bj->b", optimize=True), (tall, square, tall))  # fmt: skip
    yield _either("tall.T @ tall", lambda x: x.T @ x, tall)
