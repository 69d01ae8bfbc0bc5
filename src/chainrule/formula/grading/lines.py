"""The lines of a derivation: definitions of names, and claims of what the derivative is.

``d2 = P − Y`` defines a name that the lines below may use; ``where p = σ(z); q = 1 − p`` does so
after the fact. Every other line, and every member of a chain ``a = b = c``, claims to be the
derivative. Definitions are put into the claims, so that a claim is one expression.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from chainrule.errors import FormulaError
from chainrule.formula.grading.program import Program
from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.grammar import chain, expression
from chainrule.formula.reading.latex import typed_lines
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.operators import Term
from chainrule.formula.reading.parse import Reader
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Syntax, pieces
from chainrule.formula.reading.tokens import UnfittingError
from chainrule.formula.typeset import tree as ts

__all__ = ["Claim", "Definition", "Lines", "lines"]

_DEFINES = re.compile(r"\s*([^\W\d][\w₀-₉ₐ-ₜ]*)\s*=(?!=)")
_MOST = 2000  # names, numbers and signs of a line; n definitions may stand for 2ⁿ of them
_PASSED_OVER = ("#", "assuming ")
_ROW = re.compile(r"row \w+ of \w+$")
_WINDOWS = re.compile(r"windows of (\w+)")
_UNFOLDED = re.compile(r"(\w+) unfolded to (\w+)×(\w+)$")


@dataclass(frozen=True)
class Claim:
    """What a line says the derivative is, with the definitions put in."""

    line: int
    text: str
    syntax: Syntax


@dataclass(frozen=True)
class Definition:
    """A line that names a value; ``known`` says that the program has this name too."""

    line: int
    name: str
    syntax: Syntax
    known: bool


@dataclass(frozen=True)
class Lines:
    """A derivation that was read."""

    claims: tuple[Claim, ...]
    definitions: tuple[Definition, ...]


def lines(program: Program, derivation: str | Sequence[str]) -> Lines:
    """Read the lines of a derivation.

    Raises:  FormulaError: a syntax error, an unknown name; with the line and a caret.
    """
    given = [derivation] if isinstance(derivation, str) else derivation
    known = {spelled(n) for n in program.names.printed.values()}
    texts = [t for g in given for t in typed_lines(g, lambda n: spelled(n) in known)]
    book = _Book(program, {}, [], [])
    numbered = _numbered(texts)
    if not numbered:
        raise FormulaError("check: the derivation is empty")
    for place, (number, text, typed) in enumerate(numbered):
        main, _, where = text.partition(" where ")
        with _quoting(text, typed):
            book.define_all(number, _clauses(where))
            last = place == len(numbered) - 1
            if not (_defining(main) and book.define(number, main, last)):
                book.claim(number, main, last)
    return Lines(tuple(book.claims), tuple(book.definitions))


def _numbered(texts: Sequence[tuple[str, str]]) -> list[tuple[int, str, str]]:
    """The lines that say something; one that begins with "where" goes on with the one above."""
    found: list[tuple[int, str, str]] = []
    for number, (text, typed) in enumerate(texts, 1):
        if text.lstrip().startswith("where ") and found:
            first, above, source = found.pop()
            found.append((first, f"{above} {text.lstrip()}", f"{source} {typed}"))
        elif text.strip() and not text.lstrip().startswith(_PASSED_OVER):
            found.append((number, text, typed))
    return found


@contextmanager
def _quoting(text: str, typed: str) -> Iterator[None]:
    """Let an error quote what was typed too, where that was LaTeX."""
    try:
        yield
    except FormulaError as error:
        if typed != text:
            error.args = (f"{error}\n\n  This was read from  {typed}",)
        raise


def _clauses(where: str) -> list[str]:
    """The definitions after "where", apart at each ; that is not in brackets: a = [x; y]; b = 2."""
    found, depth = [""], 0
    for sign in where:
        depth += (sign in "([") - (sign in ")]")
        if sign == ";" and not depth:
            found.append("")
        else:
            found[-1] += sign
    return [clause.strip() for clause in found if clause.strip()]


def _defining(text: str) -> str | None:
    match = _DEFINES.match(text)
    return match[1] if match else None


@dataclass
class _Book:
    """What was read so far."""

    program: Program
    shapes: dict[str, Shape]
    claims: list[Claim]
    definitions: list[Definition]

    @property
    def names(self) -> Names:
        return self.program.names.also(self.shapes)

    def define_all(self, number: int, clauses: list[str]) -> None:
        """Read the clauses after "where", in whatever order they stand."""
        while clauses:
            waiting: list[str] = []
            problem: FormulaError | None = None
            for clause in clauses:
                try:
                    self.define(number, clause)
                except FormulaError as error:
                    problem = problem or error
                    waiting.append(clause)
            if problem is not None and len(waiting) == len(clauses):
                raise problem
            clauses = waiting

    def define(self, number: int, text: str, last: bool = False) -> bool:
        """Read a definition; False if the line is a claim about the derivative after all."""
        name = _defining(text)
        if name is None:
            return False
        right = text.split("=", 1)[1].strip()
        if _ROW.match(right):
            return True
        names = self.program.names
        name = self._without_labels(name)
        own = names.printed.get(spelled(name), "")
        known, dims = bool(own), names.shapes.get(own, self.program.dims)
        name = own or name
        syntax = _phrase(right, self.names)
        if syntax is None:
            start = text.index("=") + 1
            found = chain(text, self.names.vocabulary, start)
            parts = [self._inlined(text, s) for s in found]
            shape = self._checked(text, found[0], dims).shape
            if last and not known:
                self.claims += [Claim(number, right, s) for s in parts]
                return True
            syntax = parts[0]
        else:
            shape = Reader(right, self.names).whole(syntax).shape
        self.definitions.append(Definition(number, name, syntax, known))
        if not known:
            self.shapes[name] = shape
        return True

    def _without_labels(self, name: str) -> str:
        """The name of the program that has labels here: z of zₙd = Σᵢ Xₙᵢ Aᵢd."""
        names = self.program.names
        if spelled(name) in names.printed:
            return name
        try:
            syntax = expression(name, names.vocabulary)
        except FormulaError:
            return name
        body = syntax.parts[0] if syntax.kind == "labelled" else syntax
        return body.text if spelled(body.text) in names.printed else name

    def claim(self, number: int, text: str, last: bool) -> None:
        """Read a line that claims to be the derivative."""
        for syntax in chain(text, self.names.vocabulary):
            self._checked(text, syntax, self.program.dims, lenient=True)
            self.claims.append(Claim(number, text.strip(), self._inlined(text, syntax)))

    def _checked(self, text: str, syntax: Syntax, dims: Shape, lenient: bool = False) -> Term:
        """Read a line by itself, so that errors point into it."""
        try:
            return Reader(text, self.names).whole(syntax, dims)
        except UnfittingError:
            if not lenient:
                raise
            return Term(ts.Zero(()))

    def _inlined(self, text: str, syntax: Syntax) -> Syntax:
        made = inlined(syntax, {d.name: d.syntax for d in self.definitions if not d.known})
        if pieces(made) > _MOST:
            raise FormulaError(
                "check: with all definitions put in, this line has more names, numbers and signs "
                f"than the {_MOST:,} that can be graded\n\n    {text.strip()[:80]}"
            )
        return made


def inlined(syntax: Syntax, given: Mapping[str, Syntax]) -> Syntax:
    """A syntax with names replaced by what they stand for."""
    if syntax.kind == "name":
        by_print = {spelled(n): s for n, s in given.items()}
        return by_print.get(spelled(syntax.text), syntax)
    if not syntax.parts:
        return syntax
    return replace(syntax, parts=tuple(inlined(p, given) for p in syntax.parts))


def _phrase(text: str, names: Names) -> Syntax | None:
    """A value in words: windows of x, R unfolded to i×jk."""
    windows, unfolded = _WINDOWS.match(text), _UNFOLDED.match(text)
    if unfolded is not None:
        sides = ("·".join(_sizes(unfolded[k], names)) for k in (2, 3))
        sizes = tuple(Syntax("size", s) for s in sides)
        return Syntax("call", "reshape", (Syntax("name", unfolded[1]), *sizes))
    if windows is not None:
        return Syntax("call", "windows", (Syntax("name", windows[1]),))
    return None


def _sizes(run: str, names: Names) -> list[str]:
    if run in names.sizes:
        return [run]
    return [c for c in run if c in names.sizes]
