"""float32 stays float32 in values and gradients; the width of integers changes no number."""

import numpy as np
import pytest

from chainrule import tree
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close
from chainrule.transform import grad
from tests.cases import ALL
from tests.cases.case import Case
from tests.contracts.scalar import floating, weighted

CONVERT = {"astype"}  # these name the dtype of their result
FLOATING = [case for case in ALL if floating(case.draw())]
KEEPING = [case for case in FLOATING if case.name not in CONVERT]
DIFFERENTIABLE = [case for case in FLOATING if case.orders >= 1]
INTEGER = [case for case in ALL if any(x.dtype.kind == "i" for x in case.draw())]


@pytest.mark.parametrize("case", KEEPING, ids=lambda case: case.name)
def test_float32_in_is_float32_out(case: Case) -> None:
    wide, _ = tree.flatten(case.function(*map(tensor, case.draw())))
    narrow, _ = tree.flatten(case.function(*map(tensor, case.draw("float32"))))
    for a, b in zip(narrow, wide, strict=True):
        if isinstance(b, Tensor):
            assert a.dtype.name == b.dtype.name.replace("float64", "float32")


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.name)
def test_gradients_of_float32_are_float32_and_nearly_those_of_float64(case: Case) -> None:
    places = floating(case.draw())
    gradient = grad(weighted(case.function), argnums=places)
    narrow = gradient(*map(tensor, case.draw("float32")))
    wide = gradient(*map(tensor, case.draw()))
    for a, b in zip(narrow, wide, strict=True):
        assert a.dtype.name == "float32"
        size = float(np.abs(b.numpy()).max(initial=1.0))
        assert_close(a, b, rtol=1e-3, atol=1e-3 * size, names=("float32", "float64"))


@pytest.mark.parametrize("case", INTEGER, ids=lambda case: case.name)
def test_the_width_of_integer_inputs_changes_no_number(case: Case) -> None:
    inputs = case.draw()
    expected, _ = tree.flatten(case.function(*map(tensor, inputs)))
    for width in ("int32", "int16"):
        narrow = [x.astype(width) if x.dtype.kind == "i" else x for x in inputs]
        actual, _ = tree.flatten(case.function(*map(tensor, narrow)))
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b)
