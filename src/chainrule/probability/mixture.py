"""Mixtures of distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Self, final

import numpy as np

from chainrule import tree
from chainrule.errors import ArgumentError, ShapeError
from chainrule.functions.creation import zeros
from chainrule.functions.deviations import std
from chainrule.functions.elementary import log
from chainrule.functions.elementwise import abs, where
from chainrule.functions.embedding import one_hot
from chainrule.functions.joining import stack
from chainrule.functions.lift import Operand, as_tensor, describe
from chainrule.functions.manipulation import broadcast_to, expand_dims, reshape
from chainrule.functions.random import categorical, fold_in, split
from chainrule.functions.random import key as make_key
from chainrule.functions.reduction import max, mean, min, sum
from chainrule.functions.softmax import log_softmax, logsumexp, softmax
from chainrule.probability.blocks import in_blocks
from chainrule.probability.categorical import class_logits
from chainrule.probability.distribution import Distribution, Sizes
from chainrule.probability.estimate import expectation
from chainrule.probability.parameters import FINITE, Parameter, data
from chainrule.tensors import Tensor
from chainrule.wording import plural

__all__ = ["Mixture"]

_KEPT: Final = 0.9
"""How much of a row its nearest seed gets at the start of a fit; the others share the rest."""


@final
class Mixture(Distribution):
    """A mixture of k distributions, each drawn from with its probability.

    p(x) = Σₖ πₖ pₖ(x),   π = softmax(logits)
    E x = Σₖ πₖ mₖ,   Var x = Σₖ πₖ (vₖ + mₖ²) − (E x)²,   mₖ and vₖ those of the components
    H has no closed form: ``entropy`` averages −log p over 10,000 draws of one key
    fit: by expectation maximization: rₙₖ ∝ πₖ pₖ(xₙ), then πₖ = mean of rₖ and pₖ fitted to x with
    weights rₖ, until the mean log density of the data rises by less than the tolerance

    The components are one distribution whose last axis counts them, as in
    ``Normal([0.0, 3.0], [1.0, 1.0])``, or a list of distributions of one shape, which may be of
    different kinds. Without logits and probabilities all are equally probable. Derivatives of draws
    flow to the components, not to the logits.

    Raises:  ArgumentError: logits and probabilities are both given, or not valid; the components
             are discrete and continuous, or their draws have different axes; a component vanishes
             in a fit; no data.
             ShapeError: there is not one logit for each component.
    Source:  dempster1977maximum; arthur2007careful, for the seeds of a fit

    >>> from chainrule.probability import Normal
    >>> p = Mixture(Normal([-1.0, 1.0], [1.0, 1.0]), probabilities=[0.5, 0.5])
    >>> p.mean(), p.variance()
    (Tensor(0.), Tensor(2.))
    """

    logits: Tensor
    components: Distribution | tuple[Distribution, ...]

    def __init__(
        self,
        components: Distribution | Sequence[Distribution],
        *,
        logits: Parameter | None = None,
        probabilities: Parameter | None = None,
    ) -> None:
        several = components if isinstance(components, Distribution) else tuple(components)
        shape = _counted(several)
        if logits is None and probabilities is None:
            logits = zeros(shape[-1:], dtype=tree.flatten(several)[0][0].dtype)
        given = class_logits("Mixture", logits, probabilities)
        if given.shape[-1] != shape[-1]:
            raise ShapeError(
                f"Mixture: there is not one logit for each of {shape[-1]} components\n\n"
                f"    logits   {describe(given)}"
            )
        self.logits = broadcast_to(given, np.broadcast_shapes(given.shape, shape))
        self.components = several

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parameters, without the axis of components."""
        return self.logits.shape[:-1]

    @property
    def event_axes(self) -> int:  # type: ignore[override]
        """How many axes one draw has."""
        return self._one().event_axes

    @property
    def discrete(self) -> bool:  # type: ignore[override]
        """Whether draws are whole numbers."""
        return self._one().discrete

    @property
    def probabilities(self) -> Tensor:
        """The probability of each component, π."""
        return softmax(self.logits)

    def _one(self) -> Distribution:
        return self.components if isinstance(self.components, Distribution) else self.components[0]

    def _each(self, axes: int, method: str, *arguments: Any) -> Tensor:
        """A result of every component, in an axis before the last so many."""
        if isinstance(self.components, Distribution):
            made: Tensor = getattr(self.components, method)(*arguments)
            return made
        parts = [getattr(component, method)(*arguments) for component in self.components]
        return stack(parts, axis=-1 - axes)

    def _joint(self, x: Operand) -> Tensor:
        """log πₖ + log pₖ(x), components in the last axis."""
        given = as_tensor(x, "Mixture.log_density")
        if isinstance(self.components, Distribution):
            given = expand_dims(given, -1 - self.event_axes)
        return self._each(0, "log_density", given) + log_softmax(self.logits)

    @in_blocks
    def log_density(self, x: Operand) -> Tensor:
        """Give log Σₖ πₖ pₖ(x)."""
        return logsumexp(self._joint(x), axis=-1)

    def responsibilities(self, x: Operand) -> Tensor:
        """Give the probability of each component once x is known, in a last axis."""
        return softmax(self._joint(x))

    def cdf(self, x: Operand) -> Tensor:
        """Give the probability of at most x, Σₖ πₖ P(Xₖ ≤ x)."""
        given = as_tensor(x, "Mixture.cdf")
        if isinstance(self.components, Distribution):
            given = expand_dims(given, -1)
        return sum(self.probabilities * self._each(0, "cdf", given), axis=-1)

    def sample(self, key: Operand, shape: Sizes = ()) -> Tensor:
        """Draw of every component, then one of these."""
        keys = split(key, 2)
        sizes, k, axes = self._drawn(shape), self.logits.shape[-1], self.event_axes
        chosen = one_hot(categorical(keys[0], self.logits, shape=sizes), k) > 0
        if isinstance(self.components, Distribution):
            spread = sizes[: len(sizes) - len(self.components.shape) + 1]
            draws = self.components.sample(keys[1], spread)
        else:
            parts = [
                c.sample(fold_in(keys[1], i), sizes[: len(sizes) - len(c.shape)])
                for i, c in enumerate(self.components)
            ]
            draws = stack(parts, axis=-1 - axes)
        chosen = reshape(chosen, (*sizes, k) + (1,) * axes)
        return sum(where(chosen, draws, 0), axis=-1 - axes)

    def mean(self) -> Tensor:
        """Give Σₖ πₖ mₖ."""
        return self._average(self._each(self.event_axes, "mean"))

    def variance(self) -> Tensor:
        """Give Σₖ πₖ (vₖ + (mₖ − mean)²)."""
        axes = self.event_axes
        distance = self._each(axes, "mean") - expand_dims(self.mean(), -1 - axes)
        return self._average(self._each(axes, "variance") + distance**2)

    def _average(self, values: Tensor) -> Tensor:
        shares = reshape(self.probabilities, self.logits.shape + (1,) * self.event_axes)
        return sum(shares * values, axis=-1 - self.event_axes)

    def entropy(self) -> Tensor:
        """Give −E log p(x), estimated from 10,000 draws; ``expectation`` also gives its error."""
        return expectation(self, lambda x: -self.log_density(x)).value

    @classmethod
    def fit(
        cls,
        x: Operand,
        family: type[Distribution],
        *,
        components: int,
        key: Operand | None = None,
        steps: int = 500,
        tolerance: float = 1e-8,
    ) -> Self:
        """Give a mixture of a family that has a high likelihood for the rows of x.

        The likelihood has several maxima, and which one is found depends on the key, which chooses
        the seeds: rows far apart. Where a component shrinks onto a single row, it raises.
        """
        if not _is_family(family):
            raise ArgumentError(
                f"Mixture.fit: family is {family!r}; it is a class of distributions, as Normal is"
            )
        rows = data("Mixture.fit", FINITE, x, 1 + family.event_axes)
        if not 1 <= components <= rows.shape[0]:
            raise ArgumentError(
                f"Mixture.fit: {plural(components, 'component')} of "
                f"{plural(rows.shape[0], 'row')}\n\n"
                f"    x   {describe(rows)}"
            )
        if rows.ndim != 1 + family.event_axes:
            raise ShapeError(
                f"Mixture.fit: rows of a {family.__name__} have "
                f"{plural(family.event_axes, 'axis')}\n\n"
                f"    x   {describe(rows)}"
            )
        shares = _seeded(rows, components, make_key(0) if key is None else key)
        before = -np.inf
        for _ in range(steps):
            mixture = cls._maximized(rows, family, shares)
            joint = mixture._joint(rows)
            now = float(mean(logsumexp(joint, axis=-1)).detach())
            shares = softmax(joint)
            if now - before < tolerance:
                break
            before = now
        return mixture

    @classmethod
    def _maximized(cls, rows: Tensor, family: type[Any], shares: Tensor) -> Self:
        """The mixture that is most likely if rows belong to components by these shares."""
        parts = [family.fit(rows, weights=shares[:, k]) for k in range(shares.shape[-1])]
        together: Distribution = tree.map_(lambda *leaves: stack(leaves), *parts)
        return cls(together, probabilities=mean(shares, axis=0))


