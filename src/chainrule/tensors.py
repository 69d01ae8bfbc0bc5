"""What a user holds: an immutable array that carries a value, or a node while it is recorded.

Operators and methods are attached by ``functions/methods.py`` (a room below), from one table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, GradientError, ShapeError
from chainrule.ir import build
from chainrule.ir.dtype import DType, as_dtype, from_numpy, promote
from chainrule.ir.graph import Node
from chainrule.recording import Recording, innermost
from chainrule.runtime.aligned import FROM, TO
from chainrule.runtime.quiet import call_aligned

Scalar = bool | int | float


class Tensor:
    """An immutable n-dimensional array of numbers of one type.

    Make one with :func:`chainrule.tensor` or a creation function. Inside ``grad``, ``jit`` and the
    other transforms it also records how it was computed.

    >>> x = cr.tensor([1.0, 2.0])
    >>> x * x + 1
    Tensor([2., 5.])
    """

    __slots__ = ("__weakref__", "_node", "_recording", "_value")

    _value: np.ndarray | None
    _node: Node | None
    _recording: Recording | None

    def __init__(self, *_: object) -> None:
        raise ArgumentError("make a Tensor with cr.tensor(...), cr.zeros(...) or another function")

    # -------------------------------------------------------- what it is

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        node = self._node
        return self._value.shape if node is None else node.shape  # type: ignore[union-attr]

    @property
    def dtype(self) -> DType:
        """The type of the numbers."""
        node = self._node
        return from_numpy(self._value.dtype) if node is None else node.dtype  # type: ignore[union-attr]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def device(self) -> str:
        """Where the numbers lie: always "cpu"."""
        return "cpu"

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a Tensor with no axes has no length")
        return self.shape[0]

    __hash__ = object.__hash__

    # -------------------------------------------------------- its value

    def _known(self) -> np.ndarray:
        """The value, computed now if it is recorded; raises where it is not known."""
        if self._node is None:
            assert self._value is not None
            return self._value
        assert self._recording is not None
        return innermost([self._recording]).value(self._node)

    def _exported(self, asked: str) -> np.ndarray:
        """The value for a use that would lose the derivative; raises where there is one to lose."""
        value = self._known()
        if self._node is not None and self._node.dtype.is_float:
            assert self._recording is not None
            raise GradientError(
                f"{asked} of a Tensor that {self._recording.kind} differentiates would drop its "
                "derivative\n\n"
                "  Keep computing with chainrule's functions, or write .detach() to treat the "
                "value as a\n  constant."
            )
        return value

    def detach(self) -> Tensor:
        """Give the same numbers as a constant: no derivative flows through them.

        >>> cr.grad(lambda x: x * x.detach())(cr.tensor(3.0))
        Tensor(3.)
        """
        if self._node is None:
            return self
        assert self._recording is not None
        if any(r.opaque for r in self._recording.chain()):
            return of_node(build.apply("detach", self._node), self._recording)
        return of_value(self._known())

    def numpy(self) -> np.ndarray:
        """Give the value as a read-only NumPy array, without a copy."""
        view = self._exported(".numpy()").view()
        view.flags.writeable = False
        return view

    def item(self) -> Scalar:
        """Give the only element as a Python number."""
        value = self._exported(".item()")
        if value.size != 1:
            raise ArgumentError(
                f".item() needs one element; this Tensor has shape {list(self.shape)}"
            )
        number: Scalar = value.item()
        return number

    def tolist(self) -> Any:
        """Give the elements as nested Python lists."""
        return self._exported(".tolist()").tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        value = self._exported("np.asarray")
        if dtype is not None and value.dtype != dtype:
            return value.astype(dtype)
        return value.copy() if copy else self.numpy()

    def _scalar(self, asked: str) -> Scalar:
        if self.shape != ():
            raise TypeError(
                f"{asked} needs a Tensor with no axes, not one of shape {list(self.shape)}"
            )
        number: Scalar = self._exported(asked).item()
        return number

    def __float__(self) -> float:
        return float(self._scalar("float()"))

    def __int__(self) -> int:
        return int(self._scalar("int()"))

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ArgumentError(
                f"the truth of a Tensor of shape {list(self.shape)} is ambiguous: "
                "use cr.any or cr.all"
            )
        return bool(self._known().item())

    def __index__(self) -> int:
        if not self.dtype.is_integer:
            raise TypeError(f"an index is an integer, not {self.dtype}")
        return int(self._scalar("index"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex()"))

    def __repr__(self) -> str:
        if self._node is None:
            return _show(self._known())
        assert self._recording is not None
        kind = self._recording.kind
        if not self._recording.alive:
            return f"Tensor({self.dtype.short}{list(self.shape)}, of a {kind} that has ended)"
        if any(r.opaque for r in self._recording.chain()):
            return f"Tensor({self.dtype.short}{list(self.shape)}, while {kind} records)"
        return _show(self._known())[:-1] + f", inside {kind})"

    def __setitem__(self, index: object, value: object) -> None:
        raise TypeError("a Tensor cannot be changed; x.at[i].set(v) gives a changed copy")

    if TYPE_CHECKING:  # attached by functions/methods.py

        def __getattr__(self, name: str) -> Any: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...


def _not_number(value: Any) -> str:
    """The first element that is none; it may be long."""
    numbers = bool | int | float | np.bool_ | np.number
    elements = np.asarray(value, object).ravel()  # where a text would make texts of numbers
    found = next((v for v in elements if not isinstance(v, numbers)), value)
    text = repr(found)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _show(value: np.ndarray) -> str:
    text = np.array2string(value, separator=", ", prefix="Tensor(", threshold=100)
    plain = value.dtype in (np.float64, np.int64, np.bool_)
    return f"Tensor({text})" if plain else f"Tensor({text}, {from_numpy(value.dtype).name})"


_new = object.__new__


def of_value(value: np.ndarray) -> Tensor:
    """A Tensor of an array that nobody will change."""
    tensor = _new(Tensor)
    tensor._value = value
    tensor._node = None
    tensor._recording = None
    return tensor


def of_values(values: Iterable[np.ndarray]) -> list[Tensor]:
    """Tensors of several such arrays; a call for each would take a fifth more time."""
    made = []
    for value in values:
        tensor = _new(Tensor)
        tensor._value = value
        tensor._node = tensor._recording = None
        made.append(tensor)
    return made


def of_node(node: Node, recording: Recording) -> Tensor:
    """A Tensor that stands for a node of a recording."""
    tensor = _new(Tensor)
    tensor._value = None
    tensor._node = node
    tensor._recording = recording
    recording.note_line(node)
    return tensor


class Weak(Tensor):
    """A Python float that ``jit`` made an input: it takes the dtype of the arrays that it meets."""

    __slots__ = ()


def weak(node: Node, recording: Recording) -> Weak:
    """A Weak that stands for a node."""
    number = _new(Weak)
    number._value = None
    number._node = node
    number._recording = recording
    return number


def node_of(tensor: Tensor, host: Recording) -> Node:
    """The node that stands for a Tensor in a recording: its own, or that of a constant."""
    if tensor._node is not None:
        return tensor._node
    for recording in host.chain():
        found = recording.constants.get(id(tensor))
        if found is not None:
            return found[1]
    assert tensor._value is not None
    if tensor._value.ndim == 0:
        return build.fill(tensor._value.item(), (), from_numpy(tensor._value.dtype))
    node = build.data(tensor._value)
    host.root.constants[id(tensor)] = (tensor, node)
    return node


def tensor(value: Any, /, *, dtype: Any = None) -> Tensor:
    """Make a Tensor from numbers, nested lists, an array or another Tensor.

    An array is copied unless it and what it is a view of are read-only. Python floats become
    ``float64``, ints ``int64``.

    Raises:  DTypeError: the elements are not real numbers.

    >>> cr.tensor([[1, 2], [3, 4]], dtype="float32").shape
    (2, 2)
    """
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, Tensor):
        return value if wanted in (None, value.dtype) else value.astype(wanted)
    floats = type(value) is list and len(value) >= _LONG and _has_floats_only(value)
    if not floats and isinstance(value, list | tuple) and _has_tensor(value):
        return _stacked(value, wanted)
    try:
        array = np.fromiter(value, float, len(value)) if floats else np.asarray(value)
    except ValueError:
        raise ShapeError("tensor: the nested lists have different lengths") from None
    if isinstance(value, int) and array.dtype == object:
        raise ArgumentError(f"tensor: {value} does not fit in int64")
    if array.dtype == object or array.dtype.kind in "USV":
        raise DTypeError(f"tensor: {_not_number(value)} is not a number")
    kind = wanted.numpy if wanted else from_numpy(array.dtype).numpy
    if wanted and wanted.is_integer and type(value) in _LISTED:
        array = _integers(value, wanted)
    if array.dtype == kind:
        shared = _is_frozen(array) if array is value else type(value) in _LISTED
        return of_value(array if shared else _copied(array))
    return of_value(np.array(array, dtype=kind, order="C"))


_LONG: Final = 64
"""Elements of a list from which on it pays to ask whether all are floats."""


def _has_floats_only(value: list[Any]) -> bool:
    """Whether all elements are Python's floats: NumPy need not look for what else they are."""
    return type(value[0]) is float and list(map(type, value)).count(float) == len(value)


