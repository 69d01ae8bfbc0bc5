"""The import law: the package reads from top to bottom, and no file says less than it should."""

import ast
from collections import deque
from collections.abc import Callable, Container, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.house.package import PACKAGE, modules, parse, write

# In order of processing. A room imports from the lines above and from its own line.
ROOMS = """
errors
elsewhere
late
locking
wording
tree
ir
autodiff
algebra
passes
codegen
runtime
unpacking
recording
tensors
functions
transform
api
testing
nn loss optim schedule
data
metrics
estimators
stats
probability
decomposition
classical
formula
view
train
cli
__init__ __main__
"""
RANK = {room: rank for rank, line in enumerate(ROOMS.split("\n")) for room in line.split()}

EMPTY_NAMES = {"util", "utils", "helper", "helpers", "misc", "common"}
CODE_FROM_DATA = {"pickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"}
CODE_FROM_TEXT = {"eval", "exec", "__import__"}

Rule = Callable[[Path], Iterator[str]]


class Import(NamedTuple):
    """One name that a module imports; whether a function hides it, whether only types need it."""

    importer: str
    target: str
    line: int
    hidden: bool
    for_types: bool


@cache
def imports(package: Path) -> list[Import]:
    """List every import in the package; ``from a import b`` means module ``a.b`` if there is one.

    Imports under TYPE_CHECKING count: a type that a file names is a thing that it depends on.
    """
    known = modules(package)
    return [
        Import(module, target, node.lineno, hidden, for_types)
        for module, path in known.items()
        for node, hidden, for_types in _statements(parse(path))
        for target in _targets(node, known)
    ]


def _statements(tree: ast.Module) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool, bool]]:
    """Yield the imports of a tree, level by level, and whether a function or types hold them."""
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    waiting: deque[tuple[ast.AST, bool, bool]] = deque([(tree, False, False)])
    while waiting:
        node, hidden, for_types = waiting.popleft()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, hidden, for_types
        elif not isinstance(node, ast.expr):  # an expression imports nothing
            hidden = hidden or isinstance(node, functions)
            for_types = for_types or _for_types(node)
            waiting.extend((n, hidden, for_types) for n in ast.iter_child_nodes(node))


def _targets(node: ast.Import | ast.ImportFrom, known: Container[str]) -> list[str]:
    """Name the modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    source = "." * node.level + (node.module or "")
    names = [f"{source}.{alias.name}" for alias in node.names]
    return [name if name in known else source for name in names]


def _for_types(node: ast.AST) -> bool:
    """Whether this is an ``if TYPE_CHECKING:`` block."""
    return isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"


def internal_imports(package: Path) -> Iterator[Import]:
    """Yield the imports of the package's own modules."""
    return (i for i in imports(package) if i.target.split(".")[0] == package.name)


def room(module: str) -> str:
    """Name the room of a module: ``chainrule.ir.graph`` lies in ``ir``."""
    _, *rest = module.split(".")
    return rest[0] if rest else "__init__"


def every_module_has_a_room(package: Path) -> Iterator[str]:
    """Find modules that the list of rooms does not place."""
    for module in modules(package):
        if room(module) not in RANK:
            yield f"{module} lies in no room: add {room(module)!r} to ROOMS where it belongs"


def imports_point_upward(package: Path) -> Iterator[str]:
    """Find imports of a room further down the list, and relative ones, which do not say."""
    for importer, target, line, *_ in imports(package):
        if target.startswith("."):
            yield f"{importer}:{line} imports {target}: write the absolute name"
    for importer, target, line, _, for_types in internal_imports(package):
        if for_types and importer == package.name:
            continue  # the root names the rooms that it loads when they are first used
        here, there = room(importer), room(target)
        if RANK.get(there, -1) > RANK.get(here, len(RANK)):
            yield f"{importer}:{line} imports {target}, but {there} comes after {here}"


