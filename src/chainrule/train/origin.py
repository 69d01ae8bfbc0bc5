"""Where a number that is not finite first came from, in a recorded program.

The program is evaluated once more, node by node. What is looked for is the earliest node from
which the trouble reached the result: NaN is followed first, then what had overflowed before it.
An infinity that no bad result depends on, such as that of a mask, is no fault.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.ir.graph import Graph, Node, is_constant
from chainrule.ir.primitives import (
    Add,
    Block,
    Einsum,
    Input,
    Map,
    Project,
    Reduce,
    Reshape,
    RoutineCall,
    Select,
    View,
)
from chainrule.ir.subscripts import Subscripts
from chainrule.runtime.reference import evaluate

__all__ = ["Origin", "bounds", "formula", "origin"]

_Array = npt.NDArray[Any]
_Names = Mapping[Node, str]
_LONG = 50  # characters of a formula


@final
@dataclass(frozen=True, eq=False)
class Origin:
    """The first operation whose result is not finite.

    node      the node of the program; that of the Block if it lies inside of one
    formula   the operation, with the names of its operands as far as they have any
    blocks    the names of the Blocks that it lies in, the outermost first
    value     its result
    operands  the formula and the value of each operand
    """

    node: Node
    formula: str
    blocks: tuple[str, ...]
    value: _Array
    operands: tuple[tuple[str, _Array], ...]


def origin(graph: Graph, given: Iterable[_Array], names: _Names) -> Origin | None:
    """Evaluate a program; find where the first output that is not finite comes from."""
    values: dict[Node, Any] = dict(zip(graph.inputs, given, strict=True))
    for node in graph.nodes():
        evaluate([node], values)
    start = next((n for n in graph.outputs if not _is_finite(values[n])), None)
    if start is None:
        return None
    node = _source(start, values)
    inner = _inside(node, values, names)
    if inner is not None:
        return inner
    operands = [n for n in node.inputs if not is_constant(n) and n.dtype.is_float]
    return Origin(
        node,
        _unnamed(node, names),
        (),
        np.asarray(values[node]),
        tuple((formula(n, names), np.asarray(values[n])) for n in operands),
    )


def _source(start: Node, values: Mapping[Node, Any]) -> Node:
    node = start
    if _has_nan(values[start]):
        node = _earliest(start, lambda n: _has_nan(values[n]))
    return _earliest(node, lambda n: not _is_finite(values[n]))


def _earliest(start: Node, is_bad: Callable[[Node], bool]) -> Node:
    """The earliest node from which a path of bad ones leads to the start."""
    seen, pending = {start}, [start]
    while pending:
        bad = {n for n in pending.pop().inputs if not is_constant(n) and is_bad(n)}
        pending += bad - seen
        seen |= bad
    return min(seen, key=lambda n: n.serial)


def _inside(node: Node, values: Mapping[Node, Any], names: _Names) -> Origin | None:
    """Look for the origin in the body of a Block."""
    if not isinstance(node.op, Block):
        return None
    body = node.op.body
    inner_names = {
        formal: formula(outer, names)
        for formal, outer in zip(body.inputs, node.inputs, strict=True)
    }
    found = origin(body, [values[n] for n in node.inputs], inner_names)
    if found is None:
        return None
    blocks = (node.op.name.strip("_"), *found.blocks)
    return Origin(node, found.formula, blocks, found.value, found.operands)


def _is_finite(value: Any) -> bool:
    return all(bool(np.isfinite(part).all()) for part in _parts(value))


def _has_nan(value: Any) -> bool:
    return any(bool(np.isnan(part).any()) for part in _parts(value))


def _parts(value: Any) -> list[_Array]:
    parts = value if isinstance(value, list | tuple) else [value]
    return [part for part in map(np.asarray, parts) if part.dtype.kind == "f"]


def formula(node: Node, names: _Names) -> str:
    """Write what a node computes, with names where there are any, as deep as it stays short."""
    return next(
        text
        for depth in (3, 2, 1)
        if len(text := _written(node, names, depth)) <= _LONG or depth == 1
    )


def _written(node: Node, names: _Names, depth: int) -> str:
    if node in names:
        return names[node]
    op = node.op
    match op:
        case Reshape() | View() | Project():
            return _written(node.inputs[0], names, depth)
        case Input() if node.inputs:
            return _written(node.inputs[0], names, depth)
    if is_constant(node):
        return _constant(node)
    if not depth:
        return "…"
    return _applied(node, [_written(n, names, depth - 1) for n in node.inputs])


def _unnamed(node: Node, names: _Names) -> str:
    """The formula of a node, preceded by its name if it has one."""
    if node not in names or not node.inputs:
        return formula(node, names)
    others = {n: name for n, name in names.items() if n is not node}
    return f"{names[node]} = {formula(node, others)}"


def _applied(node: Node, operands: list[str]) -> str:
    match node.op:
        case Map(record=record):
            name = record.name
        case Add(signs=signs):
            terms = [("+ " if s > 0 else "− ") + o for s, o in zip(signs, operands, strict=True)]
            return " ".join(terms).removeprefix("+ ")
        case Einsum(subscripts=subscripts):
            return _product(subscripts, operands)
        case Reduce(kind=kind):
            name = kind
        case Select():
            name = "where"
        case RoutineCall(routine=routine):
            name = routine.name
        case Block(name=block):
            name = block.strip("_")
        case op:
            name = type(op).__name__.lower()
    if name == "divide":
        return " / ".join(map(_grouped, operands))
    return f"{name}({', '.join(operands)})"


def _product(subscripts: Subscripts, operands: list[str]) -> str:
    labels = {label for part in subscripts.inputs for label in part}
    if labels <= set(subscripts.output):
        return " · ".join(map(_grouped, operands))
    if len(operands) == 1:
        return f"sum({operands[0]})"
    return f'einsum("{subscripts}", {", ".join(operands)})'


def _grouped(operand: str) -> str:
    """Put a sum in parentheses."""
    outside = re.sub(r"\([^()]*\)", "", operand)
    return f"({operand})" if " + " in outside or "− " in outside else operand


def _constant(node: Node) -> str:
    value = evaluate([node], {})[0]
    return f"{value.flat[0]:g}" if value.size and np.unique(value).size == 1 else "…"


def bounds(value: _Array) -> str:
    """Say between which numbers an array lies, and how many are none.

    >>> bounds(np.array([1.0, np.nan, 3.0, np.inf], np.float32))
    'float32[4], from 1 to 3, 1 inf, 1 nan'
    """
    finite = value[np.isfinite(value)]
    text = f"{value.dtype}{list(value.shape)}"
    if finite.size:
        text += f", from {finite.min():.4g} to {finite.max():.4g}"
    counts = (("inf", np.isposinf(value)), ("−inf", np.isneginf(value)), ("nan", np.isnan(value)))
    return text + "".join(f", {int(bad.sum())} {name}" for name, bad in counts if bad.any())
