"""The test of a model that lies in a run folder."""

from pathlib import Path
from typing import Any

from chainrule import nn
from chainrule.cli.config import Config, from_stored
from chainrule.cli.finish import MEAN, STATE, STD
from chainrule.cli.parts import load_parts, make_loss, make_model, make_task, split
from chainrule.data import Dataset, Standardization
from chainrule.data.registry import NAMES
from chainrule.errors import CheckpointError, DataError
from chainrule.tensors import tensor
from chainrule.train import checkpoint, run
from chainrule.train.evaluation import evaluate
from chainrule.train.loop import begin
from chainrule.train.progress import cells, unpack

__all__ = ["summary"]


def summary(path: str, name: str | None, folder: str | None) -> str:
    """Test the model of a run, and say in a line what came out.

    Raises:  CheckpointError: there is no model, or it is broken. DataError: the examples have
             another size than those that the model was trained on.
    """
    opened = run.open(path)
    config = from_stored(opened.config, str(Path(path) / "config.json"), NAMES)
    if name is None and folder is None:
        name, folder = config.data, config.folder
    elif name == config.data and folder is None:
        folder = config.folder
    whole, _ = load_parts(name, folder)
    test = whole[1].flattened()
    model, test, which = (
        _final(opened, config, test) if opened.finished else _unfinished(opened, config, test)
    )
    found = evaluate(model, test, make_loss(config, len(test.classes or ())))
    accuracy = f"{found.accuracy:.2%}".replace("%", " %")
    return (
        f"{which} on {test.name} ({len(test):,} examples): "
        f"test accuracy {accuracy}   test loss {found.loss:.4f}"
    )


def _final(opened: run.Run, config: Config, test: Dataset) -> tuple[Any, Dataset, str]:
    arrays, description = opened.load_model()
    features, classes = description.get("features"), description.get("classes")
    if (features,) != test.shape or classes != list(test.classes or ()):
        raise DataError(
            f"evaluate: {test.name} does not fit the model of {opened.path}\n\n"
            f"    model     {features} features, {len(classes or ())} classes\n"
            f"    {test.name:<8}  {test.shape[0]} features, {len(test.classes or ())} classes\n\n"
            f"  It was trained on {config.data}."
        )
    mean, std = arrays.pop(MEAN, None), arrays.pop(STD, None)
    if mean is not None and std is not None:
        test = test.standardize(by=Standardization(mean, std))
    model = make_model(config, test)
    for key, cell in cells(model).items():
        if STATE + key not in arrays:
            raise CheckpointError(f"the final model of {opened.path} lacks {STATE + key}")
        cell.value = tensor(arrays.pop(STATE + key))
    weights = {key: tensor(array) for key, array in arrays.items()}
    return nn.load(model, weights), test, str(opened.path)


def _unfinished(opened: run.Run, config: Config, test: Dataset) -> tuple[Any, Dataset, str]:
    """The model of the last checkpoint; what its inputs are scaled by is measured once more."""
    if not checkpoint.steps(opened.checkpoints):
        raise CheckpointError(f"{opened.path} has neither a final model nor a checkpoint yet")
    whole, _ = load_parts(config.data, config.folder)
    parts = split(config, whole)
    first = begin(make_task(config, parts), make_model(config, parts.training))
    loaded = checkpoint.load(opened.checkpoints)
    model = unpack(loaded.checkpoint, first).model
    by = parts.training.standardization
    test = test if by is None else test.standardize(by=by)
    return model, test, f"{opened.path}, unfinished, after step {loaded.step:,},"
