"""The printed Python text gives the derivative; it is run here, never in the library."""
# ruff: noqa: F722 — the annotations are names of axes

import functools
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.formula import explain
from chainrule.formula.derivation.samples import signature
from chainrule.formula.explaining.explanation import Explanation
from chainrule.formula.printing.code import identifier
from tests.formula.acceptance import Case, cases
from tests.formula.acceptance import explained as explained_case
from tests.formula.programs import HESSIANS, PROGRAMS, Program

EVERY = {**PROGRAMS, **HESSIANS}


@functools.cache
def explained(name: str) -> Explanation:
    asked = EVERY[name]
    return explain(asked.f, asked.wrt, facts=asked.facts, order=asked.order)


def arguments(f: Any, facts: Any, examples: Any = (), seed: int = 5) -> dict[str, Any]:
    given = signature(f, examples, None, facts)
    tied = bool(given.examples)
    sizes = given.examples if tied else {a: 3 + k % 3 for k, a in enumerate(given.names)}
    return given.draw(sizes, np.random.default_rng(seed), "probability")


def truth(f: Any, wrt: Any, order: Any, held: dict[str, Any]) -> Any:
    tensors = {n: cr.tensor(v) if isinstance(v, np.ndarray) else v for n, v in held.items()}
    first, last = (wrt, wrt) if isinstance(wrt, str) else wrt

    def slope(v: Any, **others: Any) -> Any:
        return cr.grad(lambda u: f(**{**tensors, **others, first: u}))(v)

    if order == 1:
        return slope(tensors[first]).numpy()
    if order == 2:
        at = (
            (lambda v: slope(v))
            if first == last
            else (lambda v: slope(tensors[first], **{last: v}))
        )
        found = cr.jacobian(at)(tensors[last])
    else:
        found = cr.jacobian(lambda u: f(**{**tensors, first: u}))(tensors[first])
    return (found.dense() if hasattr(found, "dense") else found).numpy()


def run(text: str, held: dict[str, Any], module: str) -> Any:
    kept = {n: v if module == "np" or not isinstance(v, np.ndarray) else cr.tensor(v)
            for n, v in held.items()}  # fmt: skip
    names = {"np": np, "cr": cr, **kept}
    exec(text, names)
    found = names[text.splitlines()[-1].partition(" = ")[0]]
    return np.asarray(found.numpy() if isinstance(found, cr.Tensor) else found)


def agree(found: Any, expected: Any) -> None:
    if found.size == expected.size:
        found = found.reshape(expected.shape)
    scale = np.max(np.abs(expected), initial=1e-12)
    assert np.max(np.abs(found - expected), initial=0.0) <= 1e-6 * scale


@pytest.mark.parametrize("name", EVERY)
def test_the_text_is_the_derivative(name: str) -> None:
    asked: Program = EVERY[name]
    held = arguments(asked.f, asked.facts)
    expected = truth(asked.f, asked.wrt, asked.order, held)
    agree(run(explained(name).python, held, "np"), expected)
    agree(run(explained(name).chainrule, held, "cr"), expected)


@pytest.mark.parametrize("case", cases())
def test_every_acceptance_case_is_right_as_python(case: Case) -> None:
    told = explained_case(case)
    implied = {n: "spd" for n in told.axes if f"{n} symmetric positive" in str(told.assumptions)}
    held = arguments(case.f, {**implied, **case.facts}, case.examples)
    for k, value in enumerate(held.values()):
        if isinstance(value, np.ndarray) and value.ndim == 2 and value.dtype.kind == "f":
            fact = {**implied, **case.facts}.get(list(held)[k], "")
            if value.shape[0] == value.shape[1] and not fact:
                value += 2 * np.eye(len(value))
    expected = truth(case.f, case.wrt, case.order, held)
    agree(run(told.python, held, "np"), expected)
    agree(run(told.chainrule, held, "cr"), expected)


def test_products_are_written_as_numpy_users_write_them() -> None:
    def loss(W: "d k", X: "n d", Y: "n k"):
        P = cr.softmax(X @ W)
        return -cr.sum(Y * cr.log(P)) / X.shape[0]

    lines = explain(loss, "W", facts={"Y": "simplex"}).python.splitlines()
    assert lines[-3:] == ["n = X.shape[0]", "P = softmax(X @ W)", "dW = X.T @ (P - Y) / n"]


def test_diagonal_matrices_only_scale() -> None:
    line = explained("logistic_hessian").python.splitlines()[-1]
    assert line == "hessian = X.T @ ((p * (1 - p))[:, None] * X) / n"


@pytest.mark.parametrize(
    ("name", "python"),
    [("δ₁", "delta1"), ("δA", "deltaA"), ("lam", "lam"), ("W1", "W1"), ("z₂", "z2"),
     ("lambda", "lambda_"), ("params.W", "params_W")],
)  # fmt: skip
def test_names_are_those_of_python(name: str, python: str) -> None:
    assert identifier(name) == python
