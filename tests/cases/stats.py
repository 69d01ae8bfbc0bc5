"""Statistics of Tensors, weighted and not."""

from functools import partial

import numpy as np
import scipy.stats

from chainrule import stats
from tests.cases.case import Case, Spec

ROWS, WEIGHTS = Spec("distinct", (5, 3)), Spec("positive", (5,))


def _of_columns(weights: np.ndarray, x: np.ndarray, power: int) -> np.ndarray:
    m = np.average(x, 0, weights)
    moment = np.average((x - m) ** power, 0, weights)
    return np.asarray(moment / np.average((x - m) ** 2, 0, weights) ** (power / 2))


CASES: list[Case] = [
    Case("weighted mean", lambda x, w: stats.mean(x, axis=0, weights=w), (ROWS, WEIGHTS),
         lambda x, w: np.average(x, 0, w)),
    Case("weighted variance", lambda x, w: stats.variance(x, axis=0, weights=w, correction=0),
         (ROWS, WEIGHTS), lambda x, w: np.cov(x, rowvar=False, aweights=w, ddof=0).diagonal()),
    Case("weighted standard deviation",
         lambda x, w: stats.standard_deviation(x, axis=0, weights=w, correction=0),
         (ROWS, WEIGHTS),
         lambda x, w: np.cov(x, rowvar=False, aweights=w, ddof=0).diagonal() ** 0.5),
    Case("skewness", partial(stats.skewness, axis=0), (ROWS,), scipy.stats.skew),
    Case("weighted skewness", lambda x, w: stats.skewness(x, axis=0, weights=w), (ROWS, WEIGHTS),
         lambda x, w: _of_columns(w, x, 3)),
    Case("kurtosis", partial(stats.kurtosis, axis=0), (ROWS,), scipy.stats.kurtosis),
    Case("median", partial(stats.median, axis=0), (ROWS,), lambda x: np.median(x, 0)),
    Case("quartiles", partial(stats.quartiles, axis=0), (ROWS,),
         lambda x: np.quantile(x, [0.25, 0.5, 0.75], 0)),
    Case("quantile by hazen's method", lambda x: stats.quantile(x, 0.3, axis=0, method="hazen"),
         (ROWS,), lambda x: np.quantile(x, 0.3, 0, method="hazen")),
    Case("weighted quantile",
         lambda x, w: stats.quantile(x, 0.3, axis=0, weights=w, method="inverted_cdf"),
         (ROWS, WEIGHTS),
         lambda x, w: np.quantile(x, 0.3, 0, weights=w, method="inverted_cdf")),
    Case("covariance", partial(stats.covariance, correction=1), (ROWS,),
         lambda x: np.cov(x, rowvar=False)),
    Case("weighted covariance", lambda x, w: stats.covariance(x, correction=0, weights=w),
         (ROWS, WEIGHTS), lambda x, w: np.cov(x, rowvar=False, aweights=w, ddof=0)),
    Case("correlation", stats.correlation, (ROWS, Spec("normal", (5, 2))),
         lambda x, y: np.corrcoef(x, y, rowvar=False)[:3, 3:]),
    Case("weighted histogram",
         lambda w: stats.histogram(np.array([0.1, 0.2, 0.5, 0.7, 1.0]), 2, weights=w).counts,
         (WEIGHTS,), lambda w: np.array([w[:3].sum(), w[3:].sum()])),
]  # fmt: skip
