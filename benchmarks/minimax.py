"""The polynomials of codegen/mathematics, by Remez's exchange algorithm in 40 digits.

Each line of POLYNOMIALS says what is approximated: g(t) ≈ Σ cₖ tᵏ on an interval, such that the
error of the *function* that is built from g stays least relative to it; so the weight is what
stands before g there, over the function. Rounded to their type, the coefficients then climb by
units in their last places to where they leave the smallest error.

    python -m benchmarks.minimax [NAME …]

prints the coefficients, from c₀ up, and the largest relative error that they leave as a power of 2.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import mpmath as mp
import numpy as np

mp.mp.dps = 40

Function = Callable[[Any], Any]


class Wanted(NamedTuple):
    """A polynomial to find: g on [low, high], the weight of its error, its degree and its type."""

    g: Function
    weight: Function
    low: Any
    high: Any
    degree: int
    kind: str  # "f" float32, "d" float64


def quotient(numerator: Function, power: int, series: Sequence[Any]) -> Function:
    """numerator(t)/tᵖ, by the first terms of its series where t is so small that digits cancel."""

    def g(t: Any) -> Any:
        if abs(t) < mp.mpf("1e-9"):
            return sum(c * t**k for k, c in enumerate(series))
        return numerator(t) / t**power

    return g


def _rounded(c: Any, kind: str) -> float:
    return float(struct.unpack(kind, struct.pack(kind, float(c)))[0])


def _solve(wanted: Wanted, points: Sequence[Any]) -> tuple[list[Any], Any]:
    """The coefficients whose weighted error alternates between ±E on the points, and E."""
    rows, right = [], []
    for k, t in enumerate(points):
        w = abs(wanted.weight(t))
        rows.append([w * t**j for j in range(wanted.degree + 1)] + [mp.mpf((-1) ** k)])
        right.append(w * wanted.g(t))
    solved = mp.lu_solve(mp.matrix(rows), mp.matrix(right))
    return [solved[j] for j in range(wanted.degree + 1)], solved[wanted.degree + 1]


def _grid(wanted: Wanted, count: int) -> list[Any]:
    """Chebyshev's points from the low end to the high end."""
    low, high = mp.mpf(wanted.low), mp.mpf(wanted.high)
    return [
        (low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (k + mp.mpf("0.5")) / count)
        for k in range(count)
    ]


def fit(wanted: Wanted) -> list[Any]:
    """The best coefficients, before they are rounded (Remez)."""
    count = wanted.degree + 2
    points = _grid(wanted, count)
    grid = _grid(wanted, 16 * count)
    values = [(wanted.g(t), abs(wanted.weight(t))) for t in grid]
    for _ in range(12):
        found, level = _solve(wanted, points)
        errors = [
            w * (g - mp.polyval(found[::-1], t)) for t, (g, w) in zip(grid, values, strict=True)
        ]
        chosen = _extremes(grid, errors, count)
        if len(chosen) < count or max(map(abs, errors)) < abs(level) * mp.mpf("1.01"):
            break
        points = chosen
    return found


def _extremes(grid: Sequence[Any], errors: Sequence[Any], count: int) -> list[Any]:
    """The largest error of each run of one sign; the smaller end goes while there are too many."""
    runs: list[tuple[Any, Any]] = []
    for t, e in zip(grid, errors, strict=True):
        if runs and (e < 0) == (runs[-1][1] < 0):
            if abs(e) > abs(runs[-1][1]):
                runs[-1] = (t, e)
        elif e != 0:
            runs.append((t, e))
    while len(runs) > count:
        runs.pop(0 if abs(runs[0][1]) < abs(runs[-1][1]) else -1)
    return [t for t, _ in runs]


