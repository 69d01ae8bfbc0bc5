"""CMA-ES: evolution strategies with covariance matrix adaptation."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from chainrule.errors import ArgumentError, NonFiniteError
from chainrule.optim.minimum import Minimum, require_count, require_not_negative
from chainrule.optim.objective import Loss
from chainrule.optim.search import Points, Search
from chainrule.optim.vector import Vector

__all__ = ["cma_es"]

_NEARER = 0.5  # what σ is multiplied by after a generation without a finite value
_SMALLEST_SHARE = 1e-12  # of the first spread: a smaller one cannot get better
_WORST_CONDITION = 1e14


def cma_es(
    loss: Loss, start: Any, *, spread: Any = 0.3, population: int | None = None,
    evaluations: int | None = None, restarts: int = 0, tolerance: float = 1e-12,
    target: float | None = None, seed: int = 0, batched: bool = False,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by covariance matrix adaptation.

    x = m + σ y,   y ~ N(0, C),   λ points, the i-th best with the weight wᵢ
    m ← m + σ ȳ,   ȳ = Σ wᵢ yᵢ   over the μ = ⌊λ/2⌋ best
    pσ ← (1 − cσ) pσ + √(cσ (2 − cσ) μ_eff) C^(−½) ȳ
    σ ← σ exp((cσ/dσ) (‖pσ‖ / E‖N(0, I)‖ − 1))
    pc ← (1 − cc) pc + hσ √(cc (2 − cc) μ_eff) ȳ
    C ← (1 + c₁ (1 − hσ) cc (2 − cc) − c₁ − cμ Σ wⱼ) C + c₁ pc pcᵀ + cμ Σ wᵢ° yᵢ yᵢᵀ
    wᵢ° = wᵢ if wᵢ ≥ 0, else wᵢ n / ‖C^(−½) yᵢ‖²
    hσ = 1 if ‖pσ‖ / √(1 − (1 − cσ)^(2g+2)) < (1.4 + 2/(n + 1)) E‖N(0, I)‖, else 0

    λ = 4 + ⌊3 ln n⌋ unless the population is given; all other constants are the defaults of the
    tutorial's table 1, negative weights among them. Elements are measured in units of their
    spread, a number or a tree like the parameters; it should be a fourth of the width of the region
    that holds the minimum.

    A run has converged if the best values of the last 10 + ⌈30 n/λ⌉ generations and all of the
    last one differ by less than the tolerance, if the spread of every element is 10⁻¹² of that at
    the start, or at the target. It also ends if C has the condition 10¹⁴. With ``restarts`` it then
    starts anew with twice the population, and the best of all runs is kept. After at most
    ``evaluations``, by default λ (100 + 150 (n + 3)² / √λ), all is over.

    The function is any that gives a number; where it is not finite it is as bad as can be. After a
    generation in which it nowhere is finite, σ is halved, and nothing else is learned. With
    ``batched`` it is recorded once and computed for a whole generation by vmap. A seed gives the
    same search again.

    Raises:  NonFiniteError: f is not finite at the start, or nowhere around it.
             ArgumentError: a setting is out of range.
    Cost:    λ evaluations and about λ n² operations a generation, an eigendecomposition for each
             1 / (10 n (c₁ + cμ)) generations; 3 n² numbers of memory.
    Source:  hansen2016cma, fig. 6 and table 1, sec. B.3; auger2005restart, sec. 2

    >>> rosenbrock = lambda x: 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2
    >>> found = cma_es(rosenbrock, cr.tensor([-1.2, 1.0]), target=1e-10)
    >>> found.converged, [round(v, 3) for v in found.parameters.tolist()]
    (True, [1.0, 1.0])
    """
    name = "cma_es"
    require_count(name, 0, restarts=restarts)
    require_not_negative(name, tolerance=tolerance)
    for setting, value, least in (("population", population, 3), ("evaluations", evaluations, 1)):
        if value is not None:
            require_count(name, least, **{setting: value})
    search = Search(name, loss, start, spread, seed, target, batched)
    size, steps, converged = search.layout.size, 0, False
    if size == 0:
        raise ArgumentError(f"{name}: the parameters have no elements")
    members = population or 4 + int(3 * math.log(size))
    for run in range(restarts + 1):
        constants = Constants.of(size, members * 2**run)
        own = constants.generations * constants.population
        limit = evaluations or search.objective.evaluations + own
        taken, converged = _run(search, constants, steps, limit, tolerance)
        steps += taken
        if search.is_done or search.objective.evaluations + constants.population > (
            evaluations or math.inf
        ):
            break
    return search.minimum(steps, converged)


