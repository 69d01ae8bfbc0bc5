"""Accumulators: the same as all rows at once, in any grouping; sketches within their error."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainrule import stats, tree
from chainrule.stats import Comoments, Moments, QuantileSketch, exact_quantiles
from chainrule.testing import assert_close
from chainrule.transform import jit

GENERATOR = np.random.default_rng(3)
X = GENERATOR.gamma(2.0, size=(1000, 3)) + 1e4


@pytest.mark.parametrize("cuts", [[], [1], [400, 400, 999], list(range(0, 1000, 50))])
def test_merged_moments_are_those_of_all_rows(cuts: list[int]) -> None:
    merged = Moments.of_chunks(np.split(X, cuts))
    assert_close(merged.count, np.full(3, 1000.0))
    assert_close(merged.mean(), X.mean(0), rtol=1e-14)
    assert_close(merged.variance(correction=1), X.var(0, ddof=1), rtol=1e-10)
    assert_close(merged.standard_deviation(correction=0), X.std(0), rtol=1e-10)
    assert_close(merged.skewness(), stats.skewness(X, axis=0), rtol=1e-7)
    assert_close(merged.kurtosis(), stats.kurtosis(X, axis=0), rtol=1e-7)
    assert_close((merged.minimum, merged.maximum), (X.min(0), X.max(0)))
    together = Comoments.of_chunks(np.split(X, cuts))
    assert_close(together.covariance(correction=1), np.cov(X, rowvar=False), rtol=1e-9, atol=1e-12)
    assert_close(together.mean(), X.mean(0), rtol=1e-14)


def test_merging_with_nothing_changes_nothing_and_order_does_not_matter() -> None:
    a, b = Moments.of(X[:10]), Moments.of(X[10:])
    assert_close(a.merge(Moments.empty((3,))), a)
    assert_close(Moments.empty((3,)) + a, a)
    assert_close(a + b, b + a, rtol=1e-9)
    assert np.isnan(Moments.empty().mean().numpy())
    assert int(Moments.of_chunks([]).count) == 0


def test_weights_count_rows_and_nan_can_be_left_out() -> None:
    weights = GENERATOR.integers(0, 3, 1000)
    counted = Moments.of(X, weights=weights)
    assert_close(counted.variance(correction=1), np.repeat(X, weights, 0).var(0, ddof=1), rtol=1e-9)
    holes = np.where(X > 1.0004e4, np.nan, X)
    gathered = Moments.of_chunks(np.split(holes, 4), nan="omit")
    assert_close(gathered.mean(), np.nanmean(holes, 0), rtol=1e-13)
    assert_close(gathered.maximum, np.nanmax(holes, 0))
    rows = holes[~np.isnan(holes).any(1)]
    products = Comoments.of_chunks(np.split(holes, 4), nan="omit")
    assert_close(products.covariance(correction=0), np.cov(rows, rowvar=False, ddof=0), rtol=1e-8)


def test_moments_are_trees_and_merge_under_jit() -> None:
    a, b = Moments.of(X[:10]), Moments.of(X[10:])
    assert len(tree.flatten(a)[0]) == 7
    assert_close(jit(lambda p, q: p.merge(q))(a, b), a.merge(b), rtol=1e-12)


numbers = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=False)


@given(st.lists(numbers, min_size=1, max_size=50), st.floats(0, 1), st.sampled_from([0.1, 0.01]))
@settings(max_examples=100)
def test_a_sketch_keeps_its_relative_error(xs: list[float], q: float, error: float) -> None:
    kept = [x for x in xs if not math.isnan(x)]
    sketch = QuantileSketch.of(xs, relative_error=error)
    assert (sketch.count, sketch.missing) == (len(kept), len(xs) - len(kept))
    if not kept:
        return
    exact = float(np.quantile(kept, q, method="lower"))
    found = float(sketch.quantile(q))
    assert found == exact or abs(found - exact) <= error * abs(exact) * (1 + 1e-9)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60), st.integers(0, 60))
@settings(max_examples=50)
def test_merged_sketches_are_the_sketch_of_all(xs: list[float], cut: int) -> None:
    whole = QuantileSketch.of(xs)
    assert QuantileSketch.of(xs[cut:]).merge(QuantileSketch.of(xs[:cut])) == whole
    q = [0.0, 0.2, 0.5, 1.0]
    found = exact_quantiles(lambda: [xs[:cut], xs[cut:]], q)
    assert_close(found, np.quantile(xs, q), rtol=1e-12, atol=1e-12)


def test_the_quantiles_of_many_numbers_need_few_buckets() -> None:
    x = GENERATOR.lognormal(0, 3, 200_000)
    sketch = QuantileSketch.of_chunks(np.split(x, 20), relative_error=0.01)
    q = np.linspace(0, 1, 101)
    exact = np.quantile(x, q, method="lower")
    assert (np.abs(sketch.quantile(q).numpy() - exact) <= 0.01 * exact * (1 + 1e-9)).all()
    assert len(sketch.positive) < 1500
    assert_close(exact_quantiles(lambda: np.split(x, 20), q), np.quantile(x, q), rtol=1e-12)


def test_the_mean_of_infinite_numbers_is_that_of_one_pass() -> None:
    infinity = float("inf")
    parts = [np.array([[1.0, infinity, infinity]]), np.array([[2.0, 3.0, -infinity]])]
    for kind in (stats.Moments, stats.Comoments):
        for order in (parts, parts[::-1]):
            found = kind.of_chunks(order).mean().numpy()
            np.testing.assert_array_equal(found, [1.5, infinity, np.nan])
