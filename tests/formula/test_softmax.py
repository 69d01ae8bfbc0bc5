"""Softmax and log-sum-exp over several axes: explained, printed as code, checked."""

# ruff: noqa: F722, ANN — the annotations are names of axes

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import check, explain


def lines(told: object) -> list[str]:
    return [" ".join(line.split()) for line in str(told).splitlines()]


def weighted(X: "n m", T: "n m"):
    return cr.sum(T * cr.softmax(X, axis=(0, 1)))


def surprise(X: "n m k", T: "n m k"):
    P = cr.softmax(X, axis=(1, 2))
    return -cr.sum(T * cr.log(P))


def free_energy(X: "n m"):
    return cr.logsumexp(X)


def by_hand(X: "n m", T: "n m"):
    E = cr.exp(X)
    return cr.sum(T * E / cr.sum(E))


def test_the_axes_stand_below_the_name() -> None:
    assert lines(explain(weighted, "X"))[:2] == [
        "∂weighted/∂X = P ⊙ (T − tr(TᵀP)) n×m",
        "where P = softmaxₙₘ(X) (n×m)",
    ]
    assert lines(explain(surprise, "X"))[:2] == [
        "∂surprise/∂Xₙₘₖ = Σᵢⱼ Pₙₘₖ Tₙᵢⱼ − Tₙₘₖ n×m×k",
        "where P = softmaxₘₖ(X) (n×m×k)",
    ]
    assert lines(explain(free_energy, "X", order=2))[0].startswith(
        "∂²free_energy/∂X² = diag(vec(P)) − vec(P)vec(P)ᵀ"
    )
    assert "{\\operatorname{softmax}}_{n m}(X)" in explain(weighted, "X").latex


def test_a_quotient_of_exponentials_reads_its_total_once() -> None:
    told = lines(explain(by_hand, "X"))
    assert told[0] == "∂by_hand/∂X = 1/(𝟏ᵀE𝟏) · (E ⊙ (T − tr(EᵀT)/(𝟏ᵀE𝟏))) n×m"


@pytest.mark.parametrize("f", [weighted, surprise])
def test_the_python_text_runs(f: Any) -> None:
    generator = np.random.default_rng(0)
    shape = (3, 4) if f is weighted else (3, 4, 2)
    x, t = generator.normal(size=shape), generator.normal(size=shape)
    values: dict[str, Any] = {"np": np, "X": x, "T": t}
    exec(explain(f, "X").python, values)
    wanted = cr.grad(f)(cr.tensor(x), cr.tensor(t)).numpy()
    np.testing.assert_allclose(values["dX"], wanted, rtol=1e-12)


@pytest.mark.parametrize("text", [
    "P * (T - np.sum(T * P)) where P = softmax(X, axis=(0, 1))",
    "P ⊙ (T − tr(TᵀP)) where P = softmaxₙₘ(X)",
    "P ⊙ (T − tr(TᵀP)) where P = softmax_nm(X)",
    "P ⊙ (T − tr(TᵀP)) where P = np.exp(X) / np.sum(np.exp(X))",
])  # fmt: skip
def test_softmax_over_all_elements_is_read(text: str) -> None:
    assert check(weighted, "X", text).verdict == "right"


def test_softmax_of_the_rows_is_not_that_of_all_elements() -> None:
    assert check(weighted, "X", "P ⊙ (T − tr(TᵀP)) where P = softmax(X)").verdict == "wrong"
    text = "np.sum(T, axis=(1, 2))[:, None, None] * softmax(X, axis=(1, 2)) - T"
    assert check(surprise, "X", text).verdict == "right"
