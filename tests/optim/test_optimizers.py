"""Optimizers: PyTorch's numbers over 20 steps, dtypes, jit, schedules."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim, schedule
from tests.optim.reference import OPTIMIZERS, START, WEIGHTS, A, B


def run(optimizer: optim.Optimizer, steps: int, dtype: str = "float64") -> tuple[Any, Any]:
    """Minimize ½ wᵀAw − bᵀw."""
    a, b = cr.tensor(A, dtype=dtype), cr.tensor(B, dtype=dtype)
    w = cr.tensor(START, dtype=dtype)
    state = optimizer.init(w)
    for _ in range(steps):
        w, state = optimizer.update(a @ w - b, state, w)
    return w, state


@pytest.mark.parametrize("name", WEIGHTS)
def test_twenty_steps_end_where_torch_ends(name: str) -> None:
    w, state = run(OPTIMIZERS[name], 20)
    np.testing.assert_allclose(w.numpy(), WEIGHTS[name], rtol=1e-12)
    assert state["step"].item() == 20
    assert state["step"].dtype is cr.int64


@pytest.mark.parametrize("name", WEIGHTS)
def test_float32_stays_float32(name: str) -> None:
    w, state = run(OPTIMIZERS[name], 20, "float32")
    assert w.dtype is cr.float32
    assert {s.dtype.name for k, s in state.items() if k != "step"} <= {"float32"}
    np.testing.assert_allclose(w.numpy(), WEIGHTS[name], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", WEIGHTS)
def test_jit_records_once_and_takes_the_same_steps(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    a, b = cr.tensor(A), cr.tensor(B)
    step = cr.jit(lambda w, state: optimizer.update(a @ w - b, state, w))
    w = cr.tensor(START)
    state = optimizer.init(w)
    for _ in range(20):
        w, state = step(w, state)
    assert step.recordings == 1
    np.testing.assert_allclose(w.numpy(), WEIGHTS[name], rtol=1e-12)


@pytest.mark.parametrize(
    "kind",
    [optim.SGD, optim.Adam, optim.AdamW, optim.RMSProp, optim.Adagrad, optim.Lion, optim.Muon],
)
def test_a_constant_schedule_is_a_number(kind: Any) -> None:
    number, _ = run(kind(0.05), 10)
    scheduled, _ = run(kind(schedule.constant(0.05)), 10)
    np.testing.assert_allclose(scheduled.numpy(), number.numpy(), rtol=1e-14)


def test_a_schedule_is_asked_with_the_steps_taken_before() -> None:
    optimizer = optim.SGD(schedule.inverse_time(1.0, 1.0))
    w = cr.tensor([0.0], dtype="float32")
    state = optimizer.init(w)
    seen = []
    for _ in range(4):
        before = w.item()
        w, state = optimizer.update(cr.tensor([-1.0], dtype="float32"), state, w)
        seen.append(w.item() - before)
    np.testing.assert_allclose(seen, [1, 1 / 2, 1 / 3, 1 / 4], rtol=1e-6)
    assert w.dtype is cr.float32


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_model_and_its_state_keep_their_structure(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    with cr.nn.seed(0):
        model = cr.nn.Sequential(cr.nn.Linear(3, 2), cr.relu, cr.nn.Linear(2, 1, bias=False))
    state = optimizer.init(model)
    gradients = cr.grad(lambda m: cr.sum(m(cr.ones((4, 3)))))(model)
    after, later = optimizer.update(gradients, state, model)
    assert cr.tree.flatten(after)[1] == cr.tree.flatten(model)[1]
    assert cr.tree.flatten(later)[1] == cr.tree.flatten(state)[1]
    paths = [path for path, _ in cr.tree.paths(state)]
    assert "step" in paths
    assert all(path.endswith(("step", "weight", "bias")) for path in paths)


def test_parameters_of_two_dtypes_keep_theirs() -> None:
    model = {"a": cr.ones(2, dtype="float32"), "b": cr.ones(2)}
    optimizer = optim.AdamW(schedule.cosine(0.1, 10))
    after, _ = optimizer.update(model, optimizer.init(model), model)
    assert (after["a"].dtype, after["b"].dtype) == (cr.float32, cr.float64)


@pytest.mark.parametrize("name", WEIGHTS)
def test_nothing_to_learn_is_no_error(name: str) -> None:
    optimizer = OPTIMIZERS[name]
    model, state = optimizer.update({}, optimizer.init({}), {})
    assert model == {}
    assert state["step"].item() == 1


def test_optimizers_compare_by_their_settings() -> None:
    assert optim.Adam(0.1) == optim.Adam(0.1) != optim.Adam(0.2)
    assert repr(optim.SGD(0.1)) == (
        "SGD(learning_rate=0.1, momentum=0.0, nesterov=False, weight_decay=0.0, decoupled=False)"
    )
