"""trace: the program that a function is, with the user's names, lines and axes beside it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from chainrule import tree
from chainrule.autodiff.cotangents import cotangents
from chainrule.errors import ArgumentError
from chainrule.functions.block import KEPT
from chainrule.ir import axes, build
from chainrule.ir.graph import Graph, Node
from chainrule.ir.show import show
from chainrule.recording import Recording, mode, recording
from chainrule.tensors import Tensor, of_node, tensor
from chainrule.transform.debug import tie_effects
from chainrule.transform.frames import watching
from chainrule.transform.scope import Function, outputs, require_function


class Trace:
    """A recorded function: its graph, and the side table of names, lines and axes by node.

    ``earlier`` has the names of what local variables held before their last value.
    """

    def __init__(
        self,
        graph: Graph,
        names: dict[Node, str],
        lines: dict[Node, str],
        axis_names: dict[Node, axes.Names],
        earlier: dict[Node, str] | None = None,
    ) -> None:
        self.graph = graph
        self.names = names
        self.lines = lines
        self.axes = axis_names
        self.earlier = earlier or {}

    def cotangents(self) -> dict[Node, Node]:
        """Give the graph node of ∂y/∂n for every node n that the only, scalar result y needs."""
        (result,) = self.graph.outputs
        if result.shape != () or not result.dtype.is_float:
            raise ArgumentError("cotangents: the function gives no single floating-point number")
        return cotangents(self.graph, [build.fill(1, (), result.dtype)])

    def __str__(self) -> str:
        """The listing of the graph, with names and lines."""
        notes = {
            node: "   ".join(n for n in (self.names.get(node), self.lines.get(node)) if n)
            for node in self.graph.nodes()
        }
        return show(self.graph, notes)


def trace(f: Function) -> Callable[..., Trace]:
    """Make a function that gives the recorded program of f instead of running it.

    Names are those of the arguments and of the local variables when f returned; axes come from
    annotations such as ``X: "n d"`` or jaxtyping's and are checked. The calls of modules
    are Blocks.

    Raises:  ShapeError: an annotation does not fit an argument, or differently named axes meet.

    >>> def score(W: "k d", x: "d"):
    ...     z = W @ x
    ...     return cr.relu(z)
    >>> t = cr.trace(score)(cr.ones((2, 3)), cr.ones(3))
    >>> [(t.names[n], t.axes[n]) for n in t.graph.nodes() if n in t.names]
    [('W', ('k', 'd')), ('x', ('d',)), ('z', ('k',))]
    """
    require_function("trace", f)

    def traced(*args: Any, **kwargs: Any) -> Trace:
        bound = inspect.signature(f).bind(*args, **kwargs)
        with mode(KEPT), recording("trace", opaque=True) as opened:
            arguments = Arguments(f, bound.arguments, opened)
            bound.arguments.update(arguments.inside)
            before: list[dict[str, Any]] = []
            with locals_at_return(f, before) as found:
                result = f(*bound.args, **bound.kwargs)
            nodes, _ = outputs("trace", opened, result)
            names = {**_local_names(found), **arguments.names}
            earlier = {n: name for held in before for n, name in _local_names(held).items()}
            graph = Graph(tuple(arguments.names), tuple(tie_effects(opened, nodes)))
            lines = {n: opened.where(n) for n in graph.nodes() if n not in arguments.names}
        axes.check_sizes((names[n], a, n.shape) for n, a in arguments.axes.items())
        earlier = {n: name for n, name in earlier.items() if n not in names}
        return Trace(graph, names, lines, axes.infer(graph, arguments.axes), earlier)

    return traced


class Arguments:
    """The arguments of a traced function as inputs, with their names and axes."""

    def __init__(self, f: Function, given: dict[str, Any], opened: Recording) -> None:
        self.names: dict[Node, str] = {}
        self.axes: dict[Node, axes.Names] = {}
        self.inside: dict[str, Any] = {}
        notes = inspect.get_annotations(inspect.unwrap(f))
        for name, value in given.items():
            leaves, structure = tree.flatten(value)
            inner = [
                self._leaf(path, leaf, notes.get(name) if path == name else None, opened)
                for path, leaf in zip(_paths(name, value), leaves, strict=True)
            ]
            self.inside[name] = tree.unflatten(structure, inner)

    def _leaf(self, path: str, leaf: Any, note: Any, opened: Recording) -> Any:
        if not isinstance(leaf, Tensor | float):
            return leaf
        own = tensor(leaf)
        node = build.parameter(own.shape, own.dtype, path)
        self.names[node] = path
        text = annotated_axes(note)
        self.axes[node] = axes.parse(text, own.shape, path) if text else (None,) * own.ndim
        return of_node(node, opened)


_TYPES = frozenset({
    "Any", "Operand", "Tensor", "bool", "dict", "float", "int", "list", "str", "tuple",
})  # fmt: skip


_SHAPED = re.compile(r"""[\w.]+\[.*,\s*(['"])(.*?)\1\s*\]""")


def annotated_axes(note: Any) -> str | None:
    """The axes that an annotation names, ``"n d"``; None if it names none.

    It is a string of them, or an annotation of jaxtyping's kind, ``Float[Tensor, "n d"]``,
    evaluated or not: what is read is its attribute ``dim_str``, or its text. A fixed size may have
    a name, ``"k=10"``; axes that broadcast or vary in number name none.
    """
    shaped = getattr(note, "dim_str", None)
    if isinstance(shaped, str):
        text = shaped
    elif isinstance(note, str):
        text = note.strip("'\"")  # quoted twice by postponement
        inside = _SHAPED.fullmatch(text)
        text = inside[2] if inside else text
    else:
        return None
    text = " ".join(re.sub(r"^[^\W\d]\w*=(?=\d+$)", "", word) for word in text.split())
    return text if not text or _is_axes(text) else None


def _is_axes(note: str) -> bool:
    """Whether an annotation names axes: words and numbers, not the name of a type."""
    words = note.split()
    named = all(w == "..." or w.isidentifier() or w.isdigit() for w in words)
    return named and note not in _TYPES


def _paths(name: str, value: Any) -> list[str]:
    return [f"{name}.{path}" if path else name for path, _ in tree.paths(value)]


def _local_names(found: dict[str, Any]) -> dict[Node, str]:
    names: dict[Node, str] = {}
    for name, value in found.items():
        leaves, _ = tree.flatten(value)
        for path, leaf in zip(_paths(name, value), leaves, strict=True):
            if isinstance(leaf, Tensor) and leaf._node is not None:
                names.setdefault(leaf._node, path)
    return names


@contextmanager
def locals_at_return(
    function: Function, before: list[dict[str, Any]] | None = None
) -> Iterator[dict[str, Any]]:
    """Collect the local variables of a Python function at the moment when it returns.

    ``before`` gets those that are Tensors and were other ones at the call before, whenever the
    function calls another one: whatever is computed with a value shows it there, even if its name
    is bound again.
    """
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    found: dict[str, Any] = {}
    last: dict[str, Tensor] = {}

    def watch(frame: FrameType, event: str) -> None:
        if event == "return" and frame.f_code is code:
            found.clear()
            found.update(frame.f_locals)
        elif before is not None and event == "call" and _is_called_by(code, frame):
            held = {n: v for n, v in _caller(frame).f_locals.items() if isinstance(v, Tensor)}
            before.append({n: v for n, v in held.items() if last.get(n) is not v})
            last.update(held)

    with watching(watch):
        yield found


def _is_called_by(code: CodeType | None, frame: FrameType) -> bool:
    return frame.f_back is not None and frame.f_back.f_code is code


def _caller(frame: FrameType) -> FrameType:
    caller = frame.f_back
    assert caller is not None
    return caller
