"""What a principal component analysis gives, and what it is used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule.decomposition.rows import Array, Rows, rows_of
from chainrule.errors import ShapeError
from chainrule.functions.lift import Operand, as_tensor, floating
from chainrule.functions.linear import matmul, matrix_transpose
from chainrule.tensors import Tensor, of_value
from chainrule.wording import plural

__all__ = ["PrincipalComponents"]


@final
@dataclass(frozen=True)
class PrincipalComponents:
    """The directions in which data vary most.

    mean                      of the rows
    components                orthonormal rows, by descending variance; the element of largest
                              absolute value of each (the first of several) is positive
    explained_variance        of the data along each component, with n − 1 in the denominator
    explained_variance_ratio  the same as a fraction of the variance of all columns together
    singular_values           of the centered data
    whiten                    whether ``transform`` gives coordinates of variance 1

    >>> from chainrule.decomposition import pca
    >>> found = pca(np.array([[0.0, 0.0], [3.0, 4.0]]), 1)
    >>> found.components
    Tensor([[0.6, 0.8]])
    >>> found.transform(cr.tensor([[3.0, 4.0]]))
    Tensor([[2.5]])
    """

    mean: Tensor
    components: Tensor
    explained_variance: Tensor
    explained_variance_ratio: Tensor
    singular_values: Tensor
    whiten: bool = False

    def transform(self, x: Any) -> Tensor:
        """Give the coordinates of rows: z = W (x − μ), each divided by √λ where they are whitened.

        Arrays, mapped files and Dask arrays are read in chunks; Tensors are transformed by
        functions that can be differentiated.

        Raises:  ShapeError: x does not have as many columns as the data had.
        """
        if isinstance(x, Tensor):
            self._check(x.shape)
            return self._of_tensor(x)
        rows = rows_of("transform", x, least=0)
        self._check((rows.count, rows.width))
        return of_value(self._of_rows(rows))

    def _of_tensor(self, x: Tensor) -> Tensor:
        found = matmul(floating(x) - self.mean, matrix_transpose(self.components))
        return found / self._deviation() if self.whiten else found

    def _of_rows(self, rows: Rows) -> Array:
        """Chunk by chunk; (x − μ) W with a copy of one chunk at a time."""
        kind = rows.result
        matrix = self.components.numpy().T
        if self.whiten:
            matrix = matrix / self._deviation().numpy()
        matrix, mean = matrix.astype(kind), self.mean.numpy().astype(kind)
        result = np.empty((rows.count, matrix.shape[1]), kind)
        first = 0
        for chunk in rows.chunks():
            np.matmul(chunk - mean, matrix, out=result[first : first + len(chunk)])
            first += len(chunk)
        return result

    def _deviation(self) -> Tensor:
        return self.explained_variance**0.5

    def _check(self, shape: tuple[int, ...]) -> None:
        width = self.components.shape[1]
        if not shape or shape[-1] != width:
            raise ShapeError(
                f"transform: the rows have the shape {list(shape)} and the data had "
                f"{plural(width, 'column')}"
            )

    def inverse(self, z: Operand) -> Tensor:
        """Give the rows that have these coordinates: x = μ + Wᵀ z, with z √λ where whitened.

        After ``transform`` this is the nearest row in the space of the components.

        Raises:  ShapeError: z does not have one column for each component.

        >>> from chainrule.decomposition import pca
        >>> found = pca(np.array([[0.0, 0.0], [3.0, 4.0]]), 1)
        >>> found.inverse(found.transform(cr.tensor([[3.0, 4.0]])))
        Tensor([[3., 4.]])
        """
        tensor = floating(as_tensor(z, "inverse"))
        count = self.components.shape[0]
        if not tensor.shape or tensor.shape[-1] != count:
            raise ShapeError(
                f"inverse: the coordinates have the shape {list(tensor.shape)} and there are "
                f"{plural(count, 'component')}"
            )
        scaled = tensor * self._deviation() if self.whiten else tensor
        return matmul(scaled, self.components) + self.mean


def with_signs(components: Array) -> Array:
    """Turn each row so that its element of largest absolute value is positive."""
    places = np.abs(components).argmax(axis=1)
    signs = np.where(components[np.arange(len(components)), places] < 0, -1.0, 1.0)
    return np.asarray(components * signs[:, None])
