"""How an elementwise function of Tensors is made from a record or a primitive.

There are three ways; the first that fits is taken. Eager operands that NumPy promotes as we do go
straight to its ufunc, after many calls in machine code. Recorded operands of one type, or one and a
constant, become one node. Everything else is promoted and broadcast first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product
from typing import Any, Final, TypeVar

import numpy as np

from chainrule.errors import DTypeError
from chainrule.functions.lift import (
    Operand,
    broadcast_shape,
    cast,
    common_shape,
    describe,
    promoted,
    spread,
)
from chainrule.functions.often import OFTEN, Way, machine_code
from chainrule.ir import build
from chainrule.ir.dtype import ALL, DEFAULT_FLOAT, PROMOTION, bool_, float64, with_scalar
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Einsum, Map, Shape
from chainrule.ir.scalar import INTEGER, NUMERIC, SCALARS, Scalar
from chainrule.ir.subscripts import Labels, canonical
from chainrule.recording import Recording, innermost
from chainrule.runtime.aligned import FROM, TO
from chainrule.runtime.quiet import quiet, quiet_call
from chainrule.tensors import Tensor, Weak, node_of, of_node, of_value, weak

__all__ = ["SILENT", "Pointwise", "eager", "fast_binary", "fast_unary", "pointwise", "values"]

_ndarray = np.ndarray
_new: Final[Callable[[type[Tensor]], Tensor]] = object.__new__
_Nothing: Final = type(None)
_NUMBERS: Final = frozenset({int, float, np.float64})
_LOOSE: Final = (Weak, bool, int, float)  # what has no width of its own, nor what is made of it

SILENT: Final = frozenset({np.abs, np.isfinite, np.isinf, np.isnan, np.negative, np.signbit})
"""Ufuncs that warn of no number, so that they are called as they are."""

# Ufuncs whose results are as wide as their operands: of three such streams, those that are written
# go nearly twice as fast to whole lines of the cache.
_IN_KIND: Final = {"dd->d", "ll->l"}

Constructor = Callable[..., Node]
Unary = Callable[[Operand], Tensor]
Binary = Callable[[Operand, Operand], Tensor]
F = TypeVar("F", bound=Callable[..., Tensor])


class Pointwise:
    """An elementwise function of some operands: its ufunc and its constructor of nodes.

    The constructor takes nodes of one shape, or, where it ``broadcasts``, of shapes that fit.
    """

    __slots__ = ("accepts", "broadcasts", "name", "node", "to_float", "ufunc")

    def __init__(
        self,
        name: str,
        ufunc: Callable[..., Any],
        node: Constructor,
        accepts: frozenset[str],
        broadcasts: bool = False,
    ) -> None:
        self.name = name
        self.ufunc = ufunc
        self.node = node
        self.accepts = accepts
        self.broadcasts = broadcasts
        self.to_float = not accepts & INTEGER

    def __call__(self, *operands: Operand) -> Tensor:
        """Promote, broadcast, and run or record."""
        tensors = self._accepted(promoted(self.name, *operands))
        recordings = [t._recording for t in tensors if t._recording is not None]
        if recordings:
            shape = common_shape(self.name, tensors)
            host = innermost(recordings)
            nodes = [node_of(t, host) for t in tensors]
            if not self.broadcasts:
                nodes = [spread(n, shape) for n in nodes]
            loose = all(isinstance(o, _LOOSE) for o in operands)
            return (weak if loose else of_node)(self.node(*nodes), host)
        try:
            return eager(self.ufunc, *[t._value for t in tensors])
        except ValueError:
            common_shape(self.name, tensors)  # says it better if the shapes are to blame
            raise

    def _accepted(self, tensors: list[Tensor]) -> list[Tensor]:
        dtype = tensors[0].dtype
        if dtype.kind in self.accepts:
            return tensors
        if self.to_float and dtype.is_integer:
            return [cast(t, DEFAULT_FLOAT) for t in tensors]
        kinds = ", ".join(sorted(self.accepts | INTEGER if self.to_float else self.accepts))
        lines = "\n".join(f"    {describe(t)}" for t in tensors)
        raise DTypeError(f"{self.name}: not defined for {dtype}; it takes {kinds}\n\n{lines}")

    def recorded(self, x1: Any, x2: Any) -> Tensor:
        """Two operands, one of them recorded: of one type, or beside a constant, the short way."""
        if x1 is None or x2 is None:
            return self(x1, x2)  # says what is wrong
        first = x1._node if type(x1) is Tensor else None
        second = x2._node if type(x2) is Tensor else None
        host: Recording = x1._recording if first else x2._recording
        if first is None:
            first = self._beside(second, x1, host)
        elif second is None:
            second = self._beside(first, x2, host)
        elif x1._recording is not x2._recording or first.shape != second.shape:
            return self(x1, x2)
        fits = first and second and first.dtype is second.dtype and first.dtype.kind in self.accepts
        if not fits or not host.alive:
            return self(x1, x2)
        return of_node(self.node(first, second), host)

    def _beside(self, like: Node | None, other: Any, host: Recording) -> Node | None:
        """The node of a constant beside a recorded operand; ``None`` if it is not of its type."""
        if like is None:
            return None
        if type(other) is Tensor and other._value is not None:
            fits = other._value.shape == like.shape and other._value.dtype == like.dtype.numpy
            return node_of(other, host) if fits else None
        if type(other) in _NUMBERS and like.dtype.is_float:
            return build.fill(other, () if self.broadcasts else like.shape, like.dtype)
        return None


def eager(ufunc: Callable[..., Any], *arrays: Any) -> Tensor:
    """Compute now."""
    result = quiet_call(ufunc, *arrays)
    return of_value(result if type(result) is _ndarray else np.asarray(result))


# The short ways are one function each, written out: at 15,000 numbers a ufunc takes 3 µs, and each
# call of Python in between 0.1 µs.


def fast_unary(slow: Pointwise) -> Callable[[Unary], Unary]:
    """Give a function of one operand, whose long way is ``slow``, the short ways."""
    ufunc, node, accepts = slow.ufunc, slow.node, slow.accepts
    fits = _dtypes(accepts)
    silent = ufunc in SILENT
    kinds = frozenset((kind,) for kind in fits)

    def decorate(declared: Unary) -> Unary:
        quick: Way | None = None
        calls = 0

        def function(x: Operand, /) -> Tensor:
            nonlocal quick, calls
            if quick is not None and (made := quick(x)) is not NotImplemented:
                return made  # type: ignore[no-any-return]
            if type(x) is Tensor:
                value = x._value
                if value is None:
                    host, operand = x._recording, x._node
                    if host.alive and operand.dtype.kind in accepts:  # type: ignore[union-attr]
                        return of_node(node(operand), host)  # type: ignore[arg-type]
                elif value.dtype in fits:
                    try:
                        result = ufunc(value) if silent else quiet.call(ufunc, value)
                    except RuntimeError:
                        return slow(x)
                    tensor = _new(Tensor)
                    tensor._value = result if type(result) is _ndarray else np.asarray(result)
                    tensor._node = tensor._recording = None
                    calls += 1
                    if calls == OFTEN:
                        quick, calls = machine_code(ufunc, kinds, silent=silent), 0
                    return tensor
            return slow(x)

        return _named(function, declared)

    return decorate


def fast_binary(
    slow: Pointwise,
    ufunc: Callable[..., Any] | None = None,
    accepts: frozenset[str] | None = None,
) -> Callable[[Binary], Binary]:
    """The same for two operands; the ufunc may differ, and what it takes."""
    direct, recorded, accepts = ufunc or slow.ufunc, slow.recorded, accepts or slow.accepts
    alike = _dtypes(accepts)
    fits = _alike(accepts, bools=True) if isinstance(direct, np.ufunc) else frozenset()
    least = FROM if _IN_KIND & set(getattr(direct, "types", ())) else TO

    def decorate(declared: Binary) -> Binary:
        quick: Way | None = None
        calls = 0

        def function(x1: Operand, x2: Operand, /) -> Tensor:
            nonlocal quick, calls
            if quick is not None and (made := quick(x1, x2)) is not NotImplemented:
                return made  # type: ignore[no-any-return]
            a: Any = x1._value if type(x1) is Tensor else x1
            b: Any = x2._value if type(x2) is Tensor else x2
            left = a.dtype if type(a) is _ndarray else type(a)
            right = b.dtype if type(b) is _ndarray else type(b)
            if left in alike if left is right else (left, right) in fits:
                lines = left is right and least <= a.nbytes < TO
                try:
                    result = (quiet.aligned if lines else quiet.call)(direct, a, b)
                except (ValueError, OverflowError, RuntimeError):
                    return slow(x1, x2)  # says what is wrong
                tensor = _new(Tensor)
                tensor._value = result if type(result) is _ndarray else np.asarray(result)
                tensor._node = tensor._recording = None
                calls += 1
                if calls == OFTEN:
                    quick, calls = machine_code(direct, fits, lines=least < TO), 0
                return tensor
            if left is _Nothing or right is _Nothing:
                return recorded(x1, x2)
            return slow(x1, x2)

        return _named(function, declared)

    return decorate


def _named(function: F, declared: Callable[..., Tensor]) -> F:
    """The function under the name and with the docstring of the declared one, which it is for."""
    for attribute in ("__module__", "__name__", "__qualname__", "__doc__", "__annotations__"):
        if hasattr(declared, attribute):
            setattr(function, attribute, getattr(declared, attribute))
    return function


def values(accepts: frozenset[str], first: Operand, *others: Operand) -> list[Any] | None:
    """The arrays and numbers of operands that NumPy promotes as we do; else ``None``."""
    fits = _alike(accepts, bools=False)
    lead: object = None
    found: list[Any] = []
    for operand in (first, *others):
        x: Any = operand._value if type(operand) is Tensor else operand
        kind = x.dtype if type(x) is _ndarray else type(x)
        if not found:
            lead = kind
        elif (lead, kind) not in fits:
            return None
        found.append(x)
    return found


def _dtypes(accepts: frozenset[str]) -> frozenset[object]:
    """The dtypes of these kinds."""
    return frozenset(d.numpy for d in ALL if d.kind in accepts)


@cache
def _alike(accepts: frozenset[str], *, bools: bool) -> frozenset[tuple[object, object]]:
    """The pairs of dtypes, and of a dtype and a Python type, that NumPy promotes as we do.

    bools   whether booleans may stand beside numbers; not where an operand is refused by itself,
            as the first one of clip is
    """
    known = [d for d in ALL if d.kind in accepts]
    fits: set[tuple[object, object]] = set()
    for a, b in product({*known, bool_} if bools else known, repeat=2):
        common = PROMOTION[a, b]
        fits_both = common and common.kind in accepts
        if common and fits_both and common.numpy == np.result_type(a.numpy, b.numpy):
            fits.add((a.numpy, b.numpy))
    for d, number in product(known, (1, 1.0)):
        common = with_scalar(d, number)
        if common.kind in accepts and common.numpy == np.result_type(d.numpy, number):
            fits |= {(d.numpy, type(number)), (type(number), d.numpy)}
    if "float" in accepts:
        fits |= {(float64.numpy, np.float64), (np.float64, float64.numpy)}
    return frozenset(fits)


# ---------------------------------------------------------------- constructors of nodes


def pointwise(name: str, *params: Any) -> Pointwise:
    """The function of a record of the scalar table with these static parameters."""
    record = SCALARS[name]
    ufunc = (lambda *arrays: record.numpy(*arrays, *params)) if params else record.numpy
    return Pointwise(name, ufunc, _map(record, params), record.accepts)


def _map(record: Scalar, params: tuple[Any, ...]) -> Constructor:
    op = Map(record, params)

    def node(*operands: Node) -> Node:
        first = operands[0]
        return Node(op, operands, first.shape, record.result(first.dtype, params))

    return node


@lru_cache(maxsize=65536)
def _product(left: Shape, right: Shape) -> tuple[Shape, Shape, Einsum, Shape]:
    """How two nodes multiply: their shapes without repeated axes, the op, the result's shape."""
    shape = broadcast_shape(left, right)

    def labels(own: Shape) -> Labels:
        lead = len(shape) - len(own)
        return tuple(lead + a for a, n in enumerate(own) if n == shape[lead + a])

    first, second = labels(left), labels(right)
    op = Einsum(canonical((first, second), tuple(range(len(shape)))))
    return tuple(shape[a] for a in first), tuple(shape[a] for a in second), op, shape


def _multiply(left: Node, right: Node) -> Node:
    """The product with broadcasting: one contraction that sums nothing."""
    first, second, op, shape = _product(left.shape, right.shape)
    operands = (build.reshape(left, first), build.reshape(right, second))
    return Node(op, operands, shape, left.dtype)


def _add(left: Node, right: Node) -> Node:
    return build.add((left, right))


ADD = Pointwise("add", np.add, _add, NUMERIC)
SUBTRACT = Pointwise("subtract", np.subtract, build.subtract, NUMERIC)
MULTIPLY = Pointwise("multiply", np.multiply, _multiply, NUMERIC, broadcasts=True)
NEGATIVE = Pointwise("negative", np.negative, build.negative, NUMERIC)
