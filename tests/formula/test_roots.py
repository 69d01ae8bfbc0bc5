"""Numbers in formulas that are known by a root or by π."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import math

import chainrule as cr
from chainrule.formula import check, explain


def right_side(told: object) -> str:
    return str(told).splitlines()[0].split(" = ", 1)[1].rpartition("   ")[0].strip()


def bell(x: "n", s: ""):
    return cr.sum(cr.exp(-(x**2) / (2 * s**2)) / (s * math.sqrt(2 * math.pi)))


def test_the_density_of_the_normal_distribution_has_its_root_of_two_pi() -> None:
    told = explain(bell, "x")
    assert right_side(told) == "−1/(√(2π)s³) · (x ⊙ exp(−1/(2s²) · x²))"
    assert check(bell, "x", right_side(told)).verdict == "right"
    assert "\\sqrt{2\\pi}" in told.latex
    assert "np.sqrt(2 * np.pi)" in told.python
    assert "cr.pi" in told.chainrule


def test_steps_have_roots_too() -> None:
    told = explain(bell, "x", steps=True)
    assert "L" not in told.board.definitions
    assert "bell = 1/(√(2π)s) · 𝟏ᵀexp(−1/(2s²) · x²)" in str(told)


def test_a_number_with_pi_stays_a_decimal_where_a_parameter_is_called_pi() -> None:
    def mixture(x: "n", pi: ""):
        return pi * cr.sum(cr.exp(-(x**2) / 2)) / math.sqrt(2 * math.pi) + pi * math.sqrt(2)

    told = explain(mixture, "x")
    assert right_side(told) == "−0.398942280401π·(x ⊙ exp(−½ x²))"
    assert "np.pi" not in told.python
    assert right_side(explain(mixture, "pi")) == "√2 + 0.398942280401 𝟏ᵀexp(−½ x²)"


def test_multiples_of_pi_are_known() -> None:
    def wave(x: "n", f: ""):
        return cr.sum(cr.sin(2 * math.pi * f * x))

    told = explain(wave, "x")
    assert right_side(told) == "2πf·cos(2πfx)"
    assert check(wave, "x", "2 * pi * f * np.cos(2 * pi * f * x)").verdict == "right"
