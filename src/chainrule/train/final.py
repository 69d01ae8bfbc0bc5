"""The final model of a run: its parameters and its State cells, by name."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy.typing as npt

from chainrule import tree
from chainrule.errors import ArgumentError, CheckpointError
from chainrule.nn import load
from chainrule.tensors import tensor
from chainrule.train import run
from chainrule.train.durable import PathLike, read_bytes, write_bytes
from chainrule.train.encoding import check_finite, decode_tensors, encode_tensors
from chainrule.train.progress import cells

__all__ = ["arrays_of", "load_model", "save_model", "with_arrays"]

Model = TypeVar("Model")
SUFFIX: Final = ".safetensors"
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


def save_model(model: Any, path: PathLike) -> None:
    """Write the parameters and State cells of a model to one safetensors file, by name.

    What was there is replaced as a whole: a kill leaves the old file or the new one.

    Raises:  CheckpointError: a weight is not finite, or the disk refused. ArgumentError: the path
             does not end in .safetensors.

    >>> from tempfile import TemporaryDirectory
    >>> layer, other = (cr.nn.Linear(1, 1, key=cr.random.key(k)) for k in range(2))
    >>> with TemporaryDirectory() as folder:
    ...     save_model(layer, f"{folder}/layer.safetensors")
    ...     again = load_model(f"{folder}/layer.safetensors", other)
    >>> again.weight == layer.weight
    Tensor([[ True]])
    """
    given: Any = path  # the arguments are easily exchanged
    is_path = isinstance(given, str | os.PathLike)
    if not is_path or Path(given).suffix != SUFFIX:
        told = repr(str(given)) if is_path else type(given).__name__
        raise ArgumentError(
            f"save_model: the path is {told}, and a file of weights ends in {SUFFIX}\n\n"
            f'  save_model(model, "model{SUFFIX}") takes the model first.'
        )
    target = Path(path)
    arrays = arrays_of(model)
    check_finite(arrays, target.name)
    write_bytes(target, encode_tensors(arrays, target.name))


def load_model(path: PathLike, model: Model) -> Model:
    """Give a copy of a model with stored parameters: of a file, or of a folder of ``fit``.

    The file is one of ``save_model``; of the folder it is the final model. ``model`` is built as
    that one was; its State cells take the stored values.

    Raises:  CheckpointError: there is no such model, it is broken, or it is another one.
             ArgumentError: the path is none.

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
    given: Any = path  # the arguments are easily exchanged
    if not isinstance(given, str | os.PathLike):
        raise ArgumentError(
            f"load_model: the path is {type(given).__name__}\n\n"
            f'  load_model("model{SUFFIX}", model) takes the path first.'
        )
    target = Path(path)
    if target.suffix != SUFFIX:
        return with_arrays(model, run.open(path).load_model()[0])
    return with_arrays(model, decode_tensors(read_bytes(target), target.name))
