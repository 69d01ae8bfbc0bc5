"""The tokens of derivations, and errors that point into them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from chainrule.algebra.signs import FRACTIONS, LOWERED, RAISED
from chainrule.errors import FormulaError

__all__ = [
    "SUB", "SUPER", "VULGAR", "Cursor", "Token", "UnfittingError", "below", "located", "tokens",
]  # fmt: skip

SUPER: Final = {sign: plain for plain, sign in {**RAISED, "T": "ᵀ"}.items()}
SUB: Final = {sign: plain for plain, sign in {**LOWERED, "-": "₋"}.items()}
VULGAR: Final = {sign: plain for plain, sign in FRACTIONS.items()}
_LOWERED: Final = {plain: sign for sign, plain in SUB.items()}
_SAME: Final = {
    "-": "−", "×": "*", ".*": "⊙", "./": "⊘", "∗": "*", "⋅": "·", "==": "=", "!=": "≠",
    ">=": "≥", "<=": "≤", "||": "‖",
}  # fmt: skip
_LETTER: Final = "A-Za-zͰ-Ͽ∂∇ℓ_"
_PRIMED: Final = re.compile(r"[\w)\]ᵀ']")  # what a ' may follow to transpose it
_TOKEN: Final = re.compile(
    rf"""(?P<gap>[ \t]+)
    |(?P<number>[0-9]+(?:\.[0-9]+|\.(?![A-Za-z]))?(?:[eE][+-]?[0-9]+)?|\.[0-9]+|[{"".join(VULGAR)}])
    |(?P<name>[{_LETTER}][{_LETTER}0-9₀-₉]*|∞)
    |(?P<size>[⌈⌊][^⌈⌊⌉⌋]*/[0-9]+[⌉⌋])
    |(?P<string>'[^']*'|"[^"]*")
    |(?P<sup>[{"".join(SUPER)}]+)
    |(?P<sub>[{"".join(SUB)}]+)
    |(?P<op>\*\*|//|==|!=|>=|<=|\.[*/^]|\|\||𝟏|𝟎|[-+−×∗⋅·/*@⊙⊘⊗⊛^=≠<>≥≤()\[\]{{}},.:;‖|√∘])""",
    re.VERBOSE,
)

_DIGITS: Final = 400  # of a number; a float has 309 before the point at most


def below(labels: str) -> str | None:
    """Labels as the signs that stand below a letter; None where there are no such signs.

    >>> below("ij"), below("-1"), below("dk")
    ('ᵢⱼ', '₋₁', None)
    """
    return "".join(_LOWERED[c] for c in labels) if set(labels) <= set(_LOWERED) else None


class UnfittingError(FormulaError):
    """A text that parses, in which shapes do not fit."""


def located(
    message: str, text: str, start: int, end: int, notes: Iterable[str] = ()
) -> FormulaError:
    """An error with carets under a place of the text, and what may help below."""
    line_start = text.rfind("\n", 0, start) + 1
    line = text[line_start:].split("\n", 1)[0]
    width = max(1, min(end, line_start + len(line)) - start)
    marks = " " * (start - line_start) + "^" * width
    shown = [message, "", f"    {line}", f"    {marks}"]
    shown += ["", *(f"  {note}" for note in notes)] if notes else []
    return FormulaError("\n".join(shown))


@dataclass(frozen=True)
class Token:
    """A word or sign; ``gap`` says that a space stands before it."""

    kind: str
    text: str
    start: int
    end: int
    gap: bool


def tokens(text: str, offset: int = 0) -> list[Token]:
    """The tokens of a text from a place on, an end after them."""
    found: list[Token] = []
    place, gap = offset, False
    while place < len(text):
        if text[place] == "'" and not gap and _PRIMED.match(text[place - 1 : place]):
            found.append(Token("sup", "ᵀ", place, place + 1, gap))
            place += 1
            continue
        match = _TOKEN.match(text, place)
        if match is None:
            raise located(f"unexpected character {text[place]!r}", text, place, place + 1)
        kind = match.lastgroup or ""
        if kind == "number" and not _fits_a_float(match[0]):
            raise located("this number is out of range", text, place, match.end())
        if kind != "gap":
            shown = _SAME.get(match[0], match[0]) if kind == "op" else match[0]
            shown = shown.replace("-", "−").replace(" ", "") if kind == "size" else shown
            found.append(Token(kind, shown, place, match.end(), gap))
        gap = kind == "gap"
        place = match.end()
    found.append(Token("end", "", len(text), len(text), gap))
    return found


def _fits_a_float(number: str) -> bool:
    """Whether a number can be computed with: exact fractions of 1e999999999 would not end."""
    if number in VULGAR:
        return True
    mantissa = number.lower().partition("e")[0]
    vanishes = not float(number) and bool(mantissa.strip("0."))
    return len(number) <= _DIGITS and float(number) < float("inf") and not vanishes


class Cursor:
    """A place among the tokens of a text; what a parser is built on."""

    def __init__(self, text: str, offset: int = 0) -> None:
        self.text = text
        self.tokens = tokens(text, offset)
        self.place = 0

    @property
    def next(self) -> Token:
        """The token at the cursor."""
        return self.tokens[self.place]

    def at(self, *texts: str) -> bool:
        """Whether one of these operators is next."""
        return self.next.kind == "op" and self.next.text in texts

    def take(self) -> Token:
        """The next token, and one further."""
        token = self.next
        self.place += 1
        return token

    def need(self, text: str, opened: Token) -> Token:
        """Take the bracket that closes another one."""
        if not self.at(text):
            self.fail(f"expected {text!r}, which closes the {opened.text!r}")
        return self.take()

    def fail(self, message: str) -> NoReturn:
        """Point at the next token."""
        token = self.next
        found = "the end" if token.kind == "end" else repr(token.text)
        raise located(f"{message}, found {found}", self.text, token.start, token.end)
