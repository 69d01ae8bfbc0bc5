"""Nested parameters to flat lists and back, on optree (imported when the first tree is flattened).

Tuples, lists, dictionaries, named tuples, None and registered classes are branches; everything else
is a leaf.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

NAMESPACE = "chainrule"
Class = TypeVar("Class", bound=type)
_pending: list[tuple[type, Any, Any]] = []
_branches: set[type] = set()
_plain: set[type] = set()


def _optree() -> Any:
    """optree, knowing all classes registered so far."""
    import optree

    while _pending:
        optree.register_pytree_node(*_pending.pop(), namespace=NAMESPACE)
    return optree


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """Give the leaves of a tree and its structure, which compares by value."""
    leaves, structure = _optree().tree_flatten(tree, namespace=NAMESPACE)
    return leaves, structure


def unflatten(structure: Any, leaves: Iterable[Any]) -> Any:
    """Build the tree of this structure with other leaves."""
    return _optree().tree_unflatten(structure, leaves)


def map_(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """Apply a function to corresponding leaves of trees of one structure."""
    return _optree().tree_map(function, tree, *others, namespace=NAMESPACE)


def paths(tree: Any) -> list[tuple[str, Any]]:
    """Give each leaf with its path, such as ``layers.0.weight``."""
    found, leaves, _ = _optree().tree_flatten_with_path(tree, namespace=NAMESPACE)
    return [
        (".".join(str(step) for step in path), leaf)
        for path, leaf in zip(found, leaves, strict=True)
    ]


def register(
    cls: Class,
    flatten_: Callable[[Any], tuple[Iterable[Any], Any, Iterable[Any]]],
    unflatten_: Callable[[Any, Iterable[Any]], Any],
    *,
    plain: bool = False,
) -> Class:
    """Make a class a branch: ``flatten_`` gives (children, static part, names of the children).

    Its objects must not change once they are made.

    plain   ``unflatten_`` gives an object its attributes and does no more
    """
    _pending.append((cls, flatten_, unflatten_))
    _branches.add(cls)
    if plain:
        _plain.add(cls)
    return cls


def is_branch(cls: type) -> bool:
    """Whether a class was registered."""
    return cls in _branches


def is_plain(cls: type) -> bool:
    """Whether the objects of a registered class are no more than their attributes."""
    return cls in _plain


def is_leaf(value: Any) -> bool:
    """Whether there is nothing to open."""
    leaves, _ = flatten(value)
    return len(leaves) == 1 and leaves[0] is value
