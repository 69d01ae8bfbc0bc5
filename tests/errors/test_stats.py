"""What statistics say, word for word."""

import numpy as np

from chainrule import stats
from chainrule.errors import ArgumentError, ShapeError
from chainrule.tensors import tensor
from tests.errors.raised import message

MATRIX = tensor(np.arange(6.0).reshape(2, 3))


def test_nothing_has_no_statistics() -> None:
    assert message(ArgumentError, lambda: stats.mean(np.zeros((3, 0)), axis=1)) == (
        "mean: axis 1 has no elements\n\n    f64[3, 0]\n\n  There is no mean of nothing."
    )


def test_nan_that_is_to_raise() -> None:
    x = np.array([[1.0, np.nan], [np.nan, 2.0]])
    assert message(ArgumentError, lambda: stats.median(x, nan="raise")) == (
        "median: 2 of 4 elements are NaN, first that at [0, 1]\n\n    x   f64[2, 2]\n\n"
        '  nan="omit" leaves them out, nan="propagate" makes the result NaN.'
    )
    assert message(ArgumentError, lambda: stats.mean(x, nan="skip")) == (  # type: ignore[arg-type]
        "mean: nan='skip' is none of 'propagate', 'omit' and 'raise'"
    )


def test_weights_that_do_not_fit() -> None:
    run = lambda: stats.variance(MATRIX, axis=0, correction=1, weights=np.ones(3))  # noqa: E731
    assert message(ShapeError, run) == (
        "variance: weights of shape [3] do not fit x along axis 0\n\n"
        "    x         f64[2, 3]\n    weights   f64[3]\n\n"
        "  There is a weight for each element, or one for each place along a single axis."
    )
    assert message(
        ArgumentError, lambda: stats.mean(MATRIX, axis=0, weights=np.array([1, -1]))
    ) == (
        "mean: a weight is negative or NaN\n\n    weights   f64[2]\n\n"
        "  A weight says how often an element counts."
    )
    assert message(
        ShapeError, lambda: stats.covariance(MATRIX, correction=0, weights=np.ones(3))
    ) == (
        "covariance: there is not one weight for each row\n\n"
        "    x         f64[2, 3]\n    weights   f64[3]"
    )


def test_quantiles_that_do_not_exist() -> None:
    assert message(ArgumentError, lambda: stats.quantile(MATRIX, 1.5)) == (
        "quantile: q lies between 0 and 1, and Tensor(1.5) does not"
    )
    assert message(
        ArgumentError,
        lambda: stats.quantile(MATRIX, 0.5, method="middle"),  # type: ignore[arg-type]
    ) == (
        "quantile: there is no method 'middle'\n\n  There are 'inverted_cdf', "
        "'averaged_inverted_cdf', 'closest_observation', 'interpolated_inverted_cdf', 'hazen', "
        "'weibull', 'linear', 'median_unbiased', 'normal_unbiased', 'lower', 'higher', "
        "'midpoint', 'nearest'."
    )
    weights = np.array([0.5, 1.0, 2.0])
    assert message(ArgumentError, lambda: stats.quantile(MATRIX, 0.5, axis=1, weights=weights)) == (
        "quantile: method='linear' has no meaning for weights that are not whole numbers\n\n"
        "    weights   f64[2, 3]\n\n"
        '  "inverted_cdf" and "averaged_inverted_cdf" take any weights.'
    )


def test_covariances_of_what_are_no_rows() -> None:
    assert message(ShapeError, lambda: stats.covariance(np.ones(3), correction=0)) == (
        "covariance: the last two axes are observations and features\n\n    x   f64[3]"
    )
    assert message(ShapeError, lambda: stats.correlation(MATRIX, np.ones((3, 1)))) == (
        "correlation: the last two axes are observations and features, as many observations in y "
        "as in x\n\n    x   f64[2, 3]\n    y   f64[3, 1]"
    )


