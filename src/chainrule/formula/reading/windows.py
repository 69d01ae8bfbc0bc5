"""Windows in derivations: X[n, c, i+u, j+v], P[n, c, ⌊h/2⌋], and relations such as [h = 2i+u].

An index is read as a sum of labels where a text says that it has such: Σ over one of them, a letter
that is no size and no value, or an axis read at its own name, as n in X[n, i+u].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from chainrule.algebra.sizes import combined, linear
from chainrule.formula.matrix.indices import letters_of
from chainrule.formula.printing.notation import spelled
from chainrule.formula.reading.names import Names
from chainrule.formula.reading.shapes import Shape
from chainrule.formula.reading.syntax import Syntax

__all__ = ["Place", "labels_read", "place_of", "windowed"]

_MOST = 200  # digits and letters in an index; sizes are short


@dataclass(frozen=True)
class Place:
    """An index as a sum: of labels with their steps, and of a number or a size; divided by."""

    offset: str
    terms: Mapping[str, int]
    divisor: int = 1


def windowed(syntax: Syntax, names: Names, expected: Shape) -> Syntax:
    """A piece of syntax with the indices that are sums of labels marked as such."""
    reader = _Windows(names, frozenset(letters_of(expected)))
    if not any(reader.is_told(part, summed) for part, summed in _scoped(syntax)):
        return syntax
    return reader.marked(syntax, frozenset())


def _scoped(syntax: Syntax) -> Iterator[tuple[Syntax, frozenset[str]]]:
    """The pieces of a text, with the labels that are summed over there; none of them twice."""
    waiting = [(syntax, frozenset[str]())]
    seen: set[tuple[int, frozenset[str]]] = set()
    while waiting:
        part, summed = waiting.pop()
        if (id(part), summed) in seen:
            continue
        seen.add((id(part), summed))
        yield part, summed
        waiting += [(inner, summed | _bound(part)) for inner in part.parts]


def _bound(syntax: Syntax) -> frozenset[str]:
    """The labels that a sum or a function goes over."""
    if syntax.kind == "total":
        return frozenset(syntax.text)
    over = (p.parts[0].text for p in syntax.parts if p.kind == "keyword" and p.text == "over")
    return frozenset("".join(over)) if syntax.kind == "call" else frozenset()


class _Windows:
    """Marks indices in one text; ``outer`` are the labels of the result."""

    def __init__(self, names: Names, outer: frozenset[str]) -> None:
        self.names, self.outer = names, outer
        self.done: dict[tuple[int, frozenset[str]], Syntax] = {}

    def is_told(self, syntax: Syntax, summed: frozenset[str]) -> bool:
        """Whether this says that indices are sums of labels."""
        if _is_relation(syntax):
            letters = {c for p in syntax.parts if (at := place_of(p)) for c in at.terms}
            return bool(letters & summed)
        if syntax.kind != "index":
            return False
        body, *items = syntax.parts
        shape = self.names.shapes.get(self.names.printed.get(spelled(body.text), ""), ())
        found = [place_of(item) for item in items]
        if None in found or not found:
            return False
        whole = any(_text(i) == d for i, d in zip(items, shape, strict=False) if not d.isdigit())
        return whole or any(c in summed or self._is_new(c) for p in found if p for c in p.terms)

    def _is_new(self, letter: str) -> bool:
        return spelled(letter) not in self.names.printed

    def marked(self, syntax: Syntax, summed: frozenset[str]) -> Syntax:
        """The syntax with indices as labels of what is read by windows."""
        key = (id(syntax), summed)
        if key not in self.done:
            within = summed | _bound(syntax)
            parts = tuple(self.marked(p, within) for p in syntax.parts)
            self.done[key] = self._labelled(replace(syntax, parts=parts), summed)
        return self.done[key]

    def _labelled(self, syntax: Syntax, summed: frozenset[str]) -> Syntax:
        if _is_relation(syntax):
            parts = (Syntax("name", "I", (), syntax.start, syntax.end), *syntax.parts)
        elif syntax.kind == "index":
            parts = syntax.parts
        else:
            return syntax
        found = [self._settled(place_of(item), summed) for item in parts[1:]]
        labels = labels_read([p for p in found if p is not None])
        if None in found or not labels:
            return syntax
        window = Syntax("window", labels, parts, syntax.start, syntax.end)
        return Syntax("labelled", labels, (window,), syntax.start, syntax.end)

    def _settled(self, place: Place | None, summed: frozenset[str]) -> Place | None:
        """A place, if all of its letters are labels."""
        if place is None:
            return None
        labels = summed | self.outer
        known = all(c in labels or self._is_new(c) or c in self.names.sizes for c in place.terms)
        return place if known else None


def _is_relation(syntax: Syntax) -> bool:
    """Whether this is h = 2i + u; X = Y of values is no such thing."""
    if syntax.kind != "op" or syntax.text != "=":
        return False
    found = [place_of(p) for p in syntax.parts]
    return all(p is not None and p.divisor == 1 for p in found) and any(
        p and p.terms for p in found
    )


def labels_read(places: Sequence[Place]) -> str:
    """The labels of indices, each once."""
    return "".join(dict.fromkeys(c for p in places for c in p.terms))


def _text(syntax: Syntax) -> str:
    return syntax.text if syntax.kind in ("name", "size") else ""


# ---------------------------------------------------------------- indices as sums


def place_of(syntax: Syntax) -> Place | None:
    """An index as a sum of labels: i, 2i+u−1, ⌊(h+1)/2⌋; None if it is something else."""
    if syntax.kind == "size" and syntax.text[0] == "⌊":
        whole, _, step = syntax.text[1:-1].rpartition("/")
        return _divided(whole.strip("()"), step)
    if (quotient := _floored(syntax)) is not None:
        found = place_of(quotient[0])
        return found and replace(found, divisor=quotient[1])
    shown = _sum_of(syntax)
    if shown is None:
        return None
    terms = {c: n for c, n in linear(shown).items() if len(c) == 1 and c.isalpha()}
    rest = [(n, c) for c, n in linear(shown).items() if c not in terms]
    return Place(combined(*((n, c or "1") for n, c in rest)), terms)


def _floored(syntax: Syntax) -> tuple[Syntax, int] | None:
    """The sides of (i+1)//2, or of floor((i+1)/2)."""
    parts = syntax.parts
    if syntax.kind == "call" and syntax.text == "floor":
        parts = parts[0].parts if parts and parts[0].text == "/" else ()
    elif syntax.kind != "call" or syntax.text != "floor_divide":
        return None
    by = parts[1].text if len(parts) == 2 and parts[1].kind == "number" else ""
    return (parts[0], int(by)) if by.isdigit() and 0 < int(by) < _MOST else None


