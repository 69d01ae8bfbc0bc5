"""Whether a graph is well formed: every type is derived a second time and compared.

The rules stand here on their own, without ``ir/build.py``: two opinions are the point. A pass that
makes a graph which fails here has a bug, so the exception is no ChainruleError but an assertion.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from chainrule.ir.dtype import BUNDLE, DType, bool_, from_numpy, int64, uint32, uint64
from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.primitives import (
    Accumulate,
    Add,
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
    Shape,
    Type,
    View,
)  # fmt: skip
from chainrule.ir.show import line, numbering, type_text

_CONTEXT: Final = 12  # lines of the listing that lead to the mistake
_BUNDLE: Final = Type((), BUNDLE)


class InvalidGraphError(AssertionError):
    """A pass or a rule made a graph that means nothing: a bug in chainrule, not in the program."""


class _Wrong(Exception):  # noqa: N818 — never leaves this file
    """What is wrong with one node."""


def verify(graph: Graph) -> None:
    """Check a graph and all bodies inside it.

    Operands come before their users; every input is a formal one; each type is what the primitive
    makes of its operands; a bundle is read by Project only, and projects what it has.

    Raises:  InvalidGraphError: with the node, what is wrong, and the lines that lead to it.
    Cost:    linear in the number of nodes; a body that occurs again is checked once.
    """
    seen: set[int] = set()
    waiting = [graph]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        given = set(current.inputs)
        _check_ends(current)
        for node in current.nodes():
            if node in given:
                continue
            try:
                _check(node)
            except _Wrong as wrong:
                raise InvalidGraphError(_report(current, node, str(wrong))) from None
            waiting.extend(bodies(node.op))


def _check_ends(graph: Graph) -> None:
    if len(set(graph.inputs)) != len(graph.inputs):
        raise InvalidGraphError("verify: a node is a formal input twice")
    for node in (*graph.inputs, *graph.outputs):
        if node.dtype is BUNDLE:
            raise InvalidGraphError(f"verify: the bundle {node} is an input or output of a graph")


def _report(graph: Graph, node: Node, wrong: str) -> str:
    names = numbering(graph)
    lines = [
        f"{'→' if n is node else ' '} {line(n, names)}" for n in names if names[n] <= names[node]
    ]
    listing = "\n".join(f"  {text}" for text in lines[-_CONTEXT:])
    return f"verify: %{names[node]}: {wrong}\n\n{listing}"


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise _Wrong(message)


def _check(node: Node) -> None:
    for operand in node.inputs:
        _require(operand.serial < node.serial, "an operand was made after its user")
        if operand.dtype is BUNDLE:
            _require(isinstance(node.op, Project), "reads a bundle, as only project may")
    if isinstance(node.op, Input) and not node.inputs:
        raise _Wrong("is an input from outside that is no formal input of its graph")
    derived = _infer(node.op, [i.type for i in node.inputs], node.inputs)
    if node.type != derived:
        raise _Wrong(f"has type {type_text(node.type)}, should be {type_text(derived)}")


def _same(types: Iterable[Type]) -> Type:
    """The one type of pointwise operands."""
    first, *others = types
    for other in others:
        if other != first:
            raise _Wrong(f"operands differ: {type_text(first)} and {type_text(other)}")
    return first


def _count(types: Sequence[Type], wanted: int) -> None:
    _require(len(types) == wanted, f"has {len(types)} operands, should have {wanted}")


def _infer(op: Primitive, types: list[Type], inputs: Sequence[Node]) -> Type:
    """The type of the result of a primitive; a bundle's own is empty."""
    match op:
        case Input():
            _count(types, 1)
            return types[0]
        case Data() | Fill() | Iota() | Delta():
            _count(types, 0)
            return _source(op)
        case Random():
            return _random(op, types)
        case Map():
            return _map(op, types)
        case Select():
            _count(types, 3)
            mask, *branches = types
            chosen = _same(branches)
            _require(mask == Type(chosen.shape, bool_), "the mask is no boolean of the same shape")
            return chosen
        case Add(signs=signs):
            _count(types, len(signs))
            _require(bool(signs) and set(signs) <= {1, -1}, f"signs {signs} are not all 1 or -1")
            return _numeric(_same(types))
        case Einsum():
            return _einsum(op, types)
        case Reduce():
            return _reduce(op, types)
        case Reshape(shape=shape):
            _count(types, 1)
            fits = math.prod(shape) == math.prod(types[0].shape)
            _require(fits, "the number of elements changes")
            return Type(shape, types[0].dtype)
        case View():
            _count(types, 1)
            _view(op, types[0].shape)
            return Type(op.shape, types[0].dtype)
        case Accumulate(view=view, shape=shape):
            _count(types, 1)
            _view(view, shape)
            _require(types[0].shape == view.shape, "the operand has not the shape of the view")
            return Type(shape, types[0].dtype)
        case Join():
            return _join(op, types)
        case Gather():
            index = _index(types[1:], types[0].shape)
            return Type(index + types[0].shape[len(types) - 1 :], types[0].dtype)
        case Scatter(shape=shape):
            index = _index(types[1:], shape)
            fits = types[0].shape == index + shape[len(types) - 1 :]
            _require(fits, "the updates do not have the shape of what they are added to")
            return Type(shape, types[0].dtype)
        case RoutineCall() | Block() | Loop() | Cond():
            _results(op, types)
            return _BUNDLE
        case Project(index=place):
            _count(types, 1)
            return _project(place, inputs[0])
        case Print():
            _require(bool(types), "prints nothing")
            return types[0]
        case _:
            assert_never(op)


