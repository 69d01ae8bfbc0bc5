"""Parsing: both notations, shapes, and the size that 𝟏 and I take."""

import pytest

from chainrule.formula.printing.canonical import same_print
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.parse import parse

NAMES = Names(
    {
        "X": ("n", "d"), "P": ("n", "k"), "Y": ("n", "k"), "W1": ("d", "h"), "W2": ("h", "k"),
        "Z1": ("n", "h"), "lam": (), "x": ("d",), "a": ("d",), "s": ("n",), "xy": ("d", "d"),
        "Sigma": ("d", "d"), "p": ("k",),
    },
    frozenset("ndkh"),
)  # fmt: skip

PRINTS = [
    ("X.T @ (P - Y) / n", "Xᵀ(P − Y) / n", ("d", "k")),
    ("np.outer(x, a) / len(X)", "xaᵀ / n", ("d", "d")),
    ("X.sum(0)", "Xᵀ𝟏", ("d",)),
    ("cr.sum(x * a)", "𝟏ᵀ(x ⊙ a)", ()),
    ("s[:, None] * X", "diag(s)X", ("n", "d")),
    ("X * a", "X diag(a)", ("n", "d")),
    ("x @ xy", "xyᵀ x", ("d",)),
    ("2*x*np.exp(a)", "2x ⊙ exp(a)", ("d",)),
    ("sigma^-1 x", "Σ⁻¹x", ("d",)),
    ("np.linalg.solve(Sigma, x)", "Σ⁻¹x", ("d",)),
    ("1/n · Xᵀ((P − Y) W2ᵀ ⊙ [Z1 > 0]) + 2λ·W1", None, ("d", "h")),
    ("1/‖x‖ · (I − xxᵀ/‖x‖²)", None, ("d", "d")),
    ("X − 1/n · 𝟏𝟏ᵀX", None, ("n", "d")),
    ("1/n · Σₙ xₙxₙᵀ ⊗ (diag(pₙ) − pₙpₙᵀ)", None, ("d·k", "d·k")),
    ("block-diagonal over n: diag(pₙ) − pₙpₙᵀ", None, ("n·k", "n·k")),
    ("(Σ⁻¹ ⊗ Σ⁻ᵀ)K_dd", None, ("d·d", "d·d")),
    ("vec(I)vec(I)ᵀ", None, ("d·d", "d·d")),
    ("½ tr(ΣΣᵀ) − √(xᵀx)", None, ()),
]


@pytest.mark.parametrize(("text", "print_", "dims"), PRINTS, ids=[p[0] for p in PRINTS])
def test_a_text_has_a_tree_of_these_dims(
    text: str, print_: str | None, dims: tuple[str, ...]
) -> None:
    text = text.replace("sigma", "Sigma")
    tree = parse(text, NAMES, dims)
    assert tree.dims == dims
    assert same_print(tree, parse(print_ or UNICODE(tree), NAMES, dims))


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("P ⊙ Y", "Y⊙P", True),
        ("((P)) − Y", "−Y + P", True),
        ("2λx", "λ·2 x", True),
        ("2 λ · x", "2(λ x)", True),
        ("Σx", "Σᵀx", False),
        ("x ⊙ x", "x²", False),
        ("xaᵀ", "axᵀ", False),
        ("(Σ + Σᵀ)x", "Σx + Σᵀx", False),
        ("½ x", "1/2 · x", True),
    ],
)
def test_prints_are_the_same_up_to_the_order_of_terms_and_commuting_factors(
    one: str, two: str, same: bool
) -> None:
    assert same_print(parse(one, NAMES), parse(two, NAMES)) is same


def test_a_name_of_several_letters_wins_over_a_product() -> None:
    assert UNICODE(parse("xy x", NAMES)) == "xy x"
    assert UNICODE(parse("λxaᵀ", NAMES)) == "λxaᵀ"
