"""What a derivation says beyond what is read is refused: it must never pass as right."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check


def squares(x: "n", y: "n"):
    return cr.sum(x * x + y)


def length(X: "n d"):
    return cr.linalg.norm(X)


def rows(X: "n d"):
    return cr.sum(cr.linalg.vector_norm(X, axis=1))


def columns(X: "n d", w: "d"):
    return cr.sum(cr.sum(X, axis=0) * w)


def traced(A: "n n"):
    return cr.linalg.trace(A) ** 2


def joined(X: "n d", Y: "m d", w: "d"):
    return cr.sum(cr.exp(cr.concat([X, Y]) @ w))


def every_second(x: "n"):
    return cr.sum(x[::2])


def graded(f, wrt, text):
    try:
        return check(f, wrt, text).verdict
    except FormulaError:
        return "refused"


@pytest.mark.parametrize(
    "text",
    ["2*x + None", "2*x + True", "2*x + 'a'", "2*x + (1, 2)", "2*x + x.shape", "2*x + [x, y]",
     "2*x + -(1, 2)", "2*x*exp((1, 2))", "2*x*cos([x, y])", "2*x + ‖(1, 2)‖", "None", "[x, y]",
     "2*x**(1, 2)"],
)  # fmt: skip
def test_tuples_and_texts_are_not_zero(text) -> None:
    assert graded(squares, "x", text) != "right"


@pytest.mark.parametrize(
    ("f", "wrt", "text"),
    [
        (length, "X", "X / norm(X, axis=1, keepdims=True)"),
        (length, "X", "X / norm(X, axis=0)"),
        (length, "X", "X / norm(X, 1)"),
        (length, "X", "X / norm(X, ord=1)"),
        (length, "X", "X / norm(X, X)"),
        (traced, "A", "2*trace(A, 1)*I"),
        (traced, "A", "2*trace(A, offset=1)*I"),
        (traced, "A", "2*trace(A)*eye(n, k=1)"),
        (columns, "w", "sum(X, axis=0, where=X)"),
        (columns, "w", "sum(X, axis=0, 3)"),
        (columns, "w", "sum(X, 0, X)"),
        (columns, "w", "sum(X, axis=1, axis=0)"),
        (columns, "w", "sum(X, axis=w)"),
        (squares, "x", "add(x, x, y)"),
        (squares, "x", "2*maximum(x, x, y)"),
        (squares, "x", "2*square(x, y)/x"),
        (squares, "x", "2*diag(diag(x, 1))"),
        (squares, "x", "2*log(exp(x, where=y))"),
    ],
)
def test_arguments_that_nobody_reads_are_refused(f, wrt, text) -> None:
    assert graded(f, wrt, text) != "right"


@pytest.mark.parametrize(
    ("f", "wrt", "text"),
    [
        (rows, "X", "X / norm(X, axis=1, keepdims=True)"),
        (rows, "X", "X / norm(X, axis=1)[:, None]"),
        (length, "X", "X / norm(X)"),
        (length, "X", "X / norm(X, ord='fro')"),
        (columns, "w", "X.sum(axis=0)"),
        (columns, "w", "sum(X, -2)"),
        (joined, "w", "[Xᵀ, Yᵀ] exp([X; Y]w)"),
    ],
)
def test_axes_norms_and_arrays_side_by_side_are_read(f, wrt, text) -> None:
    assert graded(f, wrt, text) == "right"


def test_a_size_that_nothing_settles_is_told() -> None:
    found = check(every_second, "x", "place(𝟏, [::2])")
    assert (found.verdict, found.message) == ("wrong", "a size is open")
