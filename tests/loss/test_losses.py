"""The worked example of the lecture, and losses at the edges."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.ir.show import show

SCORES, CAT = cr.tensor([[3.2, 5.1, -1.7]]), cr.tensor([0])
INF = np.inf


def test_the_worked_example_comes_out_to_its_digits() -> None:
    assert round(cr.loss.hinge(SCORES, CAT).item(), 12) == 2.9
    assert [round(p, 2) for p in cr.softmax(SCORES)[0].tolist()] == [0.13, 0.87, 0.00]
    probability = cr.exp(-cr.loss.cross_entropy(SCORES, CAT)).item()
    assert round(probability, 2) == 0.13
    np.testing.assert_allclose(cr.loss.cross_entropy(SCORES, CAT).item(), -np.log(0.13), atol=1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_of_cross_entropy_is_p_minus_y_over_n(dtype: str) -> None:
    scores = cr.tensor(np.random.default_rng(0).standard_normal((6, 4)), dtype=dtype)
    labels = cr.tensor([0, 3, 3, 1, 2, 0])
    gradient = cr.grad(cr.loss.cross_entropy)(scores, labels)
    expected = (cr.softmax(scores) - cr.one_hot(labels, 4)) / 6
    np.testing.assert_allclose(gradient.numpy(), expected.numpy(), atol=1e-7)
    assert gradient.dtype.name == dtype


def test_the_program_of_that_gradient_is_that_formula() -> None:
    program = cr.jit(cr.grad(cr.loss.cross_entropy)).graph(SCORES, CAT)
    text = show(program)
    assert text.count("exp") == text.count("divide") == 1
    assert "log" not in text


def test_labels_and_their_one_hot_rows_have_one_loss_and_one_gradient() -> None:
    scores = cr.tensor(np.random.default_rng(0).standard_normal((6, 4)))
    labels = cr.tensor([0, 3, 3, 1, 2, 0])
    both = cr.value_and_grad(cr.loss.cross_entropy)
    value, gradient = both(scores, labels)
    same, again = both(scores, cr.one_hot(labels, 4))
    np.testing.assert_allclose(value.item(), same.item(), rtol=1e-14)
    np.testing.assert_allclose(gradient.numpy(), again.numpy(), atol=1e-15)


@pytest.mark.parametrize(
    ("row", "label", "loss"),
    [
        ([1e4, 0.0], 0, 0.0),
        ([1e4, 0.0], 1, 1e4),
        ([-INF, 0.0, 0.0], 1, np.log(2)),
        ([-INF, 0.0], 0, INF),
        ([1e300, -1e300], 0, 0.0),
        ([np.nan, 0.0], 1, np.nan),
    ],
)
def test_cross_entropy_neither_overflows_nor_loses_digits(
    row: list[float], label: int, loss: float
) -> None:
    scores, labels = cr.tensor([row]), cr.tensor([label])
    np.testing.assert_allclose(cr.loss.cross_entropy(scores, labels).item(), loss)
    one = cr.one_hot(labels, len(row))
    np.testing.assert_allclose(cr.loss.cross_entropy(scores, one).item(), loss)
    if np.isfinite(loss):
        assert np.isfinite(cr.grad(cr.loss.cross_entropy)(scores, labels).numpy()).all()
        assert np.isfinite(cr.grad(cr.loss.cross_entropy)(scores, one).numpy()).all()


def test_a_small_loss_at_large_logits_keeps_its_digits() -> None:
    scores = cr.tensor([[1e6, 1e6 - 20.0]])
    np.testing.assert_allclose(
        cr.loss.cross_entropy(scores, CAT).item(), np.log1p(np.exp(-20)), rtol=1e-7
    )


def test_targets_have_a_gradient_where_they_are_probabilities() -> None:
    targets = cr.tensor([[1.0, 0.0, 0.0]])
    gradient = cr.grad(cr.loss.cross_entropy, argnums=1)(SCORES, targets)
    np.testing.assert_allclose(gradient.numpy(), -cr.log_softmax(SCORES).numpy())


@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
def test_an_empty_batch_has_no_mean(name: str) -> None:
    loss = getattr(cr.loss, name)
    assert np.isnan(loss(cr.zeros((0, 3)), cr.zeros(0, dtype="int64")).item())


@pytest.mark.parametrize("name", ["cross_entropy", "hinge"])
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
def test_labels_of_any_integer_type_will_do(name: str, dtype: str) -> None:
    loss = getattr(cr.loss, name)
    assert loss(SCORES, CAT.astype(dtype)).item() == loss(SCORES, CAT).item()
    assert loss(SCORES.astype("float32"), CAT.astype(dtype)).dtype is cr.float32


def test_one_class_has_no_loss() -> None:
    scores, labels = cr.tensor([[5.0], [-2.0]]), cr.tensor([0, 0])
    assert cr.loss.cross_entropy(scores, labels).item() == 0
    assert cr.loss.hinge(scores, labels).item() == 0


def test_the_hinge_has_slope_0_at_its_kink() -> None:
    gradient = cr.grad(cr.loss.hinge)(cr.tensor([[2.0, 1.0]]), CAT)
    assert gradient.tolist() == [[0.0, 0.0]]


def test_the_per_example_loss_is_that_of_vmap() -> None:
    scores = cr.tensor(np.random.default_rng(0).standard_normal((4, 3)))
    labels = cr.tensor([0, 1, 2, 0])
    for loss in (cr.loss.cross_entropy, cr.loss.hinge):
        each = cr.vmap(loss)(scores, labels)
        assert each.shape == (4,)
        np.testing.assert_allclose(each.numpy().mean(), loss(scores, labels).item())


def test_penalties_are_0_where_there_are_no_weights() -> None:
    assert cr.loss.l1({"b": cr.ones(3)}, 1.0).item() == 0
    assert cr.loss.l2({}, 1.0).item() == 0


def test_a_penalty_keeps_float32_and_its_gradient_is_2_strength_w() -> None:
    model = cr.nn.Linear(3, 2, key=cr.tensor([0, 0], dtype="uint64"))
    value, gradient = cr.value_and_grad(lambda m: cr.loss.l2(m, 0.5))(model)
    assert value.dtype is cr.float32
    np.testing.assert_allclose(gradient.weight.numpy(), model.weight.numpy())
    assert gradient.bias.tolist() == [0.0, 0.0]
