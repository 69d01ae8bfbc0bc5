"""New Tensors, under the array API standard's names and signatures.

Floats are ``float64`` where no dtype is given, ints ``int64``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.functions.axes import on_cpu, shape_of
from chainrule.functions.lift import Lifted, Operand, as_tensor, broadcast, cast, describe, promoted
from chainrule.functions.stacks import stack_of
from chainrule.ir import build
from chainrule.ir.dtype import DEFAULT_FLOAT, DType, as_dtype, from_numpy
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Axis
from chainrule.runtime.quiet import quiet_call
from chainrule.tensors import Tensor, of_value, tensor

__all__ = [
    "arange", "asarray", "empty", "empty_like", "eye", "from_dlpack", "full", "full_like",
    "linspace", "meshgrid", "ones", "ones_like", "tril", "triu", "zeros", "zeros_like",
]  # fmt: skip

Shaped = int | Sequence[int]


def _float_or(dtype: Any) -> DType:
    return DEFAULT_FLOAT if dtype is None else as_dtype(dtype)


# ---------------------------------------------------------------- from other objects


def asarray(
    obj: Any, /, *, dtype: Any = None, device: str | None = None, copy: bool | None = None
) -> Tensor:
    """Make a Tensor from numbers, nested lists, an array or another Tensor.

    A NumPy array is copied unless it is read-only. ``copy=False`` shares its memory, and the caller
    promises not to write there any more; ``copy=True`` always copies.

    Raises:  DTypeError: the elements are not real numbers.
             ArgumentError: ``copy=False``, but the memory cannot be shared.

    >>> cr.asarray([1, 2, 3])
    Tensor([1, 2, 3])
    """
    on_cpu("asarray", device)
    if copy is not False or isinstance(obj, Tensor):
        found = tensor(obj, dtype=dtype)
        if copy and isinstance(obj, np.ndarray):
            return of_value(found._known().copy())
    else:
        found = _shared(obj)
    wanted = found.dtype if dtype is None else as_dtype(dtype)
    if copy is False and found.dtype is not wanted:
        raise ArgumentError(f"asarray: {found.dtype} cannot become {wanted} without a copy")
    return found


def _shared(obj: Any) -> Tensor:
    """A Tensor of an array's own memory."""
    if not isinstance(obj, np.ndarray):
        raise ArgumentError(f"asarray: the memory of a {type(obj).__name__} cannot be shared")
    view = obj.view(np.ndarray)
    view.flags.writeable = False
    kind = from_numpy(view.dtype).numpy
    if view.dtype != kind:
        raise ArgumentError(f"asarray: {view.dtype} cannot become {kind} without a copy")
    return of_value(view)


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Tensor:
    """Take an array of another library, such as PyTorch, through the DLPack protocol.

    Writable memory is copied, since a Tensor never changes. ``copy=False`` shares it, and the
    caller promises not to write there any more.

    Raises:  DTypeError: the elements are not real numbers.

    >>> import numpy as np
    >>> cr.from_dlpack(np.arange(3))
    Tensor([0, 1, 2])
    """
    on_cpu("from_dlpack", device)
    if isinstance(x, Tensor):
        return x
    array = np.from_dlpack(x)
    return _shared(array) if copy is False else asarray(array, copy=copy)


# ---------------------------------------------------------------- one number everywhere


