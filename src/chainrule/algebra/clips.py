"""Values that are cut off: a clip between its bounds, and Huber's two branches as a clip."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

from chainrule.algebra import combine, scalars
from chainrule.algebra.exponentials import Definitions
from chainrule.algebra.index import Atom, Factor, Poly, Term, fresh_labels, normal

__all__: list[str] = []

_FLIPPED = {">": "≤", "≥": "<", "<": "≥", "≤": ">"}
_TURNED = {">": "<", "≥": "≤", "<": ">", "≤": "≥"}


def unclipped(term: Term, rank: int, _: Definitions) -> list[Term] | None:
    """Between its bounds a clip is its argument: clip(u, a, b) ⊙ [u ≥ a] ⊙ [u ≤ b]."""
    for f in term.factors:
        clips = _clips(f)
        if not clips:
            continue
        masks = [_read(m) for m in term.factors
                 if m.atom.head == "indicator" and m.labels == f.labels]  # fmt: skip
        if not any(_is_inside(clip, masks) for clip in clips):
            continue
        rest = Term(term.coefficient, tuple(g for g in term.factors if g is not f))
        whole = f.atom.head == "group"
        inner = f.atom.args[0] if whole else combine.grouped(f.atom.args[0])
        return [rest.times(t) for t in inner.at(f.labels, fresh_labels(term, rank))]
    return None


def _clips(f: Factor) -> list[Atom]:
    """The clip that a factor is, or those that are terms of a group."""
    if f.power != 1:
        return []
    if f.atom.head == "group":
        inner = f.atom.args[0]
        labels = tuple(range(inner.rank))
        lone = [t.factors[0] for t in inner.terms if len(t.factors) == 1]
        return [g.atom for g in lone if g.labels == labels and g.atom.head == "apply:clip"
                and len(g.atom.args) == 3]  # fmt: skip
    return [f.atom] if f.atom.head == "apply:clip" and len(f.atom.args) == 3 else []


def _is_inside(clip: Atom, masks: list[tuple[Poly, str, Poly]]) -> bool:
    u, low, high = clip.args
    above = combine.number_of(low) == -math.inf or any((u, sign, low) in masks for sign in "≥>")
    below = combine.number_of(high) == math.inf or any((u, sign, high) in masks for sign in "≤<")
    return above and below


def _read(mask: Factor) -> tuple[Poly, str, Poly]:
    """A relation with what varies on its left."""
    left, right = mask.atom.args
    relation = str(mask.atom.params[0])
    if any(f.labels for t in left.terms for f in t.factors):
        return left, relation, right
    return right, _TURNED.get(relation, relation), left


def saturated(poly: Poly, definitions: Definitions) -> Poly:
    """u ⊙ [|u| ≤ δ] + δ sign(u) ⊙ [|u| > δ] is clip(u, −δ, δ)."""
    for inner in poly.terms:
        for mask in inner.factors:
            parts = _branches(inner, mask, poly.rank, definitions)
            if parts is None:
                continue
            outer, made = (normal([t], range(poly.rank), poly.dims) for t in parts)
            (wanted,) = outer.terms
            if wanted in poly.terms:
                rest = [t for t in poly.terms if t is not inner and t != wanted]
                terms = [*rest, *made.terms]
                return saturated(normal(terms, range(poly.rank), poly.dims), definitions)
    return poly


def _branches(
    term: Term, mask: Factor, rank: int, definitions: Definitions
) -> tuple[Term, Term] | None:
    """For a term with u ⊙ [|u| ≤ δ]: the other branch, and the two as one."""
    if mask.atom.head != "indicator" or mask.atom.params[0] not in ("≤", "<"):
        return None
    size, bound = mask.atom.args
    u = _under_abs(size, definitions)
    if u is None or not _is_positive(bound):
        return None
    whole = combine.lone(combine.grouped(u))
    here = [f for f in term.factors if whole is not None and f.atom == whole.atom
            and f.labels == mask.labels and f.power == 1]  # fmt: skip
    if not here:
        return None
    rest = Term(term.coefficient,
                tuple(f for f in term.factors if f is not mask and f is not here[0]))  # fmt: skip
    dims = mask.atom.dims
    relation = _FLIPPED[str(mask.atom.params[0])]
    flipped = Atom("indicator", (relation,), mask.atom.args, dims)
    sign = scalars.function("sign", [u], dims)
    clip = scalars.function("clip", [u, combine.scale(Fraction(-1), bound), bound], dims)
    (level,) = bound.at(mask.labels, fresh_labels(term, rank))
    (slope,), (cut,) = (p.at(mask.labels, itertools.count(rank)) for p in (sign, clip))
    outer = rest.times(level).times(slope).times(Term(Fraction(1), (Factor(flipped, mask.labels),)))
    return outer, rest.times(cut)


def _is_positive(bound: Poly) -> bool:
    """Whether a bound is a positive number or a name that is known to be positive."""
    if len(bound.terms) != 1 or bound.terms[0].coefficient <= 0:
        return False
    return all("positive" in f.atom.facts for f in bound.terms[0].factors)


def exclusive(term: Term, _: int, __: Definitions) -> list[Term] | None:
    """[u > b] ⊙ [u ≤ b] is 0."""
    masks = [(f.atom.args, f.labels, f.atom.params[0]) for f in term.factors
             if f.atom.head == "indicator"]  # fmt: skip
    opposite = any((a, i, _FLIPPED.get(str(relation))) in masks for a, i, relation in masks)
    return [] if opposite else None


def kept(term: Term, _: int, definitions: Definitions) -> list[Term] | None:
    """H ⊙ [H > 0] is H where H = relu(u), and relu(u) ⊙ [u > 0] is relu(u)."""
    for mask in term.factors:
        if mask.atom.head != "indicator" or mask.atom.params[0] not in (">", "≥"):
            continue
        left, right = mask.atom.args
        for f in term.factors:
            named = definitions.get(f.atom)
            inner = f if named is None else combine.lone(named)
            if right.terms or f.labels != mask.labels or inner is None or f.power <= 0:
                continue
            straight = inner is f or inner.labels == tuple(range(mask.atom.args[0].rank))
            of_left = combine.lone(left)
            if (
                inner.atom.head == "apply:relu"
                and straight
                and (inner.atom.args[0] == left or (of_left is not None and of_left.atom == f.atom))
            ):
                return [Term(term.coefficient, tuple(g for g in term.factors if g is not mask))]
    return None


def _under_abs(poly: Poly, definitions: Definitions) -> Poly | None:
    """Find u, if a poly is |u| or the user's name for it."""
    factor = combine.lone(poly)
    if factor is None or factor.labels != tuple(range(poly.rank)):
        return None
    if factor.atom.head == "apply:abs":
        return factor.atom.args[0]
    named = definitions.get(factor.atom)
    inner = None if named is None else combine.lone(named)
    return inner.atom.args[0] if inner is not None and inner.atom.head == "apply:abs" else None
