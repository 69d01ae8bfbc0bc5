"""Derivatives of incomplete functions by their parameters, against 40 digits of mpmath."""

import numpy as np
import pytest

from chainrule.functions.incomplete import betainc, gammainc
from chainrule.tensors import tensor
from chainrule.testing import assert_close
from chainrule.transform import grad

# (a, x, ∂P/∂a, ∂²P/∂a²), by mpmath.diff of mpmath.gammainc
GAMMA = [
    (0.001, 0.0001, -8.560635309048715, 72.29174306711671),
    (0.3, 1e-06, -0.24098786936949879, 3.268567255680126),
    (0.3, 5.0, -0.0034310827952698853, -0.010111517753331838),
    (2.5, 20.0, -3.499890642552943e-07, -7.473662059479914e-07),
    (50.0, 30.0, -0.0002830094447125904, 0.00014481829548814478),
    (50.0, 80.0, -6.656624190876828e-05, -3.13362682931763e-05),
    (1000.0, 950.0, -0.003551127164809476, 0.00018216448743631368),
    (1000.0, 1100.0, -0.00011048987784079389, -1.0531678471574556e-05),
]
# (a, b, x, ∂I/∂a, ∂I/∂b, ∂²I/∂a∂b), by mpmath.diff of mpmath.betainc
BETA = [
    (0.01, 0.02, 0.3, -22.588449240546257, 11.02759578976957, 358.68795225638536),
    (0.3, 0.4, 0.99, -0.17704255150237758, 0.44735556511427965, 0.800102281905401),
    (2.0, 3.0, 0.01, -0.00238237390521053, 0.00034139575316609273, -0.0012434370354383797),
    (0.5, 30.0, 0.2, -0.0010373206411469443, 6.386928302993119e-05, 0.00023882223889445134),
    (100.0, 0.01, 0.999, -8.94060438294842e-05, 1.8079297179532294, -0.00878399796264255),
    (1000.0, 1000.0, 0.51, -0.005921424296404131, 0.006041047012048269, 0.00011963369052947934),
]


@pytest.mark.parametrize(("a", "x", "first", "second"), GAMMA)
def test_derivatives_of_the_gamma_function_by_its_parameter(
    a: float, x: float, first: float, second: float
) -> None:
    slope = grad(lambda a: gammainc(a, x))
    assert_close(slope(tensor(a)), np.asarray(first), rtol=1e-9, atol=0)
    assert_close(grad(slope)(tensor(a)), np.asarray(second), rtol=1e-9, atol=0)


@pytest.mark.parametrize(("a", "b", "x", "by_a", "by_b", "mixed"), BETA)
def test_derivatives_of_the_beta_function_by_its_parameters(
    a: float, b: float, x: float, by_a: float, by_b: float, mixed: float
) -> None:
    slopes = grad(lambda a, b: betainc(a, b, x), argnums=(0, 1))
    found = slopes(tensor(a), tensor(b))
    assert_close(found, (np.asarray(by_a), np.asarray(by_b)), rtol=1e-9, atol=0)
    second = grad(lambda b: slopes(tensor(a), b)[0])(tensor(b))
    assert_close(second, np.asarray(mixed), rtol=1e-9, atol=0)


def test_derivatives_at_the_ends_are_no_nan() -> None:
    for x in (0.0, np.inf):
        assert float(grad(lambda a, x=x: gammainc(a, x))(tensor(2.0))) == 0
    for x in (0.0, 1.0):
        assert float(grad(lambda a, x=x: betainc(a, 2.0, x))(tensor(2.0))) == 0
