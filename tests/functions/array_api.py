"""What the tests of the array API standard share: hypothesis' strategies, and a comparison."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis.extra.array_api import make_strategies_namespace

import chainrule as cr
from chainrule.ir.dtype import DType

xps = make_strategies_namespace(cr)
DTYPES = xps.real_dtypes() | xps.boolean_dtypes()
FLOATING, INTEGERS = xps.floating_dtypes(), xps.integer_dtypes() | xps.unsigned_integer_dtypes()
SHAPES = xps.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def examples(count: int) -> Any:
    return settings(
        max_examples=count, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip


def same(actual: Any, expected: Any, rtol: float = 0.0, atol: float = 0.0) -> None:
    """The dtype, the shape and the numbers are NumPy's; NaN is NaN."""
    wanted = np.asarray(expected)
    assert isinstance(actual, cr.Tensor)
    assert actual.dtype.numpy == wanted.dtype
    assert actual.shape == wanted.shape
    np.testing.assert_allclose(actual.numpy(), wanted, rtol=rtol, atol=atol)


def moderate(dtype: DType) -> Any:
    """Elements whose sums and products stay within the dtype, so that no order matters much."""
    return {"min_value": -2, "max_value": 2} if dtype.is_float else None


def arrays(data: Any, dtype: DType, shape: Any = SHAPES, elements: Any = None) -> Any:
    return data.draw(xps.arrays(dtype, shape, elements=elements))
