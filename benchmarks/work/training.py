"""Training a network by each library: the same weights, batches and updates, step after step."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

import chainrule as cr
from benchmarks.work.contest import Absent, Contestant
from chainrule.runtime.engine import host_target

Arrays = Sequence[np.ndarray]
BETA1, BETA2, EPS = 0.9, 0.999, 1e-8
CLOSE_IN_BF16 = 0.03  # two roundings of each factor, in orders of their own


class Net(ABC):
    """A network that every library builds from the same arrays."""

    @abstractmethod
    def ours(self) -> tuple[Any, Callable[[Any, cr.Tensor], cr.Tensor]]:
        """Give the model, and what it computes of a batch."""

    @abstractmethod
    def torch(self) -> Any:
        """Give the module."""

    @abstractmethod
    def jax(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Give the parameters, and what they compute of a batch."""


@dataclass(frozen=True)
class Problem:
    """What is trained on what.

    shape      of one example
    gathered   whether a step reads its batch by row numbers from all examples; else there is
               one batch, and a run is one step
    pixels     whether our examples are uint8, standardized on the way; the peers' are float32
    bf16       whether the factors of products are rounded; PyTorch's autocast does so
    """

    net: Net
    shape: tuple[int, ...]
    classes: int
    batch: int
    steps: int
    adam: bool = False
    rate: float = 0.01
    gathered: bool = True
    pixels: bool = False
    bf16: bool = False
    _seed: int = field(default=1, repr=False)

    @property
    def precision(self) -> str:
        """Of the factors in our products."""
        return "bf16" if self.bf16 else "float32"

    @cached_property
    def data(self) -> Data:
        """The examples."""
        return Data.make(self)

    def loss(self) -> Callable[..., cr.Tensor]:
        """Ours, of a model and the row numbers of a batch."""
        _, apply = self.net.ours()
        pixels = self.pixels

        def loss(model: Any, given: Any, rows: cr.Tensor | None) -> cr.Tensor:
            x, y, mean, scale = given
            if rows is not None:
                x, y = cr.take(x, rows, axis=0), cr.take(y, rows, axis=0)
            if pixels:
                x = (x.astype("float32") - mean) * scale
            return cr.loss.cross_entropy(apply(model, x), y)

        return loss


@dataclass(frozen=True)
class Data:
    """The examples of a problem: as we read them, as the peers do, and the rows of each step."""

    given: np.ndarray
    floats: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    order: list[np.ndarray | None]

    @classmethod
    def make(cls, p: Problem) -> Data:
        """Draw them."""
        generator = np.random.default_rng(p._seed)
        count = p.batch * p.steps
        labels = generator.integers(0, p.classes, count)
        mean, scale = np.zeros(p.shape, np.float32), np.ones(p.shape, np.float32)
        if p.pixels:
            given = generator.integers(0, 256, (count, *p.shape), np.uint8)
            mean += generator.uniform(100, 150, p.shape).astype(np.float32)
            scale /= generator.uniform(60, 80, p.shape).astype(np.float32)
            floats = (given - mean) * scale
        else:
            given = floats = generator.standard_normal((count, *p.shape), np.float32)
        rows = generator.permutation(count).reshape(p.steps, p.batch)
        return cls(given, floats, labels, mean, scale, list(rows) if p.gathered else [None])


# ---------------------------------------------------------------- chainrule


def _prepared(p: Problem) -> tuple[Any, Any, Any, tuple[cr.Tensor, ...]]:
    model, _ = p.net.ours()
    optimizer = cr.optim.Adam(p.rate) if p.adam else cr.optim.SGD(p.rate)
    d = p.data
    given = tuple(cr.tensor(a) for a in (d.given, d.labels, d.mean, d.scale))
    return model, optimizer, optimizer.init(model), given


def ours_call(p: Problem, *, donated: bool = False) -> Contestant:
    """One call of a jitted function a step; the old parameters may be given up to it."""
    model, optimizer, state, given = _prepared(p)
    loss = p.loss()

    @cr.jit(precision=p.precision, donate=("model", "state") if donated else None)
    def step(model: Any, state: Any, given: Any, rows: cr.Tensor | None) -> tuple[Any, ...]:
        value, gradients = cr.value_and_grad(lambda m: loss(m, given, rows))(model)
        return (*optimizer.update(gradients, state, model), value)

    order = [rows if rows is None else cr.tensor(rows) for rows in p.data.order]
    held = [model, state]

    def run() -> list[cr.Tensor]:
        losses = []
        for rows in order:
            held[0], held[1], value = step(held[0], held[1], given, rows)
            losses.append(value)
        return losses

    return Contestant(run, lambda made: np.array([value.item() for value in made]))


