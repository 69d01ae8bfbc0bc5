"""Giving: what machine code does with Tensors that are given away, and with whoever sees them."""

import _thread
import gc
import inspect
import os
import sys
import threading
import time
import tracemalloc
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import DonatedError, IndexingError
from chainrule.runtime import memory
from chainrule.runtime.call_text import FIELDS
from chainrule.tensors import of_value
from chainrule.transform.donation import GivenAway
from chainrule.transform.watching import held
from tests.patience import LIMIT

SIZE = 500  # numbers: so much that results are written over it
SMALL, LARGE = 3, 20_000


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")


def _own(value=1.0, size=SIZE):
    """A Tensor whose memory a program made."""
    return _copied(cr.tensor(np.full(size, value)))


@cr.jit
def _copied(x):
    return x + 0.0


def _place(tensor):
    return tensor.numpy().ctypes.data


def _ready(step, make, calls=4):
    """Call a jitted function until it has a way in machine code; gives that way alone."""
    for _ in range(calls):
        step(*make())
    return _native_way(step)


def _native_way(step):
    way = step.shortcuts[0].way
    if way.__name__ == "either":
        way = inspect.getclosurevars(way).nonlocals["way"]
    assert way.__name__ in ("at_once", "looking", "finishing")
    return way


@pytest.mark.parametrize("size", [SMALL, SIZE, LARGE])
def test_a_loop_of_steps_is_machine_code_and_stays_in_one_place_where_it_is_large(size):
    step = cr.jit(lambda x, rate: ((y := x - rate * x), cr.sum(y)), donate="x")
    way = _ready(step, lambda: (_own(size=size), 0.5))
    x, places = _own(size=size), []
    for k in range(10):
        places.append(_place(x))
        old = x
        made = way((x, 0.5), {})
        assert made is not NotImplemented
        x, total = made
        assert total.item() == size * 0.5 ** (k + 1)
        assert type(old) is GivenAway
        assert type(x) is cr.Tensor
        with pytest.raises(DonatedError, match="given away: x of <lambda>, at "):
            old.numpy()
    assert x.tolist() == [0.5**10] * size
    assert size == SMALL or len(set(places)) == 1


def test_what_is_left_has_a_type_and_says_where_it_was_given_away():
    step = cr.jit(lambda model: cr.tree.map_(lambda t: t * 2, model), donate="model")
    _ready(step, lambda: ({"w": _own(), "b": [cr.ones(2, dtype="float32")]},))
    w, b = _own(), cr.ones(2, dtype="float32")
    step({"w": w, "b": [b]})
    line = inspect.currentframe().f_lineno - 1
    assert (w.shape, w.dtype, b.shape, b.dtype) == ((SIZE,), cr.float64, (2,), cr.float32)
    assert repr(b) == (
        f"Tensor(f32[2], given away: model.b.0 of <lambda>, at test_giving.py:{line} "
        "(test_what_is_left_has_a_type_and_says_where_it_was_given_away))"
    )
    with pytest.raises(DonatedError) as error:
        w.tolist()
    assert str(error.value) == (
        "this f64[500] Tensor was given away: model.w of <lambda>, at "
        f"test_giving.py:{line} (test_what_is_left_has_a_type_and_says_where_it_was_given_away)\n\n"
        "  jit(…, donate=…) lets <lambda> write results into its memory. Go on with what <lambda>\n"
        "  gives, or keep a .copy() from before the call."
    )


SEEN = {
    "an array": lambda x: x.numpy(),
    "a part": lambda x: x.numpy()[3:50:2],
    "raw memory": lambda x: memoryview(x.numpy()),
    "another library": np.from_dlpack,
    "another Tensor": lambda x: of_value(x._value),
    "its base alone": lambda x: x._value.base,
}


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("size", [SIZE, LARGE])
def test_who_sees_the_memory_keeps_it_and_python_makes_a_copy(name, size):
    step = cr.jit(lambda x: x * 2, donate="x")
    way = _ready(step, lambda: (_own(size=size),))
    x = way((_own(size=size),), {})
    seen = SEEN[name](x)
    before = held(x).copy()
    assert way((x,), {}) is NotImplemented
    assert type(x) is cr.Tensor
    assert x.tolist() == before.tolist() == [2.0] * size
    assert step(x).tolist() == [4.0] * size
    assert type(x) is GivenAway
    assert name == "its base alone" or set(np.asarray(seen).tolist()) == {2.0}


