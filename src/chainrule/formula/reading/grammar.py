"""The grammar of derivations: text to syntax, in NumPy-like form and in Unicode mathematics alike.

    relation  = sum [("=" | "==" | "≠" | "!=" | ">" | "≥" | ">=" | "<" | "≤" | "<=") sum]
    sum       = ["−"] term {("+" | "−") term}
    term      = scaled {("⊙" | "⊘" | "⊗" | "⊛") scaled}
    scaled    = product {("·" | "/" | "*" | "@") product}
    product   = power {power}                          juxtaposition: a/bc is a/(bc), a/bX (a/b)X
    power     = "√" power | "Σ" labels term | postfix ["**" | "^" | ".^" power]
    postfix   = atom {"ᵀ" | "⁻¹" | "²" | "∘²" | ".name" | "(" arguments ")" | "[" items "]"}
    atom      = number | name | "(" relation ")" | "[" relation "]" | "‖" sum "‖" | "|" sum "|"

What a name stands for is not decided here, except that a known function before "(" is called. A run
of letters that is no name becomes a product of names if it splits into known ones in one way only.
Nothing is ever evaluated as Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.brackets import RELATIONS
from chainrule.formula.reading.labels import Labels
from chainrule.formula.reading.syntax import Syntax, Vocabulary
from chainrule.formula.reading.tokens import SUPER, VULGAR, Token
from chainrule.formula.typeset.walk import REDUCTIONS

__all__ = ["Syntax", "Vocabulary", "chain", "expression"]

_PREFIXES: Final = frozenset({"np", "cr", "numpy", "chainrule", "jnp", "torch", "linalg", "nn"})
_TURNED: Final = frozenset({"T", "mT"})
_TERMS: Final = frozenset("⊙⊘⊗⊛")
_SCALED: Final = frozenset({*"·/*@", "//"})


def expression(text: str, words: Vocabulary) -> Syntax:
    """Parse one expression.

    Raises:  FormulaError: with a caret under the place, and what was expected there.
    """
    return chain(text, words)[-1]


def chain(text: str, words: Vocabulary, start: int = 0) -> list[Syntax]:
    """Parse an expression or a chain a = b = c, from a place on; a left side ∂L/∂W is left out."""
    head = re.match(r"\s*(?:∂[^=]*=)?\s*block-diagonal over (\w+):", text)
    parser = _Parser(text, words, head.end() if head else start)
    found = parser.chain()
    if head:
        found = [Syntax("blocks", head[1], (s,), 0, s.end) for s in found]
    return found


def _column(syntax: Syntax) -> Syntax:
    """A 1 that is transposed or multiplied from the left is 𝟏."""
    return replace(syntax, kind="ones", text="") if syntax == Syntax("number", "1") else syntax


def _is_turned(syntax: Syntax) -> bool:
    """Whether this is xᵀ, x^T or x.T."""
    by_power = syntax.kind == "power" and syntax.parts[1] == Syntax("name", "T")
    return (
        by_power
        or syntax.kind == "transposed"
        or (syntax.kind == "attribute" and syntax.text in _TURNED)
    )


class _Parser(Labels):
    # ------------------------------------------------------------ levels

    def chain(self) -> list[Syntax]:
        self._skip_left_side()
        found = [self.related(self.sum())]
        while self.at("="):
            self.take()
            found.append(self.related(self.sum()))
        if self.next.kind != "end":
            self.fail("expected an operator or the end")
        return found

    def _skip_left_side(self) -> None:
        """Skip ∂L/∂W = or dL/dW = at the beginning."""
        match = re.match(r"\s*(\(*[∂∇][^=]*|d\w*\s*/\s*d\w+)\s*=(?!=)", self.text)
        while match is not None and self.next.start < match.end():
            self.place += 1

    def relation(self) -> Syntax:
        left = self.sum()
        return self.compared(left) if self.at(*RELATIONS) else left

    def related(self, left: Syntax) -> Syntax:
        """A side of a chain a = b = c, which may be x == max(x)."""
        is_chained = self.at("=") and self.text[self.next.start : self.next.end] == "="
        return self.compared(left) if self.at(*RELATIONS) and not is_chained else left

    def compared(self, left: Syntax) -> Syntax:
        sign = self.take()
        right = self.sum()
        found = Syntax("op", sign.text.replace("≠", "="), (left, right), left.start, right.end)
        if sign.text != "≠":
            return found
        return Syntax("op", "−", (Syntax("number", "1"), found), left.start, right.end)

    def sum(self) -> Syntax:
        left = self.signed(self.term)
        while self.at("+", "−"):
            sign = self.take()
            right = self.signed(self.term)
            left = Syntax("op", sign.text, (left, right), left.start, right.end)
        return left

    def signed(self, inner: Callable[[], Syntax]) -> Syntax:
        if self.at("−"):
            start = self.take().start
            body = self.signed(inner)
            return Syntax("minus", "", (body,), start, body.end)
        if self.at("+"):
            self.take()
        return inner()

    def term(self) -> Syntax:
        return self._left_to_right(_TERMS, self.scaled)

    def scaled(self) -> Syntax:
        return self._left_to_right(_SCALED, self.product)

    def _left_to_right(self, signs: frozenset[str], inner: Callable[[], Syntax]) -> Syntax:
        left = inner()
        while self.next.kind == "op" and self.next.text in signs:
            sign = self.take()
            right = self.signed(inner)
            kind, text = ("call", "floor_divide") if sign.text == "//" else ("op", sign.text)
            left = Syntax(kind, text, (left, right), left.start, right.end)
        return left

    def product(self) -> Syntax:
        parts = self.powers()
        while self._starts_factor():
            after = self.powers()
            if _is_turned(after[0]):  # 1 mᵀ is 𝟏mᵀ
                parts[-1] = _column(parts[-1])
            parts += map(_column, after)
        if len(parts) == 1:
            return parts[0]
        return Syntax("juxtaposed", "", tuple(parts), parts[0].start, parts[-1].end)

    def _starts_factor(self) -> bool:
        token = self.next
        if token.kind in ("name", "size"):
            return True
        if token.kind == "number":
            return token.text in VULGAR or self._is_column()
        if token.text in ("‖", "|"):
            return token.text != self.fence
        return token.kind == "op" and token.text in ("(", "[", "√", "𝟏", "𝟎")

    def _is_column(self) -> bool:
        """Whether the 1 that is next stands for 𝟏, as in (P − Y)ᵀ 1 and 2 X.^2 1."""
        after_number = self.tokens[self.place - 1].kind == "number"
        return self.next.text == "1" and (self.next.gap or not after_number)

    def powers(self) -> list[Syntax]:
        """A power, or several where a run of letters splits into names."""
        if self.at("√"):
            start = self.take().start
            body = self.powers()
            root = Syntax("call", "sqrt", (body[0],), start, body[0].end)
            return [root, *body[1:]]
        if self.at_total():
            return [self.total()]
        *front, last = self.postfix()
        if self.at("**", "^", ".^"):
            sign = self.take().text.replace(".^", "∘")
            exponent = self.exponent()
            last = _column(last) if exponent == Syntax("name", "T") else last
            last = Syntax("power", sign, (last, exponent), last.start, exponent.end)
        return [*front, last]

    def exponent(self) -> Syntax:
        if self.at("−"):
            start = self.take().start
            body = self.exponent()
            return Syntax("minus", "", (body,), start, body.end)
        if self.next.kind == "name" and self.next.text == "T":
            token = self.take()
            return Syntax("name", "T", (), token.start, token.end)
        return self.powers()[-1]

    # ------------------------------------------------------------ postfixes

    def postfix(self) -> list[Syntax]:
        *front, body = self.atom()
        while True:
            token = self.next
            if token.kind == "sup":
                self.take()
                body = self._raised(body, token)
            elif self.at("∘") and self.tokens[self.place + 1].kind == "sup":
                self.take()
                raised = self.take()
                exponent = self._number("".join(SUPER[c] for c in raised.text), raised)
                body = Syntax("power", "∘", (body, exponent), body.start, raised.end)
            elif self.has_labels(token, body):
                body = self.labelled(body)
            elif self.at(".") and self.tokens[self.place + 1].kind == "name":
                self.take()
                body = self._attribute(body)
            elif self.at("[") and not (token.gap or body.kind == "number" or self.is_factor()):
                body = self.index(body)
            else:
                return [*front, body]

    def _raised(self, body: Syntax, token: Token) -> Syntax:
        shown = "".join(SUPER[c] for c in token.text)
        for part in re.findall(r"-?T|-?\d+", shown):
            if part.endswith("T"):
                if part == "-T":
                    body = Syntax(
                        "power", "^", (body, self._number("-1", token)), body.start, token.end
                    )
                body = Syntax("transposed", "", (_column(body),), body.start, token.end)
            else:
                body = Syntax(
                    "power", "^", (body, self._number(part, token)), body.start, token.end
                )
        return body

    @staticmethod
    def _number(text: str, token: Token) -> Syntax:
        number = Syntax("number", text.lstrip("-"), (), token.start, token.end)
        return Syntax("minus", "", (number,), token.start, token.end) if text[0] == "-" else number

    def _attribute(self, body: Syntax) -> Syntax:
        name = self.take()
        if body.kind == "name" and body.text in _PREFIXES and name.text not in ("T", "shape"):
            inner = Syntax("name", name.text, (), body.start, name.end)
            return self._called(inner) if self.at("(") else inner
        if self.at("(") and name.text not in _TURNED:  # X.T (P − Y) is a product
            call = self._called(Syntax("name", name.text, (), body.start, name.end))
            return Syntax("call", call.text, (body, *call.parts), body.start, call.end)
        return Syntax("attribute", name.text, (body,), body.start, name.end)

    def _called(self, function: Syntax) -> Syntax:
        opened = self.take()
        arguments: list[Syntax] = []
        while not self.at(")"):
            arguments.append(self.argument())
            if not self.at(","):
                break
            self.take()
        closed = self.need(")", opened)
        return Syntax("call", function.text, tuple(arguments), function.start, closed.end)

    def argument(self) -> Syntax:
        token = self.next
        if self.at("*"):
            self.take()
            body = self.relation()
            return Syntax("star", "", (body,), token.start, body.end)
        following = self.tokens[min(self.place + 1, len(self.tokens) - 1)]
        if (
            token.kind == "name"
            and following.text == "="
            and self.text[following.start :][:2] != "=="
        ):
            self.place += 2
            body = self.relation()
            return Syntax("keyword", token.text, (body,), token.start, body.end)
        return self.relation()

    # ------------------------------------------------------------ atoms

    def atom(self) -> list[Syntax]:
        token = self.take()
        match token.kind, token.text:
            case "number", text:
                return [Syntax("number", VULGAR.get(text, text), (), token.start, token.end)]
            case "string", text:
                return [Syntax("string", text[1:-1], (), token.start, token.end)]
            case "name", "e_" if self.next.kind == "size" or self.at("("):
                place = self.atom()[0]
                return [Syntax("unit", place.text, (place,), token.start, place.end)]
            case "name", _:
                return self._name(token)
            case "size", text:
                return [Syntax("size", text, (), token.start, token.end)]
            case "op", "𝟏":
                return [Syntax("ones", "", (), token.start, token.end)]
            case "op", "𝟎":
                return [Syntax("zeros", "", (), token.start, token.end)]
            case "op", "(":
                return [self.bracketed(token)]
            case "op", "[":
                return [self.square(token)]
            case "op", "‖" | "|":
                return [self.fenced(token)]
        self.place -= 1
        return self.fail("expected a number, a name or an opening bracket")

    def _name(self, token: Token) -> list[Syntax]:
        if token.text[-1:] == "_" and token.text[:-1] in REDUCTIONS and self.at("{"):
            labels, limits = self.limits()  # max_{u,v<2}(X[2i+u, 2j+v])
            call = self._called(Syntax("name", token.text[:-1], (), token.start, token.end))
            option = Syntax("keyword", "over", (Syntax("string", labels), *limits))
            return [Syntax("call", call.text, (*call.parts, option), call.start, call.end)]
        function, labels = self.axes_below(token)
        if labels:  # softmaxₙₘ(X), over these axes
            call = self._called(Syntax("name", function, (), token.start, token.end))
            if function == "blockdiag" and len(call.parts) == 1:
                return [Syntax("blocks", labels, call.parts, call.start, call.end)]
            option = Syntax("keyword", "over", (Syntax("string", labels),))
            return [Syntax("call", call.text, (*call.parts, option), call.start, call.end)]
        if self.at("|") and self.fence != "|" and token.text in self.words.functions:  # log|x|
            inside = self.fenced(self.take())
            return [Syntax("call", token.text, (inside,), token.start, inside.end)]
        called = self.at("(")
        if self._is_prefix(token):
            return [Syntax("name", token.text, (), token.start, token.end)]
        known = spelled(token.text) in self.words.names and not self._is_word(token)
        if not known and (labelled := self.with_labels(token)) is not None:
            return [labelled]
        if called and token.text in self.words.functions and not known:
            return [self._called(Syntax("name", token.text, (), token.start, token.end))]
        pieces = [] if known else self.words.pieces(token.text, called)
        if len(pieces) < 2:
            return [Syntax("name", token.text, (), token.start, token.end)]
        made, start = [], token.start
        for piece in pieces:
            made.append(Syntax("name", piece, (), start, start + len(piece)))
            start += len(piece)
        if (
            called
            and made[-1].text in self.words.functions
            and spelled(made[-1].text) not in self.words.names
        ):
            made[-1] = self._called(made[-1])
        return made

    def _is_word(self, token: Token) -> bool:
        """Whether this is det(A), where the program itself is called det."""
        is_call = self.at("(") and not self.next.gap
        return is_call and len(token.text) > 2 and token.text in self.words.functions

    def _is_prefix(self, token: Token) -> bool:
        """Whether a name is np in np.exp."""
        return token.text in _PREFIXES and self.at(".") and self.tokens[self.place + 1].text != "T"
