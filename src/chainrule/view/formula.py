"""Formulas as the docstrings have them, in plain text, typeset for a page.

Letters become italic, words upright, raised and lowered letters real ones, a / b a fraction and
√(a) a root with its bar. What is not understood stays as it is written: never a lost sign.

>>> typeset_formula("x² / √n").text.count("fraction")
1
"""

import inspect
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import final

from chainrule.view.markup import Markup, element, join

RELATIONS = ("=", "←", "~", "∼", "≈", "∝")
# fmt: off
REMARKS = frozenset((
    "a", "after", "and", "as", "before", "beyond", "but", "each", "for", "from", "if", "in",
    "is", "or", "otherwise", "over", "so", "the", "then", "unless", "until", "up", "when",
    "where", "which", "while", "with", "without",
))
# fmt: on
TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<word>[A-Za-zÀ-ɏͰ-Ͽℓℝ𝟙](?:[A-Za-z]*(?:_[a-z]{2,}[a-z_]*)*)[̀-ͯ]*)"
    r"|(?P<number>\d[\d.,]*\d|\d)|(?P<low>_)|(?P<high>\^)|(?P<root>√)|(?P<open>[(\[{‖|⌊⌈])"
    r"|(?P<close>[)\]}⌋⌉])|(?P<over>/)|(?P<other>.)"
)
GAP = re.compile(
    r"(?<=[,;])\s{2,}|\s{3,}"
    r"|(?<=[,;])\s+(?=[a-z]{3,} [a-z]{2,}\b(?!.*[=←]))"
    r"|\s+(?=(?:unless|where|when|which|if|otherwise) )"
)
PAIRS = {"(": ")", "[": "]", "{": "}", "⌊": "⌋", "⌈": "⌉", "‖": "‖", "|": "|"}
FACTORS = frozenset({"atom", "group", "raised", "lowered"})
TIGHT_SIGNS = frozenset("∂∇∞½⅓¼…′″!")


@final
@dataclass(frozen=True)
class Piece:
    """A part of a formula: what it is, and its markup."""

    kind: str
    markup: Markup
    inner: Markup  # without the outer parentheses, for where a bar takes their place


def lines(documentation: str | None) -> list[str]:
    r"""Take the formula out of a docstring: the paragraph after the first line.

    >>> lines("Scale.\n\ny = a x   for a > 0\n\nIt is linear: f(0) = 0.")
    ['y = a x   for a > 0']
    >>> lines("Say nothing.\n\nIt satisfies the conditions of Robbins, so that a = b.")
    []
    """
    paragraphs = inspect.cleandoc(documentation or "").split("\n\n")
    found = paragraphs[1].splitlines() if len(paragraphs) > 1 else []
    joined: list[str] = []
    for line in found:
        if line[:1].isspace() and joined:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line.rstrip())
    return joined if joined and all(_is_formula(_parts(line)[0]) for line in joined) else []


def typeset(line: str) -> Markup:
    """Typeset one line: formulas, and remarks on them such as "for t < warmup"."""
    drawn: list[Markup | str] = []
    for is_formula, parts in groupby(_parts(line), _is_formula):
        if is_formula:
            drawn += [element("span", typeset_formula(part), class_="part") for part in parts]
        else:
            drawn.append(element("span", " ".join(parts), class_="part remark"))
    spaced = [piece for part in drawn for piece in (" ", part)]
    plain = " ".join(line.split())
    return element("span", *spaced[1:], class_="formula", role="math", aria_label=plain)


def typeset_formula(text: str) -> Markup:
    """Typeset one formula without remarks.

    >>> typeset_formula("(P − Y)/N").text.count("<i>")
    3
    """
    return join(piece.markup for piece in _fractions(_read(_tokens(text))))


def _parts(line: str) -> list[str]:
    """Split a line where it has wide gaps, and where words begin."""
    return [part for part in GAP.split(line.strip()) if part]


def _is_formula(part: str) -> bool:
    first, _, rest = part.strip().partition(" ")
    if first in REMARKS and not rest.startswith(RELATIONS):
        return False
    place = min((part.find(sign) for sign in RELATIONS if sign in part), default=-1)
    spelled = re.findall(r"(?<![\w_^])[A-Za-z]{3,}(?![\w(])", part[: max(place, 0)])
    return place > 0 and len(spelled) <= 1


def _tokens(text: str) -> list[tuple[str, str]]:
    return [(str(found.lastgroup), found.group()) for found in TOKEN.finditer(text)]


def _read(tokens: Sequence[tuple[str, str]]) -> list[Piece]:
    """Turn tokens into pieces; what is in parentheses becomes one."""
    stack: list[tuple[str, list[Piece]]] = [("", [])]
    for kind, text in tokens:
        opened, pieces = stack[-1]
        if opened and text == PAIRS[opened]:
            stack.pop()
            before = stack[-1][1]
            before.append(_group(opened, pieces, text, before[-1].kind if before else ""))
        elif kind == "open":
            stack.append((text, []))
        else:
            pieces.append(_piece(kind, text))
    while len(stack) > 1:  # never closed: as it is written
        opened, pieces = stack.pop()
        stack[-1][1].extend([_piece("other", opened), *pieces])
    return stack[0][1]