def test_arrays_and_tensors_over_foreign_memory_are_not_written_over():
    step = cr.jit(lambda x: x * 2, donate="x")
    way = _ready(step, lambda: (_own(),))
    array = np.ones(SIZE)
    for foreign in (of_value(array), cr.tensor(array), of_value(memory.empty((SIZE,), "f8")[:])):
        keep = held(foreign)
        numbers = keep.tolist()
        assert way((foreign,), {}) is NotImplemented
        assert step(foreign).tolist() == [2 * v for v in numbers]
        assert keep.tolist() == numbers
    assert way((array,), {}) is NotImplemented
    assert step(array).tolist() == [2.0] * SIZE
    assert array.tolist() == [1.0] * SIZE


def test_python_writes_over_what_machine_code_made_too():
    _ready(_copied, lambda: (cr.ones(SIZE),))
    for size in (SIZE, LARGE):
        x = _own(size=size)
        place = _place(x)
        x = cr.jit(lambda x: x * 2, donate="x")(x)
        assert (_place(x), x.tolist()) == (place, [2.0] * size)


def test_one_tensor_that_is_given_twice():
    both = cr.jit(lambda a, b: (a + 1, a * b), donate=(0, 1))
    one = cr.jit(lambda a, b: (a + 1, a * b), donate=0)
    small = cr.jit(lambda a, b: (a[:2] + 1, cr.sum(a * b)), donate=("a", "b"))
    for step in (both, one, small):
        way = _ready(step, lambda: (_own(), _own()))
        x = _own(3.0)
        made = way((x, x), {})
        if made is NotImplemented:
            assert step is not small
            made = step(x, x)
        assert made[0].tolist()[:2] == [4.0, 4.0]
        assert np.sum(made[1].numpy()) == 9.0 * SIZE
        assert "given away" in repr(x)
        with pytest.raises(DonatedError):
            step(x, _own())
        with pytest.raises(DonatedError):
            step(_own(), x)


def test_a_tensor_that_the_function_closes_over_too():
    w = _own(3.0)
    step = cr.jit(lambda x: x * 2 + w, donate="x")
    _ready(step, lambda: (_own(),))
    assert step(w).tolist() == [9.0] * SIZE
    with pytest.raises(DonatedError):
        step(_own())


def test_what_is_returned_as_it_is_goes_from_tensor_to_tensor():
    step = cr.jit(lambda x, y: (y, x, x + y), donate=("x", "y"))
    way = _ready(step, lambda: (_own(), _own()))
    x, y = _own(1.0), _own(2.0)
    places = {_place(x), _place(y)}
    for _ in range(5):
        x, y, total = way((x, y), {})
        assert total.tolist() == [3.0] * SIZE
    assert (x.tolist()[0], y.tolist()[0]) == (2.0, 1.0)
    assert {_place(x), _place(y)} == places


def test_a_call_that_fails_gives_nothing_away_and_the_next_one_goes_on():
    step = cr.jit(lambda x, k: (x * 2, cr.take(x, k, axis=0)), donate="x")
    way = _ready(step, lambda: (_own(), cr.tensor([1])))
    x = _own()
    for _ in range(3):
        array = x._value
        del array
        assert way((x, cr.tensor([SIZE])), {}) is NotImplemented
        assert type(x) is cr.Tensor
        with pytest.raises(IndexingError):
            step(x, cr.tensor([SIZE]))
        assert set(x.tolist()) == {1.0}
        place = _place(x)
    x, taken = way((x, cr.tensor([0])), {})
    assert (_place(x), taken.tolist()) == (place, [1.0])


@pytest.mark.parametrize("size", [SMALL, SIZE, LARGE])
def test_no_reference_is_lost_or_kept(size):
    step = cr.jit(lambda x, k: (x * 2, x, cr.take(x, k, axis=0)), donate="x")
    way = _ready(step, lambda: (_own(size=size), cr.tensor([1])))
    k, wrong, unlike = cr.tensor([1]), cr.tensor([size]), cr.ones(size + 1)
    gift = next(iter(step.cache.values())).gifts[0]
    objects = [k, wrong, k._value, cr.Tensor, GivenAway, gift, np.ndarray, np.dtype("f8"), None]
    keep = way((_own(size=size), k), {})
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(300):
        x = _own(size=size)
        assert way((x, wrong), {}) is NotImplemented
        assert way((unlike, k), {}) is NotImplemented
        for _ in range(3):
            old = x
            _, x, last = way((x, k), {})
            assert sys.getrefcount(x._value) == sys.getrefcount(keep[1]._value)
            assert way((old, k), {}) is NotImplemented
        assert last.tolist() == [1.0]
    del x, old, last
    gc.collect()
    after = [sys.getrefcount(o) for o in objects]
    for one, other, value in zip(before, after, objects, strict=True):
        assert abs(one - other) < 100, value


