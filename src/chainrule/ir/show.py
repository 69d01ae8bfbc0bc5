"""A graph as a numbered listing, for people who look for a mistake.

    inputs %0:f64[4,3] %1:f64[3,2]
    %2:f64[4,2] = einsum "ij,jk->ik" %0 %1
    %3:f64[4,2] = tanh %2
    outputs %3

Nodes are numbered within each graph, formal inputs first, so equal programs read the same. The
result of a View at the place i, j, … is its operand at the place in brackets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, assert_never

import numpy as np

from chainrule.ir.dtype import BUNDLE
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import (
    Accumulate,
    Add,
    Axis,
    Block,
    Cond,
    Data,
    Delta,
    Einsum,
    Fill,
    Gather,
    Input,
    Iota,
    Join,
    Loop,
    Map,
    Primitive,
    Print,
    Project,
    Random,
    Reduce,
    Reshape,
    RoutineCall,
    Scatter,
    Select,
    Type,
    View,
)  # fmt: skip

_LETTERS = "ijklmnopqrstuvwxyz"
_SHOWN = 4  # a constant with more elements is not written out


def show(graph: Graph, notes: Mapping[Node, str] | None = None) -> str:
    """Write a graph as a listing, one node a line, bodies indented, each with its note."""
    return "\n".join(_lines(graph, notes or {}))


def type_text(type_: Type) -> str:
    """Write a type as ``f64[4,2]``."""
    if type_.dtype is BUNDLE:
        return "bundle"
    return f"{type_.dtype.short}[{','.join(map(str, type_.shape))}]"


def numbering(graph: Graph) -> dict[Node, int]:
    """Number the nodes: formal inputs first, then the others in topological order."""
    names: dict[Node, int] = {}
    for node in (*graph.inputs, *graph.nodes()):
        names.setdefault(node, len(names))
    return names


def line(node: Node, names: dict[Node, int]) -> str:
    """Write one node, without its bodies."""
    operands = [f"%{names[i]}" if i in names else "%?" for i in node.inputs]
    return f"%{names[node]}:{type_text(node.type)} = {_operation(node.op, operands)}"


def _lines(graph: Graph, notes: Mapping[Node, str]) -> list[str]:
    names = numbering(graph)
    given = set(graph.inputs)
    inputs = [f"%{names[n]}:{type_text(n.type)}{_name(n.op)}" for n in graph.inputs]
    made = [" ".join(["inputs", *inputs])]
    for node in names:
        if node not in given:
            note = notes.get(node)
            made.append(line(node, names) + (f"   # {note}" if note else ""))
            made += _bodies(node.op)
    made.append(" ".join(["outputs", *(f"%{names[n]}" for n in graph.outputs)]))
    return made


def _bodies(op: Primitive) -> list[str]:
    match op:
        case Block(body=body) | Loop(body=body):
            return _indented(body)
        case Cond(then=then, otherwise=otherwise):
            branches = (("then", then), ("otherwise", otherwise))
            return [t for name, g in branches for t in (f"  {name}", *_indented(g))]
        case _:
            return []


def _indented(body: Graph) -> list[str]:
    return [f"    {text}" for text in _lines(body, {})]


def _name(op: Primitive) -> str:
    return f"({op.name})" if isinstance(op, Input) and op.name else ""


def _operation(op: Primitive, operands: Sequence[str]) -> str:
    return " ".join([_head(op, len(operands)), *_signed(op, operands)])


def _signed(op: Primitive, operands: Sequence[str]) -> list[str]:
    if not isinstance(op, Add) or len(op.signs) != len(operands):
        return list(operands)
    return [o if s > 0 else f"-{o}" for s, o in zip(op.signs, operands, strict=True)]


def _head(op: Primitive, count: int) -> str:
    match op:
        case Input():
            return f"{'alias' if count else 'input'}{_name(op)}"
        case Data(value=value):
            return f"data {_short(value)}"
        case Fill(value=value):
            return f"fill {value}"
        case Iota() | Delta() | Random() | Select() | Add() | Reshape() | Gather() | Scatter():
            return type(op).__name__.lower()
        case Map(record=record, params=params):
            return _with_params(record.name, params)
        case Einsum(subscripts=subscripts):
            return f'einsum "{subscripts}"'
        case Reduce(kind=kind, axes=axes):
            return f"{kind} axes={','.join(map(str, axes))}"
        case View(axes=axes):
            return f"view {_places(axes)}"
        case Accumulate(view=view):
            return f"accumulate {_places(view.axes)}"
        case Join(axis=axis):
            return f"join axis={axis}"
        case RoutineCall(routine=routine, params=params):
            return _with_params(f"routine {routine.name}", params)
        case Project(index=index):
            return f"project {index}"
        case Block(name=name, barrier=barrier):
            return f'block "{name}"{" barrier" if barrier else ""}'
        case Loop(constants=constants, carries=carries, length=length, reverse=reverse):
            sizes = f"length={length} constants={constants} carries={carries}"
            return f"loop {sizes}{' reverse' if reverse else ''}"
        case Cond():
            return "cond"
        case Print(message=message):
            return f"print {message!r}"
        case _:
            assert_never(op)


def _with_params(name: str, params: tuple[Any, ...]) -> str:
    return f"{name}({', '.join(map(str, params))})" if params else name


def _short(value: np.ndarray) -> str:
    if value.size > _SHOWN:
        return "…"
    return np.array2string(value, separator=",").replace("\n", "").replace(" ", "")


def _places(axes: Sequence[Axis]) -> str:
    return f"[{', '.join(map(_place, axes))}]"


def _place(axis: Axis) -> str:
    """Write where an axis is read, as ``2i+k-1``."""
    text = "".join(_term(step, _letter(place)) for place, step in axis.terms)
    if axis.offset or not text:
        text += f"{axis.offset:+d}"
    return text.removeprefix("+")


def _letter(axis: int) -> str:
    return _LETTERS[axis] if axis < len(_LETTERS) else f"i{axis}"


def _term(step: int, letter: str) -> str:
    return f"{'-' if step < 0 else '+'}{'' if abs(step) == 1 else abs(step)}{letter}"