def _is_family(family: object) -> bool:
    """Whether this is a class of distributions that are fitted to rows and weights."""
    return isinstance(family, type) and hasattr(family, "fit") and family is not Mixture


def _counted(components: Distribution | tuple[Distribution, ...]) -> tuple[int, ...]:
    """The shape of the components with their number last."""
    if isinstance(components, Distribution):
        if not components.shape:
            raise ShapeError(
                f"Mixture: the last axis of the components counts them, and {components!r} has none"
            )
        return components.shape
    for component in components:
        if not isinstance(component, Distribution):
            raise ArgumentError(
                f"Mixture: {component!r} is no distribution, as Normal(0.0, 1.0) is"
            )
    kinds = {(c.event_axes, c.discrete) for c in components}
    if len(kinds) != 1:
        names = ", ".join(type(c).__name__ for c in components) or "nothing"
        raise ArgumentError(
            f"Mixture: draws of {names} are not of one kind\n\n"
            "  All are numbers or all vectors, and all discrete or all continuous."
        )
    first, *others = (c.shape for c in components)
    if any(shape != first for shape in others):
        shapes = ", ".join(str(list(c.shape)) for c in components)
        raise ShapeError(
            f"Mixture: the components have the shapes {shapes}\n\n"
            "  They have one shape: that of the mixture."
        )
    return (*first, len(components))


def _seeded(rows: Tensor, components: int, key: Operand) -> Tensor:
    """To which component rows belong at the start: that of the nearest of some distant rows."""
    flat = reshape(rows, (rows.shape[0], -1))
    largest = max(abs(flat), axis=0)  # whose square may be too large or too small
    flat = flat / where(largest > 0, largest, 1.0)
    deviation = std(flat, axis=0)
    flat = flat / where(deviation > 0, deviation, 1.0)
    first = categorical(fold_in(key, 0), zeros(rows.shape[0]))
    distances = [sum((flat - flat[first]) ** 2, axis=-1)]
    for k in range(1, components):
        nearest = min(stack(distances), axis=0)
        chosen = categorical(fold_in(key, k), log(nearest))
        distances.append(sum((flat - flat[chosen]) ** 2, axis=-1))
    nearest = one_hot(stack(distances, axis=-1).argmin(axis=-1), components)
    return _KEPT * nearest + (1 - _KEPT) / components
