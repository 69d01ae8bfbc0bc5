"""Kinks at a point: which elements of a variable have a left and a right derivative there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.formula.explaining.switches import Switch, switches
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Reduce
from chainrule.runtime.reference import evaluate
from chainrule.transform.trace import Trace

__all__ = ["Corner", "corners"]

Array = npt.NDArray[Any]

_STEP = 2.0**-16
_NOT_EQUAL = 1e-5
_MOST = 256  # elements that are tried
_SHOWN = 8


@final
@dataclass(frozen=True)
class Corner:
    """An element of the variable at which the function has a kink.

    element     the element, such as ``w[0]``
    cause       what is at its kink there, such as ``abs at w[0] = 0``
    left        the derivative from below
    right       the derivative from above
    convention  what the transforms give
    """

    element: str
    cause: str
    left: float
    right: float
    convention: float

    def __str__(self) -> str:
        """One line."""
        left, right, here = map(shown, (self.left, self.right, self.convention))
        return f"{self.element}: left {left}, right {right}, convention {here}   ({self.cause})"


def shown(value: float) -> str:
    """A derivative with as many digits as a one-sided difference has."""
    rounded = round(value, 6) + 0.0
    return f"{rounded:.6g}".replace("-", "−")


def corners(
    trace: Trace, variable: Node, point: Mapping[str, Array], f: Callable[[Array], float],
    convention: Array,
) -> tuple[Corner, ...]:  # fmt: skip
    """The kinks on which a point lies; none if the derivatives of both sides are equal there.

    f is the function of the variable alone, and ``convention`` its derivative as the transforms
    give it.
    """
    values = {n: point[trace.names[n]] for n in trace.graph.inputs}
    found = [c for s in switches(trace.graph, variable) for c in _touched(s, values, trace)]
    if not found:
        return ()
    start = point[trace.names[variable]]
    made = []
    for place in list(np.ndindex(start.shape))[:_MOST]:
        left, right = (_one_sided(f, start, place, sign) for sign in (-1, 1))
        scale = max(abs(left), abs(right), 1e-3)
        if abs(left - right) > _NOT_EQUAL * scale:
            name = element(trace.names[variable], place)
            own = [c for c in found if f"{name} =" in c] or found
            cause = own[0] + (f" and {len(own) - 1} more" if len(own) > 1 else "")
            made.append(Corner(name, cause, left, right, float(convention[place])))
    return tuple(made[:_SHOWN])


def element(name: str, place: tuple[int, ...]) -> str:
    """An element by its indices, as in Python."""
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def _one_sided(f: Callable[[Array], float], start: Array, place: Any, sign: int) -> float:
    """(−3 f(x) + 4 f(x+h) − f(x+2h)) / 2h, from one side: an error of the order h²."""
    moved = [start.copy() for _ in range(3)]
    for k, x in enumerate(moved):
        x[place] += sign * k * _STEP
    here, near, far = map(f, moved)
    return sign * (-3 * here + 4 * near - far) / (2 * _STEP)


def _touched(switch: Switch, values: dict[Node, Any], trace: Trace) -> list[str]:
    """The elements at which a switch is at its kink, in words."""
    (left,) = evaluate([switch.left], values)
    name = trace.names.get(switch.left, "its argument")
    line = trace.lines.get(switch.node, "")
    where = f", {line}" if line else ""
    if switch.chooses:
        tied = _ties(left, switch)
        return [f"{switch.name} of {name} at a tie{where}"] if tied else []
    right = 0.0 if switch.right is None else evaluate([switch.right], values)[0]
    places = np.argwhere(np.equal(left, right))
    against = "0" if switch.right is None or not np.any(right) else "its bound"
    other = None if switch.right is None else trace.names.get(switch.right)
    told = []
    for p in (tuple(map(int, p)) for p in places):
        bound = against if other is None else element(other, p)
        told.append(f"{switch.name} at {element(name, p)} = {bound}{where}")
    return told


def _ties(values: Array, switch: Switch) -> bool:
    assert isinstance(switch.node.op, Reduce)
    axes = tuple(switch.node.op.axes)
    best = (np.max if "max" in switch.name else np.min)(values, axis=axes, keepdims=True)
    return bool(np.any(np.sum(values == best, axis=axes) > 1))
