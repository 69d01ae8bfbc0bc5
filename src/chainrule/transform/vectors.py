"""Vectors that a Derivative multiplies: in the shapes of its arguments, or flat, one or many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chainrule import tree
from chainrule.functions.joining import concat
from chainrule.functions.lift import Lifted, as_tensor, cast, reshaped
from chainrule.ir import build
from chainrule.ir.dtype import DType
from chainrule.tensors import Tensor

__all__ = ["Vectors"]

_rows = Lifted(lambda node, start, count: build.slice_axis(node, 0, start, count))


class Shaped(Protocol):
    """What has a shape and a size."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def size(self) -> int: ...


@dataclass(frozen=True)
class Vectors:
    """Some vectors as stacks, one for each argument, with an axis that counts them at the end.

    structure  the tree in which they came; None if they came flat
    is_single  whether one vector came, without an axis that counts
    """

    stacks: Sequence[Tensor]
    structure: Any
    is_single: bool

    @classmethod
    def read(cls, name: str, given: Any, parts: Sequence[Shaped], dtype: DType) -> Vectors | None:
        """Read what was given; None if it fits neither the shapes nor the total size."""
        leaves, structure = tree.flatten(given)
        tensors = [cast(as_tensor(leaf, name), dtype) for leaf in leaves]
        if len(tensors) == len(parts):
            extra = {t.shape[len(p.shape) :] for t, p in zip(tensors, parts, strict=True)}
            fits = all(
                t.shape[: len(p.shape)] == p.shape for t, p in zip(tensors, parts, strict=True)
            )
            if fits and len(extra) == 1 and len(next(iter(extra))) <= 1:
                single = extra == {()}
                return cls([_counted(t) if single else t for t in tensors], structure, single)
        if len(tensors) != 1 or tensors[0].ndim not in (1, 2):
            return None
        if tensors[0].shape[0] != sum(p.size for p in parts):
            return None
        single = tensors[0].ndim == 1
        column = _counted(tensors[0]) if single else tensors[0]
        return cls(cls.split_flat(column, parts), None, single)

    @staticmethod
    def split_flat(columns: Tensor, parts: Sequence[Shaped]) -> list[Tensor]:
        """Flat vectors as stacks."""
        found, start = [], 0
        for p in parts:
            whole = len(parts) == 1
            rows = columns if whole else _rows([columns], start, p.size)
            found.append(reshaped(rows, (*p.shape, columns.shape[1])))
            start += p.size
        return found

    def flat(self) -> Tensor:
        """The vectors as columns."""
        columns = [reshaped(s, (math.prod(s.shape[:-1]), s.shape[-1])) for s in self.stacks]
        return columns[0] if len(columns) == 1 else concat(columns, axis=0)

    def split(self, columns: Tensor, parts: Sequence[Shaped]) -> list[Tensor]:
        """Columns as stacks."""
        return self.split_flat(columns, parts)

    def like(self, stacks: Sequence[Tensor], parts: Sequence[Shaped]) -> Any:
        """Results in the form in which the vectors came."""
        if self.structure is None:
            made = Vectors(stacks, None, self.is_single).flat()
            return reshaped(made, (made.shape[0],)) if self.is_single else made
        if self.is_single:
            stacks = [reshaped(s, p.shape) for s, p in zip(stacks, parts, strict=True)]
        if len(stacks) == self.structure.num_leaves:
            return tree.unflatten(self.structure, stacks)
        return stacks[0] if len(stacks) == 1 else tuple(stacks)


def _counted(tensor: Tensor) -> Tensor:
    return reshaped(tensor, (*tensor.shape, 1))