def test_memory_does_not_grow():
    step = cr.jit(lambda x, y, k: (x * 2, y + x[:3], cr.take(x, k, axis=0)), donate=("x", "y"))
    way = _ready(step, lambda: (_own(), cr.ones(3), cr.tensor([1])))
    x, y, k, wrong = _own(0.0), cr.ones(3), cr.tensor([1]), cr.tensor([SIZE])
    for _ in range(100):
        x, y, _ = way((x, y, k), {})
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(2000):
            x, y, _ = way((x, y, k), {})
            assert way((x, y, wrong), {}) is NotImplemented
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def test_cells_are_written_and_one_whose_value_is_given_away_too_is_told():
    count = cr.State(_own(0.0))

    @cr.jit(donate="x")
    def step(x):
        count.value = count.value + x
        return x * 2

    way = _ready(step, lambda: (_own(),))
    assert way.__name__ == "finishing"
    x = _own()
    x = way((x,), {})
    assert (x.tolist()[0], count.value.tolist()[0]) == (2.0, 5.0)
    x = step(count.value)
    assert (x.tolist()[0], count.value.tolist()[0]) == (10.0, 10.0)


class Pair(NamedTuple):
    """A tree that only Python can make."""

    first: cr.Tensor
    second: cr.Tensor


def test_results_that_python_puts_together():
    step = cr.jit(lambda x: Pair(x + 1, x), donate="x")
    way = _ready(step, lambda: (_own(),))
    assert way.__name__ == "finishing"
    x = _own(2.0)
    assert way((x,), {}).first.tolist() == [3.0] * SIZE
    assert type(x) is GivenAway


def test_a_finalizer_that_looks_while_a_call_is_under_way_keeps_what_it_saw():
    """Objects that are made may let the collector run, and that any code at all."""
    step = cr.jit(lambda x: {str(k): x * k for k in range(20)}, donate="x")
    _ready(step, lambda: (_own(),))
    seen, now = [], []

    class Cycle:
        def __init__(self):
            self.own = self

        def __del__(self):
            if now:
                seen.append(now[0].numpy() if type(now[0]) is cr.Tensor else None)

    before = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for k in range(200):
            x = _own(float(k))
            now[:] = [x]
            Cycle()
            made = step(x)
            now.clear()
            assert all(made[str(n)].tolist()[0] == k * n for n in range(20))
            assert all(a is None or set(a.tolist()) == {float(k)} for a in seen)
            seen.clear()
    finally:
        gc.set_threshold(*before)


def test_threads_that_give_the_same_tensor_away_at_once():
    """One gets it; the others are told, or see the numbers that they lent."""
    step = cr.jit(lambda x: cr.exp(x - x) * (x + 1), donate="x")
    _ready(step, lambda: (_own(size=LARGE),))
    wrong, gate = [], threading.Barrier(4)
    shared = [None]

    def work(number):
        for turn in range(60):
            gate.wait()
            if number == 0:
                shared[0] = _own(float(turn), LARGE)
            gate.wait()
            try:
                made = step(shared[0])
            except DonatedError:
                continue
            if set(made.tolist()) != {turn + 1.0}:
                wrong.append(turn)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_that_train_beside_each_other():
    step = cr.jit(lambda x, y: (x + y, cr.sum(x)), donate="x")
    y = _own(1.0)
    _ready(step, lambda: (_own(), y))
    wrong = []

    def work(number):
        x = _own(float(number))
        for turn in range(300):
            x, total = step(x, y)
            if total.item() != SIZE * (number + turn):
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_child_goes_on_where_its_parent_forked():
    step = cr.jit(lambda x: x + 1, donate="x")
    way = _ready(step, lambda: (_own(),))
    x = way((_own(),), {})
    child = os.fork()
    if child == 0:
        try:
            right = way((x,), {}).tolist() == [3.0] * SIZE and type(x) is GivenAway
            os._exit(0 if right else 1)
        except BaseException:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert x.tolist() == [2.0] * SIZE


class Holder(cr.nn.Module):
    """What machine code makes by ``object.__new__``."""

    weight: cr.Tensor


def test_what_fails_after_inputs_were_written_over_is_an_error():
    """As where memory ends: the numbers are gone by then, so no other way can begin anew."""
    step = cr.jit(lambda m: cr.tree.map_(lambda t: t + 1, m), donate="m")
    way = _ready(step, lambda: (Holder(_own()),))
    call = inspect.getclosurevars(way).nonlocals["call"]
    words = inspect.getclosurevars(call).nonlocals["native"].__self__[1]

    def refuse(kind):
        raise MemoryError

    model, make = Holder(_own()), words[FIELDS.index("make")]
    words[FIELDS.index("make")] = id(refuse)
    with pytest.raises(MemoryError):
        step(model)
    assert type(model.weight) is GivenAway
    words[FIELDS.index("make")] = make
    assert step(Holder(_own())).weight.tolist() == [2.0] * SIZE


