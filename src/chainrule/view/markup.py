"""HTML and SVG as nested calls, escaped by construction.

A `str` is text that nobody has checked: it is escaped wherever it is put. Only `Markup` goes into
the page as it is, and only this file and the page template make it.

>>> element("p", "1 < 2", class_="note").text
'<p class="note">1 &lt; 2</p>'
"""

import html
from collections.abc import Iterable
from dataclasses import dataclass

VOID = frozenset({"br", "img", "wbr"})


@dataclass(frozen=True)
class Markup:
    """Text that is safe to put into a page."""

    text: str


Child = Markup | str
Attribute = str | float | None


def escape(text: str) -> str:
    """Escape text for HTML content and quoted attributes.

    Lone surrogates, which file names may hold and UTF-8 cannot, and NUL become question marks.

    >>> escape('<a href="x">')
    '&lt;a href=&quot;x&quot;&gt;'
    """
    encodable = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    return html.escape(encodable, quote=True)


def element(tag: str, *children: Child, **attributes: Attribute) -> Markup:
    """Make one element; `class_` is class, `stroke_width` is stroke-width, None is left out.

    >>> element("circle", cx=1.23456, r=2, stroke_width=None).text
    '<circle cx="1.23" r="2"></circle>'
    """
    opening = tag + "".join(
        f' {name.rstrip("_").replace("_", "-")}="{_attribute(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{join(children).text}</{tag}>")


def join(children: Iterable[Child]) -> Markup:
    """Put pieces side by side.

    >>> join(["a&b", element("br")]).text
    'a&amp;b<br>'
    """
    return Markup(
        "".join(child.text if isinstance(child, Markup) else escape(child) for child in children)
    )


def _attribute(value: str | float) -> str:
    # Two decimals are a fiftieth of a pixel: enough for any drawing, and half the bytes.
    return f"{round(value, 2):g}" if isinstance(value, float) else escape(str(value))