def ours_scan(p: Problem) -> Contestant:
    """One call of a jitted function an epoch; its loop is part of the program."""
    model, optimizer, state, given = _prepared(p)
    loss = p.loss()

    @cr.jit(precision=p.precision)
    def epoch(model: Any, state: Any, given: Any, order: cr.Tensor) -> tuple[Any, ...]:
        def step(carry: Any, rows: cr.Tensor) -> tuple[Any, cr.Tensor]:
            value, gradients = cr.value_and_grad(lambda m: loss(m, given, rows))(carry[0])
            return optimizer.update(gradients, carry[1], carry[0]), value

        (model, state), losses = cr.scan(step, (model, state), order)
        return model, state, losses

    order = cr.tensor(np.array(p.data.order))
    held = [model, state]

    def run() -> cr.Tensor:
        held[0], held[1], losses = epoch(held[0], held[1], given, order)
        return losses  # type: ignore[no-any-return]

    return Contestant(run, lambda made: made.numpy())


# ---------------------------------------------------------------- PyTorch


def compiled(function: Any) -> Any:
    """Let PyTorch compile a function, as if for the first time; it needs a C++ compiler."""
    os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"
    import torch

    torch._dynamo.reset()
    made = torch.compile(function)

    def call(*args: Any) -> Any:
        from torch._inductor.exc import InvalidCxxCompiler

        try:
            return made(*args)
        except InvalidCxxCompiler:
            raise Absent("no compiler") from None
        except torch._dynamo.exc.BackendCompilerFailed as error:
            if "compiler" in str(error).casefold():
                raise Absent("no compiler") from None
            raise

    return call