def test_histograms_without_bins() -> None:
    assert message(ArgumentError, lambda: stats.histogram(MATRIX, 0)) == (
        "histogram: bins=0; there is one at least"
    )
    assert message(ArgumentError, lambda: stats.histogram(np.array([np.nan]))) == (
        "histogram: no element is finite, so there is no range\n\n    x   f64[1]\n\n"
        "  range=(low, high) gives one."
    )
    wide = np.array([-1e308, 1e308])
    assert message(ArgumentError, lambda: stats.histogram(wide, 2)) == (
        "histogram: 2 bins from -1e+308 to 1e+308 have no edges that increase in float64"
    )
    far = np.array([*np.linspace(0.0, 1.0, 1000), 1e12])
    assert message(ArgumentError, lambda: stats.histogram(far, "auto")) == (
        "histogram: bins='auto' makes 9.99e+12 bins from 0 to 1e+12, where most elements lie "
        "close together\n\n    x   f64[1001]\n\n"
        "  range=(low, high) leaves out those far away; or give a number of bins."
    )
    assert message(ArgumentError, lambda: stats.histogram(MATRIX, range=(2.0, 1.0))) == (
        "histogram: range=(2.0, 1.0) does not go up from one number"
    )
    assert message(ArgumentError, lambda: stats.histogram(MATRIX, np.array([0.0, 0.0]))) == (
        "histogram: the edges do not increase: Tensor([0., 0.])"
    )
    assert message(ShapeError, lambda: stats.histogram(MATRIX, np.array([0.0]))) == (
        "histogram: edges have one axis, and there are two at least\n\n    bins   f64[1]"
    )
    assert message(
        ArgumentError,
        lambda: stats.histogram(MATRIX, "rice"),  # type: ignore[arg-type]
    ) == ("histogram: there is no rule 'rice'; there are scott, freedman-diaconis, sturges, auto")
    assert message(ShapeError, lambda: stats.histogram(MATRIX, weights=np.ones(2))) == (
        "histogram: there is not one weight for each element\n\n"
        "    x         f64[2, 3]\n    weights   f64[2]"
    )


def test_accumulators_that_do_not_merge() -> None:
    first, second = stats.Moments.of(np.ones((2, 3))), stats.Moments.of(np.ones((2, 4)))
    assert message(ShapeError, lambda: first.merge(second)) == (
        "Moments.merge: features of shape [3] and of shape [4] are not the same"
    )
    assert message(ShapeError, lambda: stats.Moments.of(1.0)) == (
        "Moments.of: a chunk has an axis of rows\n\n    x   f64[]"
    )
    each = np.ones((2, 3))
    assert message(ShapeError, lambda: stats.Comoments.of(each, weights=each)) == (
        "Comoments.of: there is not one weight for each row\n\n"
        "    x         f64[2, 3]\n    weights   f64[2, 3]"
    )
    assert message(ShapeError, lambda: stats.Comoments.of(np.ones(3))) == (
        "Comoments.of: a chunk has rows and columns, two axes\n\n    x   f64[3]"
    )
    fine, coarse = stats.QuantileSketch(0.01), stats.QuantileSketch(0.1)
    assert message(ArgumentError, lambda: fine.merge(coarse)) == (
        "QuantileSketch.merge: sketches with relative errors of 0.01 and 0.1 have different buckets"
    )
    assert message(ArgumentError, lambda: stats.QuantileSketch(1.0)) == (
        "QuantileSketch: relative_error is 1.0; it lies between 0 and 1"
    )
    assert message(ArgumentError, lambda: fine.quantile(0.5)) == (
        "QuantileSketch.quantile: the sketch is empty"
    )
    assert message(ArgumentError, lambda: stats.QuantileSketch.of([1.0]).quantile(2)) == (
        "QuantileSketch.quantile: q lies between 0 and 1, and 2.0 does not"
    )
    assert message(ArgumentError, lambda: stats.exact_quantiles(lambda: [[np.nan]], 0.5)) == (
        "exact_quantiles: the chunks have no numbers"
    )
    passes = iter([[[1.0, 2.0]], [[1.0]]])
    assert message(ArgumentError, lambda: stats.exact_quantiles(lambda: next(passes), 1.0)) == (
        "exact_quantiles: the second pass gave other numbers than the first"
    )


def test_a_table_with_too_few_names() -> None:
    assert message(ShapeError, lambda: stats.describe(MATRIX).table(["a"])) == (
        "describe: 1 name for 3 features"
    )