def _divided(whole: str, step: str) -> Place | None:
    form = linear(whole)
    terms = {c: n for c, n in form.items() if c}
    if any(len(c) > 1 for c in terms) or not step.isdigit():
        return None
    return Place(combined((form.get("", 0), "1")), terms, int(step))


def _sum_of(syntax: Syntax) -> str | None:
    """A sum of letters, numbers and sizes as text; None if it is something else."""
    match syntax.kind, syntax.text, syntax.parts:
        case "name", str() as letter, () if len(letter) == 1:
            return letter
        case "number", str() as number, () if number.isdigit() and len(number) < _MOST:
            return str(int(number))
        case "size", str() as size, ():
            return size
        case "call", "floor_divide", _ if (quotient := _floored(syntax)) is not None:
            inner = _sum_of(quotient[0])
            return None if inner is None else f"⌊({inner})/{quotient[1]}⌋"
        case "minus", _, (body,):
            inner = _sum_of(body)
            return None if inner is None else combined((-1, inner))
        case "op", "+" | "−" as sign, (left, right):
            one, two = _sum_of(left), _sum_of(right)
            if one is None or two is None:
                return None
            return combined((1, one), (1 if sign == "+" else -1, two))
        case ("juxtaposed", _, (count, body)) | ("op", "·" | "*", (count, body)) if (
            count.kind == "number" and count.text.isdigit() and len(count.text) < _MOST
        ):
            inner = _sum_of(body)
            return None if inner is None else combined((int(count.text), inner))
    return None
