"""What is printed is read back: of random derivatives, and of those through slices."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.formula import explain
from chainrule.formula.grading.program import program
from chainrule.formula.printing.notation import UNICODE
from chainrule.formula.reading.parse import parse
from tests.formula.test_random_programs import AXES, FACTS, INDICES, Step, function, programs


def is_read_back(
    f: Callable[..., Any], wrt: str, order: Any, axes: Any = None, facts: Any = None
) -> None:
    """The text of a formula, read again, has its value at points of different sizes."""
    told = explain(f, wrt, axes=axes, facts=facts, order=order)
    asked = program(f, wrt, axes, facts, order)
    names = asked.names.also({name: tree.dims for name, tree in told.where})
    back = parse(UNICODE(told.tree), names, told.tree.dims)
    for point in asked.points[:2]:
        evaluator = asked.evaluator(point)
        for name, tree in told.where:
            evaluator.values.setdefault(name, evaluator(tree))
        found, first = evaluator(back), evaluator(told.tree)
        if found.size != first.size:
            found = np.broadcast_to(found, first.shape)
        np.testing.assert_allclose(
            found.reshape(-1), first.reshape(-1), rtol=1e-8, atol=1e-10, err_msg=UNICODE(told.tree)
        )


@given(programs(), st.sampled_from(sorted(AXES)), st.sampled_from([1, 1, 2]))
@settings(max_examples=8)
def test_random_derivatives_are_read_back(steps: list[Step], wrt: str, order: int) -> None:
    is_read_back(function(steps), wrt, order, {**AXES, **INDICES}, FACTS)


def differences(x: "n"):
    return x[1:] - x[:-1]


def smooth(x: "n"):
    return cr.sum((x[1:] - x[:-1]) ** 2)


def rows(X: "n d"):
    return X[1:] ** 2


def columns(X: "n d"):
    return X[:, 1:]


def last(X: "n d"):
    return X[:, -1]


def corner(X: "n d"):
    return cr.sum((X[1:, 1:] - X[:-1, :-1]) ** 2)


def backwards(x: "n"):
    return x[::-1]


def every_other(x: "n"):
    return cr.sum(cr.exp(x[::2]))


def padded(x: "n"):
    return cr.pad(x, (1, 2))


def diagonal(X: "n n"):
    return cr.linalg.diagonal(X)


def flat(X: "n d"):
    return cr.reshape(X, (-1,)) ** 3


def filtered(x: "n", w: "3"):
    return w[0] * x[:-2] + w[1] * x[1:-1] + w[2] * x[2:]


def kernel(X: "n d", a: "n"):
    D = cr.sum((X[:, None, :] - X[None, :, :]) ** 2, axis=2)
    return a @ cr.exp(-D) @ a


def largest(X: "n c h w", Y: "n c"):
    M = cr.max(X, axis=(2, 3))
    return cr.sum(Y * M**2)


def around_the_largest(X: "n c h w"):
    M = cr.max(X, axis=(2, 3))
    return cr.sum((X - M[:, :, None, None]) ** 2)


def along_the_first(T: "n t d"):
    return cr.sum(cr.tanh(cr.softmax(T, axis=0)))


def summed_along_the_first(T: "n t d"):
    return cr.sum(cr.tanh(cr.logsumexp(T, axis=0)))


def summed_along_both(T: "n t d"):
    return cr.sum(cr.tanh(cr.logsumexp(T, axis=(0, 1))))


def summed_along_the_last(T: "n t d"):
    return cr.sum(cr.tanh(cr.logsumexp(T, axis=(1, 2))))


def summed_by_rows(T: "n d"):
    return cr.sum(cr.logsumexp(T, axis=1) ** 3)


def kernel_of_blocks(M: "n c", A: "n c k"):
    return cr.sum(cr.einsum("nc,nck->k", cr.exp(M) * cr.tanh(2 * M), A) ** 2)


def turned(M: "n m", A: "m n k"):
    return cr.sum(cr.einsum("nm,mnk->k", cr.exp(M), A) ** 2)


CASES: list[tuple[Any, str, Any]] = [
    (differences, "x", "jacobian"), (smooth, "x", 1), (smooth, "x", 2), (rows, "X", "jacobian"),
    (columns, "X", "jacobian"), (last, "X", "jacobian"), (corner, "X", 1), (corner, "X", 2),
    (backwards, "x", "jacobian"), (every_other, "x", 1), (every_other, "x", 2),
    (padded, "x", "jacobian"), (diagonal, "X", "jacobian"), (flat, "X", "jacobian"),
    (filtered, "x", "jacobian"), (filtered, "w", "jacobian"), (kernel, "X", 1),
    (largest, "X", 1), (around_the_largest, "X", 1), (along_the_first, "T", 1),
    (summed_along_the_first, "T", 1), (summed_along_both, "T", 1),
    (summed_along_the_last, "T", 1), (summed_by_rows, "T", 1), (kernel_of_blocks, "M", 1),
    (kernel_of_blocks, "M", 2), (kernel_of_blocks, "A", 1), (turned, "M", 1), (turned, "A", 1),
]  # fmt: skip


@pytest.mark.parametrize(("f", "wrt", "order"), CASES)
def test_derivatives_through_slices_are_read_back(f: Any, wrt: str, order: Any) -> None:
    is_read_back(f, wrt, order)


def test_both_sides_of_a_relation_have_their_labels() -> None:
    found = UNICODE(explain(largest, "X").tree)
    assert found == "2 · [Xₙcₕw = Mₙc] Mₙc Yₙc"


def test_labels_stand_at_the_argument_of_a_function() -> None:
    found = UNICODE(explain(turned, "M").tree)
    assert found == "2 · Σᵢⱼₖ exp(Mₙₘ) exp(Mᵢⱼ) Aₘₙₖ Aⱼᵢₖ"
    assert "(1 − tanh(2 Mₙc)²)" in UNICODE(explain(kernel_of_blocks, "M").tree)
    assert cr.check(turned, "M", found).verdict == "right"
    assert "∘" not in explain(kernel_of_blocks, "M").pretty()


def weighted(Y: "n d", X: "n d"):
    return cr.sum(Y * cr.softmax(X, axis=0))


def weighted_block(Y: "n t d", T: "n t d", U: "n t"):
    return cr.sum(Y * cr.softmax(T, axis=1) * cr.softmax(U, axis=0)[:, :, None])


def weighted_largest(y: "d", X: "n d"):
    return cr.sum(y * cr.max(X, axis=0))


@pytest.mark.parametrize(("f", "wrt", "derivation"), [
    (weighted, "Y", "softmaxₙ(X)"), (weighted, "Y", "softmax_n(X)"),
    (weighted, "Y", "softmaxₙ(Xₙd)"), (weighted, "Y", "softmax(Xᵀ)ᵀ"),
    (weighted_block, "Y", "softmaxₜ(Tₙₜd) softmaxₙ(Uₙₜ)"),
    (weighted_largest, "y", "maxₙ(X)"), (weighted_largest, "y", "maxₙ(Xₙd)"),
])  # fmt: skip
def test_the_axes_below_a_function_are_those_along_which_it_goes(
    f: Any, wrt: str, derivation: str
) -> None:
    assert cr.check(f, wrt, derivation).verdict == "right"


def test_other_axes_below_a_function_are_not_taken_for_right() -> None:
    assert not cr.check(weighted, "Y", "softmax_d(X)")
