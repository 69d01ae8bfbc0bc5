"""What NumPy can say and matrix notation cannot: einsum, reshape, slices, broadcasting of any rank.

A ``Called`` is a typeset tree that only computes. Arrays of rank 1 are columns for the Evaluator
and vectors for NumPy; ``ranks`` says which of the parts are which.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy.linalg

from chainrule.errors import FormulaError
from chainrule.formula.typeset.evaluate import Array, Evaluator, size_of
from chainrule.formula.typeset.tree import Tree

__all__ = ["Called", "NumpyEvaluator"]

Settings = tuple[Any, ...]


@dataclass(frozen=True)
class Called(Tree):
    """A function of NumPy's, applied to parts of these ranks."""

    name: str
    parts: tuple[Tree, ...]
    ranks: tuple[int, ...]
    settings: Settings = ()


class NumpyEvaluator(Evaluator):
    """The Evaluator with the functions of NumPy, and sizes such as n·k."""

    def __call__(self, tree: Tree) -> Array:
        """Evaluate a tree: a scalar, a column, a matrix, or an array of higher rank."""
        if not isinstance(tree, Called):
            return super().__call__(tree)
        values = [natural(self(p), r) for p, r in zip(tree.parts, tree.ranks, strict=True)]
        shape = tuple(size_of(d, self.sizes) for d in tree.dims)
        made = np.asarray(_FUNCTIONS[tree.name](values, tree.settings, shape))
        return made[:, None] if made.ndim == 1 else made

    def _symbol(self, name: str) -> Array:
        try:
            return super()._symbol(name)
        except FormulaError:
            try:
                return np.asarray(float(size_of(name, self.sizes)))
            except ValueError:
                raise FormulaError(f"there is no value for {name!r}") from None


def natural(value: Array, rank: int) -> Array:
    """A value as an array of this rank."""
    if rank == 0:
        return value.reshape(())
    return value.reshape(-1) if rank == 1 else value


def _index(values: list[Array], settings: Settings, _: tuple[int, ...]) -> Array:
    """Index with slices, None, integers, and arrays, which are the further values."""
    array, *others = values
    arrays = iter(others)
    items = [next(arrays).astype(int) if item == "array" else slice(*item)
             if isinstance(item, tuple) else item for item in settings]  # fmt: skip
    return np.asarray(array[tuple(items)])


def _khatri_rao(values: list[Array], _: Settings, __: tuple[int, ...]) -> Array:
    return np.asarray(scipy.linalg.khatri_rao(*values))


def _windows(values: list[Array], _: Settings, shape: tuple[int, ...]) -> Array:
    return np.lib.stride_tricks.sliding_window_view(values[0], shape[1])


def _softmax(values: list[Array], settings: Settings, _: tuple[int, ...]) -> Array:
    (axis,) = settings
    e = np.exp(values[0] - values[0].max(axis=axis, keepdims=True))
    return np.asarray(e / e.sum(axis=axis, keepdims=True))


def _log_sum_exp(values: list[Array], settings: Settings, _: tuple[int, ...]) -> Array:
    axis, keep = settings
    top = values[0].max(axis=axis, keepdims=True)
    found = top + np.log(np.exp(values[0] - top).sum(axis=axis, keepdims=True))
    return np.asarray(found if keep else np.squeeze(found, axis=axis))


_Function = Callable[[list[Array], Settings, tuple[int, ...]], Array]


def _binary(function: Callable[..., Any]) -> _Function:
    return lambda v, s, shape: np.asarray(function(*v))


def _along(name: str) -> _Function:
    """A reduction along some axes, which may stay with the length 1."""
    return lambda v, s, shape: np.asarray(getattr(np, name)(v[0], axis=s[0], keepdims=s[1]))


_FUNCTIONS: Final[Mapping[str, _Function]] = {
    **{name: _along(name) for name in ("sum", "max", "min", "prod", "any", "all")},
    "einsum": lambda v, s, shape: np.asarray(np.einsum(s[0], *v)),
    "reshape": lambda v, s, shape: v[0].reshape(shape),
    "transpose": lambda v, s, shape: v[0].transpose(s),
    "stack": lambda v, s, shape: np.stack(v, axis=s[0]),
    "index": _index,
    "khatri_rao": _khatri_rao,
    "windows": _windows,
    "softmax": _softmax,
    "log_softmax": lambda v, s, shape: np.log(_softmax(v, s, shape)),
    "logsumexp": _log_sum_exp,
    "add": _binary(np.add),
    "subtract": _binary(np.subtract),
    "multiply": _binary(np.multiply),
    "divide": _binary(np.divide),
    "power": _binary(np.power),
    "maximum": _binary(np.maximum),
    "minimum": _binary(np.minimum),
    "logaddexp": _binary(np.logaddexp),
    "where": _binary(np.where),
    "cholesky": _binary(np.linalg.cholesky),
    "pinv": _binary(np.linalg.pinv),
    "copy": lambda v, s, shape: np.broadcast_to(v[0], shape),
}
