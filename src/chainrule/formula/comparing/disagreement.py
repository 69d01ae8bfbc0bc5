"""Where two derivatives part: the first named value whose cotangent is wrong.

The cotangent of a value is the derivative by a zero added to it, so a difference in that value,
with all that came before left alone, tells whether what flowed back so far is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.autodiff.numerical import directional
from chainrule.ir.graph import Node, dependents
from chainrule.runtime.reference import evaluate
from chainrule.tensors import Tensor
from chainrule.transform.trace import Trace, locals_at_return

__all__ = ["Disagreement", "in_program", "in_rule"]

Array = npt.NDArray[Any]

_CLOSE = 1e-6
_AFFIXES = ("d{}", "d_{}", "grad_{}", "g_{}", "{}_grad", "delta_{}", "δ{}", "{}_bar", "dL_d{}")


@final
@dataclass(frozen=True)
class Disagreement:
    """The first value, on the way back from the result, whose derivative is wrong.

    way     which derivative is wrong: "automatic" or "manual"
    name    the value
    after   the named value that comes next in the program, whose derivative is still right
    line    where the program computes what lies between the two
    error   the relative error of the derivative by the value
    """

    way: str
    name: str
    after: str
    line: str
    error: float

    def __str__(self) -> str:
        """One sentence."""
        place = f" ({self.line})" if self.line else ""
        if self.way == "manual" and not self.after:
            return f"manual: {self.name} is the first value that is wrong, by {self.error:.1e}"
        right = f"∂/∂{self.after} is right, " if self.after else ""
        return f"{self.way}: {right}∂/∂{self.name} is off by {self.error:.1e}{place}"


def in_program(trace: Trace, point: Mapping[str, Array], variable: Node) -> Disagreement | None:
    """Compare the cotangent of every named value with differences, from the result backward."""
    values: dict[Node, Any] = {n: point[trace.names[n]] for n in trace.graph.inputs}
    (output,) = evaluate(trace.graph.outputs, values)
    del output
    gradients = trace.cotangents()
    _, between = dependents(trace.graph.outputs, [variable])
    named = [n for n in sorted(between, key=lambda n: -n.serial) if n in trace.names]
    after, user = "", None
    for node in named:
        if node not in gradients:
            continue
        error = _error(trace, node, gradients[node], values)
        if error > _CLOSE:
            line = trace.lines.get(user, "") if user is not None else ""
            return Disagreement("automatic", trace.names[node], after, line, error)
        after, user = trace.names[node], node
    return None


def _error(trace: Trace, node: Node, gradient: Node, values: Mapping[Node, Any]) -> float:
    direction = np.random.default_rng(0).choice([-1.0, 1.0], node.shape)
    known = {n: values[n] for n in trace.graph.inputs}

    def moved(arrays: list[Array]) -> list[Array]:
        return evaluate(trace.graph.outputs, {**known, node: arrays[0]})

    (slope,) = directional(moved, [np.asarray(values[node])], [direction])
    (found,) = evaluate([gradient], dict(values))
    scale = max(float(np.sum(np.abs(found))), abs(float(slope)), 1e-12)
    return abs(float(np.sum(found * direction)) - float(slope)) / scale


def in_rule(
    rule: Callable[..., Any], call: Callable[[], Any], trace: Trace, point: Mapping[str, Array]
) -> Disagreement | None:
    """Compare the local variables of a manual rule with values and cotangents of the same name.

    ``Z`` is compared with the program's Z, and ``dZ``, ``grad_Z``, ``Z_grad`` … with ∂f/∂Z.
    """
    with locals_at_return(rule) as found:
        call()
    held = {name: _array(v) for name, v in found.items()}
    values: dict[Node, Any] = {n: point[trace.names[n]] for n in trace.graph.inputs}
    gradients = trace.cotangents()
    named = sorted(trace.names, key=lambda n: n.serial)
    for node in named:
        mine = held.get(trace.names[node])
        error = _distance(mine, node, values)
        if error > _CLOSE:
            return Disagreement("manual", trace.names[node], "", "", error)
    after = ""
    for node in reversed(named):
        name = trace.names[node]
        mine = next((held[a.format(name)] for a in _AFFIXES if a.format(name) in held), None)
        if mine is None or node not in gradients:
            continue
        error = _distance(mine, gradients[node], values)
        if error > _CLOSE:
            return Disagreement("manual", name, after, "", error)
        after = name
    return None


def _array(value: Any) -> Array | None:
    held = value.numpy() if isinstance(value, Tensor) else value
    return held if isinstance(held, np.ndarray) and held.dtype.kind == "f" else None


def _distance(mine: Array | None, node: Node, values: dict[Node, Any]) -> float:
    if mine is None or not node.dtype.is_float:
        return 0.0
    (truth,) = evaluate([node], values)
    if mine.shape != np.shape(truth):
        return np.inf
    scale = max(1e-12, float(np.max(np.abs(truth), initial=0.0)))
    return float(np.max(np.abs(mine - truth), initial=0.0)) / scale
