"""Nodes from structure: the dense tensor, the diagonal, products with vectors, the small factors.

A program for each is built from the values that stand in a Form, as products of two, in an order
that is cheap for these sizes. Where a δ ties two axes, only the places on its diagonal are written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from chainrule.algebra.contraction import Cost, cost_of, fold, order_of
from chainrule.algebra.index import Atom, Factor, Number
from chainrule.algebra.low_rank import sides_of
from chainrule.algebra.picks import is_pick
from chainrule.algebra.selection import Selection, selected_labels
from chainrule.algebra.structure import Form, Part, Summand, sizes_of
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, View
from chainrule.ir.subscripts import canonical

__all__ = ["Evaluation", "dense_cost", "product_cost"]

Labels = tuple[int, ...]
Operand = tuple[Node, Labels]


class Evaluation:
    """Programs over the values of a Form's atoms, each product made once."""

    def __init__(self, values: Mapping[Atom, Node], dtype: DType) -> None:
        self.values = values
        self.dtype = dtype
        self._made: dict[object, Node] = {}

    # ------------------------------------------------------------ what is asked for

    def dense(self, form: Form) -> Node:
        """The whole tensor, rows before columns."""
        return self._tensor(form, form.summands, tuple(range(form.poly.rank)))

    def core(self, form: Form) -> Node:
        """What is left at the places of the tied pairs: blocks, free rows, free columns."""
        rows, columns = form.free
        skipped = set(form.common)
        summands = [_without(s, skipped) for s in form.summands]
        return self._tensor(form, summands, (*(r for r, _ in form.blocks), *rows, *columns))

    def at_places(self, form: Form, pair: tuple[int, int]) -> Node:
        """The tensor without the column of one tied pair."""
        summands = [_without(s, {pair}) for s in form.summands]
        return self._tensor(form, summands, tuple(i for i in range(form.poly.rank) if i != pair[1]))

    def diagonal(self, form: Form) -> Node:
        """The elements whose row is their column."""
        same = {k + form.rows: k for k in range(form.rows)}
        return self._added([
            self._contracted(*_read(form, s, same), form, form.row_labels) for s in form.summands
        ], form, form.row_labels)  # fmt: skip

    def trace(self, form: Form) -> Node:
        """The sum of the diagonal."""
        same = {k + form.rows: k for k in range(form.rows)}
        made = []
        for summand in form.summands:
            coefficient, factors = _read(form, summand, same)
            there = {i for f in factors for i in f.labels}
            alone = math.prod(form.sizes[i] for i in form.row_labels if i not in there)
            made.append(self._contracted(coefficient * alone, factors, form, ()))
        return self._added(made, form, ())

    def product(self, form: Form, vectors: Node) -> Node:
        """The matrix times vectors that have the axes of the columns, then one that counts them."""
        last = 1 + max([form.poly.rank, *(i for s in form.summands for i in form.sizes_in(s))])
        made = []
        for summand in form.summands:
            labels = _column_reading(form, summand)
            factors = [f for p in summand.parts for f in p.factors]
            output = (*form.row_labels, last)
            made.append(
                self._contracted(
                    summand.coefficient, factors, form, output, (vectors, (*labels, last))
                )
            )
        sizes = (*(form.sizes[i] for i in form.row_labels), vectors.shape[-1])
        return build.add(made) if made else build.fill(0, sizes, self.dtype)

    def matrix(self, form: Form, part: Part) -> Node:
        """A part with its rows and columns, each flattened."""
        made = self._contracted(Fraction(1), part.factors, form, part.labels)
        sides = (part.rows, part.columns)
        first, second = (math.prod(form.sizes[i] for i in s) for s in sides)
        return build.reshape(made, (first, second))

    def tensor(self, form: Form, part: Part) -> Node:
        """A part with its own axes."""
        return self._contracted(Fraction(1), part.factors, form, part.labels)

    def free_diagonal(self, form: Form, summands: Sequence[Summand]) -> Node:
        """The sum of terms that are diagonal on the free axes: their values there, by block."""
        rows = (*(r for r, _ in form.blocks), *form.free[0])
        made = [
            self._contracted(s.coefficient, [f for p in s.parts for f in p.factors], form, rows)
            for s in summands
        ]
        return self._added(made, form, rows)

    def joined_sides(self, form: Form, summands: Sequence[Summand]) -> list[Node]:
        """L and R of every block, side by side and one above the other, with Σ terms = L R."""
        pairs = [self._sides(form, s) for s in summands]
        return [build.join([a for a, _ in pairs], 2), build.join([b for _, b in pairs], 1)]

    def _sides(self, form: Form, summand: Summand) -> tuple[Node, Node]:
        """L and R of a term whose rows and columns meet in summed labels only."""
        found = sides_of(form, summand)
        assert found is not None
        sizes = {**form.sizes, **form.sizes_in(summand)}
        blocks = tuple(r for r, _ in form.blocks)
        rows, columns = form.free
        left = self._contracted(
            summand.coefficient, found.left, form, (*blocks, *rows, *found.between), sizes=sizes
        )
        right = self._contracted(
            Fraction(1), found.right, form, (*blocks, *found.between, *columns), sizes=sizes
        )
        count, rank, high, wide = (
            math.prod(sizes[i] for i in labels) for labels in (blocks, found.between, rows, columns)
        )
        return build.reshape(left, (count, high, rank)), build.reshape(right, (count, rank, wide))

    # ------------------------------------------------------------ sums

    def _tensor(self, form: Form, summands: Sequence[Summand], labels: Labels) -> Node:
        """The sum of summands with these labels, each tied pair written on its diagonal."""
        groups: dict[tuple[tuple[int, int], ...], list[Node]] = {}
        for s in summands:
            tied = {c for _, c in s.ties}
            output = tuple(i for i in labels if i not in tied)
            factors = [f for p in s.parts for f in p.factors]
            made = self._contracted(s.coefficient, factors, form, output)
            groups.setdefault(s.ties, []).append(made)
        whole = []
        for ties, nodes in groups.items():
            total = nodes[0] if len(nodes) == 1 else build.add(nodes)
            whole.append(_on_diagonal(total, ties, labels, form))
        return self._added(whole, form, labels)

    def _added(self, nodes: Sequence[Node], form: Form, labels: Labels) -> Node:
        if not nodes:
            return build.fill(0, tuple(form.sizes[i] for i in labels), self.dtype)
        return nodes[0] if len(nodes) == 1 else build.add(nodes)

    # ------------------------------------------------------------ products

    def _contracted(
        self, coefficient: Number, factors: Sequence[Factor], form: Form, output: Labels,
        vectors: Operand | None = None, sizes: Mapping[int, int] | None = None,
    ) -> Node:  # fmt: skip
        """C · Π factors (· vectors) with these output labels."""
        sizes = dict(sizes or {**form.sizes, **sizes_of(factors)})
        operands = self._operands([f for f in factors if not is_pick(f)])
        if vectors is not None:
            operands.append(vectors)
            sizes |= dict(zip(vectors[1], vectors[0].shape, strict=True))
        picks = [f for f in factors if is_pick(f)]
        chosen = Selection(picks, sizes, output, self.dtype, lambda f: self.values[f.atom])
        operands = chosen.read(operands)
        wanted = selected_labels(chosen.writes, [], output)[1]
        there = {i for _, labels in operands for i in labels}
        own = tuple(i for i in wanted if i in there)
        if not operands:
            node = build.fill(float(coefficient), (), self.dtype)
        else:
            rows = tuple(i for i in form.row_labels if i in own)
            node = self._scaled_product(coefficient, operands, own, sizes, rows)
        if chosen.writes:
            node, own = self._in_order(*chosen.write((node, own)), output)
        if own == output:
            return node
        shape = tuple(sizes[i] for i in output)
        return build.broadcast(node, shape) if not own else build.expand(
            node, shape, [output.index(i) for i in own])  # fmt: skip

    @staticmethod
    def _in_order(node: Node, labels: Labels, output: Labels) -> Operand:
        own = tuple(i for i in output if i in labels)
        return build.transpose(node, [labels.index(i) for i in own]), own

    def _scaled_product(
        self, coefficient: Number, operands: list[Operand], output: Labels,
        sizes: Mapping[int, int], rows: Labels,
    ) -> Node:  # fmt: skip
        scale = float(coefficient)
        smallest = min(range(len(operands)), key=lambda k: math.prod(operands[k][0].shape))
        small = math.prod(operands[smallest][0].shape)
        inside = scale != 1 and small < math.prod(sizes[i] for i in output)
        if inside:
            node, labels = operands[smallest]
            operands = [*operands]
            operands[smallest] = build.scale(node, scale), labels
        label_sets = [labels for _, labels in operands]
        order = order_of(label_sets, output, sizes, rows)

        node, labels = fold(order, label_sets, output, lambda k: operands[k][0], self._pair)
        if labels != output:
            node = self._einsum((node,), (labels,), output)
        return node if inside or scale == 1 else build.scale(node, scale)

    def _pair(self, a: Node, left: Labels, b: Node, right: Labels, kept: Labels) -> Node:
        return self._einsum((a, b), (left, right), kept)

    def _einsum(self, nodes: tuple[Node, ...], inputs: tuple[Labels, ...], output: Labels) -> Node:
        return self._once(
            (nodes, canonical(inputs, output)), lambda: build.einsum(nodes, inputs, output)
        )

    def _once(self, key: object, make: Callable[[], Node]) -> Node:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    # ------------------------------------------------------------ factors

    def _operands(self, factors: Sequence[Factor]) -> list[Operand]:
        """The factors as nodes; those on the same labels are multiplied, gates close over them."""
        groups: dict[frozenset[int], list[Factor]] = {}
        for f in factors:
            groups.setdefault(frozenset(f.labels), []).append(f)
        return [self._together(group) for group in groups.values()]

    def _together(self, group: Sequence[Factor]) -> Operand:
        labels = tuple(dict.fromkeys(next(f for f in group).labels))
        key = tuple((f.atom, tuple(labels.index(i) for i in f.labels), f.power) for f in group)
        return self._once(("factors", key), lambda: self._multiplied(group, labels)), labels

    def _multiplied(self, group: Sequence[Factor], labels: Labels) -> Node:
        gates = [f for f in group if f.atom.head in ("mask", "unless")]
        plain = [f for f in group if f not in gates]
        above = [self._at(f, labels) for f in plain if f.power > 0 for _ in range(int(f.power))]
        below = [self._at(f, labels) for f in plain if f.power < 0 for _ in range(-int(f.power))]
        node = _product(above)
        if below:
            top = node or build.fill(1, below[0].shape, self.dtype)
            node = build.apply("divide", top, _product(below) or top)
        for gate in gates:
            mask = self._at(gate, labels)
            if gate.atom.head == "unless":
                mask = build.apply("logical_not", mask)
            zero = build.fill(0, mask.shape, self.dtype)
            node = build.select(mask, node or build.fill(1, mask.shape, self.dtype), zero)
        assert node is not None
        return node

    def _at(self, f: Factor, labels: Labels) -> Node:
        """An atom with its axes in the order of labels."""
        if f.atom.head == "eye":
            node = build.delta(int(f.atom.dims[0]), self.dtype)
        else:
            node = self.values[f.atom]
        if node.dtype.is_float and node.dtype is not self.dtype:
            node = build.cast(node, self.dtype)
        if f.labels == labels:
            return node
        if len(set(f.labels)) < len(f.labels) and node.dtype.is_float:
            return self._einsum((node,), (f.labels,), labels)
        axes = tuple(Axis(0, ((labels.index(i), 1),)) for i in f.labels)
        sizes = dict(zip(f.labels, node.shape, strict=True))
        return build.view(node, tuple(sizes[i] for i in labels), axes)


