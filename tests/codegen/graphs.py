"""Random graphs for the compiler: every primitive, every dtype, odd sizes.

A graph is drawn as a list of operations on the values before; the values of the drawn inputs are
computed along the way, so each operation knows what it is given. *Exact* values (integers, masks,
floating-point numbers that are small integers) have to come out with the same bits; only they are
compared, sorted or made integers, since rounding could decide there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import ChainruleError

Shape = tuple[int, ...]
Run = Callable[..., Any]

DTYPES = ("float32", "float64", "float64", "float32", "int64", "int32", "uint8", "bool")
SMALL = (0, 1, 1, 2, 3, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33)
LARGE = (1, 3, 16, 33, 64, 65, 100, 257)


@dataclass(frozen=True)
class Known:
    """A value that an operation may read: what it is for the drawn inputs, and whether exact."""

    value: np.ndarray
    exact: bool

    @property
    def is_float(self) -> bool:
        return self.value.dtype.kind == "f"


@dataclass(frozen=True)
class Step:
    """One operation: which earlier values it reads, and how."""

    name: str
    operands: tuple[int, ...]
    run: Run

    def __repr__(self) -> str:
        return f"{self.name}{list(self.operands)}"


@dataclass(frozen=True)
class Drawn:
    """Inputs, steps, and which values are results."""

    inputs: tuple[np.ndarray, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]
    exact: tuple[bool, ...]

    def __repr__(self) -> str:
        kinds = [f"{x.dtype}{list(x.shape)}" for x in self.inputs]
        return f"{kinds} {list(self.steps)} gives {list(self.results)}"

    def __call__(self, *inputs: Any) -> list[Any]:
        """The results for these inputs."""
        found = list(inputs)
        for step in self.steps:
            found.append(step.run(*(found[k] for k in step.operands)))
        return [found[k] for k in self.results]


# ---------------------------------------------------------------- operations

SMOOTH: dict[str, Run] = {
    "sin": cr.sin,
    "tanh": cr.tanh,
    "sigmoid": cr.sigmoid,
    "exp of bounded": lambda x: cr.exp(cr.sin(x)),
    "log": lambda x: cr.log(1.5 + cr.sin(x)),
    "sqrt": lambda x: cr.sqrt(x * x + 0.5),
    "reciprocal": lambda x: 1.0 / (x * x + 1.0),
    "gelu": cr.gelu,
    "erf": cr.erf,
    "gradient": lambda x: cr.grad(lambda t: cr.sum(cr.tanh(t) * cr.sin(t)))(x),
    "lgamma": lambda x: cr.lgamma(cr.abs(x) + 1.0),
    "ndtri on the host": lambda x: cr.ndtri(cr.sigmoid(x)),
}
EXACT: dict[str, Run] = {
    "square": lambda x: x * x,
    "scale": lambda x: 2 * x - 1,
    "sign": cr.sign,
    "relu": cr.relu,
    "sum": cr.sum,
    "ravel": lambda x: cr.reshape(x, (-1,)),
    "new axis": lambda x: cr.expand_dims(x, axis=0),
    "largest": lambda x: cr.max(cr.concat([cr.ravel(x), cr.zeros((1,), dtype=x.dtype)])),
    "twice through a reduction": lambda x: x - cr.sum(x) + cr.sum(x * x),
    "triangle": lambda x: cr.tril(cr.expand_dims(x, axis=0) if x.ndim < 2 else x),
    "diagonal": lambda x: cr.linalg.diagonal(x) if x.ndim > 1 else x,
    "outer": lambda x: cr.einsum("i,j->ij", cr.ravel(x), cr.ravel(x)[:5]),
    "trace of itself": lambda x: cr.einsum("ii->", x[:, : len(x)] @ x[:, : len(x)].T)
    if x.ndim == 2 and 0 not in x.shape
    else x,
    "scan": lambda x: cr.scan(lambda c, a: (c - a, c + 2 * a), cr.zeros((), dtype=x.dtype),
                              cr.ravel(x))[1],
    "reversed scan of rows": lambda x: cr.scan(
        lambda c, a: (a - c, c), cr.zeros(x.shape[1:], dtype=x.dtype), x, reverse=True
    )[0] if x.ndim else x,
    "choice of a branch": lambda x: cr.cond(
        cr.sum(x) > 0, lambda a: a + 1, lambda a: cr.flip(a), x
    ),
}  # fmt: skip
BOTH: dict[str, Run] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "maximum": cr.maximum,
    "minimum": cr.minimum,
    "where": lambda x, y: cr.where(x > y, x, y - x),
    "half a mask": lambda x, y: cr.where(x >= 0, y, 0),
}
COMPARED: dict[str, Run] = {
    "less": lambda x, y: x < y,
    "equal": lambda x, y: x == y,
    "greater or equal": lambda x, y: x >= y,
    "unequal or less": lambda x, y: (x != y) | (x < y),
}
OF_AXIS: dict[str, Callable[[Any, int], Any]] = {
    "sum of axis": lambda x, a: cr.sum(x, axis=a),
    "sum of axis, kept": lambda x, a: cr.sum(x, axis=a, keepdims=True) - x,
    "sum of the others": lambda x, a: cr.sum(
        x, axis=tuple(k for k in range(x.ndim) if k != a % x.ndim)
    ),
    "flip": lambda x, a: cr.flip(x, axis=a),
    "concat": lambda x, a: cr.concat([x, 2 * x, x], axis=a),
    "stack": lambda x, a: cr.stack([x, -x], axis=a),
    "expand": lambda x, a: cr.expand_dims(x, axis=a),
    "roll": lambda x, a: cr.roll(x, 2, axis=a),
    "repeat": lambda x, a: cr.repeat(x, 2, axis=a),
    "pad": lambda x, a: cr.pad(x, [(1, 2) if k == a % x.ndim else (0, 0) for k in range(x.ndim)]),
    "last first": lambda x, a: cr.moveaxis(x, a, 0),
    "cumulative sum": lambda x, a: cr.cumulative_sum(x, axis=a),
    "difference": lambda x, a: cr.diff(x, axis=a) if x.shape[a] else x,
    "windows, summed": lambda x, a: cr.avg_pool1d(cr.moveaxis(x, a, -1), 2, stride=1) * 2
    if x.shape[a] > 1 and x.ndim > 1
    else x,
    "adjoint of windows": lambda x, a: cr.grad(
        lambda t: cr.sum(cr.diff(t, axis=a) * cr.stop_gradient(cr.diff(x * x, axis=a)))
    )(x) if x.shape[a] > 1 else x,
}  # fmt: skip
OF_ORDER: dict[str, Callable[[Any, int], Any]] = {
    "max of axis": lambda x, a: cr.max(x, axis=a),
    "min of axis": lambda x, a: cr.min(x, axis=a, keepdims=True),
    "argmax": lambda x, a: cr.argmax(x, axis=a),
    "argmin": lambda x, a: cr.argmin(x, axis=a),
    "any": lambda x, a: cr.any(x > 0, axis=a),
    "all": lambda x, a: cr.all(x > 0, axis=a),
    "largest of windows": lambda x, a: (
        cr.max_pool1d(cr.moveaxis(x, a, -1), 2) if x.shape[a] > 1 and x.ndim > 1 else x
    ),
    "sort on the host": lambda x, a: cr.sort(x, axis=a),
}
ROUNDED_AXIS: dict[str, Callable[[Any, int], Any]] = {
    "mean of axis": lambda x, a: cr.mean(x, axis=a, keepdims=True) - x,
    "softmax": lambda x, a: cr.softmax(x, axis=a),
    "log softmax": lambda x, a: cr.log_softmax(x, axis=a),
    "normalized": lambda x, a: (
        (x - cr.mean(x, axis=a, keepdims=True)) / cr.sqrt(cr.var(x, axis=a, keepdims=True) + 1.0)
    ),
    "gradient of softmax": lambda x, a: cr.grad(
        lambda t: cr.sum(cr.softmax(t, axis=a) * cr.sin(t))
    )(x),
    "product of axis": lambda x, a: cr.prod(cr.sin(x), axis=a),
}


# ---------------------------------------------------------------- drawing


@st.composite
def graphs(
    draw: Any,
    most: int = 7,
    *,
    dtypes: Sequence[str] = DTYPES,
    sizes: Sequence[int] = SMALL,
    elements: int = 600,
) -> Drawn:
    """Draw inputs of so many elements, and operations; values have up to five times as many."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(_shapes(sizes, elements), min_size=1, max_size=3))
    inputs = [_numbers(generator, shape, draw(st.sampled_from(dtypes))) for shape in shapes]
    known = [Known(x, True) for x in inputs]
    steps: list[Step] = []
    for _ in range(draw(st.integers(1, most))):
        step = draw(_step(known, 5 * elements))
        if step is None:
            continue
        try:
            found = step.run(*(cr.tensor(known[k].value) for k in step.operands)).numpy()
        except ChainruleError:  # no such operation for this dtype, or of nothing
            continue
        exact = all(known[k].exact for k in step.operands) and _is_exact(step, found)
        if found.size <= 5 * elements and (exact or np.isfinite(found).all()):
            steps.append(step)
            known.append(Known(found, exact))
    count = len(known)
    results = draw(st.lists(st.integers(0, count - 1), max_size=2, unique=True))
    results = tuple(dict.fromkeys((count - 1, *results)))
    return Drawn(tuple(inputs), tuple(steps), results, tuple(known[k].exact for k in results))


