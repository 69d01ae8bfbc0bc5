"""Calling: machine code from a call's arguments to its Tensors, and Python for what differs."""

import gc
import sys
import threading
import types
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

import chainrule as cr
from chainrule.errors import DonatedError, IndexingError
from chainrule.runtime import calling, memory


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")


def _ready(step, *args, **kwargs):
    """Call a jitted function until it has a way in machine code; gives that way."""
    for _ in range(4):
        step(*args, **kwargs)
    assert step.shortcuts[0].way.__module__ == "chainrule.transform.recorded"
    assert step.shortcuts[0].way.__name__ in ("at_once", "looking", "finishing")
    return step.shortcuts[0].way


def _text(made):
    return [(t.numpy().dtype.name, t.numpy().tolist()) for t in made]


def test_results_have_the_shapes_dtypes_and_flags_of_those_that_python_makes():
    x = cr.tensor(np.arange(6, dtype="float32").reshape(2, 3))
    functions = (
        x + 1, cr.sum(x), x > 2, x.astype("int64"), x[:0], cr.ones((300, 300)) * cr.sum(x), x.mT,
    )  # fmt: skip
    step = cr.jit(
        lambda x: (
            x + 1, cr.sum(x), x > 2, x.astype("int64"), x[:0], cr.ones((300, 300)) * cr.sum(x),
            x.mT,
        )
    )  # fmt: skip
    way = _ready(step, x)
    for made, wanted in zip(way((x,), {}), functions, strict=True):
        array = made._value
        assert type(made) is cr.Tensor
        assert made._node is None
        assert made._recording is None
        assert array.flags.c_contiguous
        assert array.flags.aligned
        assert array.flags.writeable
        assert not array.size or array.ctypes.data % 64 == 0
        assert (array.dtype, array.shape) == (wanted.numpy().dtype, wanted.shape)
        assert array.tolist() == wanted.tolist()


def test_inputs_and_constants_may_be_results_more_than_once():
    fixed = cr.tensor([5.0, 6.0])
    step = cr.jit(lambda x, y: [x, x + y, y, fixed, cr.arange(3.0), x + y, x])
    x, y = cr.tensor([1.0, 2.0]), cr.tensor([3.0, 4.0])
    way = _ready(step, x, y)
    made = way((x, y), {})
    assert _text(made) == _text(step.function(x, y))
    assert made[0]._value is x._value
    assert made[3]._value is fixed._value


def test_no_reference_is_lost_or_kept():
    hidden = cr.tensor([1.0, 2.0])
    step = cr.jit(
        lambda x, i, rate, y: (cr.take(x, i, axis=0) + hidden[0], x, cr.ones((200, 200)) * rate + y)
    )
    x, i, wrong, rate, y = cr.arange(4.0), cr.tensor([3]), cr.tensor([4]), float("1.5"), np.ones(1)
    way = _ready(step, x, i, rate, y)
    objects = [x, i, x._value, i._value, hidden, hidden._value, None, list, cr.Tensor, np.ndarray,
               np.dtype("float64"), rate, y]  # fmt: skip
    kept = way((x, i, rate, y), {})
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(1000):
        assert way((x, i, rate, y), {})[0].tolist() == [4.0]
        assert way((x, wrong, rate, y), {}) is NotImplemented
        assert way((x, [i], rate, y), {}) is NotImplemented
        assert way((x, i, rate), {"y": y}) is NotImplemented
    after = [sys.getrefcount(o) for o in objects]
    for one, other, value in zip(before, after, objects, strict=True):
        assert abs(one - other) < 100, value
    assert kept[0].tolist() == [4.0]
    assert sys.getrefcount(kept[0]._value) == sys.getrefcount(way((x, i, rate, y), {})[0]._value)


def test_floats_and_arrays_may_be_others_at_each_call():
    step = cr.jit(lambda x, rate, more: (x * rate + more["offset"], x.astype("float64") + rate))
    x = np.arange(6, dtype="float32").reshape(2, 3)
    way = _ready(step, x, 0.5, {"offset": 1.0})
    first, second = way((x, 2.5, {"offset": -1.0}), {})
    assert first.dtype is cr.float32
    assert first.tolist() == (x * 2.5 - 1).tolist()
    assert second.tolist() == (x + 2.5).tolist()
    x[0, 0] = 100.0
    assert first.tolist()[0][0] == -1.0
    assert way((x, 1.0, {"offset": 0.0}), {})[0].tolist()[0][0] == 100.0
    for other in (x.T, x.astype("float64"), x[:, ::2], x.tolist(), cr.tensor(x), x[0]):
        assert way((other, 1.0, {"offset": 0.0}), {}) is NotImplemented
    for number in (1, True, np.float64(1.0), np.float32(1.0), cr.tensor(1.0)):
        assert way((x, number, {"offset": 0.0}), {}) is NotImplemented
    assert step(x.T, 1, {"offset": 0.0})[0].tolist() == x.T.tolist()


