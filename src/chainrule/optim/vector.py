"""The parameters as one vector: how a tree of Tensors becomes numbers and back."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import tree
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.lift import as_tensor, describe
from chainrule.optim.minimum import prepared
from chainrule.tensors import Tensor, tensor

__all__: list[str] = []

Vector = npt.NDArray[np.float64]


@final
class Layout:
    """Where each leaf of a tree of Tensors stands in a vector of all their elements.

    The vector is float64 whatever the leaves are, so that sums over many steps stay exact; leaves
    are given back in their own dtypes.
    """

    def __init__(self, name: str, start: Any) -> None:
        made = prepared(name, start)
        leaves, self.structure = tree.flatten(made)
        for path, leaf in tree.paths(made):
            if not leaf.dtype.is_float:
                raise DTypeError(
                    f"{name}: {path or 'the start'} is {describe(leaf)}; "
                    "what is searched must be floating"
                )
        self.shapes = [leaf.shape for leaf in leaves]
        self.dtypes = [leaf.dtype for leaf in leaves]
        self.bounds = np.cumsum([0, *(math.prod(shape) for shape in self.shapes)]).tolist()
        self.size: int = self.bounds[-1]
        eps = max(float(np.finfo(dtype.numpy).eps) for dtype in self.dtypes)
        self.resolution = max(1e-12, 8 * eps)  # relative differences below it are rounding
        self.start = self.vector(made)

    def vector(self, parameters: Any) -> Vector:
        """All elements of a tree of this structure, leaf by leaf."""
        leaves = tree.flatten(parameters)[0]
        return np.concatenate([np.asarray(leaf.numpy(), np.float64).ravel() for leaf in leaves])

    def parameters(self, vector: Vector) -> Any:
        """The tree of Tensors with these elements."""
        return tree.unflatten(self.structure, self._leaves(vector, ()))

    def stacked(self, vectors: npt.NDArray[np.float64]) -> Any:
        """The tree whose leaves are stacks, an entry for each vector."""
        return tree.unflatten(self.structure, self._leaves(vectors, (len(vectors),)))

    def _leaves(self, vectors: npt.NDArray[np.float64], outer: tuple[int, ...]) -> list[Tensor]:
        made = []
        for place, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes, strict=True)):
            part = vectors[..., self.bounds[place] : self.bounds[place + 1]]
            made.append(tensor(part.reshape(outer + shape), dtype=dtype))
        return made

    def spread(self, name: str, given: Any) -> Vector:
        """The positive scale of each element: one number for all, or a tree like the parameters."""
        leaves, structure = tree.flatten(given)
        if structure != self.structure:
            if structure != tree.flatten(0.0)[1] or np.ndim(leaves[0]):
                raise ArgumentError(
                    f"{name}: spread is neither a number nor a tree like the parameters"
                )
            leaves = leaves * len(self.shapes)
        parts = [
            _fitted(name, as_tensor(leaf, name), shape)
            for leaf, shape in zip(leaves, self.shapes, strict=True)
        ]
        whole = np.concatenate(parts)
        wrong = whole[~((whole > 0) & np.isfinite(whole))]
        if wrong.size:
            raise ArgumentError(f"{name}: spread={wrong[0]:g}, which must be greater than 0")
        return whole


def _fitted(name: str, scale: Tensor, shape: tuple[int, ...]) -> Vector:
    try:
        return np.broadcast_to(np.asarray(scale.numpy(), np.float64), shape).ravel()
    except ValueError:
        sizes = ", ".join(map(str, shape))
        raise ShapeError(
            f"{name}: a spread {describe(scale)} does not fit a parameter of shape [{sizes}]"
        ) from None