# ---------------------------------------------------------------- sources and pointwise


def _source(op: Data | Fill | Iota | Delta) -> Type:
    match op:
        case Data(value=value):
            return Type(value.shape, from_numpy(value.dtype))
        case Fill(value=value, shape=shape, dtype=dtype):
            kind = float if dtype.is_float else bool if dtype is bool_ else int
            _require(type(value) is kind, f"{value!r} is no element of {dtype}")
            return Type(shape, dtype)
        case Iota(size=size, dtype=dtype):
            return _numeric(Type((size,), dtype))
        case Delta(size=size, dtype=dtype):
            return Type((size, size), dtype)


def _numeric(type_: Type) -> Type:
    _require(type_.dtype is not bool_, "is arithmetic of booleans")
    return type_


def _random(op: Random, types: list[Type]) -> Type:
    _count(types, 3 if len(types) == 3 else 2)
    key, counter, *skipped = types
    _require(key.dtype is uint64 and key.shape[-1:] == (2,), "a key is a uint64 of shape (..., 2)")
    _require(counter.dtype is uint64, "a counter is a uint64")
    _require(key.shape[:-1] == counter.shape, "keys and counters have different batch axes")
    _require(all(s == counter for s in skipped), "what is left out is counted as a counter is")
    _require(op.dtype in (uint32, uint64), f"there are no random bits of {op.dtype}")
    return Type(counter.shape + op.shape, op.dtype)


def _map(op: Map, types: list[Type]) -> Type:
    record = op.record
    _count(types, record.arity)
    shape, dtype = _same(types)
    _require(dtype.kind in record.accepts, f"{record.name} is not defined for {dtype}")
    match record.output:
        case "same":
            return Type(shape, dtype)
        case "bool":
            return Type(shape, bool_)
        case "param":
            target = op.params[0]
            _require(isinstance(target, DType), f"{record.name} names no dtype")
            return Type(shape, target)
        case _:
            assert_never(record.output)


# ---------------------------------------------------------------- contraction


def _einsum(op: Einsum, types: list[Type]) -> Type:
    labels, output = op.subscripts.inputs, op.subscripts.output
    _count(types, len(labels))
    dtypes = {t.dtype for t in types}
    _require(len(dtypes) == 1, "the factors have several dtypes")
    sizes: dict[int, int] = {}
    for own, type_ in zip(labels, types, strict=True):
        _require(len(own) == len(type_.shape), "an operand has not as many axes as labels")
        for label, size in zip(own, type_.shape, strict=True):
            known = sizes.setdefault(label, size)
            _require(known == size, f"label {label} has sizes {known} and {size}")
    _require(len(set(output)) == len(output), "a label occurs twice in the output")
    _require(set(output) <= set(sizes), "an output label is in no operand")
    return Type(tuple(sizes[label] for label in output), dtypes.pop())


