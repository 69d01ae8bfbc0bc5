"""Nonlinear regressions with certified values: NIST Statistical Reference Datasets.

Source: https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml (Misra1a, MGH09, Thurber): data, two
starting points each, parameters to eleven digits and the residual sum of squares.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import chainrule as cr


class Problem(NamedTuple):
    """Data, a model f(parameters, x), the starting points and what is certified."""

    x: list[float]
    y: list[float]
    model: Callable[[Any, Any], Any]
    starts: tuple[list[float], list[float]]
    certified: list[float]
    squares: float

    def residuals(self, b: Any) -> Any:
        """Model minus data."""
        return self.model(b, cr.tensor(self.x)) - cr.tensor(self.y)

    def digits(self, found: Any) -> float:
        """To how many digits the worst of the parameters is right."""
        error = np.abs(found.numpy() / self.certified - 1).max()
        return float(-np.log10(max(error, 1e-16)))


def _misra(b: Any, x: Any) -> Any:
    return b[0] * (1 - cr.exp(-b[1] * x))


def _kowalik(b: Any, x: Any) -> Any:
    return b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3])


def _thurber(b: Any, x: Any) -> Any:
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


PROBLEMS = {
    "Misra1a": Problem(
        [77.6, 114.9, 141.1, 190.8, 239.9, 289.0, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1,
         760.0],
        [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.40, 75.47,
         81.78],
        _misra,
        ([500, 0.0001], [250, 0.0005]),
        [2.3894212918e02, 5.5015643181e-04],
        1.2455138894e-01,
    ),
    "MGH09": Problem(
        [4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
        [0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
        _kowalik,
        ([25, 39, 41.5, 39], [0.25, 0.39, 0.415, 0.39]),
        [1.9280693458e-01, 1.9128232873e-01, 1.2305650693e-01, 1.3606233068e-01],
        3.0750560385e-04,
    ),
    "Thurber": Problem(
        [-3.067, -2.981, -2.921, -2.912, -2.840, -2.797, -2.702, -2.699, -2.633, -2.481, -2.363,
         -2.322, -1.501, -1.460, -1.274, -1.212, -1.100, -1.046, -0.915, -0.714, -0.566, -0.545,
         -0.400, -0.309, -0.109, -0.103, 0.010, 0.119, 0.377, 0.790, 0.963, 1.006, 1.115, 1.572,
         1.841, 2.047, 2.200],
        [80.574, 84.248, 87.264, 87.195, 89.076, 89.608, 89.868, 90.101, 92.405, 95.854, 100.696,
         101.060, 401.672, 390.724, 567.534, 635.316, 733.054, 759.087, 894.206, 990.785, 1090.109,
         1080.914, 1122.643, 1178.351, 1260.531, 1273.514, 1288.339, 1327.543, 1353.863, 1414.509,
         1425.208, 1421.384, 1442.962, 1464.350, 1468.705, 1447.894, 1457.628],
        _thurber,
        ([1000, 1000, 400, 40, 0.7, 0.3, 0.03], [1300, 1500, 500, 75, 1, 0.4, 0.05]),
        [1.2881396800e03, 1.4910792535e03, 5.8323836877e02, 7.5416644291e01, 9.6629502864e-01,
         3.9797285797e-01, 4.9727297349e-02],
        5.6427082397e03,
    ),
}  # fmt: skip
