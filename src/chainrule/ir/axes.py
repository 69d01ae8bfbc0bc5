"""Names of axes: from annotations of the inputs, carried through a graph, checked on the way.

A name says what an axis is ("n" examples, "d" features). Where two named axes meet, the names must
agree. An axis that is new, cut, merged or mixed has no name (``None``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from chainrule.errors import ShapeError
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Add,
    Einsum,
    Input,
    Join,
    Map,
    Print,
    Reduce,
    Select,
    Shape,
    View,
)  # fmt: skip
from chainrule.wording import plural

Names = tuple[str | None, ...]


def parse(annotation: str, shape: Shape, where: str) -> Names:
    """Read ``"n d"``, or ``"... d"`` for the last axes only; a number must be the axis's size."""
    words: list[str | None] = list(annotation.split())
    if words and words[0] == "...":
        words = [*[None] * (len(shape) - len(words) + 1), *words[1:]]
    if len(words) != len(shape):
        raise ShapeError(
            f'{where} is annotated "{annotation}", {plural(len(words), "axis")}, and has '
            f"shape {list(shape)}"
        )
    for word, size in zip(words, shape, strict=True):
        if word is not None and word.isdigit() and int(word) != size:
            raise ShapeError(
                f'{where} is annotated "{annotation}" and has shape {list(shape)}: '
                f"{word} is not {size}"
            )
    return tuple(None if w is None or w.isdigit() or w == "_" else w for w in words)


def check_sizes(named: Iterable[tuple[str, Names, Shape]]) -> dict[str, int]:
    """Give the size of every name; two sizes of one name are an error that shows both."""
    sizes: dict[str, tuple[int, str]] = {}
    for where, names, shape in named:
        for name, size in zip(names, shape, strict=True):
            if name is None:
                continue
            first, place = sizes.setdefault(name, (size, where))
            if first != size:
                raise ShapeError(
                    f"axis '{name}' has two sizes, {first} in {place} and {size} in {where}"
                )
    return {name: size for name, (size, _) in sizes.items()}


def infer(graph: Graph, inputs: Mapping[Node, Names]) -> dict[Node, Names]:
    """Give the names of the axes of every node."""
    table: dict[Node, Names] = dict(inputs)
    for node in graph.nodes():
        if node not in table:
            table[node] = _names(node, table)
    return table


def _names(node: Node, table: Mapping[Node, Names]) -> Names:
    op = node.op
    operands = [table[i] for i in node.inputs]
    match op:
        case Map() | Select() | Add():
            return _merged(operands, node.ndim)
        case Input() | Print() if operands:
            return operands[0]
        case Einsum(subscripts=subscripts):
            return _contracted(subscripts.inputs, subscripts.output, operands)
        case Reduce(axes=axes):
            return tuple(n for a, n in enumerate(operands[0]) if a not in axes)
        case View():
            return _viewed(op, node.inputs[0].shape, operands[0])
        case Join(axis=axis):
            beside = [tuple(None if a == axis else n for a, n in enumerate(o)) for o in operands]
            return _merged(beside, node.ndim)
        case _:
            return (None,) * node.ndim


def _merged(operands: Sequence[Names], ndim: int) -> Names:
    found: list[str | None] = [None] * ndim
    for names in operands:
        for axis, name in enumerate(names):
            found[axis] = _one(found[axis], name)
    return tuple(found)


def _one(first: str | None, second: str | None) -> str | None:
    if first is not None and second is not None and first != second:
        raise ShapeError(f"axis '{first}' meets axis '{second}'")
    return second if first is None else first


def _contracted(
    inputs: Sequence[tuple[int, ...]], output: tuple[int, ...], operands: Sequence[Names]
) -> Names:
    found: dict[int, str | None] = {}
    for labels, names in zip(inputs, operands, strict=True):
        for label, name in zip(labels, names, strict=True):
            found[label] = _one(found.get(label), name)
    return tuple(found[label] for label in output)


def _viewed(view: View, shape: Shape, names: Names) -> Names:
    """An axis that is read whole and in steps of one keeps its name."""
    found: list[str | None] = [None] * len(view.shape)
    for axis, size, name in zip(view.axes, shape, names, strict=True):
        if len(axis.terms) == 1:
            ((o, step),) = axis.terms
            whole = axis.offset == 0 and step == 1 and view.shape[o] == size
            found[o] = name if whole else None
    return tuple(found)
