"""Formulas of random programs agree with automatic differentiation: explain raises otherwise."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.formula import explain

AXES = {"X": "n d", "W": "d k", "B": "n k", "u": "n", "v": "d", "c": ""}
UNARY: list[Callable[[Any], Any]] = [
    cr.tanh, cr.sigmoid, cr.sin, cr.softplus, lambda t: t * t, lambda t: 2 * t - 1,
    lambda t: 1 / (1 + t * t), cr.relu, cr.abs,
]  # fmt: skip
KINDS = [
    "unary", "add", "multiply", "matmul", "transpose", "sum", "mean", "scale", "softmax",
    "logsumexp", "divide", "row", "block", "reshape",
]  # fmt: skip
Step = tuple[str, int, int, int]


@st.composite
def programs(draw: st.DrawFn) -> list[Step]:
    """Steps that each pick an operation and earlier values."""
    kinds = st.sampled_from(KINDS)
    numbers = st.integers(0, 11)
    return draw(st.lists(st.tuples(kinds, numbers, numbers, numbers), min_size=2, max_size=12))


def run(steps: list[Step], values: list[tuple[Any, tuple[str, ...]]]) -> Any:
    """Apply the steps, each to values that fit; sum up the last."""
    for kind, i, j, k in steps:
        x, axes = values[-1 - i % len(values)]
        same = [v for v, a in values if a == axes]
        inner = [(v, a) for v, a in values if axes and a and a[0] == axes[-1]]
        match kind:
            case "unary":
                values.append((UNARY[k % len(UNARY)](x), axes))
            case "add":
                values.append((x + same[j % len(same)], axes))
            case "multiply":
                values.append((x * same[j % len(same)], axes))
            case "matmul" if inner:
                other, more = inner[j % len(inner)]
                values.append((x @ other, axes[:-1] + more[1:]))
            case "transpose" if len(axes) == 2:
                values.append((x.T, axes[::-1]))
            case "sum" if axes:
                axis = k % len(axes)
                values.append((cr.sum(x, axis=axis), axes[:axis] + axes[axis + 1 :]))
            case "mean" if axes:
                values.append((cr.mean(x, axis=-1), axes[:-1]))
            case "softmax" if axes:
                values.append((cr.softmax(x), axes))
            case "logsumexp" if axes:
                values.append((cr.logsumexp(x, axis=-1), axes[:-1]))
            case "divide":
                y = same[j % len(same)]
                values.append((x / (1 + y * y), axes))
            case "row" if len(axes) == 2:
                values.append((x[0], axes[1:]))
            case "block":
                values.append((cr.named_block("hidden", lambda t: cr.tanh(t) + t)(x), axes))
            case "reshape" if len(axes) == 1:
                values.append((cr.reshape(x, (-1, 1))[:, 0], axes))
            case "scale":
                scalars = [v for v, a in values if a == ()]
                values.append((scalars[j % len(scalars)] * x, axes))
    return cr.sum(values[-1][0])


@given(programs(), st.sampled_from(sorted(AXES)))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_formula_of_a_random_program_is_its_derivative(steps: list[Step], wrt: str) -> None:
    def f(X: Any, W: Any, B: Any, u: Any, v: Any, c: Any) -> Any:
        arguments = {"X": X, "W": W, "B": B, "u": u, "v": v, "c": c}
        return run(steps, [(arguments[name], tuple(AXES[name].split())) for name in AXES])

    told = explain(f, wrt, axes=AXES)
    assert told.error < 1e-6
    assert told.latex
    assert told.ascii
