"""Nodes for picks: a read where a value has the target, a write where an output is one.

No pick is ever a matrix: reading is a View or a Gather, writing an Accumulate or a Scatter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from chainrule.algebra.index import Factor
from chainrule.algebra.picks import affine_of
from chainrule.ir import build
from chainrule.ir.dtype import DType, int64
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis, View

__all__ = ["Selection", "selected_labels"]

Labels = tuple[int, ...]
Operand = tuple[Node, Labels]


def selected_labels(
    picks: Sequence[Factor], sets: Sequence[Labels], output: Labels
) -> tuple[list[Labels], Labels]:
    """The labels of the operands after the reads, and those that they have to keep."""
    made = list(sets)
    for f in picks:
        *terms, target = f.labels
        made = [
            tuple(dict.fromkeys((*(i for i in labels if i != target), *terms)))
            if target in labels else labels
            for labels in made
        ]  # fmt: skip
    targets = {f.labels[-1] for f in picks}
    terms = [i for f in picks if f.labels[-1] in output for i in f.labels[:-1]]
    return made, tuple(dict.fromkeys((*(i for i in output if i not in targets), *terms)))


class Selection:
    """The picks of one product: first its operands are read, at the end its result is written.

    values  the index of each pick of the second kind
    """

    def __init__(
        self, picks: Sequence[Factor], sizes: Mapping[int, int], output: Labels, dtype: DType,
        index: Callable[[Factor], Node],
    ) -> None:  # fmt: skip
        self.picks = list(picks)
        self.sizes = sizes
        self.output = output
        self.dtype = dtype
        self._index = index
        self.writes: list[Factor] = []

    # ------------------------------------------------------------ reading

    def read(self, operands: Sequence[Operand]) -> list[Operand]:
        """The operands at the places of the picks; picks of outputs stay to be written."""
        made = list(operands)
        first: dict[int, Factor] = {}
        inner = {i for f in self.picks for i in f.labels[:-1]}
        for f in self.picks:
            target = f.labels[-1]
            if target in inner:  # another pick goes on from here
                made.append(self._same_place(f, None))
                continue
            if target in first:  # both hold where they pick the same place
                made.append(self._same_place(first[target], f))
                continue
            first[target] = f
            found = any(target in labels for _, labels in made)
            made = [self._read(o, f) if target in o[1] else o for o in made]
            if target in self.output:
                self.writes.append(f)
            elif not found:
                made.append(self._read((self._ones(target), (target,)), f))
        return made

    def _ones(self, label: int) -> Node:
        return build.fill(1, (self.sizes[label],), self.dtype)

    def _read(self, operand: Operand, f: Factor) -> Operand:
        node, labels = operand
        *terms, target = f.labels
        if f.atom.head == "at":
            return self._gathered(node, labels, f)
        affine = affine_of(f)
        assert affine is not None
        kept = tuple(dict.fromkeys((*(i for i in labels if i != target), *terms)))
        steps = tuple((kept.index(i), s) for i, (_, s) in zip(terms, affine.terms, strict=True))
        axes = tuple(
            Axis(affine.offset, steps) if i == target else Axis(0, ((kept.index(i), 1),))
            for i in labels
        )
        return build.view(node, tuple(self.sizes[i] for i in kept), axes), kept

    def _gathered(self, node: Node, labels: Labels, f: Factor) -> Operand:
        *terms, target = f.labels
        met = [i for i in terms if i in labels]
        rest = [i for i in labels if i != target and i not in met]
        front = build.transpose(node, [labels.index(i) for i in (target, *met, *rest)])
        shared = tuple(terms)
        indices = [self._spread(self._index(f), shared, shared)]
        indices += [self._spread(build.iota(self.sizes[i]), (i,), shared) for i in met]
        return build.gather(front, indices), (*terms, *rest)

    def _spread(self, node: Node, labels: Labels, onto: Labels) -> Node:
        if labels == onto:
            return node
        shape = tuple(self.sizes[i] for i in onto)
        return build.expand(node, shape, [onto.index(i) for i in labels])

    def _same_place(self, f: Factor, g: Factor | None) -> Operand:
        """1 where two picks of one target, or a pick and its target, are the same place, else 0."""
        labels = f.labels if g is None else tuple(dict.fromkeys((*f.labels[:-1], *g.labels[:-1])))
        target = f.labels[-1]
        other = (
            self._places(g, labels) if g is not None
            else self._spread(build.iota(self.sizes[target]), (target,), labels)
        )  # fmt: skip
        same = build.apply("equal", self._places(f, labels), other)
        return build.cast(same, self.dtype), labels

    def _places(self, f: Factor, onto: Labels) -> Node:
        terms = f.labels[:-1]
        if f.atom.head == "at":
            return self._spread(build.cast(self._index(f), int64), terms, onto)
        affine = affine_of(f)
        assert affine is not None
        shape = tuple(self.sizes[i] for i in onto)
        total = build.fill(affine.offset, shape, int64)
        for i, (size, step) in zip(terms, affine.terms, strict=True):
            counted = build.multiply(build.iota(size), build.fill(step, (size,), int64))
            total = build.add((total, self._spread(counted, (i,), onto)))
        return total

    # ------------------------------------------------------------ writing

    def write(self, operand: Operand) -> Operand:
        """The result with the targets of the picks instead of what they read."""
        node, labels = self._with_terms(operand)
        affine = [f for f in self.writes if f.atom.head == "pick"]
        others = [f for f in self.writes if f.atom.head == "at"]
        if affine:
            inner = {i for f in others for i in f.labels[:-1]}
            node, labels = self._accumulated(node, labels, affine, inner)
        return self._scattered(node, labels, others) if others else (node, labels)

    def _with_terms(self, operand: Operand) -> Operand:
        """The result with an axis for every label that a pick reads."""
        node, labels = operand
        more = [i for f in self.writes for i in f.labels[:-1] if i not in labels]
        onto = tuple(dict.fromkeys((*labels, *more)))
        return self._spread(node, labels, onto), onto

    def _accumulated(
        self, node: Node, labels: Labels, picks: Sequence[Factor], inner: set[int]
    ) -> Operand:
        kept = tuple(i for i in labels if i in self.output or i in inner)
        axes = [Axis(0, ((labels.index(i), 1),)) for i in kept]
        for f in picks:
            affine = affine_of(f)
            assert affine is not None
            steps = zip(f.labels[:-1], affine.terms, strict=True)
            axes.append(Axis(affine.offset, tuple((labels.index(i), s) for i, (_, s) in steps)))
        made = (*kept, *(f.labels[-1] for f in picks))
        shape = tuple(self.sizes[i] for i in made)
        return build.accumulate(node, View(node.shape, tuple(axes)), shape), made

    def _scattered(self, node: Node, labels: Labels, picks: Sequence[Factor]) -> Operand:
        shared = tuple(dict.fromkeys(i for f in picks for i in f.labels[:-1]))
        rest = tuple(i for i in labels if i not in shared)
        met = tuple(i for i in shared if i in self.output)
        front = build.transpose(node, [labels.index(i) for i in (*shared, *rest)])
        indices = [self._spread(self._index(f), f.labels[:-1], shared) for f in picks]
        indices += [self._spread(build.iota(self.sizes[i]), (i,), shared) for i in met]
        made = (*(f.labels[-1] for f in picks), *met, *rest)
        return build.scatter(front, indices, tuple(self.sizes[i] for i in made)), made


def elements(labels: Labels, sizes: Mapping[int, int]) -> int:
    """How many elements labels have together."""
    return math.prod(sizes[i] for i in labels)
