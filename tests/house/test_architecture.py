"""The pages speak of what there is: files, links, names, and the rooms in their order."""

import re
from functools import cache

import pytest

from tests.house.package import PACKAGE, ROOT
from tests.house.test_imports import RANK

PAGES = ("README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/hard-points.md")
# Names of others, and examples of what a name looks like.
NOT_OURS = {"contracted_axis", "jax", "photos"}


@cache
def text(page: str) -> str:
    """A page without its blocks of code, which tests/test_examples.py runs."""
    return re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)


def named(page: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text(page)))


@cache
def places() -> tuple[str, ...]:
    return tuple(f"/{p.relative_to(ROOT).as_posix()}" for p in (PACKAGE, *PACKAGE.rglob("*")))


@cache
def words() -> set[str]:
    """Every word of the source, the names of its files, and those of make's targets."""
    own = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"\w+", " ".join([*own, *places(), make])))


def is_there(name: str) -> bool:
    """Whether a file or a folder of the package ends so, or the repository has it."""
    return (ROOT / name).exists() or any(p.endswith("/" + name.rstrip("/")) for p in places())


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    files = {name for name in named(page) if re.fullmatch(r"[\w/]+(?:\.py|\.bib|/)", name)}
    assert [name for name in files if not is_there(name)] == []


def test_every_file_that_the_source_names_exists() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in re.findall(r"``([a-z][\w/]*\.py)``", path.read_text(encoding="utf-8"))
        if not is_there(name)
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", text(page))
    folder = (ROOT / page).parent
    assert [link for link in links if not (folder / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_name_is_one_of_the_source(page: str) -> None:
    """A name that was changed or deleted is found; that it still means the same is not."""
    spans = (span for span in named(page) if "/" not in span)
    names = {name for span in spans for name in re.findall(r"(?a:[A-Za-z_]\w{2,})", span)}
    assert sorted(names - words() - NOT_OURS) == []


def test_the_rooms_are_those_of_the_import_law() -> None:
    (listed,) = re.findall(r"upward only \(a test keeps it\): ([^.]*)\.", text(PAGES[2]))
    told = re.findall(r"`(\w+)`", listed)
    assert told == [room for room in RANK if not room.startswith("__")]
