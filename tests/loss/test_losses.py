"""The worked example of the lecture, and losses at the edges."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.ir.show import show

SCORES, CAT = cr.tensor([[3.2, 5.1, -1.7]]), cr.tensor([0])
INF = np.inf
CROSS = cr.loss.cross_entropy
# The losses of rows of scores and their labels.
ROWS = {
    name: getattr(cr.loss, name)
    for name in ("cross_entropy", "negative_log_likelihood", "hinge", "squared_hinge")
}


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


@pytest.mark.parametrize("name", ROWS)
def test_an_empty_batch_has_no_mean(name: str) -> None:
    loss = getattr(cr.loss, name)
    assert np.isnan(loss(cr.zeros((0, 3)), cr.zeros(0, dtype="int64")).item())


@pytest.mark.parametrize("name", ROWS)
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


# ---------------------------------------------------------------- what can be asked of the labels


def test_a_penalty_may_name_its_parameters() -> None:
    model = {"a": {"w": cr.tensor([[2.0]]), "b": cr.tensor([3.0])}, "c": cr.tensor(5.0)}
    assert cr.loss.l2(model, 1.0).item() == 4
    assert cr.loss.l2(model, 1.0, where="*.b").item() == 9
    assert cr.loss.l2(model, 1.0, where=["a.*", "c"]).item() == 38
    assert cr.loss.l1(model, 1.0, where=lambda path, w: w.ndim < 2).item() == 8
    assert cr.loss.elastic(model, 0.5, 2.0, where="c").item() == 52.5
    gradient = cr.grad(lambda m: cr.loss.elastic(m, 0.5, 2.0))(model)
    assert (gradient["a"]["w"].item(), gradient["a"]["b"].item()) == (8.5, 0)


def test_ignored_rows_may_hold_anything() -> None:
    scores = cr.tensor([[1.0, 2.0], [np.nan, np.inf], [0.5, 0.0]])
    labels = cr.tensor([1, -100, 0])
    kept = cr.tensor([[1.0, 2.0], [0.5, 0.0]])
    for loss in ROWS.values():
        value, gradient = cr.value_and_grad(loss)(scores, labels, ignore_index=-100)
        np.testing.assert_allclose(value.item(), loss(kept, cr.tensor([1, 0])).item())
        assert gradient[1].tolist() == [0.0, 0.0]
        assert np.isnan(loss(scores, cr.full((3,), 7), ignore_index=7).item())


def test_a_class_of_weight_0_does_not_count() -> None:
    scores, labels = cr.tensor([[1.0, 2.0], [5.0, -np.inf]]), cr.tensor([0, 1])
    for loss in ROWS.values():
        value = loss(scores, labels, class_weights=[3.0, 0.0]).item()
        np.testing.assert_allclose(value, loss(scores[:1], labels[:1]).item())


def test_weights_keep_the_dtype_and_may_be_lists_or_tensors() -> None:
    scores, labels = cr.tensor([[1.0, 2.0]], dtype="float32"), cr.tensor([0], dtype="uint8")
    for loss in ROWS.values():
        for weights in ([0.5, 1.0], np.array([0.5, 1.0]), cr.tensor([0.5, 1.0])):
            assert loss(scores, labels, class_weights=weights).dtype is cr.float32
        assert loss(scores, labels, ignore_index=-100).dtype is cr.float32


def test_label_smoothing_is_a_mixture_with_the_even_distribution() -> None:
    scores, labels = cr.tensor(np.random.default_rng(0).standard_normal((6, 4))), np.arange(6) % 4
    mixed = 0.7 * np.eye(4)[labels] + 0.3 / 4
    smooth = cr.value_and_grad(
        lambda s, y: cr.loss.cross_entropy(s, y, label_smoothing=0.3), argnums=0
    )
    value, gradient = smooth(scores, labels)
    for targets, loss in ((np.eye(4)[labels], smooth), (mixed, cr.value_and_grad(CROSS))):
        other, slope = loss(scores, targets)
        np.testing.assert_allclose(other.item(), value.item(), rtol=1e-13)
        np.testing.assert_allclose(slope.numpy(), gradient.numpy(), atol=1e-15)
    expected = (cr.softmax(scores).numpy() - mixed) / 6
    np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-15)


def test_labels_under_jit_may_be_ignored() -> None:
    scores, labels = cr.tensor(np.random.default_rng(0).standard_normal((4, 3))), [0, -1, 2, -1]
    for loss in ROWS.values():
        compiled = cr.jit(lambda s, y, loss=loss: loss(s, y, ignore_index=-1))
        value = loss(scores, cr.tensor(labels), ignore_index=-1).item()
        np.testing.assert_allclose(compiled(scores, cr.tensor(labels)).item(), value, rtol=1e-14)


# ---------------------------------------------------------------- divergence, answers, quantities


def test_the_divergence_is_the_cross_entropy_less_the_entropy_and_0_at_the_target() -> None:
    generator = np.random.default_rng(0)
    scores, targets = generator.standard_normal((5, 4)), generator.dirichlet(np.ones(4), 5)
    entropy = -np.sum(targets * np.log(targets)) / 5
    divergence = cr.loss.kl_divergence(scores, targets).item()
    np.testing.assert_allclose(divergence, CROSS(scores, targets).item() - entropy, rtol=1e-12)
    assert abs(cr.loss.kl_divergence(np.log(targets), targets).item()) < 1e-15
    gradient = cr.grad(cr.loss.kl_divergence)(cr.tensor(scores), targets)
    expected = (cr.softmax(cr.tensor(scores)).numpy() - targets) / 5
    np.testing.assert_allclose(gradient.numpy(), expected, atol=1e-15)


def test_log_probabilities_are_logits_of_the_divergence() -> None:
    scores = cr.tensor(np.random.default_rng(0).standard_normal((5, 4)))
    targets = np.random.default_rng(1).dirichlet(np.ones(4), 5)
    value = cr.loss.kl_divergence(cr.log_softmax(scores), targets).item()
    np.testing.assert_allclose(value, cr.loss.kl_divergence(scores, targets).item(), rtol=1e-14)


def test_the_divergence_skips_impossible_classes() -> None:
    scores, targets = cr.tensor([[0.0, -np.inf, 0.0]]), cr.tensor([[0.5, 0.0, 0.5]])
    value, gradient = cr.value_and_grad(cr.loss.kl_divergence)(scores, targets)
    assert value.item() == 0
    np.testing.assert_allclose(gradient.numpy(), 0, atol=1e-15)
    assert cr.loss.kl_divergence(cr.tensor([[0.0, -INF]]), cr.tensor([[0.5, 0.5]])).item() == INF


@pytest.mark.parametrize(
    ("logit", "answer", "loss", "slope"),
    [
        (0.0, 1.0, np.log(2), -0.5),
        (0.0, 0.25, np.log(2), 0.25),
        (40.0, 1.0, np.exp(-40), -np.exp(-40)),
        (-40.0, 0.0, np.exp(-40), np.exp(-40)),
        (1e4, 0.0, 1e4, 1.0),
        (-1e4, 1.0, 1e4, -1.0),
        (1e4, 1.0, 0.0, 0.0),
    ],
)
def test_the_binary_loss_keeps_its_digits(
    logit: float, answer: float, loss: float, slope: float
) -> None:
    value, gradient = cr.value_and_grad(cr.loss.binary_logistic)(
        cr.tensor([logit]), cr.tensor([answer])
    )
    np.testing.assert_allclose(value.item(), loss, rtol=1e-12)
    np.testing.assert_allclose(gradient.item(), slope, rtol=1e-12)


def test_the_binary_loss_is_the_cross_entropy_of_two_classes() -> None:
    scores, answers = np.random.default_rng(0).standard_normal(6), np.array([0, 1, 1, 0, 1, 0])
    two = np.stack([np.zeros(6), scores], axis=-1)
    value = cr.loss.binary_logistic(scores, answers.astype(bool)).item()
    np.testing.assert_allclose(value, CROSS(two, answers).item(), rtol=1e-14)


def test_huber_is_squared_near_0_and_absolute_far_away() -> None:
    errors = cr.tensor([[0.3, -0.7, 0.0], [0.7, -0.2, 0.1]])
    zeros = cr.zeros((2, 3))
    near = cr.loss.huber(errors, zeros, delta=0.7).item()
    np.testing.assert_allclose(near, 0.5 * cr.loss.squared(errors, zeros).item())
    far = cr.loss.huber(1e9 * errors, zeros, delta=1e-3).item()
    np.testing.assert_allclose(far, 1e6 * cr.loss.absolute(errors, zeros).item(), rtol=1e-9)
    gradient = cr.grad(lambda p: cr.loss.huber(p, zeros, delta=0.25))(errors)
    np.testing.assert_allclose(gradient.numpy(), np.clip(errors.numpy(), -0.25, 0.25) / 2)
    assert cr.loss.huber(cr.tensor([1e300]), cr.tensor([0.0])).item() == 1e300


def test_the_absolute_loss_has_slope_0_where_there_is_no_error() -> None:
    gradient = cr.grad(cr.loss.absolute)(cr.tensor([1.0, 2.0, 3.0]), cr.tensor([1.0, 1.0, 4.0]))
    np.testing.assert_allclose(gradient.numpy(), [0, 1 / 3, -1 / 3])
