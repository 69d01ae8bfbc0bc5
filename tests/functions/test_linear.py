"""Products of linear algebra: what the contract tests over the lists do not see."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.ir.graph import ancestors
from chainrule.ir.primitives import Einsum, View
from chainrule.recording import recording
from chainrule.tensors import node_of


def test_a_batch_axis_of_size_1_is_left_out_and_nothing_is_repeated() -> None:
    x, w = cr.ones((5, 1, 2, 3)), cr.ones((1, 4, 3, 2))
    with recording("jit", opaque=True) as scope:
        left = cr.tensor(1.0) * x
        node = node_of(cr.matmul(_recorded(left, scope), w), scope)
    ops = [n.op for n in ancestors([node])]
    assert not any(isinstance(op, View) for op in ops)
    (einsum,) = [op for op in ops if isinstance(op, Einsum)]
    assert str(einsum.subscripts) == "ijk,lkm->iljm"


def _recorded(x: cr.Tensor, scope: object) -> cr.Tensor:
    from chainrule.ir import build
    from chainrule.tensors import of_node

    return of_node(build.alias(node_of(x, scope)), scope)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32"])
def test_products_keep_their_dtype(dtype: str) -> None:
    x = cr.tensor([[1, 2], [3, 4]], dtype=dtype)
    assert cr.matmul(x, x).dtype.name == dtype
    assert cr.einsum("ij,jk->ik", x, x).dtype.name == dtype
    assert cr.matmul(x, x).tolist() == [[7, 10], [15, 22]]


def test_products_promote_and_take_arrays() -> None:
    x = cr.tensor([[1, 2]])
    assert cr.matmul(x, np.ones((2, 1), np.float32)).dtype is cr.float32
    assert cr.matmul(x, cr.tensor([[True], [False]])).tolist() == [[1]]
    assert cr.einsum(",ij->ij", 2.0, x).tolist() == [[2.0, 4.0]]


def test_an_operand_may_stand_on_both_sides() -> None:
    x = cr.tensor([[1.0, 2.0], [3.0, 4.0]])
    gradient = cr.grad(lambda a: cr.sum(cr.matmul(a, a)))(x)
    assert gradient.tolist() == [[7.0, 11.0], [9.0, 13.0]]


def test_infinities_reach_only_the_elements_they_belong_to() -> None:
    x = cr.tensor([[np.inf, 1.0], [1.0, 1.0]])
    assert cr.matmul(x, cr.tensor([1.0, 1.0])).tolist() == [np.inf, 2.0]
