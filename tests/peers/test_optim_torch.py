"""Optimizers take PyTorch's steps, where it is installed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim
from tests.optim.reference import OPTIMIZERS, START, A, B

torch = pytest.importorskip("torch")
T = torch.optim

TORCH: dict[str, Any] = {
    "plain": lambda w: T.SGD(w, lr=0.1),
    "momentum": lambda w: T.SGD(w, lr=0.1, momentum=0.9),
    "nesterov": lambda w: T.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "decayed": lambda w: T.SGD(w, lr=0.1, momentum=0.5, weight_decay=0.05),
    "adam": lambda w: T.Adam(w, lr=0.1),
    "adam, large eps": lambda w: T.Adam(w, lr=0.1, betas=(0.8, 0.95), eps=0.1),
    "adamw": lambda w: T.AdamW(w, lr=0.1, weight_decay=0.2),
    "rmsprop": lambda w: T.RMSprop(w, lr=0.05),
    "rmsprop with momentum": lambda w: T.RMSprop(w, lr=0.02, alpha=0.9, eps=1e-3, momentum=0.8),
    "rmsprop, centered": lambda w: T.RMSprop(w, lr=0.05, alpha=0.9, momentum=0.5, centered=True),
    "adagrad": lambda w: T.Adagrad(w, lr=0.5),
    "adagrad from 0.1": lambda w: T.Adagrad(w, lr=0.5, initial_accumulator_value=0.1, eps=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_one_of_twenty_steps_is_that_of_torch(name: str) -> None:
    a, b = np.array(A), np.array(B)
    theirs = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    torch_optimizer, optimizer = TORCH[name]([theirs]), OPTIMIZERS[name]
    ours = cr.tensor(START)
    state = optimizer.init(ours)
    for _ in range(20):
        theirs.grad = torch.tensor(a @ theirs.detach().numpy() - b)
        torch_optimizer.step()
        ours, state = optimizer.update(cr.tensor(a) @ ours - b, state, ours)
        np.testing.assert_allclose(ours.numpy(), theirs.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("ours", "make"),
    [
        (optim.RMSProp(0.05, weight_decay=0.2), lambda w: T.RMSprop(w, lr=0.05)),
        (optim.Adagrad(0.05, weight_decay=0.2), lambda w: T.Adagrad(w, lr=0.05)),
        (
            optim.SGD(0.05, momentum=0.9, weight_decay=0.2, decoupled=True),
            lambda w: T.SGD(w, lr=0.05, momentum=0.9),
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_decoupled_decay_shrinks_the_weights_before_the_step(
    ours: optim.Optimizer, make: Callable[..., Any]
) -> None:
    generator = np.random.default_rng(0)
    theirs = torch.ones(4, dtype=torch.float64, requires_grad=True)
    theirs_optimizer, w, state = make([theirs]), cr.ones(4), ours.init(cr.ones(4))
    for _ in range(12):
        g = generator.standard_normal(4)
        theirs.grad = torch.tensor(g)
        with torch.no_grad():
            theirs.mul_(1 - 0.05 * 0.2)
        theirs_optimizer.step()
        w, state = ours.update(cr.tensor(g), state, w)
        np.testing.assert_allclose(w.numpy(), theirs.detach().numpy(), rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (3, 5), (4, 4)], ids=str)
@pytest.mark.parametrize(
    ("ours", "settings"),
    [
        (optim.Muon(0.02, weight_decay=0.1), {"lr": 0.02}),
        (optim.Muon(0.1, 0.8, nesterov=False), {"lr": 0.1, "momentum": 0.8, "nesterov": False}),
        (
            optim.Muon(0.1, adjustment="match_rms_adamw"),
            {"lr": 0.1, "adjust_lr_fn": "match_rms_adamw"},
        ),
    ],
    ids=["default", "plain", "as adamw"],
)
def test_muon_is_that_of_torch_without_its_rounding(
    ours: optim.Muon, settings: dict[str, Any], shape: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)
    generator = np.random.default_rng(0)
    start = generator.standard_normal(shape)
    theirs = torch.tensor(start, requires_grad=True)
    optimizer = T.Muon([theirs], **{"weight_decay": ours.weight_decay, **settings})
    w, state = cr.tensor(start), ours.init(cr.tensor(start))
    for _ in range(12):
        g = generator.standard_normal(shape)
        theirs.grad = torch.tensor(g)
        optimizer.step()
        w, state = ours.update(cr.tensor(g), state, w)
        np.testing.assert_allclose(w.numpy(), theirs.detach().numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("largest", [0.5, 100.0])
def test_clipping_is_that_of_torch(largest: float) -> None:
    generator = np.random.default_rng(0)
    gradients = {"a": generator.standard_normal((3, 2)), "b": generator.standard_normal(4)}
    theirs = [torch.zeros(g.shape, dtype=torch.float64) for g in gradients.values()]
    for p, g in zip(theirs, gradients.values(), strict=True):
        p.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_norm_(theirs, largest)
    zeros = {name: cr.zeros(g.shape) for name, g in gradients.items()}
    clipped = optim.Clipped(optim.SGD(1.0), norm=largest)
    after, _ = clipped.update({n: cr.tensor(g) for n, g in gradients.items()}, clipped.init(zeros),
                              zeros)  # fmt: skip
    for name, p in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(-after[name].numpy(), p.grad.numpy(), rtol=1e-5)
