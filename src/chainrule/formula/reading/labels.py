"""Labels in derivations: Σᵢ xᵢ, Uₙₜₖ, W_dk, (A + B)ₙₖ, softmaxₙₘ(X)."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

from chainrule.algebra.signs import UNLOWERED
from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.brackets import Brackets
from chainrule.formula.reading.syntax import Syntax, Vocabulary
from chainrule.formula.reading.tokens import SUB, Token
from chainrule.formula.typeset.walk import REDUCTIONS

__all__ = ["Labels"]

_TOTAL: Final = re.compile(r"(Σ|sum)_[a-z]+")
"""A sum over labels, as in Σ_i or sum_ij."""
_MOST_LABELS: Final = 6
_AXED: Final = frozenset({"softmax", "log_softmax", "logsumexp", "blockdiag"}) | REDUCTIONS


class Labels(Brackets, ABC):
    """The part of the parser that reads what stands below a sign, a name or a bracket."""

    def __init__(self, text: str, words: Vocabulary, offset: int = 0) -> None:
        super().__init__(text, offset)
        self.words = words
        if "x" not in words.names:
            self.tokens = list(_with_kronecker(self.tokens))

    @abstractmethod
    def term(self) -> Syntax:
        """Read a term of a sum."""

    def at_total(self) -> bool:
        """Whether Σ with labels is next; one that is written as a name is taken apart."""
        token = self.next
        if token.text in ("Σ_", "sum_") and self._opens_limits(self.place + 1):
            return True
        if size := self._sign_of_total(token):
            labels, middle = token.text[size:].removeprefix("_"), token.start + size
            self.tokens[self.place : self.place + 1] = [
                Token("name", "Σ", token.start, middle, token.gap),
                Token("sub", labels, middle, token.end, gap=False),
            ]
        after = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        return self.next.text == "Σ" and after.kind == "sub" and not after.gap

    def _sign_of_total(self, token: Token) -> int:
        """How many letters of a name are the sign of a sum, its labels following: Σ_i, sum_ij, Σd.

        0 for all others, also where Σ is a matrix, so that Σd is a product.
        """
        text, known = token.text, self.words.names
        if token.kind != "name" or spelled(text) in known:
            return 0
        if written := _TOTAL.fullmatch(text):
            return written.end(1)
        is_label = len(text) > 1 and "Σ" not in known and set(text[1:]) <= known | UNLOWERED
        return int(text[0] == "Σ" and is_label)

    def _opens_limits(self, place: int) -> bool:
        return self.tokens[min(place, len(self.tokens) - 1)].text == "{"

    def limits(self) -> tuple[str, list[Syntax]]:
        """The labels in {u,v<2}, and how far they go."""
        opened, found, labels = self.take(), [], ""
        while not self.at("}"):
            names = self.take().text
            while self.at(","):
                self.take()
                names += self.take().text
            if not self.at("<"):
                self.fail("expected <, after which stands how far a label goes")
            start = self.take().start
            bound = self.sum()
            found.append(Syntax("limit", names, (bound,), start, bound.end))
            labels += names
            if self.at(","):
                self.take()
        self.need("}", opened)
        return labels, found

    def total(self) -> Syntax:
        start = self.take().start
        if self.at("{"):
            labels, limits = self.limits()
            body = self.term()
            return Syntax("total", labels, (body, *limits), start, body.end)
        labels = _plain(self.take().text)
        while not self.next.gap and (self.next.kind == "sub" or self._is_letter(self.next)):
            labels += _plain(self.take().text)
        body = self.term()
        return Syntax("total", labels, (body,), start, body.end)

    @staticmethod
    def _is_letter(token: Token) -> bool:
        return token.kind == "name" and len(token.text) == 1

    @staticmethod
    def has_labels(token: Token, body: Syntax) -> bool:
        """Whether labels stand below what was read: xₙ, tril(A)ₙ, (A + B)_dₖ."""
        if token.gap or body.kind in ("number", "string"):
            return False
        return token.kind == "sub" or (token.kind == "name" and token.text[0] == "_" != token.text)

    def labelled(self, body: Syntax) -> Syntax:
        """Labels below a name: xₙ, and Uₙₜₖc, where c has no subscript sign."""
        token = self.take()
        labels = _plain(token.text.removeprefix("_"))
        end = token.end
        name = body.kind == "name" and body.text != "I"
        rank = self.words.ranks.get(spelled(body.text), 0) if name else _MOST_LABELS
        while len(labels) < rank and self.next.start == end and self.next.kind in ("sub", "name"):
            if not name and self.next.kind == "name" and not set(self.next.text) <= UNLOWERED:
                break
            token = self.take()
            labels += _plain(token.text)
            end = token.end
        return Syntax("labelled", labels, (body,), body.start, end)

    def with_labels(self, token: Token) -> Syntax | None:
        """W_dk, where the letters have no subscript signs; the others follow."""
        stem, _, below = token.text.partition("_")
        if stem != "I" and spelled(stem) not in self.words.ranks:  # normal_rows_n
            stem, _, below = token.text.rpartition("_")
        ranks = [self.words.ranks.get(spelled(name), 0) for name in (stem, stem.upper())]
        rank = 2 if stem == "I" else max(ranks)
        if not below or not rank or len(below) > rank or (self.at("(") and not self.next.gap):
            return None
        self.place -= 1
        self.tokens[self.place] = Token(
            "name", f"_{below}", token.start + len(stem), token.end, gap=False
        )
        return self.labelled(Syntax("name", stem, (), token.start, token.start + len(stem)))

    def axes_below(self, token: Token) -> tuple[str, str]:
        """A function that is called, and the axes below its name: softmaxₙₘ(X), softmax_nd(X)."""
        plain, _, below = token.text.rpartition("_")
        if plain in _AXED and self.at("("):
            return plain, below
        if token.text not in _AXED:
            return token.text, ""
        found: list[Token] = []
        for sign in self.tokens[self.place :]:  # the first is ₕ, so that w of maxₕw can be its like
            is_label = sign.kind == "sub" or (found and set(sign.text) <= UNLOWERED)
            if sign.gap or not is_label:
                break
            found.append(sign)
        if not found or self.tokens[self.place + len(found)].text != "(":
            return token.text, ""
        return token.text, "".join(_plain(self.take().text) for _ in found)


def _with_kronecker(found: Sequence[Token]) -> Iterator[Token]:
    """The tokens with ⊗ for each (x) between spaces, which it is in ASCII."""
    place = 0
    while place < len(found):
        token, width = found[place], 1
        signs = "".join(t.text for t in found[place : place + 3])
        if signs == "(x)" and token.gap and found[place + 3].gap:
            token, width = Token("op", "⊗", token.start, found[place + 2].end, gap=True), 3
        yield token
        place += width


def _plain(labels: str) -> str:
    return "".join(SUB.get(c, c) for c in labels)
