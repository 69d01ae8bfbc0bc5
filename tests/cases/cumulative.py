"""Running sums and products, differences."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from chainrule.functions.cumulative import cumulative_prod, cumulative_sum, diff
from chainrule.tensors import Tensor
from tests.cases.case import Case, Spec

LINE = (Spec("normal", (5,)),)
STACK = (Spec("normal", (2, 4, 3)),)
ZEROS = np.array([1, 0, 1, 1, 0, 1, 1], bool)


def _zeroed(x: Tensor) -> Tensor:
    return cumulative_prod(x * ZEROS, axis=0)


def _with_initial(name: str, axis: int) -> Any:
    def oracle(x: Any) -> Any:
        return getattr(np, name)(x, axis=axis, include_initial=True)

    return oracle


CASES: list[Case] = [
    Case("cumulative_sum", cumulative_sum, LINE, np.cumsum),
    Case("cumulative_sum along the first axis", partial(cumulative_sum, axis=0), STACK,
         partial(np.cumsum, axis=0)),
    Case("cumulative_sum along the middle axis from 0",
         partial(cumulative_sum, axis=1, include_initial=True), STACK,
         _with_initial("cumulative_sum", 1)),
    Case("cumulative_sum of an empty axis", partial(cumulative_sum, axis=1),
         (Spec("normal", (2, 0)),), partial(np.cumsum, axis=1)),
    Case("cumulative_sum of integers", partial(cumulative_sum, axis=1),
         (Spec("integer", (3, 4)),), partial(np.cumsum, axis=1), 0),
    Case("cumulative_sum of booleans", partial(cumulative_sum, axis=-1), (Spec("bool", (3, 4)),),
         partial(np.cumsum, axis=-1), 0),
    Case("cumulative_prod", cumulative_prod, LINE, np.cumprod),
    Case("cumulative_prod along the first axis", partial(cumulative_prod, axis=0), STACK,
         partial(np.cumprod, axis=0)),
    Case("cumulative_prod along the middle axis from 1",
         partial(cumulative_prod, axis=1, include_initial=True), STACK,
         _with_initial("cumulative_prod", 1)),
    Case("cumulative_prod of one element", partial(cumulative_prod, axis=1),
         (Spec("normal", (3, 1)),), partial(np.cumprod, axis=1)),
    Case("cumulative_prod of an empty axis", partial(cumulative_prod, axis=1),
         (Spec("normal", (2, 0)),), partial(np.cumprod, axis=1)),
    Case("cumulative_prod with zeros", _zeroed, (Spec("normal", (7,)),),
         lambda x: np.cumprod(x * ZEROS)),
    Case("cumulative_prod of integers", cumulative_prod, (Spec("integer", (5,)),), np.cumprod, 0),
    Case("diff", diff, LINE, np.diff),
    Case("second diff along the middle axis", partial(diff, axis=1, n=2), STACK,
         partial(np.diff, axis=1, n=2)),
    Case("diff of more than there is", partial(diff, axis=0, n=3), STACK,
         partial(np.diff, axis=0, n=3)),
    Case("diff with ends", lambda x, y: diff(x, axis=1, prepend=y, append=x),
         (*STACK, Spec("normal", (2, 1, 3))),
         lambda x, y: np.diff(x, axis=1, prepend=y, append=x)),
    Case("diff of booleans", diff, (Spec("bool", (3, 4)),), np.diff, 0),
]  # fmt: skip
