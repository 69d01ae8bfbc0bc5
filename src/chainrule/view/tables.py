"""The page's plain tables: settings, the model, the machine, figures by epoch."""

import math
import re
from collections.abc import Mapping, Sequence

from chainrule.view import figures
from chainrule.view.history import epochs_of
from chainrule.view.markup import Child, Markup, element, join

LayerRow = tuple[str, str, str | Sequence[int], int]
MOST_ROWS = 200
NO_NAME = "(model)"  # a model of one layer has no path inside itself


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Child]],
    caption: str,
    numeric: Sequence[int] = (),
    footer: Sequence[Child] = (),
) -> Markup:
    """Lay out a table whose first column names its rows.

    >>> table(("Class", "Count"), [("a", "3")], "Counts", numeric=(1,)).text.count("<th")
    4
    """
    kinds = ["number" if column in numeric else None for column in range(len(heads))]
    head = element(
        "tr",
        *(element("th", h, scope="col", class_=k) for h, k in zip(heads, kinds, strict=True)),
    )
    foot = [element("tfoot", _row(footer, kinds))] if footer else []
    grid = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *(_row(row, kinds) for row in rows)),
        *foot,
        class_="rows",
    )
    return scrolling(grid, caption)


def scrolling(content: Markup, name: str) -> Markup:
    """Let wide content scroll by itself, also from the keyboard, so that the page never does."""
    return element("div", content, class_="scroll", role="region", tabindex=0, aria_label=name)


def pairs(settings: Mapping[str, str], caption: str) -> Markup:
    """Lay out names and values."""
    rows = [
        element("tr", element("th", _breakable(name), scope="row"), element("td", value))
        for name, value in settings.items()
    ]
    return element(
        "table", element("caption", caption), element("tbody", *rows), class_="rows pairs"
    )


def _breakable(name: str) -> Markup:
    """Let a dotted name break after its dots and underscores rather than inside a word."""
    first, *others = re.split(r"(?<=[._])", name)
    return join([first, *(piece for other in others for piece in (element("wbr"), other))])


def model(layers: Sequence[LayerRow]) -> Markup:
    """List the layers with shapes and parameter counts, each with its share as a bar."""
    total = sum(parameters for *_, parameters in layers)
    rows = [
        (
            name or NO_NAME,
            layer,
            figures.count(parameters),
            shape(size),
            bar(parameters / total if total else 0.0),
        )
        for name, layer, size, parameters in layers
    ]
    listed = table(
        ("Name", "Layer", "Parameters", "Shapes", "Share"),
        rows,
        caption="Layers, in the order of computation",
        numeric=(2,),
        footer=("total", "", figures.count(total), "", ""),
    )
    return element("div", listed, class_="model")


def shape(sizes: str | Sequence[int]) -> str:
    """Write a shape; text is taken as it is.

    >>> shape((28, 28)), shape(()), shape("batch × 10")
    ('28 × 28', 'scalar', 'batch × 10')
    """
    if isinstance(sizes, str):
        return sizes
    return " × ".join(str(size) for size in sizes) or "scalar"


def history(metrics: Sequence[Mapping[str, object]]) -> Markup:
    """List every metric by epoch, folded away, and thinned evenly when there are very many."""
    named = dict.fromkeys(key for entry in metrics for key in entry)
    nested = {k for entry in metrics for k, v in entry.items() if isinstance(v, Mapping)}
    keys = [key for key in named if key != "epoch" and key not in nested]
    step = math.ceil(len(metrics) / MOST_ROWS)
    numbered = list(zip(epochs_of(metrics), metrics, strict=True))
    shown = numbered[::-step][::-1]  # from the end, so that the last epoch is always there
    rows = [(f"{epoch:,.6g}", *(_cell(key, entry) for key in keys)) for epoch, entry in shown]
    thinned = f", one row in {step}" if step > 1 else ""
    heads = ("Epoch", *(figures.title(key) for key in keys))
    caption = f"Figures by epoch{thinned}"
    numbers = table(heads, rows, caption=caption, numeric=tuple(range(1, len(heads))))
    return folded(numbers, caption)


def folded(content: Markup, summary: str) -> Markup:
    """Hide what only some readers want behind its name."""
    return element("details", element("summary", summary), content)


def _cell(key: str, entry: Mapping[str, object]) -> str:
    return figures.by_name(key, entry[key]) if key in entry else figures.DASH


def _row(cells: Sequence[Child], kinds: Sequence[str | None]) -> Markup:
    first, *others = cells
    return element(
        "tr",
        element("th", first, scope="row"),
        *(element("td", c, class_=k) for c, k in zip(others, kinds[1:], strict=True)),
    )


def bar(share: float) -> Markup:
    """Draw a share from 0 to 1; one that is not 0 is always seen.

    >>> 'width="25"' in bar(0.25).text
    True
    """
    filled = element(
        "rect", width=max(100 * share, 0.8 if share else 0.0), height=8, class_="filled"
    )
    return element(
        "svg",
        element("rect", width=100, height=8, class_="track"),
        filled,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_="bar",
        role="img",
        aria_label=f"{share:.0%}",
    )
