"""Formulas in a terminal: two dimensions, shapes, and lines that are broken where one may."""

import functools
from collections.abc import Callable

import pytest

from chainrule.formula import explain
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.printing.boxes import drawn
from chainrule.formula.printing.layout import wrapped
from chainrule.formula.printing.marks import Fenced, Name, Over, Root, Row, Shaped, Sign, Total
from tests.formula.programs import HESSIANS, PROGRAMS

EVERY = {**PROGRAMS, **HESSIANS}


@functools.cache
def explained(name: str) -> Explanation:
    asked = EVERY[name]
    return explain(asked.f, asked.wrt, facts=asked.facts, order=asked.order)


def _formula(told: str) -> str:
    """The print without the line of the agreement, whose digits depend on the machine."""
    return "\n".join(line for line in told.splitlines() if "agrees with" not in line)


@pytest.mark.parametrize("name", EVERY)
def test_the_layout_is_as_it_was_reviewed(name: str, golden: Callable[[str, str], None]) -> None:
    told = explained(name)
    golden(
        f"formulas/{name}", "\n\n".join(map(_formula, (str(told), told.pretty(), told.to_latex())))
    )


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("name", EVERY)
def test_no_line_is_wider_than_asked(name: str, width: int) -> None:
    lines = _formula(explained(name).pretty(width)).splitlines()
    wide = [line for line in lines if len(line) > width and "assuming" not in line]
    assert wide == []


def test_a_fraction_is_stacked_and_brackets_grow_around_it() -> None:
    inside = Row((Name("g"), Sign("−", binary=True), Over(Name("a"), Name("d"))))
    assert drawn(Fenced("(", inside, ")")).lines == (
        "⎛     a ⎞",
        "⎜g − ───⎟",
        "⎝     d ⎠",
    )


def test_brackets_do_not_enclose_shapes() -> None:
    shaped = Row((Shaped(Name("X"), "n×d"), Shaped(Name("W"), "d×k")))
    assert drawn(Fenced("(", shaped, ")")).lines == ("( X  W )", " n×dd×k ")


def test_roots_and_sums() -> None:
    assert drawn(Root(Name("v"))).lines == (" _", "√v")
    assert drawn(Row((Total("n"), Name("x")))).lines == ("Σx", "n ")


def test_a_long_sum_goes_on_below_the_first_term() -> None:
    text = "y = " + " + ".join(f"term{k}(a − b)" for k in range(5))
    assert wrapped(text, 40, 4) == [
        "y = term0(a − b) + term1(a − b)",
        "    + term2(a − b) + term3(a − b)",
        "    + term4(a − b)",
    ]


def test_only_a_term_that_is_too_wide_is_broken_inside_of_brackets() -> None:
    text = "y = f(first ⊙ second ⊙ third ⊙ fourth)"
    assert wrapped(text, 24, 4) == ["y = f(first ⊙ second", "    ⊙ third ⊙ fourth)"]
