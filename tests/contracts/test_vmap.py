"""vmap gives what a loop over the examples gives."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from chainrule import tree
from chainrule.tensors import Tensor, tensor
from chainrule.testing import assert_close
from chainrule.transform import grad, vmap
from tests.cases import ALL
from tests.cases.case import Case
from tests.contracts.scalar import EXAMPLES, examples, floating, weighted

BATCHED = [case for case in ALL if case.batched and floating(case.draw())]
DIFFERENTIABLE = [case for case in BATCHED if case.orders >= 1]


def compare(
    function: Callable[..., Any], drawn: Sequence[Sequence[np.ndarray]], places: Sequence[int]
) -> None:
    """Compare vmap over some operands with a loop; the others are the first example's."""
    axes = tuple(0 if k in places else None for k in range(len(drawn)))
    args = [tensor(np.stack(own) if k in places else own[0]) for k, own in enumerate(drawn)]
    mapped, _ = tree.flatten(vmap(function, in_axes=axes)(*args))
    rows = []
    for n in range(EXAMPLES):
        one = [tensor(own[n] if k in places else own[0]) for k, own in enumerate(drawn)]
        rows.append(tree.flatten(function(*one))[0])
    for stack, *singles in zip(mapped, *rows, strict=True):
        looped = np.stack([single.numpy() for single in singles])
        assert isinstance(stack, Tensor)
        assert stack.dtype is singles[0].dtype
        size = float(np.abs(looped[np.isfinite(looped)]).max(initial=1.0))
        assert_close(stack, looped, rtol=1e-9, atol=1e-10 * size, names=("vmap", "loop"))


@pytest.mark.parametrize("case", BATCHED, ids=lambda case: case.name)
def test_vmap_over_each_input_and_over_all_is_a_loop(case: Case) -> None:
    drawn = examples(case)
    places = floating([own[0] for own in drawn])
    for place in places:
        compare(case.function, drawn, [place])
    if len(places) > 1:
        compare(case.function, drawn, places)


@pytest.mark.parametrize("case", DIFFERENTIABLE, ids=lambda case: case.name)
def test_vmap_of_grad_is_a_loop_of_gradients(case: Case) -> None:
    drawn = examples(case)
    places = floating([own[0] for own in drawn])
    compare(grad(weighted(case.function), argnums=places), drawn, places)
    if len(places) > 1:
        compare(grad(weighted(case.function), argnums=places), drawn, places[:1])
