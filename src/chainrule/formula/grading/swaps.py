"""Edits that put one thing in place of another: a sign, a transpose, a name, a function."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from chainrule.formula.grading.draft import Draft, Edit, could_be, put
from chainrule.formula.grading.finding import Finding
from chainrule.formula.grading.lines import inlined
from chainrule.formula.grading.rewrites import (
    DERIVATIVES,
    ONE,
    OWN,
    RELATED,
    binary,
    named,
    text_of,
)
from chainrule.formula.printing.notation import UNICODE, spelled
from chainrule.formula.reading.syntax import Syntax
from chainrule.formula.typeset import tree as ts

__all__: list[str] = []


def slopes(draft: Draft) -> Iterator[Edit]:
    """Derivatives of the program's activations, as factors that were forgotten."""
    for name, words in draft.slopes.items():
        shape = draft.program.names.shapes[name]
        finding = Finding(
            "missing activation derivative",
            f"the derivative of the activation is missing: {words}",
        )
        factor = Syntax("value", name)
        for place in draft.places:
            is_name, fits = place.syntax.kind == "name", could_be(place.shape, shape)
            if is_name and fits:
                yield finding, draft.put(place, factor)
            if is_name:
                beside = fits and shape and place.syntax.text not in draft.before.get(name, ())
            else:
                beside = fits or not place.shape or not shape
            if beside:
                yield finding, draft.put(place, binary("*", place.syntax, factor))
            if len(shape) == 1 and place.shape[:1] == shape and len(place.shape) == 2:
                diagonal = Syntax("call", "diag", (factor,))
                yield finding, draft.put(place, binary("@", diagonal, place.syntax))


def own_slopes(draft: Draft) -> Iterator[Edit]:
    """An activation in the text where its derivative belongs."""
    for place in draft.places:
        s = place.syntax
        if s.kind == "call" and len(s.parts) == 1 and s.text in OWN:
            kind = "not differentiated" if s.text == "softplus" else "missing activation derivative"
            finding = Finding(
                kind, f"you want {s.text}′, {OWN[s.text][0]}, in place of {text_of(s)}"
            )
            yield finding, draft.put(place, OWN[s.text][1](s, s.parts[0]))


def signs(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "op" and s.text in "+−":
            other = "−" if s.text == "+" else "+"
            yield Finding("sign", f"the sign of {text_of(s.parts[1])} is wrong"), draft.put(
                place, replace(s, text=other))  # fmt: skip
        elif s.kind in ("name", "call", "op", "juxtaposed", "power", "index"):
            yield Finding("sign", f"the sign of {text_of(s)} is wrong"), draft.put(
                place, Syntax("minus", "", (s,)))  # fmt: skip


def transposes(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "transposed" or (s.kind == "attribute" and s.text == "T"):
            words = f"you want {text_of(s.parts[0])}, not its transpose"
            yield Finding("transpose", words), draft.put(place, s.parts[0])
        elif len(place.shape) == 2:
            made = Syntax("transposed", "", (s,))
            yield Finding("transpose", f"you want {text_of(made)}"), draft.put(place, made)

    for name in {
        p.syntax.text for p in draft.places if p.syntax.kind == "name" and len(p.shape) == 2
    }:
        turned = Syntax("transposed", "", (Syntax("name", name),))
        words = f"you want {spelled(name)}ᵀ for {spelled(name)} everywhere"
        yield Finding("transpose", words), inlined(draft.syntax, {name: turned})


def identities(draft: Draft) -> Iterator[Edit]:
    eye = Syntax("name", "I")
    for place in [*draft.places, *draft.literals]:
        if not place.shape:
            shown = text_of(place.syntax)
            words = f"you want {shown}·I, not a number that is added to every entry"
            finding = Finding("scalar instead of identity", words)
            yield finding, draft.put(place, binary("·", place.syntax, eye))


def functions(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        s = place.syntax
        if s.kind == "call" and s.text == "kron":
            words = "you want the Khatri–Rao product, column by column, not the Kronecker product"
            yield Finding("wrong product", words), draft.put(place, binary("⊛", *s.parts))
        if s.kind != "call" or len(s.parts) != 1:
            continue
        if s.text != "sum":
            words = f"you want {text_of(s.parts[0])} itself, not {s.text} of it"
            yield Finding("wrong variable", words), draft.put(place, s.parts[0])
        for other in RELATED.get(s.text, ()):
            kind = (
                "not differentiated" if other in DERIVATIVES.get(s.text, ()) else "wrong function"
            )
            yield Finding(kind, f"you want {other} in place of {s.text}"), draft.put(
                place, replace(s, text=other))  # fmt: skip


def names(draft: Draft) -> Iterator[Edit]:
    for place in draft.places:
        text = place.syntax.text
        if place.syntax.kind != "name":
            continue
        if text in draft.program.question.names:
            yield (
                Finding("not differentiated", f"{spelled(text)} itself has the derivative 1"),
                draft.put(place, ONE),
            )
        for name, shape in draft.shapes.items():
            plain = name[0] != "⟨" or name.startswith("⟨relu")
            if len(shape) == len(place.shape) and name != text and plain:
                finding = _instead(draft, name, text)
                yield finding, draft.put(place, named(name))

    yield from _renamed(draft)


def _renamed(draft: Draft) -> Iterator[Edit]:
    """A name in place of another at all its places, or at all but one."""
    for name, other in itertools.permutations([n for n in draft.shapes if n[0] != "⟨"], 2):
        new = Syntax("name", other)
        places = [p for p in draft.places if p.syntax.kind == "name" and p.syntax.text == name]
        finding = Finding(
            "wrong variable", f"you want {spelled(other)} in place of {spelled(name)}"
        )
        for kept in (None, *places) if 1 < len(places) < 5 else ():
            paths = [place.path for place in places if place is not kept]
            yield finding, reduce(lambda s, path: put(s, path, new), paths, draft.syntax)


def _instead(draft: Draft, name: str, text: str) -> Finding:
    """A name in place of another; one that lacks what the other subtracts is a missing term."""
    known = draft.program.known.get(name)
    if isinstance(known, ts.Plus) and any(
        isinstance(p, ts.Symbol) and p.name == text for p in known.parts
    ):
        return Finding(
            "missing term",
            f"you want {spelled(name)} = {UNICODE(known)} in place of {spelled(text)}",
        )
    return Finding(
        "wrong variable", f"you want {spelled(name).strip('⟨⟩')} in place of {spelled(text)}"
    )
