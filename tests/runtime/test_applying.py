"""Applying: machine code from Tensors to a ufunc's result, and refusals that change nothing."""

import gc
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions import pointwise
from chainrule.functions.often import OFTEN
from chainrule.functions.slots import tensor_slots
from chainrule.runtime import call_code
from chainrule.runtime.aligned import FROM
from chainrule.runtime.applying import Kinds, applying
from chainrule.tensors import of_value

DRAW = np.random.default_rng(0)
F64, F32, I64 = (np.dtype(name) for name in ("float64", "float32", "int64"))
PAIRS: frozenset[Kinds] = frozenset({(F64, F64), (F32, F32), (I64, I64), (F64, float), (int, F64)})
ONE: frozenset[Kinds] = frozenset({(F64,), (F32,)})


def made(ufunc: np.ufunc, kinds: frozenset[Kinds], **how: Any) -> Callable[..., Any]:
    slots = tensor_slots()
    assert slots is not None
    found = applying(ufunc, kinds, slots, **how)
    assert found is not None
    return found


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 1, 4), (70, 100)])
def test_what_is_made_is_what_numpy_makes(dtype: str, shape: tuple[int, ...]) -> None:
    x, y = (10 * DRAW.standard_normal((2, *shape))).astype(dtype)
    found = made(np.less, PAIRS)(cr.tensor(x), cr.tensor(y))
    assert type(found) is cr.Tensor
    assert (found._node, found._recording) == (None, None)
    assert type(found._value) is np.ndarray
    np.testing.assert_array_equal(found._value, np.less(x, y), strict=True)
    added = made(np.add, PAIRS)(cr.tensor(x), cr.tensor(y))
    np.testing.assert_array_equal(added._value, np.asarray(np.add(x, y)), strict=True)


def test_numbers_stand_beside_arrays_where_it_was_said() -> None:
    x, add = cr.tensor([1.0, 2.0]), made(np.add, PAIRS)
    assert add(x, 0.5).tolist() == [1.5, 2.5]
    assert add(3, x).tolist() == [4.0, 5.0]
    assert add(x, 3) is NotImplemented
    assert add(0.5, x) is NotImplemented
    assert add(x, True) is NotImplemented


def test_what_is_of_another_kind_is_refused() -> None:
    x, recorded = cr.tensor([1.0, 2.0]), []
    add, root = made(np.add, PAIRS), made(np.sqrt, ONE)

    def asked(t: cr.Tensor) -> cr.Tensor:
        recorded.extend([add(t, x), add(x, t), root(t)])
        return cr.sum(t)

    cr.grad(asked)(x)
    assert recorded == [NotImplemented] * 3
    others = (
        None, "x", x.numpy(), [x], cr.tensor([1, 2]), cr.float32, of_value(x.numpy().astype(">f8")),
        cr.tensor([True, False]), cr.Tensor, np.float64(1.0),
    )  # fmt: skip
    assert all(add(x, other) is add(other, x) is NotImplemented for other in others)
    assert all(root(other) is NotImplemented for other in others)
    assert add(x) is add() is add(x, x, x) is root(x, x) is NotImplemented


def test_what_numpy_refuses_is_refused_and_the_next_call_is_not() -> None:
    add = made(np.add, PAIRS)
    for _ in range(3):
        assert add(cr.ones(3), cr.ones(4)) is NotImplemented
        assert add(cr.ones(3), cr.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_numbers_that_are_not_finite_come_without_a_warning() -> None:
    divide = made(np.true_divide, PAIRS)
    with np.errstate(all="raise"):
        found = divide(cr.tensor([1.0, -1.0, 0.0]), cr.zeros(3)).numpy()
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan])


