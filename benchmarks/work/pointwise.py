"""What streams through memory: normalization, softmax, gelu, their gradients, and Adam."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.work.contest import Contestant, Row
from benchmarks.work.limits import Limit
from benchmarks.work.training import BETA1, BETA2, EPS, compiled

SHAPE = (4096, 1024)
PARAMETERS = 10_000_000
RATE = 0.001
_LAYER_EPS = 1e-5

Forward = Callable[..., Any]


@dataclass(frozen=True)
class Work:
    """A function of x (and weight and bias) in each library's words, and its operations a number.

    by_hand     gives y
    and_back    gives y, and the gradients for the cotangent that comes last
    """

    ours: Forward
    torch: Forward
    jax: Forward
    by_hand: Callable[..., list[np.ndarray]]
    and_back: Callable[..., list[np.ndarray]]
    vectors: bool
    operations: tuple[int, int]


# ---------------------------------------------------------------- the functions


def _torch_layer_norm(x: Any, w: Any, b: Any) -> Any:
    import torch

    return torch.nn.functional.layer_norm(x, (x.shape[-1],), w, b, _LAYER_EPS)


def _torch_softmax(x: Any) -> Any:
    import torch

    return torch.softmax(x, -1)


def _torch_gelu(x: Any) -> Any:
    import torch

    return torch.nn.functional.gelu(x)


def _jax_layer_norm(x: Any, w: Any, b: Any) -> Any:
    import jax
    import jax.numpy as jnp

    mean = jnp.mean(x, -1, keepdims=True)
    centered = x - mean
    variance = jnp.mean(centered * centered, -1, keepdims=True)
    return centered * jax.lax.rsqrt(variance + _LAYER_EPS) * w + b


def _jax_softmax(x: Any) -> Any:
    import jax

    return jax.nn.softmax(x, -1)


def _jax_gelu(x: Any) -> Any:
    import jax

    return jax.nn.gelu(x, approximate=False)


def _standardized(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = x - x.mean(-1, keepdims=True)
    variance = np.einsum("nd,nd->n", z, z)[:, None] / np.float32(x.shape[-1])
    inverse = 1 / np.sqrt(variance + np.float32(_LAYER_EPS))
    z *= inverse
    return z, inverse


def _layer_norm(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    z, _ = _standardized(x)
    z *= w
    z += b
    return [z]


def _layer_norm_back(
    x: np.ndarray, w: np.ndarray, b: np.ndarray, c: np.ndarray
) -> list[np.ndarray]:
    z, inverse = _standardized(x)
    y = z * w
    y += b
    dw, db, g = np.einsum("nd,nd->d", c, z), c.sum(0), c * w
    along = np.einsum("nd,nd->n", g, z)[:, None] / np.float32(x.shape[-1])
    g -= g.mean(-1, keepdims=True)
    z *= along
    g -= z
    g *= inverse
    return [y, g, dw, db]


def _softmax(x: np.ndarray) -> list[np.ndarray]:
    e = x - x.max(-1, keepdims=True)
    np.exp(e, out=e)
    e /= e.sum(-1, keepdims=True)
    return [e]


def _softmax_back(x: np.ndarray, c: np.ndarray) -> list[np.ndarray]:
    (y,) = _softmax(x)
    g = c - np.einsum("nd,nd->n", c, y)[:, None]
    g *= y
    return [y, g]


def _phi(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    made = erf(x * np.float32(0.5**0.5))
    made += 1
    made *= np.float32(0.5)
    return made


def _gelu(x: np.ndarray) -> list[np.ndarray]:
    made = _phi(x)
    made *= x
    return [made]


def _gelu_back(x: np.ndarray, c: np.ndarray) -> list[np.ndarray]:
    phi = _phi(x)
    density = x * x
    density *= np.float32(-0.5)
    np.exp(density, out=density)
    density *= x
    density *= np.float32((2 * np.pi) ** -0.5)
    density += phi
    density *= c
    phi *= x
    return [phi, density]


WORK = {
    "layer-norm": Work(cr.layer_norm, _torch_layer_norm, _jax_layer_norm, _layer_norm,
                       _layer_norm_back, True, (8, 20)),
    "softmax": Work(cr.softmax, _torch_softmax, _jax_softmax, _softmax, _softmax_back, False,
                    (4, 8)),
    "gelu": Work(cr.gelu, _torch_gelu, _jax_gelu, _gelu, _gelu_back, False, (4, 10)),
}  # fmt: skip


def _arrays(work: Work, back: bool) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    shapes: list[tuple[int, ...]] = [SHAPE]
    shapes += [SHAPE[1:]] * 2 * work.vectors + [SHAPE] * back
    return [generator.standard_normal(shape, np.float32) for shape in shapes]


# ---------------------------------------------------------------- contestants


def _hand(work: Work, back: bool) -> Contestant:
    arrays = _arrays(work, back)
    function = work.and_back if back else work.by_hand
    return Contestant(lambda: function(*arrays), _together)


def _together(arrays: Any) -> np.ndarray:
    """Sums over rows and vectors as they are: few numbers that change with each element."""
    sample = np.random.default_rng(1).standard_normal((SHAPE[1], 4), np.float32)
    made = [np.asarray(a).reshape(-1, SHAPE[1]) @ sample for a in arrays]
    return np.concatenate(made).reshape(-1, 1)


def _ours(work: Work, back: bool) -> Contestant:
    tensors = [cr.tensor(a) for a in _arrays(work, back)]

    @cr.jit
    def forward(*given: cr.Tensor) -> tuple[cr.Tensor, ...]:
        return (work.ours(*given),)

    @cr.jit
    def both(*given: cr.Tensor) -> tuple[cr.Tensor, ...]:
        y, pull = cr.vjp(work.ours, *given[:-1])
        gradients = pull(given[-1])
        return (y, *(gradients if work.vectors else [gradients]))

    program = both if back else forward
    return Contestant(lambda: program(*tensors), _together)


def _torch(work: Work, back: bool, *, compiling: bool = False) -> Contestant:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    given = [torch.from_numpy(a) for a in _arrays(work, back)]
    function = compiled(work.torch) if compiling else work.torch

    def forward() -> list[Any]:
        with torch.no_grad():
            return [function(*given)]

    leaves = [t.requires_grad_(back) for t in (given[:-1] if back else ())]

    def both() -> list[Any]:
        y = function(*leaves)
        return [y.detach(), *torch.autograd.grad(y, leaves, given[-1])]

    return Contestant(both if back else forward, _together)


def _jax(work: Work, back: bool) -> Contestant:
    import jax
    import jax.numpy as jnp

    given = [jnp.asarray(a) for a in _arrays(work, back)]

    def forward(*given: Any) -> list[Any]:
        return [work.jax(*given)]

    def both(*given: Any) -> list[Any]:
        y, pull = jax.vjp(work.jax, *given[:-1])
        return [y, *pull(given[-1])]

    program = jax.jit(both if back else forward)
    return Contestant(lambda: jax.block_until_ready(program(*given)), _together)


def _row(name: str, work: Work, back: bool) -> Row:
    size = SHAPE[0] * SHAPE[1]
    limit = Limit(work.operations[back] * size, (16 if back else 8) * size)
    what = f"{name.replace('-', ' ')}{' and its gradient' if back else ''}, 4096×1024"
    makers: dict[str, Callable[[], Contestant]] = {
        "chainrule call": lambda: _ours(work, back),
        "NumPy by hand": lambda: _hand(work, back),
        "PyTorch eager": lambda: _torch(work, back),
        "PyTorch compiled": lambda: _torch(work, back, compiling=True),
        "JAX jit": lambda: _jax(work, back),
    }
    return Row(f"{name}-grad" if back else name, what, 1.0, limit, makers)


# ---------------------------------------------------------------- Adam


def _adam_arrays() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return tuple(generator.standard_normal(PARAMETERS, np.float32) for _ in range(2))  # type: ignore[return-value]


def _few(w: Any) -> np.ndarray:
    return np.array(w[:: PARAMETERS // 100])


def _adam_ours(*, donating: bool) -> Contestant:
    w, g = map(cr.tensor, _adam_arrays())
    optimizer = cr.optim.Adam(RATE)
    step = cr.jit(optimizer.update, donate=("state", "model") if donating else None)
    held: list[Any] = [w, optimizer.init(w)]

    def run() -> cr.Tensor:
        held[0], held[1] = step(g, held[1], held[0])
        return held[0]  # type: ignore[no-any-return]

    return Contestant(run, lambda w: w[:: PARAMETERS // 100].numpy())


def _adam_torch(*, compiling: bool = False) -> Contestant:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    w, g = map(torch.from_numpy, _adam_arrays())
    w = torch.nn.Parameter(w)
    w.grad = g
    optimizer = torch.optim.Adam([w], lr=RATE, betas=(BETA1, BETA2), eps=EPS, fused=not compiling)
    step = compiled(optimizer.step) if compiling else optimizer.step

    def run() -> Any:
        step()
        return w.detach()

    return Contestant(run, _few)


def _adam_jax() -> Contestant:
    import jax
    import jax.numpy as jnp

    w, g = map(jnp.asarray, _adam_arrays())

    def step(held: Any, g: Any) -> Any:
        w, m, v, t = held
        t = t + 1
        m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
        root = jnp.sqrt(1 - BETA2**t)
        return w - RATE * root / (1 - BETA1**t) * m / (jnp.sqrt(v) + EPS * root), m, v, t

    program = jax.jit(step, donate_argnums=(0,))
    held = [(w, jnp.zeros_like(w), jnp.zeros_like(w), jnp.float32(0))]

    def run() -> Any:
        held[0] = jax.block_until_ready(program(held[0], g))
        return held[0][0]

    return Contestant(run, _few)


def _adam_hand(piece: int = 2**14) -> Contestant:
    w, g = _adam_arrays()
    m, v, scratch = np.zeros_like(w), np.zeros_like(w), np.empty(piece, np.float32)
    taken = [0]

    def run() -> np.ndarray:
        taken[0] += 1
        root = (1 - BETA2 ** taken[0]) ** 0.5
        rate = np.float32(RATE * root / (1 - BETA1 ** taken[0]))
        for start in range(0, PARAMETERS, piece):
            a, b, c, d = (array[start : start + piece] for array in (w, g, m, v))
            s = scratch[: len(a)]
            c *= np.float32(BETA1)
            c += np.multiply(b, np.float32(1 - BETA1), out=s)
            np.multiply(b, b, out=s)
            s *= np.float32(1 - BETA2)
            d *= np.float32(BETA2)
            d += s
            np.sqrt(d, out=s)
            s += np.float32(EPS * root)
            np.divide(c, s, out=s)
            s *= rate
            a -= s
        return w

    return Contestant(run, _few)


def rows() -> list[Row]:
    """The lines of the table."""
    adam = Row(
        "adam",
        "Adam on 10 M numbers",
        1.0,
        Limit(12 * PARAMETERS, 28 * PARAMETERS),
        {
            "chainrule call, donated": lambda: _adam_ours(donating=True),
            "chainrule call": lambda: _adam_ours(donating=False),
            "NumPy by hand": _adam_hand,
            "PyTorch eager": _adam_torch,
            "PyTorch compiled": lambda: _adam_torch(compiling=True),
            "JAX jit": _adam_jax,
        },
    )
    return [
        *(_row(name, work, back) for name, work in WORK.items() for back in (False, True)),
        adam,
    ]
