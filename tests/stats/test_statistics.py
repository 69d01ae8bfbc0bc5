"""Statistics of Tensors: NumPy's and SciPy's values, weights as repetitions, NaN, derivatives."""

from collections.abc import Callable
from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule import stats
from chainrule.stats.order import Method
from chainrule.tensors import tensor
from chainrule.testing import assert_close, check_gradients
from chainrule.transform import jit, vmap

GENERATOR = np.random.default_rng(7)
X = GENERATOR.standard_normal((5, 6, 7))
W = GENERATOR.integers(0, 4, 6).astype(float)
SHARES = np.array([0.0, 0.1, 0.25, 0.5, 0.63, 0.8, 1.0])
METHODS = get_args(Method)

# Each function with the one of NumPy or SciPy that it should agree with.
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "mean": (stats.mean, np.mean),
    "variance": (partial(stats.variance, correction=1), partial(np.var, ddof=1)),
    "standard_deviation": (
        partial(stats.standard_deviation, correction=0.5), partial(np.std, ddof=0.5),
    ),
    "median": (stats.median, np.median),
    "quartiles": (stats.quartiles, lambda x, axis=None: np.quantile(x, [0.25, 0.5, 0.75], axis)),
    "skewness": (stats.skewness, scipy.stats.skew),
    "kurtosis": (stats.kurtosis, scipy.stats.kurtosis),
}  # fmt: skip
each_pair = pytest.mark.parametrize("name", PAIRS)


def repeated(x: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    return np.repeat(x, weights.astype(int), axis)


@each_pair
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2)])
def test_values_are_those_of_numpy_and_scipy(name: str, axis: Any) -> None:
    ours, theirs = PAIRS[name]
    if name in ("skewness", "kurtosis") and isinstance(axis, tuple):
        pytest.skip("SciPy knows no several axes")
    assert_close(ours(X, axis=axis), np.asarray(theirs(X, axis=axis)), rtol=1e-12, atol=1e-14)


@each_pair
def test_a_weight_counts_an_element_as_often(name: str) -> None:
    ours, theirs = PAIRS[name]
    expected = np.asarray(theirs(repeated(X, W, 1), axis=1))
    for run in (ours, jit(partial(ours, axis=1))):
        options = {"axis": 1} if run is ours else {}
        assert_close(run(X, weights=tensor(W), **options), expected, rtol=1e-12, atol=1e-14)


@each_pair
def test_nan_is_left_out_propagated_or_refused(name: str) -> None:
    ours, theirs = PAIRS[name]
    x = X[0].copy()
    x[[0, 2, 3], [1, 1, 4]] = np.nan
    columns = [np.asarray(theirs(c[~np.isnan(c)])) for c in x.T]
    assert_close(ours(x, axis=0, nan="omit"), np.stack(columns, -1), rtol=1e-12, atol=1e-14)
    spoiled = np.isnan(ours(x, axis=0).numpy())
    assert (spoiled == np.isnan(x).any(0)).all()
    with pytest.raises(ValueError, match="3 of 42 elements are NaN, first that at"):
        ours(x, nan="raise")
    assert np.isnan(ours(np.full(3, np.nan), nan="omit").numpy()).all()


@each_pair
def test_derivatives_are_those_of_differences(name: str) -> None:
    ours, _ = PAIRS[name]
    check_gradients(partial(ours, axis=0), X[:, :2, 0])
    if name in ("mean", "variance", "standard_deviation", "skewness", "kurtosis"):
        check_gradients(lambda x, w: ours(x, axis=0, weights=w), X[:, :2, 0], 0.5 + X[:, 0, 1] ** 2)


@each_pair
def test_vmap_is_a_loop_and_jit_the_same(name: str) -> None:
    ours, _ = PAIRS[name]
    looped = np.stack([ours(row).numpy() for row in X])
    assert_close(vmap(ours)(tensor(X)), looped, rtol=1e-12)
    assert_close(jit(ours)(tensor(X)), ours(X), rtol=1e-12)


def test_the_correction_must_be_said() -> None:
    with pytest.raises(TypeError, match="correction"):
        stats.variance(X)  # type: ignore[call-arg]


def test_equal_elements_have_a_deviation_of_0_with_derivative_0() -> None:
    from chainrule.transform import grad

    f = partial(stats.standard_deviation, correction=0, weights=np.ones(3))
    assert_close(grad(f)(tensor([2.0, 2.0, 2.0])), np.zeros(3))


# ---------------------------------------------------------------- quantiles


