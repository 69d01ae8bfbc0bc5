"""The acceptance cases of grading: accepted forms are right, mistakes are refused and named."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from chainrule.errors import FormulaError
from chainrule.formula import check
from chainrule.formula.grading.check import Check, _graded
from chainrule.formula.grading.lines import lines
from chainrule.formula.grading.program import Program, program
from tests.formula.acceptance import CASES, _case

RAW = {raw["id"]: raw for raw in json.loads(CASES.read_text())} if CASES.exists() else {}
pytestmark = pytest.mark.skipif(not RAW, reason="the acceptance cases are not here")

SAMPLES = {
    "prob": "probability", "counts": "positive", "posdet": "definite", "sqdist": "symmetric",
    **{k: k for k in ("spd", "symmetric", "simplex", "onehot", "orthogonal", "sign", "mask",
                      "positive", "invertible")},
}  # fmt: skip

SAME: Mapping[str, set[str]] = {
    "sign": {"sign", "sign and factor"}, "sign inside": {"sign"},
    "factor": {"factor", "missing factor"}, "missing 1/N": {"missing mean"},
    "wrong 1/N": {"factor of a size", "missing mean", "scalar factor"},
    "missing N": {"factor of a size"}, "transpose": {"transpose", "order of factors"},
    "forgot regulariser": {"missing regulariser"},
    "forgot activation derivative": {"missing activation derivative"},
    "activation instead of its derivative": {"missing activation derivative"},
    "missing term": {"missing term", "missing factor"}, "missing path": {"missing term"},
    "missing branch": {"missing term"},
    "missing inner derivative": {
        "missing factor", "missing activation derivative", "stopped early"},
    "missing outer derivative": {"missing factor", "missing activation derivative"},
    "missing factor": {"missing factor"}, "missing weight": {"missing factor"},
    "missing normalisation": {"missing factor", "wrong function", "scalar factor"},
    "missing scale": {"missing factor", "scalar factor"},
    "missing sum": {"shape", "missing factor"}, "missing step": {"missing factor", "stopped early"},
    "assumption": {"assumption", "transpose"},
    "wrong variable": {"wrong variable", "stopped early"}, "wrong input": {"wrong variable"},
    "wrong layer": {"wrong variable"}, "wrong factor": {"wrong variable"},
    "wrong matrix": {"wrong variable"}, "not differentiated": {"not differentiated"},
    "shape": {"shape", "stopped early", "missing factor"}, "order": {"order"},
    "order of factors": {"order of factors"}, "wrong power": {"wrong power"},
    "matrix vs elementwise": {"matrix vs elementwise"}, "diagonal only": {"diagonal only"},
    "vec convention": {"column-major"}, "missing commutation": {"missing commutation"},
    "stopped at p": {"stopped early"}, "stopped at K": {"stopped early"},
    "full instead of diagonal": {"wrong structure"}, "wrong term": {"extra term"},
    "full instead of block-diagonal": {"wrong structure"},
    "summed too early": {"shape", "matrix vs elementwise"},
    "wrong rule": {"sign", "wrong power"}, "missing cross block": {"zero"},
}  # fmt: skip
"""For a kind of the cases, our kinds that ask for the same correction; else the names are equal."""


@cache
def _program(name: str) -> Program:
    case, raw = _case(RAW[name]), RAW[name]
    facts = dict(case.facts)
    for parameter, given in raw["inputs"].items():
        if given["sample"] in SAMPLES:
            facts.setdefault(parameter, SAMPLES[given["sample"]])
    examples = case.examples if name.startswith("conv1d") else ()
    return program(case.f, case.wrt, None, facts, case.order, examples)


def _where(raw: dict[str, Any]) -> str:
    found = raw["unicode_parts"]["where"]
    return "; ".join(f"{w['name']} = {w['expr']}" for w in found)


def _grade(prog: Program, raw: dict[str, Any], text: Any) -> Check:
    """Grade a text; names that only the where-lines know are defined by them."""
    try:
        return _graded(prog, lines(prog, text))
    except FormulaError:
        if not isinstance(text, str) or not _where(raw):
            raise
    joint = "; " if " where " in text else " where "
    return _graded(prog, lines(prog, text + joint + _where(raw)))


@pytest.mark.parametrize("name", RAW)
def test_accepted_forms_are_right(name: str) -> None:
    raw, prog = RAW[name], _program(name)
    for text in [raw["unicode_parts"]["rhs"], *raw["accepted"]]:
        assert _grade(prog, raw, text).verdict == "right", text


GROUPS = 10
"""The cases are graded in this many groups, so that the measure is taken over many notes."""


@pytest.mark.parametrize("group", range(GROUPS))
def test_mistakes_are_refused_and_most_are_named(group: int) -> None:
    same, notes = 0, 0
    for name in list(RAW)[group::GROUPS]:
        prog = _program(name)
        for note in RAW[name]["notes"]:
            found = _grade(prog, RAW[name], note["wrong"])
            assert found.verdict != "right", (name, note["wrong"])
            notes += 1
            same += found.kind in SAME.get(note["kind"], {note["kind"]})
    assert same >= LEAST[group] * notes, (same, notes)


LEAST = [0.8] * GROUPS
"""The share of each group that is named; over all of them it is 0.90."""


def test_check_is_public() -> None:
    assert check.__module__ == "chainrule.formula.grading.check"
