"""Control flow that is recorded: scan (a loop of static length) and cond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule import tree
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ir import build
from chainrule.ir.graph import Graph, Node, frontier
from chainrule.recording import Recording, current, recording
from chainrule.tensors import Tensor, node_of, of_node, tensor
from chainrule.transform.debug import tie_effects
from chainrule.transform.scope import Function, close, outputs


def scan(
    f: Function, init: Any, xs: Any = None, length: int | None = None, reverse: bool = False
) -> tuple[Any, Any]:
    """Run a step function over the leading axis of xs, carrying a value along.

    (cₜ₊₁, yₜ) = f(cₜ, xₜ)   →   (c_T, [y₀, …, y_{T−1}])

    Carry, slices and outputs are trees of Tensors. Without xs, ``length`` says how many steps. With
    ``reverse`` the steps run from the last to the first. Reverse mode saves the carries and
    computes each step again.

    Raises:  ShapeError: f changes the shape of the carry, or the xs have different lengths.

    >>> cr.scan(lambda c, x: (c + x, c * x), cr.tensor(0.0), cr.tensor([1.0, 2.0, 3.0]))
    (Tensor(6.), Tensor([0., 2., 9.]))
    """
    starts, carry_structure = _tensors(init)
    slices, x_structure = _tensors(xs)
    steps = _length(slices, length)
    with recording("scan", opaque=True) as opened:
        carries = [build.parameter(t.shape, t.dtype) for t in starts]
        elements = [build.parameter(t.shape[1:], t.dtype) for t in slices]
        result = f(
            _inside(opened, carries, carry_structure), _inside(opened, elements, x_structure)
        )
        nodes, y_structure = _step_outputs(opened, result, starts, carry_structure)
        cells = {cell: t._node for cell, t in opened.reads.items()}
        for cell in opened.writes:
            if cell not in cells:
                cells[cell] = build.parameter(cell.value.shape, cell.value.dtype)
        written = [c for c in cells if c in opened.writes]
        read_only = [c for c in cells if c not in opened.writes]
        after = [node_of(opened.writes[c], opened) for c in written]
        count = len(starts)
        everything = tie_effects(opened, [*nodes[:count], *after, *nodes[count:]])
        fixed = [cells[c] for c in read_only]
        inputs = [*fixed, *carries, *(cells[c] for c in written), *elements]
        free = frontier(everything, inputs, opened.since)
        opened.writes = {}
    body = Graph((*free, *inputs), tuple(everything))
    made = _run(
        free, [c.value for c in read_only], [*starts, *(c.value for c in written)], slices,
        body, steps, reverse,
    )  # fmt: skip
    for cell, value in zip(written, made[count:], strict=False):
        cell.commit(value, current())
    final = tree.unflatten(carry_structure, made[:count])
    stacked = made[count + len(written) : len(everything)]
    return final, tree.unflatten(y_structure, stacked)


def _tensors(value: Any) -> tuple[list[Tensor], Any]:
    leaves, structure = tree.flatten(value)
    return [tensor(leaf) for leaf in leaves], structure


def _inside(opened: Recording, nodes: Sequence[Node], structure: Any) -> Any:
    return tree.unflatten(structure, [of_node(n, opened) for n in nodes])


def _length(slices: Sequence[Tensor], length: int | None) -> int:
    for t in slices:
        if t.ndim == 0:
            raise ShapeError("scan: xs has a leaf with no axes, so there is nothing to step over")
    sizes = {t.shape[0] for t in slices} | ({length} if length is not None else set())
    if len(sizes) != 1:
        found = ", ".join(str(s) for s in sorted(sizes)) or "none"
        raise ShapeError(f"scan: the number of steps is given by xs or length; found: {found}")
    (steps,) = sizes
    if type(steps) is not int or steps < 0:
        raise ArgumentError(f"scan: length={steps!r} is no number of steps")
    return steps


def _step_outputs(
    opened: Recording, result: Any, starts: Sequence[Tensor], structure: Any
) -> tuple[list[Node], Any]:
    if not (isinstance(result, tuple) and len(result) == 2):
        raise ArgumentError("scan: the step function must return a pair (carry, output)")
    carried, found = outputs("scan", opened, result[0])
    if found != structure:
        raise ArgumentError(f"scan: the carry goes in as {structure} and comes out as {found}")
    for k, (node, start) in enumerate(zip(carried, starts, strict=True)):
        if (node.shape, node.dtype) != (start.shape, start.dtype):
            raise ShapeError(
                f"scan: leaf {k} of the carry goes in as {start.dtype.short}{list(start.shape)} "
                f"and comes out as {node.dtype.short}{list(node.shape)}"
            )
    stacked, y_structure = outputs("scan", opened, result[1])
    return [*carried, *stacked], y_structure


def _run(
    free: Sequence[Node],
    constants: Sequence[Tensor],
    carries: Sequence[Tensor],
    slices: Sequence[Tensor],
    body: Graph,
    steps: int,
    reverse: bool,
) -> list[Tensor]:
    """Record the Loop in the recording of its operands, or run it at once where there is none."""
    given = [*constants, *carries, *slices]
    with recording("scan", opaque=False) as around:
        nodes = [node_of(t, around) for t in given]
        first, last = len(constants), len(constants) + len(carries)
        made = build.loop(
            body, [*free, *nodes[:first]], nodes[first:last], nodes[last:], steps, reverse
        )
        results: list[Tensor]
        (results,) = close(around, made[: len(body.outputs)])
    return results


def cond(predicate: Any, then: Function, otherwise: Function, *operands: Any) -> Any:
    """Apply one of two functions, chosen by a boolean that may be unknown while recording.

    cond(p, f, g, x) = f(x) if p else g(x)

    Only the chosen one runs (under ``vmap`` with a batched predicate both do). Both must give the
    same structure, shapes and dtypes.

    >>> cr.cond(cr.tensor(True), lambda x: x + 1, lambda x: x - 1, cr.tensor(2.0))
    Tensor(3.)
    """
    chosen = tensor(predicate)
    if chosen.shape != () or chosen.dtype.kind != "bool":
        raise DTypeError(
            f"cond: the predicate is one boolean, not {chosen.dtype.short}{list(chosen.shape)}"
        )
    if not all(map(callable, (then, otherwise))):
        raise ArgumentError(
            "cond: both branches are functions of the operands\n\n"
            "  cr.where(p, a, b) chooses between values."
        )
    leaves, structure = _tensors(operands)
    branches = [_branch(f, leaves, structure) for f in (then, otherwise)]
    _same(branches)
    cells = list(dict.fromkeys(c for b in branches for c in (*b.reads, *b.writes)))
    written = [c for c in cells if any(c in b.writes for b in branches)]
    held = [c.value for c in cells]
    with recording("cond", opaque=False) as around:
        given = [node_of(t, around) for t in (*leaves, *held)]
        free = list(dict.fromkeys(n for b in branches for n in b.free))
        graphs = [b.graph(cells, written, free) for b in branches]
        then_graph, otherwise_graph = graphs
        made = build.cond(node_of(chosen, around), then_graph, otherwise_graph, [*given, *free])
        results: list[Tensor]
        (results,) = close(around, made)
    count = len(branches[0].nodes)
    for cell, value in zip(written, results[count:], strict=True):
        cell.commit(value, current())
    return tree.unflatten(branches[0].structure, results[:count])


class _Branch:
    """One recorded branch of a cond."""

    def __init__(
        self, f: Function, opened: Recording, leaves: list[Tensor], structure: Any
    ) -> None:
        self.inputs = [build.parameter(t.shape, t.dtype) for t in leaves]
        result = f(*_inside(opened, self.inputs, structure))
        nodes, self.structure = outputs("cond", opened, result)
        self.reads: dict[Any, Node] = {cell: node_of(t, opened) for cell, t in opened.reads.items()}
        self.writes = {cell: node_of(t, opened) for cell, t in opened.writes.items()}
        self.nodes = tie_effects(opened, nodes)
        known = [*self.inputs, *self.reads.values()]
        self.free = frontier([*self.nodes, *self.writes.values()], known, opened.since)

    def graph(self, cells: Sequence[Any], written: Sequence[Any], free: Sequence[Node]) -> Graph:
        """The branch with the operands, cells and results that both branches have."""
        held = [self._held(c) for c in cells]
        place = dict(zip(cells, held, strict=True))
        after = [self.writes[c] if c in self.writes else place[c] for c in written]
        return Graph((*self.inputs, *held, *free), (*self.nodes, *after))

    def _held(self, cell: Any) -> Node:
        return self.reads.get(cell) or build.parameter(cell.value.shape, cell.value.dtype)


def _branch(f: Function, leaves: list[Tensor], structure: Any) -> _Branch:
    with recording("cond", opaque=True) as opened:
        return _Branch(f, opened, leaves, structure)


def _same(branches: Sequence[_Branch]) -> None:
    first, second = branches
    if first.structure != second.structure:
        raise ArgumentError(f"cond: the branches return {first.structure} and {second.structure}")
    for a, b in zip(first.nodes, second.nodes, strict=True):
        if a.type != b.type:
            raise ShapeError(
                f"cond: one branch returns {a.dtype.short}{list(a.shape)}, the other "
                f"{b.dtype.short}{list(b.shape)}"
            )
