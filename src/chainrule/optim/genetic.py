"""A genetic algorithm for real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError
from chainrule.optim.minimum import Minimum, require_count, require_not_negative
from chainrule.optim.objective import Loss
from chainrule.optim.search import Points, Search
from chainrule.optim.vector import Vector

__all__ = ["genetic_algorithm"]

_SAMPLE, _CONTEST, _CROSS, _BLEND, _WHERE, _HOW = range(6)  # what random numbers are for


def genetic_algorithm(
    loss: Loss, start: Any, *, spread: Any = 1.0, generations: int = 200, population: int = 50,
    tournament: int = 3, crossover: float = 0.9, blend: float = 0.5, mutation: float | None = None,
    mutation_scale: float = 0.2, elite: int = 1, target: float | None = None, seed: int = 0,
    batched: bool = False,
) -> Minimum:  # fmt: skip
    """Minimize a function of a tree of parameters by selection, crossover and mutation.

    First:      x₀ itself, and x₀ + spread ⊙ (2 u − 1) with u uniform
    Selection:  each parent is the best of ``tournament`` members drawn with equal chances
    Crossover:  with the chance ``crossover``, child = a + w ⊙ (b − a), w uniform in [−β, 1 + β)ⁿ
                for parents a and b; otherwise child = a
    Mutation:   each element with the chance ``mutation``: + σ spread z, z normal,
                σ = mutation_scale · (1 − g/G)² in generation g of G
    Elitism:    the best ``elite`` members go on unchanged; the rest of the next ones are children

    β is ``blend``: children of parents that differ also come to lie beyond them, so that the
    crossover itself neither widens nor narrows the population by much. The chance of a mutation is
    1/n unless it is given. The best member is never worse than before if elite ≥ 1. The search
    ends early at a value not above the target.

    The function is any that gives a number; where it is not finite it is as bad as can be. With
    ``batched`` it is recorded once and computed for a whole generation by vmap. A seed gives the
    same search again.

    Raises:  NonFiniteError: f is not finite at the start. ArgumentError: a setting is out of range.
    Cost:    population − elite evaluations a generation.
    Source:  goldberg1991comparative; eshelman1993real; back1996evolutionary

    >>> found = genetic_algorithm(lambda x: cr.sum((x - 0.5) ** 2), cr.zeros(2), batched=True)
    >>> found.value < 1e-4, found.steps
    (True, 200)
    """
    name = "genetic_algorithm"
    require_count(name, 1, population=population, tournament=tournament)
    require_count(name, 0, generations=generations, elite=elite)
    require_not_negative(name, blend=blend, mutation_scale=mutation_scale)
    for setting, chance in (("crossover", crossover), ("mutation", mutation)):
        if chance is not None and not 0 <= chance <= 1:
            raise ArgumentError(f"{name}: {setting}={chance}, which must be from 0 to 1")
    if elite >= population:
        raise ArgumentError(f"{name}: elite={elite} leaves no room in a population of {population}")
    search = Search(name, loss, start, spread, seed, target, batched)
    size = search.layout.size
    rate = 1 / size if mutation is None else mutation
    members, values = _first(search, population)
    for g in range(generations):
        if search.is_done:
            return search.minimum(g, True)
        count = population - elite
        mothers, fathers = _selected(search, g, values, (2, count), tournament)
        weights = (1 + 2 * blend) * search.uniform(g, _BLEND, (count, size)) - blend
        crossing = search.uniform(g, _CROSS, (count, 1)) < crossover
        children = members[mothers] + np.where(
            crossing, weights * (members[fathers] - members[mothers]), 0.0
        )
        scale = mutation_scale * (1 - g / generations) ** 2 * search.spread
        changed = search.uniform(g, _WHERE, (count, size)) < rate
        children += np.where(changed, scale * search.normal(g, _HOW, (count, size)), 0.0)
        kept = np.argsort(values, kind="stable")[:elite]
        members = np.concatenate([members[kept], children])
        values = np.concatenate([values[kept], search.evaluate(children)])
        search.record()
    return search.minimum(generations, False)


def _first(search: Search, population: int) -> tuple[Points, Vector]:
    """The first members and their values, the start among them."""
    drawn = search.uniform(0, _SAMPLE, (population - 1, search.layout.size))
    points = search.layout.start + search.spread * (2 * drawn - 1)
    members = np.concatenate([search.layout.start[np.newaxis], points])
    values = np.array([search.history[0]])
    if population > 1:
        values = np.concatenate([values, search.evaluate(points)])
    search.record()
    return members, values


def _selected(
    search: Search, generation: int, values: Vector, shape: tuple[int, int], tournament: int
) -> npt.NDArray[np.intp]:
    """The winners of as many tournaments."""
    drawn = search.uniform(generation, _CONTEST, (*shape, tournament))
    entrants = (drawn * len(values)).astype(np.intp)
    winners = np.argmin(values[entrants], axis=-1)
    return np.take_along_axis(entrants, winners[..., np.newaxis], axis=-1)[..., 0]