def _product(nodes: Sequence[Node]) -> Node | None:
    made: Node | None = None
    for node in nodes:
        made = node if made is None else build.multiply(made, node)
    return made


def _on_diagonal(node: Node, ties: Sequence[tuple[int, int]], labels: Labels, form: Form) -> Node:
    """Write a tensor where the tied labels are equal, zeros elsewhere."""
    if not ties:
        return node
    tied = {c: r for r, c in ties}
    own = [i for i in labels if i not in tied]
    axes = tuple(Axis(0, ((own.index(tied.get(i, i)), 1),)) for i in labels)
    return build.accumulate(node, View(node.shape, axes), tuple(form.sizes[i] for i in labels))


def _without(summand: Summand, pairs: set[tuple[int, int]]) -> Summand:
    return Summand(
        summand.coefficient,
        tuple(p for p in summand.ties if p not in pairs),
        summand.parts,
    )


def _read(form: Form, summand: Summand, same: Mapping[int, int]) -> tuple[Number, list[Factor]]:
    """The factors with labels identified; a tie between different places is a δ there."""
    factors = [
        Factor(f.atom, tuple(same.get(i, i) for i in f.labels), f.power)
        for p in summand.parts for f in p.factors
    ]  # fmt: skip
    for row, column in summand.ties:
        if same[column] != row:
            size = form.poly.dims[row]
            factors.append(Factor(Atom("eye", (size,), (), (size, size)), (row, same[column])))
    return summand.coefficient, factors


