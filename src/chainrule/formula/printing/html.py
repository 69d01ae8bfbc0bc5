"""An explanation as a fragment of HTML: MathML and a little style, no scripts, nothing to load."""

from __future__ import annotations

import html
from collections.abc import Sequence

from chainrule.formula.printing.arrange import shape_of
from chainrule.formula.printing.mathml import definition, element, equation
from chainrule.formula.typeset.tree import Tree

__all__ = ["fragment"]

_STYLE = """\
.chainrule-formula{margin:1em 0;line-height:1.5;overflow-x:auto}
.chainrule-formula math{font-size:1.15em}
.chainrule-formula .equation{display:flex;align-items:center;gap:2.5em}
.chainrule-formula .equation math{margin:0}
.chainrule-formula .shape{font-size:.62em;opacity:.65}
.chainrule-formula table{border-collapse:collapse;margin:.4em 0 .4em 2em}
.chainrule-formula td{padding:.1em 1.2em .1em 0;border:0;text-align:left}
.chainrule-formula td{vertical-align:baseline;background:none}
.chainrule-formula td.name{text-align:right;padding-right:.35em}
.chainrule-formula .size,.chainrule-formula figcaption{font-size:.85em;opacity:.75}"""


def fragment(
    left: str,
    tree: Tree,
    where: Sequence[tuple[str, Tree]],
    notes: Sequence[str],
    derived: Sequence[tuple[str, str, Tree]] = (),
) -> str:
    """The equation with shapes below its factors, its definitions and what is told of it.

    derived  lines that lead to it: a word, the left side and the right one
    """
    size = element("span", html.escape(shape_of(tree) or "scalar"), class_="size")
    steps = [_row(name, part, word) for word, name, part in derived]
    parts = [element("table", element("tbody", *steps))] if steps else []
    parts += [element("div", equation(left, tree, shapes=True), size, class_="equation")]
    if where:
        rows = [_row(name, part, "where" if k == 0 else "") for k, (name, part) in enumerate(where)]
        parts.append(element("table", element("tbody", *rows)))
    parts += [element("figcaption", html.escape(note)) for note in notes]
    style = element("style", _STYLE)
    return element("figure", style, *parts, class_="chainrule-formula")


def _row(name: str, tree: Tree, head: str) -> str:
    size = element("span", html.escape(shape_of(tree) or "scalar"), class_="size")
    letter, body = definition(name, tree)
    cells = [element("td", html.escape(head)), element("td", letter, class_="name")]
    return element("tr", *cells, element("td", body), element("td", size))