@pytest.mark.parametrize("method", METHODS)
def test_quantiles_are_those_of_numpy(method: Any) -> None:
    for size in (1, 2, 5, 10, 11):
        x = GENERATOR.standard_normal((size, 3))
        expected = np.quantile(x, SHARES, 0, method=method)
        assert_close(stats.quantile(x, SHARES, axis=0, method=method), expected, rtol=1e-12)
        ones = np.ones(size)
        weighted = stats.quantile(x, SHARES, axis=0, method=method, weights=ones)
        assert_close(weighted, expected, rtol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_weighted_quantiles_are_those_of_repeated_elements(method: Any) -> None:
    expected = np.quantile(repeated(X, W, 1), SHARES, 1, method=method)
    found = stats.quantile(X, SHARES, axis=1, method=method, weights=W)
    assert_close(found, expected, rtol=1e-12)


def test_real_weights_give_the_inverted_distribution_function_of_numpy() -> None:
    weights = GENERATOR.uniform(0, 1, 7)
    weights[2] = 0
    expected = np.quantile(X, SHARES, -1, method="inverted_cdf", weights=weights)
    found = stats.quantile(X, SHARES, axis=-1, method="inverted_cdf", weights=weights)
    assert_close(found, expected)


def test_quantiles_of_infinities_are_no_nan() -> None:
    x = np.array([-np.inf, -np.inf, 1.0, np.inf, np.inf])
    for weights in (None, np.ones(5)):
        found = stats.quantile(x, [0.1, 0.5, 0.9], weights=weights)
        assert_close(found, np.array([-np.inf, 1.0, np.inf]))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.sampled_from(METHODS))
@settings(max_examples=60)
def test_any_quantile_is_that_of_numpy(numbers: list[float], method: Any) -> None:
    expected = np.quantile(numbers, 0.3, method=method)
    found = stats.quantile(np.array(numbers), 0.3, method=method)
    assert_close(found, np.asarray(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_a_recorded_quantile_keeps_its_dtype(method: Any) -> None:
    x = cr.tensor([3.0, 1.0, 2.0, 5.0], dtype="float32")
    compiled = cr.jit(lambda x: stats.quantile(x, 0.3, method=method))
    assert compiled(x).dtype is x.dtype
    assert_close(compiled(x), stats.quantile(x, 0.3, method=method))


# ---------------------------------------------------------------- features together


def test_covariance_and_correlation_are_those_of_numpy() -> None:
    x, y = X[0], X[1]
    assert_close(stats.covariance(x, correction=1), np.cov(x, rowvar=False), rtol=1e-12)
    assert_close(stats.correlation(x), np.corrcoef(x, rowvar=False), rtol=1e-12)
    both = np.cov(x, y, rowvar=False, ddof=0)[:7, 7:]
    assert_close(stats.covariance(x, y, correction=0), both, rtol=1e-12)
    cross = np.corrcoef(x, y, rowvar=False)[:7, 7:]
    assert_close(stats.correlation(x, y), cross, rtol=1e-12)
    weighted = np.cov(x, rowvar=False, fweights=W.astype(int))
    assert_close(stats.covariance(x, correction=1, weights=W), weighted, rtol=1e-12)
    stacked = np.stack([np.cov(one, rowvar=False) for one in X])
    assert_close(stats.covariance(X, correction=1), stacked, rtol=1e-12)
    assert np.isnan(stats.covariance(x[:1], correction=1).numpy()).all()


def test_covariance_and_correlation_have_the_derivatives_of_differences() -> None:
    check_gradients(partial(stats.covariance, correction=1), X[0, :, :3])
    check_gradients(stats.correlation, X[0, :, :2], X[1, :, :2])


@pytest.mark.parametrize("bins", [1, 7, "sturges", "scott", "freedman-diaconis", "auto"])
def test_histograms_are_those_of_numpy(bins: Any) -> None:
    x = X.ravel()
    theirs = {"freedman-diaconis": "fd"}.get(bins, bins)
    for options in ({}, {"range": (-1.0, 1.0)}):
        counts, edges = np.histogram(x, theirs, **options)
        found = stats.histogram(x, bins, **options)
        assert_close(found.edges, edges, rtol=1e-12)
        if bins != "scott":
            assert_close(found.counts, counts)
        density = stats.histogram(x, bins, density=True, **options).counts
        assert_close(density, np.histogram(x, theirs, density=True, **options)[0], rtol=1e-9)


def test_weighted_histograms_are_those_of_numpy_and_have_a_derivative() -> None:
    edges, weights = np.array([-2.0, -0.5, 0.0, 3.0]), GENERATOR.uniform(0, 1, X.shape)
    expected = np.histogram(X, edges, weights=weights)[0]
    assert_close(stats.histogram(X, edges, weights=weights).counts, expected, rtol=1e-12)
    check_gradients(lambda w: stats.histogram(X[0], edges, weights=w).counts, weights[0])
    x = np.array([np.nan, 0.0, 1.0, np.inf])
    assert_close(stats.histogram(x, 2).counts, np.array([1, 1]))


def test_a_description_is_that_of_each_column_without_its_nan() -> None:
    x = X[0].copy()
    x[1, 2] = np.nan
    found = stats.describe(x)
    assert_close(found.count, np.where(np.arange(7) == 2, 5, 6))
    assert_close(found.missing, np.where(np.arange(7) == 2, 1, 0))
    assert_close(found.minimum, np.nanmin(x, 0))
    assert_close(found.third_quartile, np.nanquantile(x, 0.75, 0), rtol=1e-12)
    assert_close(found.standard_deviation, np.nanstd(x, 0, ddof=1), rtol=1e-12)
    assert len(repr(found).splitlines()) == 8
    nothing = stats.describe(np.full((2, 1), np.nan))
    assert int(nothing.count[0]) == 0
    assert np.isnan(nothing.maximum.numpy()).all()