def _column_reading(form: Form, summand: Summand) -> Labels:
    tied = {c: r for r, c in summand.ties}
    return tuple(tied.get(i, i) for i in form.column_labels)


# ---------------------------------------------------------------- prediction


def dense_cost(form: Form) -> Cost:
    """What the dense tensor costs."""
    total = Cost()
    whole = math.prod(form.shape)
    for s in form.summands:
        tied = {c for _, c in s.ties}
        output = tuple(i for i in range(form.poly.rank) if i not in tied)
        total += _term_cost(form, s, output, ()) + Cost(0, whole)
    return total


def product_cost(form: Form, count: int = 1) -> Cost:
    """What a product with this many vectors costs."""
    total = Cost()
    for s in form.summands:
        last = 1 + max(form.sizes_in(s), default=0)
        total += _term_cost(
            form, s, (*form.row_labels, last), (*_column_reading(form, s), last), {last: count}
        )
    return total


def _term_cost(
    form: Form, s: Summand, output: Labels, vectors: Labels, more: Mapping[int, int] | None = None
) -> Cost:
    sizes = {**form.sizes_in(s), **(more or {})}
    factors = [f for p in s.parts for f in p.factors]
    picks = [f for f in factors if is_pick(f)]
    sets = [tuple(dict.fromkeys(f.labels)) for f in factors if not is_pick(f)]
    sets = [tuple(sorted(g)) for g in dict.fromkeys(map(frozenset, sets))]
    sets += [vectors] if vectors else []
    sets, output = selected_labels(picks, sets, output)
    read = Cost(0, sum(math.prod(sizes[i] for i in labels) for labels in sets) if picks else 0)
    if not sets:
        return read
    own = tuple(i for i in output if any(i in labels for labels in sets))
    rows = tuple(i for i in form.row_labels if i in own)
    return read + cost_of(order_of(sets, own, sizes, rows), sets, own, sizes)
