"""Tensors among other libraries' arrays: array API standard, DLPack, NumPy's functions.

A NumPy function that is given a Tensor becomes chainrule's own, so derivatives flow through
``np.exp(x)``. One that chainrule does not have computes on the values, which is refused for
a recorded Tensor since the derivative would be lost.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, DTypeError
from chainrule.functions.axes import on_cpu
from chainrule.functions.data_types import isdtype
from chainrule.functions.lift import describe
from chainrule.functions.numpy_table import ACCUMULATIONS, FUNCTIONS, REDUCTIONS, UFUNCS, outer
from chainrule.ir.dtype import ALL, DEFAULT_FLOAT, DEFAULT_INT, DType
from chainrule.tensors import Tensor, tensor

__all__ = ["ArrayNamespaceInfo", "__array_namespace_info__"]

_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12")
_CPU = (1, 0)  # DLPack's code for the device, and its number


# ---------------------------------------------------------------- the array API standard


class ArrayNamespaceInfo:
    """What ``cr.__array_namespace_info__()`` tells about devices, types and capabilities.

    >>> cr.__array_namespace_info__().default_dtypes()["real floating"]
    float64
    """

    __slots__ = ()

    def capabilities(self) -> dict[str, bool | int | None]:
        """Give what a portable program may rely on."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> str:
        """Give the device of new Tensors."""
        return "cpu"

    def default_dtypes(self, *, device: str | None = None) -> dict[str, DType]:
        """Give the types of new Tensors; complex numbers there are none."""
        on_cpu("default_dtypes", device)
        return {
            "real floating": DEFAULT_FLOAT,
            "integral": DEFAULT_INT,
            "indexing": DEFAULT_INT,
        }

    def devices(self) -> list[str]:
        """Give the devices."""
        return ["cpu"]

    def dtypes(
        self, *, device: str | None = None, kind: str | tuple[str, ...] | None = None
    ) -> dict[str, DType]:
        """Give the types by name; only those of a kind of ``isdtype`` if one is given."""
        on_cpu("dtypes", device)
        chosen = ALL if kind is None else tuple(d for d in ALL if isdtype(d, kind))
        return {d.name: d for d in chosen}


def __array_namespace_info__() -> ArrayNamespaceInfo:  # noqa: N807 — the standard's name
    """Give what a portable program may ask about devices, types and capabilities.

    >>> cr.__array_namespace_info__().devices()
    ['cpu']
    """
    return ArrayNamespaceInfo()


def array_namespace(_: Tensor, /, *, api_version: str | None = None) -> Any:
    """Give the package, which has the array API standard's functions."""
    if api_version not in (None, *_VERSIONS):
        raise ArgumentError(
            f"__array_namespace__: there is no version {api_version!r}; there are "
            + ", ".join(_VERSIONS)
        )
    return sys.modules[__name__.partition(".")[0]]


def to_device(self: Tensor, device: str, /, *, stream: object = None) -> Tensor:
    """Give the Tensor itself: there is one device.

    Raises:  ArgumentError: the device is not "cpu".

    >>> cr.tensor([1, 2]).to_device("cpu")
    Tensor([1, 2])
    """
    on_cpu("to_device", device)
    if stream is not None:
        raise ArgumentError("to_device: the device 'cpu' has no streams")
    return self


# ---------------------------------------------------------------- DLPack


def dlpack(
    self: Tensor,
    /,
    *,
    stream: object = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """Hand the numbers to another library: read-only where it can be told so, else as a copy."""
    value = self._exported("__dlpack__")
    aware = max_version is not None and max_version >= (1, 0)
    if copy is None and not aware:
        copy = True
    if copy:
        given = value.copy()
    else:
        given = value.view()
        given.flags.writeable = False
    if not aware:  # the old protocol has no other arguments
        if copy is False or dl_device not in (None, _CPU):
            raise BufferError("this reader cannot be told that the memory of a Tensor is read-only")
        return given.__dlpack__(stream=stream)
    # A copy is made already; the rest is for NumPy to check.
    return given.__dlpack__(
        stream=None, max_version=max_version, dl_device=dl_device, copy=None if copy else copy
    )


def dlpack_device(_: Tensor, /) -> tuple[int, int]:
    """Give DLPack's name of the device: the CPU."""
    return _CPU


# ---------------------------------------------------------------- NumPy's functions


def array_ufunc(_: Tensor, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
    """What ``np.exp(x)``, ``array + x`` and ``np.add.reduce(x)`` do."""
    if method == "__call__" and not named and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    out = named.pop("out", None)
    found: Callable[..., Any] | None = None
    match method:
        case "__call__":
            found = UFUNCS.get(ufunc)
        case "reduce":
            found = REDUCTIONS.get(ufunc)
        case "accumulate":
            found = ACCUMULATIONS.get(ufunc)
        case "outer" if ufunc in UFUNCS:
            found = outer(UFUNCS[ufunc])
    if found is not None and out is None and _accepts(found, inputs, named):
        return found(*inputs, **named)
    if out is not None:
        named["out"] = _writable(out)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    result = _on_values(f"numpy.{name}", getattr(ufunc, method), inputs, named)
    return result if out is None else out[0]


def array_function(_: Tensor, function: Any, _types: Iterable[type], args: Any, named: Any) -> Any:
    """What ``np.concatenate([x, y])`` and NumPy's other functions do."""
    found = FUNCTIONS.get(function)
    if found is not None and _accepts(found, args, named):
        return found(*args, **named)
    name = f"{function.__module__}.{function.__name__}"
    return _on_values(name, function, args, named)


def _writable(out: tuple[Any, ...]) -> tuple[Any, ...]:
    if any(isinstance(o, Tensor) for o in out):
        raise DTypeError("out=: a Tensor cannot be changed; use the result instead")
    return out


def _accepts(function: Callable[..., Any], args: Any, named: dict[str, Any]) -> bool:
    """Whether a function has all parameters that were used."""
    try:
        _signature(function).bind(*args, **named)
    except TypeError:
        return False
    return True


@lru_cache(maxsize=1024)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _on_values(name: str, function: Callable[..., Any], args: Any, named: dict[str, Any]) -> Any:
    """Compute with NumPy where no derivative is lost."""
    for found in _tensors((args, named)):
        if found._node is not None and found.dtype.is_float:
            raise DTypeError(_lost(name, found))
    return _as_tensors(function(*_as_arrays(tuple(args)), **_as_arrays(named)))


def _lost(name: str, found: Tensor) -> str:
    assert found._recording is not None
    kind = found._recording.kind
    unknown = found._recording.unknown_under
    remedy = "" if unknown else ", or write .detach() to treat the value as a\n  constant"
    reason = f"the values are not known while {unknown} records" if unknown else (
        f"{kind} would lose the derivative"
    )  # fmt: skip
    return (
        f"{name}: chainrule lacks this call, and {reason}\n\n"
        f"    {describe(found)}\n\n  Compose it of chainrule's functions{remedy}."
    )


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _as_arrays(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, list):
        return [_as_arrays(v) for v in value]
    if isinstance(value, tuple) and type(value) is tuple:
        return tuple(_as_arrays(v) for v in value)
    if isinstance(value, dict):
        return {k: _as_arrays(v) for k, v in value.items()}
    return value


_NUMBERS = frozenset(d.numpy for d in ALL)


def _as_tensors(value: Any) -> Any:
    """Results of NumPy as Tensors, where chainrule has their type."""
    if isinstance(value, np.ndarray | np.generic):
        return tensor(value) if value.dtype in _NUMBERS else value
    if type(value) in (list, tuple):
        return type(value)(_as_tensors(v) for v in value)
    return value
