"""Every function has the value that its NumPy or SciPy oracle has."""

import numpy as np
import pytest

from chainrule import tree
from chainrule.tensors import tensor
from chainrule.testing import assert_close
from tests.cases import ALL
from tests.cases.case import Case

VALUED = [case for case in ALL if case.value is not None]
each_case = pytest.mark.parametrize("case", VALUED, ids=lambda case: case.name)


def compare(case: Case, dtype: str, tolerance: float) -> None:
    """Compare the function on this dtype with the oracle in float64 on the same numbers."""
    inputs = case.draw(dtype)
    assert case.value is not None
    exact = [x.astype(np.float64) if x.dtype.kind == "f" else x for x in inputs]
    with np.errstate(all="ignore"):
        expected, _ = tree.flatten(case.value(*exact))
    actual, _ = tree.flatten(case.function(*map(tensor, inputs)))
    assert len(actual) == len(expected)
    for left, right in zip(actual, expected, strict=True):
        wanted = np.asarray(right)
        if wanted.dtype.kind == "f":
            finite = np.abs(wanted[np.isfinite(wanted)])
            size = float(finite.max(initial=1.0))
            assert_close(left, wanted, rtol=tolerance, atol=tolerance * size)
        else:
            assert_close(left, wanted, rtol=0, atol=0)


@each_case
def test_the_value_is_that_of_the_oracle(case: Case) -> None:
    compare(case, "float64", 1e-10)


@each_case
def test_the_value_in_float32_is_that_of_the_oracle_up_to_rounding(case: Case) -> None:
    compare(case, "float32", 2e-4)