def _group(opened: str, pieces: list[Piece], closed: str, before: str) -> Piece:
    made = _fractions(pieces)
    inner = join(piece.markup for piece in made)
    tall = any(piece.kind == "fraction" for piece in made)
    ends = [element("span", sign, class_="tall") if tall else sign for sign in (opened, closed)]
    whole = join([ends[0], inner, ends[1]])
    if opened != "(":
        return Piece(
            "braces" if opened == "{" else "group", whole, inner if opened == "{" else whole
        )
    if [piece.kind for piece in made] == ["fraction"] and before not in FACTORS:
        return Piece("atom", inner, inner)  # its bar says what the parentheses do
    return Piece("group", whole, inner)


def _piece(kind: str, text: str) -> Piece:
    match kind:
        case "space":
            return _same("space", " ")
        case "word":
            return _same("atom", _word(text))
        case "number":
            return _same("atom", text)
        case "low" | "high" | "root" | "over":
            return _same(kind, text)
    way, _, _ = unicodedata.decomposition(text).partition(" ")
    plain = unicodedata.normalize("NFKC", text)
    if way == "<super>":  # of which T is the transpose, no quantity
        return _same("raised", element("sup", plain if plain == "T" else _word(plain)))
    if way == "<sub>":
        return _same("lowered", element("sub", _word(plain)))
    return _same("atom" if text in TIGHT_SIGNS else "sign", text)


def _same(kind: str, content: Markup | str) -> Piece:
    markup = join([content])
    return Piece(kind, markup, markup)


def _word(text: str) -> Markup | str:
    """A letter is a quantity, in italics; a word is a name."""
    letters = unicodedata.normalize("NFD", text)
    plain = "".join(sign for sign in letters if not unicodedata.combining(sign))
    return element("i", text) if len(plain) == 1 and plain.isalpha() and plain not in "ΣΠ" else text


def _fractions(pieces: Sequence[Piece]) -> list[Piece]:
    """Apply _ and ^, √ and /, in this order of strength."""
    return _over(_roots(_scripts(pieces)))


def _scripts(pieces: Sequence[Piece]) -> list[Piece]:
    done: list[Piece] = []
    waiting = ""
    for piece in pieces:
        if waiting:
            done.append(_script(waiting, piece))
            waiting = ""
        elif piece.kind in ("low", "high") and done and done[-1].kind != "space":
            waiting = piece.kind
        else:
            done.append(piece)
    return done + ([_same("sign", {"low": "_", "high": "^"}[waiting])] if waiting else [])


def _script(kind: str, piece: Piece) -> Piece:
    tag, name = ("sub", "lowered") if kind == "low" else ("sup", "raised")
    return _same(name, element(tag, piece.inner))


def _roots(pieces: Sequence[Piece]) -> list[Piece]:
    done: list[Piece] = []
    pending = list(pieces)
    while pending:
        piece = pending.pop(0)
        if piece.kind != "root" or not pending or pending[0].kind not in ("atom", "group"):
            done.append(piece)
            continue
        size = 1
        if pending[0].kind == "atom":
            while size < len(pending) and pending[size].kind in ("raised", "lowered"):
                size += 1
        under, pending = pending[:size], pending[size:]
        bar = element("span", *(part.inner for part in under), class_="under")
        done.append(_same("atom", element("span", "√", bar, class_="root")))
    return done


def _over(pieces: Sequence[Piece]) -> list[Piece]:
    """Make fractions: each / takes the tight run of atoms and groups on either side."""
    done: list[Piece] = []
    pending = list(pieces)
    while pending:
        piece = pending.pop(0)
        above = list(_taken_back(done)) if piece.kind == "over" else []
        rest = pending[1:] if pending and pending[0].kind == "space" else pending
        below = _run(rest)
        if not above or not below:
            done.append(piece)
            continue
        while done and done[-1].kind == "space":
            done.pop()
        del done[len(done) - len(above) :]
        pending = rest[len(below) :]
        bars = [element("span", *_bare(run)) for run in (above, below)]
        done.append(_same("fraction", element("span", *bars, class_="fraction")))
    return done


def _taken_back(done: Sequence[Piece]) -> Sequence[Piece]:
    end = len(done)
    while end and done[end - 1].kind == "space":
        end -= 1
    start = end
    while start and done[start - 1].kind in FACTORS:
        start -= 1
    return done[start:end]


def _run(pieces: Sequence[Piece]) -> list[Piece]:
    run: list[Piece] = []
    for piece in pieces:
        if piece.kind not in FACTORS:
            break
        run.append(piece)
    return run


def _bare(run: Sequence[Piece]) -> Iterator[Markup]:
    """The bar of a fraction takes the place of parentheses around all of what is above it."""
    if len(run) == 1:
        yield run[0].inner
    else:
        yield from (piece.markup for piece in run)
