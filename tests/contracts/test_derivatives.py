"""Forward mode, reverse mode and central differences agree, at first and second order."""

import pytest

from chainrule.testing import check_gradients
from tests.cases import ALL
from tests.cases.case import Case

DIFFERENTIABLE = [case for case in ALL if case.orders >= 1]


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.name)
def test_both_modes_and_central_differences_agree(case: Case) -> None:
    inputs = case.draw()
    check_gradients(case.function, *inputs, orders=case.orders, tolerance=case.tolerance)
