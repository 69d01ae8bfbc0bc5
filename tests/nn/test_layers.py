"""Layers, seeds and modes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.functions import random

KEY = random.key(0)


def test_parameters_are_float32_unless_asked_otherwise() -> None:
    assert {p.dtype for p in nn.parameters(nn.mlp((3, 4, 2), key=KEY)).values()} == {cr.float32}
    assert nn.Linear(3, 2, key=KEY, dtype="float64").weight.dtype is cr.float64


def test_a_linear_layer_takes_one_row_a_batch_and_integers() -> None:
    layer = nn.Linear(3, 2, key=KEY)
    rows = np.arange(24).reshape(2, 4, 3)
    expected = rows @ layer.weight.numpy().T + layer.bias.numpy()  # type: ignore[union-attr]
    np.testing.assert_allclose(layer(rows).numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(layer(rows[0, 0]).numpy(), expected[0, 0], rtol=1e-6)
    assert layer(rows).dtype is cr.float32
    assert layer(np.zeros((0, 3))).shape == (0, 2)


def test_the_worked_network_has_41_parameters() -> None:
    model = nn.mlp((3, 4, 4, 1), key=KEY)
    assert [row.parameters for row in nn.layers(model)] == [16, 0, 20, 0, 5]
    assert nn.mlp((3, 2), key=KEY)[0].weight.shape == (2, 3)


def test_a_seed_gives_equal_models_and_unequal_layers() -> None:
    def make() -> nn.Sequential:
        with nn.seed(3):
            return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Dropout(0.5))

    first, second = make(), make()
    assert first[0].weight.tolist() == second[0].weight.tolist()
    assert first[0].weight.tolist() != first[1].weight.tolist()
    assert first[2].state.value.tolist() == second[2].state.value.tolist()


def test_seeds_nest() -> None:
    with nn.seed(0):
        with nn.seed(1):
            inner = nn.Linear(2, 2)
        outer = nn.Linear(2, 2)
    with nn.seed(0):
        assert nn.Linear(2, 2).weight.tolist() == outer.weight.tolist()
    with nn.seed(1):
        assert nn.Linear(2, 2).weight.tolist() == inner.weight.tolist()


def test_flatten_keeps_the_batch_axes() -> None:
    assert nn.Flatten()(cr.zeros((5, 2, 3))).shape == (5, 6)
    assert nn.Flatten(2)(cr.zeros((5, 2, 3, 4))).shape == (5, 2, 12)
    assert nn.Flatten()(cr.zeros(5)).shape == (5, 1)
    assert nn.Flatten()(cr.zeros((0, 3))).shape == (0, 3)


# ---------------------------------------------------------------- dropout and modes


def test_dropout_keeps_the_mean_and_draws_anew_each_time() -> None:
    dropout = nn.Dropout(0.25, key=KEY)
    first, second = dropout(cr.ones(10_000)).numpy(), dropout(cr.ones(10_000)).numpy()
    assert set(np.unique(first)) == {0, 4 / 3}
    assert abs(first.mean() - 1) < 0.02
    assert abs(np.mean(first == second) - (0.75**2 + 0.25**2)) < 0.02


def test_evaluation_is_the_identity_and_takes_no_key() -> None:
    dropout = nn.Dropout(0.5, key=KEY)
    before = dropout.state.value.tolist()
    with nn.evaluation():
        assert nn.is_evaluation()
        assert dropout(cr.ones(4)).tolist() == [1, 1, 1, 1]
    assert not nn.is_evaluation()
    assert dropout.state.value.tolist() == before


def test_the_mode_ends_with_an_exception_too() -> None:
    with pytest.raises(ZeroDivisionError), nn.evaluation():
        _ = 1 / 0
    assert not nn.is_evaluation()


def test_jit_records_once_for_each_mode() -> None:
    dropout = nn.Dropout(0.5, key=KEY)
    f = cr.jit(lambda x: dropout(x))
    x = cr.ones(64)
    assert 0 in f(x).numpy()
    with nn.evaluation():
        assert 0 not in f(x).numpy()
        assert 0 not in f(x).numpy()
    assert 0 in f(x).numpy()
    assert f.recordings == 2


def test_dropout_under_jit_is_dropout_without() -> None:
    eager, compiled = nn.Dropout(0.5, key=KEY), nn.Dropout(0.5, key=KEY)
    f = cr.jit(lambda x: compiled(x))
    for _ in range(3):
        assert f(cr.ones(9)).tolist() == eager(cr.ones(9)).tolist()


def test_a_gradient_takes_a_key_and_a_failed_one_gives_it_back() -> None:
    dropout = nn.Dropout(0.5, key=KEY)
    before = dropout.state.value.tolist()

    def fails(x: cr.Tensor) -> cr.Tensor:
        dropout(x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cr.grad(fails)(cr.ones(3))
    assert dropout.state.value.tolist() == before
    gradient = cr.grad(lambda x: cr.sum(dropout(x)))(cr.ones(50))
    assert set(gradient.tolist()) == {0.0, 2.0}
    assert dropout.state.value.tolist() != before
