"""From nodes to Tensors: promote, broadcast, then run now or record.

``Lifted`` turns a constructor of nodes into a function of Tensors. Outside a recording it computes
at once: the kernels for a signature (shapes, dtypes, static arguments) are built once and kept, so
eager mode, ``grad`` and ``jit`` all run the same kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar, overload

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, RecordingError, ShapeError
from chainrule.ir import build
from chainrule.ir.dtype import (
    DEFAULT_FLOAT,
    DEFAULT_INT,
    DType,
    bool_,
    from_numpy,
    promote,
    with_scalar,
)
from chainrule.ir.graph import Graph, Node
from chainrule.ir.primitives import Project, Shape
from chainrule.recording import innermost
from chainrule.runtime.quiet import quiet, quiet_call, quietly
from chainrule.runtime.reference import Program, kernel
from chainrule.tensors import Tensor, Weak, node_of, of_node, of_value, of_values

Operand = Tensor | np.ndarray | bool | int | float
Kernel = Callable[..., Any]
"""A function of arrays; it gives one, or several."""
Made = TypeVar("Made")
"""What a Lifted gives: a Tensor where its builder makes one node, a list where it makes several."""

_LIMIT = 4096
_ndarray: Final = np.ndarray
_asarray: Final = np.asarray
_new: Final[Callable[[type[Tensor]], Tensor]] = object.__new__
_REFUSALS = (TypeError, ValueError, IndexError, OverflowError, RuntimeError)
"""What a short way leaves to the long one; the last if it comes in the middle of another."""


class Lifted(Generic[Made]):
    """A constructor of one node, or of a list of nodes, as a function of Tensors.

    Call it with a sequence of Tensors, then the static arguments, which must be hashable.

    kernel   takes what the constructor takes, and gives a function of arrays that computes the
             same bits in fewer passes, or None where there is none: it is what known Tensors take
    """

    __slots__ = ("builder", "cache", "kernel")

    @overload
    def __init__(
        self: Lifted[Tensor],
        builder: Callable[..., Node],
        kernel: Callable[..., Kernel | None] | None = None,
    ) -> None: ...
    @overload
    def __init__(
        self: Lifted[list[Tensor]],
        builder: Callable[..., Sequence[Node]],
        kernel: Callable[..., Kernel | None] | None = None,
    ) -> None: ...
    def __init__(
        self, builder: Callable[..., Any], kernel: Callable[..., Kernel | None] | None = None
    ) -> None:
        self.builder = builder
        self.kernel = kernel
        self.cache: dict[Any, Kernel] = {}

    def __call__(self, tensors: Sequence[Tensor], *static: Any) -> Made:
        values: list[Any] = []
        key: list[Any] = [static]
        for t in tensors:
            if t._recording is not None:
                return self._record(tensors, static)
            value: Any = t._value
            values.append(value)
            key += (value.shape, value.dtype)
        run = self.cache.get(tuple(key)) or self._prepare(tuple(key), values, static)
        result = quietly(run, *values)
        made: Any  # Made, which the builder knows and run does not
        if type(result) is np.ndarray:
            made = of_value(result)
        elif isinstance(result, list | tuple):
            made = of_values(result)
        else:
            made = of_value(np.asarray(result))
        return made  # type: ignore[no-any-return]

    def kernel_of(self, values: Sequence[np.ndarray], *static: Any) -> Kernel:
        """What computes it from arrays of the shapes and dtypes of these."""
        key: list[Any] = [static]
        for value in values:
            key += (value.shape, value.dtype)
        return self.cache.get(tuple(key)) or self._prepare(tuple(key), values, static)

    def _record(self, tensors: Sequence[Tensor], static: tuple[Any, ...]) -> Made:
        host = innermost([t._recording for t in tensors if t._recording is not None])
        nodes = self.builder(*[node_of(t, host) for t in tensors], *static)
        made: Any = (
            of_node(nodes, host) if isinstance(nodes, Node) else [of_node(n, host) for n in nodes]
        )
        return made  # type: ignore[no-any-return]

    def _prepare(self, key: Any, values: Sequence[np.ndarray], static: tuple[Any, ...]) -> Kernel:
        inputs = tuple(build.parameter(v.shape, from_numpy(v.dtype)) for v in values)
        if len(self.cache) >= _LIMIT:
            self.cache.clear()
        own = self.kernel(*inputs, *static) if self.kernel is not None else None
        run = self.cache[key] = own or _run(self.builder(*inputs, *static), inputs)
        return run


def _run(made: Node | Sequence[Node], inputs: tuple[Node, ...]) -> Kernel:
    """What computes nodes from the arrays of these inputs."""
    if not isinstance(made, Node):
        return Program(Graph(inputs, tuple(made)))
    if made.inputs == inputs:
        return kernel(made)
    if isinstance(made.op, Project) and made.inputs[0].inputs == inputs:
        index = made.op.index
        return _one_of(kernel(made.inputs[0], frozenset({index})), index)
    return _one_of(Program(Graph(inputs, (made,))), 0)


def _one_of(results: Kernel, index: int) -> Kernel:
    return lambda *arrays: results(*arrays)[index]


def known_array(x: object) -> np.ndarray | None:
    """The array of a Tensor that nothing records or watches: what a short way may read."""
    return x._value if type(x) is Tensor else None


def known_along(x: object, axis: object) -> np.ndarray | None:
    """The same to go along an axis: NumPy takes the axes 0 and -1 of a number for none."""
    value = known_array(x)
    return None if value is None or (value.ndim == 0 and axis is not None) else value


def known_or(tensor: Tensor, explain: Callable[[str], str]) -> np.ndarray:
    """The value of a Tensor; where a transform hides it, an error explained by its name."""
    try:
        return tensor._known()
    except RecordingError:
        recording = tensor._recording
        if recording is None or not recording.alive:
            raise
        raise RecordingError(explain(recording.unknown_under or recording.kind)) from None


def computed(function: Callable[..., Any], *arguments: Any) -> np.ndarray | None:
    """What a function of arrays makes; None where it or NumPy refuses."""
    try:
        return quiet.call(function, *arguments)  # type: ignore[no-any-return]
    except _REFUSALS:
        return None


def made_at_once(function: Callable[..., Any], *arguments: Any) -> Tensor | None:
    """What a NumPy function makes; None where it refuses, and the long way says what is wrong."""
    try:
        made = quiet.call(function, *arguments)
    except _REFUSALS:
        return None
    tensor = _new(Tensor)  # as of_value does, without another call
    tensor._value = made if type(made) is _ndarray else _asarray(made)
    tensor._node = tensor._recording = None
    return tensor


def as_tensor(value: Operand, name: str) -> Tensor:
    """Accept a Tensor, a NumPy array or a Python number."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, bool | int | float):
        kind = (
            bool_
            if isinstance(value, bool)
            else DEFAULT_INT
            if isinstance(value, int)
            else DEFAULT_FLOAT
        )
        return of_value(np.asarray(value, kind.numpy))
    if isinstance(value, np.ndarray | np.generic):
        from_numpy(value.dtype)
        return of_value(np.array(value))
    if hasattr(value, "__tensor__"):
        return value.__tensor__()
    raise DTypeError(f"{name}: expected a Tensor, an array or a number, not {type(value).__name__}")


