"""Every routine of linalg, stats, probability and the array vocabulary beside its twin.

Both work on the same numbers and give the same; they alternate, and rows where ours takes more than
1.2 times as long are listed again. Ours runs as it comes, without jit. ROUTINES_ROUNDS says how
often, ROUTINES_SIZES how many elements (matrices are square), ROUTINES and ROUTINES_PARTS name only
some, and ROUTINES_CLOCK=cpu counts the processor's time, for a machine that has other work; with
OMP_NUM_THREADS=1 and CHAINRULE_THREADS=1 then.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.forms import dtypes, layouts, stacks
from benchmarks.pairs import Pair, Run, draws, elementwise, layout, ordering, reductions
from benchmarks.timing import alternate, machine, median, ratio, table
from chainrule import linalg as la
from chainrule import probability as pr
from chainrule import stats

ROUNDS = int(os.environ.get("ROUTINES_ROUNDS", "9"))
SIZES = [int(n) for n in os.environ.get("ROUTINES_SIZES", "15000 150000").split()]
ONLY = set(os.environ.get("ROUTINES", "").split())
CLOCK = time.process_time if os.environ.get("ROUTINES_CLOCK") == "cpu" else time.perf_counter
ALLOWED = 1.2
ONE_SIZE = {"logm", "fractional_matrix_power", "sqrtm", "eig", "eigvals"}  # a large one takes long
ONLY_PARTS = os.environ.get("ROUTINES_PARTS", "").split()


def linear_algebra(count: int) -> Iterator[Pair]:
    """The rooms of linalg."""
    import scipy.linalg as sl

    draw = np.random.default_rng(0)
    n = round(count**0.5)
    a = draw.standard_normal((n, n)) + 3 * n**0.5 * np.eye(n)
    b, right, v = (draw.standard_normal(s) for s in ((n, n), (n, 8), count))
    s = a @ a.T / n + np.eye(n)
    tall, low = draw.standard_normal((4 * n, n // 4)), np.tril(a)
    few = tall @ draw.standard_normal((n // 4, n // 2))
    threes = draw.standard_normal((2, count // 3, 3))
    small = draw.standard_normal((2, round(count**0.25), round(count**0.25)))
    nl = np.linalg

    def both(name: str, theirs: Run, *arrays: np.ndarray, **same: bool) -> Pair:
        return Pair(name, getattr(la, name), theirs, arrays, **same)

    yield both("cholesky", nl.cholesky, s)
    yield both("cond", nl.cond, a)
    yield both("cross", np.cross, *threes)
    yield both("det", nl.det, s / 10)
    yield both("diagonal", lambda x: nl.diagonal(x).copy(), a)
    yield both("eig", nl.eig, a, same=False)
    yield both("eigh", nl.eigh, s, same=False)
    yield both("eigvals", nl.eigvals, a, same=False)
    yield both("eigvalsh", nl.eigvalsh, s)
    yield both("expm", sl.expm, a / n)
    power = 0.3
    yield Pair(
        "fractional_matrix_power",
        lambda x: la.fractional_matrix_power(x, power),
        lambda x: sl.fractional_matrix_power(x, power),
        (s,),
    )
    yield both("inv", nl.inv, a)
    yield both("kron", np.kron, *small)
    yield both("logm", sl.logm, s)
    yield Pair(
        "lstsq",
        lambda x, y: la.lstsq(x, y),
        partial(nl.lstsq, rcond=None),
        (tall, tall[:, :3]),
        same=False,
    )
    yield both("lu", sl.lu, a, same=False)
    yield both("matmul", np.matmul, a, b)
    yield both("matrix_norm", nl.matrix_norm, a)
    yield Pair(
        "matrix_power", lambda x: la.matrix_power(x, 5), lambda x: nl.matrix_power(x, 5), (a / n,)
    )
    yield both("matrix_rank", nl.matrix_rank, a)
    yield both("matrix_transpose", nl.matrix_transpose, a)
    yield both("norm", nl.norm, v)
    yield both("null_space", sl.null_space, few.T, same=False)
    yield both("orth", sl.orth, tall, same=False)
    yield both("outer", np.outer, right[:, 0], b[0])
    yield both("pinv", nl.pinv, tall)
    yield both("projection", lambda x: (q := sl.orth(x)) @ q.T, tall[: 2 * n])
    yield both("qr", nl.qr, a, same=False)
    yield both("slogdet", nl.slogdet, a, same=False)
    yield both("solve", nl.solve, a, right)
    yield Pair(
        "solve_triangular",
        lambda x, y: la.solve_triangular(x, y),
        partial(sl.solve_triangular, lower=True),
        (low, right),
    )
    yield both("sqrtm", sl.sqrtm, s)
    yield Pair(
        "svd",
        lambda x: la.svd(x, full_matrices=False),
        partial(nl.svd, full_matrices=False),
        (a,),
        same=False,
    )
    yield both("svdvals", nl.svdvals, a)
    yield Pair(
        "tensordot", lambda x, y: la.tensordot(x, y, axes=1), partial(np.tensordot, axes=1), (a, b)
    )
    yield both("trace", nl.trace, a)
    yield both("vecdot", nl.vecdot, a, b)
    yield both("vector_norm", nl.vector_norm, v)


def statistics(count: int) -> Iterator[Pair]:
    """The room stats."""
    import scipy.stats as st

    x = np.random.default_rng(1).standard_normal((count // 10, 10))
    w = np.random.default_rng(2).uniform(0.5, 2, len(x))
    first = {"axis": 0}
    for name, theirs in (
        ("mean", np.mean), ("median", np.median), ("skewness", st.skew), ("kurtosis", st.kurtosis),
    ):  # fmt: skip
        yield Pair(name, partial(getattr(stats, name), **first), partial(theirs, axis=0), (x,))
    for name, theirs in (("variance", np.var), ("standard_deviation", np.std)):
        ours = partial(getattr(stats, name), axis=0, correction=1)
        yield Pair(name, ours, partial(theirs, axis=0, ddof=1), (x,))
    shares = [0.25, 0.5, 0.75]
    yield Pair(
        "quartiles", partial(stats.quartiles, axis=0), lambda x: np.quantile(x, shares, 0), (x,)
    )
    yield Pair(
        "quantile",
        lambda x: stats.quantile(x, 0.9, axis=0),
        lambda x: np.quantile(x, 0.9, 0),
        (x,),
    )
    yield Pair(
        "weighted mean",
        lambda x, w: stats.mean(x, axis=0, weights=w),
        lambda x, w: np.average(x, 0, w),
        (x, w),
    )
    yield Pair(
        "covariance",
        partial(stats.covariance, correction=1),
        lambda x: np.cov(x, rowvar=False),
        (x,),
    )
    yield Pair("correlation", stats.correlation, lambda x: np.corrcoef(x, rowvar=False), (x,))
    yield Pair(
        "histogram",
        lambda x: stats.histogram(x, 30).counts,
        lambda x: np.histogram(x, 30)[0],
        (x[:, :5].reshape(-1),),
    )
    yield Pair("describe", stats.describe, st.describe, (x,), same=False)


def distributions(count: int) -> Iterator[Pair]:
    """The room probability: densities, distribution functions and their inverses, draws."""
    import scipy.stats as st

    draw = np.random.default_rng(3)
    key = cr.random.key(0)
    share, normal = draw.uniform(0.01, 0.99, count), draw.standard_normal(count)
    positive, counts = draw.gamma(2.3, size=count), draw.poisson(3.7, count)
    alpha, spread = np.array([1.5, 2.0, 0.7]), np.cov(draw.standard_normal((8, 50)))
    each: list[tuple[Any, Any, np.ndarray]] = [
        (pr.Normal(0.7, 1.4), st.norm(0.7, 1.4), normal),
        (pr.Laplace(0.7, 1.4), st.laplace(0.7, 1.4), normal),
        (pr.Uniform(-1.0, 2.5), st.uniform(-1, 3.5), normal),
        (pr.Exponential(1.7), st.expon(scale=1 / 1.7), positive),
        (pr.Gamma(2.3, 1.7), st.gamma(2.3, scale=1 / 1.7), positive),
        (pr.Beta(2.2, 3.1), st.beta(2.2, 3.1), share),
        (pr.Bernoulli(probability=0.3), st.bernoulli(0.3), draw.integers(0, 2, count)),
        (pr.Poisson(3.7), st.poisson(3.7), counts),
        (pr.MultivariateNormal(np.zeros(8), spread), st.multivariate_normal(np.zeros(8), spread),
         normal[: count // 8 * 8].reshape(-1, 8)),
        (pr.Dirichlet(alpha), st.dirichlet(alpha), draw.dirichlet(alpha, count // 3)),
    ]  # fmt: skip
    for ours, theirs, x in each:
        name = type(ours).__name__
        log_density = getattr(theirs, "logpdf", None) or theirs.logpmf
        if isinstance(ours, pr.Dirichlet):
            log_density = lambda x: st.dirichlet.logpdf(x.T, alpha)  # noqa: E731
        if not hasattr(theirs, "ppf") and name in ("Bernoulli", "Poisson"):
            log_density = theirs.logpmf
        yield Pair(f"{name}.log_density", ours.log_density, log_density, (x,))
        if hasattr(ours, "cdf") and hasattr(theirs, "ppf"):
            yield Pair(f"{name}.cdf", ours.cdf, theirs.cdf, (x,))
        if hasattr(ours, "quantile") and hasattr(theirs, "ppf"):
            yield Pair(f"{name}.quantile", ours.quantile, theirs.ppf, (share,))
        many = len(x)
        yield Pair(
            f"{name}.sample",
            lambda ours=ours, many=many: ours.sample(key, many),
            lambda theirs=theirs, many=many: theirs.rvs(many, random_state=0),
            (),
            same=False,
        )


def measured(pair: Pair, count: int) -> tuple[list[str], float]:
    """A line of the table, and how many times as long ours takes."""
    tensors = [cr.tensor(a) for a in pair.arrays]
    ours, theirs = partial(pair.ours, *tensors), partial(pair.theirs, *pair.arrays)
    if pair.same:
        found, wanted = np.asarray(ours()), np.asarray(theirs())
        # NumPy adds up columns of float32 one by one; ours are closer to the sum.
        size = np.max(np.abs(wanted), initial=0.0) if wanted.dtype == np.float32 else 0.0
        np.testing.assert_allclose(
            found, wanted, rtol=1e-6, atol=1e-8 + 1e-5 * size, err_msg=pair.name
        )
    times = alternate({"ours": ours, "theirs": theirs}, ROUNDS, 0.005, clock=CLOCK)
    middle, low, high = ratio(times["ours"], times["theirs"])
    least = min(times["ours"]) / min(times["theirs"])
    cells = [f"{median(times[k]) * 1e6:.0f}" for k in ("ours", "theirs")]
    line = [pair.name, f"{count:,}", *cells, f"{middle:.2f} ({low:.2f}–{high:.2f})", f"{least:.2f}"]
    return line, min(middle, least)


def main() -> None:
    """Print all rows, then those that are slower than allowed, and names without a twin."""
    warnings.filterwarnings("ignore")
    head = ["routine", "elements", "ours µs", "theirs µs", "times as long", "of the least"]
    rows, slow, seen = [head], [head], set()
    parts = (linear_algebra, statistics, distributions, elementwise, reductions, ordering, layout,
             draws, dtypes, layouts, stacks)  # fmt: skip
    chosen = [part for part in parts if part.__name__ in ONLY_PARTS] if ONLY_PARTS else parts
    for count in SIZES:
        for pair in chain.from_iterable(part(count) for part in chosen):
            seen.add(pair.name)
            is_large = pair.name in ONE_SIZE and count > 2 * SIZES[0]
            if is_large or (ONLY and pair.name not in ONLY):
                continue
            line, factor = measured(pair, count)
            rows.append(line)
            if factor > ALLOWED:
                slow.append(line)
    print(f"\n{machine()}\n\n{table(rows)}\n\nmore than {ALLOWED} times as long:\n\n{table(slow)}")
    alone = sorted({*la.__all__, *stats.__all__} - seen)
    print(f"\nwithout a twin: {', '.join(alone)}")
