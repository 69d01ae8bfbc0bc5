"""Docstrings: each public name has one, its examples run, and its sources exist."""

import builtins
import doctest
import importlib
import re
from collections.abc import Iterator
from inspect import isfunction
from pathlib import Path
from types import ModuleType
from typing import get_origin

import pytest

import chainrule
from tests.house.package import PACKAGE, ROOT, docstrings, modules, write

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
# One entry: a key of references.bib, then perhaps where in the work, as in "ba2016layer, eq. 3".
CITATION = re.compile(r"(?P<key>[a-z][a-z\d]*\d{4}[a-z]+)(?:, \S.*)?")
# A Source section, with the deeper lines that continue it.
SOURCE = re.compile(r"^Source:(?P<entries>.*(?:\n[ \t]+\S.*)*)", re.MULTILINE)


def undocumented(module: str) -> Iterator[str]:
    """Find the exported classes, functions and modules without a docstring of their own."""
    namespace = importlib.import_module(module)
    for name in getattr(namespace, "__all__", []):
        thing = getattr(namespace, name)
        # A number, a dtype or an alias such as Literal["a"] only has the docstring of its class.
        alias = get_origin(thing) is not None
        if alias or not (callable(thing) or isinstance(thing, ModuleType)):
            continue
        text = thing.__dict__.get("__doc__") if isinstance(thing, type) else thing.__doc__
        # A dataclass without docstring is given its signature for one.
        if not text or text.startswith(f"{name}("):
            yield f"{module}.{name} has no docstring"


def broken_sources(package: Path, bibliography: str) -> Iterator[str]:
    """Find the Source sections that are malformed or cite what the bibliography lacks."""
    keys = set(re.findall(r"^@\w+\{([^,\s]+),", bibliography, re.MULTILINE))
    for place, _, text in docstrings(package):
        for section in SOURCE.finditer(text):
            for entry in " ".join(section["entries"].split()).split(";"):
                citation = CITATION.fullmatch(entry.strip())
                if citation is None:
                    yield f"{place}: {entry.strip()!r} is not of the form 'ba2016layer, eq. 3'"
                elif citation["key"] not in keys:
                    yield f"{place}: {citation['key']!r} is not in docs/references.bib"


def run_examples(text: str, place: str, line: int, names: dict[str, object]) -> str:
    """Run the examples of one docstring; return doctest's account of those that fail."""
    account: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, names, place, place, line - 1)
    doctest.DocTestRunner(verbose=False, optionflags=OPTIONS).run(test, out=account.append)
    return "".join(account)


def names_for_examples(module: str) -> dict[str, object]:
    """What an example may use: its module's own names, every public name, and ``cr``."""
    chainrule = importlib.import_module("chainrule")
    public = {n: getattr(chainrule, n) for n in chainrule.__all__ if not hasattr(builtins, n)}
    return {**public, **vars(importlib.import_module(module)), "cr": chainrule}


# Rooms of functions of numbers; "" is the root. Those of data sets and runs would need files.
ROOMS = ("", "decomposition", "linalg", "loss", "optim", "probability", "random", "stats")

EXAMPLES = [
    pytest.param(text, place, line, id=place)
    for place, line, text in docstrings(PACKAGE)
    if ">>>" in text
]


@pytest.mark.parametrize("module", modules(PACKAGE))
def test_every_public_name_has_a_docstring(module: str) -> None:
    if module.endswith("__main__"):
        pytest.skip("importing it would run the command line")
    assert list(undocumented(module)) == []


@pytest.mark.parametrize(("text", "place", "line"), EXAMPLES)
def test_the_example_runs(
    text: str, place: str, line: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an example may write a file
    account = run_examples(text, place, line, names_for_examples(place.split(":")[0]))
    assert account == "", account


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_shows_an_example(room: str) -> None:
    namespace = getattr(chainrule, room) if room else chainrule
    public = {name: getattr(namespace, name) for name in namespace.__all__}
    functions = {name: thing for name, thing in public.items() if isfunction(thing)}
    assert functions, "there is something to look at"
    assert [name for name, f in functions.items() if ">>>" not in (f.__doc__ or "")] == []


def test_every_source_is_in_the_bibliography() -> None:
    bibliography = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    assert list(broken_sources(PACKAGE, bibliography)) == []


def test_the_bibliography_is_in_alphabetical_order_and_repeats_no_key() -> None:
    bibliography = (ROOT / "docs" / "references.bib").read_text(encoding="utf-8")
    keys = re.findall(r"^@\w+\{([^,\s]+),", bibliography, re.MULTILINE)
    assert keys == sorted(set(keys))


def test_missing_docstrings_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
from dataclasses import dataclass
from typing import Literal
class Base: "Documented."
class Silent(Base): pass
@dataclass
class Record: field: int
def told(): "Documented."
def untold(): pass
rate = 0.5
Layout = Literal["rows"]
__all__ = ["Base", "Layout", "Record", "Silent", "rate", "told", "untold"]
"""
    write(tmp_path / "documented_fake", {"__init__.py": text})
    monkeypatch.syspath_prepend(tmp_path)
    assert list(undocumented("documented_fake")) == [
        "documented_fake.Record has no docstring",
        "documented_fake.Silent has no docstring",
        "documented_fake.untold has no docstring",
    ]


def test_broken_sources_are_found(tmp_path: Path) -> None:
    text = '''"""A module.

Source:  ba2016layer, eq. 3–4; he2015delving
"""
def f():
    """Do it.

    Source:  nobody1999nothing; Ba et al., 2016;
             ba2016layer, sec. 2
    >>> f()
    """
'''
    package = write(tmp_path / "cited_fake", {"__init__.py": text})
    bibliography = "@misc{ba2016layer,\n}\n@misc{he2015delving,\n}\n"
    assert list(broken_sources(package, bibliography)) == [
        "cited_fake:f:6: 'nobody1999nothing' is not in docs/references.bib",
        "cited_fake:f:6: 'Ba et al., 2016' is not of the form 'ba2016layer, eq. 3'",
    ]


def test_a_wrong_example_is_found_and_a_right_one_passes() -> None:
    assert run_examples(">>> 1 + x\n2", "right", 1, {"x": 1}) == ""
    account = run_examples("Text.\n\n>>> 1 + x\n2", "wrong", 7, {"x": 2})
    assert 'File "wrong", line 9, in wrong' in account
    assert account.endswith("Expected:\n    2\nGot:\n    3\n")
