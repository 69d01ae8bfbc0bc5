"""The pages for who works on this speak of what there is: files, and the rooms in their order."""

import re

import pytest

from tests.house.package import PACKAGE, ROOT
from tests.house.test_imports import RANK

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE + GUIDE)))
PLACES = [f"/{p.relative_to(ROOT).as_posix()}" for p in (PACKAGE, *PACKAGE.rglob("*"))]


@pytest.mark.parametrize("name", NAMED)
def test_every_file_that_is_named_exists(name: str) -> None:
    found = [place for place in PLACES if place.endswith("/" + name.rstrip("/"))]
    assert found or (ROOT / name).exists()


def test_the_rooms_are_those_of_the_import_law() -> None:
    (listed,) = re.findall(r"upward only \(a test keeps it\): ([^.]*)\.", PAGE)
    told = re.findall(r"`(\w+)`", listed)
    assert told == [room for room in RANK if not room.startswith("__")]