def promoted(name: str, *values: Operand) -> list[Tensor]:
    """Bring operands to one dtype; Python numbers take the dtype of the arrays that they meet."""
    if all(type(v) is Tensor for v in values):
        tensors: list[Tensor] = list(values)  # type: ignore[arg-type]
        if all(t.dtype is tensors[0].dtype for t in tensors):
            return tensors
    dtype: DType | None = None
    for value in values:
        if not isinstance(value, bool | int | float | Weak):
            own = as_tensor(value, name).dtype
            dtype = own if dtype is None else promote(dtype, own)
    for value in values:
        if isinstance(value, bool | int | float | Weak):
            number = 0.0 if isinstance(value, Weak) else value
            dtype = as_tensor(value, name).dtype if dtype is None else with_scalar(dtype, number)
    assert dtype is not None
    return [_as(value, dtype, name) for value in values]


def _as(value: Operand, dtype: DType, name: str) -> Tensor:
    if isinstance(value, bool | int | float):
        try:
            return of_value(quiet_call(np.asarray, value, dtype.numpy))
        except OverflowError:
            raise ArgumentError(f"{name}: {value} does not fit in {dtype}") from None
    return cast(as_tensor(value, name), dtype)


_cast = Lifted(build.cast)


def cast(tensor: Tensor, dtype: DType) -> Tensor:
    """The same numbers in another dtype."""
    return tensor if tensor.dtype is dtype else _cast([tensor], dtype)


