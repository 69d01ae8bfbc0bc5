"""What every optimizer and every wrapper on the list does."""

import json
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from chainrule.train import Progress, pack, unpack
from tests.optim.reference import ALL, slope, small_model


def arrays(value: Any) -> dict[str, np.ndarray]:
    return {path: leaf.numpy() for path, leaf in cr.tree.paths(value)}


def assert_same(left: Any, right: Any, **tolerance: float) -> None:
    a, b = arrays(left), arrays(right)
    assert a.keys() == b.keys()
    for path in a:
        assert a[path].dtype == b[path].dtype, path
        np.testing.assert_allclose(a[path], b[path], err_msg=path, **tolerance)


def walk(optimizer: optim.Optimizer, steps: int, take: Any = None) -> tuple[Any, Any]:
    model = small_model()
    state = optimizer.init(model)
    return go_on(optimizer, model, state, range(steps), take or optimizer.update)


def go_on(optimizer: optim.Optimizer, model: Any, state: Any, seeds: Any, take: Any) -> Any:
    for seed in seeds:
        model, state = take(slope(model, seed), state, model)
        if seed % 4 == 3:
            state = optimizer.observe(state, 1.0)
    return model, state


def kinds(optimizer: optim.Optimizer) -> set[str]:
    inner = [v for v in vars(optimizer).values() if isinstance(v, optim.Optimizer)]
    if isinstance(optimizer, optim.Grouped):
        inner += optimizer.groups.values()
    return {type(optimizer).__name__}.union(*map(kinds, inner))


def test_every_optimizer_is_on_the_list() -> None:
    listed = set().union(*map(kinds, ALL.values()))
    classes = {n for n in optim.__all__ if isinstance(getattr(optim, n), type)}
    assert listed == {n for n in classes if issubclass(getattr(optim, n), optim.Optimizer)} - {
        "Optimizer"
    }


@pytest.mark.parametrize("name", ALL)
def test_jit_takes_the_same_steps_and_records_once(name: str, runtime: str) -> None:
    optimizer = ALL[name]
    compiled = cr.jit(lambda g, state, w: optimizer.update(g, state, w))
    eager = walk(optimizer, 12)
    assert_same(walk(optimizer, 12, compiled), eager, rtol=1e-4, atol=1e-6)
    assert compiled.recordings == 1


@pytest.mark.parametrize("name", ALL)
def test_dtypes_shapes_and_structure_stay(name: str) -> None:
    optimizer = ALL[name]
    before, start = small_model(), optimizer.init(small_model())
    model, state = walk(optimizer, 12)
    for old, new in ((before, model), (start, state), (before, optimizer.evaluated(state, model))):
        assert cr.tree.flatten(old)[1] == cr.tree.flatten(new)[1]
        for path, leaf in cr.tree.paths(new):
            was = dict(cr.tree.paths(old))[path]
            assert (leaf.dtype, leaf.shape) == (was.dtype, was.shape), path
    assert any((arrays(model)[path] != was).any() for path, was in arrays(before).items())


@pytest.mark.parametrize("name", ALL)
def test_a_checkpoint_goes_on_with_the_same_bits(name: str) -> None:
    optimizer = ALL[name]
    model, state = walk(optimizer, 7)
    held = pack(Progress(model, state, step=7))
    json.dumps(held.position)
    start = Progress(small_model(), optimizer.init(small_model()))
    again = unpack(held, start)
    straight = go_on(optimizer, model, state, range(7, 13), optimizer.update)
    resumed = go_on(optimizer, again.model, again.slots, range(7, 13), optimizer.update)
    assert_same(resumed, straight, rtol=0, atol=0)
    assert optimizer.current_rate(resumed[1]) == optimizer.current_rate(straight[1])


@pytest.mark.parametrize("name", ALL)
def test_a_factor_of_the_rate_is_another_rate(name: str) -> None:
    optimizer, model = ALL[name], small_model()
    state = optimizer.init(model)
    for _ in range(3):  # the accumulated ones take their first step at the third
        still, state = optimizer.update(slope(model, 0), state, model, 0.0)
    assert_same(still, model, rtol=0, atol=0)


@pytest.mark.parametrize("name", ALL)
def test_settings_compare_and_can_be_keys(name: str) -> None:
    optimizer = ALL[name]
    assert {optimizer: 1}[optimizer] == 1
    names = {k: getattr(optim, k) for k in optim.__all__} | vars(cr.schedule)
    assert eval(repr(optimizer), names) == optimizer  # our own repr


@pytest.mark.parametrize("name", ALL)
def test_the_rate_in_the_records_is_that_of_the_last_step(name: str) -> None:
    optimizer = ALL[name]
    state = optimizer.init(small_model())
    first = optimizer.current_rate(state)
    assert isinstance(first, float)
    for _ in range(3):
        _, state = optimizer.update(slope(small_model(), 0), state, small_model())
    assert optimizer.current_rate(state) > 0
    rate = getattr(optimizer, "learning_rate", None)
    if callable(rate):
        assert first == rate(0).item() != optimizer.current_rate(state) == rate(2).item()


@pytest.mark.parametrize("name", ["lion", "muon", "adagrad", "clipped", "averaged"])
def test_a_network_learns(name: str) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((64, 3))
    y = cr.tensor(x @ generator.standard_normal((3, 2)))
    x = cr.tensor(x)
    with cr.nn.seed(0):
        model = cr.nn.mlp((3, 16, 2), cr.tanh, dtype="float64")

    def loss(model: Any) -> Any:
        return cr.loss.squared(model(x), y)

    optimizer = ALL[name]
    state = optimizer.init(model)
    step = cr.jit(lambda model, state: optimizer.update(cr.grad(loss)(model), state, model))
    first = loss(model).item()
    for _ in range(25):
        model, state = step(model, state)
    assert loss(model).item() < 0.5 * first
