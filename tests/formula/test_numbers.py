"""Small and large numbers in formulas: powers of ten, in every notation, and read back."""

# ruff: noqa: F821, ANN — the annotations are names of axes

import chainrule as cr
from chainrule.formula import check, explain


def damped(x: "d"):
    return cr.sum(x / cr.sqrt(x**2 + 1e-5) + 2.5e-7 * x**3)


def test_a_power_of_ten_is_written_as_one() -> None:
    found = explain(damped, "x")
    line = found.unicode.split(" = ", 1)[1].split("          ")[0]
    wanted = "1 ⊘ √(10⁻⁵ + x²) + x² ⊙ (7.5·10⁻⁷ − 1 ⊘ (10⁻⁵ + x²)^(3/2))"
    assert " ".join(line.split()) == wanted
    assert check(damped, "x", wanted).verdict == "right"


def test_latex_and_mathml_write_powers_of_ten() -> None:
    found = explain(damped, "x")
    assert r"\sqrt{10^{-5} + x^{2}}" in found.latex
    assert r"7.5 \times 10^{-7}" in found.latex
    assert "<msup><mn>10</mn>" in found.mathml


def test_a_fraction_in_an_exponent_has_brackets_in_plain_ascii() -> None:
    text = explain(damped, "x").ascii
    assert "^(3/2)" in text
    assert check(damped, "x", text).verdict == "right"
