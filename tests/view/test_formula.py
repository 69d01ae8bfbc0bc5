"""Formulas are typeset from the plain text that docstrings have, and no sign is ever lost."""

import html
import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.view import formula
from tests.view.test_report import outline


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("(P − Y)/N", ['<span class="fraction"><span><i>P</i> − <i>Y</i></span><span><i>N</i>']),
        ("a (b − c) / (d + e) f", ["<i>a</i> <span", "<i>b</i> − <i>c</i>", "<i>d</i> + <i>e</i>"]),
        ("−(1/N) Σᵢ", ['−<span class="fraction">', "Σ<sub><i>i</i></sub>"]),
        ("f(x/2)", ["<i>f</i>", ">(</span>", ">)</span>"]),
        ("√(a + b)", ['√<span class="under"><i>a</i> + <i>b</i></span>']),
        ("√v̂ + ε", ['√<span class="under"><i>v̂</i></span></span> + <i>ε</i>']),
        ("β₁ᵗ", ["<i>β</i><sub>1</sub><sup>", "t"]),
        ("Σ_{j≠yᵢ} s", ["Σ<sub><i>j</i>≠<i>y</i><sub><i>i</i></sub></sub>"]),
        ("factor^(t / steps)", ["factor<sup>", "<span><i>t</i></span><span>steps</span>"]),
        ("x_k weight_decay", ["<i>x</i><sub><i>k</i></sub> weight_decay"]),
        ("softmax(s)[yᵢ]", ["softmax(<i>s</i>)[<i>y</i><sub>"]),
        ("a < b & c", ["<i>a</i> &lt; <i>b</i> &amp; <i>c</i>"]),
    ],
)
def test_structure_is_read(line, parts):
    text = formula.typeset_formula(line).text
    for part in parts:
        assert part in text, text


def test_remarks_are_told_from_formulas():
    text = formula.typeset("v ← μ v + g,  w ← w − η v           with momentum").text
    assert text.count('class="part"') == 2
    assert '<span class="part remark">with momentum</span>' in text


def test_the_source_is_what_a_screen_reader_says():
    text = formula.typeset("y = x / 2   for x > 0").text
    assert 'aria-label="y = x / 2 for x &gt; 0"' in text


@pytest.mark.parametrize(
    "definition",
    [cr.nn.Linear, cr.loss.cross_entropy, cr.optim.SGD, cr.optim.AdamW, cr.schedule.cosine],
)
def test_the_docstrings_of_a_training_have_formulas(definition):
    found = formula.lines(definition.__doc__)
    assert found
    assert all(line in inspect.getdoc(definition) for line in found)


@pytest.mark.parametrize("documentation", [None, "", "Only this.", "First.\n\nShapes:  x: n  →  n"])
def test_no_formula_is_no_line(documentation):
    assert formula.lines(documentation) == []


SIGNS = "xyβŷ12 (){}[]/√_^ᵢᵗ₁²Σ+−=←·|‖<&,"


@given(st.text(SIGNS, max_size=24))
def test_any_text_is_well_formed_and_keeps_its_letters(text):
    page = formula.typeset_formula(text).text
    outline(page)
    shown = html.unescape(re.sub(r"<[^>]*>", "", page))
    for sign in "xyβŷ12Σ+−=←·<&,":
        plain = text.translate(str.maketrans("₁²", "12"))
        assert shown.count(sign) == plain.count(sign)
