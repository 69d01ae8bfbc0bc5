"""Rows: machine code from a Tensor to that of all blocks, and refusals that change nothing."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.functions.slots import tensor_slots
from chainrule.runtime import call_code, memory
from chainrule.runtime.filling import filling
from chainrule.runtime.programs import ready
from chainrule.runtime.rows import rows_of
from chainrule.tensors import of_value
from tests.codegen.guarded import optimized

DRAW = np.random.default_rng(0)


def made(f: Callable[..., Any], fixed: np.ndarray, x: np.ndarray, rows: int) -> Callable[..., Any]:
    """A function of a Tensor like x, of any number of rows, that goes along blocks of so many."""
    graph, _ = optimized(f, fixed, x[:rows])
    fill, slots = filling(ready(graph), 1), tensor_slots()
    assert fill is not None
    assert slots is not None
    found = rows_of(fill, [fixed], x[:1], slots)
    assert found is not None
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize("tail", [(), (3,), (2, 5)])
@pytest.mark.parametrize("rows", [1, 5, 16])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocks_lie_side_by_side(tail: tuple[int, ...], rows: int, dtype: str) -> None:
    x, scale = DRAW.standard_normal((100, *tail)).astype(dtype), np.asarray(3.0, dtype)
    f = made(lambda scale, x: cr.exp(x) * scale, scale, x, rows)
    for count in (rows, rows + 1, 31, 32, 100):
        found = f(cr.tensor(x[:count]))
        assert type(found) is cr.Tensor
        assert found._node is None
        assert found._recording is None
        array = found._value
        assert (array.shape, array.dtype) == (x[:count].shape, x.dtype)
        assert array.ctypes.data % 64 == 0
        np.testing.assert_allclose(array, np.exp(x[:count]) * 3, rtol=1e-5)


def test_rows_may_give_one_number_each() -> None:
    x, w = DRAW.standard_normal((70, 8)), DRAW.standard_normal((8, 4))
    f = made(lambda w, x: cr.sum((x @ w) ** 2, axis=-1), w, x, 16)
    for count in (16, 17, 70):
        np.testing.assert_allclose(f(cr.tensor(x[:count])).numpy(), ((x[:count] @ w) ** 2).sum(-1))


def test_what_is_of_another_kind_is_refused() -> None:
    x = DRAW.standard_normal((64, 4))
    f = made(lambda s, x: x * s, np.asarray(2.0), x, 8)
    recorded = []

    def asked(t: cr.Tensor) -> cr.Tensor:
        recorded.append(f(t))
        return cr.sum(t)

    cr.grad(asked)(cr.tensor(x))
    assert recorded == [NotImplemented]
    lying_otherwise = (of_value(x.T.copy().T), of_value(x[::2]), of_value(x.astype(">f8")))
    others = (
        x, None, 1.0, cr.tensor(x[:7]), cr.tensor(x[:, :3]), cr.tensor(x.ravel()),
        cr.tensor(x[None]), cr.tensor(x.astype("float32")), cr.tensor(x.astype("int64")),
        cr.ones((0, 4)), cr.ones((2**18, 4)), *lying_otherwise,
    )  # fmt: skip
    assert all(f(given) is NotImplemented for given in others)
    np.testing.assert_array_equal(f(cr.tensor(x)).numpy(), x * 2)


def test_a_block_that_fails_is_refused_and_the_next_one_is_not() -> None:
    table = np.arange(5.0)
    x = np.arange(64) % 5
    f = made(cr.take, table, x, 8)
    for place in (0, 20, 63):
        wrong = x.copy()
        wrong[place] = 9
        assert f(cr.tensor(wrong)) is NotImplemented
        np.testing.assert_array_equal(f(cr.tensor(x)).numpy(), table[x])


def test_memory_comes_back() -> None:
    x = cr.tensor(DRAW.standard_normal(4000))
    f = made(lambda s, x: x * s, np.asarray(2.0), x.numpy(), 16)
    gc.collect()
    memory.release()
    places = set()
    for _ in range(200):
        places.add(f(x)._value.ctypes.data)
    assert len(places) == 1
    assert memory.release() >= x.numpy().nbytes
    kept = [f(x) for _ in range(200)]
    assert len({t._value.ctypes.data for t in kept}) == 200


def test_there_are_none_where_objects_lie_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    x = DRAW.standard_normal(64)
    graph, _ = optimized(lambda s, x: x * s, np.asarray(2.0), x[:8])
    fill, slots = filling(ready(graph), 1), tensor_slots()
    assert fill is not None
    assert slots is not None
    call_code.maker.cache_clear()
    monkeypatch.setattr(call_code, "_library", lambda: None)
    assert rows_of(fill, [np.asarray(2.0)], x[:1], slots) is None
    call_code.maker.cache_clear()
