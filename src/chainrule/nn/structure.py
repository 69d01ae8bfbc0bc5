"""How a module is a tree: which fields hold Tensors, and how containers in them come apart.

What is left when parameters and sub-modules are taken out of a module is its structure. It compares
and hashes by value: settings, the shapes of the containers, and functions and State cells, these by
identity.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor
from chainrule.transform.state import State

__all__: list[str] = []

_WORD: Final = re.compile(r"[A-Za-z_]\w*")


# ---------------------------------------------------------------- which fields hold Tensors


def holds_tensors(base: type, cls: type, annotation: object) -> bool:
    """Whether an annotation, perhaps as text, mentions Tensor or a subclass of the base."""
    text = _text(annotation)
    scope = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    for word in _WORD.findall(text):
        meant = scope.get(word)
        if meant is not None and not isinstance(meant, type):  # a name for a union, say
            text += " " + _text(meant)
    return not _names(base).isdisjoint(_WORD.findall(text))


def _text(annotation: object) -> str:
    if isinstance(annotation, str):
        return annotation
    return annotation.__name__ if isinstance(annotation, type) else repr(annotation)


def _names(base: type) -> set[str]:
    """The names of Tensor and of all subclasses, those that are local to a function too."""
    found, pending = {Tensor.__name__}, [base]
    while pending:
        cls = pending.pop()
        found.add(cls.__name__)
        pending += cls.__subclasses__()
    return found


# ---------------------------------------------------------------- apart and together


class Holder(NamedTuple):
    """A container in a structure: tuple, list or dict, its keys, and what it holds."""

    kind: type
    keys: tuple[Any, ...]
    parts: tuple[Any, ...]


class Fixed(NamedTuple):
    """Something in a structure that is no child: a function or a State cell."""

    value: Any


def parts(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """The items of a field, containers entered, each with its name, such as ``layers.0``."""
    pairs = _pairs(value)
    if pairs is None:
        yield name, value
    else:
        for key, part in pairs:
            yield from parts(part, f"{name}.{key}")


def _pairs(value: Any) -> list[tuple[Any, Any]] | None:
    if type(value) in (tuple, list):
        return list(enumerate(value))
    return list(value.items()) if type(value) is dict else None


def is_fixed(value: Any, base: type) -> bool:
    """Whether an item belongs to the structure: a State, a function or text."""
    if isinstance(value, Tensor | base):
        return False
    return isinstance(value, State | str) or callable(value)


def apart(value: Any, name: str, base: type, children: list[Any], names: list[str]) -> Any:
    """Append a field's children to two lists; give what is left of it, ``None`` for a child."""
    if type(value) is Tensor:  # by far the most
        children.append(value)
        names.append(name)
        return None
    pairs = _pairs(value)
    if pairs is not None:
        left = tuple(apart(part, f"{name}.{key}", base, children, names) for key, part in pairs)
        return Holder(type(value), tuple(key for key, _ in pairs), left)
    if is_fixed(value, base):
        return Fixed(value)
    children.append(value)
    names.append(name)
    return None


def together(left: Any, children: Iterator[Any]) -> Any:
    """The field from which ``apart`` took the children."""
    if left is None:
        return next(children)
    if isinstance(left, Fixed):
        return left.value
    made = [together(part, children) for part in left.parts]
    if left.kind is dict:
        return dict(zip(left.keys, made, strict=True))
    return tuple(made) if left.kind is tuple else made


def check_hashable(kind: str, settings: dict[str, Any]) -> None:
    """Raise for a setting that could not be a part of a program."""
    for name, value in settings.items():
        try:
            hash(value)
        except (TypeError, ValueError):  # the latter of a memoryview that can be written to
            raise ArgumentError(
                f"{kind}.{name} holds a {type(value).__name__}, which is not hashable\n\n"
                "  A setting is part of the program: a tuple will do, a list will not. Numbers "
                "that change\n  belong into a field annotated cr.Tensor."
            ) from None
