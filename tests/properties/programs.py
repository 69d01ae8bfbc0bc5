"""Random programs: lists of operations that chainrule and NumPy both run.

The array API names are the same in both, so an operation is one text, run with either module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import chainrule as cr

Shape = tuple[int, ...]
Run = Callable[..., Any]


class NumpySide:
    """NumPy's functions, with what it lacks; notes how far arguments are from kinks."""

    def __init__(self) -> None:
        self.nearest_kink = np.inf

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def kink(self, *distances: np.ndarray) -> None:
        """Remember the smallest distance that is not 0: a tie that stays a tie is none."""
        for distance in distances:
            size = np.abs(np.asarray(distance))
            self.nearest_kink = min(self.nearest_kink, size[size > 0].min(initial=np.inf))

    def relu(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x, 0.0)

    def sigmoid(self, x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    def softmax(self, x: np.ndarray, axis: int) -> np.ndarray:
        e = np.exp(x - x.max(axis, keepdims=True))
        return np.asarray(e / e.sum(axis, keepdims=True))

    def nested(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.asarray((1 - np.tanh(x) ** 2) * u + x * u * u)


class ChainruleSide:
    """chainrule's functions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(cr, name)

    def kink(self, *distances: Any) -> None:
        """Only NumPy looks for kinks."""

    def nested(self, x: Any, u: Any) -> Any:
        """A derivative inside the program, which closes over another value of it."""
        return cr.grad(lambda t: (cr.tanh(t) * u + 0.5 * (t * u) * (t * u)).sum())(x)


@dataclass(frozen=True)
class Operation:
    """One step: which earlier values it reads, and how."""

    name: str
    operands: tuple[int, ...]
    run: Run

    def __repr__(self) -> str:
        return f"{self.name}{list(self.operands)}"


@dataclass(frozen=True)
class Program:
    """Inputs of some shapes, then operations; the result is a number made of the last values."""

    shapes: tuple[Shape, ...]
    operations: tuple[Operation, ...]

    def values(self, side: Any, inputs: Sequence[Any]) -> list[Any]:
        """All values, the inputs included."""
        found = list(inputs)
        for operation in self.operations:
            found.append(operation.run(side, *(found[k] for k in operation.operands)))
        return found

    def number(self, side: Any, inputs: Sequence[Any]) -> Any:
        """Σ sin(v) over the elements of the last values: a bounded number that reads them all."""
        total: Any = 0.0
        for k, value in enumerate(self.values(side, inputs)[-3:]):
            total = total + (k + 1.0) * side.sum(side.sin(value))
        return total


UNARY: dict[str, Run] = {
    "sin": lambda xp, x: xp.sin(x),
    "tanh": lambda xp, x: xp.tanh(x),
    "sigmoid": lambda xp, x: xp.sigmoid(x),
    "exp of bounded": lambda xp, x: xp.exp(xp.sin(x)),
    "log": lambda xp, x: xp.log(1.5 + xp.sin(x)),
    "sqrt": lambda xp, x: xp.sqrt(x * x + 0.5),
    "reciprocal": lambda xp, x: 1.0 / (x * x + 1.0),
    "square": lambda xp, x: x * x,
    "negate": lambda xp, x: -x,
    "scale": lambda xp, x: 2.0 * x - 0.25,
    "abs": lambda xp, x: (xp.kink(x), xp.abs(x))[1],
    "relu": lambda xp, x: (xp.kink(x), xp.relu(x))[1],
    "nested with itself": lambda xp, x: xp.nested(x, x),
    "clip": lambda xp, x: (xp.kink(x - 0.8, x + 0.8), xp.clip(x, -0.8, 0.8))[1],
    "sum": lambda xp, x: xp.sum(x),
    "ravel": lambda xp, x: xp.reshape(x, (-1,)),
    "new axis": lambda xp, x: xp.expand_dims(x, axis=0),
}
BINARY: dict[str, Run] = {
    "add": lambda xp, x, y: x + y,
    "subtract": lambda xp, x, y: x - y,
    "multiply": lambda xp, x, y: x * y,
    "divide": lambda xp, x, y: x / (y * y + 1.0),
    "maximum": lambda xp, x, y: (xp.kink(x - y), xp.maximum(x, y))[1],
    "where": lambda xp, x, y: (xp.kink(x), xp.where(x > 0, y, xp.sin(x)))[1],
    "masked log": lambda xp, x, y: (
        xp.kink(x),
        xp.where(x > 0, xp.log(xp.where(x > 0, x + 0.1, 1.0)), y),
    )[1],
}
OF_AXIS: dict[str, Callable[[Any, Any, int], Any]] = {
    "sum of axis": lambda xp, x, a: xp.sum(x, axis=a),
    "mean of axis": lambda xp, x, a: xp.mean(x, axis=a, keepdims=True),
    "flip": lambda xp, x, a: xp.flip(x, axis=a),
    "concat": lambda xp, x, a: xp.concat([x, xp.sin(x)], axis=a),
    "stack": lambda xp, x, a: xp.stack([x, 0.5 * x], axis=a),
    "expand": lambda xp, x, a: xp.expand_dims(x, axis=a),
    "softmax": lambda xp, x, a: xp.softmax(x, axis=a),
    "max of axis": lambda xp, x, a: (xp.kink(gaps(xp, x, a)), xp.max(x, axis=a))[1],
    "prod of axis": lambda xp, x, a: xp.prod(x, axis=a),
    "roll": lambda xp, x, a: xp.roll(x, 1, axis=a),
    "cumulative sum": lambda xp, x, a: xp.cumulative_sum(x, axis=a),
}

NOT_OF_NOTHING = {"softmax", "max of axis", "mean of axis"}


def gaps(xp: Any, x: Any, axis: int) -> Any:
    """How far the elements are below the largest."""
    return xp.max(x, axis=axis, keepdims=True) - x if isinstance(xp, NumpySide) else None


@st.composite
def programs(draw: Any, max_operations: int = 7) -> Program:
    """Draw a program over small arrays; every shape is known from running it on NumPy."""
    sizes = st.sampled_from([(), (3,), (2, 3), (1, 3), (2, 1), (3, 3), (1,), (2, 1, 3)])
    shapes = tuple(draw(st.lists(sizes, min_size=1, max_size=3)))
    known: list[np.ndarray] = [np.zeros(shape) for shape in shapes]
    operations: list[Operation] = []
    for _ in range(draw(st.integers(1, max_operations))):
        operation = draw(_operation([x.shape for x in known]))
        made = operation.run(NumpySide(), *(known[k] for k in operation.operands))
        if np.size(made) <= 60:
            operations.append(operation)
            known.append(np.zeros(np.shape(made)))
    return Program(shapes, tuple(operations))


@st.composite
def _operation(draw: Any, shapes: list[Shape]) -> Operation:
    first = draw(st.integers(0, len(shapes) - 1))
    kind = draw(st.sampled_from(["unary", "binary", "axis", "layout", "product"]))
    rank = len(shapes[first])
    if kind == "binary":
        others = [k for k, shape in enumerate(shapes) if _broadcast(shape, shapes[first])]
        name = draw(st.sampled_from(sorted(BINARY)))
        return Operation(name, (first, draw(st.sampled_from(others))), BINARY[name])
    if kind == "axis" and rank:
        axis = draw(st.integers(-rank, rank - 1))
        fits = set(OF_AXIS) - (NOT_OF_NOTHING if shapes[first][axis] == 0 else set())
        name = draw(st.sampled_from(sorted(fits)))
        run = OF_AXIS[name]
        return Operation(f"{name} {axis}", (first,), lambda xp, x: run(xp, x, axis))
    if kind == "layout" and rank:
        return draw(_layout(first, shapes[first]))  # type: ignore[no-any-return]
    if kind == "product":
        return draw(_product(first, shapes))  # type: ignore[no-any-return]
    name = draw(st.sampled_from(sorted(UNARY)))
    return Operation(name, (first,), UNARY[name])


@st.composite
def _layout(draw: Any, first: int, shape: Shape) -> Operation:
    if draw(st.booleans()):
        order = tuple(draw(st.permutations(range(len(shape)))))
        return Operation(f"permute {order}", (first,), lambda xp, x: xp.permute_dims(x, order))
    start = st.integers(-3, 3) | st.none()
    steps = st.sampled_from([1, 1, 2, -1, -2])
    index = tuple(
        draw(st.integers(-n, n - 1) | st.builds(slice, start, start, steps)) if n else slice(None)
        for n in shape
    )
    return Operation(f"index {index}", (first,), lambda xp, x: x[index])


@st.composite
def _product(draw: Any, first: int, shapes: list[Shape]) -> Operation:
    """A matrix product where one fits, else a contraction of a value with itself."""
    shape = shapes[first]
    fits = [
        k for k, other in enumerate(shapes)
        if len(shape) == 2 and len(other) == 2 and other[0] == shape[1]
    ]  # fmt: skip
    if fits and draw(st.booleans()):
        return Operation("matmul", (first, draw(st.sampled_from(fits))), lambda xp, x, y: x @ y)
    letters = "ijklmnopqrst"[: len(shape)]
    kept = "".join(c for c in letters if draw(st.booleans()))
    text = f"{letters},{letters}->{kept}"
    outer = f"{letters},{letters.upper()}->{letters}{letters.upper()}"
    if len(shape) == 1 and draw(st.booleans()):
        text = outer
    return Operation(f"einsum {text}", (first,), lambda xp, x: xp.einsum(text, x, 0.5 * x))


def _broadcast(left: Shape, right: Shape) -> bool:
    try:
        np.broadcast_shapes(left, right)
    except ValueError:
        return False
    return True
