"""Hidden values: states of recurrent networks and layers that have no name of their own."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import chainrule as cr
from chainrule.formula import check, explain


def recurrent(x1: "d", x2: "d", x3: "d", h0: "h", W: "h h", U: "h d"):
    h = h0
    for x in (x1, x2, x3):
        h = cr.tanh(W @ h + U @ x)
    return cr.sum(h * h)


def test_the_states_of_a_recurrent_network_have_numbers() -> None:
    told = explain(recurrent, "W")
    assert str(told).splitlines()[:7] == [
        "∂recurrent/∂W = δ₁ h0ᵀ + δ₂ h₁ᵀ + δ₃ h₂ᵀ          h×h",
        "   where  h₁ = tanh(U x1 + W h0)   h",
        "          h₂ = tanh(U x2 + W h₁)   h",
        "          h  = tanh(U x3 + W h₂)   h",
        "          δ₃ = 2 h ⊙ (1 − h²)      h",
        "          δ₂ = Wᵀ δ₃ ⊙ (1 − h₂²)   h",
        "          δ₁ = Wᵀ δ₂ ⊙ (1 − h₁²)   h",
    ]


def test_a_derivation_may_use_the_numbers() -> None:
    lines = """d3 = 2 * h * (1 - h**2)
    d2 = W.T @ d3 * (1 - h₂**2)
    d1 = W.T @ d2 * (1 - h₁**2)
    d1 h0ᵀ + d2 h₁ᵀ + d3 h₂ᵀ"""
    assert check(recurrent, "W", lines).verdict == "right"


def test_a_parameter_that_is_bound_again_keeps_its_name() -> None:
    def loss(x: "n d", W1: "d h", b1: "h", W2: "h k", y: "n k"):
        x = x @ W1 + b1
        x = cr.relu(x)
        x = x @ W2
        return cr.sum((x - y) ** 2)

    told = explain(loss, "W1")
    assert told.unicode.splitlines()[:2] == [
        "∂L/∂W1 = 2xᵀ((x₂ − y) W2ᵀ ⊙ [x₁ > 0])          d×h",
        "   where  x₁ = relu(x W1 + b1) (n×h)   x₂ = x₁ W2 (n×k)",
    ]


def test_layers_inside_of_layers_are_named() -> None:
    def f(x: "d", W1: "h d", W2: "k h", W3: "m k"):
        return cr.sum(cr.tanh(W3 @ cr.tanh(W2 @ cr.tanh(W1 @ x))))

    assert "h₂ = tanh(W2 h₁)" in explain(f, "W1").unicode


def test_names_that_the_user_has_are_not_given_again() -> None:
    def f(h1: "d", W1: "h d", W2: "k h", W3: "m k"):
        return cr.sum(cr.tanh(W3 @ cr.tanh(W2 @ cr.tanh(W1 @ h1))))

    assert "h₂ = tanh(W1 h1)" in explain(f, "W1").unicode


def test_one_layer_inside_of_another_stays_where_it_is() -> None:
    def f(x: "d", W: "h d", v: "h"):
        z = W @ x
        z = z + 1.0
        return v @ cr.sigmoid(z)

    assert "h₁" not in explain(f, "W").unicode
    assert "z₁" not in explain(f, "W").unicode


def test_what_is_bound_again_is_written_out_where_everything_is() -> None:
    assert "h₁" not in explain(recurrent, "h0", expand=True).unicode
