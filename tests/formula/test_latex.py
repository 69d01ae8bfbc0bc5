"""LaTeX, MathML and HTML: the same marks drawn three times."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chainrule.formula import explain
from chainrule.formula.printing.latex import latex_left, latex_name, latex_text
from tests.formula.acceptance import Case, cases
from tests.formula.acceptance import explained as explained_case
from tests.formula.programs import HESSIANS, PROGRAMS, three_layers


def balanced(text: str) -> bool:
    r"""Whether braces, \left and \right, and environments pair up, and all is ASCII."""
    plain = re.sub(r"\\[{}]", "", text)
    depth = 0
    for c in plain:
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    pairs = [(r"\\left(?![a-z])", r"\\right(?![a-z])"), (r"\\begin", r"\\end"),
             (r"\\lVert", r"\\rVert")]  # fmt: skip
    same = all(len(re.findall(a, text)) == len(re.findall(b, text)) for a, b in pairs)
    return depth == 0 and same and text.isascii()


@pytest.mark.parametrize("case", cases())
def test_every_print_of_every_case_is_well_formed(case: Case) -> None:
    told = explained_case(case)
    assert balanced(told.latex)
    assert balanced(told.to_latex(shapes=True))
    ET.fromstring(told.mathml)
    ET.fromstring(told.html)
    assert max(map(len, str(told).splitlines())) <= 80
    assert max(map(len, told.pretty().splitlines())) <= 80


def test_the_steps_of_a_derivation_are_drawn_in_a_notebook_too() -> None:
    told = explain(three_layers, "W3", facts={"Y": "simplex"}, steps=True)
    rows = ET.fromstring(told._repr_html_()).findall("table")[0].findall("tbody/tr")
    words = [row.findtext("td") for row in rows]
    assert words[0] == "forward"
    assert [word for word in words if word and word[0].isdigit()] == [
        *("1  by P: gradient", "2  by z₃: local", "3  by W3: local"),
    ]
    parts = told._repr_latex_().split("\n\n")
    assert len(parts) == 2
    assert all(part.startswith("$") and part.endswith("$") for part in parts)


def test_a_display_has_its_definitions_aligned() -> None:
    told = explain(three_layers, "W3", facts={"Y": "simplex"})
    assert told.latex.splitlines()[1:4] == [
        (
            r"\frac{\partial \mathrm{three\_layers}}{\partial W_{3}} &= "
            r"\frac{1}{n} \, {H_{2}}^{\top} \, (P - Y) && m \times k \\"
        ),
        r"\text{where}\quad H_{1} &= \operatorname{relu}(X \, W_{1} + b_{1}) && n \times h \\",
        r"H_{2} &= \operatorname{relu}(H_{1} \, W_{2} + b_{2}) && n \times m \\",
    ]


def test_shapes_stand_below_the_factors() -> None:
    told = explain(three_layers, "W3", facts={"Y": "simplex"})
    line = told.to_latex(shapes=True).splitlines()[1]
    assert r"\underset{m \times n}{{H_{2}}^{\top}} \, \underset{n \times k}{(P - Y)}" in line


@pytest.mark.parametrize(
    ("name", "shown"),
    [("W1", "W_{1}"), ("lam", r"\lambda"), ("δ₁", r"\delta_{1}"), ("δZ1", r"\delta_{Z_{1}}"),
     ("train_loss", r"\mathrm{train\_loss}"), ("Wq", "W_{q}"), ("sigma_x", r"\sigma_{x}")],
)  # fmt: skip
def test_names(name: str, shown: str) -> None:
    assert latex_name(name) == shown


def test_what_the_formula_is_of() -> None:
    assert latex_left("∂²L/∂X²") == r"\frac{\partial^2 L}{\partial X^2}"
    assert latex_text("A symmetric positive definite") == r"A \text{ symmetric positive definite}"
    assert latex_text("Y𝟏 = 𝟏") == r"Y\mathbf{1} = \mathbf{1}"
    assert latex_text("Yₕₐ⁻¹") == "Y_{ha}^{-1}"


def test_chromium_draws_every_formula(tmp_path: Path, new_page: Callable[[], Any]) -> None:
    asked = {**PROGRAMS, **HESSIANS}.values()
    told = [explain(p.f, p.wrt, facts=p.facts, order=p.order).html for p in asked]
    page_file = tmp_path / "formulas.html"
    page_file.write_text("<!doctype html><meta charset=utf-8>" + "".join(told), encoding="utf-8")
    page = new_page()
    page.goto(page_file.as_uri())
    boxes = page.evaluate(
        "() => [...document.querySelectorAll('math')].map(m => {"
        "const b = m.getBoundingClientRect(); return [b.width, b.height]; })"
    )
    assert len(boxes) > len(told)
    assert min(min(box) for box in boxes) > 5
    assert "<script" not in "".join(told)
