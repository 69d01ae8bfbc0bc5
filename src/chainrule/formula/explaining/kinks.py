"""Kinks: where the derivative has a left and a right value, in the names of the program.

relu, abs, sign, clip, maximum, minimum, ``where`` and the largest of several are smooth in pieces.
Where the pieces meet, the derivative is a convention, and the formula holds with that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Final

from chainrule.algebra import combine
from chainrule.algebra.bounds import bounds_of
from chainrule.algebra.index import Poly, constant
from chainrule.autodiff.linearize import linearize
from chainrule.formula.derivation.derive import Derivation
from chainrule.formula.explaining.switches import HALF, Switch, comparisons, relation, switches
from chainrule.formula.matrix.structure import formula
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.typeset.tree import Symbol, Tree
from chainrule.formula.typeset.walk import labels_of, walk
from chainrule.ir import build
from chainrule.ir.graph import Node, ancestors, is_constant, substitute
from chainrule.ir.primitives import (
    Add,
    Einsum,
    Fill,
    Input,
    Map,
    Select,
    View,
)

__all__ = ["kinks"]

_HOLDS_AT = {"greater": False, "greater_equal": True, "less": False, "less_equal": True}
_LETTERS = "ᵢⱼₖₗₘₙ"
_MOST = 4


def kinks(derivation: Derivation, variable: str) -> tuple[str, ...]:
    """Say in the program's names where the derivative by a variable has a kink.

    For each kink: the condition, the derivatives of the function there on the left and on the
    right, and the convention that the formula follows.
    """
    graphs = [t.graph for t in derivation.traces]
    found = [switches(g, n) for g, n in zip(graphs, derivation.input(variable), strict=True)]
    if any(len(f) != len(found[0]) for f in found):
        found = found[:1] * len(graphs)
    told: dict[str, list[str]] = {}
    for twins in zip(*found, strict=True):
        if _is_reached(derivation, twins) and _matters(derivation, twins):
            rule = _rule(derivation, twins)
            if rule is not None:
                told.setdefault(rule, []).append(_condition(derivation, twins))
    return tuple(f"at {_listed(where)}: {rule}" for rule, where in _once(told).items())


def _once(told: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The rules; a place is not named for the branch taken there where another rule says more."""
    full = {where for rule, places in told.items() if rule not in _TAKEN for where in places}
    left = {
        rule: [where for where in places if rule not in _TAKEN or where not in full]
        for rule, places in told.items()
    }
    return {rule: places for rule, places in left.items() if places}


_LONG = 200  # nodes of a derivative


def _listed(conditions: Sequence[str]) -> str:
    shown = list(dict.fromkeys(conditions))
    if len(shown) > _MOST:
        return f"{shown[0]}, {shown[1]}, …, {shown[-1]}"
    return ", ".join(shown)


def _matters(derivation: Derivation, twins: tuple[Switch, ...]) -> bool:
    """Whether the result's derivative by the switch is not zero, as that of m in max(x) − m is.

    It is taken at the kink where it can be: |r| in Huber's loss has none at r = 0.
    Written out, the derivative grows with the program, so in a long one it is taken to matter.
    """
    gradients = [c.get(s.node) for c, s in zip(derivation.cotangents, twins, strict=True)]
    found = [g for g in gradients if g is not None]
    if len(found) < len(twins):
        node = twins[0].node  # one inside of a block has no gradient of its own, nor has an argmax
        return bool(found) or not node.dtype.is_float or node not in derivation.stand_ins[0]
    if len(ancestors(found[:1])) > _LONG:
        return True
    lowering = derivation.lowering
    lefts = [
        table.get(s.left, s.left) for table, s in zip(derivation.stand_ins, twins, strict=True)
    ]
    there = tuple(map(_at_kink, twins, lefts, found))
    return bool(lowering.simplest(lowering.lower(there)).terms)


def _at_kink(switch: Switch, left: Node, gradient: Node) -> Node:
    """A derivative by a switch where its two values are equal, if it is one element by element."""
    right = switch.right
    if switch.chooses or gradient.shape != left.shape or not _is_pointwise(left, gradient):
        return gradient
    if right is None:
        right = build.fill(0, left.shape, left.dtype)
    if right.shape != left.shape or not is_constant(right):
        return gradient
    return substitute([gradient], {left: right})[0]


def _is_reached(derivation: Derivation, twins: tuple[Switch, ...]) -> bool:
    """Whether the values that are compared can be equal, as far as facts say."""
    if twins[0].chooses:
        return True
    lower = derivation.lowering.lower
    right = tuple(s.right for s in twins if s.right is not None)
    left = lower(tuple(s.left for s in twins))
    if not left.terms:  # 0 everywhere
        return False
    low, high = bounds_of(left)
    least, most = bounds_of(lower(right)) if right else (0.0, 0.0)
    return max(low, least) <= min(high, most)


def _condition(derivation: Derivation, twins: tuple[Switch, ...]) -> str:
    first = twins[0]
    lefts = tuple(s.left for s in twins)
    if not first.chooses and first.right is None:  # 2x is 0 where x is
        poly = combine.content(derivation.lowering.lower(lefts))[1]
        return f"{_element(formula(poly), first.left.ndim)} = 0"
    left = _value(derivation, lefts)
    if first.chooses:
        return f"ties of the {'largest' if 'max' in first.name else 'smallest'} in {UNICODE(left)}"
    right = [s.right for s in twins if s.right is not None]
    against = _value(derivation, tuple(right))
    if not (is_constant(right[0]) or _is_spread(right[0])):
        return f"{_element(left, first.left.ndim)} = {_element(against, right[0].ndim)}"
    return f"{_element(left, first.left.ndim)} = {UNICODE(against)}"


