"""compare: four ways to one derivative; kinks; the first value that is wrong."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula.comparing.compare import Comparison, compare
from chainrule.formula.comparing.curve import best_step, curve, third_derivative
from chainrule.formula.derivation.question import ask, derive
from chainrule.formula.explaining.kinks import kinks

NAMES = ["symbolic", "numerical", "forward", "reverse"]


def classifier(W: "d k", X: "n d", Y: "n k"):
    Z = X @ W
    P = cr.softmax(Z, axis=1)
    return -cr.mean(cr.sum(Y * cr.log(P), axis=1))


def network(W1: "d h", W2: "h k", X: "n d", Y: "n k"):
    Z1 = X @ W1
    H1 = cr.tanh(Z1)
    R = H1 @ W2 - Y
    return cr.sum(R**2)


def magnitude(w: "d"):
    return cr.sum(cr.abs(w))


@pytest.fixture(scope="module")
def compared() -> Comparison:
    return compare(classifier, "W", facts={"Y": "onehot"}, rule="X.T @ (P - Y) / n")


def test_all_ways_give_the_same_derivative(compared: Comparison) -> None:
    assert [w.name for w in compared.ways] == ["manual", *NAMES]
    assert compared.agrees
    assert compared.disagreement is None
    for name in ("manual", "symbolic", "forward"):
        assert compared[name].error < 1e-14
    assert 0 < compared["numerical"].error < 1e-7


def test_every_way_has_a_value_and_a_cost(compared: Comparison) -> None:
    for way in compared.ways:
        assert way.value.shape == (5, 7)
        assert way.operations > 0
        assert way.memory > 0
        assert way.seconds > 0
    assert compared["forward"].operations > compared["reverse"].operations
    assert compared["numerical"].operations > compared["forward"].operations


def test_operations_of_a_matrix_product_are_counted_exactly() -> None:
    def product(W: "d k", X: "n d", G: "n k"):
        return cr.sum(G * (X @ W))

    found = compare(product, "W", rule=lambda X, G: X.T @ G)
    d, k, n = (found.sizes[name] for name in "dkn")
    assert found["symbolic"].operations == found["manual"].operations == 2 * d * k * n


def test_the_table_reads_well(compared: Comparison) -> None:
    lines = str(compared).splitlines()
    assert lines[0] == "∂classifier/∂W   at d = 5, k = 7, n = 11"
    assert lines[1].split() == ["norm", "first", "error", "operations", "memory", "time"]
    assert [line.split()[0] for line in lines[2:7]] == ["manual", *NAMES]
    assert lines[6].split()[3] == "exact"
    assert "error of the central difference against its step" in str(compared)
    assert max(map(len, lines)) <= 80


def test_the_point_is_that_of_the_examples() -> None:
    w = np.array([1.0, -2.0, 3.0])
    found = compare(lambda w: cr.sum(w**3), "w", w)
    np.testing.assert_allclose(found["reverse"].value, 3 * w**2)
    np.testing.assert_allclose(found["symbolic"].value, 3 * w**2)


def test_a_large_variable_is_differenced_at_some_places() -> None:
    found = compare(lambda W: cr.sum(W**2), "W", np.ones((60, 50)))
    assert found["numerical"].note == "64 of 3,000 elements"
    assert np.isnan(found["numerical"].value).sum() == 3000 - 64
    assert found["forward"].note == "3,000 elements need as many passes; not run"
    assert found.agrees


# ---------------------------------------------------------------- what is wrong


def wrong_rule(W1, W2, X, Y):
    H1 = cr.tanh(X @ W1)
    dR = 2 * (H1 @ W2 - Y)
    dH1 = dR @ W2.T
    dZ1 = dH1 * (1 - H1)
    return X.T @ dZ1


def test_a_wrong_rule_is_told_by_its_first_wrong_local() -> None:
    found = compare(network, "W1", rule=wrong_rule)
    assert not found.agrees
    assert found.disagreement.way == "manual"
    assert (found.disagreement.name, found.disagreement.after) == ("Z1", "H1")
    assert str(found.disagreement).startswith("manual: ∂/∂H1 is right, ∂/∂Z1 is off by ")


def test_a_wrong_forward_value_in_a_rule_is_found_before_gradients() -> None:
    def rule(W1, W2, X, Y):
        Z1 = X @ W1
        H1 = cr.relu(Z1)
        dR = 2 * (H1 @ W2 - Y)
        return X.T @ (dR @ W2.T * (1 - H1**2))

    found = compare(network, "W1", rule=rule)
    assert found.disagreement.name == "H1"


def test_a_rule_of_the_wrong_shape_says_so() -> None:
    found = compare(network, "W1", rule=lambda X: cr.sum(X, axis=0))
    assert found["manual"].note == "has shape [5]; W1 has [5, 7]"
    assert not found.agrees


def test_a_wrong_derivative_rule_of_a_block_is_found_in_the_program() -> None:
    @cr.custom_derivative(lambda inputs, y, tangents: y * tangents[0])
    def cube(x):
        return x**3

    def f(w: "d", X: "n d"):
        a = X @ w
        c = cube(a)
        return cr.sum(cr.sin(c))

    found = compare(f, "w")
    assert not found.agrees
    assert found["numerical"].error > 1e-3
    assert found.disagreement.way == "automatic"
    assert (found.disagreement.name, found.disagreement.after) == ("a", "c")
    assert "test_compare.py" in found.disagreement.line


# ---------------------------------------------------------------- kinks


def test_a_kink_has_a_left_and_a_right_derivative_and_a_convention() -> None:
    found = compare(magnitude, "w", np.array([0.0, 2.0]))
    (kink,) = found.kinks
    assert (kink.element, kink.convention) == ("w[0]", 0)
    assert (kink.left, kink.right) == pytest.approx((-1, 1))
    assert str(kink).startswith(
        "w[0]: left −1, right 1, convention 0   (abs at w[0] = 0, test_compare.py:"
    )
    assert "kink here: w[0]: left −1, right 1, convention 0" in str(found)
    assert found.agrees


def test_a_kink_in_the_middle_of_a_program_is_traced_to_the_variable() -> None:
    def f(w: "d", a: "d"):
        z = a @ w
        return cr.relu(z)

    (first, second) = compare(f, "w", np.array([1.0, 1.0]), np.array([2.0, -2.0])).kinks
    assert (first.left, first.right, first.convention) == pytest.approx((0, 2, 0))
    assert (second.left, second.right) == pytest.approx((-2, 0))
    assert "relu at z = 0" in first.cause


def test_ties_of_a_maximum_are_a_kink() -> None:
    (first, _) = compare(lambda x: cr.max(x), "x", np.array([3.0, 3.0, 1.0])).kinks
    assert (first.left, first.right, first.convention) == pytest.approx((0, 1, 0.5))
    assert first.cause.startswith("max of x at a tie")


def test_a_switch_whose_sides_agree_is_no_kink() -> None:
    found = compare(lambda x: cr.sum(cr.relu(x) ** 2), "x", np.array([0.0, 1.0]))
    assert found.kinks == ()


def told(f, wrt: str, facts=None) -> tuple[str, ...]:
    derivation = derive(ask("kinks", f, wrt, facts=facts))
    derivation.value()
    return kinks(derivation, wrt)


def leaky(x: "n", a: ""):
    return cr.sum(cr.where(x > 0, x, a * x))


def layers(W1: "d h", W2: "h k", X: "n d"):
    Z1 = X @ W1
    Z2 = cr.relu(Z1) @ W2
    return cr.sum(cr.relu(Z2) ** 2)


def hinge(w: "d", X: "n d", y: "n"):
    m = 1 - y * (X @ w)
    return cr.sum(cr.maximum(0, m))


def by_hand(x: "n"):
    m = cr.max(x)
    return cr.log(cr.sum(cr.exp(x - m))) + m


@pytest.mark.parametrize(
    ("f", "wrt", "expected"),
    [
        (leaky, "x", ("at xᵢ = 0: left a, right 1, convention a (where takes the second branch)",)),
        (magnitude, "w", ("at wᵢ = 0: abs has left −1, right 1, convention 0",)),
        (layers, "W1", ("at Z1ᵢⱼ = 0: relu has left 0, right 1, convention 0",)),
        (layers, "W2", ()),  # the square of a relu has no kink
        (hinge, "w", ("at mᵢ = 0: maximum has left 0, right 1, convention ½",)),
        (hinge, "X", ("at mᵢ = 0: maximum has left 0, right 1, convention ½",)),
        (by_hand, "x", ()),
        (classifier, "W", ()),
    ],
)
def test_kinks_are_told_in_the_names_of_the_program(f, wrt, expected) -> None:
    assert told(f, wrt) == expected


def test_the_bounds_of_clip_are_kinks_if_there_are_any() -> None:
    def f(x: "n"):
        return cr.sum(cr.clip(x, -1, None) + cr.clip(x, 0, 2))

    assert told(f, "x") == (
        "at xᵢ = −1, xᵢ = 0: clip has left 0, right 1, convention 1",
        "at xᵢ = 2: clip has left 1, right 0, convention 1",
    )


# ---------------------------------------------------------------- the curve


def test_the_step_balances_truncation_and_round_off() -> None:
    point, direction = np.array([1.0]), np.array([1.0])
    found = curve(lambda x: float(np.exp(x[0])), point, direction, float(np.e))
    near = min(range(len(found.steps)), key=lambda k: abs(np.log(found.steps[k] / found.chosen)))
    assert found.errors[near] < 100 * min(found.errors)
    assert 1e-6 < found.chosen < 1e-4
    assert found.errors[0] > 1e-4
    assert found.errors[-1] > 1e-6


def test_a_third_derivative_is_found_from_four_values() -> None:
    third = third_derivative(lambda x: float(x[0] ** 3), np.array([2.0]), np.array([1.0]))
    assert third == pytest.approx(6, rel=1e-4)


def test_without_a_third_derivative_the_step_is_large() -> None:
    assert best_step(1.0, 0.0) == 0.125


def test_the_curve_is_text_and_svg() -> None:
    found = curve(lambda x: float(np.sin(x[0])), np.array([1.0]), np.array([1.0]), np.cos(1.0))
    assert str(found).count("•") == len(found.steps)
    assert max(map(len, str(found).splitlines())) <= 80
    assert found.svg().count("<circle") == len(found.steps)
    assert "</svg>" in found.svg()
