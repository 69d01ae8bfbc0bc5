"""A run with every part, which the tests of the report take things away from."""

import math

import numpy as np
import pytest

from chainrule.metrics import calibration
from chainrule.view import Formula, Mistake, Report


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
            "weight_norms": {"linear.weight": 3.0 + epoch, "linear.bias": 4.0},
            "gradient_norms": {"linear.weight": math.exp(-epoch), "linear.bias": 0.0},
        }
        for epoch in range(1, 9)
    ]
    gray = [(f"gray {index}", generator.normal(size=(8, 8))) for index in range(3)]
    right = generator.random(97) < 0.9
    return Report(
        title="digits, linear",
        config={"model": "linear", "optimizer": {"name": "sgd", "learning_rate": 0.1}},
        metrics=metrics,
        class_names=["zero", "one", "two"],
        confusion=np.array([[30, 1, 0], [2, 28, 3], [0, 0, 33]]),
        calibration=calibration(right, generator.uniform(0.4, 1.0, 97)),
        regression=(np.arange(5.0), np.array([0.5, 1.0, 2.0, 2.5, 4.0])),
        mistakes=[
            Mistake(7, "zero", "one", 0.987, np.full((8, 8), 200, np.uint8)),
            Mistake(40, "two", "zero", 0.9, np.zeros((300, 200, 3), np.uint8)),
        ],
        templates=[*gray, ("color", generator.normal(size=(4, 5, 3)))],
        filters=[("unit 3", generator.normal(size=(5, 5)))],
        layers=[("flatten", "Flatten()", (64,), 0), ("linear", "Linear(64 → 3)", (3,), 195)],
        formulas=[
            Formula("Score", "Linear", ["Y = X Wᵀ + b"]),
            Formula("Loss", "cross_entropy", ["L = −(1/N) Σᵢ log softmax(sᵢ)[yᵢ]   for labels y"]),
            Formula("Update", "SGD", ["g ← ∇L(w) + λ w", "w ← w − η g   without momentum"]),
        ],
        timings={"training": 1.5, "total": 192.0},
        machine={"processor": "2 cores"},
        final={"test_accuracy": 91 / 97, "test_loss": 0.25},
        citation="Alpaydin and Kaynak, 1998",
    )
