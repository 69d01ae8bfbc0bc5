"""The error of a central difference against its step: where truncation ends and round-off begins.

    f′(x)·d = (f(x + h d) − f(x − h d)) / 2h + E(h),    |E(h)| ≈ h²/6 · |f‴| + ε |f| / h

so that the best step is h = ∛(3 ε |f| / |f‴|).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

__all__ = ["Curve", "best_step", "curve", "third_derivative"]

Array = npt.NDArray[np.float64]
Scalar = Callable[[Array], float]

_EPS = float(np.finfo(float).eps)
_COARSE = 2.0**-10  # about the fifth root of ε, best for a third derivative
_LARGEST = 2.0**-3
_STEPS = tuple(10.0 ** (-k / 2) for k in range(2, 27))
_WIDTH, _HEIGHT = 50, 9


@final
@dataclass(frozen=True)
class Curve:
    """How wrong a central difference is for each step, relative to the derivative's size.

    steps   the steps h
    errors  the error that each gave
    chosen  the step that the model of truncation and round-off recommends
    model   the error that the model predicts for each step
    """

    steps: tuple[float, ...]
    errors: tuple[float, ...]
    chosen: float
    model: tuple[float, ...]

    def __str__(self) -> str:
        """The curve as text: the logarithm of the error against that of the step."""
        rows, low, high = self._places()
        grid = [[" "] * (len(self.steps) * 2) for _ in range(_HEIGHT)]
        for column, row in enumerate(rows):
            grid[row][2 * column] = "•"
        labels = [f"10^{round(high - (high - low) * r / (_HEIGHT - 1)):d}" for r in range(_HEIGHT)]
        lines = [
            f"   {label if r in (0, _HEIGHT - 1) else '':>7} │{''.join(cells).rstrip()}"
            for r, (label, cells) in enumerate(zip(labels, grid, strict=True))
        ]
        first, last = (math.log10(s) for s in (self.steps[0], self.steps[-1]))
        axis = f"h = 10^{first:.0f}" + " " * (2 * len(self.steps) - 20) + f"10^{last:.0f}"
        best = f"step {self.chosen:.0e} chosen: h = ∛(3ε|f|/|f‴|)"
        return "\n".join([*lines, f"{'':10} └{'─' * 2 * len(self.steps)}", f"{'':12}{axis}",
                          f"{'':12}{best}"])  # fmt: skip

    def svg(self, width: int = 320, height: int = 200) -> str:
        """The curve as an SVG picture; the model is the thin line."""
        low, high = _range((*self.errors, *self.model))
        left, right = math.log10(self.steps[-1]), math.log10(self.steps[0])

        def place(step: float, error: float) -> str:
            x = (math.log10(step) - left) / (right - left) * (width - 20) + 10
            y = (high - _log(error)) / max(high - low, 1e-9) * (height - 20) + 10
            return f"{x:.1f},{y:.1f}"

        dots = "".join(
            '<circle cx="{}" cy="{}" r="2.5"/>'.format(*place(s, e).split(","))
            for s, e in zip(self.steps, self.errors, strict=True)
        )
        line = " ".join(place(s, e) for s, e in zip(self.steps, self.model, strict=True))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
            "<title>error of the central difference against its step, both logarithmic</title>"
            f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-opacity="0.4"/>'
            f'<g fill="currentColor">{dots}</g></svg>'
        )

    def _places(self) -> tuple[list[int], float, float]:
        low, high = _range(self.errors)
        scale = (_HEIGHT - 1) / max(high - low, 1e-9)
        return [round((high - _log(e)) * scale) for e in self.errors], low, high


def _log(error: float) -> float:
    return math.log10(max(error, _EPS / 16)) if math.isfinite(error) else 0.0


def _range(errors: Sequence[float]) -> tuple[float, float]:
    logs = [_log(e) for e in errors]
    return math.floor(min(logs)), math.ceil(max(logs))


def third_derivative(f: Scalar, point: Array, direction: Array) -> float:
    """Estimate f‴ along a direction from four values."""
    h = _COARSE
    far = f(point + 2 * h * direction) - f(point - 2 * h * direction)
    near = f(point + h * direction) - f(point - h * direction)
    return (far - 2 * near) / (2 * h**3)


def best_step(value: float, third: float) -> float:
    """The step at which truncation and round-off are in balance.

    A function whose third derivative is zero has no truncation error: the largest step is best.
    """
    noise = 3 * _EPS * max(abs(value), _EPS)
    if abs(third) * _LARGEST**3 <= noise or not math.isfinite(third):
        return _LARGEST
    return math.cbrt(noise / abs(third))


def curve(f: Scalar, point: Array, direction: Array, slope: float) -> Curve:
    """Measure the error of the central difference for steps from 10⁻¹ to 10⁻¹³."""
    value, third = f(point), third_derivative(f, point, direction)
    size = max(abs(slope), 1e-300)
    found = [(f(point + h * direction) - f(point - h * direction)) / (2 * h) for h in _STEPS]
    model = [(h * h / 6 * abs(third) + _EPS * abs(value) / h) / size for h in _STEPS]
    errors = tuple(abs(d - slope) / size for d in found)
    return Curve(_STEPS, errors, best_step(value, third), tuple(model))