def _value(derivation: Derivation, twins: tuple[Node, ...]) -> Tree:
    if isinstance(twins[0].op, Fill) or _is_spread(twins[0]):
        return formula(derivation.lowering.lower(tuple(map(_scalar, twins))))
    return formula(derivation.lowering.lower(twins))


def _is_spread(node: Node) -> bool:
    """Whether a value is a number that is the same everywhere."""
    return isinstance(node.op, View) and node.inputs[0].ndim == 0


def _scalar(node: Node) -> Node:
    if isinstance(node.op, Fill):
        return build.fill(node.op.value, (), node.dtype)
    return node.inputs[0]


def _element(tree: Tree, rank: int) -> str:
    """An element of a value: Zᵢⱼ, (Xw)ᵢ."""
    text = UNICODE(tree)
    if not rank or labels_of(tree):
        return text
    plain = re.fullmatch(r"[\w.]+|\[[^\[\]]*\]|\|[^|]*\||\w+\[[^\[\]]*\]", text)
    return (text if plain else f"({text})") + _LETTERS[:rank]


# ---------------------------------------------------------------- slopes


def _rule(derivation: Derivation, twins: tuple[Switch, ...]) -> str | None:
    first = twins[0]
    if first.chooses:
        taken = "shared evenly; the formula counts each"
        return f"convention: {'the first' if first.name.startswith('arg') else taken}"
    if first.name == "sign":
        return "sign jumps, convention 0"
    if first.slopes:
        left, right, here = map(str, map(_shown, first.slopes))
        return f"{first.name} has left {left}, right {right}, convention {here}"
    return _where(derivation, twins)


def _shown(slope: Fraction | int) -> str:
    return "½" if slope == HALF else str(slope).replace("-", "−")


_TAKEN: Final = tuple(f"where takes the {which} branch" for which in ("first", "second"))


def _where(derivation: Derivation, twins: tuple[Switch, ...]) -> str | None:
    """The slopes of both branches; None if they are equal, and so there is no kink."""
    node, (comparison,) = twins[0].node, comparisons(twins[0].node.inputs[0])[:1]
    at = _HOLDS_AT[relation(comparison)]
    taken = _TAKEN[not at]
    if node.inputs[0] is not comparison:
        return taken
    chosen, otherwise = (_slope(derivation, twins, place) for place in (1, 2))
    if chosen is None or otherwise is None:
        return taken
    if chosen == otherwise:
        return None
    left, right = (otherwise, chosen) if twins[0].above else (chosen, otherwise)
    return f"left {left}, right {right}, convention {chosen if at else otherwise} ({taken})"


def _slope(derivation: Derivation, twins: tuple[Switch, ...], branch: int) -> str | None:
    """The derivative of a branch at the kink, if the branch is a function element by element."""
    made: list[Node] = []
    for s in twins:
        start, end = s.left, s.node.inputs[branch]
        if start.shape != end.shape or not _is_pointwise(start, end):
            return None
        (slope,) = linearize([end], {start: build.fill(1, start.shape, start.dtype)})
        if slope is None:
            return None if _share_inputs(start, end) else "0"
        if s.right is not None and is_constant(s.right) and s.right.shape == start.shape:
            (slope,) = substitute([slope], {start: s.right})
        made.append(slope)
    if _divides_by_zero(derivation, made):
        return None
    poly: Poly = derivation.lowering.simplest(derivation.lowering.lower(tuple(made)))
    number = combine.number_of(poly)
    if number is not None:
        return UNICODE(formula(constant(number)))
    tree = formula(poly)
    held = UNICODE(_value(derivation, tuple(s.left for s in twins)))
    if any(isinstance(part, Symbol) and part.name == held for part in walk(tree)):
        return None
    shown = UNICODE(tree).replace("·𝟏", "")
    return shown.replace("𝟏", "1").replace("𝟎", "0")


def _share_inputs(start: Node, end: Node) -> bool:
    """Whether two values come from the same arguments, perhaps not one from the other."""
    first, second = (
        {n for n in ancestors([node]) if isinstance(n.op, Input)} for node in (start, end)
    )
    return not first.isdisjoint(second)


def _divides_by_zero(derivation: Derivation, twins: list[Node]) -> bool:
    """Whether a derivative is infinite or undefined at the kink, as that of log is at 0."""
    below = [
        [n.inputs[1] for n in ancestors([twin])
         if isinstance(n.op, Map) and n.op.record.name == "divide"]
        for twin in twins
    ]  # fmt: skip
    lower = derivation.lowering.lower
    return any(not lower(nodes).terms for nodes in zip(*below, strict=True))


def _is_pointwise(start: Node, end: Node) -> bool:
    """Whether each element of the end depends on the start's element at its place only."""
    moving = {start}
    for node in ancestors([end], stop=[start], since=start.serial):
        if node is start or moving.isdisjoint(node.inputs):
            continue
        match node.op:
            case Map() | Add() | Select():
                moving.add(node)
            case Einsum(subscripts=subscripts) if all(
                labels == subscripts.output
                if operand in moving
                else set(labels) <= set(subscripts.output)
                for labels, operand in zip(subscripts.inputs, node.inputs, strict=True)
            ):
                moving.add(node)
            case _:
                return False
    return True