def _run(
    search: Search, constants: Constants, before: int, limit: int, tolerance: float
) -> tuple[int, bool]:
    """One run to its end: its generations, and whether it converged."""
    state = State(constants, search)
    latest: deque[float] = deque(maxlen=10 + math.ceil(30 * constants.size / constants.population))
    taken = 0
    while search.objective.evaluations + constants.population <= limit and not search.is_done:
        shape = (constants.population, constants.size)
        steps = state.steps(search.normal(before + taken, 0, shape))
        values = search.evaluate(state.points(steps))
        taken += 1
        search.record()
        if not np.isfinite(values).any():
            state.sigma *= _NEARER
            if state.is_narrow and not latest:
                raise NonFiniteError(
                    f"cma_es: the function is not finite at any of {taken * len(values):,} points "
                    "around the start, down to 10⁻¹² of the spread"
                )
            if state.is_narrow:
                return taken, True
            continue
        state.learn(steps[np.argsort(values, kind="stable")])
        latest.append(float(values.min()))
        if len(latest) == latest.maxlen:
            spread = max(*latest, float(values.max())) - min(*latest, float(values.min()))
            if spread < tolerance:
                return taken, True
        if state.is_narrow:
            return taken, True
        if state.is_degenerate:
            return taken, False
    return taken, search.is_done


@final
@dataclass(frozen=True, eq=False)
class Constants:
    """The constants of a run: table 1 of the tutorial, in its letters."""

    size: int
    population: int
    weights: Vector
    mu: int
    mu_eff: float
    c_sigma: float
    d_sigma: float
    c_c: float
    c_1: float
    c_mu: float
    chi: float  # E‖N(0, I)‖

    @property
    def generations(self) -> int:
        """How many generations a run takes at most, unless a budget is given."""
        return int(100 + 150 * (self.size + 3) ** 2 / math.sqrt(self.population))

    @property
    def lazy(self) -> int:
        """For how many generations the decomposition of C is kept."""
        return max(1, int(1 / (10 * self.size * (self.c_1 + self.c_mu))))

    @staticmethod
    def of(n: int, population: int) -> Constants:
        """The defaults for n parameters and a population.

        >>> Constants.of(3, 7).weights[:4].round(2).tolist()
        [0.59, 0.29, 0.12, 0.0]
        """
        raw = math.log((population + 1) / 2) - np.log(np.arange(1, population + 1))
        mu = population // 2
        mu_eff = float(raw[:mu].sum() ** 2 / (raw[:mu] ** 2).sum())
        mu_eff_minus = float(raw[mu:].sum() ** 2 / (raw[mu:] ** 2).sum())
        c_sigma = (mu_eff + 2) / (n + mu_eff + 5)
        c_c = (4 + mu_eff / n) / (n + 4 + 2 * mu_eff / n)
        c_1 = 2 / ((n + 1.3) ** 2 + mu_eff)
        c_mu = min(1 - c_1, 2 * (0.25 + mu_eff + 1 / mu_eff - 2) / ((n + 2) ** 2 + mu_eff))
        negative = min(
            1 + c_1 / c_mu,
            1 + 2 * mu_eff_minus / (mu_eff + 2),
            (1 - c_1 - c_mu) / (n * c_mu),
        )
        total = np.abs(raw[raw < 0]).sum()
        weights = np.where(raw >= 0, raw / raw[raw > 0].sum(), negative * raw / total)
        return Constants(
            n, population, weights, mu, mu_eff, c_sigma,
            1 + 2 * max(0.0, math.sqrt((mu_eff - 1) / (n + 1)) - 1) + c_sigma,
            c_c, c_1, c_mu, math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n)),
        )  # fmt: skip


