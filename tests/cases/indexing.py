"""Reading and writing with indices."""

from typing import Any

import numpy as np

from chainrule.functions.indexing import getitem, take, take_along_axis
from chainrule.functions.updates import At
from tests.cases.case import Case, Spec

X = Spec("normal", (3, 4, 5))
SMALL = Spec("normal", (4, 3))
INDEX = Spec("integer", (2, 3))  # 0 to 4
MASK = np.array([True, False, True])
PAIR = np.array([1, -1])

KEYS: dict[str, Any] = {
    "an int": -1,
    "slices": (slice(None, None, -1), slice(3, 0, -2), slice(1, None)),
    "an empty slice": slice(2, 1),
    "Ellipsis and None": (None, ..., None, 0),
    "nothing": (),
    "a list": [0, 2, 0],
    "an array behind a slice": (slice(None), np.array([[0, 1], [2, -1]])),
    "arrays apart": (PAIR, slice(1, None), PAIR),
    "arrays beside an int": (0, slice(None), PAIR),
    "a mask": MASK,
    "a mask of two axes": np.arange(12).reshape(3, 4) % 3 == 0,
    "a mask and an array": (MASK, slice(None), PAIR),
    "an empty list": [],
    "True": True,
}


def _read(key: Any) -> Case:
    return Case("", lambda x: getitem(x, key), (X,), lambda x: x[key])


def _named(name: str, case: Case) -> Case:
    return Case(name, case.function, case.inputs, case.value, case.orders, case.batched)


def _changed(change: Any, key: Any, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    changed = x.copy()
    if change is None:
        changed[key] = v
    else:
        # NumPy 2.4.6 reads past the end of values that ufunc.at has to broadcast itself.
        change.at(changed, key, np.broadcast_to(v, x[key].shape))
    return changed


def _write(method: str, key: Any, values: tuple[int, ...]) -> Case:
    change = {"add": np.add, "multiply": np.multiply, "min": np.minimum, "max": np.maximum}
    return Case(
        f"at[].{method} with {key} and values of shape {values}",
        lambda x, v: getattr(At(x)[key], method)(v),
        (SMALL, Spec("normal", values)),
        lambda x, v: _changed(change.get(method), key, x, v),
    )


CASES: list[Case] = [
    *(_named(f"index by {name}", _read(key)) for name, key in KEYS.items()),
    Case(
        "index by a Tensor",
        lambda x, i: getitem(x, (slice(None), slice(None), i)),
        (X, INDEX),
        lambda x, i: x[:, :, i],
    ),
    Case(
        "index by Tensors apart",
        lambda x, i: getitem(x, (i - 3, 0, i)),
        (Spec("normal", (5, 2, 5)), INDEX),
        lambda x, i: x[i - 3, 0, i],
    ),
    Case(
        "index by one Tensor number",
        lambda x, i: getitem(x, (slice(None), i, slice(None, None, 2))),
        (Spec("normal", (2, 5, 3)), Spec("integer", ())),
        lambda x, i: x[:, i, ::2],
    ),
    Case(
        "take",
        lambda x, i: take(x, i, 1),
        (Spec("normal", (2, 5)), INDEX),
        lambda x, i: np.take(x, i, 1),
    ),
    Case("take raveled", take, (SMALL, INDEX), np.take),
    Case(
        "take_along_axis",
        lambda x, i: take_along_axis(x, i, 1),
        (Spec("normal", (2, 5, 3)), Spec("integer", (2, 4, 3))),
        lambda x, i: np.take_along_axis(x, i, 1),
    ),
    Case(
        "take_along_axis broadcast",
        lambda x, i: take_along_axis(x, i),
        (Spec("normal", (2, 1, 5)), Spec("integer", (1, 3, 4))),
        lambda x, i: np.take_along_axis(x, i, -1),
    ),
    *(
        _write(method, key, values)
        for method in ("set", "add", "multiply", "min", "max")
        for key, values in (
            ((slice(None, None, -2), 1), (2,)),
            ([0, 2, 0, 0, 2], (5, 3)),
            ((PAIR, [0, 0]), ()),
        )
    ),
    Case(
        "at[].set with a mask",
        lambda x, v: At(x)[np.arange(4) > 1].set(v),
        (SMALL, Spec("normal", (3,))),
        lambda x, v: np.where(np.arange(4)[:, None] > 1, v, x),
    ),
    Case(
        "at[].add with a Tensor of indices",
        lambda x, i, v: At(x)[i].add(v),
        (Spec("normal", (5,)), INDEX, Spec("normal", (3,))),
        lambda x, i, v: _changed(np.add, i, x, v),
    ),
    Case(
        "at[].multiply with a Tensor of indices",
        lambda x, i, v: At(x)[:, i].multiply(v),
        (Spec("normal", (2, 5)), INDEX, Spec("normal", (2, 3))),
        lambda x, i, v: _changed(np.multiply, (slice(None), i), x, v),
    ),
]