def test_a_float_that_is_a_result_is_a_tensor_with_no_axes():
    step = cr.jit(lambda x, rate: (rate, x + 1))
    way = _ready(step, cr.tensor(1.0), 0.5)
    rates = [way((cr.tensor(1.0), 0.25 * k), {})[0] for k in range(100)]
    assert [r.item() for r in rates] == [0.25 * k for k in range(100)]
    assert rates[0].dtype is step(cr.tensor(1.0), 0.5)[0].dtype is cr.float64


def test_an_array_that_is_a_result_is_copied_by_the_long_way():
    step = cr.jit(lambda x: (x, x + 1))
    x = np.zeros(3)
    made = [step(x)[0] for _ in range(6)]
    x[:] = 5.0
    assert [t.tolist() for t in made] == [[0.0] * 3] * 6


def test_memory_waits_for_the_next_call_and_is_given_back():
    step = cr.jit(lambda x: (x + 1, x + 2))
    way = _ready(step, cr.zeros((16,)))
    made = way((cr.zeros((16,)),), {})
    places = {t._value.ctypes.data for t in made}
    view = made[1].numpy()[3:]
    del made
    gc.collect()
    while way((cr.ones((16,)),), {})[0]._value.ctypes.data in places:
        pytest.fail("memory was used again though a view sees it")
    assert view.tolist() == [2.0] * 13
    del view
    again = [way((cr.ones((16,)),), {}) for _ in range(2)]
    assert places <= {t._value.ctypes.data for pair in again for t in pair}
    del again
    gc.collect()
    assert memory.release() >= 256
    assert [t.tolist()[0] for t in way((cr.ones((16,)),), {})] == [2.0, 3.0]


def test_many_blocks_wait_or_go_and_none_is_used_twice():
    step = cr.jit(lambda x: x + 1)
    way = _ready(step, cr.zeros((4,)))
    made = [way((cr.tensor([float(k)] * 4),), {}) for k in range(500)]
    assert len({t._value.ctypes.data for t in made}) == 500
    del made[::2]
    made += [way((cr.tensor([float(k)] * 4),), {}) for k in range(300)]
    assert [t.tolist()[0] for t in made] == [*range(2, 501, 2), *range(1, 301)]


def test_results_outlive_the_function_and_its_program():
    step = cr.jit(lambda x: (x + 1, cr.ones((300, 300)) + x[0]))
    _ready(step, cr.zeros((4,)))
    made = step(cr.ones((4,)))
    del step
    gc.collect()
    assert made[0].tolist() == [2.0] * 4
    assert made[1].numpy().sum() == 180_000


def test_an_index_out_of_bounds_is_told_by_the_long_way():
    step = cr.jit(lambda x, i: cr.take(x, i, axis=0))
    x = cr.arange(4.0)
    way = _ready(step, x, cr.tensor([3]))
    assert way((x, cr.tensor([4])), {}) is NotImplemented
    with pytest.raises(IndexingError, match="4"):
        step(x, cr.tensor([4]))
    assert way((x, cr.tensor([1])), {}).tolist() == [1.0]


def test_a_hidden_tensor_that_was_given_away_is_told():
    weight = cr.tensor(np.ones((4,), "float32"))
    step = cr.jit(lambda x: x * weight)
    x = cr.tensor(np.ones((4,), "float32"))
    _ready(step, x)
    cr.jit(lambda w: w + 1, donate="w")(weight)
    with pytest.raises(DonatedError):
        step(x)


def test_what_lies_across_as_a_hidden_input_goes_the_way_in_python():
    across = cr.tensors.of_value(np.arange(6.0).reshape(2, 3).T)
    step = cr.jit(lambda x: x + across)
    for _ in range(5):
        assert step(cr.ones((3, 2))).tolist() == (across.numpy() + 1).tolist()
    assert step.shortcuts[0].way.__name__ == "in_python"