def test_a_thread_may_begin_with_a_call():
    step = cr.jit(lambda x: x * 2, donate="x")
    _ready(step, lambda: (_own(),))
    x = _own()
    _thread.start_new_thread(step, (x,))
    end = time.monotonic() + LIMIT
    while type(x) is cr.Tensor and time.monotonic() < end:
        time.sleep(0.001)
    with pytest.raises(DonatedError, match=r"given away: x of <lambda>, at jit\.py:"):
        x.numpy()


def test_who_traces_or_profiles_calls_sees_no_difference():
    step = cr.jit(lambda x: x * 2, donate="x")
    _ready(step, lambda: (_own(),))
    calls = []
    sys.setprofile(lambda frame, event, value: calls.append(event))
    try:
        x = _own()
        y = step(x)
    finally:
        sys.setprofile(None)
    assert y.tolist() == [2.0] * SIZE
    assert "c_call" in calls


trees = some.recursive(
    some.sampled_from(["tensor", "tensor", "array", "float", "none", "word", "number", "again"]),
    lambda inner: some.one_of(
        some.lists(inner, max_size=3),
        some.lists(inner, max_size=3).map(tuple),
        some.dictionaries(some.text("abxyz", max_size=3), inner, max_size=3),
    ),
    max_leaves=8,
)


def _made(kind, draw, before):
    """A tree; Tensors may stand in two places."""
    if isinstance(kind, list | tuple):
        return type(kind)(_made(k, draw, before) for k in kind)
    if isinstance(kind, dict):
        return {name: _made(k, draw, before) for name, k in kind.items()}
    if kind == "float":
        return draw(some.floats(-8, 8))
    if kind == "again" and before:
        return draw(some.sampled_from(before))
    if kind in ("tensor", "array", "again"):
        shape = draw(some.sampled_from([(), (3,), (2, 2), (0, 2), (SIZE,), (9000,)]))
        made = np.full(shape, draw(some.floats(0, 1)))
        if kind == "array":
            return made
        before.append(_copied(cr.tensor(made)))
        return before[-1]
    return {"none": None, "word": "word", "number": 7}[kind]


def _numbers(tree):
    return [held(t).copy() if isinstance(t, cr.Tensor) else np.copy(t)
            for t in cr.tree.flatten(tree)[0] if isinstance(t, cr.Tensor | np.ndarray)]  # fmt: skip


@given(trees, trees, some.lists(some.sampled_from(["a", "b"]), unique=True), some.data())
@settings(max_examples=30, deadline=None)
def test_trees_of_all_kinds_may_be_given_away(first, second, donated, data):
    def function(a, b):
        a, b = cr.tree.map_(lambda x: 0.0 if isinstance(x, str) else x, (a, b))
        return cr.tree.map_(lambda x: x * 3, (a, b)), a

    step, plain = cr.jit(function, donate=tuple(donated)), cr.jit(function)
    before = []
    kinds = {"a": _made(first, data.draw, before), "b": _made(second, data.draw, before)}

    def fresh(offset):
        """The same again in memory of its own, and other numbers; shared Tensors stay shared."""
        known = {}

        def one(leaf):
            if isinstance(leaf, cr.Tensor):
                return known.setdefault(id(leaf), _copied(cr.tensor(leaf.numpy() + offset)))
            return leaf + offset if isinstance(leaf, np.ndarray | float) else leaf

        return cr.tree.map_(one, kinds)

    for turn in range(6):
        given_now, wanted_from = fresh(turn), fresh(turn)
        lent = [t.numpy() for t in cr.tree.flatten(given_now)[0] if isinstance(t, cr.Tensor)]
        lent = lent if data.draw(some.booleans()) else []
        kept = [array.copy() for array in lent]
        made, wanted = step(**given_now), plain(**wanted_from)
        for mine, right in zip(_numbers(made), _numbers(wanted), strict=True):
            np.testing.assert_array_equal(mine, right)
        for array, copy in zip(lent, kept, strict=True):
            np.testing.assert_array_equal(array, copy)
        gone = {id(t) for name in donated for t in cr.tree.flatten(given_now[name])[0]}
        for tensor in cr.tree.flatten(given_now)[0]:
            if isinstance(tensor, cr.Tensor):
                assert (type(tensor) is GivenAway) is (id(tensor) in gone)
