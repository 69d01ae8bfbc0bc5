"""Central differences with extrapolation are as accurate as their docstring says."""

import numpy as np
import pytest

from chainrule.autodiff.numerical import directional


@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (lambda x: x**3, lambda x: 3 * x**2),
        (np.log, lambda x: 1 / x),
        (lambda x: 1 / x, lambda x: -1 / x**2),
    ],
    ids=["sin", "exp", "cube", "log", "reciprocal"],
)
def test_smooth_functions_to_ten_digits(f, slope) -> None:  # type: ignore[no-untyped-def]
    x = np.array([0.3, 0.7, 1.9])
    (found,) = directional(lambda given: [f(given[0])], [x], [np.ones(3)])
    np.testing.assert_allclose(found, slope(x), rtol=1e-9)


def test_a_kink_nearby_is_stepped_around() -> None:
    x = np.array([0.004, -0.004, 0.0003, 1.0])
    (found,) = directional(lambda given: [abs(given[0])], [x], [np.ones(4)])
    np.testing.assert_allclose(found, [1, -1, 1, 1], rtol=1e-9)


def test_a_step_out_of_the_domain_is_ignored() -> None:
    (found,) = directional(lambda given: [np.log(given[0])], [np.array([0.01])], [np.ones(1)])
    np.testing.assert_allclose(found, [100.0], rtol=1e-6)


def test_several_inputs_and_results_along_one_direction() -> None:
    x, y = np.array([1.0, 2.0]), np.array(3.0)
    product, total = directional(
        lambda given: [given[0] * given[1], given[0].sum()], [x, y], [np.array([1.0, 0.0]), y / 3]
    )
    np.testing.assert_allclose(product, [4.0, 2.0], rtol=1e-10)
    np.testing.assert_allclose(total, 1.0, rtol=1e-10)


def test_nothing_is_estimated_where_nothing_is_finite() -> None:
    (found,) = directional(lambda given: [given[0] * np.nan], [np.ones(2)], [np.ones(2)])
    assert np.isnan(found).all()
