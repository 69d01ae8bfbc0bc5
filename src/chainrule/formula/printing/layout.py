"""Layout for a terminal: the equation, its shapes and its "where" lines within so many columns.

A sum that is too wide goes on below, aligned, from a + or a −; a product, from a ⊙ or between its
factors. Shapes are left out where they would not fit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from chainrule.formula.printing.arrange import shape_of, terms
from chainrule.formula.printing.boxes import Box, beside, drawn, text_box
from chainrule.formula.printing.notation import UNICODE, element_of, spelled
from chainrule.formula.typeset.tree import Tree

__all__ = ["equation", "lines_of", "listing", "wrapped"]

_OPEN, _CLOSE = "([⌊", ")]⌋"
_WHERE = "   where  "


# ---------------------------------------------------------------- two dimensions


def equation(left: str, tree: Tree, width: int, shapes: bool, right: str = "") -> list[str]:
    """``left = formula`` with stacked fractions, as lines; ``right`` is told at the end."""
    for shown in (True, False) if shapes else (False,):
        rows = _rows(_left(left), tree, width, shown, right)
        if rows is not None:
            return rows
    return wrapped(f"{left} = {UNICODE(tree)}", width, len(left) + 3, right)


def _left(text: str) -> Box:
    """∂L/∂W as a fraction; a name as it is."""
    top, slash, bottom = text.partition("/")
    if not slash:
        return text_box(f"{text} = ")
    width = max(len(top), len(bottom)) + 2
    rows = (top.center(width), "─" * width, bottom.center(width))
    return beside([Box(rows, 1), text_box(" = ")])


def _rows(left: Box, tree: Tree, width: int, shapes: bool, right: str) -> list[str] | None:
    """The equation in lines of terms; None if a term alone is too wide."""
    groups: list[list[Box]] = [[left]]
    for k, (sign, mark) in enumerate(terms(tree, shapes)):
        word = ("−" if sign < 0 else "") if k == 0 else f" {'+' if sign > 0 else '−'} "
        added = [text_box(word), drawn(mark)] if word else [drawn(mark)]
        used = sum(b.width for b in (*groups[-1], *added))
        if used > width and (k or len(groups[-1]) > 1):
            groups.append([text_box(" " * (left.width - 1)), *added])
            used = sum(b.width for b in groups[-1])
        else:
            groups[-1] += added
        if used > width:
            return None
    boxes = [beside(group) for group in groups]
    if right:
        boxes[-1] = _with_right(boxes[-1], right, width)
    return [row.rstrip() for box in boxes for row in box.lines]


def _with_right(box: Box, right: str, width: int) -> Box:
    gap = 10 if box.width + 10 + len(right) <= width else 3
    if box.width + gap + len(right) > width:
        return box
    return beside([box, text_box(" " * gap + right)])


# ---------------------------------------------------------------- one dimension


def wrapped(text: str, width: int, indent: int, right: str = "") -> list[str]:
    """A formula on one line, broken at the loosest operators where it is too wide."""
    tail = f"          {right}" if right else ""
    if len(text) + len(tail) <= width:
        return [text + tail]
    lines: list[str] = []
    current = ""
    room = width
    for piece in _pieces(text, width, indent):
        if current and len(current) + len(piece) > room:
            lines.append(current.rstrip())
            current = " " * indent + piece.lstrip()
        else:
            current += piece
    lines.append(current.rstrip())
    if right and len(lines[-1]) + 3 + len(right) <= width:
        gap = min(10, width - len(lines[-1]) - len(right))
        lines[-1] += " " * gap + right
    elif right:
        lines.append(" " * (width - len(right)) + right)
    return lines


_SUMS, _PRODUCTS, _SPACES = (re.compile(f" {p}") for p in ("(?=[+−] )", "(?=[⊙⊘⊗] )", ""))


def _pieces(text: str, width: int, indent: int) -> list[str]:
    """Cut before operators: outside of brackets first, + and − before ⊙; anywhere at last."""
    pieces = [text]
    depths = range(max(_depths(text), default=0) + 1)
    ways = [(depth, pattern) for depth in depths for pattern in (_SUMS, _PRODUCTS)]
    for depth, pattern in [*ways, *((depth, _SPACES) for depth in depths)]:
        room = width - indent
        pieces = [
            cut
            for piece, level in _leveled(pieces)
            for cut in (_cut(piece, pattern, depth - level) if len(piece) > room else [piece])
        ]
    return pieces


def _depths(text: str) -> list[int]:
    depth, found = 0, []
    for c in text:
        depth += (c in _OPEN) - (c in _CLOSE)
        found.append(depth)
    return found


def _leveled(pieces: Iterable[str]) -> list[tuple[str, int]]:
    """Each piece with the bracket depth at which it begins."""
    depth, found = 0, []
    for piece in pieces:
        found.append((piece, depth))
        depth += sum((c in _OPEN) - (c in _CLOSE) for c in piece)
    return found


def _cut(piece: str, pattern: re.Pattern[str], depth: int) -> list[str]:
    depths = _depths(piece)
    places = [
        f.start() for f in pattern.finditer(piece) if f.start() and depths[f.start()] == depth
    ]
    ends = [0, *places, len(piece)]
    return [piece[a:b] for a, b in pairwise(ends)]


# ---------------------------------------------------------------- what stands below


def lines_of(head: str, entries: Sequence[str], width: int) -> list[str]:
    """Words after a head: on one line if they fit, else one below the other."""
    if not entries:
        return []
    line = head + "   ".join(entries)
    if len(line) <= width:
        return [line]
    indent = " " * len(head)
    return [f"{head if k == 0 else indent}{entry}" for k, entry in enumerate(entries)]


def listing(where: Sequence[tuple[str, Tree]], width: int) -> list[str]:
    """The "where" lines: on one line if they fit, else one for each, aligned at =."""
    told = [
        (element_of(spelled(name), tree), tree, shape_of(tree) or "scalar") for name, tree in where
    ]
    line = _WHERE + "   ".join(f"{n} = {UNICODE(t)} ({s})" for n, t, s in told)
    if len(line) <= width:
        return [line]
    longest = max(len(name) for name, _, _ in told)
    bodies = [
        wrapped(f"{name.ljust(longest)} = {UNICODE(tree)}", width - len(_WHERE), longest + 3)
        for name, tree, _ in told
    ]
    widest = max(len(body[-1]) for body in bodies)
    lines: list[str] = []
    for k, (body, (_, _, shape)) in enumerate(zip(bodies, told, strict=True)):
        room = width - len(_WHERE) - 3 - len(shape)
        shown = list(body)
        if len(body[-1]) > room:
            shown.append(shape.rjust(width - len(_WHERE)))
        else:
            shown[-1] = f"{body[-1].ljust(widest if widest <= room else 0)}   {shape}"
        lines += [(_WHERE if k + j == 0 else " " * len(_WHERE)) + r for j, r in enumerate(shown)]
    return lines
