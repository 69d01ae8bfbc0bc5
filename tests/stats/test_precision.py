"""Statistics of numbers that lie far from 0, are many, or are very large or small."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import stats
from chainrule.tensors import tensor
from chainrule.transform import jit

GENERATOR = np.random.default_rng(11)
FAR = (1000 + GENERATOR.standard_normal((300_000, 2))).astype(np.float32)
ONES = np.ones(len(FAR), np.float32)
OWN = FAR.astype(float)

# Each statistic of columns, and what NumPy says of the same numbers in float64.
OF_COLUMNS: dict[str, tuple[Callable[[Any, Any], Any], Any]] = {
    "mean": (lambda x, w: stats.mean(x, axis=0), OWN.mean(0)),
    "weighted mean": (lambda x, w: stats.mean(x, axis=0, weights=w), OWN.mean(0)),
    "variance": (lambda x, w: stats.variance(x, axis=0, correction=0), OWN.var(0)),
    "weighted variance": (
        lambda x, w: stats.variance(x, axis=0, correction=0, weights=w), OWN.var(0),
    ),
    "standard deviation": (
        lambda x, w: stats.standard_deviation(x, axis=0, correction=0), OWN.std(0),
    ),
    "covariance": (lambda x, w: stats.covariance(x, correction=1), np.cov(OWN.T)),
    "weighted covariance": (
        lambda x, w: stats.covariance(x, correction=1, weights=w), np.cov(OWN.T),
    ),
    "correlation": (lambda x, w: stats.correlation(x), np.corrcoef(OWN.T)),
}  # fmt: skip


@pytest.mark.parametrize("name", OF_COLUMNS)
@pytest.mark.parametrize("way", [lambda f: f, jit])
def test_long_columns_of_float32_far_from_0_keep_their_digits(name: str, way: Any) -> None:
    statistic, expected = OF_COLUMNS[name]
    found = way(statistic)(cr.tensor(FAR), cr.tensor(ONES))
    assert found.dtype.name == "float32"
    np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6, atol=1e-6)


def test_weights_of_float32_are_added_in_float64() -> None:
    n = 300_000
    x, weights = GENERATOR.permutation(n).astype(np.float32), np.full(n, 0.1, np.float32)
    found = stats.quantile(x, tensor([0.25, 0.5]), method="inverted_cdf", weights=weights)
    assert found.tolist() == [n / 4 - 1, n / 2 - 1]
    counts = stats.histogram(x, 3, weights=weights).counts
    np.testing.assert_allclose(counts.numpy(), n * np.float32(0.1) / 3, rtol=1e-6)
    with_jit = jit(lambda w: stats.histogram(x, 3, weights=w).counts)(tensor(weights))
    np.testing.assert_allclose(with_jit.numpy(), counts.numpy(), rtol=1e-6)


def test_a_weight_is_in_the_sum_of_its_own_bin_only() -> None:
    x = np.array([0.5, 1.5, 2.5])
    for odd in (np.nan, 1e20):
        counts = stats.histogram(x, 3, weights=np.array([odd, 1.0, 2.0])).counts.numpy()
        np.testing.assert_array_equal(counts, [odd, 1.0, 2.0])


ALIKE = np.column_stack([np.full(10, 0.3), np.arange(10.0)])


def test_columns_of_equal_numbers_have_neither_shape_nor_correlation() -> None:
    x, weights = tensor(ALIKE), tensor(np.full(10, 0.1))
    for statistic in (stats.skewness, stats.kurtosis):
        for w in (None, weights):
            found = statistic(x, axis=0, weights=w)
            assert np.isnan(found.numpy()).tolist() == [True, False]
    found = stats.correlation(x)
    assert np.isnan(found.numpy()).tolist() == [[True, True], [True, False]]
    assert float(stats.describe(x).standard_deviation[0]) == 0.0
    moments = stats.Moments.of(x)
    assert float(moments.standard_deviation(correction=1)[0]) == 0.0
    assert np.isnan(moments.skewness().numpy()).tolist() == [True, False]
    assert np.isnan(moments.kurtosis().numpy()).tolist() == [True, False]


def test_shape_and_correlation_do_not_depend_on_the_unit() -> None:
    x = GENERATOR.gamma(2.0, size=(50, 2))
    scales = {"float64": (1e-300, 1e-110, 1e110, 1e300), "float32": (1e-35, 1e-12, 1e12, 1e35)}
    for dtype, several in scales.items():
        tolerance = 1e-5 if dtype == "float32" else 1e-12
        for scale in several:
            scaled = tensor((x * scale).astype(dtype))
            for f in (stats.skewness, stats.kurtosis):
                expected = f(x, axis=0).numpy()
                np.testing.assert_allclose(f(scaled, axis=0).numpy(), expected, rtol=tolerance)
            expected = np.corrcoef(x.T)
            np.testing.assert_allclose(stats.correlation(scaled).numpy(), expected, rtol=tolerance)


def test_one_number_that_is_off_by_a_little_is_an_outlier_like_any_other() -> None:
    x = np.array([*[0.1] * 10, 0.1 + 2.0**-51])
    assert abs(float(stats.skewness(x)) - 9 / 10**0.5) < 1e-12
    assert abs(float(stats.kurtosis(x)) - 6.1) < 1e-12


@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_an_element_that_counts_0_times_is_not_there(lost: float) -> None:
    x, weights = tensor([[lost], [1.0], [4.0]]), tensor([0.0, 1.0, 2.0])
    kept, counted = tensor([[1.0], [4.0]]), tensor([1.0, 2.0])
    for f in (stats.mean, stats.median, stats.skewness, stats.kurtosis):
        assert f(x, axis=0, weights=weights).tolist() == f(kept, axis=0, weights=counted).tolist()
    found = stats.variance(x, axis=0, weights=weights, correction=0)
    assert found.tolist() == stats.variance(kept, axis=0, weights=counted, correction=0).tolist()
    found = stats.covariance(x, weights=weights, correction=0)
    assert found.tolist() == stats.covariance(kept, weights=counted, correction=0).tolist()
    moments = stats.Moments.of(x, weights=weights)
    assert moments.mean().tolist() == [3.0]
    assert moments.maximum.tolist() == [4.0]
    assert jit(lambda x: stats.mean(x, axis=0, weights=weights))(x).tolist() == [3.0]


def test_quantiles_among_infinite_elements() -> None:
    x = tensor([np.inf, -np.inf, 2.0, 1.0])
    for method in ("inverted_cdf", "higher", "closest_observation"):
        found = stats.quantile(x, tensor([0.0, 0.5, 1.0]), method=method)
        expected = np.quantile(x.numpy(), [0.0, 0.5, 1.0], method=method)
        assert found.tolist() == expected.tolist()
    assert stats.quantile(x, tensor([0.3, 0.9]), method="hazen").tolist() == [-np.inf, np.inf]
    ends = stats.exact_quantiles(lambda: [x.numpy()], [0.0, 0.2, 0.5, 1.0]).tolist()
    assert ends == [-np.inf, -np.inf, 1.5, np.inf]


def test_a_quantile_that_is_an_element_is_that_element() -> None:
    x, weights = tensor([-1e20, 1.0, 3.0]), tensor([1.0, 1.0, 1.0])
    for method in ("inverted_cdf", "higher"):
        f = lambda x, m=method: stats.quantile(x, 0.4, method=m)  # noqa: E731  two ways of it
        assert float(jit(f)(x)) == 1.0
        assert float(stats.quantile(x, 0.4, method=method, weights=weights)) == 1.0


def test_a_fine_sketch_of_numbers_far_apart_takes_the_memory_of_its_buckets() -> None:
    sketch = stats.QuantileSketch.of([1e-300, 1.0, 1e300], relative_error=1e-9)
    assert len(sketch.positive) == 3
    assert abs(float(sketch.quantile(0.5)) - 1.0) < 1e-8


def test_a_histogram_of_equal_large_numbers_has_edges_around_them() -> None:
    for dtype in ("float32", "float64"):
        found = stats.histogram(np.full(3, 1e18, dtype), 4)
        assert int(found.counts.sum()) == 3
        assert (np.diff(found.edges.numpy()) > 0).all()
