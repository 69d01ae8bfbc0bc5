"""The final model of a run: its parameters and its State cells, by name."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy.typing as npt

from chainrule import tree
from chainrule.errors import CheckpointError
from chainrule.nn import load
from chainrule.tensors import tensor
from chainrule.train import run
from chainrule.train.durable import PathLike
from chainrule.train.progress import cells

__all__ = ["arrays_of", "load_model", "with_arrays"]

Model = TypeVar("Model")
_STATE = "state."
"""Before the names of State cells, which stand beside those of the parameters."""


def arrays_of(model: Any) -> dict[str, npt.NDArray[Any]]:
    """Give what a final model consists of."""
    arrays = {path: leaf.numpy() for path, leaf in tree.paths(model)}
    return arrays | {_STATE + path: cell.value.numpy() for path, cell in cells(model).items()}


def with_arrays(model: Model, arrays: Mapping[str, Any]) -> Model:
    """Give a copy of a model with these parameters; its State cells take their values.

    Raises:  CheckpointError: these are not the arrays of this model. Nothing was changed then.
    """
    weights, own = dict(arrays), cells(model)
    missing = [_STATE + path for path in own if _STATE + path not in weights]
    if missing:
        raise CheckpointError(f"the final model lacks {', '.join(missing)}")
    held = {path: tensor(weights.pop(_STATE + path)) for path in own}
    filled = load(model, weights)
    for path, cell in own.items():
        cell.value = held[path]
    return filled


def load_model(folder: PathLike, model: Model) -> Model:
    """Give a copy of a model with the parameters of the final model in a folder of ``fit``.

    ``model`` is built as that one was; its State cells take the stored values.

    Raises:  CheckpointError: there is no final model, it is broken, or it is another one.

    >>> from tempfile import TemporaryDirectory
    >>> with cr.nn.seed(0):
    ...     line, other = cr.nn.Linear(1, 1), cr.nn.Linear(1, 1)
    >>> with TemporaryDirectory() as folder:
    ...     run = f"{folder}/line"
    ...     fitted = cr.fit(line, ([[1.0]], [[2.0]]), loss=cr.loss.squared, folder=run, epochs=1)
    ...     again = load_model(run, other)
    >>> again.weight == fitted.model.weight
    Tensor([[ True]])
    """
    return with_arrays(model, run.open(folder).load_model()[0])
