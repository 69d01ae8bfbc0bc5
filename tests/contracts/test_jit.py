"""jit changes nothing but speed, as machine code and with NumPy."""

from collections.abc import Iterator, Sequence
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
NARROW = [case for case in COMPILED if floating(case.draw())]
DIFFERENTIABLE = [case for case in COMPILED if case.orders >= 1 and floating(case.draw())]


def same(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """Compare trees up to the rounding of another order of sums, with their dtypes."""
    left, right = (tree.flatten(t)[0] for t in (actual, expected))
    for a, b in zip(left, right, strict=True):
        assert a.dtype is b.dtype
        value = b.numpy()
        size = float(np.abs(value[np.isfinite(value)]).max(initial=1.0))
        assert_close(a, b, rtol=tolerance, atol=0.1 * tolerance * size, names=("jit", "eager"))


# One recording serves both runtimes: two parametrized tests would take twice as long to record.
@pytest.fixture
def runtimes(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The names of the runtimes, each in use while it is the one at hand."""

    def each() -> Iterator[str]:
        for name in ("native", "reference"):
            monkeypatch.setenv("CHAINRULE_RUNTIME", name)
            yield name

    return each()


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.name)
def test_jit_gives_the_value_of_the_function(case: Case, runtimes: Iterator[str]) -> None:
    inputs: Sequence[Any] = [tensor(x) for x in case.draw()]
    compiled = jit(case.function)
    expected = case.function(*inputs)
    for _ in runtimes:
        same(compiled(*inputs), expected)
        same(compiled(*inputs), expected)


@pytest.mark.parametrize("case", NARROW, ids=lambda case: case.name)
def test_machine_code_for_float32_gives_the_value_of_the_function(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [tensor(x) for x in case.draw("float32")]
    expected = case.function(*inputs)
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")
    same(jit(case.function)(*inputs), expected, 1e-3)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.name)
def test_jit_and_grad_commute(case: Case, runtimes: Iterator[str]) -> None:
    inputs = [tensor(x) for x in case.draw()]
    places = floating(case.draw())
    number = weighted(case.function)
    value, gradient = value_and_grad(number, argnums=places)(*inputs)
    compiled = jit(value_and_grad(number, argnums=places))
    for _ in runtimes:
        same(compiled(*inputs), (value, gradient))
    same(grad(jit(number), argnums=places)(*inputs), gradient)
