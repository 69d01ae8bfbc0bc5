"""Reductions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.functions import reduction
from chainrule.tensors import Tensor
from tests.cases.case import Case, Spec

AXES: dict[str, dict[str, Any]] = {
    "all axes": {},
    "first axis": {"axis": 0},
    "last axis kept": {"axis": -1, "keepdims": True},
    "two axes": {"axis": (0, 2)},
    "no axis": {"axis": ()},
}
SHAPE = (2, 3, 4)


def _over_axes(
    name: str, kind: str, oracle: Callable[..., Any], orders: int = 2, **extra: Any
) -> list[Case]:
    function = getattr(cr, name)
    return [
        Case(
            f"{name} over {what}",
            partial(function, **options, **extra),
            (Spec(kind, SHAPE),),
            partial(oracle, **options),
            orders,
        )
        for what, options in AXES.items()
    ]


def _degenerate(name: str, oracle: Callable[..., Any], kind: str, orders: int = 2) -> list[Case]:
    function = getattr(cr, name)
    return [
        Case(f"{name} of a number", function, (Spec(kind, ()),), oracle, orders),
        Case(f"{name} of an axis of size 1", partial(function, axis=1), (Spec(kind, (3, 1)),),
             partial(oracle, axis=1), orders),
        Case(f"{name} beside an empty axis", partial(function, axis=1), (Spec(kind, (0, 3)),),
             partial(oracle, axis=1), orders),
    ]  # fmt: skip


def _zeroed_prod(x: Tensor) -> Tensor:
    """A product with one factor of 0 in the first row and two in the second."""
    mask = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 1]], bool)
    return reduction.prod(x * mask, axis=1)


def _sum_of_squares(x: Tensor) -> Tensor:
    return reduction.sum(x * x, axis=1) * reduction.mean(x)


CASES: list[Case] = [
    *_over_axes("sum", "normal", np.sum),
    *_over_axes("prod", "normal", np.prod),
    *_over_axes("mean", "normal", np.mean),
    *_over_axes("max", "distinct", np.max),
    *_over_axes("min", "distinct", np.min),
    *_over_axes("any", "bool", np.any, 0),
    *_over_axes("all", "bool", np.all, 0),
    *[
        Case(f"{name} over {what}", partial(getattr(cr, name), correction=1, **options),
             (Spec("normal", SHAPE),), partial(getattr(np, name), ddof=1, **options))
        for name in ("var", "std")
        for what, options in AXES.items()
        if what != "no axis"
    ],
    *_degenerate("sum", np.sum, "normal"),
    *_degenerate("prod", np.prod, "normal"),
    *_degenerate("mean", np.mean, "normal"),
    *_degenerate("max", np.max, "distinct"),
    *_degenerate("min", np.min, "distinct"),
    *_degenerate("var", np.var, "normal"),
    Case("sum over an empty axis", partial(reduction.sum, axis=1), (Spec("normal", (2, 0)),),
         partial(np.sum, axis=1)),
    Case("prod over an empty axis", partial(reduction.prod, axis=1), (Spec("normal", (2, 0)),),
         partial(np.prod, axis=1)),
    Case("prod with zeros", _zeroed_prod, (Spec("normal", (3, 4)),)),
    Case("sum of integers", reduction.sum, (Spec("integer", (3, 4)),), np.sum, 0),
    Case("sum of booleans", partial(reduction.sum, axis=0), (Spec("bool", (3, 4)),),
         partial(np.sum, axis=0), 0),
    Case("prod of integers", partial(reduction.prod, axis=1), (Spec("integer", (3, 4)),),
         partial(np.prod, axis=1), 0),
    Case("mean of integers", partial(reduction.mean, axis=1), (Spec("integer", (3, 4)),),
         partial(np.mean, axis=1), 0),
    Case("max of integers", partial(reduction.max, axis=1), (Spec("integer", (3, 4)),),
         partial(np.max, axis=1), 0),
    Case("sum of squares times mean", _sum_of_squares, (Spec("normal", (3, 4)),),
         lambda x: np.sum(x * x, axis=1) * np.mean(x)),
]  # fmt: skip
