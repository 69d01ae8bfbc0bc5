"""Formulas of random programs: five sources of one derivative agree.

The formula agrees with reverse mode at random points of random sizes, or explain raises. At a
point of fixed sizes, forward mode, differences and the printed Python text agree with it too.
``python -m tests.formula.test_random_programs 1000`` goes through that many programs.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.autodiff.numerical import directional
from chainrule.formula import explain
from tests.formula.test_code import run as run_text

AXES = {"X": "n d", "W": "d k", "B": "n k", "T": "n t d", "u": "n", "v": "d", "c": ""}
INDICES = {"i": "n", "j": "m"}
FACTS = {"i": "integer<n", "j": "integer<d"}
SIZES = {"n": 3, "d": 4, "k": 2, "t": 2, "m": 5}
SMOOTH: list[Callable[[Any], Any]] = [
    cr.tanh, cr.sigmoid, cr.sin, cr.softplus, lambda t: t * t, lambda t: 2 * t - 1,
    lambda t: 1 / (1 + t * t), cr.gelu, lambda t: cr.exp(-t * t),
]  # fmt: skip
KINKED: list[Callable[[Any], Any]] = [cr.relu, cr.abs, lambda t: cr.maximum(t, 0.25)]
KINDS = [
    "unary", "kinked", "add", "multiply", "matmul", "contract", "transpose", "sum", "mean",
    "scale", "softmax", "logsumexp", "divide", "row", "slice", "block", "reshape", "flatten",
    "gather", "center",
]  # fmt: skip
Step = tuple[str, int, int, int]
Value = tuple[Any, tuple[str, ...]]


@st.composite
def programs(draw: st.DrawFn) -> list[Step]:
    """Steps that each pick an operation and earlier values."""
    kinds = st.sampled_from(KINDS)
    numbers = st.integers(0, 11)
    return draw(st.lists(st.tuples(kinds, numbers, numbers, numbers), min_size=2, max_size=12))


def run(steps: list[Step], given: Iterable[tuple[Any, str]], indices: dict[str, Any]) -> Any:
    """Apply the steps, each to values that fit; sum up the last."""
    values: list[Value] = [(value, tuple(AXES[name].split())) for value, name in given]
    for step in steps:
        values += step_of(step, values, indices)
    return cr.sum(values[-1][0])


def step_of(step: Step, values: list[Value], indices: dict[str, Any]) -> Iterator[Value]:
    """What a step makes of a value and others that fit; nothing where none does."""
    kind, i, j, k = step
    x, axes = values[-1 - i % len(values)]
    same = [v for v, a in values if a == axes]
    other = same[j % len(same)]
    match kind:
        case "unary":
            yield SMOOTH[k % len(SMOOTH)](x), axes
        case "kinked":
            yield KINKED[k % len(KINKED)](x), axes
        case "add":
            yield x + other, axes
        case "multiply":
            yield x * other, axes
        case "divide":
            yield x / (1 + other * other), axes
        case "softmax" if axes:
            yield cr.softmax(x, axis=k % len(axes)), axes
        case "center" if axes:
            yield x - cr.mean(x, axis=-1, keepdims=True), axes
        case "block":
            yield cr.named_block(f"hidden{k % 3}", lambda t: cr.tanh(t) + t)(x), axes
        case "scale":
            scalars = [v for v, a in values if a == ()]
            yield scalars[j % len(scalars)] * x, axes
        case _ if axes:
            yield from moved(step, x, axes, values, indices)


def moved(
    step: Step, x: Any, axes: tuple[str, ...], values: list[Value], indices: dict[str, Any]
) -> Iterator[Value]:
    """Steps whose result has other axes."""
    kind, _, j, k = step
    axis = k % len(axes)
    rest = axes[:axis] + axes[axis + 1 :]
    inner = [(v, a) for v, a in values if a and len(a) < 3 and a[0] == axes[-1]]
    match kind:
        case "matmul" if inner and len(axes) < 3:
            y, more = inner[j % len(inner)]
            yield x @ y, axes[:-1] + more[1:]
        case "contract" if inner and len({*axes, *inner[j % len(inner)][1]}) <= 3:
            y, more = inner[j % len(inner)]
            after = tuple(a for a in more[1:] if a not in axes)
            if len(set(axes)) == len(axes) and len(set(more)) == len(more):
                words = f"{''.join(axes)},{''.join(more)}->{''.join(axes[:-1] + after)}"
                yield cr.einsum(words, x, y), axes[:-1] + after
        case "transpose" if len(axes) == 2:
            yield x.T, axes[::-1]
        case "sum":
            yield cr.sum(x, axis=axis), rest
        case "mean":
            yield cr.mean(x, axis=axis), rest
        case "logsumexp":
            yield cr.logsumexp(x, axis=axis), rest
        case "row" if len(axes) == 2:
            yield x[0], axes[1:]
        case "slice":
            yield cr.sum(x[:1], axis=0), axes[1:]
        case "reshape" if len(axes) == 1:
            yield cr.reshape(x, (-1, 1))[:, 0], axes
        case "flatten" if len(axes) == 2:
            yield cr.sum(cr.reshape(x, (-1,)) ** 2), ()
        case "gather" if axes[0] in ("n", "d"):
            name = "i" if axes[0] == "n" else "j"
            yield x[indices[name]], (INDICES[name], *axes[1:])


def function(steps: list[Step]) -> Callable[..., Any]:
    """The program as a function of named arguments."""

    def f(X: Any, W: Any, B: Any, T: Any, u: Any, v: Any, c: Any, i: Any, j: Any) -> Any:
        return run(steps, zip((X, W, B, T, u, v, c), AXES, strict=True), {"i": i, "j": j})

    return f


def arguments() -> dict[str, Any]:
    generator = np.random.default_rng(7)
    held: dict[str, Any] = {
        name: generator.normal(size=[SIZES[a] for a in axes.split()]) for name, axes in AXES.items()
    }
    return held | {"i": np.array([2, 0, 2]), "j": np.array([3, 3, 0, 1, 2])}


def check(steps: list[Step], wrt: str) -> None:
    """All sources of the derivative of a program agree."""
    f = function(steps)
    told = explain(f, wrt, axes={**AXES, **INDICES}, facts=FACTS)
    assert told.error < 1e-6
    assert told.latex
    assert told.ascii
    assert told.mathml
    held = arguments()
    tensors = {name: cr.tensor(value) for name, value in held.items()}

    def of(value: Any) -> Any:
        return f(**{**tensors, wrt: value})

    slope = cr.grad(of)(tensors[wrt]).numpy()
    way = np.cos(np.arange(slope.size)).reshape(slope.shape)
    _, forward = cr.jvp(of, (tensors[wrt],), (cr.tensor(way),))
    ahead = float(np.sum(slope * way))
    value = abs(of(tensors[wrt]).item())
    scale = 1e-3 * value + float(np.sum(np.abs(slope * way)))
    assert abs(forward.item() - ahead) <= 1e-9 * scale + 1e-12
    (numerical,) = directional(lambda p: [of(cr.tensor(p[0])).numpy()], [held[wrt]], [way])
    assert abs(float(numerical) - ahead) <= 1e-5 * scale + 1e-9
    if not told.notes or "array of the program" not in str(told.notes):
        found = run_text(told.python, held, "np")
        found = np.broadcast_to(
            found if found.size == 1 else found.reshape(slope.shape), slope.shape
        )
        np.testing.assert_allclose(found, slope, rtol=1e-6, atol=1e-7 * max(1.0, scale))


@given(programs(), st.sampled_from(sorted(AXES)))
@settings(max_examples=30)
def test_all_sources_of_a_random_derivative_agree(steps: list[Step], wrt: str) -> None:
    check(steps, wrt)


if __name__ == "__main__":
    many = settings(
        max_examples=int(sys.argv[1]), deadline=None, suppress_health_check=list(HealthCheck)
    )
    many(given(programs(), st.sampled_from(sorted(AXES)))(check))()
    sys.stdout.write(f"{sys.argv[1]} programs: all sources agree\n")
