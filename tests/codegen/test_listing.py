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


PROGRAMS: dict[str, tuple[Callable[..., Any], tuple[np.ndarray, ...]]] = {
    "softmax": (lambda x: cr.softmax(x, axis=1), (narrow(32, 64),)),
    "layer_norm": (cr.layer_norm, (narrow(32, 64), narrow(64), narrow(64))),
    "dense": (
        lambda x, w, b: cr.relu(x @ w + b),
        (narrow(32, 64), narrow(64, 10), narrow(10)),
    ),
    "classifier": (classifier, (narrow(64, 10), narrow(10), narrow(32, 64))),
    "indices": (indices, (np.ones((4, 3)), np.array([1, 3]))),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_loops_are_as_they_were_reviewed(
    name: str, golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINRULE_CPU", "aarch64")  # written for one processor, wherever it runs
    f, inputs = PROGRAMS[name]
    golden(f"loops/{name}", cr.jit(f).loops(*inputs))
