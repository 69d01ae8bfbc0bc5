"""A data set from arrays that the user already has."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset, Layout
from chainrule.data.fault import explanation
from chainrule.data.rows import Array, chunks, is_mapped
from chainrule.errors import DataError
from chainrule.wording import plural

__all__ = ["from_arrays"]

_MOST_CLASSES = 65_536  # more are far likelier to be quantities, or row numbers, than labels


def from_arrays(
    inputs: Any,
    targets: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str = "data",
    citation: str = "",
    image_shape: tuple[int, int, int] | None = None,
    layout: Layout = "HWC",
) -> Dataset:
    """Make a data set from your own arrays, one example a row.

    Integer or boolean targets are class labels, counted from 0 (without `classes` they are named
    "0", "1", …), one for each example or for each of its positions; float targets are quantities
    to predict. Integer inputs of 32 or 64 bits are tokens or indices; other inputs become float32
    in a batch. Writable arrays are copied, read-only
    ones and memory-mapped files are used as they are.

    Raises:  DataError: not numbers, not finite, no examples, lengths that differ, labels without
             a class. The message names the first row at fault.

    >>> from_arrays([[0.5, 1.0], [1.5, 2.0]], [0, 1], classes=["cat", "dog"])
    Dataset('data': 2 examples of 2 float64, 2 classes)
    """
    x = _numbers(inputs, "inputs")
    y = _numbers(targets, "targets")
    if x.ndim < 2:
        rule = "Examples are rows. If each is a single number, pass inputs[:, None]."
        raise _error("inputs need at least two axes", {"inputs": _form(x)}, rule)
    if len(x) != len(y):
        details = {"inputs": _form(x), "targets": _form(y)}
        raise _error(f"{plural(len(x), 'example')}, but {plural(len(y), 'target')}", details)
    if not x.size:
        raise _error("there are no examples", {"inputs": _form(x)})
    _require_finite(x, "inputs")
    _require_finite(y, "targets")
    if y.dtype.kind == "f":
        y = y.astype(np.float32, copy=False)
        if classes is not None:
            rule = "Class labels are integers: pass targets.astype(int)."
            raise _error("float targets cannot have classes", {"targets": _form(y)}, rule)
    else:
        _require_no_one_hot(x, y)
        classes = _require_labels(y, classes)
        y = y.astype(np.int64, copy=False)
    names = None if classes is None else tuple(classes)
    return Dataset(_frozen(x), _frozen(y), names, name, citation, image_shape, layout)


def _numbers(values: Any, role: str) -> Array:
    try:
        array = values if isinstance(values, np.memmap) else np.asarray(values)
    except ValueError as cause:
        raise _ragged(values, role) from cause
    if array.ndim == 0:
        raise _error(f"{role} are not an array", {role: type(values).__name__})
    if array.dtype.kind not in "biuf":
        raise _not_numeric(array, role)
    return array


def _ragged(values: Any, role: str) -> DataError:
    lengths = [len(row) if hasattr(row, "__len__") else None for row in values]
    row = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    details: dict[str, object] = {"examples": len(lengths)}
    if row is not None:
        details |= {f"row {k}": _length(lengths[k]) for k in (0, row)}
    return _error(f"the rows of {role} have different shapes", details)


def _length(found: int | None) -> str:
    return "a single number" if found is None else plural(found, "value")


def _not_numeric(array: Array, role: str) -> DataError:
    details: dict[str, object] = {role: _form(array)}
    if array.dtype.kind in "OUS":
        place = next((i for i, v in np.ndenumerate(array) if not _is_number(v)), None)
        if place is not None:
            details[f"at {_place(place)}"] = repr(array.astype(object)[place])
    rule = ""
    if role == "targets":
        rule = "Number the classes: classes, labels = numpy.unique(targets, return_inverse=True)."
    return _error(f"{role} are not numbers", details, rule)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number, np.bool_))


def _require_finite(array: Array, role: str) -> None:
    """Neither NaN nor infinite, nor too large for the float32 that batches are made of."""
    if array.dtype.kind != "f":
        return
    largest = np.finfo(np.float32).max
    for chunk in chunks(array):
        good = np.abs(array[chunk]) <= largest  # False for NaN as well
        if good.all():
            continue
        first = np.unravel_index(int(np.argmin(good)), good.shape)
        place = (int(first[0]) + chunk.start, *map(int, first[1:]))
        value = float(array[place])
        fact = "too large for float32" if np.isfinite(value) else "not finite"
        details = {role: _form(array), f"at {_place(place)}": value}
        raise _error(f"{role} hold a value that is {fact}", details)


def _require_no_one_hot(inputs: Array, targets: Array) -> None:
    """Rows with a single 1 are one label each, unless there is a position for each of them."""
    has_positions = inputs.ndim > 2 or inputs.dtype.kind == "i"
    if has_positions and inputs.shape[:2] == targets.shape:
        return
    if targets.ndim != 2 or targets.shape[1] < 2:
        return
    if ((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all():
        rule = "Pass targets.argmax(axis=1)."
        raise _error("the labels are one-hot", {"targets": _form(targets)}, rule)


def _require_labels(labels: Array, classes: Sequence[str] | None) -> Sequence[str]:
    count = _MOST_CLASSES if classes is None else len(classes)
    wrong = (labels < 0) | (labels >= count)
    if labels.dtype != np.bool_ and wrong.any():
        place = tuple(int(i) for i in np.unravel_index(int(np.argmax(wrong)), wrong.shape))
        rule = "Labels count from 0. Quantities to predict must be floats."
        details = {"targets": _form(labels), "possible": f"0 to {count - 1}"}
        raise _error(f"label {labels[place]} at {_place(place)} has no class", details, rule)
    return [str(i) for i in range(int(labels.max()) + 1)] if classes is None else classes


def _frozen(array: Array) -> Array:
    if array.flags.writeable:
        array = array[...] if is_mapped(array) else array.copy()
        array.flags.writeable = False
    return array


def _form(array: Array) -> str:
    return f"{array.dtype}{list(array.shape)}"


def _place(place: tuple[int, ...]) -> str:
    column = place[1] if len(place) == 2 else place[1:]
    return f"row {place[0]}, column {column}" if len(place) > 1 else f"row {place[0]}"


def _error(fact: str, details: Mapping[str, object], rule: str = "") -> DataError:
    return DataError(explanation(f"from_arrays: {fact}", details, rule))
