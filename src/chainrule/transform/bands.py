"""Bands: matrices whose elements lie near the diagonal, as in chains, splines and trajectories.

The width follows from the structure. As many products as the band is wide give all of its elements:
columns that are far enough apart share a vector.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.algebra.picks import affine_of
from chainrule.algebra.structure import Form, Summand

__all__ = ["bandwidth", "solve_banded"]


def bandwidth(form: Form) -> int | None:
    """How far from the diagonal the flattened matrix has elements; None where nothing says it."""
    if form.poly.rank != 2 * form.rows or not form.summands or not form.is_square:
        return None
    inner = math.prod(form.sizes[i] for i in form.row_labels[1:])
    widest = 0
    for s in form.summands:
        shift = _shift(form, s)
        if shift is None:
            return None
        straight = all((r, r + form.rows) in s.ties for r in form.row_labels[1:])
        widest = max(widest, shift * inner + (0 if straight else inner - 1))
    return widest


def _shift(form: Form, s: Summand) -> int | None:
    """How far apart the first row and column labels are, which picks by one step connect."""
    row, column = 0, form.rows
    edges = {(column, row): 0} if (row, column) in s.ties else {}
    for f in (f for p in s.parts for f in p.factors):
        affine = affine_of(f)
        if affine is not None and len(affine.terms) == 1 and affine.terms[0][1] == 1:
            edges[f.labels[1], f.labels[0]] = affine.offset  # target = term + offset
    place = {row: 0}
    for _ in edges:
        for (a, b), offset in edges.items():
            if b in place:
                place.setdefault(a, place[b] + offset)
            elif a in place:
                place.setdefault(b, place[a] - offset)
    return abs(place[column]) if column in place else None


def solve_banded(
    product: Callable[[np.ndarray], np.ndarray], right: np.ndarray, width: int
) -> np.ndarray:
    """Solve with a banded matrix that is known by its products with vectors.

    Source:  curtis1974estimation
    """
    from scipy import linalg

    size, count = len(right), 2 * width + 1
    places = np.arange(size)
    combs = np.zeros((size, count), right.dtype)
    combs[places, places % count] = 1
    found = product(combs)
    bands = np.zeros((count, size), right.dtype)
    for k in range(count):  # the element in row i and column i + width − k
        columns = places + width - k
        inside = (columns >= 0) & (columns < size)
        bands[k, columns[inside]] = found[places[inside], columns[inside] % count]
    solution: np.ndarray = linalg.solve_banded((width, width), bands, right)
    return solution
