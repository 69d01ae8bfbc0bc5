"""The loops of native programs as text, as they were reviewed."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr


def narrow(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def classifier(w: Any, b: Any, x: Any) -> Any:
    loss = lambda w, b: cr.mean(cr.logsumexp(x @ w + b, axis=1))  # noqa: E731
    return cr.value_and_grad(loss, argnums=(0, 1))(w, b)


def indices(t: Any, i: Any) -> Any:
    return cr.take(t, i, axis=0) * 2, t.at[i].add(1.0), cr.avg_pool1d(t, 2, stride=1)


def recurrent(w: Any, x: Any) -> Any:
    def loss(w: Any) -> Any:
        def turn(c: Any, row: Any) -> Any:
            return cr.tanh(c @ w + row), cr.sum(c)

        last, sums = cr.scan(turn, cr.zeros((4, 8), dtype="float32"), x)
        return cr.sum(last) + cr.sum(sums)

    return cr.grad(loss)(w)


def chosen(x: Any) -> Any:
    return cr.cond(cr.sum(x) > 0, lambda x: cr.exp(x), lambda x: x * 2, x)


def gathered_twice(t: Any, i: Any) -> Any:
    return cr.grad(lambda t: cr.sum(cr.square(cr.take(t, i, axis=0))))(t)


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "softmax": (lambda x: cr.softmax(x, axis=1), (narrow(32, 64),)),
    "layer_norm": (cr.layer_norm, (narrow(32, 64), narrow(64), narrow(64))),
    "dense": (
        lambda x, w, b: cr.relu(x @ w + b),
        (narrow(32, 64), narrow(64, 10), narrow(10)),
    ),
    "classifier": (classifier, (narrow(64, 10), narrow(10), narrow(32, 64))),
    "recurrent": (recurrent, (narrow(8, 8), narrow(5, 4, 8))),
    "chosen": (chosen, (narrow(6),)),
    "gathered_twice": (gathered_twice, (narrow(50, 8), np.array([1, 2, 49]))),
    "indices": (indices, (np.ones((4, 3)), np.array([1, 3]))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_loops_are_as_they_were_reviewed(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_CPU", "aarch64")  # written for one processor, wherever it runs
    f, inputs = PROGRAMS[name]
    golden(f"loops/{name}", cr.jit(f).loops(*inputs))
