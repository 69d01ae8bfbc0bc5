"""What estimators are given: a matrix of examples, targets, weights; checked and described.

Arrays, lists, mapped files, Tensors, Dask arrays and tables are taken; matrices of scipy.sparse
where an estimator says so. Messages keep the phrases that scikit-learn's checks look for.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ir.dtype import from_numpy
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__: list[str] = []

Array = np.ndarray

_CHUNK = 2**18  # numbers, which stay in a processor's cache


def describe(name: str, value: Any) -> str:
    """An array in an error message."""
    dtype = np.dtype(value.dtype)
    kind = from_numpy(dtype).short if dtype.str[1:] in _SHORT else str(dtype)
    return f"    {name}  {kind}[{', '.join(map(str, value.shape))}]"


_SHORT = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8")


def is_sparse(x: Any) -> bool:
    """Whether this is a matrix of scipy.sparse, which need not be installed."""
    return type(x).__module__.startswith("scipy.sparse")


def matrix(owner: str, x: Any, *, sparse: bool = False) -> Any:
    """A matrix of finite numbers with a row for each example, floats or integers as they are."""
    if is_sparse(x):
        return _sparse_matrix(owner, x, sparse)
    found = _numbers(owner, "X", x)
    if found.ndim != 2:
        raise ShapeError(
            f"{owner}: X has the shape {list(found.shape)}, and examples are the rows of a matrix"
            f"\n\n{describe('X', found)}\n\n  Reshape your data: {_remedy(found.ndim)}"
        )
    _check_sizes(owner, found)
    _check_finite(owner, "X", found)
    return found


def _remedy(axes: int) -> str:
    if axes > 2:
        return "x.reshape(len(x), -1) makes rows of images."
    return "x.reshape(-1, 1) if it is one feature, x.reshape(1, -1) if it is one example."


def _sparse_matrix(owner: str, x: Any, accepted: bool) -> Any:
    if not accepted:
        raise DTypeError(
            f"{owner}: X is a sparse matrix\n\n{describe('X', x)}\n\n"
            "  Give a dense one: x.toarray()."
        )
    _check_real(owner, "X", x)
    if x.ndim != 2:
        raise ShapeError(f"{owner}: X has the shape {list(x.shape)}\n\n{describe('X', x)}")
    found = x.tocsr()
    _check_sizes(owner, found)
    if not np.isfinite(found.data).all():
        raise ArgumentError(f"{owner}: X contains NaN or inf\n\n{describe('X', found)}")
    return found


def _check_sizes(owner: str, x: Any) -> None:
    for axis, name in enumerate(("sample", "feature")):
        if not x.shape[axis]:
            raise ShapeError(
                f"{owner}: X has 0 {name}(s) (shape={tuple(x.shape)}) while a minimum of 1 is "
                "required."
            )


def _numbers(owner: str, name: str, x: Any) -> Array:
    """An array of real numbers; objects become float64."""
    if isinstance(x, Tensor):
        return x.numpy()
    found = np.asarray(x)
    if found.dtype.kind in "OUS":
        try:
            found = found.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DTypeError(f"{owner}: {name} does not hold numbers: {error}") from None
    _check_real(owner, name, found)
    return found


def _check_real(owner: str, name: str, x: Any) -> None:
    kind = np.dtype(x.dtype).kind
    if kind == "c":
        raise ArgumentError(
            f"{owner}: Complex data not supported\n\n{describe(name, x)}\n\n"
            f"  Stack the parts: np.hstack([{name}.real, {name}.imag])."
        )
    if kind not in "biuf" or np.dtype(x.dtype).itemsize > 8:
        raise DTypeError(f"{owner}: {name} does not hold numbers, but {x.dtype}")


def _check_finite(owner: str, name: str, x: Array) -> None:
    if x.dtype.kind != "f":
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(x.sum(dtype=np.float64)) or np.isfinite(x).all():
            return
    place = tuple(int(i) for i in np.argwhere(~np.isfinite(x))[0])
    what = "NaN" if np.isnan(x[place]) else str(x[place])
    raise ArgumentError(
        f"{owner}: {name}[{', '.join(map(str, place))}] is {what}\n\n{describe(name, x)}\n\n"
        "  Every number must be finite; leave out or fill in what is missing."
    )


def plain(value: Any) -> Any:
    """A class label as Python writes it."""
    return value.item() if isinstance(value, np.generic) else value


def chunks(rows: Any) -> Iterator[tuple[slice, Any]]:
    """Rows, so many at a time that they stay in a processor's cache; sparse rows all at once."""
    if is_sparse(rows):
        yield slice(0, rows.shape[0]), rows
        return
    step = max(16, _CHUNK // rows.shape[1])
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        yield part, rows[part]


# ---------------------------------------------------------------- targets


def target_array(owner: str, y: Any, rows: int) -> Array:
    """Targets as they are, one row for each example."""
    if y is None:
        raise ArgumentError(f"{owner}: it requires y to be passed, but the target y is None")
    found = y.numpy() if isinstance(y, Tensor) else np.asarray(y)
    if not found.ndim or found.shape[0] != rows:
        raise ShapeError(
            f"{owner}: X has {plural(rows, 'row')} and y {len(found) if found.ndim else 'none'}\n\n"
            f"{describe('y', found)}\n\n  There is one target for each row."
        )
    return found


def labels(owner: str, y: Any, rows: int) -> Array:
    """Class labels: whole numbers, words or objects."""
    found = target_array(owner, y, rows)
    if found.ndim == 2 and found.shape[1] == 1:
        _warn_of_column()
        found = found[:, 0]
    if found.ndim != 1:
        raise ShapeError(
            f"{owner}: y has {found.ndim} axes, and a label is one number or word\n\n"
            f"{describe('y', found)}\n\n  One-hot rows become labels by y.argmax(axis=1)."
        )
    if found.dtype.kind == "O":
        _check_order(owner, found)
    if found.dtype.kind == "f":
        _check_finite(owner, "y", found)
        if (found != np.floor(found)).any():
            raise ArgumentError(
                f"{owner}: Unknown label type: continuous\n\n{describe('y', found)}\n\n"
                "  Classes are whole numbers or words; to predict numbers, use a regression."
            )
    return found


def _check_order(owner: str, y: Array) -> None:
    """Raise where labels of several kinds cannot be sorted."""
    try:
        np.sort(y)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in y}))
        raise DTypeError(
            f"{owner}: y has labels of kinds that have no common order: {kinds}\n\n"
            f"{describe('y', y)}\n\n  Labels are all numbers or all words."
        ) from None


