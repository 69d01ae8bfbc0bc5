"""The short way of jit, from the third call of a kind on: the same results, the same errors."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import IndexingError
from chainrule.transform.recorded import Recorded


@pytest.fixture(autouse=True)
def _native(monkeypatch):
    monkeypatch.setenv("CHAINRULE_RUNTIME", "native")


def _often(step, *args, **kwargs):
    made = [step(*args, **kwargs) for _ in range(5)]
    assert step.shortcuts
    return made


def test_a_training_step_gives_the_same_numbers_on_both_ways():
    model = cr.nn.mlp((3, 8, 2), key=cr.random.key(0))
    optimizer = cr.optim.Adam(0.01)
    x = cr.tensor(np.random.default_rng(0).standard_normal((16, 3)).astype("float32"))
    y = cr.tensor(np.arange(16) % 2)

    def step(model, state):
        loss, g = cr.value_and_grad(lambda m: cr.loss.cross_entropy(m(x), y))(model)
        return (*optimizer.update(g, state, model), loss)

    short, long = cr.jit(step), cr.jit(step)
    one = other = (model, optimizer.init(model))
    for _ in range(8):
        *one, loss = short(*one)
        long.shortcuts = ()
        *other, same = long(*other)
        assert loss.item() == same.item()
    assert short.shortcuts
    for a, b in zip(*(cr.tree.flatten(way)[0] for way in (one, other)), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_a_name_that_is_bound_anew_is_noticed():
    scale, offset = cr.tensor(2.0), cr.tensor(1.0)
    factor = 3

    @cr.jit
    def f(x):
        return x * scale * factor + offset

    assert [t.item() for t in _often(f, cr.tensor(1.0))] == [7.0] * 5
    scale = cr.tensor(5.0)
    assert f(cr.tensor(1.0)).item() == 16.0
    assert f.recordings == 1
    factor = 4
    assert f(cr.tensor(1.0)).item() == 21.0
    assert f.recordings == 2


def test_a_configuration_that_changes_in_place_is_noticed():
    class Settings:
        rate = 1.0

    settings, weights = Settings(), [cr.tensor(1.0), cr.tensor(2.0)]

    @cr.jit
    def f(x):
        return x * settings.rate + weights[1]

    assert _often(f, cr.tensor(1.0))[-1].item() == 3.0
    settings.rate = 10.0
    assert f(cr.tensor(1.0)).item() == 12.0
    weights[1] = cr.tensor(5.0)
    assert f(cr.tensor(1.0)).item() == 15.0


def test_static_values_shapes_dtypes_and_names_of_arguments_are_told_apart():
    f = cr.jit(lambda x, n=2, flip=False: -x * n if flip else x * n)
    x = cr.tensor([1.0, 2.0])
    _often(f, x, n=3)
    assert f(x, n=4).tolist() == [4.0, 8.0]
    assert f(x).tolist() == [2.0, 4.0]
    assert f(x, n=3, flip=True).tolist() == [-3.0, -6.0]
    assert f(x, n=3).tolist() == [3.0, 6.0]
    assert f(cr.tensor([1, 2]), n=3).tolist() == [3, 6]
    assert f(cr.tensor([[1.0]]), n=3).tolist() == [[3.0]]
    assert f(1.5, n=3).item() == 4.5
    assert f(x, n=True).tolist() == [1.0, 2.0]


def test_modes_are_part_of_what_is_compared():
    dropout = cr.nn.Dropout(0.5, key=cr.random.key(0))
    f = cr.jit(lambda x: dropout(x))
    x = cr.ones((64,))
    assert 0.0 in _often(f, x)[-1].tolist()
    with cr.nn.evaluation():
        assert f(x).tolist() == [1.0] * 64
    assert 0.0 in f(x).tolist()


def test_cells_are_read_and_written():
    count = cr.State(cr.tensor(0.0))

    @cr.jit
    def f(x):
        count.value = count.value + 1.0
        return x + count.value

    assert [t.item() for t in _often(f, cr.tensor(10.0))] == [11.0, 12.0, 13.0, 14.0, 15.0]
    count.value = cr.tensor(100.0)
    assert f(cr.tensor(10.0)).item() == 111.0
    assert cr.grad(lambda x: f(x) * x)(cr.tensor(1.0)).item() == 104.0
    assert count.value.item() == 102.0


def test_inside_a_transform_derivatives_flow():
    f = cr.jit(lambda x: x * x)
    _often(f, cr.tensor(3.0))
    assert cr.grad(lambda x: f(x))(cr.tensor(3.0)).item() == 6.0
    assert cr.vmap(f)(cr.tensor([1.0, 2.0])).tolist() == [1.0, 4.0]


def test_an_error_is_the_same_on_both_ways():
    f = cr.jit(lambda x, i: cr.take(x, i, axis=0))
    x = cr.arange(4.0)
    messages = []
    for _ in range(6):
        f(x, cr.tensor([3]))
        with pytest.raises(IndexingError) as error:
            f(x, cr.tensor([4]))
        messages.append(str(error.value))
    assert f.shortcuts
    assert len(set(messages)) == 1


def test_results_share_no_memory_that_is_given_away():
    f = cr.jit(lambda x: (x + 1, x * 2, cr.sum(x)))
    first = _often(f, cr.tensor([1.0, 2.0]))[-1]
    kept = first[1]
    del first
    for k in range(100):
        f(cr.tensor([float(k), 3.0]))
    assert kept.tolist() == [2.0, 4.0]


def test_arrays_that_do_not_lie_in_order_take_the_long_way():
    f = cr.jit(lambda x: x + 1)
    _often(f, cr.ones((3, 2)))
    across = np.arange(6.0).reshape(2, 3).T
    assert f(across).tolist() == (across + 1).tolist()
    view = cr.tensor(np.arange(6.0).reshape(2, 3)).mT
    assert f(view).tolist() == (across + 1).tolist()


def test_kinds_of_arguments_that_take_turns_have_a_short_way_each(caplog):
    scales = [cr.tensor(2.0)]
    f = cr.jit(lambda x: x * scales[0])
    kinds = [cr.ones((n,)) for n in range(1, 4)]
    for _ in range(5):
        for x in kinds:
            f(x)
    ways = {s.recorded for s in f.shortcuts}
    assert len(ways) == f.recordings == 3
    with caplog.at_level("INFO", "chainrule.jit"):
        assert [f(x).tolist() for x in kinds] == [[2.0], [2.0] * 2, [2.0] * 3]
    assert {s.recorded for s in f.shortcuts} == ways
    assert caplog.messages == []


def test_the_short_way_of_a_recording_that_is_replaced_is_forgotten():
    factor = 2

    @cr.jit
    def f(x):
        return x * factor

    for factor in range(20):
        assert [f(cr.tensor(1.0)).item() for _ in range(5)] == [factor] * 5
        assert len(f.shortcuts) == 1
    for n in range(1, 20):
        for _ in range(4):
            f(cr.ones((n,)))
    assert len(f.shortcuts) == 8


def test_an_object_in_place_of_another_need_not_have_its_attributes():
    class First:
        rate = 2.0

    class Second:
        other = 3.0

    settings = First()

    @cr.jit
    def f(x):
        return x * (settings.rate if hasattr(settings, "rate") else settings.other)

    assert _often(f, cr.tensor(1.0))[-1].item() == 2.0
    settings = Second()
    assert [f(cr.tensor(1.0)).item() for _ in range(5)] == [3.0] * 5


def test_a_tensor_that_is_bound_anew_before_each_call_goes_a_short_way():
    weight, offset = cr.tensor([1.0, 2.0]), (1, 2)

    @cr.jit
    def f(x):
        return x * weight + offset[1]

    x = cr.tensor([1.0, 1.0])
    _often(f, x)
    for k in range(6):
        weight, offset = cr.tensor([float(k), 1.0]), tuple(range(1, 3))
        taken = f.shortcuts[0].way((x,), {})
        assert (taken is NotImplemented) == (k == 0)
        assert f(x).tolist() == [k + 2.0, 3.0]
    assert f.recordings == len(f.shortcuts) == 1
    offset = (1, 5)
    assert f(x).tolist() == [10.0, 6.0]
    assert f.recordings == 2
    weight = cr.tensor([1.0])
    assert f(x).tolist() == [6.0, 6.0]


def test_what_a_distribution_keeps_does_not_lengthen_the_way(monkeypatch):
    p = cr.probability.MultivariateNormal([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]])
    x = cr.tensor(np.random.default_rng(0).standard_normal((20, 2)))
    expected = p.log_density(x).tolist()
    f = cr.jit(p.log_density)
    assert _often(f, x)[-1].tolist() == pytest.approx(expected, rel=1e-14)
    looks = []
    monkeypatch.setattr(Recorded, "hidden", lambda *_, **__: looks.append(1))
    assert f(x).tolist() == pytest.approx(expected, rel=1e-14)
    assert not looks