def test_names_of_modules_and_their_attributes_are_looked_up_anew():
    module = types.ModuleType("settings_of_a_test")
    module.scale, module.function = cr.tensor(2.0), (lambda x: x + 1)
    scope = {"settings": module, "offset": cr.tensor(10.0)}
    exec("def f(x): return settings.function(x) * settings.scale + offset", scope)
    step = cr.jit(scope["f"])
    x = cr.tensor(1.0)
    way = _ready(step, x)
    assert way.__name__ == "at_once"
    assert step(x).item() == 14.0
    scope["offset"] = cr.tensor(20.0)
    assert way((x,), {}) is NotImplemented
    assert step(x).item() == 24.0
    module.scale = cr.tensor(3.0)
    assert step(x).item() == 26.0
    module.function = lambda x: x + 2
    assert step(x).item() == 29.0
    other = types.ModuleType("settings_of_a_test")
    other.scale, other.function = cr.tensor(0.0), module.function
    scope["settings"] = other
    assert step(x).item() == 20.0


def test_a_variable_that_is_deleted_raises_as_in_python():
    scale = cr.tensor(2.0)

    def unbind():
        nonlocal scale
        del scale

    step = cr.jit(lambda x: x * scale)
    _ready(step, cr.tensor(1.0))
    unbind()
    with pytest.raises(NameError, match="scale"):
        step(cr.tensor(1.0))


def test_cells_and_lists_that_change_are_read_at_each_call():
    count, weights = cr.State(cr.tensor(0.0)), [cr.tensor(1.0)]

    @cr.jit
    def step(x):
        count.value = count.value + 1.0
        return x + count.value * weights[0]

    way = _ready(step, cr.tensor(10.0))
    assert way.__name__ == "finishing"
    assert step(cr.tensor(10.0)).item() == 15.0
    weights[0] = cr.tensor(2.0)
    assert step(cr.tensor(10.0)).item() == 22.0
    assert count.value.item() == 6.0


class Pair(NamedTuple):
    """A tree that only Python can make."""

    first: cr.Tensor
    second: cr.Tensor


class Layer(cr.nn.Module):
    """Tensors in containers of all kinds, a module, settings and functions."""

    weight: cr.Tensor
    inner: tuple[dict[str, cr.Tensor], list[cr.nn.Linear]]
    function: Callable[[cr.Tensor], cr.Tensor]
    name: str
    sizes: tuple[int, ...] = (1, 2)


