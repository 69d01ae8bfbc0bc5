"""Optimizers and losses give the numbers of PyTorch, where it is installed."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.optim.reference import OPTIMIZERS, START, A, B

torch = pytest.importorskip("torch")

TORCH: dict[str, Any] = {
    "plain": lambda w: torch.optim.SGD(w, lr=0.1),
    "momentum": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9),
    "nesterov": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, nesterov=True),
    "decayed": lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.5, weight_decay=0.05),
    "adam": lambda w: torch.optim.Adam(w, lr=0.1),
    "adam, large eps": lambda w: torch.optim.Adam(w, lr=0.1, betas=(0.8, 0.95), eps=0.1),
    "adamw": lambda w: torch.optim.AdamW(w, lr=0.1, weight_decay=0.2),
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


@pytest.mark.parametrize("kind", ["labels", "probabilities"])
def test_cross_entropy_and_its_gradient_are_those_of_torch(kind: str) -> None:
    generator = np.random.default_rng(0)
    scores = 3 * generator.standard_normal((8, 5))
    labels: Any = generator.integers(0, 5, 8)
    if kind == "probabilities":
        labels = generator.dirichlet(np.ones(5), 8)
    theirs = torch.tensor(scores, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(theirs, torch.tensor(labels))
    loss.backward()
    value, gradient = cr.value_and_grad(cr.loss.cross_entropy)(cr.tensor(scores), labels)
    np.testing.assert_allclose(value.item(), loss.item(), rtol=1e-13)
    np.testing.assert_allclose(gradient.numpy(), theirs.grad.numpy(), atol=1e-15)


def test_the_hinge_is_that_of_torch_times_the_number_of_classes() -> None:
    generator = np.random.default_rng(0)
    scores, labels = generator.standard_normal((8, 5)), generator.integers(0, 5, 8)
    theirs = torch.nn.functional.multi_margin_loss(torch.tensor(scores), torch.tensor(labels))
    np.testing.assert_allclose(cr.loss.hinge(scores, labels).item(), 5 * theirs.item(), rtol=1e-13)