def empty(shape: Shaped, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of numbers that mean nothing; they are zeros, so that programs repeat.

    >>> cr.empty((2, 0)).shape
    (2, 0)
    """
    return zeros(shape, dtype=dtype, device=device)


def empty_like(x: Operand, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of numbers that mean nothing, of another's shape and dtype.

    >>> cr.empty_like(cr.tensor([1, 2])).dtype
    int64
    """
    return zeros_like(x, dtype=dtype, device=device)


def full(
    shape: Shaped, fill_value: Operand, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Make a Tensor that holds one number everywhere; a Tensor's derivative flows through.

    Raises:  ShapeError: the value has axes, or a size is negative.

    >>> cr.full((2, 2), 7)
    Tensor([[7, 7],
            [7, 7]])
    """
    on_cpu("full", device)
    sizes = shape_of("full", shape)
    number = as_tensor(fill_value, "full")
    wanted = number.dtype if dtype is None else as_dtype(dtype)
    if number.shape != ():
        raise ShapeError(
            f"full: the value has axes\n\n    {describe(number)}\n\n"
            "  One number fills the Tensor; cr.broadcast_to repeats an array."
        )
    if number._node is None:
        value = number._known() if isinstance(fill_value, Tensor) else fill_value
        return of_value(np.full(sizes, value, wanted.numpy))
    return broadcast(cast(number, wanted), sizes)


def full_like(
    x: Operand, /, fill_value: Operand, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Make a Tensor of another's shape and dtype that holds one number everywhere.

    >>> cr.full_like(cr.tensor([1.0, 2.0]), 5)
    Tensor([5., 5.])
    """
    like = as_tensor(x, "full_like")
    wanted = like.dtype if dtype is None else dtype
    return full(like.shape, fill_value, dtype=wanted, device=device)


def zeros(shape: Shaped, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of zeros.

    >>> cr.zeros(3, dtype="float32")
    Tensor([0., 0., 0.], float32)
    """
    if type(shape) is tuple and dtype is device is None:
        try:
            return of_value(np.zeros(shape))
        except (TypeError, ValueError):
            pass  # said better below
    on_cpu("zeros", device)
    return of_value(np.zeros(shape_of("zeros", shape), _float_or(dtype).numpy))


def zeros_like(x: Operand, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of zeros of another's shape and dtype.

    >>> cr.zeros_like(cr.tensor([[1, 2]]))
    Tensor([[0, 0]])
    """
    return full_like(x, 0, dtype=dtype, device=device)


def ones(shape: Shaped, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of ones.

    >>> cr.ones((1, 2))
    Tensor([[1., 1.]])
    """
    on_cpu("ones", device)
    return of_value(np.ones(shape_of("ones", shape), _float_or(dtype).numpy))


def ones_like(x: Operand, /, *, dtype: Any = None, device: str | None = None) -> Tensor:
    """Make a Tensor of ones of another's shape and dtype.

    >>> cr.ones_like(cr.tensor([3, 4]))
    Tensor([1, 1])
    """
    return full_like(x, 1, dtype=dtype, device=device)


# ---------------------------------------------------------------- sequences


def arange(
    start: Any, /, stop: Any = None, step: Any = 1, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Count from ``start`` by ``step`` as long as ``stop`` is not reached; one number is the stop.

    yᵢ = start + i · step

    Raises:  ArgumentError: the step is 0. DTypeError: the dtype is bool.

    >>> cr.arange(4), cr.arange(1, 2, 0.25)
    (Tensor([0, 1, 2, 3]), Tensor([1.  , 1.25, 1.5 , 1.75]))
    """
    on_cpu("arange", device)
    if type(start) is int and stop is None and step == 1 and dtype is None:
        return of_value(np.arange(start))
    given = (0, start, step) if stop is None else (start, stop, step)
    first, end, by = (v.item() if isinstance(v, Tensor) else v for v in given)
    if by == 0:
        raise ArgumentError(f"arange: the step from {first} to {end} is 0")
    wanted = None if dtype is None else as_dtype(dtype).numpy
    if wanted == np.bool_:
        raise DTypeError("arange: bool has no sequence of numbers; use an integer or floating type")
    return of_value(np.arange(first, end, by, dtype=wanted))


def linspace(
    start: Operand,
    stop: Operand,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: str | None = None,
    endpoint: bool = True,
) -> Tensor:
    """Divide an interval evenly; ``endpoint=False`` leaves the last point out.

    yᵢ = start + i · (stop − start) / (num − 1)

    Shapes:  →   n   for start=0, stop=1, num=n
             start: ...   stop: ...   →   n ...   for num=n
    Raises:  ArgumentError: ``num`` is negative.

    >>> cr.linspace(0, 1, 5)
    Tensor([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """
    on_cpu("linspace", device)
    if num < 0:
        raise ArgumentError(f"linspace: {num} is no number of points")
    if dtype is None and _are_small(start, stop):
        return of_value(np.linspace(start, stop, num, endpoint=endpoint))
    first, last = promoted("linspace", start, stop)
    wanted = as_dtype(dtype) if dtype is not None else first.dtype
    if dtype is None and not wanted.is_float:
        wanted = DEFAULT_FLOAT
    if first._node is None and last._node is None:
        line = partial(np.linspace, num=num, endpoint=endpoint, dtype=wanted.numpy)
        return of_value(quiet_call(line, first._known(), last._known()))
    inner = wanted if wanted.is_float else DEFAULT_FLOAT
    weight = linspace(0.0, 1.0, num, endpoint=endpoint, dtype=inner)
    points = _line([cast(weight, inner), cast(first, inner), cast(last, inner)])
    return cast(points, wanted)


def _are_small(*numbers: Operand) -> bool:
    """Whether these are Python numbers that every way of computing turns into the same floats."""
    return all(type(n) in (int, float) and abs(n) < 2**53 for n in numbers)


def _line_nodes(weight: Node, first: Node, last: Node) -> Node:
    """weight · last + (1 − weight) · first, the weights on a new first axis."""
    ones_ = build.fill(1, weight.shape, weight.dtype)
    labels = tuple(range(1, first.ndim + 1))
    terms = [
        build.einsum((w, point), ((0,), labels), (0, *labels))
        for w, point in ((weight, last), (build.subtract(ones_, weight), first))
    ]
    return build.add(terms)


_line = Lifted(_line_nodes)


# ---------------------------------------------------------------- matrices and grids


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: str | None = None,
) -> Tensor:
    """Make a matrix with ones on its k-th diagonal and zeros elsewhere.

    Shapes:  →   n n   for n_rows=n
             →   m n   for n_rows=m, n_cols=n

    >>> cr.eye(2, 3, k=1)
    Tensor([[0., 1., 0.],
            [0., 0., 1.]])
    """
    on_cpu("eye", device)
    rows, columns = shape_of("eye", (n_rows, n_rows if n_cols is None else n_cols))
    kind = _float_or(dtype).numpy
    if k:
        return of_value(np.eye(rows, columns, k, dtype=kind))
    made = np.zeros((rows, columns), kind)
    made.reshape(-1)[: columns * columns : columns + 1] = 1
    return of_value(made)


def _band_nodes(x: Node, k: int, upper: bool) -> Node:
    rows, columns = x.shape[-2:]
    lower = np.tri(rows, columns, k - 1 if upper else k, dtype=bool)
    mask = build.broadcast(build.data(~lower if upper else lower), x.shape)
    return build.select(mask, x, build.zeros_like(x))


_band = Lifted(_band_nodes)


def _banded(name: str, x: Operand, k: int, upper: bool) -> Tensor:
    return _band([stack_of(name, x)], k, upper)


def tril(x: Operand, /, k: int = 0) -> Tensor:
    """Keep the k-th diagonal of each matrix and what lies below it; zeros elsewhere.

    Shapes:  x: ... m n   →   ... m n
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.tril(cr.ones((2, 2)))
    Tensor([[1., 0.],
            [1., 1.]])
    """
    return _banded("tril", x, k, upper=False)


def triu(x: Operand, /, k: int = 0) -> Tensor:
    """Keep the k-th diagonal of each matrix and what lies above it; zeros elsewhere.

    Shapes:  x: ... m n   →   ... m n
    Raises:  ShapeError: x has fewer than two axes.

    >>> cr.triu(cr.ones((2, 2)), k=1)
    Tensor([[0., 1.],
            [0., 0.]])
    """
    return _banded("triu", x, k, upper=True)


def meshgrid(*arrays: Operand, indexing: str = "xy") -> list[Tensor]:
    """Repeat the coordinates along each axis over the grid of all of them.

    ``indexing="ij"`` keeps the order of the axes; ``"xy"`` swaps the first two, as pictures do.

    Shapes:  arrays: m, n   →   n m, n m
             arrays: m, n   →   m n, m n   for indexing="ij"
    Raises:  ShapeError: one of the arrays has more than one axis.
             ArgumentError: the indexing is neither "xy" nor "ij".

    >>> x, y = cr.meshgrid(cr.arange(3), cr.arange(2))
    >>> x
    Tensor([[0, 1, 2],
            [0, 1, 2]])
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    lines = [as_tensor(a, "meshgrid") for a in arrays]
    for line in lines:
        if line.ndim > 1:
            raise ShapeError(f"meshgrid: coordinates have one axis\n\n    {describe(line)}")
    sizes = [line.size for line in lines]
    order = list(range(len(lines)))
    if indexing == "xy" and len(order) > 1:
        order[0], order[1] = 1, 0
    shape = tuple(sizes[k] for k in order)
    return [_along([line], shape, order.index(k)) for k, line in enumerate(lines)]


def _along_nodes(line: Node, shape: tuple[int, ...], axis: int) -> Node:
    terms = ((axis, 1),) if line.ndim else ()
    return build.view(line, shape, tuple(Axis(0, terms) for _ in line.shape))


_along = Lifted(_along_nodes)