def polynomial(wanted: Wanted) -> tuple[list[float], float]:
    """The rounded coefficients, and log₂ of the largest relative error that they leave."""
    found = fit(wanted)
    grid = _grid(wanted, 500)
    weights = np.array([float(abs(wanted.weight(t))) for t in grid])
    # Errors are counted from the best polynomial's, so that float64 has digits enough for them.
    best = np.array(
        [float(abs(wanted.weight(t)) * (wanted.g(t) - mp.polyval(found[::-1], t))) for t in grid]
    )
    powers = np.array([[float(t**k) for k in range(wanted.degree + 1)] for t in grid])
    powers *= weights[:, None]

    def worst(c: Sequence[float]) -> float:
        moved = np.array([float(a - mp.mpf(b)) for a, b in zip(found, c, strict=True)])
        return float(np.abs(best + powers @ moved).max())

    rounded = [_rounded(c, wanted.kind) for c in found]
    rounded = _climbed(rounded, worst, wanted.kind)
    return rounded, float(np.log2(worst(rounded)))


def _climbed(
    coefficients: list[float], worst: Callable[[Sequence[float]], float], kind: str
) -> list[float]:
    """Move coefficients, two at a time, by units in their last places while that helps."""
    step = np.float32 if kind == "f" else np.float64
    least = worst(coefficients)
    draw = np.random.default_rng(0)
    for _ in range(3000):
        tried = list(coefficients)
        for k in draw.integers(len(tried), size=2):
            tried[k] += float(np.spacing(step(tried[k]))) * int(draw.integers(-2, 3))
        error = worst(tried)
        if error < least:
            coefficients, least = tried, error
    return coefficients


# ---------------------------------------------------------------- what is approximated

HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0005")
LOG_LOW, LOG_HIGH = mp.sqrt("0.5") - 1, mp.sqrt(2) - 1
QUARTER = mp.pi / 4 * mp.mpf("1.01")  # the quotient by π/2 may be rounded to the wrong side

_exp = quotient(lambda t: mp.expm1(t) - t, 2, [mp.mpf(1) / mp.factorial(k + 2) for k in range(5)])
_log = quotient(lambda t: mp.log1p(t) - t, 2, [mp.mpf((-1) ** (k + 1)) / (k + 2) for k in range(5)])
_root = lambda f: lambda z: f(mp.sqrt(z))  # noqa: E731 — a function of t² as one of z


