"""Affine forms of loop variables: constant + Σ coefficient · variable.

Variables are numbered; a form that is the same everywhere is a constant. Addresses of elements,
the conditions under which a view lies inside its operand and the values of iota are such forms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Affine", "flattened", "known", "unflattened", "variable"]


class Affine(NamedTuple):
    """constant + Σ coefficient · variable, the variables in order, no coefficient 0."""

    constant: int
    terms: tuple[tuple[int, int], ...] = ()

    def plus(self, other: Affine, factor: int = 1) -> Affine:
        """self + factor · other."""
        constant = self.constant + factor * other.constant
        if not other.terms or not factor:
            return Affine(constant, self.terms)
        if not self.terms:
            scaled = other.terms if factor == 1 else tuple((v, factor * c) for v, c in other.terms)
            return Affine(constant, scaled)
        made = dict(self.terms)
        for v, c in other.terms:
            made[v] = made.get(v, 0) + factor * c
        return Affine(constant, tuple(sorted((v, c) for v, c in made.items() if c)))

    def shifted(self, number: int) -> Affine:
        """self + number."""
        return Affine(self.constant + number, self.terms)

    def times(self, factor: int) -> Affine:
        """factor · self."""
        return known(0).plus(self, factor)

    def coefficient(self, wanted: int) -> int:
        """The coefficient of a variable."""
        return next((c for v, c in self.terms if v == wanted), 0)

    def replaced(self, values: Mapping[int, Affine]) -> Affine:
        """The form with other forms for some variables."""
        made = known(self.constant)
        for v, c in self.terms:
            made = made.plus(values.get(v, variable(v)), c)
        return made

    def without(self, first: int) -> Affine:
        """The form with the variables below a number set to 0."""
        return Affine(self.constant, tuple((v, c) for v, c in self.terms if v >= first))

    def limits(self, extents: Mapping[int, int]) -> tuple[int, int]:
        """The least and the largest value, each variable at least 0 and below its extent."""
        low = high = self.constant
        for v, c in self.terms:
            reach = c * (extents[v] - 1)
            if reach < 0:
                low += reach
            else:
                high += reach
        return low, high


def known(number: int) -> Affine:
    """A form that is the same everywhere."""
    return Affine(number)


def variable(number: int) -> Affine:
    """A variable itself."""
    return Affine(0, ((number, 1),))


def flattened(index: Sequence[Affine], shape: Sequence[int]) -> Affine:
    """The number of an element in row-major order."""
    made, stride = known(0), 1
    for form, size in zip(reversed(index), reversed(shape), strict=True):
        made = made.plus(form, stride)
        stride *= size
    return made


def unflattened(
    flat: Affine, shape: Sequence[int], extents: Mapping[int, int]
) -> tuple[Affine, ...] | None:
    """The index whose number in row-major order is the form, if it is affine too."""
    index: list[Affine] = []
    for size in reversed(shape[1:]):
        inside, outside = _split(flat, size, extents)
        if inside is None:
            return None
        index.append(inside)
        flat = outside
    return (*([flat] if shape else []), *reversed(index))


def _split(form: Affine, size: int, extents: Mapping[int, int]) -> tuple[Affine | None, Affine]:
    """The remainder and the quotient by a size, if both are affine."""
    constant = form.constant % size
    inner = tuple((v, c) for v, c in form.terms if c % size)
    inside = Affine(constant, inner)
    low, high = inside.limits(extents)
    if low < 0 or high >= size:
        return None, form
    outer = tuple((v, c // size) for v, c in form.terms if c % size == 0)
    return inside, Affine(form.constant // size, outer)
