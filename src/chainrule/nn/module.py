"""What a model is: an immutable tree of parameters, sub-modules, State cells and settings."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self, dataclass_transform

from chainrule import tree
from chainrule.elsewhere import no_attribute
from chainrule.errors import ArgumentError
from chainrule.nn.hierarchy import as_block
from chainrule.nn.structure import apart, check_hashable, holds_tensors, is_fixed, parts, together
from chainrule.nn.table import Layer, layer_table, named
from chainrule.tensors import Tensor

__all__ = ["Module", "layers"]


@dataclass_transform(eq_default=False)
class Module:
    """The base of layers and models: annotated fields, and a call that is a pure function of them.

    A subclass is a dataclass and a tree. A field whose annotation mentions ``Tensor``, a Module
    class or containers of them (tuples, lists, dictionaries) holds parameters and sub-modules.
    Every other field is a setting, hashable and part of the structure; so are functions and State
    cells wherever they stand. A field is set once, by the dataclass's ``__init__`` or your own, and
    never changes: :meth:`replace` gives a changed copy. Gradients have the structure of the model,
    and every transform takes a model where it takes a Tensor.

    >>> class Scale(cr.nn.Module):
    ...     factor: cr.Tensor
    ...     power: int = 1
    ...     def __call__(self, x):
    ...         return self.factor**self.power * x
    >>> model = Scale(cr.tensor(3.0), power=2)
    >>> cr.grad(lambda model: model(5.0))(model).factor
    Tensor(30.)
    """

    _branches: ClassVar[tuple[str, ...]] = ()
    _settings: ClassVar[tuple[str, ...]] = ()
    _has_own_init: ClassVar[bool] = False

    def __init_subclass__(cls, *, init: bool = True, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._has_own_init = not init or cls._has_own_init or "__init__" in cls.__dict__
        dataclasses.dataclass(eq=False, repr=False, init=not cls._has_own_init)(cls)
        fields = dataclasses.fields(cls)  # type: ignore[arg-type]
        held = {f.name for f in fields if holds_tensors(Module, cls, f.type)}
        cls._branches = tuple(f.name for f in fields if f.name in held)
        cls._settings = tuple(f.name for f in fields if f.name not in held)
        tree.register(cls, _flatten, partial(_unflatten, cls), plain=True)
        if "__call__" in cls.__dict__:
            cls.__call__ = as_block(cls.__dict__["__call__"])  # type: ignore[method-assign]
        elif "forward" in cls.__dict__ and not any("__call__" in k.__dict__ for k in cls.__mro__):
            cls.__call__ = _not_forward  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}.{name} cannot be changed: a model is immutable\n\n"
                f"  model.replace({name}=...) gives a changed copy."
            )
        if name not in self._branches and name not in self._settings:
            raise AttributeError(_no_field(self, name))
        self.__dict__[name] = value

    if not TYPE_CHECKING:  # which knows by itself what is missing

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property in which this error arose: say so itself
                return object.__getattribute__(self, name)
            if name in self._branches or name in self._settings:
                raise AttributeError(f"{type(self).__name__}.{name} is not set yet")
            raise no_attribute(type(self).__name__, "Module", name, self)

    def __repr__(self) -> str:
        return layer_table(type(self).__name__, layers(self))

    def describe(self) -> str:
        """Give the kind of this module with its settings, as a table of layers shows it.

        >>> cr.nn.Linear(3, 2, key=cr.random.key(0)).describe()
        'Linear(3 → 2)'
        """
        shown = [f"{name}={named(getattr(self, name))}" for name in self._settings]
        return f"{type(self).__name__}({', '.join(shown)})" if shown else type(self).__name__

    def replace(self, **changes: Any) -> Self:
        """Give a copy with other values in some fields.

        Raises:  ArgumentError: there is no such field.

        >>> layer = cr.nn.Linear(2, 1, key=cr.random.key(0), dtype="float64")
        >>> layer.replace(weight=cr.tensor([[1.0, 2.0]]))(cr.tensor([1.0, 1.0]))
        Tensor([3.])
        """
        for name in changes:
            if name not in self._branches and name not in self._settings:
                raise ArgumentError(_no_field(self, name))
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__ | changes)
        return copy


def _not_forward(module: Module, *_: object, **__: object) -> Any:
    name = type(module).__name__
    raise ArgumentError(
        f"{name} cannot be called: it defines forward, and a model's function is __call__\n\n"
        "  Rename forward to __call__."
    )


def _no_field(module: Module, name: str) -> str:
    known = [*module._branches, *module._settings]
    close = difflib.get_close_matches(name, known, 1)
    return (
        f"{type(module).__name__} has no field {name!r}"
        f"{f'; did you mean {close[0]!r}?' if close else ''}\n\n"
        f"    fields  {', '.join(known) or 'none'}\n\n"
        "  A field is declared in the class, with an annotation, as in weight: cr.Tensor."
    )


# ---------------------------------------------------------------- a module as a tree


def _flatten(module: Module) -> tuple[list[Any], Any, list[str]]:
    """Parameters and sub-modules; what is left without them; their names."""
    children: list[Any] = []
    names: list[str] = []
    left = tuple([apart(_field(module, n), n, Module, children, names) for n in module._branches])
    settings = tuple([_field(module, n) for n in module._settings])
    try:
        hash(settings)
    except TypeError:
        check_hashable(type(module).__name__, dict(zip(module._settings, settings, strict=True)))
    return children, (left, settings), names


def _unflatten(cls: type[Module], static: Any, children: Iterable[Any]) -> Module:
    left, settings = static
    found = iter(children)
    module = object.__new__(cls)
    held = module.__dict__
    for name, part in zip(cls._branches, left, strict=True):
        held[name] = together(part, found)
    held.update(zip(cls._settings, settings, strict=True))
    return module


def _field(module: Module, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        raise ArgumentError(
            f"{type(module).__name__}.{name} was never set\n\n"
            "  __init__ sets every field that the class declares; one without a value is None."
        ) from None


# ---------------------------------------------------------------- a module as a table


def layers(model: Module) -> list[Layer]:
    """List the layers of a model in order, as a report shows them.

    A layer is a module with parameters of its own or without sub-modules, or a function that stands
    among layers.

    >>> model = cr.nn.Sequential(cr.nn.Linear(3, 2, key=cr.random.key(0)), cr.tanh)
    >>> for layer in cr.nn.layers(model):
    ...     print(layer)
    Layer(path='layers.0', kind='Linear(3 → 2)', shape='weight 2×3, bias 2', parameters=8)
    Layer(path='layers.1', kind='tanh', shape='', parameters=0)
    """
    return list(_layers(model, ""))


def _layers(module: Module, path: str) -> Iterator[Layer]:
    own: list[tuple[str, tuple[int, ...]]] = []
    inside: list[tuple[str, Any]] = []
    for field in module._branches:
        for name, part in parts(_field(module, field), field):
            if isinstance(part, Module) or (name != field and is_fixed(part, Module)):
                inside.append((f"{path}.{name}" if path else name, part))
            elif isinstance(part, Tensor):
                own.append((name, part.shape))
    if own or not inside:
        shapes = ", ".join(f"{name} {'×'.join(map(str, shape)) or '1'}" for name, shape in own)
        yield Layer(path, module.describe(), shapes, sum(math.prod(s) for _, s in own))
    for name, part in inside:
        if isinstance(part, Module):
            yield from _layers(part, name)
        else:
            yield Layer(name, named(part), "", 0)
