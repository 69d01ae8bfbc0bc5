"""In place: which results are written over what they take the place of.

The body of a loop reads the old value of a carry and makes a new one. If nobody reads the old value
any more when the new one begins to be written, but at the very element that is written next, one
array is enough: half the memory goes through the caches, and nothing is fetched only to be written.
The same holds for the results of a program and the inputs that its caller gives away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from chainrule.codegen.statements.affine import flattened, variable
from chainrule.codegen.statements.fuse import Fused, Item, reads, targets
from chainrule.codegen.statements.loops import Expression, Load, Statement, loads
from chainrule.codegen.statements.steps import Check, Host, Nested, Solve, is_system
from chainrule.ir.graph import Graph, Node, bodies
from chainrule.ir.primitives import Gather, Loop, Scatter

__all__ = ["SMALL", "overwritten", "taken_over"]

SMALL: Final = 1024
"""Bytes up to which results share memory with others, so that nobody can take over theirs."""


def overwritten(op: Loop, graph: Graph, items: Sequence[Item]) -> frozenset[int]:
    """The carries, by number, whose new value may lie where the old one does.

    graph   the body, each of whose outputs is a value that it makes itself
    items   what computes it, in order
    """
    home = {node: k for k, item in enumerate(items) for node in targets(item)}
    old, known = graph.inputs[op.constants : op.constants + op.carries], [*map(reads, items)]
    return frozenset(
        k for k, (before, after) in enumerate(zip(old, graph.outputs[: op.carries], strict=True))
        if after in home and _in_place(items[home[after]], known[home[after] :], before, after)
    )  # fmt: skip


def taken_over(graph: Graph, items: Sequence[Item], donated: Sequence[int]) -> dict[Node, Node]:
    """The results that are written over inputs, each with the input whose memory it has.

    The nearest input comes first: one of which the result is a function, as a new parameter is of
    the old one, then one that the same kernel reads, then any. Nothing is overwritten before the
    last step that can fail, so that a failure leaves all as it was.

    donated   the inputs, by number, that may be overwritten
    """
    home = {node: k for k, item in enumerate(items) for node in targets(item)}
    begin = max((k + 1 for k, item in enumerate(items) if _can_fail(item)), default=0)
    outside = set(graph.outputs)
    free = [n for n in (graph.inputs[k] for k in donated) if n not in outside and n.nbytes > SMALL]
    made: dict[Node, Node] = {}
    known = [*map(reads, items)] if free else []
    choices: tuple[Callable[[Item, Node], Collection[Node]], ...] = (
        _own_reads, lambda item, _: reads(item), lambda *_: free,
    )  # fmt: skip
    for near in choices:
        for after in dict.fromkeys(graph.outputs):
            if after in made or home.get(after, -1) < begin:
                continue
            maker, rest = items[home[after]], known[home[after] :]
            chosen = near(maker, after)
            fitting = (n for n in free if n in chosen and n.type == after.type)
            found = next((n for n in fitting if _in_place(maker, rest, n, after)), None)
            if found is not None:
                made[after] = found
                free.remove(found)
    return made


def _own_reads(item: Item, target: Node) -> Collection[Node]:
    """What the statement for one of a kernel's results reads."""
    if not isinstance(item, Fused):
        return ()
    own = (s for s in item.statements if s.target is target)
    return {load.source for s in own for load in loads(s.value)}


def _can_fail(item: Item) -> bool:
    if isinstance(item, Nested):
        return any(map(_stops, bodies(item.node.op)))
    return isinstance(item, Check | Host | Solve)


def _stops(graph: Graph) -> bool:
    """Whether a graph has an index, which may lie outside, or a matrix, which may be singular."""
    return any(
        isinstance(node.op, Gather | Scatter)
        or is_system(node)
        or any(map(_stops, bodies(node.op)))
        for node in graph.nodes()
    )


def _in_place(maker: Item, known: Sequence[set[Node]], before: Node, after: Node) -> bool:
    """Whether an item may write its result over an array that may be read until then.

    known  what it reads, and what each of those after it does
    """
    own, *later = known
    if any(before in others for others in later):
        return False
    if before not in own:
        return True
    return isinstance(maker, Fused) and _by_elements(maker, before, after)


def _by_elements(maker: Fused, before: Node, after: Node) -> bool:
    """Whether a kernel reads an array only where, and before, it writes the same element.

    The epilogue of a product reads all that it needs of an element before it writes any of it.
    Other statements are run in order.
    """
    c, statements = maker.product, maker.statements
    if c is not None:
        if _reads(c.left, before) or _reads(c.right, before):
            return False
        later: list[Statement] = []
    else:
        own = next(k for k, s in enumerate(statements) if s.target is after)
        if statements[own].kind:
            return False
        statements, later = statements[: own + 1], statements[own + 1 :]
    readers = [s for s in statements if _reads(s.value, before)]
    return all(_only_there(s, before, after) for s in readers) and not any(
        _reads(s.value, before) for s in later
    )


def _reads(value: Expression, node: Node) -> bool:
    return any(load.source is node for load in loads(value))


def _only_there(s: Statement, before: Node, after: Node) -> bool:
    """Whether a statement goes through the elements of the new value and reads the same of the old.

    The two have one type, so what has the same number in both lies at the same place.
    """
    whole = flattened(tuple(map(variable, range(after.ndim))), after.shape)
    return (
        not s.kind
        and s.extents == after.shape
        and all(
            isinstance(load, Load) and load.flat == whole and not load.guards
            for load in loads(s.value)
            if load.source is before
        )
    )