def floating(tensor: Tensor) -> Tensor:
    """The tensor itself if it is floating, else in the default floating dtype."""
    return tensor if tensor.dtype.is_float else cast(tensor, DEFAULT_FLOAT)


def common_shape(name: str, operands: Sequence[Tensor]) -> Shape:
    """The shape to which NumPy would broadcast the operands."""
    shapes = [t.shape for t in operands]
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    try:
        return broadcast_shape(*shapes)
    except ValueError:
        raise ShapeError(mismatch(name, operands)) from None


@lru_cache(maxsize=65536)
def broadcast_shape(*shapes: Shape) -> Shape:
    """The shape to which NumPy broadcasts these shapes; raises ValueError."""
    return np.broadcast_shapes(*shapes)


def mismatch(name: str, operands: Sequence[Tensor]) -> str:
    """The message for shapes that do not broadcast."""
    ranks = max(t.ndim for t in operands)
    aligned = [(1,) * (ranks - t.ndim) + t.shape for t in operands]
    axis = next(a for a in reversed(range(ranks)) if len({s[a] for s in aligned if s[a] != 1}) > 1)
    sizes = " and ".join(str(s[axis]) for s in aligned if s[axis] != 1)
    lines = "\n".join(f"    {describe(t)}" for t in operands)
    return (
        f"{name}: axis {axis - ranks} has sizes {sizes}\n\n{lines}\n\n"
        "  Shapes are aligned at their last axis; there, sizes must be equal or 1."
    )


def describe(tensor: Tensor) -> str:
    """A Tensor in an error message: dtype, shape and, while recording, the line that made it."""
    place = ""
    if tensor._recording is not None and tensor._node is not None:
        place = tensor._recording.where(tensor._node)
    shape = ", ".join(map(str, tensor.shape))
    return f"{tensor.dtype.short}[{shape}]" + (f"   made at {place}" if place else "")


_broadcast = Lifted(build.broadcast)


def broadcast(tensor: Tensor, shape: Shape) -> Tensor:
    """Repeat a Tensor to a shape that it is known to fit."""
    return tensor if tensor.shape == shape else _broadcast([tensor], shape)


def spread(node: Node, shape: Shape) -> Node:
    """Broadcast a node where its shape differs; numbers become a Fill of the whole shape."""
    if node.shape == shape:
        return node
    return build.broadcast(node, shape)


_reshape = Lifted(build.reshape)
_transpose = Lifted(build.transpose)


def reshaped(tensor: Tensor, shape: Shape) -> Tensor:
    """The same elements under another shape, which they are known to fill."""
    if tensor.shape == shape:
        return tensor
    value = tensor._value
    return _reshape([tensor], shape) if value is None else of_value(value.reshape(shape))


def transposed(tensor: Tensor, order: tuple[int, ...]) -> Tensor:
    """The axes in another order, in which each is known to stand once."""
    value = tensor._value
    if value is not None:
        return of_value(value.transpose(order))
    return tensor if order == tuple(range(tensor.ndim)) else _transpose([tensor], order)
