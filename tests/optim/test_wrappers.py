"""What the wrappers promise: clipped, accumulated, averaged, grouped, reduced."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import chainrule as cr
from chainrule import optim, schedule

VECTORS = arrays(np.float64, 5, elements=st.floats(-1e6, 1e6))
W = cr.zeros(5)


def moved(optimizer: optim.Optimizer, gradient: Any, w: Any = W) -> np.ndarray:
    after, _ = optimizer.update(cr.tensor(gradient), optimizer.init(w), w)
    return np.asarray(after.numpy() - w.numpy())


# ---------------------------------------------------------------- Clipped


@settings(max_examples=40)
@given(VECTORS, st.floats(1e-3, 1e3))
def test_a_clipped_gradient_is_never_longer_than_the_norm(g: np.ndarray, norm: float) -> None:
    step = -moved(optim.Clipped(optim.SGD(1.0), norm=norm), g)
    length = np.linalg.norm(g)
    assert np.linalg.norm(step) <= norm * (1 + 1e-12)
    np.testing.assert_allclose(step, g * min(1.0, norm / max(length, 1e-300)), rtol=1e-12)


@settings(max_examples=40)
@given(VECTORS, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_values_are_clipped_before_the_norm(g: np.ndarray, value: float, norm: float) -> None:
    step = -moved(optim.Clipped(optim.SGD(1.0), norm=norm, value=value), g)
    assert np.abs(step).max() <= value
    assert np.linalg.norm(step) <= norm * (1 + 1e-12)
    both = moved(optim.Clipped(optim.SGD(1.0), norm=norm), np.clip(g, -value, value))
    np.testing.assert_array_equal(step, -both)


def test_the_norm_is_that_of_all_parameters_of_any_dtype() -> None:
    model = {"a": cr.zeros(1, dtype="float32"), "b": cr.zeros((1, 1))}
    gradients = {"a": cr.tensor([3e30], dtype="float32"), "b": cr.tensor([[4e30]])}
    clipped = optim.Clipped(optim.SGD(1.0), norm=5.0)
    after, _ = clipped.update(gradients, clipped.init(model), model)
    np.testing.assert_allclose(after["a"].numpy(), [-3.0], rtol=1e-6)
    np.testing.assert_allclose(after["b"].numpy(), [[-4.0]], rtol=1e-6)
    assert after["a"].dtype is cr.float32


@pytest.mark.parametrize("bad", [np.inf, np.nan])
def test_a_gradient_that_is_not_finite_is_not_hidden(bad: float) -> None:
    step = moved(optim.Clipped(optim.SGD(1.0), norm=1.0), [bad, 1.0, 0.0, 0.0, 0.0])
    assert not np.isfinite(step[0])


# ---------------------------------------------------------------- Accumulated

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 3))


@settings(max_examples=25)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_parts_of_one_size_take_the_step_of_the_whole_batch(
    sizes: tuple[int, int], seed: int
) -> None:
    every, rows = sizes
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((every * rows, 3))
    y = generator.integers(0, 2, every * rows)
    start = cr.tensor(generator.standard_normal((3, 2)))

    def slope(w: Any, at: slice) -> Any:
        return cr.grad(lambda w: cr.loss.cross_entropy(cr.tensor(x[at]) @ w, y[at]))(w)

    whole = optim.AdamW(0.1)
    one, _ = whole.update(slope(start, slice(None)), whole.init(start), start)
    parts = optim.Accumulated(whole, every)
    w, state = start, parts.init(start)
    for k in range(every):
        assert w is start or every == 1 or (w.numpy() == start.numpy()).all()
        w, state = parts.update(slope(w, slice(k * rows, (k + 1) * rows)), state, w)
    np.testing.assert_allclose(w.numpy(), one.numpy(), rtol=1e-9, atol=1e-9)
    assert state["batches"].item() == 0
    assert not state["sum"].numpy().any()


def test_schedules_count_the_steps_and_not_the_batches() -> None:
    parts = optim.Accumulated(optim.SGD(schedule.step(1.0, 1, 0.5)), every=2)
    w, state = cr.tensor(0.0), parts.init(cr.tensor(0.0))
    seen = []
    for _ in range(6):
        w, state = parts.update(cr.tensor(-1.0), state, w)
        seen.append(w.item())
    assert seen == [0.0, 1.0, 1.0, 1.5, 1.5, 1.75]
    assert parts.current_rate(state) == 0.25


# ---------------------------------------------------------------- Averaged


@settings(max_examples=25)
@given(st.floats(0.0, 0.999), arrays(np.float64, (8, 5), elements=st.floats(-10, 10)))
def test_the_average_is_its_weighted_sum_and_its_recurrence(
    decay: float, gradients: np.ndarray
) -> None:
    optimizer = optim.Averaged(optim.SGD(0.5), decay)
    w, state = cr.ones(5), optimizer.init(cr.ones(5))
    assert optimizer.evaluated(state, w).tolist() == [1.0] * 5
    seen, average = [], np.zeros(5)
    for t, g in enumerate(gradients, 1):
        w, state = optimizer.update(cr.tensor(g), state, w)
        seen.append(w.numpy())
        average = average + (1 - decay) / (1 - decay**t) * (w.numpy() - average)
        shares = (1 - decay) * decay ** np.arange(t)[::-1] / (1 - decay**t)
        found = optimizer.evaluated(state, w).numpy()
        np.testing.assert_allclose(found, average, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found, shares @ np.stack(seen), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(shares.sum(), 1.0)


def test_averaging_does_not_change_the_steps() -> None:
    plain, averaged = optim.Adam(0.1), optim.Averaged(optim.Adam(0.1), 0.5)
    a, b = W, W
    s, t = plain.init(a), averaged.init(b)
    for k in range(5):
        g = cr.tensor(np.random.default_rng(k).standard_normal(5))
        (a, s), (b, t) = plain.update(g, s, a), averaged.update(g, t, b)
    np.testing.assert_array_equal(a.numpy(), b.numpy())


# ---------------------------------------------------------------- Grouped


def test_a_parameter_belongs_to_the_first_pattern_that_fits() -> None:
    with cr.nn.seed(0):
        model = cr.nn.mlp((3, 4, 2), cr.tanh, dtype="float64")
    paths = [path for path, _ in cr.tree.paths(model)]
    first = paths[0].partition(".")[0] + ".0.*"
    grouped = optim.Grouped({first: optim.SGD(0.0), "*.bias": optim.SGD(1.0), "*": optim.SGD(2.0)})
    ones = cr.tree.map_(cr.ones_like, model)
    after, state = grouped.update(ones, grouped.init(model), model)
    for (path, old), (_, new) in zip(cr.tree.paths(model), cr.tree.paths(after), strict=True):
        rate = 0.0 if paths[0].rsplit(".", 1)[0] in path else 1.0 if "bias" in path else 2.0
        np.testing.assert_allclose(old.numpy() - new.numpy(), rate, rtol=1e-12, err_msg=path)
    names = [path for path, _ in cr.tree.paths(state)]
    assert names == ["groups.0.step", "groups.1.step", "groups.2.step"]


def test_groups_step_as_their_optimizers_do_alone() -> None:
    a, b = optim.Adam(0.1), optim.RMSProp(0.2)
    grouped = optim.Grouped({"a": a, "b": b})
    model = {"a": cr.ones(3), "b": cr.ones((2, 2))}
    whole, state = model, grouped.init(model)
    alone = {"a": (model["a"], a.init(model["a"])), "b": (model["b"], b.init(model["b"]))}
    for k in range(4):
        g = {n: cr.tensor(np.random.default_rng(k).standard_normal(model[n].shape)) for n in model}
        whole, state = grouped.update(g, state, whole)
        for name, rule in (("a", a), ("b", b)):
            w, own = alone[name]
            alone[name] = rule.update(g[name], own, w)
    for name in model:
        np.testing.assert_array_equal(whole[name].numpy(), alone[name][0].numpy())


def test_a_group_may_be_averaged_and_observed() -> None:
    grouped = optim.Grouped(
        {
            "a": optim.Averaged(optim.SGD(1.0), 0.5),
            "b": optim.ReduceOnPlateau(optim.SGD(1.0), 0.5, patience=0),
        }
    )
    model = {"a": cr.tensor(0.0), "b": cr.tensor(0.0)}
    state = grouped.init(model)
    for _ in range(2):
        model, state = grouped.update({"a": cr.tensor(-3.0), "b": cr.tensor(-1.0)}, state, model)
        state = grouped.observe(state, 1.0)
    assert {k: v.item() for k, v in grouped.evaluated(state, model).items()} == {"a": 5.0, "b": 2.0}
    model, state = grouped.update({"a": cr.tensor(0.0), "b": cr.tensor(-1.0)}, state, model)
    assert model["b"].item() == 2.5


# ---------------------------------------------------------------- ReduceOnPlateau


def rates(optimizer: optim.ReduceOnPlateau, figures: list[float]) -> list[float]:
    state, found = optimizer.init(W), []
    for figure in figures:
        state = optimizer.observe(state, figure)
        found.append(optimizer.current_rate(state))
    return found


def test_the_rate_falls_when_the_figure_does_not() -> None:
    optimizer = optim.ReduceOnPlateau(optim.SGD(1.0), 0.5, patience=1, cooldown=2, floor=0.3)
    figures = [5.0, 4.0, 4.0, 4.0, 9.0, 9.0, 9.0, 9.0, 3.0, 3.0, 3.0, 3.0]
    expected = [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3]
    assert rates(optimizer, figures) == expected


def test_a_figure_that_is_no_number_is_not_better() -> None:
    optimizer = optim.ReduceOnPlateau(optim.SGD(1.0), 0.5, patience=0)
    assert rates(optimizer, [np.nan, 2.0, np.inf, 1.0]) == [0.5, 0.5, 0.25, 0.25]


def test_a_negative_figure_may_fall_further() -> None:
    optimizer = optim.ReduceOnPlateau(optim.SGD(1.0), 0.5, patience=0, threshold=0.1)
    assert rates(optimizer, [-1.0, -1.2, -1.25, -2.0]) == [1.0, 1.0, 0.5, 0.5]


def test_the_scale_multiplies_a_schedule_and_its_decay() -> None:
    inner = optim.AdamW(schedule.exponential(0.1, 0.5), weight_decay=0.1)
    optimizer = optim.ReduceOnPlateau(inner, factor=0.5, patience=0)
    w = cr.ones(2)
    state = optimizer.init(w)
    for figure in (1.0, 1.0):
        state = optimizer.observe(state, figure)
    step = cr.jit(lambda w, state: optimizer.update(cr.ones(2), state, w))
    half = optim.AdamW(0.05, weight_decay=0.1)
    expected, _ = half.update(cr.ones(2), half.init(w), w)
    np.testing.assert_allclose(step(w, state)[0].numpy(), expected.numpy(), rtol=1e-14)
    assert step(w, optimizer.init(w)) is not None
    assert step.recordings == 1
