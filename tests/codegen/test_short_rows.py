"""Rows of a few numbers go side by side through the lanes; steps of three and four are loads."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.testing import assert_close

COUNTS = (16, 17, 31, 100, 4097)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [2, 3, 4, 5])
@pytest.mark.parametrize("count", COUNTS)
def test_sums_of_short_rows_and_columns_are_those_of_numpy(
    count: int, width: int, dtype: str
) -> None:
    x = np.random.default_rng(count).uniform(0.1, 2, (count, width)).astype(dtype)
    factors = np.arange(1, width + 1).astype(dtype)

    def rows(x: cr.Tensor, w: cr.Tensor) -> tuple[cr.Tensor, ...]:
        logs = cr.sum(cr.log(x) * w, axis=-1)
        return logs, cr.where(logs > 0, cr.max(x, axis=-1), logs - cr.min(x, axis=-1))

    def columns(x: cr.Tensor, w: cr.Tensor) -> tuple[cr.Tensor, ...]:
        logs = cr.sum(cr.log(x) * w[:, None], axis=0)
        return logs, cr.where(logs > 0, cr.max(x, axis=0), logs - cr.min(x, axis=0))

    logs = (np.log(x) * factors).sum(-1)
    expected = logs, np.where(logs > 0, x.max(-1), logs - x.min(-1))
    rtol = 1e-5 if dtype == "float32" else 1e-13
    assert_close(cr.jit(rows)(x, factors), expected, rtol=rtol, atol=rtol)
    turned = np.ascontiguousarray(x.T)
    assert_close(cr.jit(columns)(turned, factors), expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("count", COUNTS)
def test_softmax_of_few_classes_and_its_gradient_are_those_of_the_reference(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = np.random.default_rng(count).standard_normal((count, 3))

    def loss(x: cr.Tensor) -> cr.Tensor:
        return cr.sum(cr.softmax(x)[:, 0] ** 2 + cr.logsumexp(x, axis=-1))

    native = cr.jit(cr.value_and_grad(loss))(x)
    monkeypatch.setenv("CHAINRULE_RUNTIME", "reference")
    assert_close(native, cr.jit(cr.value_and_grad(loss))(x), rtol=1e-12, atol=1e-13)
