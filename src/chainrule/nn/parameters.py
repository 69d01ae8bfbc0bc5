"""The parameters of a model by path: listed, counted, replaced."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from chainrule import tree
from chainrule.errors import ArgumentError, CheckpointError
from chainrule.functions.lift import cast, describe
from chainrule.tensors import Tensor, tensor

__all__ = ["count", "load", "parameters"]

Model = TypeVar("Model")
_MOST = 8  # paths in a message


def parameters(model: Any) -> dict[str, Tensor]:
    """Give the parameters of a model by path.

    >>> model = cr.nn.Sequential(cr.nn.Linear(3, 2, key=cr.random.key(0)), cr.tanh)
    >>> {path: p.shape for path, p in cr.nn.parameters(model).items()}
    {'layers.0.weight': (2, 3), 'layers.0.bias': (2,)}
    """
    return dict(tree.paths(model))


def count(model: Any) -> int:
    """Give the number of numbers that a model learns.

    >>> cr.nn.count(cr.nn.Linear(3, 2, key=cr.random.key(0)))
    8
    """
    return sum(leaf.size for leaf in tree.flatten(model)[0])


def load(model: Model, values: Mapping[str, Any]) -> Model:
    """Give a copy of a model with these parameters, by path; they take the model's dtypes.

    Raises:  CheckpointError: a parameter is missing, is not the model's, or has another shape.
             ArgumentError: values is no dictionary.

    >>> model = cr.nn.Linear(2, 1, key=cr.random.key(0), dtype="float64")
    >>> cr.nn.load(model, {"weight": [[1.0, 2.0]], "bias": [5.0]})(cr.tensor([1.0, 1.0]))
    Tensor([8.])
    """
    if not isinstance(values, Mapping):
        raise ArgumentError(
            f"load: the parameters are a {type(values).__name__}, not a dictionary by path\n\n"
            "  cr.train.load_model(path, model) reads a file or a run folder."
        )
    own = parameters(model)
    if own.keys() != values.keys():
        raise CheckpointError(_other_names(own, values))
    given = {path: tensor(values[path]) for path in own}
    wrong = [path for path, p in own.items() if given[path].shape != p.shape]
    if wrong:
        raise CheckpointError(_other_shapes(wrong, own, given))
    leaves = [cast(given[path], p.dtype) for path, p in own.items()]
    made: Model = tree.unflatten(tree.flatten(model)[1], leaves)
    return made


def _other_names(own: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    missing = [path for path in own if path not in values]
    extra = [path for path in values if path not in own]
    lines = [f"    missing     {path}" for path in missing[:_MOST]]
    lines += [f"    {'':<10}  … and {len(missing) - _MOST} more"] * (len(missing) > _MOST)
    for path in extra[:_MOST]:
        close = difflib.get_close_matches(path, missing, 1)
        lines.append(f"    unexpected  {path}{f'   close to {close[0]}' if close else ''}")
    lines += [f"    {'':<10}  … and {len(extra) - _MOST} more"] * (len(extra) > _MOST)
    listed = "\n".join(lines)
    return (
        f"load: {len(missing)} of the model's {len(own)} parameters are missing, and {len(extra)} "
        f"of the {len(values)} given are not the model's\n\n{listed}\n\n"
        "  The model must be built with the settings with which the parameters were saved."
    )


def _other_shapes(wrong: list[str], own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    width = max(map(len, wrong))
    rows = [f"    {p:<{width}}  {describe(own[p])} ← {describe(given[p])}" for p in wrong[:_MOST]]
    listed = "\n".join(rows + [f"    … and {len(wrong) - _MOST} more"] * (len(wrong) > _MOST))
    return (
        f"load: {len(wrong)} of {len(own)} parameters {'has' if len(wrong) == 1 else 'have'} "
        f"another shape than the model's\n\n{listed}\n\n"
        "  The model must be built with the settings with which the parameters were saved."
    )
