"""What a model says of new examples."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule import nn
from chainrule.cli.examples import Examples, read_examples
from chainrule.cli.grid import grid
from chainrule.cli.trained import Trained, open_trained
from chainrule.data import Dataset
from chainrule.errors import ArgumentError, DataError
from chainrule.functions.activations import sigmoid
from chainrule.functions.elementwise import subtract
from chainrule.functions.joining import stack
from chainrule.functions.softmax import softmax
from chainrule.tensors import Tensor
from chainrule.transform import jit
from chainrule.view.figures import printable

__all__ = ["Prediction", "predictions", "show"]

_BATCH = 256
_PROBABILISTIC = ("cross-entropy", "logistic")


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of one example.

    place          the file, and in a file of several the row
    probabilities  of each class; for quantities None
    quantities     what the model gives where there are no classes
    fault          why there is neither
    """

    place: str
    probabilities: npt.NDArray[Any] | None = None
    quantities: npt.NDArray[Any] | None = None
    fault: str | None = None


def show(path: str, files: Sequence[str], top: int, as_json: bool) -> int:
    """Print predictions; the exit code is 1 if a file could not be read.

    Raises:  CheckpointError: there is no model, or it is broken.
    """
    trained = open_trained(path)
    found = [one for file in files for one in predictions(trained, file)]
    classes = trained.form.classes
    if as_json:
        told = [_as_json(one, classes, top) for one in found]
        sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    else:
        good = [one for one in found if one.fault is None]
        if good:
            sys.stdout.write(_table(good, classes, top) + "\n")
    for one in found:
        if one.fault is not None:
            sys.stderr.write(f"{one.fault}\n")
    loss = trained.config.loss
    if classes is not None and loss not in _PROBABILISTIC and not as_json:
        sys.stderr.write(
            f"The model was trained with {loss}: softmax of its scores is no chance.\n"
        )
    return 1 if any(one.fault is not None for one in found) else 0


def predictions(trained: Trained, file: str) -> list[Prediction]:
    """Predict the examples in a file; one that cannot be read gives a fault."""
    try:
        examples = read_examples(trained.form, trained.config, file)
    except (ArgumentError, DataError) as error:
        return [Prediction(file, fault=f"{type(error).__name__}: {error}")]
    values = _scored(trained, examples)
    if trained.form.classes is None:
        rows = zip(examples.places, values, strict=True)
        return [Prediction(place, quantities=np.atleast_1d(row)) for place, row in rows]
    return [
        Prediction(p, probabilities=row) for p, row in zip(examples.places, values, strict=True)
    ]


def _scored(trained: Trained, examples: Examples) -> npt.NDArray[Any]:
    """The probabilities of the classes, or the quantities, a row an example."""
    labeled = trained.form.classes is not None

    @jit
    def score(model: Any, inputs: Tensor) -> Tensor:
        outputs: Tensor = model(inputs)
        if not labeled:
            return outputs
        if outputs.ndim == 1:  # the logit of class 1
            chance = sigmoid(outputs)
            return stack([subtract(1.0, chance), chance], axis=-1)
        return softmax(outputs, axis=-1)

    data: Dataset = examples.data
    with nn.evaluation():
        rows = [score(trained.model, inputs).numpy() for inputs, _ in data.batches(_BATCH)]
    whole = np.concatenate(rows)
    # A language model says at each position what comes next; the end is what is asked for.
    return whole if examples.last is None else whole[:, examples.last]


def _ranked(one: Prediction, classes: Sequence[str], top: int) -> list[tuple[str, float]]:
    assert one.probabilities is not None
    order = np.argsort(-one.probabilities, kind="stable")[:top]
    return [(classes[k], float(one.probabilities[k])) for k in order]


def _as_json(one: Prediction, classes: Sequence[str] | None, top: int) -> dict[str, Any]:
    if one.fault is not None:
        return {"example": one.place, "error": one.fault}
    if classes is None:
        assert one.quantities is not None
        return {"example": one.place, "prediction": one.quantities.tolist()}
    ranked = _ranked(one, classes, top)
    listed = [{"class": name, "probability": chance} for name, chance in ranked]
    return {"example": one.place, "class": ranked[0][0], "top": listed}


def _table(found: Sequence[Prediction], classes: Sequence[str] | None, top: int) -> str:
    if classes is None:
        rows = []
        for one in found:
            assert one.quantities is not None
            rows.append((one.place, *(f"{value:.6g}" for value in one.quantities)))
        return grid(("example", *[""] * (len(rows[0]) - 2), "prediction"), rows)
    lines = []
    for one in found:
        ranked = _ranked(one, classes, top)
        cells = [cell for name, p in ranked for cell in (printable(name), f"{p * 100:.1f} %")]
        lines.append((one.place, *cells))
    heads = ["example", "class", "probability"]
    heads += [name for k in range(2, len(lines[0]) // 2 + 1) for name in (f"{k}.", "")]
    return grid(heads, lines)
