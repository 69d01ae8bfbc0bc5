"""The public names: what a package exports is what its ``__all__`` lists, in order."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.package import PACKAGE, modules, parse, write


def bound_names(path: Path, package: str) -> set[str]:
    """Collect the names without underscore that a file defines or takes from its own package."""
    names: set[str] = set()
    for node in parse(path).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.ImportFrom(module=str(source)) if source.split(".")[0] == package:
                names.update(alias.asname or alias.name for alias in node.names)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return {name for name in names if not name.startswith("_")}


def reading_order(name: str) -> tuple[int, list[str | int]]:
    """Order names as ruff's RUF022 does: CONSTANTS, Classes, functions; log2 before log10."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    parts: list[str] = re.split(r"(\d+)", name)
    return kind, [int(part) if part.isdigit() else part for part in parts]


def broken_exports(module: str, path: Path) -> Iterator[str]:
    """Find what is wrong with the ``__all__`` of an imported module."""
    namespace = importlib.import_module(module)
    exported: list[str] = list(getattr(namespace, "__all__", []))
    if "\n__all__ = " in path.read_text() and exported != sorted(exported, key=reading_order):
        yield f"{module}.__all__ is not sorted"
    for name in sorted({name for name in exported if exported.count(name) > 1}):
        yield f"{module}.__all__ lists {name!r} twice"
    for name in exported:
        if not hasattr(namespace, name):
            yield f"{module}.__all__ lists {name!r}, which does not exist"
    if path.name == "__init__.py":
        for name in sorted(bound_names(path, module.split(".")[0]) - set(exported)):
            yield f"{module}.__all__ lacks {name!r}"


@pytest.mark.parametrize("module", modules(PACKAGE))
def test_the_exports_are_sorted_and_complete_and_exist(module: str) -> None:
    if module.endswith("__main__"):
        pytest.skip("importing it would run the command line")
    assert list(broken_exports(module, modules(PACKAGE)[module])) == []


def test_broken_exports_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "__init__.py": "from exports_fake.part import *\n"
        "from exports_fake.part import missing, tanh as tanh\n"
        "import math\n"
        "rate = 1\n"
        "__all__ = ['log10', 'log2', 'gone', 'log10', 'tanh']\n",
        "part.py": "missing = tanh = log2 = log10 = 0\n__all__ = ['log2', 'log10', 'tanh']\n",
    }
    package = write(tmp_path / "exports_fake", files)
    monkeypatch.syspath_prepend(tmp_path)
    found = [list(broken_exports(*item)) for item in modules(package).items()]
    assert found == [
        [
            "exports_fake.__all__ is not sorted",
            "exports_fake.__all__ lists 'log10' twice",
            "exports_fake.__all__ lists 'gone', which does not exist",
            "exports_fake.__all__ lacks '*'",
            "exports_fake.__all__ lacks 'missing'",
            "exports_fake.__all__ lacks 'rate'",
        ],
        [],
    ]