def _copied(array: np.ndarray) -> np.ndarray:
    """A copy in row-major order, on whole lines of the cache where that pays."""
    if type(array) is np.ndarray and FROM <= array.nbytes < TO:
        return call_aligned(array.copy)
    return np.array(array, order="C")


_LISTED: Final = (int, list, tuple)


def _integers(value: Any, wanted: DType) -> np.ndarray:
    """Python numbers as integers of a dtype; NumPy alone makes [1, 2⁶⁴ − 1] floating first."""
    try:
        return np.asarray(value, wanted.numpy)
    except OverflowError:
        limits = np.iinfo(wanted.numpy)
        raise ArgumentError(
            f"tensor: a number does not fit in {wanted}, which holds {limits.min} to {limits.max}"
        ) from None


def _is_frozen(array: np.ndarray) -> bool:
    """Whether nobody can change the array: read-only, and no view of one that can be written."""
    owner: Any = array
    while isinstance(owner, np.ndarray):
        if owner.flags.writeable:
            return False
        owner = owner.base
    return True


_PLAIN: Final = frozenset({bool, int, float})


def _has_tensor(value: object) -> bool:
    if isinstance(value, Tensor):
        return True
    if not isinstance(value, list | tuple) or _PLAIN.issuperset(map(type, value)):
        return False
    return any(_has_tensor(v) for v in value)


def _stacked(values: Sequence[Any], wanted: DType | None) -> Tensor:
    """Nested lists of Tensors: stacked, so that derivatives flow through."""
    parts = [tensor(v) for v in values]
    dtype = wanted
    if dtype is None:
        dtype = reduce(promote, (p.dtype for p in parts))
    parts = [p if p.dtype is dtype else p.astype(dtype) for p in parts]
    if len({p.shape for p in parts}) > 1:
        shapes = ", ".join(str(list(p.shape)) for p in parts)
        raise ShapeError(f"tensor: the elements of a list have different shapes: {shapes}")
    found = [p._recording for p in parts if p._recording is not None]
    if not found:
        return of_value(np.stack([p._known() for p in parts]))
    host = innermost(found)
    nodes = [build.reshape(n, (1, *n.shape)) for n in (node_of(p, host) for p in parts)]
    return of_node(build.join(nodes, 0), host)