def with_torch(
    p: Problem, *, compiling: bool = False, channels_last: bool = False, bf16: bool = False
) -> Contestant:
    """A loop over the steps; the optimizer is the fused one, and autocast rounds to bf16."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    d = p.data
    model, inputs = p.net.torch(), torch.from_numpy(d.floats)
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
        inputs = inputs.to(memory_format=torch.channels_last)
    labels = torch.from_numpy(d.labels)
    kind = torch.optim.Adam if p.adam else torch.optim.SGD
    settings = {"betas": (BETA1, BETA2), "eps": EPS} if p.adam else {}
    optimizer = kind(model.parameters(), lr=p.rate, fused=True, **settings)

    def value(x: Any, y: Any) -> Any:
        if not bf16:
            return torch.nn.functional.cross_entropy(model(x), y)
        with torch.autocast("cpu", torch.bfloat16):
            scores = model(x)
        return torch.nn.functional.cross_entropy(scores.float(), y)

    if compiling:
        value = compiled(value)
    order = [rows if rows is None else torch.from_numpy(rows) for rows in d.order]

    def run() -> list[Any]:
        losses = []
        for rows in order:
            x, y = inputs, labels
            if rows is not None:
                x, y = inputs.index_select(0, rows), labels.index_select(0, rows)
            optimizer.zero_grad()
            loss = value(x, y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return losses

    return Contestant(run, lambda made: np.array([loss.item() for loss in made]))


# ---------------------------------------------------------------- JAX


def _jax_step(p: Problem, apply: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    import jax
    import jax.numpy as jnp

    def loss(params: Any, x: Any, y: Any) -> Any:
        scores = apply(params, x)
        own = jnp.take_along_axis(scores, y[:, None], axis=1)[:, 0]
        return jnp.mean(jax.nn.logsumexp(scores, axis=1) - own)

    def adam(w: Any, g: Any, m: Any, v: Any, t: Any) -> tuple[Any, Any, Any]:
        m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g * g
        root = jnp.sqrt(1 - BETA2**t)
        return w - p.rate * root / (1 - BETA1**t) * m / (jnp.sqrt(v) + EPS * root), m, v

    def step(carry: Any, x: Any, y: Any, rows: Any) -> tuple[Any, Any]:
        params, first, second, t = carry
        if rows is not None:
            x, y = (a.at[rows].get(mode="promise_in_bounds") for a in (x, y))
        value, grads = jax.value_and_grad(loss)(params, x, y)
        if not p.adam:
            params = jax.tree.map(lambda w, g: w - p.rate * g, params, grads)
            return (params, first, second, t), value
        t = t + 1
        made = jax.tree.map(lambda *leaf: adam(*leaf, t), params, grads, first, second)
        parts = jax.tree.transpose(jax.tree.structure(params), jax.tree.structure((0, 0, 0)), made)
        return (*parts, t), value

    return step


def _jax_start(p: Problem) -> tuple[Any, Any, Any, Callable[..., Any]]:
    import jax
    import jax.numpy as jnp

    params, apply = p.net.jax()
    slots = [jax.tree.map(jnp.zeros_like, params) if p.adam else () for _ in range(2)]
    d = p.data
    labels = jnp.asarray(d.labels.astype(np.int32))
    carry = (params, *slots, jnp.float32(0))
    return carry, jnp.asarray(d.floats), labels, _jax_step(p, apply)


def jax_call(p: Problem) -> Contestant:
    """One call of a jitted function a step; the old parameters are given up to it."""
    import jax
    import jax.numpy as jnp

    carry, x, y, plain = _jax_start(p)
    step = jax.jit(plain, donate_argnums=(0,))
    order = [rows if rows is None else jnp.asarray(rows.astype(np.int32)) for rows in p.data.order]
    held = [carry]

    def run() -> list[Any]:
        losses = []
        for rows in order:
            held[0], value = step(held[0], x, y, rows)
            losses.append(value)
        jax.block_until_ready(held[0])
        return losses

    return Contestant(run, lambda made: np.array([float(value) for value in made]))


def jax_scan(p: Problem) -> Contestant:
    """One call of a jitted function an epoch."""
    import jax
    import jax.numpy as jnp

    carry, x, y, plain = _jax_start(p)

    def epoch(carry: Any, x: Any, y: Any, order: Any) -> tuple[Any, Any]:
        return jax.lax.scan(lambda c, rows: plain(c, x, y, rows), carry, order)

    program = jax.jit(epoch, donate_argnums=(0,))
    order = jnp.asarray(np.array(p.data.order, np.int32))
    held = [carry]

    def run() -> Any:
        held[0], losses = program(held[0], x, y, order)
        return jax.block_until_ready(losses)

    return Contestant(run, np.asarray)


# ---------------------------------------------------------------- all of them


def contestants(
    p: Problem, by_hand: Callable[[Problem], Contestant] | None = None, *, images: bool = False
) -> dict[str, Callable[[], Contestant]]:
    """Everyone who takes part in training a problem."""
    found: dict[str, Callable[[], Contestant]] = {}
    if p.gathered:
        found["chainrule scan"] = lambda: ours_scan(p)
    found["chainrule call"] = lambda: ours_call(p)
    found["chainrule call, donated"] = lambda: ours_call(p, donated=True)
    if p.bf16:
        return found | _with_autocast(p, images=images)
    if by_hand is not None:
        found["NumPy by hand"] = lambda: by_hand(p)
    found["PyTorch eager"] = lambda: with_torch(p)
    if images:
        found["PyTorch channels-last"] = lambda: with_torch(p, channels_last=True)
    found["PyTorch compiled"] = lambda: with_torch(p, compiling=True, channels_last=images)
    found["JAX jit"] = lambda: jax_call(p)
    if p.gathered:
        found["JAX scan"] = lambda: jax_scan(p)
    return found


def _with_autocast(p: Problem, *, images: bool) -> dict[str, Callable[[], Contestant]]:
    """PyTorch in bf16, and in float32, which is faster where bf16 is emulated."""
    name, plain = "PyTorch autocast bf16", "PyTorch in float32"
    found: dict[str, Callable[[], Contestant]] = {
        name: lambda: with_torch(p, bf16=True),
        f"{name}, compiled": lambda: with_torch(p, compiling=True, channels_last=images, bf16=True),
        plain: lambda: with_torch(p),
    }
    if images:
        found[f"{name}, channels-last"] = lambda: with_torch(p, channels_last=True, bf16=True)
        found[f"{plain}, channels-last"] = lambda: with_torch(p, channels_last=True)
    return found


def without_bf16() -> str:
    """Which precision our products have where the processor cannot multiply bf16; else ""."""
    has_words = host_target("bf16").pairs
    return "" if has_words else "in float32 (no bf16 instructions here)"