def test_axes_before_those_that_are_read_together_are_not_broadcast() -> None:
    multiply, dot = made(np.matmul, PAIRS, core=2), made(np.vecdot, PAIRS, core=1)
    for one, other in (((3, 4), (4,)), ((4,), (4, 2)), ((4,), (4,)), ((5, 3, 4), (5, 4, 2))):
        x, y = DRAW.standard_normal(one), DRAW.standard_normal(other)
        found = multiply(cr.tensor(x), cr.tensor(y))
        np.testing.assert_array_equal(found.numpy(), np.matmul(x, y))
    for one, other in (((5, 3, 4), (4, 2)), ((4,), (5, 4, 2)), ((5, 3, 4), (1, 4, 2)), ((), (4,))):
        assert multiply(cr.ones(one), cr.ones(other)) is NotImplemented
    x, y = DRAW.standard_normal((2, 5, 3, 4))
    np.testing.assert_array_equal(dot(cr.tensor(x), cr.tensor(y)).numpy(), np.vecdot(x, y))
    for one, other in (((3, 4), (4,)), ((3, 4), (1, 4)), ((3, 4), (3, 5)), ((), ())):
        assert dot(cr.ones(one), cr.ones(other)) is NotImplemented


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere NumPy's memory is as it comes")
def test_results_lie_on_whole_lines_where_that_was_asked() -> None:
    add = made(np.add, PAIRS, lines=True)
    x = cr.ones((64, FROM // 512))
    kept = [add(x, x) for _ in range(20)]
    assert all(t._value.ctypes.data % 64 == 0 for t in kept)


def test_threads_that_meet_are_refused_or_served() -> None:
    add = made(np.add, PAIRS)
    x = cr.tensor(DRAW.standard_normal(200_000))

    def several(k: int) -> bool:
        found = [add(x, cr.full(200_000, float(k))) for _ in range(20)]
        return all(t is NotImplemented or (t.numpy() == x.numpy() + k).all() for t in found)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(several, range(8)))
    assert add(x, x) is not NotImplemented


def test_nothing_is_kept() -> None:
    add = made(np.add, PAIRS)
    x, y = cr.ones(5), cr.ones(4)
    array = x._value
    gc.collect()
    before = sys.getrefcount(array), sys.getrefcount(x), sys.getrefcount(np.dtype("float64"))
    for _ in range(100):
        add(x, x), add(x, y), add(x, 2.0), add(cr.tensor(1.0), cr.tensor(1.0))
    gc.collect()
    after = sys.getrefcount(array), sys.getrefcount(x), sys.getrefcount(np.dtype("float64"))
    assert after == before
    found = add(x, x)
    gone = weakref.ref(found)
    del found
    assert gone() is None


# ---------------------------------------------------------------- the functions


@pytest.fixture
def often() -> Callable[..., Any]:
    """Calls a function until it is machine code."""
    call_code.finish()

    def call(function: Callable[..., Any], *operands: Any) -> None:
        for _ in range(OFTEN):
            function(*operands)

    return call


BINARY = (cr.add, cr.subtract, cr.multiply, cr.divide, cr.maximum, cr.less, cr.equal, cr.hypot)
UNARY = (cr.square, cr.abs, cr.negative, cr.exp, cr.sqrt, cr.floor, cr.isnan)
OPERANDS = (
    cr.tensor(DRAW.standard_normal((30, 100))), cr.tensor(DRAW.standard_normal(100)), 2.5, 3,
    cr.tensor(DRAW.standard_normal(100), dtype="float32"), cr.arange(100), cr.tensor(-0.5),
    cr.tile(cr.tensor([np.nan, np.inf, -np.inf, -0.0, 1e308]), 20),
    DRAW.standard_normal(100),
)  # fmt: skip


def same(x: cr.Tensor, y: cr.Tensor) -> bool:
    """Whether Tensors have the same bits."""
    return (x.dtype, x.shape, x.numpy().tobytes()) == (y.dtype, y.shape, y.numpy().tobytes())


@pytest.mark.parametrize("function", BINARY)
def test_functions_of_two_give_what_they_gave(
    function: Callable[..., Any], often: Callable[..., Any]
) -> None:
    pairs = [(x, y) for x in OPERANDS for y in OPERANDS if isinstance(x, cr.Tensor)]
    before = [function(x, y) for x, y in pairs]
    often(function, OPERANDS[1], OPERANDS[1])
    assert all(same(function(*p), b) for p, b in zip(pairs, before, strict=True))
    with pytest.raises(ShapeError, match=r"has sizes 3 and 4"):
        function(cr.ones(3), cr.ones(4))
    slope = cr.grad(lambda x: cr.sum(cr.where(function(x, 2.0) > 0, x, 0.0)))(cr.tensor([3.0]))
    assert slope.shape == (1,)


@pytest.mark.parametrize("function", [cr.matmul, cr.vecdot])
def test_products_give_what_they_gave(
    function: Callable[..., Any], often: Callable[..., Any]
) -> None:
    x = cr.tensor(DRAW.standard_normal((6, 6)))
    given = (x, x[0], cr.arange(6), cr.tile(x, (2, 3, 1, 1)), x.astype(cr.float32), x.T, x > 0)
    pairs = [(x, y) for x in given[:-1] for y in given]
    before = [function(x, y) for x, y in pairs]
    often(function, x, x)
    assert all(same(function(*p), b) for p, b in zip(pairs, before, strict=True))
    with pytest.raises(ShapeError):
        function(cr.ones((3, 2)), cr.ones((3, 4)))


@pytest.mark.parametrize("function", UNARY)
def test_functions_of_one_give_what_they_gave(
    function: Callable[..., Any], often: Callable[..., Any]
) -> None:
    given = [x for x in OPERANDS if isinstance(x, cr.Tensor | np.ndarray)]
    before = [function(x) for x in given]
    often(function, OPERANDS[1])
    assert all(same(function(x), b) for x, b in zip(given, before, strict=True))


def test_numbers_that_do_not_fit_are_told_as_before(often: Callable[..., Any]) -> None:
    x = cr.tensor([1, 2], dtype="int8")
    often(cr.add, x, 1)
    assert cr.add(x, 1).tolist() == [2, 3]
    with pytest.raises(ArgumentError, match="add: 1000 does not fit in int8"):
        cr.add(x, 1000)


def test_functions_are_called_many_times_before_they_are_machine_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []
    number = 0
    monkeypatch.setattr(pointwise, "machine_code", lambda *_, **__: asked.append(number))
    function = pointwise.fast_binary(pointwise.ADD)(lambda x1, _: x1)
    for number in range(1, 2 * OFTEN + 1):  # noqa: B007  it is asked about
        function(cr.tensor(1.0), 1.0)
    assert asked == [OFTEN, 2 * OFTEN]
