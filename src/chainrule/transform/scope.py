"""What every transform does on the way in and on the way out.

In: arguments become Tensors, Tensors become fresh names. Out: results and State writes of the
closed recording are re-homed in the recording around it, or get their values where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import is_dataclass
from typing import Any, Final

import numpy as np

from chainrule import tree
from chainrule.errors import ArgumentError, DTypeError, RecordingError, ShapeError
from chainrule.ir import build
from chainrule.ir.graph import Node, frontier
from chainrule.recording import Recording, innermost, leaked
from chainrule.runtime.reference import evaluate
from chainrule.tensors import Tensor, Weak, node_of, of_node, of_values, tensor, weak

Function = Callable[..., Any]
Argnums = int | Sequence[int]
INPUTS: Final = (Tensor, np.ndarray, float)
"""What of a jitted function's arguments is an input of its program; all else is part of that."""


def require_function(transform: str, f: object) -> None:
    """Raise where a value is given for the function of which it is one."""
    if not callable(f):
        kind = type(f).__name__
        raise TypeError(
            f"{transform}: {'an' if kind[0] in 'aeiou' else 'a'} {kind} is not a function\n\n"
            f"  {transform}(f) makes a function of f: it is {transform}(f)(x), not "
            f"{transform}(f(x))."
        )


def positions(transform: str, argnums: Argnums, count: int) -> tuple[int, ...]:
    """The argument numbers as a tuple, negative ones counted from the end."""
    wanted = tuple(argnums) if isinstance(argnums, list | tuple) else (argnums,)
    for position in wanted:
        if not isinstance(position, int) or isinstance(position, bool):
            raise ArgumentError(
                f"{transform}: argnums={argnums!r} is neither the number of a positional argument "
                "nor a tuple of them"
            )
        if not -count <= position < count:
            raise ArgumentError(
                f"{transform}: argnums={argnums!r}, but the function was called with {count} "
                f"positional argument{'s' * (count != 1)}"
            )
    found = tuple(p % count for p in wanted)
    if len(set(found)) < len(found):
        raise ArgumentError(f"{transform}: argnums={argnums!r} names an argument twice")
    return found


def variable(transform: str, value: Any, place: str) -> Tensor:
    """A leaf of an argument as a floating-point Tensor, to differentiate with respect to."""
    if isinstance(value, Tensor):
        found = value
    elif isinstance(value, float | np.ndarray | np.floating):
        found = tensor(value)
    else:
        hint = f"; write {value}.0" if type(value) is int else ""
        raise DTypeError(
            f"{transform}: {place} is {_named(value)}, and derivatives are taken with respect to "
            f"floating-point numbers{hint}{fields_hint(value)}"
        )
    if not found.dtype.is_float:
        raise DTypeError(
            f"{transform}: {place} has dtype {found.dtype}, and derivatives are taken with respect "
            "to floating-point numbers\n\n"
            "  Convert it with .astype(cr.float64), or pick other arguments with argnums."
        )
    return found


def fields_hint(value: Any) -> str:
    """What helps where a dataclass that holds Tensors is given: it is one leaf, not a tree."""
    if not is_dataclass(value) or isinstance(value, type):
        return ""
    return (
        f"\n\n  A dataclass is no tree of its own: as class {type(value).__name__}(cr.nn.Module), "
        "whose fields stay as\n  they are, it becomes one. Tuples, lists, dicts and named tuples "
        "are trees too."
    )


