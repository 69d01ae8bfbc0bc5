"""What a notebook shows of a training: its figures as curves, with nothing to load.

A notebook has a theme of its own, dark or light, which a page cannot ask for: text takes the color
that is there, and curves have colors that stand out from white and from black.
"""

import zlib
from collections.abc import Mapping, Sequence

from chainrule.view.chart import draw
from chainrule.view.history import LAST, Record, figure_charts
from chainrule.view.markup import Markup, element

CURVES = {"training": "#3b7ee8", "validation": "#d4611b"}
_STYLE = """
.chainrule-fitted{max-width:66em;font-variant-numeric:tabular-nums}
.chainrule-fitted p{margin:0}
.chainrule-fitted .charts{display:flex;flex-wrap:wrap;gap:1.2em;margin-top:.8em}
.chainrule-fitted figure{flex:1 1 20em;max-width:32em;margin:0}
.chainrule-fitted h3{margin:0;font-size:1em}
.chainrule-fitted ul{display:flex;flex-wrap:wrap;gap:0 1.2em;margin:0;padding:0;list-style:none}
.chainrule-fitted .name{margin:0 .4em}
.chainrule-fitted figure svg[role]{display:block;width:100%;height:auto;overflow:visible}
.chainrule-fitted .when,.chainrule-fitted .note,.chainrule-fitted small{opacity:.75}
.chainrule-fitted .curve{fill:none;stroke-width:2;stroke-linejoin:round}
.chainrule-fitted .validation .curve{stroke-dasharray:6 4}
.chainrule-fitted .grid,.chainrule-fitted .axis{fill:none;stroke:currentColor;opacity:.2}
.chainrule-fitted .axis{opacity:.6}
.chainrule-fitted .tick{fill:currentColor;opacity:.75;font-size:9.5px}
.chainrule-fitted .left{text-anchor:end}
.chainrule-fitted .below{text-anchor:middle}
""" + "".join(
    f".chainrule-fitted .{name} .curve{{stroke:{color}}}"
    f".chainrule-fitted .{name} .marker{{fill:{color}}}\n"
    for name, color in CURVES.items()
)


def training(title: str, history: Sequence[Record]) -> Markup:
    """Draw the figures of each epoch as a piece of HTML.

    >>> training("1 epoch", [{"epoch": 1, "loss": 0.5}]).text[:30]
    '<div class="chainrule-fitted">'
    """
    charts = figure_charts([_without(LAST, record) for record in history])
    # The same names in two outputs of one page would be one: they follow from what is shown.
    own = f"fitted-{zlib.crc32(repr((title, charts)).encode()):08x}"
    drawn = [draw(curves, f"{own}-{place}") for place, curves in enumerate(charts)]
    parts = [element("style", _STYLE), element("p", title)]
    if drawn:
        parts.append(element("div", *drawn, class_="charts"))
    return element("div", *parts, class_="chainrule-fitted")


def _without(keys: Sequence[str], record: Mapping[str, object]) -> Record:
    return {key: value for key, value in record.items() if key not in keys}
