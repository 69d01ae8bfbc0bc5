"""Searching, sorting and order statistics."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from chainrule.functions import searching, sorting
from chainrule.tensors import Tensor
from tests.cases.case import Case, Spec

MATRIX = (Spec("distinct", (3, 4)),)
STACK = (Spec("distinct", (2, 5, 3)),)
LINE = (Spec("distinct", (6,)),)
BESIDE = (Spec("distinct", (0, 3)),)
WHOLE = (Spec("integer", (3, 7)),)
FRACTIONS = np.array([[0.0, 0.21], [0.5, 1.0]])


def _descending(order: Callable[..., Any], axis: int = -1) -> Callable[[Any], Any]:
    return lambda x: np.flip(order(x, axis=axis), axis)


def _top(x: Any, k: int, axis: int) -> list[Any]:
    order = np.take(np.flip(np.argsort(x, axis=axis), axis), range(k), axis=axis)
    return [np.take_along_axis(x, order, axis), order]


def _top_values(x: Tensor, axis: int = 0) -> Tensor:
    return sorting.topk(x, 2, axis=axis)[0]


def _row_of_values(x: Tensor, v: Tensor) -> Tensor:
    return searching.searchsorted(sorting.sort(x), v)


SORTED: list[Case] = [
    Case("sort", sorting.sort, LINE, np.sort),
    Case("sort along the first axis", partial(sorting.sort, axis=0), STACK,
         partial(np.sort, axis=0)),
    Case("sort along the middle axis, descending",
         partial(sorting.sort, axis=1, descending=True), STACK, _descending(np.sort, 1)),
    Case("sort beside an empty axis", sorting.sort, BESIDE, np.sort),
    Case("sort of an empty axis", partial(sorting.sort, axis=0), BESIDE, partial(np.sort, axis=0)),
    Case("sort of integers", sorting.sort, WHOLE, np.sort, 0),
    Case("argsort", sorting.argsort, MATRIX, np.argsort, 0),
    Case("argsort, descending", partial(sorting.argsort, axis=1, descending=True), STACK,
         _descending(np.argsort, 1), 0),
    Case("argsort of integers", sorting.argsort, WHOLE, partial(np.argsort, kind="stable"), 0),
    Case("topk", lambda x: sorting.topk(x, 3), MATRIX,
         lambda x: _top(x, 3, -1), 0),
    Case("topk along the first axis", lambda x: sorting.topk(x, 2, axis=0), MATRIX,
         lambda x: _top(x, 2, 0), 0),
    Case("values of topk", _top_values, STACK, lambda x: _top(x, 2, 0)[0]),
    Case("topk of nothing", lambda x: sorting.topk(x, 0)[0], MATRIX, lambda x: x[:, :0]),
]  # fmt: skip

STATISTICS: list[Case] = [
    Case("median of an odd number", partial(sorting.median, axis=1), STACK,
         partial(np.median, axis=1)),
    Case("median of an even number", sorting.median, MATRIX, np.median),
    Case("median over two axes", partial(sorting.median, axis=(0, 2), keepdims=True), STACK,
         partial(np.median, axis=(0, 2), keepdims=True)),
    Case("median of a number", sorting.median, (Spec("normal", ()),), np.median),
    Case("median beside an empty axis", partial(sorting.median, axis=1), BESIDE,
         partial(np.median, axis=1)),
    Case("quantile", lambda x: sorting.quantile(x, 0.3), MATRIX, lambda x: np.quantile(x, 0.3)),
    Case("several quantiles", lambda x: sorting.quantile(x, FRACTIONS, axis=1, keepdims=True),
         STACK, lambda x: np.quantile(x, FRACTIONS, axis=1, keepdims=True)),
    Case("quantile as a function of the fraction",
         lambda x, q: sorting.quantile(x, q * 0.3 + 0.5, axis=0),
         (Spec("distinct", (4, 3)), Spec("unit", (2,))),
         lambda x, q: np.quantile(x, q * 0.3 + 0.5, axis=0)),
    Case("median of integers", partial(sorting.median, axis=1), WHOLE,
         partial(np.median, axis=1), 0),
]  # fmt: skip

FOUND: list[Case] = [
    Case("argmax", searching.argmax, STACK, np.argmax, 0),
    Case("argmax of a number", searching.argmax, (Spec("normal", ()),), np.argmax, 0),
    Case("argmax along an axis", partial(searching.argmax, axis=1, keepdims=True), STACK,
         partial(np.argmax, axis=1, keepdims=True), 0),
    Case("argmax of integers", partial(searching.argmax, axis=1), WHOLE,
         partial(np.argmax, axis=1), 0),
    Case("argmin", partial(searching.argmin, keepdims=True), STACK,
         partial(np.argmin, keepdims=True), 0),
    Case("argmin along an axis", partial(searching.argmin, axis=-1), WHOLE,
         partial(np.argmin, axis=-1), 0),
    Case("count_nonzero", searching.count_nonzero, WHOLE, np.count_nonzero, 0),
    Case("count_nonzero along an axis", partial(searching.count_nonzero, axis=0), WHOLE,
         partial(np.count_nonzero, axis=0), 0),
    Case("nonzero", searching.nonzero, WHOLE, np.nonzero, 0, batched=False),
    Case("searchsorted", _row_of_values, (*LINE, Spec("normal", (2, 3))),
         lambda x, v: np.searchsorted(np.sort(x), v), 0),
    Case("searchsorted of a number", _row_of_values, (*LINE, Spec("normal", ())),
         lambda x, v: np.searchsorted(np.sort(x), v), 0),
    Case("searchsorted with a sorter",
         lambda x, v: searching.searchsorted(x, v, side="right", sorter=sorting.argsort(x)),
         (*LINE, Spec("normal", (4,))),
         lambda x, v: np.searchsorted(x, v, "right", np.argsort(x)), 0),
    Case("searchsorted in an empty row", searching.searchsorted,
         (Spec("normal", (0,)), Spec("normal", (2,))), np.searchsorted, 0),
]  # fmt: skip

CASES: list[Case] = SORTED + STATISTICS + FOUND