def _odd(f: Function, series: Sequence[Any]) -> Function:
    """(f(t) − t)/t³ as a function of z = t²."""
    return lambda z: (
        sum(c * z**k for k, c in enumerate(series))
        if z < mp.mpf("1e-12")
        else (f(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3
    )


def _relative(f: Function) -> Function:
    """The weight t³/f(t) as a function of z = t², for f(t) = t + t³ g(z)."""
    return lambda z: z if z < mp.mpf("1e-30") else mp.sqrt(z) ** 3 / f(mp.sqrt(z))


_sin = _odd(mp.sin, [mp.mpf((-1) ** (k + 1)) / mp.factorial(2 * k + 3) for k in range(4)])
_sinh = _odd(mp.sinh, [mp.mpf(1) / mp.factorial(2 * k + 3) for k in range(4)])
_tanh = _odd(mp.tanh, [-mp.mpf(1) / 3, mp.mpf(2) / 15, -mp.mpf(17) / 315, mp.mpf(62) / 2835])
_atan = _odd(mp.atan, [mp.mpf((-1) ** (k + 1)) / (2 * k + 3) for k in range(4)])
_asin = _odd(mp.asin, [mp.mpf(1) / 6, mp.mpf(3) / 40, mp.mpf(15) / 336, mp.mpf(105) / 3456])


def _cos(z: Any) -> Any:
    """(cos t − 1 + t²/2)/t⁴ as a function of z = t²."""
    if z < mp.mpf("1e-6"):
        return sum(mp.mpf((-1) ** k) * z**k / mp.factorial(2 * k + 4) for k in range(6))
    return (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2


def _erf_less(z: Any) -> Any:
    """erf(t)/t − 1 as a function of z = t²."""
    if z < mp.mpf("1e-15"):
        return 2 / mp.sqrt(mp.pi) * (1 - z / 3) - 1
    return mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1


def _erfcx(a: Any) -> Any:
    """e^(a²) erfc(a)."""
    return mp.exp(a * a) * mp.erfc(a)


ERFC_CENTER = 4


def _erfc_curve(q: Any) -> Any:
    """(1 + 2a) e^(a²) erfc(a), where q = (a − c)/(a + c)."""
    a = ERFC_CENTER * (1 + q) / (1 - q)
    return (1 + 2 * a) * _erfcx(a)


ERFC_SCALE = mp.mpf("2.5") * mp.exp("2.25") * mp.erfc("1.5")  # nearly a float32, 2^-29.8 off


def _short_curve(q: Any) -> Any:
    """(1 + a) e^(a²) erfc(a)/c, where q = (a − 1.5)/(a + 1) and c makes it 1 at q = 0."""
    a = (mp.mpf("1.5") + q) / (1 - q)
    return (1 + a) * _erfcx(a) / ERFC_SCALE


def _short_part(q: Any) -> Any:
    """What stands behind 1 in it, over q."""
    return (_short_curve(q) - 1) / q if abs(q) > mp.mpf("1e-6") else _short_part(mp.mpf("1e-6"))


def _mills(t: Any) -> Any:
    """e^(t²/2) Φ(−t)."""
    return _erfcx(t / mp.sqrt(2)) / 2


NDTR_CENTER = mp.mpf("5.5")


def _mills_curve(q: Any) -> Any:
    """(1 + t) e^(t²/2) Φ(−t), where q = (t − c)/(t + c)."""
    t = NDTR_CENTER * (1 + q) / (1 - q)
    return (1 + t) * _mills(t)


# Two float32 s and k whose k e^(a²/2) Φ(−a) is 1 within 2^-32, where a = s k − 1.5 is near 3.7.
NDTR_SCALE, NDTR_TURN = mp.mpf("0.5248648524284363"), mp.mpf("10.02874755859375")


def _short_mills(q: Any) -> Any:
    """(1.5 + t) e^(t²/2) Φ(−t)/s, where q = 1 − s k/(1.5 + t)."""
    shifted = NDTR_SCALE * NDTR_TURN / (1 - q)
    return shifted * _mills(shifted - mp.mpf("1.5")) / NDTR_SCALE


def _short_mills_part(q: Any) -> Any:
    """What stands behind 1 in it, over q."""
    q = q if abs(q) > mp.mpf("1e-6") else mp.mpf("1e-6")
    return (_short_mills(q) - 1) / q


# Row k of the table of Φ(−t) is for the t whose (NDTR_ROOT t + NDTR_START)² is nearest to k.
NDTR_ROOT, NDTR_START = mp.mpf(".5835"), mp.mpf(".88")
NDTR_ROWS = range(1, 17)


def _normal_row(k: int) -> list[float]:
    """A center c and the coefficients of Φ(−c − r) as a polynomial of r; Φ(0) is exact."""
    low, high = ((mp.sqrt(k + h) - NDTR_START) / NDTR_ROOT for h in (-0.5, 0.5))
    if low < 0:
        part = quotient(lambda t: _normal_below(t) - 0.5, 1, [-mp.npdf(0)])
        wanted = Wanted(part, lambda r: r / _normal_below(r), 0, high, 5, "f")
        return [0.0, 0.5, *(_rounded(c, "f") for c in fit(wanted))]
    middle = (low + high) / 2
    moved = lambda r: _normal_below(middle + r)  # noqa: E731
    wanted = Wanted(moved, lambda r: 1 / moved(r), low - middle, high - middle, 6, "f")
    best = fit(wanted)

    def about(center: float) -> list[Any]:
        return mp.taylor(lambda r: mp.polyval(best[::-1], r), mp.mpf(center) - middle, 6)

    def off(center: float) -> float:
        """How far the first two are from float32; the others' rounding does no harm."""
        return max(abs(float(_rounded(c, "f") / c - 1)) for c in about(center)[:2])

    near = np.random.default_rng(0).uniform(-1, 1, 1000) * float(high - low) / 500
    center = min((_rounded(middle + d, "f") for d in near), key=off)
    return [center, *(_rounded(c, "f") for c in about(center))]


def _normal_below(t: Any) -> Any:
    return mp.erfc(t / mp.sqrt(2)) / 2


def _print_normal_table() -> None:
    """Print columns: the centers, then the coefficients of each power; row k is number k & 15."""
    rows = sorted(NDTR_ROWS, key=lambda k: k & 15)
    print("TABLE: Final = (")
    for column in zip(*map(_normal_row, rows), strict=True):
        print("    (" + ", ".join(f"{v:.9g}" for v in column) + "),", flush=True)
    print(")")


def _artanh(z: Any) -> Any:
    """(2 artanh s − 2s − 2s³/3)/s⁵ as a function of z = s²."""
    if z < mp.mpf("1e-7"):
        return sum(2 * z**k / (2 * k + 5) for k in range(7))
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) - 2 * s - 2 * s**3 / 3) / s**5


PSI_ROOT = mp.findroot(mp.digamma, mp.mpf("1.46"))
STIRLING = 5  # from here on what the asymptotic series leave is a polynomial of 1/x²


def _lgamma_near(w: Any) -> Any:
    """log Γ(2 + u)/(u (1 + u)) of u = w − 0.3."""
    u = w - mp.mpf("0.3")
    return mp.digamma(2) if abs(u) < 1e-20 else mp.loggamma(2 + u) / u / (1 + u)


def _digamma_near(v: Any) -> Any:
    """ψ(x)/(x − r) of x = 3/2 + v, where ψ(r) = 0."""
    apart = v + mp.mpf("1.5") - PSI_ROOT
    return mp.psi(1, PSI_ROOT) if abs(apart) < 1e-20 else mp.digamma(PSI_ROOT + apart) / apart


def _beyond(f: Function, limit: Any) -> Function:
    """A function of x ≥ STIRLING as one of t = 1/x², with its limit at t = 0."""
    return lambda t: limit if t < mp.mpf("1e-12") else f(1 / mp.sqrt(t))


def _share(f: Function, power: int) -> Function:
    """The weight x⁻ᵖ/f(x) of t = 1/x²."""
    return _beyond(lambda x: 1 / x**power / f(x), mp.mpf(0))


FAR = mp.mpf(STIRLING) ** -2
_lgamma_rest = _beyond(
    lambda x: x * (mp.loggamma(x) - (x - mp.mpf("0.5")) * mp.log(x) + x - mp.log(2 * mp.pi) / 2),
    mp.mpf(1) / 12,
)
_digamma_rest = _beyond(lambda x: x * x * (mp.log(x) - 1 / (2 * x) - mp.digamma(x)), mp.mpf(1) / 12)
_trigamma_rest = _beyond(lambda x: x**3 * (mp.psi(1, x) - 1 / x - 1 / (2 * x * x)), mp.mpf(1) / 6)
_log_weight = lambda t: t if t == 0 else t * t / mp.log1p(t)  # noqa: E731
_erf_weight = lambda z: 1 / (1 + _erf_less(z))  # noqa: E731
_exp_weight = lambda t: t if t == 0 else t * t / mp.expm1(t)  # noqa: E731
TANH_SPLIT = mp.mpf("0.55")
S_MAX = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2
ERF_SPLIT = {"f": mp.mpf("0.92"), "d": mp.mpf(1)}

POLYNOMIALS = {
    "exp32": Wanted(_exp, _exp_weight, -HALF_LN2, HALF_LN2, 4, "f"),
    "exp64": Wanted(_exp, _exp_weight, -HALF_LN2, HALF_LN2, 9, "d"),
    "exp40": Wanted(_exp, _exp_weight, -HALF_LN2, HALF_LN2, 5, "d"),
    "log32": Wanted(_log, _log_weight, LOG_LOW, LOG_HIGH, 7, "f"),
    "log64": Wanted(_log, _log_weight, LOG_LOW, LOG_HIGH, 19, "d"),
    "log40": Wanted(_log, _log_weight, LOG_LOW, LOG_HIGH, 12, "d"),
    "unit32": Wanted(_log, _log_weight, 0, 1, 8, "f"),
    "sin32": Wanted(_sin, _relative(mp.sin), 0, QUARTER**2, 2, "f"),
    "sin64": Wanted(_sin, _relative(mp.sin), 0, QUARTER**2, 5, "d"),
    "cos32": Wanted(_cos, lambda z: z * z, 0, QUARTER**2, 2, "f"),
    "cos64": Wanted(_cos, lambda z: z * z, 0, QUARTER**2, 5, "d"),
    "sinh32": Wanted(_sinh, _relative(mp.sinh), 0, 1, 2, "f"),
    "sinh64": Wanted(_sinh, _relative(mp.sinh), 0, 1, 6, "d"),
    "tanh32": Wanted(_tanh, _relative(mp.tanh), 0, TANH_SPLIT**2, 3, "f"),
    "tanh64": Wanted(_tanh, _relative(mp.tanh), 0, TANH_SPLIT**2, 9, "d"),
    "asin64": Wanted(_asin, _relative(mp.asin), 0, mp.mpf("0.25"), 11, "d"),
    "atan64": Wanted(_atan, _relative(mp.atan), 0, LOG_HIGH**2, 10, "d"),
    "erf32": Wanted(_erf_less, _erf_weight, 0, ERF_SPLIT["f"] ** 2, 6, "f"),
    "erf64": Wanted(_erf_less, _erf_weight, 0, ERF_SPLIT["d"] ** 2, 11, "d"),
    "tail32": Wanted(
        lambda a: mp.log(mp.erfc(a)), lambda a: mp.erfc(a) / mp.erf(a), ERF_SPLIT["f"], 4, 7, "f"
    ),
    "erfc32": Wanted(_short_part, lambda q: q / _short_curve(q), -1.5, mp.mpf(78) / 103, 11, "f"),
    "erfc64": Wanted(_erfc_curve, lambda q: 1 / _erfc_curve(q), -1, mp.mpf(23) / 31, 24, "d"),
    "ndtr32": Wanted(_short_mills_part, lambda q: q / _short_mills(q), -2.5092, 0.6370, 10, "f"),
    "ndtr64": Wanted(_mills_curve, lambda q: 1 / _mills_curve(q), -1, mp.mpf(3) / 4, 24, "d"),
    "lgamma64": Wanted(_lgamma_near, lambda w: 1 / _lgamma_near(w), -0.5, 0.5, 20, "d"),
    "digamma64": Wanted(_digamma_near, lambda v: 1 / _digamma_near(v), -0.5, 0.5, 22, "d"),
    "lgamma_rest64": Wanted(_lgamma_rest, _share(mp.loggamma, 1), 0, FAR, 7, "d"),
    "digamma_rest64": Wanted(_digamma_rest, _share(mp.digamma, 2), 0, FAR, 7, "d"),
    "trigamma_rest64": Wanted(_trigamma_rest, _share(partial(mp.psi, 1), 3), 0, FAR, 9, "d"),
    "artanh64": Wanted(_artanh, lambda z: z * z / 2, 0, S_MAX, 6, "d"),
}  # fmt: skip


def main() -> None:
    """Print the polynomials as they stand in codegen/mathematics/coefficients.py and beside it."""
    for name in sys.argv[1:] or [*POLYNOMIALS, "ndtr_table"]:
        if name == "ndtr_table":
            _print_normal_table()
            continue
        wanted = POLYNOMIALS[name]
        coefficients, error = polynomial(wanted)
        digits = 9 if wanted.kind == "f" else 17
        print(f"{name.upper()}: Final = (  # 2^{error:.1f}")
        print("".join(f"    {c:.{digits}g},\n" for c in coefficients) + ")", flush=True)


if __name__ == "__main__":
    main()
