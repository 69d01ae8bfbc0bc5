"""The derivation block by block."""

# ruff: noqa: F722, ANN — the annotations are names of axes

import functools
from collections.abc import Callable

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check, explain
from chainrule.formula.derivation.question import ask, derive
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.printing.notation import UNICODE
from tests.formula.programs import PROGRAMS, normalized, ridge, three_layers
from tests.formula.test_latex import balanced
from tests.patience import calls

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@functools.cache
def derived(name: str) -> Explanation:
    asked = PROGRAMS[name]
    return explain(asked.f, asked.wrt, facts=asked.facts, steps=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_board_is_as_it_was_reviewed(name: str, golden: Callable[[str, str], None]) -> None:
    told = derived(name)
    assert told.board is not None
    golden(f"formulas/steps_{name}", told.board.unicode())


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_board_is_latex_too(name: str) -> None:
    told = derived(name)
    assert told.board is not None
    assert balanced(told.board.latex)


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_line_is_wider_than_the_terminal(name: str) -> None:
    assert max(map(len, str(derived(name)).splitlines())) <= 80


def test_each_step_has_its_local_derivative_and_the_gradient_that_comes_in() -> None:
    told = explain(three_layers, "W1", facts={"Y": "simplex"}, steps=True)
    assert told.board is not None
    text = told.board.unicode()
    assert "local     ∂P/∂z₃ = block-diagonal over n: diag(pₙ) − pₙpₙᵀ" in text
    assert "chain     vec(δz₃) = (∂P/∂z₃)ᵀ vec(δP)" in text
    assert "simplify  δz₃ = 1/n · (P − Y)          n×k" in text
    assert text.splitlines()[-1].split() == ["δW1", "=", "Xᵀ", "δz₁", "d×h"]


def test_what_the_result_uses_directly_is_told_apart() -> None:
    told = explain(ridge, "w", steps=True)
    assert "direct    ∂L/∂w = 2λw" in str(told).replace("∂ridge", "∂L")


def _deep(depth: int) -> Callable[..., cr.Tensor]:
    """A chain of layers; each value has a name of its own."""
    lines = ["    h0 = X"]
    lines += [f"    h{k + 1} = cr.tanh(h{k} @ W)" for k in range(depth)]
    text = "\n".join(['def deep(X: "n d", W: "d d"):', *lines, f"    return cr.sum(h{depth}**2)"])
    names = {"cr": cr}
    exec(text, names)
    return names["deep"]  # type: ignore[return-value]


def test_the_print_grows_as_the_program_does() -> None:
    lengths = [len(str(explain(_deep(depth), "X", steps=True))) for depth in (8, 16, 24)]
    first, second = lengths[1] - lengths[0], lengths[2] - lengths[1]
    assert second < 1.2 * first


def test_a_network_with_batch_norm_is_explained_in_a_million_calls() -> None:
    told = explain(normalized, "W1", facts={"Y": "simplex"})
    count = calls(lambda: explain(normalized, "W1", facts={"Y": "simplex"}))
    assert count < 1_000_000
    assert told.unicode.startswith("∂normalized/∂W1 = Xᵀ δZ1")


def test_steps_are_those_of_a_gradient() -> None:
    with pytest.raises(FormulaError) as caught:
        explain(ridge, "w", order=2, steps=True)
    assert str(caught.value) == ("explain: steps are those of a gradient: order=1 and one variable")


def residual(layers: int):
    def loss(W: "d d", X: "n d", y: "n d"):
        h = X
        for _ in range(layers):
            h = h + cr.tanh(h @ W)
        return cr.sum((h - y) ** 2)

    return loss


@pytest.mark.parametrize("layers", [4, 5, 12])
def test_layers_that_share_a_weight_are_told_one_by_one(layers: int) -> None:
    told = explain(residual(layers), "W")
    assert len(told.where) == 4 * layers - 1
    assert told.error < 1e-12
    inner = [f"z{2 * k}ᵀ δz{2 * k + 1}".translate(SUBSCRIPTS) for k in range(1, layers)]
    assert UNICODE(told.tree) == " + ".join(["Xᵀ δz₁", *inner])


def test_the_length_of_a_gradient_is_known_before_it_is_written() -> None:
    lengths = [derive(ask("explain", residual(n), "W")).length("W") for n in (2, 3, 4)]
    assert lengths[1] > 3 * lengths[0]
    assert lengths[2] > 3 * lengths[1]


def test_a_derivation_through_many_layers_is_graded() -> None:
    loss = residual(6)
    whole = UNICODE(explain(loss, "W").tree)
    assert check(loss, "W", whole).verdict == "right"
    found = check(loss, "W", whole.replace(" + z₂ᵀ δz₃", ""))
    assert (found.verdict, found.kind) == ("wrong", "missing term")
    assert "z₂ᵀ δz₃" in found.message


def of_rows(X: "n d"):
    m = cr.mean(X, axis=1, keepdims=True)
    s = cr.sqrt(cr.mean((X - m) ** 2, axis=1, keepdims=True) + 1e-5)
    return cr.sum(((X - m) / s) ** 3)


def of_columns(X: "n d"):
    m = cr.mean(X, axis=0, keepdims=True)
    s = cr.sqrt(cr.mean((X - m) ** 2, axis=0, keepdims=True) + 1e-5)
    return cr.sum(((X - m) / s) ** 3)


def test_values_that_kept_an_axis_of_size_1_are_vectors() -> None:
    found = {name: UNICODE(tree) for name, tree in explain(of_rows, "X").where}
    assert found["m"] == "1/d · X𝟏"
    assert found["z₁"] == "diag(1 ⊘ s)(X − m𝟏ᵀ)"
    assert found["δs"] == "−3 z₁∘³ 𝟏 ⊘ s"
    found = {name: UNICODE(tree) for name, tree in explain(of_columns, "X").where}
    assert found["m"] == "1/n · Xᵀ𝟏"
    assert found["z₁"] == "(X − 𝟏mᵀ)diag(1 ⊘ s)"
    told = str(explain(of_rows, "X", steps=True))
    assert "local     ∂m/∂X = " in told
    assert "agrees with automatic differentiation" in told


@pytest.mark.parametrize("f", [of_rows, of_columns])
def test_they_are_vectors_for_check_too(f: Callable[..., object]) -> None:
    told = explain(f, "X")
    lines = [f"{name} = {UNICODE(tree)}" for name, tree in told.where]
    assert check(f, "X", "\n".join([*lines, UNICODE(told.tree)])).verdict == "right"
    assert check(f, "X", UNICODE(told.tree)).verdict == "right"
    assert check(f, "X", f"2 * ({UNICODE(told.tree)})").kind == "factor"
    assert check(f, "X", "δz₁ / s").verdict == "wrong"


def test_a_column_beside_a_row_is_read_as_in_numpy() -> None:
    right = "3 * ((X - m)**2 - ((X - m)**2).mean(axis=0, keepdims=True))"
    assert check(centered, "X", right).verdict == "right"
    assert check(centered, "X", "3 * ((X − 𝟏mᵀ)∘² − 1/n · 𝟏𝟏ᵀ(X − 𝟏mᵀ)∘²)").verdict == "right"


def centered(X: "n d"):
    m = cr.mean(X, axis=0, keepdims=True)
    return cr.sum((X - m) ** 3)
