"""Hessians against JAX (jit) and PyTorch (torch.func): the same function, the same numbers.

Ours is what a user would compile: the dense Hessian where the dense Hessian is asked for, and a
step or a product where that is what it is for. ``kept`` is the Hessian as its factors: what there
is to compute when nobody asks for the zeros. The peers have the dense one only.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.timing import alternate, machine, median, table

Array = np.ndarray
_RNG = np.random.default_rng(0)


def _normal(*shape: int) -> Array:
    return _RNG.standard_normal(shape).astype(np.float32)


@dataclass(frozen=True)
class Case:
    """One comparison: a loss in terms of a library's functions, its data, and what is wanted.

    loss    (library's functions, data) → function of the variable
    wanted  "dense", "kept", "newton" or "products" (with 100 vectors)
    target  how many times faster than the best peer it has to be
    """

    name: str
    loss: Callable[[Any, list[Any]], Callable[[Any], Any]]
    data: list[Array]
    start: Array
    wanted: str
    target: float
    rounds: int = 5


def _logistic(xp: Any, data: list[Any]) -> Callable[[Any], Any]:
    x, y = data
    return lambda w: (xp.softplus(x @ w) - y * (x @ w)).mean()


def _quadratic(_: Any, data: list[Any]) -> Callable[[Any], Any]:
    (a,) = data
    return lambda x: x @ a @ x


def _factorization(_: Any, data: list[Any]) -> Callable[[Any], Any]:
    v, m = data
    return lambda u: ((u @ v.T - m) ** 2).sum()


def _least_squares(_: Any, data: list[Any]) -> Callable[[Any], Any]:
    x, y = data
    return lambda w: ((x @ w - y) ** 2).sum()


def _multinomial(xp: Any, data: list[Any]) -> Callable[[Any], Any]:
    x, y = data
    return lambda w: -(xp.log_softmax(x @ w) * y).sum() / x.shape[0]


def _network(xp: Any, data: list[Any]) -> Callable[[Any], Any]:
    x, y, *layers = data

    def loss(w: Any) -> Any:
        h = xp.tanh(x @ w)
        for layer in layers[:-1]:
            h = xp.tanh(h @ layer)
        return -(xp.log_softmax(h @ layers[-1]) * y).sum() / x.shape[0]

    return loss


def _onehot(rows: int, classes: int) -> Array:
    return np.eye(classes, dtype=np.float32)[_RNG.integers(0, classes, rows)]


def cases() -> list[Case]:
    """What is compared, and how many times faster than the best peer it has to be."""
    bits = (_RNG.random(2048) > 0.5).astype(np.float32)
    logistic = [_normal(2048, 256), bits]
    squares = [_normal(2048, 512), _normal(2048, 10)]
    layers = [_normal(100, 100) / 10 for _ in range(3)] + [_normal(100, 10) / 10]
    factors = [_normal(200, 10), _normal(200, 200)]
    classes = [_normal(2048, 100), _onehot(2048, 10)]
    network = [_normal(256, 100), _onehot(256, 10), *layers]
    return [
        Case("logistic 2048×256", _logistic, logistic, 0.1 * _normal(256), "dense", 2),
        Case("xᵀAx, n = 2048", _quadratic, [_normal(2048, 2048)], _normal(2048), "dense", 10, 5),
        Case("factorization 200×10", _factorization, factors, _normal(200, 10), "newton", 1000, 5),
        Case("least squares 2048×512×10", _least_squares, squares, _normal(512, 10), "kept", 100),
        Case("multinomial 2048×100×10", _multinomial, classes, _normal(100, 10) / 10, "dense", 5),
        Case("MLP 100-…-10, H₁ · 100 vectors", _network, network, _normal(100, 100) / 10,
             "products", 1, 5),
    ]  # fmt: skip


_VECTORS = 100
_MOST_FOR_TORCH = 2100  # parameters; least squares has 5120, and would take minutes


def _vectors(case: Case) -> Array:
    drawn = np.random.default_rng(1).standard_normal((*case.start.shape, _VECTORS))
    return drawn.astype(np.float32)


# ---------------------------------------------------------------- ours


class _Ours:
    softplus = staticmethod(cr.softplus)
    log_softmax = staticmethod(cr.log_softmax)
    tanh = staticmethod(cr.tanh)


def ours(case: Case) -> Callable[[], Any]:
    """Compile what is wanted."""
    loss = case.loss(_Ours, [cr.tensor(d) for d in case.data])
    start, hessian = cr.tensor(case.start), cr.hessian(loss)
    programs: dict[str, Callable[..., Any]] = {
        "dense": lambda x: hessian(x).dense(),
        "kept": lambda x: hessian(x).factors,
        "newton": lambda x: hessian(x).solve(cr.grad(loss)(x)),
        "products": lambda x: hessian(x) @ vectors,
    }
    vectors = cr.tensor(_vectors(case))
    compiled = cr.jit(programs[case.wanted])
    return lambda: compiled(start)


# ---------------------------------------------------------------- peers


def jax_peer(case: Case) -> Callable[[], Any]:
    """jax.hessian under jit."""
    jax = importlib.import_module("jax")
    jnp = importlib.import_module("jax.numpy")

    class Functions:
        softplus = staticmethod(jax.nn.softplus)
        log_softmax = staticmethod(jax.nn.log_softmax)
        tanh = staticmethod(jnp.tanh)

    loss = case.loss(Functions, [jnp.asarray(d) for d in case.data])
    start, vectors = jnp.asarray(case.start), jnp.asarray(_vectors(case))
    size = case.start.size

    def newton(x: Any) -> Any:
        matrix = jax.hessian(loss)(x).reshape(size, size)
        return jnp.linalg.solve(matrix, jax.grad(loss)(x).reshape(-1)).reshape(x.shape)

    def products(x: Any) -> Any:
        push = jax.linearize(jax.grad(loss), x)[1]
        return jax.vmap(push, in_axes=-1, out_axes=-1)(vectors)

    programs = {"newton": newton, "products": products}
    compiled = jax.jit(programs.get(case.wanted, jax.hessian(loss)))
    return lambda: compiled(start).block_until_ready()


def torch_peer(case: Case) -> Callable[[], Any]:
    """torch.func.hessian."""
    torch = importlib.import_module("torch")

    class Functions:
        softplus = staticmethod(torch.nn.functional.softplus)
        tanh = staticmethod(torch.tanh)

        @staticmethod
        def log_softmax(x: Any) -> Any:
            return torch.log_softmax(x, dim=-1)

    loss = case.loss(Functions, [torch.tensor(d) for d in case.data])
    start, vectors = torch.tensor(case.start), torch.tensor(_vectors(case))
    size = case.start.size
    func = torch.func

    def newton(x: Any) -> Any:
        matrix = func.hessian(loss)(x).reshape(size, size)
        return torch.linalg.solve(matrix, func.grad(loss)(x).reshape(-1)).reshape(x.shape)

    def products(x: Any) -> Any:
        push = lambda v: func.jvp(func.grad(loss), (x,), (v,))[1]  # noqa: E731
        return func.vmap(push, in_dims=-1, out_dims=-1)(vectors)

    programs = {"newton": newton, "products": products}
    program = programs.get(case.wanted, func.hessian(loss))
    return lambda: program(start)


PEERS = {"JAX": jax_peer, "PyTorch": torch_peer}


def agreement(case: Case, run: dict[str, Callable[[], Any]]) -> float:
    """The largest relative difference to the first peer; where only factors are kept, densely."""
    dense = Case(case.name, case.loss, case.data, case.start, "dense", 1)
    own = np.asarray((ours(dense) if case.wanted == "kept" else run["chainrule"])())
    peer = next((np.asarray(run[name]()) for name in PEERS if name in run), own)
    return float(np.abs(own - peer).max() / max(np.abs(peer).max(), 1e-30))


def measured(case: Case, peers: list[str]) -> list[str]:
    """One row: milliseconds of each, how much faster than the best peer, target, difference.

    Medians, then minima in brackets: on a machine where others compute too, the minima say more.
    """
    peers = [p for p in peers if p != "PyTorch" or case.start.size <= _MOST_FOR_TORCH]
    run = {"chainrule": ours(case), **{name: PEERS[name](case) for name in peers}}
    difference = agreement(case, run)
    times = alternate(run, case.rounds)
    shown = [
        f"{1e3 * median(times[n]):.2f} ({1e3 * min(times[n]):.2f})" if n in times else "–"
        for n in ("chainrule", *PEERS)
    ]
    ratios = [_faster(times, peers, figure) for figure in (median, min)]
    figures = ["{:.3g} ({:.3g})".format(*ratios), f"≥ {case.target:g}", f"{difference:.0e}"]
    return [case.name, case.wanted, *shown, *figures]


def _faster(
    times: dict[str, list[float]], peers: list[str], figure: Callable[[list[float]], float]
) -> float:
    """The time of the best peer divided by ours."""
    best = min((figure(times[name]) for name in peers), default=float("nan"))
    return best / figure(times["chainrule"])


def large_steps() -> str:
    """Newton steps of matrix factorization with n·k = 10⁵, whose dense Hessian has 40 GB."""
    lines = []
    for columns in (1_000, 10_000):
        data = [_normal(columns, 10), _normal(10_000, columns)]
        case = Case("", _factorization, data, _normal(10_000, 10), "newton", 1)
        seconds = alternate({"": ours(case)}, 3)[""]
        lines.append(
            f"Newton step, n·k = 100 000, {columns} columns: {median(seconds):.3f} s "
            f"({min(seconds):.3f}; target < 1 s)"
        )
    return "\n".join(lines)


def _installed() -> list[str]:
    found = []
    for name, module in {"JAX": "jax", "PyTorch": "torch"}.items():
        try:
            importlib.import_module(module)
        except ImportError:
            continue
        found.append(name)
    return found


def main() -> None:
    """Print the table."""
    print(f"Hessians in float32, milliseconds, medians (minima); {machine()}\n")
    peers = _installed()
    rows = [["", "what", "chainrule", *PEERS, "ratio", "target", "difference"]]
    rows += [measured(case, peers) for case in cases()]
    print(table(rows))
    print(f"\n{large_steps()}\n")
