"""The acceptance cases as functions, where their file is there."""

import inspect
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import explain
from chainrule.formula.explaining.explanation import Explanation

CASES = Path(__file__).parents[3] / "shared" / "golden" / "cases.json"
KINDS = {
    "prob": "probability", "counts": "positive", "large": "positive", "posdet": "spd",
}  # fmt: skip


class Case(NamedTuple):
    """A function with what is asked of it, and arguments that show its sizes."""

    name: str
    f: Any
    wrt: Any
    order: Any
    facts: dict[str, str]
    examples: list[Any]


def _case(raw: dict[str, Any]) -> Case:
    names: dict[str, Any] = {"cr": cr}
    exec(raw["code"], names)
    f = [v for v in names.values() if inspect.isfunction(v)][-1]
    facts = {}
    for fact in raw["facts"] or []:
        spd = fact.get("sample") == "spd" and fact["fact"] == "symmetric"
        facts[fact["name"]] = "spd" if spd else KINDS.get(fact["fact"], fact["fact"])
    for name, given in raw["inputs"].items():
        if given["sample"].startswith("int:"):
            facts.setdefault(name, "integer<" + given["sample"][4:])
    examples = [
        np.zeros([int(a) if a.isdigit() else raw["dims"][0][a] for a in
                  raw["inputs"][p]["shape"].split()])
        for p in inspect.signature(f).parameters
    ]  # fmt: skip
    wrt = raw["wrt"] if isinstance(raw["wrt"], str) else tuple(raw["wrt"])
    return Case(raw["id"], f, wrt, raw["order"], facts, examples)


_TOLD: dict[str, Explanation] = {}


def explained(case: Case) -> Explanation:
    """The explanation of a case, made once for all tests."""
    if case.name not in _TOLD:
        _TOLD[case.name] = explain(
            case.f, case.wrt, *case.examples, facts=case.facts, order=case.order
        )
    return _TOLD[case.name]


def cases() -> list[Any]:
    """All cases as parameters of a test; one that is skipped where the file is missing."""
    if not CASES.exists():
        return [pytest.param(None, marks=pytest.mark.skip(f"{CASES.name} is not here"))]
    return [pytest.param(_case(raw), id=raw["id"]) for raw in json.loads(CASES.read_text())]
