"""Partial derivatives of scalar functions: the table's expressions, compiled to makers of nodes.

An expression is compiled once; from then on a partial derivative costs as many calls as it has
nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from chainrule.autodiff.guard import Linear, guard, inside
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.scalar import (
    ZERO,
    Apply,
    Choose,
    Expression,
    Literal_,
    Operand,
    Product,
    Result,
    Sum,
)  # fmt: skip

Maker = Callable[[Node], Node]
"""Gives the node of an expression for the Map node whose operands and result it speaks of."""
Times = Callable[[Node, Linear], Linear]
"""Gives partial · tangent for a Map node."""


@lru_cache(maxsize=1024)
def times(partial: Expression) -> Times:
    """Multiply a tangent by a partial derivative; one that is 0 on one side of a mask guards it."""
    match partial:
        case Literal_(value=1):
            return lambda node, tangent: tangent
        case Choose(mask=mask, chosen=chosen, otherwise=otherwise) if otherwise == ZERO:
            on, rest = maker(mask), times(chosen)
            return lambda node, tangent: guard(on(node), rest(node, tangent))
        case Choose(mask=mask, chosen=chosen, otherwise=otherwise) if chosen == ZERO:
            off, rest = maker(mask), times(otherwise)
            return lambda node, tangent: guard(off(node), rest(node, tangent), False)
        case Product(left=Literal_(value=number), right=right):
            rest = times(right)
            return lambda node, tangent: rest(
                node, inside(tangent, lambda t: build.scale(t, number))
            )
        case Apply(name="divide", arguments=(top, bottom)):
            above, below = times(top), maker(bottom)
            return lambda node, tangent: _divide(above(node, tangent), below(node))
        case _:
            factor = maker(partial)
            return lambda node, tangent: _multiply(factor(node), tangent)


def _multiply(factor: Node, tangent: Linear) -> Linear:
    if isinstance(tangent, Node):
        return build.multiply(factor, tangent)
    return inside(tangent, lambda t: build.multiply(factor, t))


def _divide(tangent: Linear, divisor: Node) -> Linear:
    return inside(tangent, lambda t: build.apply("divide", t, divisor))


@lru_cache(maxsize=1024)
def maker(expression: Expression) -> Maker:
    """Compile an expression."""
    match expression:
        case Operand(index=index):
            return lambda node: node.inputs[index]
        case Result():
            return lambda node: node
        case Literal_(value=value):
            return lambda node: build.fill(value, node.shape, node.inputs[0].dtype)
        case Sum(terms=terms, signs=signs):
            parts = [maker(t) for t in terms]
            return lambda node: build.add([p(node) for p in parts], signs)
        case Product(left=Literal_(value=number), right=right):
            rest = maker(right)
            return lambda node: build.scale(rest(node), number)
        case Product(left=left, right=right):
            a, b = maker(left), maker(right)
            return lambda node: build.multiply(a(node), b(node))
        case Choose(mask=mask, chosen=chosen, otherwise=otherwise):
            on, yes, no = maker(mask), maker(chosen), maker(otherwise)
            return lambda node: build.select(on(node), yes(node), no(node))
        case Apply(name=name, arguments=arguments, params=params):
            return _apply(name, [maker(a) for a in arguments], params)
        case _:
            raise TypeError(f"{expression!r} is no expression")


def _apply(name: str, arguments: list[Maker], params: tuple[object, ...]) -> Maker:
    if len(arguments) == 1:
        (only,) = arguments
        return lambda node: build.apply(name, only(node), params=params)
    return lambda node: build.apply(name, *[a(node) for a in arguments], params=params)
