"""A routine of ours and its twin elsewhere, and those of the array vocabulary with NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr

Run = Callable[..., Any]


class Pair(NamedTuple):
    """A routine, its twin, and the numbers that both are given; whether results are compared."""

    name: str
    ours: Run
    theirs: Run
    arrays: tuple[np.ndarray, ...]
    same: bool = True


def elementwise(count: int) -> Iterator[Pair]:
    """One number in, one number out: arithmetic, elementary and special functions, choices."""
    import scipy.special as sp

    draw = np.random.default_rng(4)
    x, y = draw.standard_normal(count), draw.standard_normal(count)
    share, positive = draw.uniform(0.01, 0.99, count), draw.gamma(2.3, size=count)
    i, j = draw.integers(1, 1000, (2, count))
    grid = draw.standard_normal((round(count**0.5), round(count**0.5)))

    def both(name: str, *arrays: np.ndarray, theirs: Run | None = None) -> Pair:
        return Pair(name, getattr(cr, name), theirs or getattr(np, name), arrays)

    for name in ("abs", "negative", "square", "sign", "floor", "exp", "expm1", "sin", "cos", "tan",
                 "tanh", "sinh", "cosh", "isnan", "signbit", "round", "reciprocal"):  # fmt: skip
        yield both(name, x)
    for name in ("sqrt", "log", "log1p", "log2", "log10"):
        yield both(name, positive)
    for name, theirs in (("acos", np.arccos), ("asin", np.arcsin), ("atanh", np.arctanh)):
        yield both(name, share, theirs=theirs)
    yield both("atan", x, theirs=np.arctan)
    yield both("asinh", x, theirs=np.arcsinh)
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "less", "hypot",
                 "copysign", "logaddexp", "remainder", "floor_divide", "equal"):  # fmt: skip
        yield both(name, x, y)
    yield both("atan2", x, y, theirs=np.arctan2)
    yield both("pow", positive, y, theirs=np.power)
    for name in ("add", "multiply", "floor_divide", "remainder", "bitwise_and"):
        yield Pair(f"{name} of int64", getattr(cr, name), getattr(np, name), (i, j))
    yield Pair("where", cr.where, np.where, (x > 0, x, y))
    yield Pair("clip", lambda x: cr.clip(x, -1, 1), lambda x: np.clip(x, -1, 1), (x,))
    yield Pair("x + 1", lambda x: x + 1.0, lambda x: x + 1.0, (x,))
    yield Pair("row + grid", cr.add, np.add, (grid, grid[0].copy()))
    for name, theirs in (("erf", sp.erf), ("erfc", sp.erfc), ("sigmoid", sp.expit)):
        yield both(name, x, theirs=theirs)
    yield both("lgamma", positive, theirs=sp.gammaln)
    yield both("digamma", positive, theirs=sp.digamma)
    yield both("ndtri", share, theirs=sp.ndtri)
    yield both("xlogy", share, positive, theirs=sp.xlogy)
    if count < 50_000:
        yield both("gammainc", positive, share, theirs=sp.gammainc)
        yield both("betainc", positive, 1 + share, share, theirs=sp.betainc)
    rows = grid[:, :100].copy()
    for name in ("softmax", "log_softmax"):
        theirs = partial(getattr(sp, name), axis=-1)
        yield Pair(name, partial(getattr(cr, name), axis=-1), theirs, (rows,))
    yield Pair("logsumexp", partial(cr.logsumexp, axis=-1), partial(sp.logsumexp, axis=-1), (rows,))


def reductions(count: int) -> Iterator[Pair]:
    """Many numbers in, fewer out."""
    x = np.random.default_rng(5).standard_normal((count // 100, 100))
    names = ("sum", "prod", "mean", "var", "std", "max", "min", "argmax", "argmin", "count_nonzero")
    for name in names:
        ours, theirs = getattr(cr, name), getattr(np, name)
        yield Pair(name, ours, theirs, (x,))
        for axis in (0, 1):
            kept = {"axis": axis}
            yield Pair(f"{name} axis {axis}", partial(ours, **kept), partial(theirs, **kept), (x,))
    yield Pair("any", cr.any, np.any, (x > 9,))
    yield Pair("all axis 1", partial(cr.all, axis=1), partial(np.all, axis=1), (x < 9,))
    yield Pair("sum of int32", cr.sum, np.sum, ((100 * x).astype(np.int32),))
    yield Pair("norm axis 1", partial(cr.linalg.vector_norm, axis=1),
               partial(np.linalg.vector_norm, axis=1), (x,))  # fmt: skip
    for order in (1, 3, np.inf):
        yield Pair(f"norm ord={order}", partial(cr.linalg.vector_norm, axis=1, ord=order),
                   partial(np.linalg.vector_norm, axis=1, ord=order), (x,))  # fmt: skip


def ordering(count: int) -> Iterator[Pair]:
    """Sorting, searching, running sums, sets."""
    draw = np.random.default_rng(6)
    x, rows = draw.standard_normal(count), draw.standard_normal((count // 100, 100))
    whole, ordered = draw.integers(0, 1000, count), np.sort(draw.standard_normal(count))
    yield Pair("sort", cr.sort, np.sort, (x,))
    yield Pair("sort rows", cr.sort, np.sort, (rows,))
    yield Pair("sort axis 0", partial(cr.sort, axis=0), partial(np.sort, axis=0), (rows,))
    yield Pair("sort of int64", cr.sort, np.sort, (whole,))
    stable = partial(np.argsort, kind="stable")
    yield Pair("argsort", cr.argsort, stable, (x,))
    yield Pair("argsort rows", cr.argsort, stable, (rows,))
    yield Pair("topk", lambda x: cr.topk(x, 10)[1], _largest, (x,))
    yield Pair("searchsorted", cr.searchsorted, np.searchsorted, (ordered, x))
    yield Pair("cumulative_sum", cr.cumulative_sum, np.cumulative_sum, (x,))
    rows_sum = partial(cr.cumulative_sum, axis=0)
    yield Pair("cumulative_sum axis 0", rows_sum, partial(np.cumulative_sum, axis=0), (rows,))
    yield Pair("cumulative_prod", cr.cumulative_prod, np.cumulative_prod, (1 + x / 1000,))
    yield Pair("diff", cr.diff, np.diff, (x,))
    yield Pair("nonzero", lambda x: cr.nonzero(x)[0], lambda x: np.nonzero(x)[0], (x > 0,))
    for name in ("unique_values", "unique_counts", "unique_inverse", "unique_all"):
        yield Pair(name, getattr(cr, name), getattr(np, name), (whole,), same=False)
    yield Pair("take", cr.take, np.take, (x, whole))
    index = whole[: len(rows)] % 100
    yield Pair("take rows", lambda x, i: cr.take(x, i, axis=1),
               lambda x, i: np.take(x, i, axis=1), (rows, index))  # fmt: skip
    order = np.argsort(rows, -1)
    along = partial(np.take_along_axis, axis=-1)
    yield Pair("take_along_axis", partial(cr.take_along_axis, axis=-1), along, (rows, order))
    yield Pair("x[mask]", lambda x, m: x[m], lambda x, m: x[m], (x, x > 0))
    yield Pair("x[index]", lambda x, i: x[i], lambda x, i: x[i], (x, whole))
    yield Pair("x[::2]", lambda x: x[::2], lambda x: x[::2].copy(), (x,))


def _largest(x: np.ndarray) -> np.ndarray:
    found = np.argpartition(-x, 9)[:10]
    return found[np.argsort(-x[found])]


def layout(count: int) -> Iterator[Pair]:
    """What moves numbers, and contractions."""
    draw = np.random.default_rng(7)
    (x, y), n = draw.standard_normal((2, count)), round(count**0.5)
    grid = draw.standard_normal((n, n))
    cube = draw.standard_normal((4, n // 2, n // 2))
    yield Pair(
        "concat", lambda x, y: cr.concat([x, y]), lambda x, y: np.concatenate([x, y]), (x, y)
    )
    yield Pair("stack", lambda x, y: cr.stack([x, y]), lambda x, y: np.stack([x, y]), (x, y))
    yield Pair("tile", lambda x: cr.tile(x, (3,)), lambda x: np.tile(x, 3), (x,))
    yield Pair("repeat", lambda x: cr.repeat(x, 3), lambda x: np.repeat(x, 3), (x,))
    yield Pair("flip", cr.flip, lambda x: np.flip(x).copy(), (x,))
    yield Pair("roll", lambda x: cr.roll(x, 5), lambda x: np.roll(x, 5), (x,))
    yield Pair("pad", lambda x: cr.pad(x, 3), lambda x: np.pad(x, 3), (grid,))
    yield Pair("tril", cr.tril, np.tril, (grid,))
    yield Pair("triu", cr.triu, np.triu, (grid,))
    yield Pair("astype", lambda x: x.astype(cr.float32), lambda x: x.astype(np.float32), (x,))
    yield Pair("einsum ij,jk", partial(cr.einsum, "ij,jk->ik"),
               lambda x, y: np.einsum("ij,jk->ik", x, y, optimize=True), (grid, grid))  # fmt: skip
    yield Pair("einsum bij,bj", partial(cr.einsum, "bij,bj->bi"),
               lambda x, y: np.einsum("bij,bj->bi", x, y), (cube, cube[:, 0].copy()))  # fmt: skip
    yield Pair("matmul of a stack", cr.matmul, np.matmul, (cube, cube))
    yield Pair("matrix times vector", cr.matmul, np.matmul, (grid, grid[0].copy()))
    yield Pair("linspace", lambda: cr.linspace(0, 1, count), lambda: np.linspace(0, 1, count), ())
    yield Pair("arange", lambda: cr.arange(count), lambda: np.arange(count), ())
    yield Pair("zeros", lambda: cr.zeros((n, n)), lambda: np.zeros((n, n)), ())
    yield Pair("eye", lambda: cr.eye(n), lambda: np.eye(n), ())
    yield Pair("tensor(array)", cr.tensor, np.array, (x,))


def draws(count: int) -> Iterator[Pair]:
    """Random numbers, beside those of NumPy that are made of the same bits."""
    key, generator = cr.random.key(0), np.random.Generator(np.random.Philox(0))
    theirs: dict[str, Run] = {
        "uniform": lambda: generator.random(count),
        "normal": lambda: generator.standard_normal(count),
        "exponential": lambda: generator.standard_exponential(count),
        "gumbel": lambda: generator.gumbel(size=count),
        "permutation": lambda: generator.permutation(count),
    }
    for name, twin in theirs.items():
        shape: Any = count if name == "permutation" else (count,)
        ours = partial(getattr(cr.random, name), key, shape)
        yield Pair(f"random.{name}", ours, twin, (), False)
    yield Pair("random.randint", lambda: cr.random.randint(key, (count,), 0, 1000),
               lambda: generator.integers(0, 1000, count), (), False)  # fmt: skip
    yield Pair("random.bernoulli", lambda: cr.random.bernoulli(key, 0.3, (count,)),
               lambda: generator.random(count) < 0.3, (), False)  # fmt: skip
