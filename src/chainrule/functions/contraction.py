"""Contractions of Tensors: labels for the axes, their check, and one Einsum.

Every product of linear algebra is a plan: labels for each operand's axes and for the result's. An
axis of size 1 that meets a longer one on an *elastic* label is left out of its operand, so nothing
is repeated in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.errors import DTypeError, ShapeError, SubscriptError
from chainrule.functions.lift import Kernel, Lifted, Operand, describe, promoted
from chainrule.ir import build
from chainrule.ir.dtype import bool_
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Shape
from chainrule.ir.record import Record
from chainrule.ir.subscripts import Labels, canonical, parse
from chainrule.tensors import Tensor

__all__: list[str] = []


class Plan(Record, identity=True):
    """A contraction: its labels, which of them broadcast, and how the user wrote it.

    Plans are made once and kept, so identity is equality and a plan is a quick key.
    """

    name: str
    line: str
    start: int
    words: tuple[tuple[tuple[str, int], ...], ...]
    inputs: tuple[Labels, ...]
    output: Labels
    elastic: frozenset[int]


def plan(
    name: str, inputs: tuple[Labels, ...], output: Labels, elastic: Iterable[int] = ()
) -> Plan:
    """The plan of a function other than einsum, which has no expression of its own."""
    names = ", ".join(operand_names(len(inputs)))
    text = str(canonical(inputs, output))
    line = f"{name}({names})   {text}"
    words = _words(text.partition("->")[0], [len(labels) for labels in inputs])
    return Plan(name, line, len(line) - len(text), words, inputs, output, frozenset(elastic))


@lru_cache(maxsize=4096)
def einsum_plan(expression: str, ranks: tuple[int, ...]) -> Plan:
    """The plan of an einsum expression for operands of these ranks; its ``...`` is elastic."""
    subscripts = parse(expression, ranks)
    words = _words(expression.partition("->")[0], ranks)
    elastic = {
        label
        for word, labels in zip(words, subscripts.inputs, strict=True)
        for (letter, _), label in zip(word, labels, strict=True)
        if letter == "..."
    }
    names = "".join(f", {n}" for n in operand_names(len(ranks)))
    line = f'einsum("{expression}"{names})'
    start = len('einsum("')
    return Plan(
        "einsum", line, start, words, subscripts.inputs, subscripts.output, frozenset(elastic)
    )


def _words(text: str, ranks: Sequence[int]) -> tuple[tuple[tuple[str, int], ...], ...]:
    """For each axis of each operand: its letter, and where in the text that stands."""
    words, place = [], 0
    for word, rank in zip(text.split(","), ranks, strict=True):
        letters = [(c, place + k) for k, c in enumerate(word) if c not in " ."]
        if "..." in word:
            dots = place + word.index("...")
            before = sum(p < dots for _, p in letters)
            letters[before:before] = [("...", dots)] * (rank - len(letters))
        words.append(tuple(letters))
        place += len(word) + 1
    return tuple(words)


def operand_names(count: int) -> list[str]:
    """What messages call the operands: ``x`` where there is one, else ``x1``, ``x2``, …."""
    return ["x"] if count == 1 else [f"x{k + 1}" for k in range(count)]


def numbers(name: str, *operands: Operand) -> list[Tensor]:
    """Bring operands to one dtype, which must not be bool."""
    if all(type(x) is Tensor for x in operands):
        given: list[Any] = list(operands)
        tensors = given if len({x.dtype for x in given}) == 1 else promoted(name, *given)
    else:
        tensors = promoted(name, *operands)
    if tensors[0].dtype is bool_:
        lines = "\n".join(f"    {describe(t)}" for t in tensors)
        raise DTypeError(
            f"{name}: not defined for bool\n\n{lines}\n\n"
            '  x.astype("int64") makes numbers that can be added.'
        )
    return tensors


def parsed(expression: str, tensors: Sequence[Tensor]) -> Plan:
    """The plan of an expression; where it does not parse, the error lists the operands."""
    try:
        return einsum_plan(expression, tuple(t.ndim for t in tensors))
    except SubscriptError as error:
        named = zip(operand_names(len(tensors)), tensors, strict=True)
        lines = "".join(f"\n    {n}  {describe(t)}" for n, t in named)
        raise SubscriptError(f"{error}\n{lines}") from None


# ---------------------------------------------------------------- the contraction


def _contraction(*arguments: Any) -> Node:
    *operands, made = arguments
    inputs, output = made.inputs, made.output
    sizes: dict[int, int] = {}
    for operand, labels in zip(operands, inputs, strict=True):
        for label, size in zip(labels, operand.shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    nodes, kept_labels = [], []
    for operand, labels in zip(operands, inputs, strict=True):
        kept = [a for a, label in enumerate(labels) if operand.shape[a] == sizes[label]]
        nodes.append(build.reshape(operand, tuple(operand.shape[a] for a in kept)))
        kept_labels.append(tuple(labels[a] for a in kept))
    return build.einsum(nodes, tuple(kept_labels), output)


_contract = Lifted(_contraction)


def contract(made: Plan, tensors: Sequence[Tensor]) -> Tensor:
    """Check the sizes and contract."""
    misfit = _misfit(made, tuple([t.shape for t in tensors]))
    if misfit is not None:
        raise ShapeError(_explain(made, tensors, *misfit))
    return _contract(tensors, made)


@lru_cache(maxsize=65536)
def _misfit(made: Plan, shapes: tuple[Shape, ...]) -> tuple[int, int, int] | None:
    """A label with two sizes that do not go together, and these."""
    sizes: dict[int, int] = {}
    for shape, labels in zip(shapes, made.inputs, strict=True):
        for label, size in zip(labels, shape, strict=True):
            known = sizes.setdefault(label, size)
            if known == size:
                continue
            if label not in made.elastic or 1 not in (known, size):
                return label, known, size
            sizes[label] = size if known == 1 else known
    return None


@lru_cache(maxsize=4096)
def einsum_run(expression: str, *kinds: Any) -> Kernel | None:
    """What computes an einsum of arrays of these kinds: the shape and dtype of one after another.

    None where there is nothing to compute; the long way says why.
    """
    shapes, dtypes = kinds[::2], kinds[1::2]
    if not kinds or len(set(dtypes)) > 1 or dtypes[0] == np.bool_:
        return None
    try:
        made = einsum_plan(expression, tuple([len(shape) for shape in shapes]))
    except SubscriptError:
        return None
    if _misfit(made, shapes) is not None:
        return None
    return _contract.kernel_of([np.empty(*kind) for kind in zip(shapes, dtypes, strict=True)], made)


# ---------------------------------------------------------------- the error


def _explain(made: Plan, tensors: Sequence[Tensor], label: int, first: int, second: int) -> str:
    places = [
        (k, a) for k, labels in enumerate(made.inputs) for a, n in enumerate(labels) if n == label
    ]
    letter = made.words[places[0][0]][places[0][1]][0]
    names = operand_names(len(tensors))
    marks = {made.start + made.words[k][a][1] for k, a in places}
    carets = "".join("^" if c in marks else " " for c in range(max(marks) + 1))
    lines = "\n".join(
        f"    {name}  {_with_sizes(tensor, word)}"
        for name, tensor, word in zip(names, tensors, made.words, strict=True)
    )
    where = [next((k, a) for k, a in places if tensors[k].shape[a] == n) for n in (first, second)]
    axes = " and ".join(f"{_ordinal(a, tensors[k].ndim)} of {names[k]}" for k, a in where)
    equal = "equal, or one of them 1" if label in made.elastic else "equal"
    reason = f"'{letter}' is summed over" if label not in made.output else f"Both are '{letter}'"
    return (
        f"{made.name}: axis '{letter}' has two sizes, {first} and {second}\n\n"
        f"    {made.line}\n    {carets}\n{lines}\n\n  {reason}, so {axes} must be {equal}."
    )


def _with_sizes(tensor: Tensor, word: Sequence[tuple[str, int]]) -> str:
    what, made, place = describe(tensor).partition("   made at")
    sizes = "  ".join(f"{c}={n}" for (c, _), n in zip(word, tensor.shape, strict=True))
    return f"{what}   {sizes}{made}{place}"


def _ordinal(axis: int, count: int) -> str:
    if count == 1:
        return "the axis"
    names = {0: "the first axis", count - 1: "the last axis"}
    return names.get(axis, f"axis {axis}")