@st.composite
def _shapes(draw: Any, sizes: Sequence[int], elements: int) -> Shape:
    shape: Shape = ()
    for size in draw(st.lists(st.sampled_from(sizes), max_size=4)):
        if np.prod((*shape, size)) <= elements:
            shape = (*shape, size)
    return shape


def _numbers(generator: np.random.Generator, shape: Shape, dtype: str) -> np.ndarray:
    low = 0 if dtype in ("bool", "uint8") else -2
    return np.asarray(generator.integers(low, 2 if dtype == "bool" else 4, shape)).astype(dtype)


def _is_exact(step: Step, found: np.ndarray) -> bool:
    """Whether the numbers are integers so small that no order of sums rounds them."""
    if found.dtype.kind != "f":
        return True
    if step.name in SMOOTH or step.name.split(" of ")[0] == "mean":
        return False
    largest = 2.0**12 if found.dtype.itemsize == 4 else 2.0**30
    return bool(np.all(found == np.round(found)) and np.abs(found).max(initial=0) < largest)


@st.composite
def _step(draw: Any, known: list[Known], most: int) -> Step | None:
    first = draw(st.integers(0, len(known) - 1))
    x = known[first]
    kind = draw(st.sampled_from(_KINDS))
    axes = x.value.ndim
    numeric = x.value.dtype.kind != "b"
    if not numeric and kind not in ("cast", "layout", "places", "axis"):
        kind = "cast"
    match kind:
        case "both" | "compared":
            others = [k for k, y in enumerate(known) if _fit(x.value, y.value)]
            if kind == "compared":
                others = [k for k in others if known[k].exact] if x.exact else []
            if not others:
                return None
            names = BOTH if kind == "both" else COMPARED
            name = draw(st.sampled_from(sorted(names)))
            other = draw(st.sampled_from(others))
            if not (x.exact and known[other].exact) and "wh" in name + "half":
                name = "add"
            return Step(name, (first, other), (BOTH | COMPARED)[name])
        case "axis" if axes and numeric:
            a = draw(st.integers(-axes, axes - 1))
            table = dict(OF_AXIS)
            if x.exact and x.value.shape[a]:
                table |= OF_ORDER
            if x.is_float and x.value.shape[a]:
                table |= ROUNDED_AXIS
            name = draw(st.sampled_from(sorted(table)))
            return Step(f"{name} {a}", (first,), _with(table[name], a))
        case "smooth" if x.is_float:
            name = draw(st.sampled_from(sorted(SMOOTH)))
            return Step(name, (first,), SMOOTH[name])
        case "cast":
            dtype = draw(st.sampled_from(sorted(set(DTYPES))))
            if not x.exact and not dtype.startswith("float"):
                return None
            return Step(f"to {dtype}", (first,), lambda x: cr.astype(x, dtype))
        case "layout" if axes:
            return draw(_layout(first, x.value.shape))  # type: ignore[no-any-return]
        case "places":
            return draw(_places(first, x.value.shape))  # type: ignore[no-any-return]
        case "product":
            return draw(_product(first, known, most))  # type: ignore[no-any-return]
        case _ if numeric:
            names = sorted(EXACT)
            if not x.exact:
                names = [n for n in names if n not in ("sign", "relu", "largest", _BRANCH)]
            name = draw(st.sampled_from(names))
            return Step(name, (first,), EXACT[name])
    return None


