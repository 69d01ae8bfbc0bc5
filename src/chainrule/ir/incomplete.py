"""The incomplete gamma and beta functions and their inverses: records of the scalar table.

Each is the integral of a density over t, so its derivative in the bound is the density. By a
parameter it has no closed form: the integrand is then the density times a polynomial in log t, and
the integral is taken by a double exponential rule [takahasi1974double]. Records therefore carry how
often they were differentiated, as polygamma does, and derivatives of every order exist.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from chainrule.ir.scalar import (
    OUT,
    Apply,
    Expression,
    Partials,
    Scalar,
    X,
    Y,
    Z,
    register,
    wrap,
)

Orders = tuple[int, ...]

# ---------------------------------------------------------------- derivatives of densities


def _factor(orders: Orders, slope: Callable[[Orders], Any]) -> Any:
    """∂ⁿf / f for a density f, where ``slope`` gives the derivatives of log f.

    ∂ⁿ⁺¹f = ∂ⁿ(f ∂log f), by Leibniz's rule in each parameter.
    """

    @cache
    def found(at: Orders) -> Any:
        axis = next((k for k, n in enumerate(at) if n), None)
        if axis is None:
            return 1.0
        rest = tuple(n - (k == axis) for k, n in enumerate(at))
        total: Any = 0.0
        for part in np.ndindex(*(n + 1 for n in rest)):
            weight = math.prod(map(math.comb, rest, part))
            left = tuple(n - m for n, m in zip(rest, part, strict=True))
            step = tuple(m + (k == axis) for k, m in enumerate(part))
            total = total + weight * found(left) * slope(step)
        return total

    return found(orders)


def _gamma_slope(at: Orders, polygamma: Callable[[int, int], Any], log_t: Any) -> Any:
    """The derivatives of (a − 1) log t − t − log Γ(a)."""
    (order,) = at
    slope = -polygamma(0, order - 1)
    return slope + log_t if order == 1 else slope


def _beta_slope(at: Orders, polygamma: Callable[[int, int], Any], logs: tuple[Any, Any]) -> Any:
    """The derivatives of (a − 1) log t + (b − 1) log(1 − t) − log B(a, b)."""
    order = sum(at)
    slope = polygamma(2, order - 1)
    for place, log in enumerate(logs):
        if at[place] == order:
            slope = slope - polygamma(place, order - 1)
            slope = slope + log if order == 1 else slope
    return slope


def _digammas(*arguments: np.ndarray) -> Callable[[int, int], np.ndarray]:
    """The polygamma functions of some arguments, each computed once."""
    import scipy.special

    @cache
    def value(place: int, order: int) -> np.ndarray:
        x = arguments[place]
        return np.asarray(scipy.special.psi(x) if order == 0 else scipy.special.polygamma(order, x))

    return value


# ---------------------------------------------------------------- values

_STEP = 0.08
_NODES = np.exp((_TAU := np.arange(-3.2, 4.4, _STEP)) - np.exp(-_TAU))
_WEIGHTS = _STEP * _NODES * (1 + np.exp(-_TAU))


def _integral(integrand: Callable[[np.ndarray], np.ndarray], scale: np.ndarray) -> np.ndarray:
    """∫₀^∞ f(w) dw for f that falls on about this scale: w = scale · exp(τ − exp(−τ))."""
    total = np.zeros(scale.shape)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        total += weight * integrand(scale * node)
    return np.asarray(total * scale)


def _gammainc_value(a: np.ndarray, x: np.ndarray, order: int = 0) -> np.ndarray:
    """∂ⁿP(a, x)/∂aⁿ, integrated in s = log t from x to the side on which the density falls."""
    import scipy.special

    if order == 0:
        return np.asarray(scipy.special.gammainc(a, x))
    shape, bound = np.broadcast_arrays(np.asarray(a, float), np.asarray(x, float))
    with np.errstate(all="ignore"):
        left = bound < np.maximum(shape, 1)
        curvature = np.where(left, np.where(shape < 1, shape, np.sqrt(shape)), np.sqrt(bound))
        slope = np.where(left & (shape < 1), 0, np.abs(bound - shape))
        start, way = np.log(bound), np.where(left, -1, 1)
        polygamma, constant = _digammas(shape), scipy.special.gammaln(shape)

        def integrand(w: np.ndarray) -> np.ndarray:
            s = start + way * w
            factor = _factor((order,), lambda at: _gamma_slope(at, polygamma, s))
            return np.asarray(np.exp(shape * s - np.exp(s) - constant) * factor)

        value = -way * _integral(integrand, 1 / (curvature + slope))
    return np.asarray(np.where((bound == 0) | np.isposinf(bound), 0, value), np.result_type(a, x))


def _betainc_value(
    a: np.ndarray, b: np.ndarray, x: np.ndarray, by_a: int = 0, by_b: int = 0
) -> np.ndarray:
    """The derivatives of I(x; a, b), integrated in s = log(t/(1 − t)) to the side of the tail."""
    import scipy.special

    if by_a == by_b == 0:
        return np.asarray(scipy.special.betainc(a, b, x))
    dtype = np.result_type(a, b, x)
    a, b, bound = np.broadcast_arrays(*(np.asarray(v, float) for v in (a, b, x)))
    with np.errstate(all="ignore"):
        low = (a < 1) & (b * bound < 1) & (bound < 0.5)
        high = (b < 1) & (a * (1 - bound) < 1) & (bound >= 0.5)
        left = low | (~high & (bound < a / (a + b)))
        curvature = np.sqrt((a + b) * bound * (1 - bound)) + np.abs(a - (a + b) * bound)
        rate = np.where(low, a, np.where(high, b, curvature))
        start, way = np.log(bound) - np.log1p(-bound), np.where(left, -1, 1)
        polygamma, constant = _digammas(a, b, a + b), scipy.special.betaln(a, b)

        def integrand(w: np.ndarray) -> np.ndarray:
            s = start + way * w
            logs = (-np.logaddexp(0, -s), -np.logaddexp(0, s))
            factor = _factor((by_a, by_b), lambda at: _beta_slope(at, polygamma, logs))
            return np.asarray(np.exp(a * logs[0] + b * logs[1] - constant) * factor)

        value = -way * _integral(integrand, 1 / rate)
    return np.asarray(np.where((bound == 0) | (bound == 1), 0, value), dtype)


def _scipy(name: str) -> Callable[..., np.ndarray]:
    def value(*arrays: np.ndarray) -> np.ndarray:
        import scipy.special

        return np.asarray(getattr(scipy.special, name)(*arrays), arrays[-1].dtype)

    return value


# ---------------------------------------------------------------- records


def _apply(name: str, *arguments: Expression, params: tuple[Any, ...] = ()) -> Apply:
    return Apply(name, arguments, params)


def _polygammas(*arguments: Expression) -> Callable[[int, int], Expression]:
    return lambda place, order: _apply("polygamma", arguments[place], params=(order,))


def _log_gamma_density(a: Expression, x: Expression) -> Expression:
    return _apply("xlogy", a - 1, x) - x - _apply("lgamma", a)


def _log_beta_density(a: Expression, b: Expression, x: Expression) -> Expression:
    inside = _apply("xlogy", a - 1, x) + _apply("xlogy", b - 1, 1 - x)
    gammas = [_apply("lgamma", n) for n in (a, b, a + b)]
    return inside - gammas[0] - gammas[1] + gammas[2]


def _gammainc_partials(order: int = 0) -> Partials:
    log_x = _apply("log", Y)
    factor = _factor((order,), lambda at: _gamma_slope(at, _polygammas(X), log_x))
    density = _apply("exp", _log_gamma_density(X, Y))
    return _apply("gammainc", X, Y, params=(order + 1,)), density * factor


def _betainc_partials(by_a: int = 0, by_b: int = 0) -> Partials:
    logs = (_apply("log", Z), _apply("log1p", -Z))
    polygamma = _polygammas(X, Y, X + Y)
    factor = _factor((by_a, by_b), lambda at: _beta_slope(at, polygamma, logs))
    density = _apply("exp", _log_beta_density(X, Y, Z))
    return (
        _apply("betainc", X, Y, Z, params=(by_a + 1, by_b)),
        _apply("betainc", X, Y, Z, params=(by_a, by_b + 1)),
        density * factor,
    )


# 1/density, written as exp(−log density): an inverse function has the slope 1/f.
_gamma_slowness = _apply("exp", -_log_gamma_density(X, OUT))
_beta_slowness = _apply("exp", -_log_beta_density(X, Y, OUT))

register(Scalar("gammainc", _gammainc_value, _gammainc_partials, 2))
register(Scalar("gammaincc", _scipy("gammaincc"), lambda: (
    -_gammainc_partials()[0], -_gammainc_partials()[1],
), 2))  # fmt: skip
register(Scalar("gammaincinv", _scipy("gammaincinv"), (
    -(_apply("gammainc", X, OUT, params=(1,)) * _gamma_slowness), _gamma_slowness,
), 2))  # fmt: skip
register(Scalar("betainc", _betainc_value, _betainc_partials, 3))
register(Scalar("betaincinv", _scipy("betaincinv"), (
    -(_apply("betainc", X, Y, OUT, params=(1, 0)) * _beta_slowness),
    -(_apply("betainc", X, Y, OUT, params=(0, 1)) * _beta_slowness),
    _beta_slowness,
), 3))  # fmt: skip
register(Scalar("ndtri", _scipy("ndtri"), (
    wrap(math.sqrt(2 * math.pi)) * _apply("exp", 0.5 * OUT * OUT),
)))  # fmt: skip
