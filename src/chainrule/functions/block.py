"""Blocks: a function's operations recorded as one named node, with or without its own derivative.

Recorded functions of Tensors come in through ``record_block``; functions of this library that have
a closed-form derivative are written as constructors of nodes under ``closed_form``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any, Final, Protocol, overload

from chainrule.errors import GradientError
from chainrule.functions.lift import Lifted
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, frontier, mark
from chainrule.ir.primitives import BlockTangent, Type
from chainrule.recording import current, innermost, modes
from chainrule.tensors import Tensor, node_of, of_node
from chainrule.tree import flatten, unflatten

__all__ = ["named_block"]

KEPT: Final = "blocks"
"""The mode in which what could be a Block is recorded as one: that of ``trace``."""

Rule = Callable[..., "list[Node | None]"]


def keeps_blocks() -> bool:
    """Whether the hierarchy of a program is asked for, not only its operations."""
    return KEPT in modes()


def named_block(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function that is recorded as one node of this name: a box in formulas and pictures.

    The function takes Tensors and gives a tree of Tensors. It may read Tensors from around it.

    >>> hidden = named_block("hidden", lambda x: cr.exp(x) + 1)
    >>> cr.grad(hidden)(cr.tensor(0.0))
    Tensor(1.)
    """
    return lambda *tensors: record_block(name, function, tensors)


def record_block(
    name: str,
    function: Callable[..., Any],
    tensors: Sequence[Tensor],
    tangent: BlockTangent | None = None,
    barrier: bool = False,
) -> Any:
    """Run a function of Tensors and, if anything in it is recorded, keep it as one Block.

    The body is recorded on aliases of its operands, so values stay known inside it. What it reads
    from around it becomes further operands (closure conversion). A tangent rule gets the declared
    operands only, in their order, recorded or not; a derivative through the closure raises.
    """
    recordings = [t._recording for t in tensors if t._recording is not None]
    host = innermost(recordings) if recordings else current()
    if host is None:
        return function(*tensors)
    since = mark()
    operands, formals, arguments = [], [], []
    for tensor in tensors:
        recorded = tensor._recording is not None
        if recorded or tangent is not None:
            operands.append(node_of(tensor, host))
            formals.append(build.alias(operands[-1]))
        arguments.append(of_node(formals[-1], tensor._recording) if tensor._recording else tensor)
    leaves, structure = flatten(function(*arguments))
    if tangent is not None and recordings:  # a rule may give a constant a slope, as a guess
        leaves = [of_node(node_of(v, host), host) if _is_known(v) else v for v in leaves]
    places = [k for k, v in enumerate(leaves) if isinstance(v, Tensor) and v._recording is not None]
    if not places:
        return unflatten(structure, leaves)
    host = innermost([*recordings, *(leaves[k]._recording for k in places)])
    outputs = tuple(leaves[k]._node for k in places)
    free = frontier(outputs, formals, since)
    rule = None if tangent is None else _without_closure(name, tangent, len(formals))
    body = Graph((*formals, *free), outputs)
    made = build.block(name, body, (*operands, *free), rule, barrier)
    for k, node in zip(places, made, strict=True):
        leaves[k] = of_node(node, host)
    return unflatten(structure, leaves)


def _is_known(leaf: Any) -> bool:
    return isinstance(leaf, Tensor) and leaf._recording is None


def _without_closure(name: str, rule: BlockTangent, count: int) -> BlockTangent:
    """The rule for the declared operands, which refuses tangents of the free ones."""

    def apply(
        inputs: list[Node], outputs: list[Node], tangents: list[Node | None]
    ) -> list[Node | None]:
        if any(t is not None for t in tangents[count:]):
            raise GradientError(
                f"{name} has its own derivative rule and reads a differentiated Tensor from around "
                "it\n\n  The rule knows the arguments only. Pass that Tensor as an argument, or "
                "write .detach()."
            )
        return rule(inputs[:count], outputs, tangents[:count])

    return apply


class _Decorator(Protocol):
    """What turns a constructor of one node, or of a list of them, into a function of Tensors."""

    @overload
    def __call__(self, builder: Callable[..., Node]) -> Lifted[Tensor]: ...
    @overload
    def __call__(self, builder: Callable[..., list[Node]]) -> Lifted[list[Tensor]]: ...


def closed_form(rule: Rule) -> _Decorator:
    """Make a constructor of nodes a function of Tensors, kept as a Block with this tangent rule.

    The constructor takes nodes, then static arguments. ``rule(inputs, outputs, tangents, *static)``
    gives the tangents of the outputs, linear in those of the inputs. The body is built once for
    each signature.
    """

    def decorate(builder: Callable[..., Any]) -> Lifted[Any]:
        name = builder.__name__.strip("_")

        @lru_cache(maxsize=4096)
        def body(types: tuple[Type, ...], static: tuple[Any, ...]) -> Graph:
            inputs = tuple(build.parameter(t.shape, t.dtype) for t in types)
            made = builder(*inputs, *static)
            return Graph(inputs, (made,) if isinstance(made, Node) else tuple(made))

        def construct(*arguments: Any) -> Any:
            nodes = [a for a in arguments if isinstance(a, Node)]
            static = arguments[len(nodes) :]
            graph = body(tuple(n.type for n in nodes), static)
            tangent: BlockTangent = partial(_with_static, rule, static)
            made = build.block(name, graph, nodes, tangent)
            return made[0] if len(made) == 1 else made

        construct.__doc__ = builder.__doc__
        return Lifted(construct)

    return decorate


def _with_static(
    rule: Rule,
    static: tuple[Any, ...],
    inputs: list[Node],
    outputs: list[Node],
    tangents: list[Node | None],
) -> list[Node | None]:
    return rule(inputs, outputs, tangents, *static)
