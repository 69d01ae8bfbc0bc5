"""Brackets in derivations: (a), (a, b), [a > b], [A; B], ‖x‖, |x|, and the items of an index."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final

from chainrule.formula.reading.syntax import Syntax
from chainrule.formula.reading.tokens import Cursor, Token

__all__ = ["RELATIONS", "Brackets"]

RELATIONS: Final = frozenset("=≠><≥≤")


class Brackets(Cursor, ABC):
    """The part of the parser that reads what stands between brackets."""

    def __init__(self, text: str, offset: int = 0) -> None:
        super().__init__(text, offset)
        self.fence = ""  # the sign, of ‖ and |, that closes what is being read

    @abstractmethod
    def relation(self) -> Syntax:
        """Read a sum, or two of them with a relation between them."""

    @abstractmethod
    def sum(self) -> Syntax:
        """Read a sum."""

    @abstractmethod
    def argument(self) -> Syntax:
        """Read an argument of a call."""

    def _has(self, signs: str, depth: int = 1) -> bool:
        """Whether one of these signs stands in the bracket here, and in no bracket in it."""
        for token in self.tokens[self.place :]:
            if token.kind != "op":
                continue
            depth += (token.text in "([") - (token.text in ")]")
            if depth == 0:
                return False
            if depth == 1 and token.text in signs:
                return True
        return False

    def is_factor(self) -> bool:
        """Whether the bracket here is [a > b] or [A; B], not an index."""
        return self._has("=≠><≥≤;", 0)

    def index(self, body: Syntax) -> Syntax:
        opened = self.take()
        items = [self._item()]
        while self.at(","):
            self.take()
            items.append(self._item())
        closed = self.need("]", opened)
        return Syntax("index", "", (body, *items), body.start, closed.end)

    def _item(self) -> Syntax:
        start = self.next.start
        bounds: list[Syntax] = [Syntax("none")]
        sliced = False
        while not self.at(",", "]") and self.next.kind != "end":
            if self.at(":"):
                self.take()
                sliced = True
                bounds.append(Syntax("none"))
            else:
                bounds[-1] = self.relation()
        return Syntax("slice", "", tuple(bounds), start, self.next.start) if sliced else bounds[0]

    def bracketed(self, opened: Token) -> Syntax:
        before, self.fence = self.fence, ""
        head = re.match(r"\s*block-diagonal over (\w+):", self.text[opened.end :])
        while head is not None and self.next.start < opened.end + head.end():
            self.place += 1
        items = [] if self.at(")") else [self._starred()]
        if head is not None:
            items = [Syntax("blocks", head[1], tuple(items), opened.start, items[0].end)]
        is_tuple = not items
        while self.at(","):
            self.take()
            is_tuple = True
            if not self.at(")"):
                items.append(self._starred())
        closed = self.need(")", opened)
        self.fence = before
        if is_tuple:
            return Syntax("tuple", "", tuple(items), opened.start, closed.end)
        return Syntax(items[0].kind, items[0].text, items[0].parts, opened.start, closed.end)

    def _starred(self) -> Syntax:
        return self.argument() if self.at("*") else self.relation()

    def square(self, opened: Token) -> Syntax:
        """[a > b], [A; B], [A, B], and [1:, :], which says where something is placed."""
        before, self.fence = self.fence, ""
        read = self._item if self._has(":") else self.relation
        items = [read()]
        sign = self.next.text
        while self.at(sign) and sign in ",;":
            self.take()
            items.append(read())
        closed = self.need("]", opened)
        self.fence = before
        inner = items[0]
        if any(item.kind == "slice" for item in items):
            return Syntax("slices", "", tuple(items), opened.start, closed.end)
        if sign == ";":
            return Syntax("stacked", sign, tuple(items), opened.start, closed.end)
        if len(items) == 1 and inner.kind == "op" and inner.text in RELATIONS:
            return Syntax("op", inner.text, inner.parts, opened.start, closed.end)
        return Syntax("tuple", "[", tuple(items), opened.start, closed.end)

    def fenced(self, opened: Token) -> Syntax:
        """‖x‖ and |x|."""
        before, self.fence = self.fence, opened.text
        body = self.sum()
        closed = self.need(opened.text, opened)
        self.fence = before
        if self.next.kind == "name" and self.next.text == "_F" and not self.next.gap:
            closed = self.take()
        kind = "norm" if opened.text == "‖" else "magnitude"
        return Syntax(kind, "", (body,), opened.start, closed.end)
