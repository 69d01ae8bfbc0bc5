"""The frame of a drawing: two axes, their grid and labels, and where a value lies.

>>> from chainrule.view.scale import linear
>>> frame = Frame(linear([0.0, 10.0]), linear([0.0, 1.0]))
>>> frame.x(0.0), frame.y(0.0)
(52.0, 206.0)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from chainrule.view.markup import Markup, element
from chainrule.view.scale import Scale


@final
@dataclass(frozen=True)
class Frame:
    """Two axes in a drawing of a given size, the margins outside of them."""

    across: Scale
    down: Scale
    width: float = 400.0
    height: float = 230.0
    left: float = 52.0
    right: float = 12.0
    top: float = 10.0
    bottom: float = 24.0

    @property
    def floor(self) -> float:
        """Where the horizontal axis lies."""
        return self.height - self.bottom

    @property
    def view_box(self) -> str:
        """The size of the drawing, for the attribute."""
        return f"0 0 {self.width:g} {self.height:g}"

    def x(self, value: float) -> float:
        """The place of a value across."""
        return self.left + self.across.fraction(value) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """The place of a value down."""
        return self.floor - self.down.fraction(value) * (self.floor - self.top)

    def grid(self, across: str = "", down: str = "") -> Iterator[Markup]:
        """Draw the lines and labels of both axes, and the axes' names if they have one."""
        for tick, label in zip(self.down.ticks, self.down.labels, strict=True):
            line = f"M{self.left:g} {self.y(tick):.2f}H{self.width - self.right:g}"
            yield element("path", d=line, class_="grid")
            yield element(
                "text", label, x=self.left - 6, y=self.y(tick), dy="0.35em", class_="tick left"
            )
        yield element(
            "path", d=f"M{self.left:g} {self.floor:g}H{self.width - self.right:g}", class_="axis"
        )
        for tick, label in zip(self.across.ticks, self.across.labels, strict=True):
            x = self.x(tick)
            yield element("path", d=f"M{x:.2f} {self.floor:g}v4", class_="axis")
            yield element("text", label, x=x, y=self.floor + 7, dy="0.8em", class_="tick below")
        yield from self._names(across, down)

    def _names(self, across: str, down: str) -> Iterator[Markup]:
        if across:
            middle = (self.left + self.width - self.right) / 2
            yield element("text", across, x=middle, y=self.height - 3, class_="tick below")
        if down:
            middle = (self.top + self.floor) / 2
            turned = f"translate(10 {middle:.2f}) rotate(-90)"
            yield element("text", down, transform=turned, class_="tick below")
