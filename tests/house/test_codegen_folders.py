"""The folders of the compiler stand in order, and each imports only from those before it."""

import re

from tests.house.package import PACKAGE, ROOT
from tests.house.test_imports import internal_imports

FOLDERS = ["assembly", "mathematics", "products", "statements", "expressions", "windows", "kernels"]


def _rank(module: str) -> int:
    """Where a module of the compiler stands; its own files, which no folder imports, come last."""
    folder = module.split(".")[2]
    return FOLDERS.index(folder) if folder in FOLDERS else len(FOLDERS)


def test_a_folder_imports_only_from_itself_and_from_those_before_it() -> None:
    inside = [
        i for i in internal_imports(PACKAGE)
        if all(name.startswith("chainrule.codegen.") for name in (i.importer, i.target))
    ]  # fmt: skip
    assert len(inside) > 100
    assert [i for i in inside if _rank(i.target) > _rank(i.importer)] == []


def test_every_folder_is_listed_and_told_in_order() -> None:
    there = {path.parent.name for path in (PACKAGE / "codegen").glob("*/__init__.py")}
    assert there == set(FOLDERS)
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    passage = re.compile(r"The folders of `codegen` stand in order.*?The files beside", re.DOTALL)
    (told,) = passage.findall(page)
    assert [name for name in re.findall(r"`(\w+)`", told) if name in FOLDERS] == FOLDERS
