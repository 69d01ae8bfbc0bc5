"""Marks in MathML Core, which browsers draw without scripts."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from fractions import Fraction

from chainrule.formula.printing import marks as m
from chainrule.formula.printing.arrange import arranged
from chainrule.formula.printing.marks import Mark
from chainrule.formula.printing.notation import lettered
from chainrule.formula.printing.numbers import decimal
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of

__all__ = ["definition", "element", "equation", "mathml", "named"]

_APPLY = "<mo>&#x2061;</mo>"


def mathml(tree: Tree, shapes: bool = False) -> str:
    """A tree as one ``math`` element; with ``shapes``, the sizes of every factor below it."""
    return _math(drawn(arranged(tree, shapes)))


def equation(left: str, tree: Tree, shapes: bool = False) -> str:
    """``left = tree`` as one ``math`` element."""
    fenced = element("mrow", _fence("("), _left(left), _fence(")", "postfix"))
    shown = _at(fenced, tree) if labels_of(tree) else _left(left)
    return _math(element("mrow", shown, element("mo", "="), drawn(arranged(tree, shapes))))


def definition(name: str, tree: Tree) -> tuple[str, str]:
    """A name or a ratio, and ``= tree``, as two ``math`` elements for two cells of a table."""
    body = element("mrow", element("mo", "=", form="infix"), drawn(arranged(tree)))
    letter = _left(name) if "/" in name else _at(named(name), tree)
    return _math(letter, "inline"), _math(body, "inline")


def _at(left: str, tree: Tree) -> str:
    """A left side with labels, if what it stands for is in index notation."""
    labels = "".join(labels_of(tree))
    return element("msub", left, element("mi", html.escape(labels))) if labels else left


def _math(content: str, display: str = "block") -> str:
    opened = f'<math xmlns="http://www.w3.org/1998/Math/MathML" display="{display}">'
    return f'{opened}<mstyle displaystyle="true">{content}</mstyle></math>'


def element(tag: str, *children: str, **attributes: str) -> str:
    """One element; the children are markup."""
    given = "".join(f' {k.strip("_")}="{html.escape(v)}"' for k, v in attributes.items())
    return f"<{tag}{given}>{''.join(children)}</{tag}>"


def named(name: str) -> str:
    """A name: its digits, and what stands after an underscore, are an index."""
    if name[:1] in ("⌈", "⌊"):
        return element("mtext", html.escape(name))
    head, indices = lettered(name)
    letter, index = element("mi", html.escape(head)), ",".join(indices)
    if not index:
        return letter
    tag = "mn" if index.isdigit() else "mi"
    return element("msub", letter, element(tag, html.escape(index)))


def drawn(mark: Mark) -> str:
    """Write marks."""
    match mark:
        case m.Name(name=name):
            return named(name)
        case m.Value(value=value):
            return _number(value)
        case m.Sign(text=text, binary=binary):
            return _sign(text, binary)
        case m.Function(name=name):
            return element("mi", html.escape(name), mathvariant="normal") + _APPLY
        case m.Words(text=text):
            return element("mtext" if len(text) > 1 else "mi", html.escape(text))
        case m.Space():
            return '<mspace width="0.17em"></mspace>'
        case m.Row(parts=parts):
            return element("mrow", *map(drawn, parts))
        case m.Over(top=top, bottom=bottom):
            return element("mfrac", drawn(top), drawn(bottom))
        case m.Raised(base=base, exponent=exponent):
            return element("msup", _grouped(base), drawn(exponent))
        case m.Lowered(base=base, index=index):
            return element("msub", _grouped(base), drawn(index))
        case m.Element(base=base, indices=indices):
            return element("msub", _grouped(base), element("mtext", ",".join(indices)))
        case m.Root(body=body):
            return element("msqrt", drawn(body))
        case m.Fenced(left=left, body=body, right=right):
            return element("mrow", _fence(left), drawn(body), _fence(right, "postfix"))
        case m.Grid(rows=rows):
            cells = [[element("mtd", drawn(c)) for c in row] for row in rows]
            return element("mtable", *(element("mtr", *row) for row in cells))
        case m.Total(below=below):
            return element(
                "munder", '<mo movablelimits="false">∑</mo>', element("mi", html.escape(below))
            )
        case m.Shaped(body=body, shape=shape):
            label = element("mtext", html.escape(shape), class_="shape")
            return element("munder", _grouped(body), label)
    raise TypeError(type(mark).__name__)


def _fence(sign: str, form: str = "prefix") -> str:
    return element("mo", sign, form=form, stretchy="true", fence="true")


def _grouped(mark: Mark) -> str:
    return element("mrow", drawn(mark))


def _number(value: Fraction | float) -> str:
    digits, exponent = decimal(value) if isinstance(value, float) else (str(value), 0)
    sign = [element("mo", "−", form="prefix")] if digits.startswith("-") else []
    parts = [element("mn", digits.lstrip("-"))]
    if exponent:
        power = element("msup", element("mn", "10"), _number(Fraction(exponent)))
        parts = [power] if digits in ("1", "-1") else [*parts, element("mo", "·"), power]
    made = [*sign, *parts]
    return element("mrow", *made) if len(made) > 1 else made[0]


def _sign(text: str, binary: bool) -> str:
    escaped = html.escape(text)
    if text in "𝟏𝟎0":
        return element("mn", escaped)
    if text in "I⊤":
        return element("mi", escaped)
    if binary or text == "·":
        return element("mo", escaped)
    return element("mo", escaped, form="prefix")


_LEFT = re.compile(r"∂²|∂|²|ᵀ|[^∂²ᵀ]+")


def _left(text: str) -> str:
    """∂L/∂W1 as a fraction; a name as it is."""
    sides = [element("mrow", *_side(_LEFT.findall(side))) for side in text.split("/")]
    return element("mfrac", *sides) if len(sides) == 2 else sides[0]


def _side(tokens: Sequence[str]) -> list[str]:
    made: list[str] = []
    for token in tokens:
        match token:
            case "∂":
                made.append(element("mi", "∂"))
            case "∂²":
                made.append(element("msup", element("mi", "∂"), element("mn", "2")))
            case "²" | "ᵀ":
                raised = element("mn", "2") if token == "²" else element("mi", "⊤")
                made.append(element("msup", made.pop(), raised))
            case _:
                made.append(named(token))
    return made