RESULTS = {
    "a Tensor": lambda x: x + 1,
    "nothing": lambda x: None,
    "an empty tuple beside a Tensor": lambda x: ((), [], {}, None, x + 1),
    "a dictionary": lambda x: {"b": x + 1, "a": [x + 2, (x + 3,)], "c": {}},
    "one Tensor twice": lambda x: [x, (y := x + 1), y],
    "a named tuple": lambda x: Pair(x + 1, x + 2),
    "a module": lambda x: Layer(
        x + 1,
        ({"u": x * 2}, [cr.nn.Linear(2, 2, key=cr.random.key(0))]),
        cr.tanh,
        "layer",
    ),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_are_put_together_as_the_function_does(name):
    x = cr.tensor([1.0, 2.0])
    beside = cr.jit(lambda x: (RESULTS[name](x), x * 5))
    for step in (cr.jit(RESULTS[name]), beside):
        for _ in range(4):
            made = step(x)
        wanted = step.function(x)
        (leaves, structure), (others, same) = cr.tree.flatten(made), cr.tree.flatten(wanted)
        assert type(made) is type(wanted)
        assert structure == same
        assert _text(leaves) == _text(others)
        assert repr(made) == repr(wanted)
    assert beside.shortcuts


trees = some.recursive(
    some.sampled_from(["tensor", "array", "float", "none", "word", "number"]),
    lambda inner: some.one_of(
        some.lists(inner, max_size=3),
        some.lists(inner, max_size=3).map(tuple),
        some.dictionaries(some.text("abxyz", max_size=3), inner, max_size=3),
    ),
    max_leaves=10,
)


def _made(kind, draw):
    if isinstance(kind, list | tuple):
        return type(kind)(_made(k, draw) for k in kind)
    if isinstance(kind, dict):
        return {name: _made(k, draw) for name, k in kind.items()}
    if kind == "float":
        return draw(some.floats(-8, 8))
    if kind in ("tensor", "array"):
        made = np.full(draw(some.sampled_from([(), (3,), (2, 2), (0, 2)])), draw(some.floats(0, 1)))
        return cr.tensor(made) if kind == "tensor" else made
    return {"none": None, "word": "word", "number": 7}[kind]


@given(trees, some.data())
@settings(max_examples=25, deadline=None)
def test_trees_of_all_kinds_go_in_and_come_out(kind, data):
    given_tree, more = _made(kind, data.draw), cr.tensor([2.0])

    def function(given_tree, more):
        change = cr.tree.map_(lambda x: x * 3 if not isinstance(x, str) else more, given_tree)
        return change, more + 1

    step = cr.jit(function)
    for _ in range(4):
        step(given_tree, more)
    assert step.shortcuts
    other = cr.tree.map_(
        lambda x: x if isinstance(x, int | str)
        else np.asarray(x + 1) if isinstance(x, np.ndarray) else x + 1,
        given_tree,
    )  # fmt: skip
    made = step.shortcuts[0].way((other, more), {})
    assert made is not NotImplemented
    wanted = cr.jit(function)(other, more)
    (leaves, structure), (others, same) = cr.tree.flatten(made), cr.tree.flatten(wanted)
    assert structure == same
    assert _text(leaves) == _text(others)


def test_a_module_that_is_made_has_its_attributes_and_none_is_shared():
    model = Layer(cr.ones(2), ({"u": cr.ones(2)}, []), cr.tanh, "layer")
    step = cr.jit(lambda m: cr.tree.map_(lambda t: t + 1, m))
    way = _ready(step, model)
    first, second = way((model,), {}), way((model,), {})
    assert type(first) is Layer
    assert vars(first).keys() == vars(model).keys()
    assert (first.function, first.name, first.sizes) == (cr.tanh, "layer", (1, 2))
    assert first.inner[0] is not second.inner[0]
    assert first.inner[1] is not second.inner[1]
    assert way((first,), {}).weight.tolist() == [3.0, 3.0]
    with pytest.raises(AttributeError, match="immutable"):
        first.name = "other"


def test_no_reference_is_lost_or_kept_by_what_is_put_together():
    model = Layer(cr.ones(2), ({"u": cr.ones(2)}, []), cr.tanh, "layer" * 3)
    step = cr.jit(lambda m: {"model": cr.tree.map_(lambda t: t + 1, m), "none": None})
    way = _ready(step, model)
    objects = [Layer, cr.tanh, model.name, None, "model", cr.Tensor, tuple, dict, list]
    gc.collect()
    before = [sys.getrefcount(o) for o in objects]
    for _ in range(1000):
        way((model,), {})
    gc.collect()
    after = [sys.getrefcount(o) for o in objects]
    for one, other, value in zip(before, after, objects, strict=True):
        assert abs(one - other) < 100, value
    made = way((model,), {})
    assert gc.get_referrers(made["model"]) == [made]


def test_cells_are_written_where_the_rest_is_put_together_by_python():
    count = cr.State(cr.tensor(0.0))

    @cr.jit
    def step(x):
        count.value = count.value + 1.0
        return Pair(x + count.value, x)

    _ready(step, cr.tensor(10.0))
    assert step(cr.tensor(10.0)).first.item() == 15.0
    assert count.value.item() == 5.0


def test_a_class_with_a_descriptor_is_put_together_by_python():
    class Tracked:
        def __set__(self, owner, value):
            pytest.fail("a field was set through a descriptor")

        def __get__(self, owner, kind=None):
            return self if owner is None else vars(owner)["weight"]

    class Odd(cr.nn.Module):
        weight: cr.Tensor

        def __init__(self, weight):
            vars(self)["weight"] = weight

    Odd.weight = Tracked()
    step = cr.jit(lambda m: Odd(m.weight + 1))
    model = Odd(cr.ones(2))
    for _ in range(5):
        model = step(model)
    assert model.weight.tolist() == [6.0, 6.0]


def test_threads_that_call_at_once_have_tables_of_their_own():
    step = cr.jit(lambda x: (cr.sum(cr.exp(x - x)) + x[0, 0], x * 2))
    x = [cr.tensor(np.full((64, 64), k, "float32")) for k in range(4)]
    _ready(step, x[0])
    wrong = []

    def work(k):
        for _ in range(300):
            total, twice = step(x[k])
            if total.item() != 4096.0 + k or not (twice.numpy() == 2 * k).all():
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_where_objects_are_not_as_expected_calls_go_through_python(monkeypatch):
    monkeypatch.setattr(calling, "maker", lambda *_: None)
    step = cr.jit(lambda x: x + 1)
    for _ in range(5):
        assert step(cr.tensor(1.0)).item() == 2.0
    assert step.shortcuts[0].way.__name__ == "in_python"
