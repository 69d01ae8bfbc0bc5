"""Partial derivatives of scalar functions: from the expressions of the table to nodes."""

from __future__ import annotations


from chainrule.autodiff.guard import Linear, guard, inside, opposite
from chainrule.ir import build
from chainrule.ir.graph import Node
from chainrule.ir.scalar import (
    Apply, Choose, Expression, Literal_, Operand, Product, Result, Sum,
)  # fmt: skip

_ZERO, _ONE = Literal_(0), Literal_(1)


class Partials:
    """The partial derivatives of one Map node, sharing what they have in common."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.made: dict[Expression, Node] = {}

    def times(self, partial: Expression, tangent: Linear) -> Linear:
        """partial · tangent; a partial that is 0 on one side of a mask guards the tangent."""
        match partial:
            case Literal_(value=1):
                return tangent
            case Choose(mask=mask, chosen=chosen, otherwise=otherwise) if otherwise == _ZERO:
                return guard(self(mask), self.times(chosen, tangent))
            case Choose(mask=mask, chosen=chosen, otherwise=otherwise) if chosen == _ZERO:
                return guard(opposite(self(mask)), self.times(otherwise, tangent))
            case Product(left=Literal_(value=factor), right=right):
                scaled = inside(tangent, lambda t: build.scale(t, factor))
                return self.times(right, scaled)
            case Apply(name="divide", arguments=(top, bottom)):
                over = self(bottom)
                return inside(self.times(top, tangent), lambda t: build.apply("divide", t, over))
            case _:
                factor_node = self(partial)
                return inside(tangent, lambda t: build.multiply(factor_node, t))

    def __call__(self, expression: Expression) -> Node:
        """The node of an expression."""
        found = self.made.get(expression)
        if found is None:
            found = self.made[expression] = self._build(expression)
        return found

    def _build(self, expression: Expression) -> Node:
        like = self.node.inputs[0]
        match expression:
            case Operand(index=index):
                return self.node.inputs[index]
            case Result():
                return self.node
            case Literal_(value=value):
                return build.fill(value, like.shape, like.dtype)
            case Sum(terms=terms, signs=signs):
                return build.add([self(t) for t in terms], signs)
            case Product(left=Literal_(value=factor), right=right):
                return build.scale(self(right), factor)
            case Product(left=left, right=right):
                return build.multiply(self(left), self(right))
            case Choose(mask=mask, chosen=chosen, otherwise=otherwise):
                return build.select(self(mask), self(chosen), self(otherwise))
            case Apply(name=name, arguments=arguments, params=params):
                return build.apply(name, *(self(a) for a in arguments), params=params)
            case _:
                raise TypeError(f"{expression!r} is no expression")
