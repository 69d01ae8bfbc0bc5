"""Slices: formulas of neighbors, ends and paddings, at any sizes, and reading them back."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.algebra.sizes import combined, linear
from chainrule.formula import check, explain
from chainrule.formula.printing.notation import UNICODE


def inner(x: "n"):
    return cr.sum(x[1:-1] ** 3)


def curvature(x: "n"):
    return cr.sum((x[2:] - 2 * x[1:-1] + x[:-2]) ** 2)


def ends(x: "n"):
    return x[0] * x[-1]


def mirrored(x: "n"):
    return cr.sum(x * x[::-1])


def three(x: "n", w: "n"):
    return cr.sum(x[-3:] * w[:3])


def variation(x: "n m"):
    return cr.sum(cr.abs(x[1:] - x[:-1])) + cr.sum((x[:, 1:] - x[:, :-1]) ** 2)


def last_column(x: "n d", y: "n"):
    return cr.sum((x[:, -1] - y) ** 2)


LISTED = {
    inner: "3 pad(x[1:−1]², 1, 1)",
    curvature: "2(pad(x[:−2] + x[2:] − 2 x[1:−1], 2, 0) + pad(x[:−2] + x[2:] − 2 x[1:−1], 0, 2) "
    "− 2 pad(x[:−2] + x[2:] − 2 x[1:−1], 1, 1))",
    ends: "x[−1]·e₀ + x[0]·e₋₁",
    mirrored: "2 x[::−1]",
    three: "pad(w[:3], n−3, 0)",
    variation: "pad(sign(x[1:, :] − x[:−1, :]), (1, 0), (0, 0)) + 2(pad(x[:, 1:] − x[:, :−1], "
    "(0, 0), (1, 0)) − pad(x[:, 1:] − x[:, :−1], (0, 0), (0, 1))) − "
    "pad(sign(x[1:, :] − x[:−1, :]), (0, 1), (0, 0))",
    last_column: "2(x[:, −1] − y)e₋₁ᵀ",
}  # fmt: skip


@pytest.mark.parametrize("f", LISTED)
def test_a_slice_holds_at_any_size_and_is_read_back(f: Any) -> None:
    told = explain(f, "x")
    assert UNICODE(told.tree) == LISTED[f]
    assert not any("only" in note for note in told.notes)
    assert check(f, "x", LISTED[f]).verdict == "right"


@pytest.mark.parametrize("f", [inner, curvature, ends, variation, last_column])
def test_the_python_text_of_slices_runs(f: Any) -> None:
    told = explain(f, "x")
    x = np.random.default_rng(0).normal(size=(6,) if told.dims == ("n",) else (6, 5))
    values: dict[str, Any] = {"np": np, "x": x, "y": np.ones(6), "cr": cr}
    exec(told.python, values)
    more = (values["y"],) if f is last_column else ()
    wanted = cr.grad(f)(cr.tensor(x), *map(cr.tensor, more)).numpy()
    np.testing.assert_allclose(values["dx"], wanted, rtol=1e-12)


@pytest.mark.parametrize("text", ["x[n-1] * e_0 + x[0] * np.eye(n)[n-1]", "x[-1]·e0 + x[0]·e₋₁"])
def test_units_and_ends_are_read_as_people_write_them(text: str) -> None:
    assert check(ends, "x", text).verdict == "right"


def test_the_hessian_of_a_slice_has_rows_of_the_identity() -> None:
    def printed(f: Any) -> str:
        return UNICODE(explain(f, "x", order=2).tree)

    assert printed(ends) == "e₀e₋₁ᵀ + e₋₁e₀ᵀ"
    assert printed(inner) == "6 I[:, 1:−1]diag(x[1:−1])I[1:−1, :]"
    assert printed(mirrored) == "2 I[::−1, :]"
    assert printed(last_column) == "2 I ⊗ e₋₁e₋₁ᵀ"


def test_sizes_add_up() -> None:
    assert linear("n−m+2") == {"n": 1, "m": -1, "": 2}
    assert combined((1, "n"), (-1, "m−1")) == "n−m+1"
    assert combined((1, "m+1"), (-1, "1")) == "m"
    assert combined((2, "n"), (-1, "2n")) == "0"


def test_a_size_is_not_taken_for_another_one() -> None:
    def later(X: "n c h"):
        Y = cr.tanh(X[:, :, 4:])
        return cr.sum(Y**2)

    ((_, tree),) = explain(later, "X").where
    assert tree.dims == ("n", "c", "h−4")  # which is n+2 where n and h are neighboring primes