@final
class State:
    """What a run has learned: m, σ, C = B D² Bᵀ and the two paths."""

    def __init__(self, constants: Constants, search: Search) -> None:
        self.constants, n = constants, constants.size
        self.unit, self.mean, self.sigma = search.spread, search.layout.start, 1.0
        self.covariance, self.axes, self.lengths = np.eye(n), np.eye(n), np.ones(n)
        self.path_sigma, self.path_c = np.zeros(n), np.zeros(n)
        self.generation = 0

    def steps(self, normal: Points) -> Points:
        """Draws of N(0, C), a row each."""
        drawn: Points = (normal * self.lengths) @ self.axes.T
        return drawn

    def points(self, steps: Points) -> Points:
        """Where these steps lead from the mean."""
        return self.mean + self.sigma * self.unit * steps

    def learn(self, steps: Points) -> None:
        """Update by steps in the order of their values, the best first."""
        c = self.constants
        self.generation += 1
        mean_step = c.weights[: c.mu] @ steps[: c.mu]
        self.mean = self.mean + self.sigma * self.unit * mean_step
        whitened = self._whitened(mean_step)
        self.path_sigma *= 1 - c.c_sigma
        self.path_sigma += math.sqrt(c.c_sigma * (2 - c.c_sigma) * c.mu_eff) * whitened
        norm = float(np.linalg.norm(self.path_sigma))
        reached = math.sqrt(1 - (1 - c.c_sigma) ** (2 * self.generation))
        h = float(norm / reached < (1.4 + 2 / (c.size + 1)) * c.chi)
        self.path_c *= 1 - c.c_c
        self.path_c += h * math.sqrt(c.c_c * (2 - c.c_c) * c.mu_eff) * mean_step
        self._adapt(steps, h)
        self.sigma *= math.exp(min(1.0, c.c_sigma / c.d_sigma * (norm / c.chi - 1)))
        if self.generation % c.lazy == 0:
            self._decompose()

    def _adapt(self, steps: Points, h: float) -> None:
        """The rank-one and rank-μ updates of C."""
        c = self.constants
        sizes = (self._whitened(steps) ** 2).sum(axis=1)
        weights = np.where(
            c.weights >= 0, c.weights, c.weights * c.size / np.maximum(sizes, 1e-300)
        )
        kept = 1 + c.c_1 * (1 - h) * c.c_c * (2 - c.c_c) - c.c_1 - c.c_mu * c.weights.sum()
        self.covariance = (
            kept * self.covariance
            + c.c_1 * np.outer(self.path_c, self.path_c)
            + c.c_mu * (steps.T * weights) @ steps
        )

    def _whitened(self, steps: Points) -> Points:
        """C^(−½) times each step."""
        made: Points = ((steps @ self.axes) / self.lengths) @ self.axes.T
        return made

    def _decompose(self) -> None:
        self.covariance = (self.covariance + self.covariance.T) / 2
        squares, self.axes = np.linalg.eigh(self.covariance)
        self.lengths = np.sqrt(np.maximum(squares, 1e-300))

    @property
    def is_narrow(self) -> bool:
        """Whether no element moves any more."""
        widths = np.maximum(np.abs(self.path_c), np.sqrt(np.diag(self.covariance)))
        return bool(self.sigma * widths.max() < _SMALLEST_SHARE)

    @property
    def is_degenerate(self) -> bool:
        """Whether rounding spoils C, or σ left the numbers."""
        condition = (self.lengths.max() / self.lengths.min()) ** 2
        return not (condition < _WORST_CONDITION and math.isfinite(self.sigma))