def _reduce(op: Reduce, types: list[Type]) -> Type:
    _count(types, 1)
    shape, dtype = types[0]
    kept = [size for axis, size in enumerate(shape) if axis not in op.axes]
    _require(len(kept) + len(op.axes) == len(shape), f"axes {op.axes} are not axes of the operand")
    match op.kind:
        case "max" | "min" | "prod":
            return Type(tuple(kept), dtype)
        case "any" | "all":
            return Type(tuple(kept), bool_)
        case "argmax" | "argmin":
            _require(len(op.axes) == 1, f"{op.kind} goes over one axis")
            return Type(tuple(kept), int64)
        case _:
            assert_never(op.kind)


# ---------------------------------------------------------------- layout and indices


def _view(view: View, operand: Shape) -> None:
    _require(len(view.axes) == len(operand), "the view has not one entry for each operand axis")
    _require(min(view.shape, default=0) >= 0, "an axis has a negative size")
    for axis in view.axes:
        for place, step in axis.terms:
            _require(0 <= place < len(view.shape), f"the view has no axis {place}")
            _require(step != 0, "a step is 0")


def _join(op: Join, types: list[Type]) -> Type:
    _require(bool(types), "joins nothing")
    first = types[0]
    _require(0 <= op.axis < len(first.shape), f"the operands have no axis {op.axis}")
    before, after = first.shape[: op.axis], first.shape[op.axis + 1 :]
    for shape, dtype in types:
        fits = shape[: op.axis] == before and shape[op.axis + 1 :] == after
        _require(fits and len(shape) == len(first.shape), "the operands differ on another axis")
        _require(dtype is first.dtype, "the operands have several dtypes")
    return Type((*before, sum(t.shape[op.axis] for t in types), *after), first.dtype)


def _index(indices: Sequence[Type], shape: Shape) -> Shape:
    _require(0 < len(indices) <= len(shape), f"{len(indices)} indices for {len(shape)} axes")
    for index in indices:
        _require(index.dtype.is_integer, "an index is no integer")
        _require(index.shape == indices[0].shape, "the indices have several shapes")
    return indices[0].shape


# ---------------------------------------------------------------- bundles


def _project(place: int, bundle: Node) -> Type:
    op = bundle.op
    if not isinstance(op, RoutineCall | Block | Loop | Cond):
        raise _Wrong("projects what is no bundle")
    results = _results(op, [i.type for i in bundle.inputs])
    _require(0 <= place < len(results), f"the bundle has {len(results)} results")
    return results[place]


def _results(op: RoutineCall | Block | Loop | Cond, types: list[Type]) -> list[Type]:
    """The types of the results of a bundle, whose operands must fit its bodies."""
    match op:
        case RoutineCall(routine=routine, params=params):
            _count(types, len(routine.core))
            return list(routine.types(tuple(types), params))
        case Block(body=body):
            _fits(body, types)
            return [n.type for n in body.outputs]
        case Loop():
            return _loop(op, types)
        case Cond(then=then, otherwise=otherwise):
            predicate = types[:1] == [Type((), bool_)]
            _require(predicate, "the predicate is no boolean scalar")
            _fits(then, types[1:])
            _fits(otherwise, types[1:])
            made = [n.type for n in then.outputs]
            other = [n.type for n in otherwise.outputs]
            _require(made == other, "the branches have results of different types")
            return made
        case _:
            assert_never(op)


def _fits(body: Graph, types: Sequence[Type]) -> None:
    _count(types, len(body.inputs))
    for k, (node, type_) in enumerate(zip(body.inputs, types, strict=True)):
        if node.type != type_:
            found, wanted = type_text(type_), type_text(node.type)
            raise _Wrong(f"operand {k} is {found}, the body wants {wanted}")


def _loop(op: Loop, types: list[Type]) -> list[Type]:
    first = op.constants + op.carries
    for shape, _ in types[first:]:
        _require(shape[:1] == (op.length,), f"a stack has not the length {op.length}")
    _fits(op.body, [*types[:first], *(Type(t.shape[1:], t.dtype) for t in types[first:])])
    outputs = [n.type for n in op.body.outputs]
    carries, slices = outputs[: op.carries], outputs[op.carries :]
    _require(carries == types[op.constants : first], "a carry changes its type")
    stacks = [Type((op.length, *t.shape), t.dtype) for t in (*slices, *carries)]
    return [*carries, *stacks]