def modules_form_no_cycle(package: Path) -> Iterator[str]:
    """Find a cycle among the modules, if there is one; names for types only make none."""
    graph: dict[str, set[str]] = {module: set() for module in modules(package)}
    for importer, target, _, hidden, for_types in internal_imports(package):
        if not hidden and not for_types:
            graph[importer].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        # graphlib lists each module before the one that imports it.
        yield "cycle: " + " → ".join(reversed(error.args[1]))


def functions_hide_no_import(package: Path) -> Iterator[str]:
    """Find imports of our own modules inside functions; only commands load what they run."""
    for importer, target, line, hidden, _ in internal_imports(package):
        if hidden and room(importer) != "cli":
            yield f"{importer}:{line} hides the import of {target} in a function"


def names_say_something(package: Path) -> Iterator[str]:
    """Find modules and folders whose name could stand on anything."""
    for module in modules(package):
        for part in EMPTY_NAMES.intersection(module.split(".")):
            yield f"{module}: {part!r} does not say what is inside"


def data_never_becomes_code(package: Path) -> Iterator[str]:
    """Find whatever could run code that came with a file: unpickling, eval, exec."""
    for importer, target, line, *_ in imports(package):
        if target.split(".")[0] in CODE_FROM_DATA:
            yield f"{importer}:{line} imports {target}"
    for module, path in modules(package).items():
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Name) and node.id in CODE_FROM_TEXT:
                yield f"{module}:{node.lineno} uses {node.id}"


RULES: list[Rule] = [
    every_module_has_a_room,
    imports_point_upward,
    modules_form_no_cycle,
    functions_hide_no_import,
    names_say_something,
    data_never_becomes_code,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps(rule: Rule) -> None:
    assert list(rule(PACKAGE)) == []


# One small package breaks each rule once or twice, so that a rule which finds nothing is noticed.
OFFENDER = {
    "__init__.py": "from chainrule.ir import graph\n",
    "ir/__init__.py": "",
    "ir/graph.py": "from chainrule.nn import linear\nfrom chainrule.ir.show import show\n",
    "ir/show.py": "import chainrule.ir.graph\nfrom . import graph\n",
    "nn/linear.py": "def f():\n    from chainrule import errors\n\nmodel.eval()\n",
    "errors.py": "import chainrule as cr\n",
    "train/utils.py": "from pickle import loads\n\nvalue = eval('1')\n",
    "attic.py": "",
    "cli/__init__.py": "def main():\n    from chainrule.train import utils\n",
}
FOUND: dict[Rule, list[str]] = {
    every_module_has_a_room: [
        "chainrule.attic lies in no room: add 'attic' to ROOMS where it belongs",
    ],
    imports_point_upward: [
        "chainrule.ir.show:2 imports .: write the absolute name",
        "chainrule.errors:1 imports chainrule, but __init__ comes after errors",
        "chainrule.ir.graph:1 imports chainrule.nn.linear, but nn comes after ir",
    ],
    modules_form_no_cycle: [
        "cycle: chainrule.ir.graph → chainrule.ir.show → chainrule.ir.graph",
    ],
    functions_hide_no_import: [
        "chainrule.nn.linear:2 hides the import of chainrule.errors in a function",
    ],
    names_say_something: [
        "chainrule.train.utils: 'utils' does not say what is inside",
    ],
    data_never_becomes_code: [
        "chainrule.train.utils:1 imports pickle",
        "chainrule.train.utils:3 uses eval",
    ],
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_finds_its_offender(rule: Rule, tmp_path: Path) -> None:
    assert list(rule(write(tmp_path / "chainrule", OFFENDER))) == FOUND[rule]


def test_a_lawful_package_breaks_no_rule(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from chainrule.nn import Linear\n",
        "nn/__init__.py": "from chainrule.nn.linear import Linear\n",
        "nn/linear.py": "from chainrule.errors import ShapeError\nfrom chainrule.loss import l2\n",
        "loss.py": "import math\n",
        "errors.py": "",
    }
    package = write(tmp_path / "chainrule", files)
    assert [message for rule in RULES for message in rule(package)] == []
