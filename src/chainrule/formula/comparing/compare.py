"""compare: four ways to one derivative, side by side.

Manual (a rule that the user derived), symbolic (the printed formula, evaluated), numerical (central
differences) and automatic (forward and reverse mode).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.errors import ChainruleError, FormulaError
from chainrule.formula.comparing.corners import Corner, corners
from chainrule.formula.comparing.curve import Curve, curve
from chainrule.formula.comparing.disagreement import Disagreement, in_program, in_rule
from chainrule.formula.comparing.ways import (
    Rule,
    Setting,
    Way,
    called,
    explained,
    forward,
    manual,
    numerical,
    plain,
    reverse,
    symbolic,
    tensors,
)
from chainrule.formula.derivation.samples import Signature, guesses, signature
from chainrule.formula.explaining.explanation import Explanation
from chainrule.ir.graph import Node
from chainrule.tensors import Tensor
from chainrule.transform.trace import Trace

__all__ = ["Comparison", "Way", "compare"]

Array = npt.NDArray[Any]
_AGREES, _DIFFERENCES_AGREE = 1e-8, 1e-6


@final
@dataclass(frozen=True)
class Comparison:
    """The derivative of one function by one variable, in several ways.

    left          what is compared, such as ∂L/∂W
    sizes         the sizes of the axes at which it was computed
    ways          the ways, each with its value and cost
    curve         the error of a central difference against its step
    kinks         the elements of the variable that lie on a kink
    disagreement  the first value whose derivative is wrong, if any is
    """

    left: str
    sizes: Mapping[str, int]
    ways: tuple[Way, ...]
    curve: Curve
    kinks: tuple[Corner, ...] = ()
    disagreement: Disagreement | None = None

    def __getitem__(self, name: str) -> Way:
        return next(w for w in self.ways if w.name == name)

    @property
    def agrees(self) -> bool:
        """Whether all ways give the same derivative; at a kink differences need not."""
        return all(
            w.value is None or (w.name == "numerical" and self.kinks) or not _is_off(w)
            for w in self.ways
        )

    def __str__(self) -> str:
        """The table, the kinks, the first disagreement, and the curve."""
        at = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        lines = [self.left + (f"   at {at}" if at else ""), *_table(self.ways)]
        lines += [f"   {w.name}: {w.note}" for w in self.ways if w.note]
        lines += [f"   kink here: {kink}" for kink in self.kinks]
        if self.disagreement is not None:
            lines.append(f"   first disagreement: {self.disagreement}")
        lines += ["", "   error of the central difference against its step", str(self.curve)]
        return "\n".join(lines)

    __repr__ = __str__


def _is_off(way: Way) -> bool:
    """Whether a way has a value, and another one than reverse mode."""
    limit = _DIFFERENCES_AGREE if way.name == "numerical" else _AGREES
    if way.value is None or way.name == "reverse":
        return False
    return way.error is None or not way.error < limit


def compare(
    f: Callable[..., Any],
    wrt: str,
    *examples: Any,
    rule: Rule | None = None,
    axes: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Comparison:
    """Compute the gradient of a function in four ways and put them side by side.

    ``rule`` is a derivation of your own: a function of (some of) f's arguments, or an expression as
    text. The point is that of the examples where there are any, else a random one. Errors are
    relative to reverse mode, which is exact up to round-off.

    Raises:  FormulaError: no such parameter, an unknown shape, or f does not give one number.

    >>> def loss(w: "d", X: "n d", y: "n"):
    ...     r = X @ w - y
    ...     return cr.sum(r**2)
    >>> found = compare(loss, "w", rule=lambda w, X, y: 2 * X.T @ (X @ w - y))
    >>> [way.name for way in found.ways], found.agrees
    (['manual', 'symbolic', 'numerical', 'forward', 'reverse'], True)
    """
    given = signature(f, examples, axes, facts)
    if wrt not in given.axes:
        raise FormulaError(
            f"compare: {f.__name__} has no parameter {wrt!r} with axes; it has "
            + ", ".join(given.axes)
        )
    point = _point(f, given, examples)
    _check_number(f, point)
    setting = Setting(f, wrt, given, point, _sizes(given, point), examples, axes, facts)
    return _compared(setting, rule, explained(setting))


def _compared(setting: Setting, rule: Rule | None, formula: Explanation | str) -> Comparison:
    recorded = setting.traced()
    variable = next(n for n in recorded.graph.inputs if recorded.names[n] == setting.wrt)
    exact = reverse(setting)
    truth = exact.value
    assert truth is not None
    direction = np.random.default_rng(0).choice([-1.0, 1.0], setting.start.shape)
    ways = [
        *([manual(setting, rule)] if rule is not None else []),
        symbolic(setting, formula),
        numerical(setting, recorded),
        forward(setting),
        exact,
    ]
    ways = [replace(w, error=_distance(w.value, truth)) if w is not exact else w for w in ways]
    found = corners(recorded, variable, setting.point, setting.number, truth)
    slope = float(np.sum(truth * direction))
    return Comparison(
        _left(setting, formula),
        setting.sizes,
        tuple(ways),
        curve(setting.number, setting.start, direction, slope),
        found,
        _disagreement(setting, rule, ways, (recorded, variable), bool(found)),
    )


def _left(setting: Setting, formula: Explanation | str) -> str:
    if isinstance(formula, Explanation):
        return formula.left
    return f"∂{setting.f.__name__}/∂{setting.wrt}"


def _disagreement(
    setting: Setting, rule: Rule | None, ways: Sequence[Way], program: tuple[Trace, Node],
    at_kink: bool,
) -> Disagreement | None:  # fmt: skip
    wrong = {w.name for w in ways if _is_off(w)}
    if "numerical" in wrong and not at_kink:
        return in_program(program[0], setting.point, program[1])
    if "manual" in wrong and callable(rule):
        return in_rule(rule, lambda: called(rule, setting.point), program[0], setting.point)
    return None


# ---------------------------------------------------------------- the point


def _point(f: Callable[..., Any], given: Signature, examples: Sequence[Any]) -> dict[str, Any]:
    """The examples, and random values for the other parameters at which f is finite."""
    shown = dict(zip(inspect.signature(f).parameters, examples, strict=False))
    own = {n: np.asarray(plain(v), float) if _is_real(v) else np.asarray(plain(v))
           for n, v in shown.items() if n in given.axes}  # fmt: skip
    sizes = {n: v[0] for n, v in given.sizes().named.items()} | dict(given.examples)
    problem: ChainruleError | None = None
    drawn: dict[str, Any] = {}
    for kind in guesses():
        drawn = {**given.draw(sizes, np.random.default_rng(0), kind), **own}
        try:
            value = f(**tensors(drawn))
        except ChainruleError as error:
            problem = error
            continue
        if not isinstance(value, Tensor) or np.isfinite(value.numpy()).all():
            return drawn
    if problem is not None:
        raise problem
    return drawn


def _is_real(value: Any) -> bool:
    return np.asarray(plain(value)).dtype.kind == "f"


def _sizes(given: Signature, point: Mapping[str, Any]) -> dict[str, int]:
    return {
        word: size
        for name, words in given.axes.items()
        for word, size in zip(words, np.shape(point[name]), strict=True)
        if not word.isdigit()
    }


def _check_number(f: Callable[..., Any], point: Mapping[str, Any]) -> None:
    value = f(**tensors(point))
    if not isinstance(value, Tensor) or value.shape != () or not value.dtype.is_float:
        kind = f"shape {list(value.shape)}" if isinstance(value, Tensor) else repr(type(value))
        raise FormulaError(
            f"compare: {f.__name__} gives {kind}, not a number\n\n"
            "  The ways are compared on gradients; sum or average the result."
        )


def _distance(found: Array | None, truth: Array) -> float | None:
    if found is None or found.shape != truth.shape:
        return None
    there = ~np.isnan(found)
    scale = max(1e-12, float(np.max(np.abs(truth), initial=0.0)))
    return float(np.max(np.abs(found - truth), initial=0.0, where=there)) / scale


# ---------------------------------------------------------------- the table


def _table(ways: Sequence[Way]) -> list[str]:
    head = ("", "norm", "first", "error", "operations", "memory", "time")
    rows = [head, *map(_row, ways)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    return [
        "   " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]


def _row(way: Way) -> tuple[str, ...]:
    norm = first = "–"
    if way.value is not None and way.value.size:
        known = way.value[~np.isnan(way.value)]
        norm = f"{np.linalg.norm(known):.6g}" if known.size == way.value.size else "–"
        first = f"{known.flat[0]:.6g}" if not np.isnan(way.value.flat[0]) else "–"
    reference = "exact" if way.name == "reverse" else "–"
    error = f"{way.error:.0e}" if way.error is not None else reference
    return (way.name, norm.replace("-", "−"), first.replace("-", "−"), error.replace("-", "−"),
            f"{way.operations:,}" if way.operations is not None else "–",
            _bytes(way.memory), _time(way.seconds))  # fmt: skip


def _bytes(count: int | None) -> str:
    if count is None:
        return "–"
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} B"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