def _warn_of_column() -> None:
    kind = UserWarning
    if "sklearn" in sys.modules:
        from sklearn.exceptions import DataConversionWarning

        kind = DataConversionWarning
    warnings.warn(
        "A column-vector y was passed when a 1d array was expected; it is read as y[:, 0]",
        kind,
        stacklevel=_own_calls() + 1,
    )


def _own_calls() -> int:
    """How many calls of ours lead here from the line of the user, at which a warning points."""
    count, frame = 0, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals["__name__"].startswith("chainrule."):
        count, frame = count + 1, frame.f_back
    return count


def numbers(owner: str, y: Any, rows: int, *, several: bool) -> Array:
    """Numbers to predict as float64: a vector, or a matrix with a column for each output."""
    found = _numbers(owner, "y", target_array(owner, y, rows)).astype(np.float64)
    if found.ndim == 2 and not several and found.shape[1] == 1:
        _warn_of_column()
        found = found[:, 0]
    if found.ndim > (2 if several else 1):
        raise ShapeError(
            f"{owner}: y has {found.ndim} axes\n\n{describe('y', found)}\n\n"
            + ("  A target is one number, or a row of them." if several else "  A target is one "
               "number; fit one estimator to each column.")
        )  # fmt: skip
    _check_finite(owner, "y", found)
    return found


def weights(owner: str, sample_weight: Any, rows: int) -> Array | None:
    """How much each example counts, as float64; None if all count 1."""
    if sample_weight is None:
        return None
    found = np.asarray(_numbers(owner, "sample_weight", sample_weight), np.float64)
    if found.shape != (rows,):
        raise ShapeError(
            f"{owner}: there is not one weight for each row\n\n"
            f"{describe('sample_weight', found)}\n\n  X has {plural(rows, 'row')}."
        )
    _check_finite(owner, "sample_weight", found)
    if (found < 0).any():
        place = int(np.argmin(found >= 0))
        raise ArgumentError(
            f"{owner}: sample_weight[{place}] is {found[place]:g}, and must be 0 or greater"
        )
    if not found.any():
        raise ArgumentError(f"{owner}: every sample weight is zero, so there are no examples")
    return found
