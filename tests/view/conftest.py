"""A run with every part, which the tests of the report take things away from."""

import math

import numpy as np
import pytest

from chainrule.view import Report


@pytest.fixture
def whole() -> Report:
    """A small run in which nothing is missing."""
    generator = np.random.default_rng(0)
    metrics = [
        {
            "epoch": epoch,
            "step": 44 * epoch,
            "loss": math.exp(-epoch),
            "accuracy": 1 - 0.5 / epoch,
            "validation_loss": math.exp(-epoch) + 0.1,
            "validation_accuracy": 0.97 - 0.5 / epoch,
            "learning_rate": 0.1 / epoch,
            "seconds": 0.12,
            "samples_per_second": 118_000.0,
        }
        for epoch in range(1, 9)
    ]
    gray = [(f"gray {index}", generator.normal(size=(8, 8))) for index in range(3)]
    return Report(
        title="digits, linear",
        config={"model": "linear", "optimizer": {"name": "sgd", "learning_rate": 0.1}},
        metrics=metrics,
        class_names=["zero", "one", "two"],
        confusion=np.array([[30, 1, 0], [2, 28, 3], [0, 0, 33]]),
        templates=[*gray, ("color", generator.normal(size=(4, 5, 3)))],
        layers=[("flatten", "Flatten()", (64,), 0), ("linear", "Linear(64 → 3)", (3,), 195)],
        timings={"training": 1.5, "total": 192.0},
        machine={"processor": "2 cores"},
        final={"test_accuracy": 91 / 97, "test_loss": 0.25},
        citation="Alpaydin and Kaynak, 1998",
    )
