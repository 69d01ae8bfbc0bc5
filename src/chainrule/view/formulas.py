"""What was computed, as formulas: the score, the loss and the update.

>>> "fraction" in draw([Formula("Loss", "mean", ("L = S / N",))]).text
True
"""

from collections.abc import Sequence
from typing import NamedTuple

from chainrule.view import formula
from chainrule.view.markup import Markup, element


class Formula(NamedTuple):
    """The lines of one formula, what it belongs to ("Score"), and the name of what it defines."""

    part: str
    name: str
    lines: Sequence[str]


def draw(found: Sequence[Formula]) -> Markup:
    """Set the formulas under the parts to which they belong."""
    parts = dict.fromkeys(entry.part for entry in found)
    columns = (
        element("div", element("h3", part), *(_entry(e) for e in found if e.part == part))
        for part in parts
    )
    return element("div", *columns, class_="formulas")


def _entry(entry: Formula) -> Markup:
    lines = (element("p", formula.typeset(line)) for line in entry.lines)
    return element(
        "div",
        element("h4", entry.name),
        element("div", *lines, class_="scroll", role="region", tabindex=0, aria_label=entry.name),
        class_="entry",
    )