def _named(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


class Variables:
    """The differentiated leaves of some arguments, under fresh names in a recording."""

    def __init__(
        self, transform: str, opened: Recording, args: Sequence[Any], places: Sequence[int]
    ) -> None:
        self.tensors: list[Tensor] = []
        self.nodes: list[Node] = []
        self.structures: list[Any] = []
        self.args = list(args)
        for place in places:
            leaves, structure = tree.flatten(args[place])
            fresh = []
            for leaf in leaves:
                own = variable(transform, leaf, f"argument {place}")
                node = build.alias(node_of(own, opened))
                self.tensors.append(own)
                self.nodes.append(node)
                make = weak if isinstance(leaf, float | Weak) else of_node  # as f itself takes it
                fresh.append(make(node, opened))
            self.structures.append(structure)
            self.args[place] = tree.unflatten(structure, fresh)

    def rebuild(self, leaves: Sequence[Any]) -> list[Any]:
        """One tree of new leaves for each differentiated argument."""
        trees, start = [], 0
        for structure in self.structures:
            count = structure.num_leaves
            trees.append(tree.unflatten(structure, leaves[start : start + count]))
            start += count
        return trees


def outputs(transform: str, opened: Recording, result: Any) -> tuple[list[Node], Any]:
    """The leaves of a function's result as nodes, and their structure."""
    leaves, structure = tree.flatten(result)
    return [result_node(transform, opened, leaf) for leaf in leaves], structure


def result_node(transform: str, opened: Recording, leaf: Any) -> Node:
    """One result as a node of a recording."""
    if not isinstance(leaf, Tensor):
        if not isinstance(leaf, bool | int | float | np.ndarray | np.generic):
            raise DTypeError(
                f"{transform}: the function returned {_named(leaf)}, where a Tensor or a tree of "
                "Tensors was expected"
            )
        leaf = tensor(leaf)
    if leaf._recording is not None and not leaf._recording.alive:
        raise RecordingError(leaked(leaf._recording))
    return node_of(leaf, opened)


def scalar_result(transform: str, opened: Recording, result: Any) -> Node:
    """The result of a function that has a gradient: a floating-point number."""
    if isinstance(result, tuple | list | dict) or result is None:
        raise ArgumentError(
            f"{transform}: the function returned {_named(result)}, where one number was "
            "expected\n\n"
            "  Return the loss alone, or (loss, anything else) with has_aux=True."
        )
    node = result_node(transform, opened, result)
    if node.shape != ():
        raise ShapeError(
            f"{transform}: the function returned a Tensor of shape {list(node.shape)}, and a "
            "gradient belongs to a single number\n\n"
            "  Reduce it with .sum() or .mean(), or use cr.jacobian or cr.vjp."
        )
    if not node.dtype.is_float:
        raise DTypeError(
            f"{transform}: the function returned {node.dtype}, which has no derivative"
        )
    return node


def rehome(opened: Recording, nodes: Sequence[Node]) -> list[Tensor]:
    """Make nodes of a recording that is about to close Tensors of the one around it.

    Where nothing unknown and nothing of an outer recording is involved they get their values now.
    """
    parent = opened.parent
    if parent is None or not frontier(nodes, [], opened.since):
        alone = parent is None
        return of_values(evaluate(nodes, opened.root.values, release=alone))
    return [of_node(n, parent) for n in nodes]


class Residuals:
    """What a linear function that is applied later needs of the recording that made it.

    Where the recording is the outermost one, the values computed so far; else the one around it,
    in which the results are recorded.
    """

    def __init__(self, opened: Recording, results: Sequence[Node]) -> None:
        self.parent = opened.parent
        self.values: dict[Node, Any] = {}
        if self.parent is None:
            evaluate(results, opened.root.values)
            self.values = dict(opened.root.values)

    def apply(
        self, function: Callable[[list[Node]], Sequence[Node]], operands: Sequence[Tensor]
    ) -> list[Tensor]:
        """Apply a function of nodes: compute it now, or record it where something is recorded."""
        hosts = [t._recording for t in operands if t._recording is not None]
        hosts += [self.parent] if self.parent is not None else []
        if not hosts:
            made = function([build.data(t._known()) for t in operands])
            return of_values(evaluate(made, dict(self.values)))
        host = innermost(hosts)
        host.root.values.update(self.values)
        return [of_node(n, host) for n in function([node_of(t, host) for t in operands])]


def close(opened: Recording, nodes: Sequence[Node], *trees: Any, commit: bool = True) -> list[Any]:
    """Re-home nodes, then the Tensors inside trees (auxiliary results), and hand State writes on.

    Gives the list of Tensors for the nodes, then the trees.
    """
    flat = [tree.flatten(t) for t in trees]
    inner = [
        leaf
        for leaves, _ in flat
        for leaf in leaves
        if isinstance(leaf, Tensor) and leaf._recording is opened
    ]
    writes = list(opened.writes.items()) if commit else []
    written = [node_of(t, opened) for _, t in writes]
    made = rehome(opened, [*nodes, *(_own(t) for t in inner), *written])
    own = made[: len(nodes)]
    moved = {id(t): m for t, m in zip(inner, made[len(nodes) :], strict=False)}
    for (cell, _), value in zip(writes, made[len(nodes) + len(inner) :], strict=True):
        cell.commit(value, opened.parent)
    rebuilt = [
        tree.unflatten(structure, [moved.get(id(leaf), leaf) for leaf in leaves])
        for leaves, structure in flat
    ]
    return [own, *rebuilt]


def _own(found: Tensor) -> Node:
    assert found._node is not None
    return found._node
