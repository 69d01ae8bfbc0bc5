"""Messages about how matrices are stacked."""

# ruff: noqa: F722, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, FormulaError
from chainrule.formula import explain


def squares(W: "d k"):
    return cr.sum(W**2)


def test_a_way_to_stack_that_is_not_there() -> None:
    with pytest.raises(FormulaError) as told:
        explain(squares, "W", order=2, vec="A")  # type: ignore[arg-type]
    assert str(told.value) == 'explain: vec is "C", by rows, or "F", by columns, not \'A\''


def test_a_gradient_is_not_stacked() -> None:
    with pytest.raises(FormulaError) as told:
        explain(squares, "W", vec="F")
    assert str(told.value) == (
        "explain: a gradient has the shape of its variable\n\n"
        '  vec says how a matrix is stacked in a Hessian or a Jacobian: order=2 or "jacobian".'
    )


def test_a_matrix_that_is_stacked_in_no_known_way() -> None:
    with pytest.raises(ArgumentError) as told:
        cr.hessian(squares)(cr.ones((2, 2))).matrix("A")  # type: ignore[arg-type]
    assert str(told.value) == 'matrix: vec is "C", by rows, or "F", by columns, not \'A\''
