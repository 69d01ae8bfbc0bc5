"""docs/formulas.md says what the code prints.

After a change that is meant, ``python -m tests.formula.test_docs`` writes the page anew.
"""

import contextlib
import inspect
import io
import re
import runpy
import textwrap
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from chainrule.formula import explain
from tests.formula.listed import SECTIONS, Listed

PAGE = Path(__file__).parents[2] / "docs" / "formulas.md"
MARK = "<!-- from here on: what the code prints for tests/formula/listed.py -->\n"
EXAMPLE = re.compile(r"```python\n(?P<code>.*?)```\n```text\n(?P<told>.*?)```\n", re.DOTALL)
EXAMPLES = 9
AGREEMENT = re.compile(r"(?<=to )\d(?:\.\d)?e[+-]\d+")


def test_the_list_is_what_the_code_prints() -> None:
    assert _rounded(PAGE.read_text(encoding="utf-8").split(MARK)[1]) == _rounded(listed())


@pytest.mark.parametrize("number", range(EXAMPLES))
def test_an_example_of_the_tour_prints_what_is_shown(number: int) -> None:
    example = list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))[number]
    assert _rounded(printed(example["code"])) == _rounded(example["told"])


def test_every_example_of_the_tour_is_tested() -> None:
    assert len(list(EXAMPLE.finditer(PAGE.read_text(encoding="utf-8")))) == EXAMPLES


def _rounded(text: str) -> str:
    """The text without the sizes of rounding errors, which differ between processors."""
    return re.sub(r"off by \S+", "off by …", AGREEMENT.sub("…", text))


def printed(code: str) -> str:
    """What a program prints as a file in an empty folder; here, since a process takes longer."""
    told = io.StringIO()
    with TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.redirect_stdout(told):
        Path("example.py").write_text(code, encoding="utf-8")
        runpy.run_path("example.py", run_name="__main__")
    return told.getvalue()


def listed() -> str:
    return "".join(_section(title, entries) for title, entries in SECTIONS.items())


def _section(title: str, entries: list[Listed]) -> str:
    return f"\n### {title}\n" + "".join(map(_entry, entries))


def _entry(entry: Listed) -> str:
    source = textwrap.dedent(inspect.getsource(entry.f)).strip()
    return f"\n**{entry.title}**\n\n```py\n{source}\n```\n```text\n{''.join(_formulas(entry))}```\n"


def _formulas(entry: Listed) -> Iterator[str]:
    for wrt, order in entry.questions:
        yield f"{explain(entry.f, wrt, order=order, facts=entry.facts)}\n"


def _rewritten(text: str) -> str:
    tour = text.split(MARK)[0]
    shown = EXAMPLE.sub(
        lambda m: f"```python\n{m['code']}```\n```text\n{printed(m['code'])}```\n", tour
    )
    return shown + MARK + listed()


if __name__ == "__main__":
    PAGE.write_text(_rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
