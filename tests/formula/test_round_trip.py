"""Every print of a derivative is a derivation that check calls right."""
# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import FormulaError
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import ASCII, UNICODE, element_of, in_ascii, spelled


def attention(Q: "n d", K: "m d", V: "m v", G: "n v"):
    A = cr.softmax(Q @ K.T / cr.sqrt(1.0 * Q.shape[1]))
    return cr.sum(G * (A @ V))


def layer(X: "n d", Y: "n d", g: "d", b: "d"):
    m = cr.mean(X, axis=1, keepdims=True)
    v = cr.mean((X - m) ** 2, axis=1, keepdims=True)
    Z = (X - m) / cr.sqrt(v + 1e-5)
    return cr.sum(Y * (Z * g + b))


def median_of_rows(X: "n d", a: "n"):
    return cr.sum(a * cr.stats.median(X, axis=1) ** 2)


def around_the_median(X: "n d"):
    return cr.sum((X - cr.stats.median(X, axis=0, keepdims=True)) ** 2)


def quantile_of_rows(X: "n d", a: "n"):
    return cr.sum(a * cr.quantile(X, 0.3, axis=1))


def quantile(x: "n"):
    return cr.quantile(x, 0.3) ** 2


def distances(X: "n d", Y: "m d"):
    D = cr.sum((X[:, None, :] - Y[None, :, :]) ** 2, axis=2)
    return cr.sum(cr.exp(-D))


def normal(X: "n d"):
    return X / cr.sum(X, axis=1, keepdims=True)


def covariance(X: "n d", A: "d d"):
    C = X - cr.mean(X, axis=0)
    return cr.sum(A * (C.T @ C)) / (X.shape[0] - 1)


def pooled(T: "n t d"):
    return cr.sum(cr.max(T, axis=1) ** 2)


def at_most_six(X: "n d"):
    return cr.sum(cr.minimum(cr.relu(X + 3), 6.0) ** 2)


def open_below(X: "n d", Y: "n d"):
    return cr.sum(Y * cr.clip(X, None, 6.0) ** 2)


def gelu(X: "n d", Y: "n d"):
    return cr.sum(Y * cr.gelu(X))


def softplus(X: "n d"):
    return cr.sum(cr.softplus(X) ** 2)


def recurrent(x: "d", W: "h h", U: "h d", h0: "h"):
    h = h0
    for _ in range(3):
        h = cr.tanh(W @ h + U @ x)
    return cr.sum(h**2)


def given(X: "3 4"):
    return cr.sum(cr.tensor(np.arange(12.0).reshape(3, 4)) * X**3)


def below(A: "n d", B: "m d"):
    return cr.concat([A, B], axis=0)


def mapped(W: "d k", X: "n d"):
    return X @ W


PROGRAMS: list[tuple[Any, str, Any]] = [
    (attention, "Q", 1), (attention, "K", 1), (layer, "X", 1), (median_of_rows, "X", 1),
    (around_the_median, "X", 1), (quantile_of_rows, "X", 1), (quantile, "x", 1),
    (distances, "X", 1), (normal, "X", "jacobian"), (covariance, "X", 1), (pooled, "T", 1),
    (at_most_six, "X", 1), (open_below, "X", 1), (gelu, "X", 1), (softplus, "X", 1),
    (recurrent, "x", 1), (given, "X", 1),
    (below, "A", "jacobian"), (mapped, "W", "jacobian"),
]  # fmt: skip


def prints(f: Any, wrt: str, order: Any) -> Iterator[str]:
    """The formula with its definitions in Unicode, in ASCII and as a display in LaTeX."""
    told = explain(f, wrt, order=order)
    assert told.ascii.isascii()
    for shown, name_of in ((UNICODE, spelled), (ASCII, in_ascii)):
        where = "; ".join(f"{element_of(name_of(n), t)} = {shown(t)}" for n, t in told.where)
        yield f"{shown(told.tree)} where {where}" if where else shown(told.tree)
    yield told.latex


@pytest.mark.parametrize(("f", "wrt", "order"), PROGRAMS)
def test_what_is_printed_is_right(f: Any, wrt: str, order: Any) -> None:
    for text in prints(f, wrt, order):
        assert check(f, wrt, text, order=order).verdict == "right", text


def test_the_text_for_numpy_is_right_too() -> None:
    told = explain(quantile, "x").python.splitlines()
    assert check(quantile, "x", [*told[1:-1], told[-1].partition("=")[2]]).verdict == "right"
    assert check(softplus, "X", "2 * sigmoid(X) * np.logaddexp(0, X)").verdict == "right"
    median = "np.eye(n)[np.argsort(x)].T @ (np.eye(n)[(n - 1) // 2] + np.eye(n)[n // 2]) / 2"
    assert check(middle, "x", median).verdict == "right"
    assert check(middle, "x", median.replace("n // 2", "(n + 1) // 2")).verdict != "right"


def middle(x: "n"):
    return cr.stats.median(x)


def test_a_display_is_read_with_its_shapes_remarks_and_definitions() -> None:
    right = explain(layer, "X").latex
    assert r"&& n \times d" in right
    assert check(layer, "X", right).verdict == "right"
    wrong = right.replace(r"\text{where}\quad m &= \frac{1}{d}", r"\text{where}\quad m &= ")
    assert wrong != right
    assert check(layer, "X", wrong).kind == "wrong definition"


def test_a_definition_that_has_no_value_is_wrong() -> None:
    found = check(layer, "X", explain(layer, "X").ascii + " where m = sum(X[0, :7])")
    assert (found.verdict, found.line) == ("wrong", 1)
    text = explain(median_of_rows, "X").ascii
    assert check(median_of_rows, "X", f"{text} where deltaz1 = X").kind == "wrong definition"


def test_a_clip_that_is_open_on_one_side_is_the_smaller_of_two() -> None:
    assert explain(open_below, "X").ascii == "2 X .* Y .* [6 >= X]"
    assert check(open_below, "X", "2*Y*np.clip(X, -np.inf, 6)*(X <= 6)").verdict == "right"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("blockdiag_n()", "there is no function 'blockdiag'"),
        (r"\begin{bmatrix} A \\ 0", "this matrix is never closed"),
        (r"\begin{cases} A", r"\begin is not known"),
        ("A.shape * 1000000000", "this is no array"),
        ("e_(A)", "a whole number or a size is needed here"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, problem: str) -> None:
    with pytest.raises(FormulaError) as raised:
        check(below, "A", text, order="jacobian")
    assert str(raised.value).splitlines()[0] == problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("A.max(axis=(0, 7))", "there are no such axes in the shape n×d"),
        ("A.sum(axis=(0, 0))", "axis is a whole number, or several that differ"),
        ("A.sum(axis=2)", "axis 2 of an array of shape n×d does not exist"),
        ("A // 2", "// is of a size and a whole number, as in (n − 1) // 2"),
    ],
)
def test_arguments_that_do_not_exist_are_refused(text: str, problem: str) -> None:
    assert check(below, "A", text, order="jacobian").message.startswith(problem)


def test_means_along_several_axes_keep_them_where_asked() -> None:
    def around(T: "n t d"):
        return cr.sum((T - cr.mean(T, axis=(0, 2), keepdims=True)) ** 2)

    assert check(around, "T", "2 * (T - T.mean(axis=(0, 2), keepdims=True))").verdict == "right"
    assert check(around, "T", "2 * (T - T.mean(axis=(0, 1), keepdims=True))").verdict == "wrong"
