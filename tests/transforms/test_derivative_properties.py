"""Random programs: a structured derivative is the one that differences and products give."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import chainrule as cr

_STEP = 1e-4
Step = Callable[[Any], Any]
Program = tuple[tuple[str, int], ...]


def constant(seed: int, *shape: int) -> Any:
    return cr.tensor(np.random.default_rng(seed).standard_normal(shape) / 2)


def places(seed: int, count: int, size: int) -> Any:
    return cr.tensor(np.random.default_rng(seed).integers(0, size, count))


def _loop(x: Any, seed: int) -> Any:
    """A recurrence over the second axis, one for each row."""
    weight = constant(seed, 1)

    def step(h: Any, column: Any) -> Any:
        h = cr.tanh(column + weight * h)
        return h, h

    return cr.permute_dims(
        cr.scan(step, cr.zeros(x.shape[0]), cr.permute_dims(x, (1, 0)))[1], (1, 0)
    )


STEPS: dict[str, Callable[[Any, int], Any]] = {
    "tanh": lambda x, _: cr.tanh(x),
    "sine": lambda x, _: cr.sin(x),
    "square": lambda x, _: x * x / 2,
    "softmax": lambda x, _: cr.softmax(x),
    "scaled": lambda x, seed: x * constant(seed, *x.shape),
    "from the left": lambda x, seed: constant(seed, 1 + seed % 3, x.shape[0]) @ x,
    "from the right": lambda x, seed: x @ constant(seed, x.shape[1], 1 + seed % 4),
    "transposed": lambda x, _: cr.permute_dims(x, (1, 0)),
    "times itself": lambda x, _: x @ cr.permute_dims(x, (1, 0)) / 2,
    "a slice": lambda x, seed: x[:, seed % x.shape[1] :],
    "some rows": lambda x, _: x[::2],
    "reversed": lambda x, _: cr.flip(x, axis=1),
    "twice": lambda x, _: cr.concat([x, x * x], axis=0),
    "flat": lambda x, _: cr.reshape(x, (1, -1)),
    "a column": lambda x, _: cr.reshape(x, (-1, 1)),
    "gathered": lambda x, seed: x[places(seed, 3, x.shape[0])],
    "running sums": lambda x, _: cr.cumulative_sum(x, axis=1),
    "centered": lambda x, _: x - cr.mean(x, axis=0, keepdims=True),
    "a loop": _loop,
    "a branch": lambda x, _: cr.where(x > 0, x, x * x),
}
ENDS: dict[str, Callable[[Any, int], Any]] = {
    "sum": lambda x, seed: cr.sum(x * constant(seed, *x.shape)),
    "squares": lambda x, _: cr.sum(x * x),
    "entropy": lambda x, _: cr.sum(cr.logsumexp(x, axis=1)),
    "square of the sum": lambda x, _: cr.sum(x) ** 2,
}

programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 99)), min_size=1, max_size=5
).map(tuple)
starts = st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(0, 9))
checked = settings(
    max_examples=40,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # a program is short already
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def run(program: Program, x: Any) -> Any:
    for name, seed in program:
        x = STEPS[name](x, seed)
        assume(x.size <= 40)
    return x


def start(drawn: tuple[int, int, int]) -> np.ndarray:
    return np.random.default_rng(drawn[2]).standard_normal(drawn[:2])


def second_differences(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    """∂²f from values of f alone: (f(+,+) − f(+,−) − f(−,+) + f(−,−)) / 4h²."""
    basis = _STEP * np.eye(x.size).reshape(x.size, *x.shape)
    value = lambda point: f(cr.tensor(point)).item()  # noqa: E731
    made = np.zeros((x.size, x.size))
    for i, a in enumerate(basis):
        for j, b in enumerate(basis[: i + 1]):
            far = value(x + a + b) - value(x + a - b) - value(x - a + b) + value(x - a - b)
            made[i, j] = made[j, i] = far / (4 * _STEP**2)
    return made


def differences(f: Callable[[Any], Any], x: np.ndarray) -> np.ndarray:
    basis = _STEP * np.eye(x.size).reshape(x.size, *x.shape)
    value = lambda point: f(cr.tensor(point)).numpy().ravel()  # noqa: E731
    return np.stack([(value(x + a) - value(x - a)) / (2 * _STEP) for a in basis], axis=1)


def close(found: Any, wanted: np.ndarray, tolerance: float) -> None:
    scale = max(1.0, float(np.abs(wanted).max(initial=0.0)))
    np.testing.assert_allclose(np.asarray(found), wanted, rtol=0, atol=tolerance * scale)


@checked
@given(programs, st.tuples(st.sampled_from(sorted(ENDS)), st.integers(0, 99)), starts)
def test_a_structured_hessian_is_that_of_differences_and_of_products(program, end, drawn):
    x = start(drawn)
    assume("a branch" not in dict(program) or np.abs(x).min() > 0.01)
    f = lambda x: ENDS[end[0]](run(program, x), end[1])  # noqa: E731
    point = cr.tensor(x)
    matrix = cr.jacobian(cr.grad(f), mode="forward")(point).matrix().numpy()
    close(matrix, second_differences(f, x), 1e-4)
    H = cr.hessian(f)(point)
    v = np.random.default_rng(0).standard_normal(x.shape)
    close(H @ v, cr.jvp(cr.grad(f), (point,), (cr.tensor(v),))[1].numpy(), 1e-9)
    close(H.dense().reshape(matrix.shape), matrix, 1e-9)
    close(H.block("x", "x").reshape(matrix.shape), matrix, 1e-9)
    close(H.diag().reshape(-1), np.diag(matrix), 1e-9)
    close(H.trace(), np.trace(matrix), 1e-9)
    close(H.eigs(), np.linalg.eigvalsh(matrix)[::-1], 1e-8)
    damping = 1 + 2 * float(np.abs(np.linalg.eigvalsh(matrix)).max())
    damped = matrix + damping * np.eye(x.size)
    close(H.solve(v.ravel(), damping=damping), np.linalg.solve(damped, v.ravel()), 1e-9)
    fresh = cr.hessian(f)(point)
    _ = fresh.factors  # from now on products use what was evaluated
    close(fresh @ v, cr.jvp(cr.grad(f), (point,), (cr.tensor(v),))[1].numpy(), 1e-9)


@checked
@given(programs, starts)
def test_a_structured_jacobian_is_that_of_differences_and_of_products(program, drawn):
    x = start(drawn)
    assume("a branch" not in dict(program) or np.abs(x).min() > 0.01)
    f = lambda x: run(program, x)  # noqa: E731
    point = cr.tensor(x)
    J = cr.jacobian(f)(point)
    matrix = cr.jacobian(f, mode="reverse")(point).matrix().numpy()
    close(matrix, differences(f, x), 1e-5)
    close(J.matrix(), matrix, 1e-9)
    v = np.random.default_rng(0).standard_normal(x.shape)
    pushed = cr.jvp(f, (point,), (cr.tensor(v),))[1].numpy()
    close(cr.jacobian(f)(point) @ v, pushed, 1e-9)
    if getattr(J.parts[0], "form", None) is not None and (0, 2) in J.parts[0].form.common:
        places = np.arange(len(x))
        own = matrix.reshape(*pushed.shape, *x.shape)[places, :, places]
        close(J.per_sample(), own, 1e-9)
