"""Where explain and trace read the axes of parameters: strings, and jaxtyping's annotations."""

# ruff: noqa: F722, F821, ANN — the annotations are names of axes

from dataclasses import dataclass
from typing import Any

import pytest

import chainrule as cr
from chainrule.errors import FormulaError, ShapeError
from chainrule.formula import explain
from chainrule.transform.trace import annotated_axes


@dataclass(frozen=True)
class Shaped:
    """What is read of an annotation of jaxtyping's kind."""

    dim_str: str


class Float:
    """A stand-in for jaxtyping's class."""

    def __class_getitem__(cls, item: tuple[Any, str]) -> Shaped:
        return Shaped(item[1])


def loss(w: Float[cr.Tensor, "d"], X: Float[cr.Tensor, "n d"], lam: Float[cr.Tensor, ""]):
    return cr.sum((X @ w) ** 2) / 2 + lam * cr.sum(w)


def test_the_axes_of_a_formula_come_from_annotations_of_shapes() -> None:
    told = explain(loss, "w")
    assert told.axes == {"w": ("d",), "X": ("n", "d"), "lam": ()}
    assert told.unicode.splitlines()[0] == "∂L/∂w = XᵀXw + λ          d"


def test_what_postponed_annotations_say_is_read_without_running_it() -> None:
    def f(X, w):
        return cr.sum((X @ w) ** 2)

    f.__annotations__ = {"X": 'Float[cr.Tensor, "n d"]', "w": "jt.Float[Array, 'd']"}
    assert explain(f, "w").axes == {"X": ("n", "d"), "w": ("d",)}


def test_a_trace_checks_the_sizes_of_annotated_shapes() -> None:
    def f(x: Float[cr.Tensor, "n"], y: Float[cr.Tensor, "n"]):
        return cr.sum(x) * cr.sum(y)

    with pytest.raises(ShapeError) as caught:
        cr.trace(f)(cr.ones(4), cr.ones(3))
    assert str(caught.value) == "axis 'n' has two sizes, 4 in x and 3 in y"


def test_axes_that_vary_in_number_are_not_known() -> None:
    def f(x: Float[cr.Tensor, "*batch n"]):
        return cr.sum(x)

    with pytest.raises(FormulaError, match="the shape of x is not known"):
        explain(f, "x")


@pytest.mark.parametrize(
    ("note", "axes"),
    [
        ("n d", "n d"),
        ("'n d'", "n d"),
        (Shaped("n  k=10"), "n 10"),
        (Shaped(""), ""),
        (Shaped("#n d"), None),
        (Shaped("n-1"), None),
        ('Float[Array, "n d"]', "n d"),
        ('Float[Array, ""]', ""),
        ("Tensor", None),
        ("list[int]", None),
        (int, None),
        (None, None),
    ],
)
def test_an_annotation_names_axes_or_none(note: object, axes: str | None) -> None:
    assert annotated_axes(note) == axes


def test_jaxtyping_itself_is_understood() -> None:
    jaxtyping = pytest.importorskip("jaxtyping", reason="jaxtyping is not installed")

    def f(X: jaxtyping.Float[cr.Tensor, "n d"], w: jaxtyping.Float[cr.Tensor, "d"]):
        return cr.sum(X @ w)

    assert explain(f, "w").axes == {"X": ("n", "d"), "w": ("d",)}
    assert annotated_axes(jaxtyping.Float[cr.Tensor, "n k=4"]) == "n 4"
