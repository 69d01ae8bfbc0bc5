"""The table of functions and objects that NumPy has for other libraries in C."""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

__all__ = ["address_in", "entries"]

_ARRAY: Final = 2  # the entry of the class of arrays


def entries(*numbers: int) -> list[int] | None:
    """The addresses in the table under these numbers; None where the table is not as we know it."""
    try:
        capsule = np._core._multiarray_umath._ARRAY_API  # type: ignore[attr-defined]
    except AttributeError:
        return None
    table = (ctypes.c_void_p * (max(numbers) + 1)).from_address(address_in(capsule, None))
    return [table[k] or 0 for k in numbers] if table[_ARRAY] == id(np.ndarray) else None


def address_in(capsule: object, name: bytes | None) -> int:
    """The address that a capsule of this name has."""
    return _pointer_of(capsule, name)  # type: ignore[no-any-return]


_pointer_of: Final[Any] = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
