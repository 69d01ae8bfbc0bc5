"""Where the package lies and which modules it has; read from the files, so nothing is imported."""

import ast
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "chainrule"


def modules(package: Path) -> dict[str, Path]:
    """Map the dotted name of each module to its file; a package stands for its ``__init__``."""
    return {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(
            ".__init__"
        ): path
        for path in sorted(package.rglob("*.py"))
    }


@cache
def parse(path: Path) -> ast.Module:
    """Read a file as a syntax tree, once; whoever asks again gets the same tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def docstrings(package: Path) -> tuple[tuple[str, int, str], ...]:
    """Give (place, line, text) for each docstring of every module, class and function.

    They are taken from the source rather than from the imported objects: a decorator or a
    re-export can hide a docstring from the tools that look for it at run time.
    """
    return tuple(_docstrings(package))


def _docstrings(package: Path) -> Iterator[tuple[str, int, str]]:
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    for module, path in modules(package).items():
        for node in statements(parse(path)):
            if isinstance(node, documented) and (text := ast.get_docstring(node)):
                name = "" if isinstance(node, ast.Module) else f":{node.name}"
                line = node.body[0].lineno
                yield f"{module}{name}:{line}", line, text


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module and what it says, however deep; expressions, most of a tree, are not walked.

    Breadth first, as ast.walk goes.
    """
    saying = ast.stmt | ast.ExceptHandler | ast.match_case
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        yield (node := waiting.popleft())
        waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, saying))


def write(package: Path, files: dict[str, str]) -> Path:
    """Make a package of these files, for a test of the rules themselves."""
    for name, text in files.items():
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package
