"""Hessians and Jacobians by matrices, stacked by rows and by columns."""

# ruff: noqa: F722, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import explain
from chainrule.formula.printing.notation import UNICODE


def squares(W: "d k", X: "n d", Y: "n k"):
    return cr.sum((X @ W - Y) ** 2)


def sandwich(W: "m n", A: "p m", B: "n q"):
    return A @ W @ B


def flipped(W: "m n"):
    return W.T


def free_energy(W: "n m"):
    return cr.logsumexp(W)


def rows(W: "n m"):
    return cr.sum(cr.logsumexp(W, axis=1))


def flattened(W: "n m", c: "n m"):
    return cr.sum(cr.tanh(cr.reshape(W * c, (-1,))) ** 3)


LISTED: dict[Any, tuple[Any, str, str]] = {
    squares: (2, "2 XᵀX ⊗ I", "2 I ⊗ XᵀX"),
    sandwich: ("jacobian", "A ⊗ Bᵀ", "Bᵀ ⊗ A"),
    flipped: ("jacobian", "Kₘₙ", "Kₘₙ"),
    free_energy: (2, *["diag(vec(P)) − vec(P)vec(P)ᵀ"] * 2),
    rows: (2, *["block-diagonal over n: diag(pₙ) − pₙpₙᵀ"] * 2),
}


@pytest.mark.parametrize("f", LISTED)
def test_both_ways_to_stack_a_matrix_have_their_textbook_form(f: Any) -> None:
    order, by_rows, by_columns = LISTED[f]
    assert UNICODE(explain(f, "W", order=order).tree) == by_rows
    told = explain(f, "W", order=order, vec="F")
    assert UNICODE(told.tree) == by_columns
    assert told.notes[0] == 'vec is column-major, as reshape(-1, order="F") of NumPy'


@pytest.mark.parametrize("f", [*LISTED, flattened])
def test_the_python_text_by_columns_gives_the_matrix_by_columns(f: Any) -> None:
    generator = np.random.default_rng(0)
    order = LISTED[f][0] if f in LISTED else 2
    sizes = {"d": 2, "k": 3, "n": 4, "m": 3, "p": 2, "q": 5}
    given = {
        name: generator.normal(size=[sizes[w] for w in axes.split()])
        for name, axes in f.__annotations__.items()
    }
    values: dict[str, Any] = {"np": np, **given}
    exec(explain(f, "W", order=order, vec="F").python, values)
    transform = cr.hessian if order == 2 else cr.jacobian
    found = transform(f)(*map(cr.tensor, given.values()))
    made = values["hessian" if order == 2 else "dW"]
    np.testing.assert_allclose(made, found.matrix("F").numpy(), rtol=1e-9, atol=1e-12)


def test_the_matrix_by_columns_multiplies_what_is_stacked_by_columns() -> None:
    x = np.arange(6.0).reshape(2, 3)
    matrix = cr.jacobian(lambda x: x.T)(cr.tensor(x)).matrix("F").numpy()
    np.testing.assert_array_equal(matrix @ x.reshape(-1, order="F"), x.T.reshape(-1, order="F"))


def test_the_second_derivative_of_a_determinant_is_said_with_inverses() -> None:
    def log_volume(W: "n n"):
        return cr.log(cr.linalg.det(W))

    told = explain(log_volume, "W", order=2, facts={"W": "spd"})
    assert "W⁻¹" in UNICODE(told.tree)
    assert told.error < 1e-6