_LETTERS = "ijklmnopqrstuvwxyzabcdefgh"
_BRANCH = "choice of a branch"
_KINDS = [
    "both", "compared", "axis", "axis", "smooth", "cast", "layout", "places", "product", "product",
    "exact", "exact",
]  # fmt: skip


def _with(run: Callable[[Any, int], Any], axis: int) -> Run:
    return lambda x: run(x, axis)


def _fit(x: np.ndarray, y: np.ndarray) -> bool:
    if "b" in (x.dtype.kind, y.dtype.kind):
        return False
    try:
        np.broadcast_shapes(x.shape, y.shape)
    except ValueError:
        return False
    return True


@st.composite
def _layout(draw: Any, first: int, shape: Shape) -> Step:
    what = draw(st.sampled_from(["permute", "index", "reshape"]))
    if what == "permute":
        order = tuple(draw(st.permutations(range(len(shape)))))
        return Step(f"permute {order}", (first,), lambda x: cr.permute_dims(x, order))
    if what == "reshape":
        return draw(_reshape(first, shape))  # type: ignore[no-any-return]
    start = st.integers(-3, 3) | st.none()
    steps = st.sampled_from([1, 1, 2, 3, -1, -2])
    index = tuple(
        draw(st.integers(-n, n - 1) | st.builds(slice, start, start, steps)) if n else slice(None)
        for n in shape
    )
    return Step(f"index {index}", (first,), lambda x: x[index])


