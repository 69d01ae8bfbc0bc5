"""Boxes of text: marks drawn in two dimensions for a terminal.

A box has lines of one width, a line on which its neighbours stand (``level``), and at its bottom
lines that brackets do not enclose (``foot``): the shapes below factors, the limits of sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chainrule.algebra import signs
from chainrule.formula.printing import marks as m
from chainrule.formula.printing.marks import Mark
from chainrule.formula.printing.notation import spelled
from chainrule.formula.printing.numbers import with_power_of_ten

__all__ = ["Box", "beside", "drawn", "text_box"]

_TALL: Final = {
    "(": "⎛⎜⎝", ")": "⎞⎟⎠", "[": "⎡⎢⎣", "]": "⎤⎥⎦", "‖": "‖‖‖", "|": "│││",
}  # fmt: skip


@dataclass(frozen=True)
class Box:
    """Lines of one width; ``level`` is the line of the text, ``foot`` how many lines hang below."""

    lines: tuple[str, ...]
    level: int = 0
    foot: int = 0

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.lines[0])

    @property
    def below(self) -> int:
        """The lines below the level that brackets enclose."""
        return len(self.lines) - 1 - self.level - self.foot

    @property
    def flat(self) -> bool:
        """Whether the box is one line, but for what hangs below."""
        return self.level == 0 == self.below


def text_box(text: str) -> Box:
    """One line."""
    return Box((text,))


def beside(boxes: Sequence[Box]) -> Box:
    """Boxes side by side on one level."""
    level = max(b.level for b in boxes)
    below = max(b.below for b in boxes)
    hanging = max(len(b.lines) - 1 - b.level for b in boxes)
    lines = [""] * (level + 1 + hanging)
    for box in boxes:
        start = level - box.level
        for k in range(len(lines)):
            inside = start <= k < start + len(box.lines)
            lines[k] += box.lines[k - start] if inside else " " * box.width
    return Box(tuple(lines), level, hanging - below)


def stacked(rows: Sequence[str], level: int, foot: int = 0) -> Box:
    """Lines one above the other, centered."""
    width = max(map(len, rows))
    return Box(tuple(r.center(width) for r in rows), level, foot)


def drawn(mark: Mark) -> Box:
    """Draw marks."""
    match mark:
        case m.Name(name=name):
            return text_box(spelled(name))
        case m.Value(value=value):
            return text_box(with_power_of_ten(value))
        case m.Sign(text=text, binary=binary):
            spaced = f"{text} " if text == "," else f" {text} "
            return text_box(spaced if binary else text)
        case m.Function(name=text) | m.Words(text=text):
            return text_box(text)
        case m.Space():
            return text_box(" ")
        case m.Row(parts=parts):
            return beside([drawn(p) for p in parts]) if parts else text_box("")
        case m.Over(top=top, bottom=bottom):
            return _fraction(drawn(top), drawn(bottom))
        case m.Raised(base=base, exponent=exponent):
            return _raised(drawn(base), drawn(exponent))
        case m.Lowered(base=base, index=index):
            return _lowered(drawn(base), drawn(index))
        case m.Element(base=base, indices=indices):
            return beside([drawn(base), text_box(f"[{', '.join(indices)}]")])
        case m.Root(body=body):
            return _root(drawn(body))
        case m.Fenced(left=left, body=body, right=right):
            return _fenced(left, drawn(body), right)
        case m.Grid(rows=rows):
            return _grid([[drawn(c) for c in row] for row in rows])
        case m.Total(below=below):
            return stacked(("Σ", below), 0, 1)
        case m.Shaped(body=body, shape=shape):
            return _shaped(drawn(body), shape)
    raise TypeError(type(mark).__name__)


def _fraction(top: Box, bottom: Box) -> Box:
    width = max(top.width, bottom.width) + 2
    rows = [*(r.center(width) for r in top.lines), "─" * width]
    rows += [r.center(width) for r in bottom.lines]
    return Box(tuple(rows), len(top.lines))


def _raised(base: Box, exponent: Box) -> Box:
    """A small exponent as superscript characters, another one a line higher."""
    text = exponent.lines[0]
    small = text.removeprefix("∘")
    if len(exponent.lines) == 1 and all(c in "0123456789−⊤" for c in small):
        sign = signs.raised(text)
        rows = [r + (sign if k == 0 else " " * len(sign)) for k, r in enumerate(base.lines)]
        return Box(tuple(rows), base.level, base.foot)
    rows = [" " * base.width + r for r in exponent.lines]
    rows += [r + " " * exponent.width for r in base.lines]
    return Box(tuple(rows), len(exponent.lines) + base.level, base.foot)


def _lowered(base: Box, index: Box) -> Box:
    """An index of subscript characters where all of them exist, else after an underscore."""
    text = index.lines[0]
    lowered = signs.lowered(text)
    exists = all(a != b for a, b in zip(lowered, text, strict=True))
    shown = lowered if exists else f"_{text}"
    last = len(base.lines) - 1 - base.foot
    rows = [r + (shown if k == last else " " * len(shown)) for k, r in enumerate(base.lines)]
    return Box(tuple(rows), base.level, base.foot)


def _root(body: Box) -> Box:
    """A root with its bar above."""
    height = len(body.lines) - body.foot
    left = ["│"] * (height - 1) + ["√"] + [" "] * body.foot
    rows = [" " + "_" * body.width]
    rows += [a + b for a, b in zip(left, body.lines, strict=True)]
    return Box(tuple(rows), body.level + 1, body.foot)


def _grid(rows: Sequence[Sequence[Box]]) -> Box:
    """Rows below each other, their cells centered in columns."""
    widths = [max(box.width for box in column) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for row in rows:
        cells = [
            Box(tuple(line.center(width) for line in box.lines), box.level, box.foot)
            for box, width in zip(row, widths, strict=True)
        ]
        apart = [b for cell in cells for b in (text_box("  "), cell)][1:]
        lines += beside(apart).lines
    return Box(tuple(lines), (len(lines) - 1) // 2)


def _fenced(left: str, body: Box, right: str) -> Box:
    height = len(body.lines) - body.foot
    return beside([_fence(left, height, body), body, _fence(right, height, body)])


def _fence(sign: str, height: int, body: Box) -> Box:
    if height == 1:
        return text_box(sign)
    top, middle, bottom = tuple(_TALL[sign])
    return Box((top, *[middle] * (height - 2), bottom), body.level)


def _shaped(body: Box, shape: str) -> Box:
    width = max(body.width, len(shape))
    rows = [r.center(width) for r in body.lines[: len(body.lines) - body.foot]]
    rows.append(shape.center(width))
    return Box(tuple(rows), body.level, 1)
