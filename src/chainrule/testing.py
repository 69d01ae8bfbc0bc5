"""Check derivatives and values: what our own tests use, for your functions.

``check_gradients`` compares both modes, to any order, with central differences; ``check_transpose``
compares reverse mode with forward mode; ``assert_close`` compares numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Literal

import numpy as np

from chainrule import tree
from chainrule.autodiff import numerical
from chainrule.errors import ArgumentError
from chainrule.tensors import Tensor, tensor
from chainrule.transform import jvp, vjp

__all__ = ["assert_close", "check_gradients", "check_transpose"]

Function = Callable[..., Any]
Mode = Literal["forward", "reverse"]

_RTOL: Final = {"float64": 1e-7, "float32": 1e-5}
_LISTED: Final = 4  # how many differences a message shows


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    names: tuple[str, str] = ("actual", "expected"),
    title: str = "assert_close",
) -> None:
    """Raise unless two trees have one structure, equal shapes and nearly equal numbers.

    |actual − expected| ≤ atol + rtol·|expected|, elementwise; NaN equals NaN. By default rtol is
    1e−7 where both are ``float64``, 1e−5 where one is ``float32``, 0 for integers and booleans,
    and atol is rtol.

    Raises:  AssertionError: naming the leaf, the places that differ most, and both values there.

    >>> cr.testing.assert_close(cr.tensor([1.0, 2.0]) / 3, np.array([0.33333333, 0.66666667]))
    """
    given, structure = tree.flatten(actual)
    wanted, other = tree.flatten(expected)
    if structure != other:
        raise AssertionError(
            f"{title}: the trees differ\n\n    {names[0]}  {structure}\n    {names[1]}  {other}"
        )
    paths = [path for path, _ in tree.paths(actual)]
    for path, left, right in zip(paths, given, wanted, strict=True):
        label = f"{title}: {path}" if path else title
        _close(label, names, _array(left), _array(right), rtol, atol)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach().numpy() if isinstance(value, Tensor) else value)


def _close(
    label: str,
    names: tuple[str, str],
    left: np.ndarray,
    right: np.ndarray,
    rtol: float | None,
    atol: float | None,
) -> None:
    if left.shape != right.shape:
        raise AssertionError(
            f"{label}: {names[0]} has shape {list(left.shape)}, {names[1]} {list(right.shape)}"
        )
    if rtol is None:
        rtol = max((_RTOL.get(a.dtype.name, 0.0) for a in (left, right)), default=0.0)
    if atol is None:
        atol = rtol
    a, b = (x if x.dtype.kind == "f" else x.astype(np.float64) for x in (left, right))
    with np.errstate(all="ignore"):
        excess = abs(a - b) - (atol + rtol * abs(b))
        wrong = ~((a == b) | (np.isnan(a) & np.isnan(b)) | (excess <= 0))
    if wrong.any():
        raise AssertionError(_differences(label, names, left, right, wrong, (atol, rtol)))


def _differences(
    label: str,
    names: tuple[str, str],
    left: np.ndarray,
    right: np.ndarray,
    wrong: np.ndarray,
    tolerances: tuple[float, float],
) -> str:
    """The places that differ most, with both values."""
    with np.errstate(all="ignore"):
        size = abs(left.astype(np.float64) - right.astype(np.float64))
    rank = np.where(wrong, np.nan_to_num(size, nan=np.inf, posinf=np.inf), -1.0)
    order = np.argsort(-rank, axis=None, kind="stable")[: min(_LISTED, int(wrong.sum()))]
    lines = []
    for flat in order:
        place = tuple(int(i) for i in np.unravel_index(flat, left.shape))
        where = f"at {list(place)}" if place else "here"
        lines.append(
            f"    {where}  {names[0]} {left[place]:.10g}  {names[1]} {right[place]:.10g}"
            f"  difference {size[place]:.3g}"
        )
    atol, rtol = tolerances
    return (
        f"{label}: {int(wrong.sum())} of {left.size} elements differ\n\n"
        + "\n".join(lines)
        + f"\n\n  Allowed are {atol:g} + {rtol:g}·|{names[1]}|."
    )


# ---------------------------------------------------------------- derivatives


def check_gradients(
    f: Function,
    *args: Any,
    orders: int = 2,
    modes: Sequence[Mode] = ("forward", "reverse"),
    tolerance: float = 1e-6,
    seed: int = 0,
) -> None:
    """Raise unless the derivatives of f at these arguments agree with each other and with numbers.

    In random directions ẋ and ȳ: forward mode J ẋ equals central differences of f, and reverse mode
    satisfies ⟨ȳ, J ẋ⟩ = ⟨Jᵀ ȳ, ẋ⟩. For higher orders the same is asked of x ↦ J(x) ẋ and of
    x ↦ J(x)ᵀ ȳ, so every mixture of modes occurs. Arguments are trees; floating-point leaves are
    differentiated, in ``float64``, and everything else stays as it is.

    Raises:  AssertionError: naming the order, the modes, the place and both numbers.
             ArgumentError: no argument or no result is floating-point.
    Cost:    eight or sixteen evaluations of f for each order and mixture of modes.

    >>> cr.testing.check_gradients(lambda x, y: cr.sin(x) * y, 0.5, cr.tensor([1.0, 2.0]))
    """
    flat, point = _flattened(f, args)
    if not point:
        raise ArgumentError("check_gradients: no argument is floating-point")
    if not flat(*point):
        raise ArgumentError("check_gradients: no result is floating-point")
    waiting: list[tuple[Function, str, int]] = [(flat, "", 1)]
    generator = np.random.default_rng(seed)
    while waiting:
        g, before, order = waiting.pop()
        direction = _random(generator, point)
        cotangent = _random(generator, g(*point))
        title = f"check_gradients: order {order}{before}"
        _check_once(g, point, direction, cotangent, modes, tolerance, title)
        if order < orders:
            derived = {
                "forward": partial(_tangent, g, direction),
                "reverse": partial(_cotangent, g, cotangent),
            }
            for mode in modes:
                after = f"{before or ' of'} {mode} mode"
                waiting.append((derived[mode], after, order + 1))


def check_transpose(f: Function, *args: Any, tolerance: float = 1e-9, seed: int = 0) -> None:
    """Raise unless reverse mode is the transpose of forward mode for f at these arguments.

    ⟨ȳ, J ẋ⟩ = ⟨Jᵀ ȳ, ẋ⟩ in random directions ẋ and ȳ.

    >>> cr.testing.check_transpose(lambda x: cr.exp(x) * x, cr.tensor([1.0, 2.0]))
    """
    flat, point = _flattened(f, args)
    generator = np.random.default_rng(seed)
    direction = _random(generator, point)
    cotangent = _random(generator, flat(*point))
    _, tangent = jvp(flat, point, direction)
    _check_identity(flat, point, direction, cotangent, tangent, tolerance, "check_transpose")


def _flattened(f: Function, args: Sequence[Any]) -> tuple[Function, list[Tensor]]:
    """The function from the floating-point leaves of the arguments to those of the results."""
    leaves, structure = tree.flatten(tuple(args))
    leaves = [tensor(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
    places = [k for k, leaf in enumerate(leaves) if _is_floating(leaf)]

    def flat(*reals: Tensor) -> list[Tensor]:
        filled = list(leaves)
        for k, real in zip(places, reals, strict=True):
            filled[k] = real
        results, _ = tree.flatten(f(*tree.unflatten(structure, filled)))
        return [r for r in results if isinstance(r, Tensor) and r.dtype.is_float]

    return flat, [tensor(_array(leaves[k]).astype(np.float64)) for k in places]


def _is_floating(leaf: Any) -> bool:
    if isinstance(leaf, Tensor):
        return leaf.dtype.is_float
    return isinstance(leaf, float | np.floating)


def _random(generator: np.random.Generator, like: Sequence[Tensor]) -> list[Tensor]:
    """Directions with elements between −1 and 1."""
    return [tensor(generator.uniform(-1, 1, t.shape)) for t in like]


def _tangent(g: Function, direction: Sequence[Tensor], *point: Tensor) -> Any:
    return jvp(g, point, direction)[1]


def _cotangent(g: Function, cotangent: Sequence[Tensor], *point: Tensor) -> list[Tensor]:
    return list(vjp(g, *point)[1](list(cotangent)))


def _check_once(
    g: Function,
    point: Sequence[Tensor],
    direction: Sequence[Tensor],
    cotangent: Sequence[Tensor],
    modes: Sequence[Mode],
    tolerance: float,
    title: str,
) -> None:
    differences = [tensor(d) for d in _numerical(g, point, direction)]
    tangent: Sequence[Tensor] = differences
    if "forward" in modes:
        value, tangent = jvp(g, point, direction)
        assert_close(value, g(*point), title=f"{title}, the value under jvp")
        size = max([1.0, *(float(abs(_array(d)).max(initial=0.0)) for d in differences)])
        names = ("jvp", "central differences")
        assert_close(tangent, differences, rtol=0, atol=tolerance * size, names=names, title=title)
    if "reverse" in modes:
        _check_identity(g, point, direction, cotangent, tangent, tolerance, title)


def _numerical(
    g: Function, point: Sequence[Tensor], direction: Sequence[Tensor]
) -> list[np.ndarray]:
    def arrays(values: list[np.ndarray]) -> list[np.ndarray]:
        return [_array(y) for y in g(*map(tensor, values))]

    return numerical.directional(arrays, list(map(_array, point)), list(map(_array, direction)))


def _check_identity(
    g: Function,
    point: Sequence[Tensor],
    direction: Sequence[Tensor],
    cotangent: Sequence[Tensor],
    tangent: Sequence[Tensor],
    tolerance: float,
    title: str,
) -> None:
    value, pull = vjp(g, *point)
    assert_close(value, g(*point), title=f"{title}, the value under vjp")
    pulled = pull(list(cotangent))
    forward = list(_products(cotangent, tangent))
    reverse = list(_products(pulled, direction))
    size = max(1.0, sum(map(abs, forward)), sum(map(abs, reverse)))
    names = ("⟨Jᵀ ȳ, ẋ⟩ (vjp)", "⟨ȳ, J ẋ⟩")
    assert_close(
        sum(reverse), sum(forward), rtol=0, atol=tolerance * size, names=names, title=title
    )


def _products(left: Sequence[Tensor], right: Sequence[Tensor]) -> Iterator[float]:
    for a, b in zip(left, right, strict=True):
        yield float(np.vdot(_array(a), _array(b)))
