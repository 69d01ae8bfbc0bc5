"""jit changes nothing but speed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from chainrule import tree
from chainrule.tensors import tensor
from chainrule.testing import assert_close
from chainrule.transform import grad, jit, value_and_grad
from tests.cases import ALL
from tests.cases.case import Case
from tests.contracts.scalar import floating, weighted

# Data-dependent shapes cannot be recorded without values; such cases cannot be batched either.
COMPILED = [case for case in ALL if case.batched]
DIFFERENTIABLE = [case for case in COMPILED if case.orders >= 1 and floating(case.draw())]


def same(actual: Any, expected: Any) -> None:
    """Compare trees up to the rounding of another order of sums, with their dtypes."""
    left, right = (tree.flatten(t)[0] for t in (actual, expected))
    for a, b in zip(left, right, strict=True):
        assert a.dtype is b.dtype
        value = b.numpy()
        size = float(np.abs(value[np.isfinite(value)]).max(initial=1.0))
        assert_close(a, b, rtol=1e-10, atol=1e-11 * size, names=("jit", "eager"))


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.name)
def test_jit_gives_the_value_of_the_function(case: Case) -> None:
    inputs: Sequence[Any] = [tensor(x) for x in case.draw()]
    compiled = jit(case.function)
    expected = case.function(*inputs)
    same(compiled(*inputs), expected)
    same(compiled(*inputs), expected)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.name)
def test_jit_and_grad_commute(case: Case) -> None:
    inputs = [tensor(x) for x in case.draw()]
    places = floating(case.draw())
    number = weighted(case.function)
    value, gradient = value_and_grad(number, argnums=places)(*inputs)
    same(jit(value_and_grad(number, argnums=places))(*inputs), (value, gradient))
    same(grad(jit(number), argnums=places)(*inputs), gradient)
