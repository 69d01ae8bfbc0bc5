"""Between which numbers the values of a poly lie, as far as facts say."""

from __future__ import annotations

import math
from collections.abc import Mapping

from chainrule.algebra.index import Poly

__all__ = ["bounds_of", "is_never_negative"]

_TINY = math.ulp(0.0)
_WITHIN: Mapping[str, tuple[float, float]] = {
    "positive": (_TINY, math.inf),
    "probability": (_TINY, 1 - 2.0**-53),
    "simplex": (0.0, 1.0), "onehot": (0.0, 1.0), "mask": (0.0, 1.0),
    "counts": (0.0, math.inf),
}  # fmt: skip


def bounds_of(poly: Poly) -> tuple[float, float]:
    """The least and the largest value: those of a number, or what is known of a name."""
    if not poly.terms:
        return 0.0, 0.0
    (term, *more) = poly.terms
    if not more and not term.factors:
        return float(term.coefficient), float(term.coefficient)
    if not more and term.coefficient == 1 and len(term.factors) == 1 and term.factors[0].power == 1:
        known = [_WITHIN[f] for f in term.factors[0].atom.facts if f in _WITHIN]
        if known:
            return max(low for low, _ in known), min(high for _, high in known)
    return -math.inf, math.inf


def is_never_negative(poly: Poly) -> bool:
    """Whether a sum of sizes and numbers, as (n − 1)/4, is 0 or more for all sizes from 1 up."""
    least = 0.0
    for term in poly.terms:
        sizes = [f for f in term.factors if f.atom.head == "size" and f.power == 1]
        if len(sizes) < len(term.factors) or (sizes and term.coefficient < 0):
            return False
        least += float(term.coefficient)
    return least >= 0