@st.composite
def _reshape(draw: Any, first: int, shape: Shape) -> Step:
    """The same elements under other axes: each is split at a divisor, or joined with the next."""
    made: list[int] = []
    for n in shape:
        if made and draw(st.booleans()):
            made[-1] *= n
            continue
        divisors = [d for d in range(1, n + 1) if n % d == 0] or [1]
        d = draw(st.sampled_from(divisors))
        made += [d, n // d]
    new = tuple(made)
    return Step(f"reshape {new}", (first,), lambda x: cr.reshape(x, new))


@st.composite
def _places(draw: Any, first: int, shape: Shape) -> Step | None:
    """Gather, scatter, embedding: rows at indices, perhaps repeated."""
    if not shape or not shape[0]:
        return None
    count = draw(st.integers(0, 6))
    rows = draw(st.lists(st.integers(0, shape[0] - 1), min_size=count, max_size=count))
    index = np.array(rows, dtype=draw(st.sampled_from(["int64", "int32", "uint8"])))
    what = draw(st.sampled_from(["take", "embedding", "add", "set", "back"]))
    if what == "take":
        axis = draw(st.integers(0, len(shape) - 1))
        if not shape[axis]:
            return None
        index = index % shape[axis]
        return Step(f"take {rows} {axis}", (first,), lambda x: cr.take(x, index, axis=axis))
    if what == "embedding":
        return Step(f"embedding {rows}", (first,), lambda x: cr.embedding(cr.tensor(index), x))
    if what == "set":
        return Step(f"set {rows}", (first,), lambda x: x.at[cr.tensor(index)].set(x[:1]))
    if what == "back":
        weight = np.arange(count).reshape((count,) + (1,) * (len(shape) - 1)) - 1.0

        def back(x: Any) -> Any:
            if x.dtype not in (cr.float32, cr.float64):
                return x
            w = cr.astype(cr.tensor(weight), x.dtype)
            return cr.grad(lambda t: cr.sum(cr.take(t, index, axis=0) * w))(x)

        return Step(f"adjoint of take {rows}", (first,), back)
    return Step(
        f"add at {rows}", (first,),
        lambda x: x if x.dtype is cr.bool else x.at[cr.tensor(index)].add(x[:1]),
    )  # fmt: skip


@st.composite
def _product(draw: Any, first: int, known: list[Known], most: int) -> Step:
    """A contraction: of two values where axes fit, else of one with itself."""
    shape = known[first].value.shape
    others = [
        k for k, y in enumerate(known)
        if y.value.dtype.kind != "b" and y.value.ndim and set(y.value.shape) & set(shape)
    ]  # fmt: skip
    if shape and others and draw(st.booleans()):
        other = draw(st.sampled_from(others))
        both = _contraction(first, other, shape, known[other].value.shape, most)
        return draw(both)  # type: ignore[no-any-return]
    letters = _LETTERS[: len(shape)]
    kept = "".join(c for c in letters if draw(st.booleans()))
    text = f"{letters},{letters}->{kept}"
    return Step(f"einsum {text}", (first,), lambda x: cr.einsum(text, x, x - 1))


@st.composite
def _contraction(draw: Any, first: int, other: int, left: Shape, right: Shape, most: int) -> Step:
    a = _LETTERS[: len(left)]
    b = ""
    for n in right:
        fits = [c for c, size in zip(a, left, strict=True) if size == n and c not in b]
        b += draw(st.sampled_from([*fits, _LETTERS[-1 - len(b)]]))
    sizes = dict(zip(a, left, strict=True)) | dict(zip(b, right, strict=True))
    kept: list[str] = []
    for c in dict.fromkeys(a + b):
        size = np.prod([sizes[k] for k in kept], dtype=int) * sizes[c]
        if size <= most and draw(st.integers(0, 3 if c in a and c in b else 9)) != 0:
            if c in a and c in b and draw(st.booleans()):
                continue
            kept.append(c)
    order = draw(st.permutations(kept))
    text = f"{a},{b}->{''.join(order)}"
    return Step(f"einsum {text}", (first, other), lambda x, y: cr.einsum(text, x, y))
