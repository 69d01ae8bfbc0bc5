"""Static arguments: what is no Tensor and no float is part of a program, one for each value."""

from __future__ import annotations

import warnings
from typing import Any

from chainrule import tree

__all__ = ["warn_of_values"]

Key = tuple[Any, Any, tuple[Any, ...]]
"""A structure, modes, and of each leaf what is compared: of a static one its type and itself."""


def warn_of_values(name: str, keys: list[Key], leaves: list[Any]) -> None:
    """Warn if the recordings of a function differ in one static argument and in nothing else."""
    first = keys[0]
    if any(key[:2] != first[:2] for key in keys):
        return
    columns = list(zip(*(key[2] for key in keys), strict=True))
    changing = [k for k, column in enumerate(columns) if any(c != column[0] for c in column)]
    if len(changing) != 1 or not isinstance(columns[changing[0]][0], tuple):
        return
    leaf = leaves[changing[0]]
    if any(found[0] is not type(leaf) for found in columns[changing[0]]):
        return
    warnings.warn(
        f"jit: {name} was recorded {len(keys)} times, once for each {type(leaf).__name__} that "
        f"{_path(first[0], changing[0], len(leaves))} was; {_remedy(leaf)}",
        RuntimeWarning,
        stacklevel=6,
    )


def _path(structure: Any, place: int, count: int) -> str:
    """Where a leaf stands in (args, kwargs): argument 1, the argument k, argument 0 at a.b."""
    path = tree.paths(tree.unflatten(structure, range(count)))[place][0]
    kind, number, *rest = path.split(".")
    argument = f"argument {number}" if kind == "0" else f"the argument {number}"
    return f"{argument} at {'.'.join(rest)}" if rest else argument


def _remedy(leaf: Any) -> str:
    if isinstance(leaf, int) and not isinstance(leaf, bool):
        return "a number that changes from call to call is a Tensor, cr.tensor(k), or a float"
    hashing: object = type(leaf).__hash__
    if hashing == object.__hash__:  # by identity
        return "make it once, or compare its objects by value, as frozen dataclasses do"
    return "everything but Tensors and floats is part of the program"
