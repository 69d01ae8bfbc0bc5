"""Marks in LaTeX: the formula, and the display with its "where" lines.

Only commands of amsmath are used, so that KaTeX and MathJax draw it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Final

from chainrule.algebra.signs import GREEK, LOWERED, RAISED
from chainrule.formula.printing import marks as m
from chainrule.formula.printing.arrange import arranged, shape_of
from chainrule.formula.printing.marks import Mark
from chainrule.formula.printing.notation import lettered
from chainrule.formula.printing.numbers import decimal
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import labels_of

__all__ = ["display", "latex", "latex_element", "latex_left", "latex_name", "latex_text"]

_GREEK: Final = {letter: name for name, letter in GREEK.items()} | {"ε": "varepsilon"}
_SIGNS: Final = {
    "𝟏": "\\mathbf{1}", "𝟎": "\\mathbf{0}", "⊙": "\\odot", "⊘": "\\oslash", "⊗": "\\otimes",
    "−": "-", "·": "\\cdot", "⊤": "\\top", "∘": "\\circ", "≥": "\\ge", "≤": "\\le",
    "∂": "\\partial", "×": "\\times", "‖": "\\lVert", "√": "\\surd", "…": "\\dots", "≠": "\\ne",
    "⌈": "\\lceil", "⌉": "\\rceil", "⌊": "\\lfloor", "⌋": "\\rfloor",
}  # fmt: skip
_FENCES: Final = {"‖": ("\\lVert ", " \\rVert"), "|": ("\\lvert ", " \\rvert")}
_KNOWN: Final = frozenset({"log", "exp", "sin", "cos", "tan", "sinh", "cosh", "tanh", "det",
                           "max", "min"})  # fmt: skip
_PLAIN: Final = {ord(sign): text for signs in (LOWERED, RAISED) for text, sign in signs.items()}
_LOW: Final = re.compile(f"[{''.join(LOWERED.values())}]+")
_HIGH: Final = re.compile(f"[{''.join(RAISED.values())}]+")
_WORD: Final = re.compile(r"[A-Za-z][a-z]+(?:[ ,;-]+[A-Za-z]?[a-z]+)*")


def latex(tree: Tree, shapes: bool = False) -> str:
    r"""A tree in LaTeX; with ``shapes``, the sizes of every factor below it."""
    return drawn(arranged(tree, shapes))


def latex_name(name: str) -> str:
    r"""A name: W1 is W_{1}, lam is \lambda, loss is upright.

    >>> [latex_name(name) for name in ("W1", "lam", "δ₁", "delta_out", "Wq")]
    ['W_{1}', '\\lambda', '\\delta_{1}', '\\delta_{\\mathrm{out}}', 'W_{q}']
    """
    if name[:1] == "δ" and name[1:] and name[1:].translate(_PLAIN)[:1].isalpha():
        return f"\\delta_{{{latex_name(name[1:])}}}"
    if name[:1] in ("⌈", "⌊"):
        return _words(name)
    head, indices = lettered(name)
    index = ",".join(map(_word, indices))
    return f"{_word(head)}_{{{index}}}" if index else _word(head)


def _word(text: str) -> str:
    """A letter, a Greek letter, or several letters upright."""
    if text.isdigit():
        return text
    if len(text) == 1:
        return f"\\{_GREEK[text]}" if text in _GREEK else text
    escaped = re.sub(r"([_%&#$])", r"\\\1", "".join(c for c in text if c.isascii()))
    return f"\\mathrm{{{escaped}}}" if text.isascii() else "".join(map(_word, text))


def drawn(mark: Mark) -> str:
    """Write marks."""
    match mark:
        case m.Name(name=name):
            return latex_name(name)
        case m.Value(value=value):
            return _number(value)
        case m.Sign(text=text, binary=binary):
            shown = _SIGNS.get(text, text)
            return f"{shown} " if text == "," else f" {shown} " if binary else shown
        case m.Function(name=name):
            return _function(name)
        case m.Words(text=text):
            return _words(text)
        case m.Space():
            return " \\, "
        case m.Row(parts=parts):
            return _spaced([drawn(p) for p in parts])
        case m.Over(top=m.Value() as top, bottom=m.Value() as bottom):
            return f"\\tfrac{{{drawn(top)}}}{{{drawn(bottom)}}}"
        case m.Over(top=top, bottom=bottom):
            return f"\\frac{{{drawn(top)}}}{{{drawn(bottom)}}}"
        case m.Raised(base=base, exponent=exponent):
            return f"{_base(base)}^{{{drawn(exponent)}}}"
        case m.Lowered(base=base, index=index):
            return f"{_base(base)}_{{{drawn(index)}}}"
        case m.Element(base=base, indices=indices):
            return f"{_base(base)}_{{{','.join(map(_words, indices))}}}"
        case m.Root(body=body):
            return f"\\sqrt{{{drawn(body)}}}"
        case m.Fenced(body=m.Grid(rows=rows)):
            inner = " \\\\ ".join(" & ".join(map(drawn, row)) for row in rows)
            return f"\\begin{{bmatrix}}{inner}\\end{{bmatrix}}"
        case m.Fenced():
            return _fenced(mark)
        case m.Total(below=below):
            return f"\\sum_{{{_words(below)}}}"
        case m.Shaped(body=body, shape=shape):
            return f"\\underset{{{_dims(shape)}}}{{{drawn(body)}}}"
    raise TypeError(type(mark).__name__)


def _fenced(mark: m.Fenced) -> str:
    """Brackets that grow only around what is tall."""
    left, right = (
        _FENCES[s][k] if s in _FENCES else s for k, s in enumerate((mark.left, mark.right))
    )
    inner = drawn(mark.body)
    if "\\frac" in inner or "\\sum" in inner:
        return f"\\left{left.strip()} {inner} \\right{right.strip()}"
    return f"{left}{inner}{right}"


def _base(base: Mark) -> str:
    """What carries an index or exponent: braces where it has one already."""
    shown = drawn(base)
    simple = isinstance(base, m.Name | m.Sign | m.Value | m.Fenced)
    return shown if simple and "_" not in shown else f"{{{shown}}}"


def _spaced(parts: Iterable[str]) -> str:
    r"""Join; a space after a command that would swallow a letter, as in \lambda w."""
    text = ""
    for part in parts:
        apart = bool(_END.search(text)) and part[:1].isalpha()
        text += f" {part}" if apart else part
    return text.strip()


_END: Final = re.compile(r"[A-Za-z0-9})]$")


def _function(name: str) -> str:
    if name in _GREEK:
        return f"\\{_GREEK[name]}"
    return f"\\{name}" if name in _KNOWN else f"\\operatorname{{{_escaped(name)}}}"


def _escaped(text: str) -> str:
    return text.replace("_", "\\_")


def _number(value: Fraction | float) -> str:
    if isinstance(value, Fraction):
        return str(value)
    digits, exponent = decimal(value)
    if not exponent:
        return digits
    power = f"10^{{{exponent}}}"
    return digits[:-1] + power if digits in ("1", "-1") else f"{digits} \\times {power}"


def _words(text: str) -> str:
    """An index or a slice: letters, digits and signs."""
    return _spaced(f"\\{_GREEK[c]}" if c in _GREEK else _SIGNS.get(c, c) for c in text)


def _dims(shape: str) -> str:
    return _spaced(
        f" {_SIGNS[c]} "
        if c in "×·−"
        else _SIGNS[c]
        if c in "⌈⌉⌊⌋"
        else f"\\{_GREEK[c]}"
        if c in _GREEK
        else c
        for c in shape
    )


# ---------------------------------------------------------------- the display

_LEFT: Final = re.compile(r"∂²|∂|²|ᵀ|[^∂²ᵀ]+")
_LEFTS: Final = {"∂²": "\\partial^2 ", "∂": "\\partial ", "²": "^2", "ᵀ": "^\\top"}


def latex_left(text: str) -> str:
    r"""∂L/∂W1 as \frac{\partial L}{\partial W_{1}}."""
    sides = [
        "".join(_LEFTS.get(t) or _one(t) for t in _LEFT.findall(side)) for side in text.split("/")
    ]
    return f"\\frac{{{sides[0]}}}{{{sides[1]}}}" if len(sides) == 2 else sides[0]


def _one(name: str) -> str:
    shown = latex_name(name)
    return f"{shown} " if shown.endswith(tuple("abcdefghijklmnopqrstuvwxyz")) else shown


def latex_text(text: str) -> str:
    r"""Words with mathematics in them, such as Y𝟏 = 𝟏: words become \text, letters stay."""
    out, place = "", 0
    for found in _WORD.finditer(text):
        out += _signs(text[place : found.start()])
        gap = " " if text[place : found.start()].endswith(" ") else ""
        out += f"\\text{{{gap}{found.group()}}}"
        place = found.end()
    return (out + _signs(text[place:])).strip()


def _signs(text: str) -> str:
    """Signs and letters between words; where there is nothing else, a space."""
    if not text.strip():
        return "\\ " if text else ""
    lowered = _LOW.sub(lambda f: f"_{{{f.group().translate(_PLAIN)}}}", text)
    raised = _HIGH.sub(lambda f: f"^{{{f.group().translate(_PLAIN)}}}", lowered)
    shown = "".join(
        f"\\{_GREEK[c]} " if c in _GREEK else f"{_SIGNS[c]} " if c in _SIGNS else c
        for c in raised.replace("ᵀ", "^{\\top}")
    )
    return re.sub(r" (?= *[\^_}])", "", shown).replace("  ", " ")


def display(
    left: str, tree: Tree, where: Sequence[tuple[str, Tree]], notes: Sequence[str] = (),
    shapes: bool = False,
) -> str:  # fmt: skip
    """The equation with its "where" lines, aligned at =, and notes below."""
    labelled = f"\\left({latex_left(left)}\\right)" if labels_of(tree) else latex_left(left)
    rows = [f"{latex_element(labelled, tree)} &= {latex(tree, shapes)}{_told(tree)}"]
    for k, (name, part) in enumerate(where):
        head = "\\text{where}\\quad " if k == 0 else ""
        rows.append(f"{head}{latex_element(latex_name(name), part)} &= {latex(part)}{_told(part)}")
    rows += [
        f"&\\text{{{note.partition(' ')[0]}}}\\ {latex_text(note.partition(' ')[2])}"
        for note in notes
    ]
    body = " \\\\\n".join(rows)
    return f"\\begin{{aligned}}\n{body}\n\\end{{aligned}}"


def latex_element(name: str, tree: Tree) -> str:
    """A left side with labels, if what it stands for is in index notation."""
    labels = "".join(labels_of(tree))
    return f"{{{name}}}_{{{_words(labels)}}}" if labels else name


def _told(tree: Tree) -> str:
    shape = shape_of(tree)
    return f" && {_dims(shape)}" if shape else ""
