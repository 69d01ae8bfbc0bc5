"""Scalar types and their promotion, in one table.

Promotion follows the array API standard where it says something and the least surprise where it
does not: within a kind the wider type wins, ``bool`` gives way to everything, integers give way to
the floating type that they meet (``int64`` with ``float32`` is ``float32``, so that an index never
doubles the width of a network). ``uint64`` with a signed integer has no common type and raises.
"""

from typing import Final, Literal

import numpy as np

from chainrule.errors import DTypeError
from chainrule.ir.record import Record

Kind = Literal["bool", "unsigned", "signed", "float", "bundle"]


class DType(Record, identity=True):
    """A scalar type: its name, kind, width in bits and NumPy equivalent.

    There is one object for each type, so identity is equality.

    >>> cr.float32.bits
    32
    """

    name: str
    kind: Kind
    bits: int
    numpy: np.dtype

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return as_dtype, (self.name,)  # copies and unpickled ones are the same object

    @property
    def short(self) -> str:
        """The abbreviation used in error messages and listings: ``f32``, ``i64``, ``bool``."""
        return self.name if self.kind == "bool" else f"{self.kind[0].replace('s', 'i')}{self.bits}"

    @property
    def is_float(self) -> bool:
        """Whether values of this type have derivatives."""
        return self.kind == "float"

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed or unsigned integer type."""
        return self.kind in ("signed", "unsigned")


def _make(name: str, kind: Kind, bits: int) -> DType:
    return DType(name, kind, bits, np.dtype(name))


bool_: Final = _make("bool", "bool", 8)
int8: Final = _make("int8", "signed", 8)
int16: Final = _make("int16", "signed", 16)
int32: Final = _make("int32", "signed", 32)
int64: Final = _make("int64", "signed", 64)
uint8: Final = _make("uint8", "unsigned", 8)
uint16: Final = _make("uint16", "unsigned", 16)
uint32: Final = _make("uint32", "unsigned", 32)
uint64: Final = _make("uint64", "unsigned", 64)
float32: Final = _make("float32", "float", 32)
float64: Final = _make("float64", "float", 64)

BUNDLE: Final = DType("bundle", "bundle", 0, np.dtype("V0"))
"""The type of a node with several results; only a Project reads one."""

ALL: Final = (
    bool_, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64,
)  # fmt: skip
DEFAULT_FLOAT: Final = float64
DEFAULT_INT: Final = int64

_FROM_NUMPY: Final = {d.numpy: d for d in ALL}
_FROM_NAME: Final = {d.name: d for d in ALL} | {"bool_": bool_}
_FROM_PYTHON: Final[dict[object, DType]] = {bool: bool_, int: DEFAULT_INT, float: DEFAULT_FLOAT}


def from_numpy(dtype: np.dtype) -> DType:
    """Give the DType of a NumPy dtype; raise DTypeError for one that chainrule does not have."""
    found = _FROM_NUMPY.get(dtype)
    if found is None:
        found = _FROM_NUMPY.get(dtype.newbyteorder("="))
    if found is None:
        names = ", ".join(d.name for d in ALL)
        raise DTypeError(f"chainrule does not compute with NumPy's {dtype}; it has {names}")
    return found


def as_dtype(dtype: object) -> DType:
    """Accept a DType, its name, a Python scalar type or anything NumPy takes as a dtype."""
    if isinstance(dtype, DType):
        return dtype
    if isinstance(dtype, str) and dtype in _FROM_NAME:
        return _FROM_NAME[dtype]
    if dtype in _FROM_PYTHON:
        return _FROM_PYTHON[dtype]
    try:
        return from_numpy(np.dtype(dtype))  # type: ignore[call-overload]
    except TypeError:
        names = ", ".join(d.name for d in ALL)
        raise DTypeError(f"{dtype!r} is not a dtype; use one of {names}") from None


def _common(a: DType, b: DType) -> DType | None:
    if a is b or b.kind == "bool":
        return a
    if a.kind == "bool":
        return b
    if a.kind == b.kind:
        return a if a.bits >= b.bits else b
    if a.is_float or b.is_float:
        return a if a.is_float else b
    signed, unsigned = (a, b) if a.kind == "signed" else (b, a)
    bits = max(signed.bits, 2 * unsigned.bits)
    return _FROM_NAME[f"int{bits}"] if bits <= 64 else None


PROMOTION: Final = {(a, b): _common(a, b) for a in ALL for b in ALL}


def promote(a: DType, b: DType) -> DType:
    """Give the type of ``a + b``."""
    common = PROMOTION[a, b]
    if common is None:
        raise DTypeError(
            f"{a} and {b} have no common integer type; convert one of them with astype first"
        )
    return common


def with_scalar(dtype: DType, scalar: object) -> DType:
    """Give the type of an array of this dtype combined with a Python scalar, which has no width."""
    if isinstance(scalar, bool):
        return dtype
    if isinstance(scalar, int):
        return DEFAULT_INT if dtype.kind == "bool" else dtype
    if isinstance(scalar, float):
        return dtype if dtype.is_float else DEFAULT_FLOAT
    raise DTypeError(f"a {type(scalar).__name__} cannot be combined with a Tensor")
