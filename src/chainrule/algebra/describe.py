"""What a structure is, in one line of text: ``2·Kronecker(I, VᵀV)``.

Names stand for values where the user has some; other values are called A₁, A₂, … . Formulas are
typeset elsewhere; this is for people who ask an object what it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from chainrule.algebra.index import Atom, Factor, Number
from chainrule.algebra.picks import is_pick
from chainrule.algebra.signs import lowered, raised
from chainrule.algebra.structure import Form, Part, Summand

__all__ = ["describe"]


def describe(form: Form, names: Mapping[Atom, str]) -> str:
    """The structure as text."""
    if not form.summands:
        return "0"
    words = _Words(form, names)
    text = words.total()
    if form.blocks and not form.is_diagonal:
        axes = ", ".join(str(r) for r, _ in form.blocks)
        return f"block-diagonal over axis {axes}: {text}"
    return text


Group = tuple[str, tuple[int, ...]]


class _Words:
    """The names that are used in one text."""

    def __init__(self, form: Form, names: Mapping[Atom, str]) -> None:
        self.form = form
        self.names = dict(names)
        self.fresh: dict[str, Iterator[int]] = {}
        self.groups: dict[object, str] = {}

    def total(self) -> str:
        parts = [self.summand(s) for s in self.form.summands]
        text = parts[0]
        for part in parts[1:]:
            text += f" − {part[1:]}" if part.startswith("−") else f" + {part}"
        return text

    def summand(self, s: Summand) -> str:
        numbers = [self.part(p) for p in s.parts if not p.labels]
        rest = [p for p in s.parts if p.labels]
        body = self.body(s, rest)
        sign = "−" if s.coefficient < 0 else ""
        return sign + "·".join([*_number(s.coefficient), *numbers, body])

    def body(self, s: Summand, rest: list[Part]) -> str:
        slots: list[str] = []
        done: list[Part] = []
        for row in self.form.row_labels:
            part = next((p for p in rest if row in p.rows), None)
            if part is None:
                tied = any(r == row for r, _ in s.ties)
                slots.append("I" if tied else "𝟏𝟏ᵀ")
            elif part not in done:
                done.append(part)
                text = self.part(part)
                slots.append(f"diag({text})" if self._is_diagonal(s, part) else text)
        slots += [self.part(p) for p in rest if p not in done]
        turned = " K" if self._is_turned(s, rest) else ""
        if self._is_outer(s, rest):
            return "".join(self.part(p) if p.rows else f"{self.part(p)}ᵀ" for p in rest)
        if slots and all(slot == "I" for slot in slots):
            return turned.strip() or "I"
        text = slots[0] if len(slots) == 1 else f"Kronecker({', '.join(slots)})"
        return text + turned

    def _is_outer(self, s: Summand, rest: list[Part]) -> bool:
        """Whether a term is a vector of the rows times a vector of the columns: x xᵀ."""
        sides = [(len(p.rows), len(p.columns)) for p in rest]
        return self.form.poly.rank == 2 and not s.ties and sorted(sides) == [(0, 1), (1, 0)]

    def _is_turned(self, s: Summand, rest: list[Part]) -> bool:
        """Whether an axis of the rows goes with another one of the columns: (M ⊗ N) K."""
        rows = self.form.rows
        if self.form.poly.rank != 2 * rows or rows == 1:
            return False
        crossed = [p for p in rest if p.columns and p.rows != tuple(c - rows for c in p.columns)]
        single = [p for p in crossed if len(p.rows) == len(p.columns) == 1]
        return bool(single) or any(c != r + rows for r, c in s.ties)

    @staticmethod
    def _is_diagonal(s: Summand, part: Part) -> bool:
        return not part.columns and all(r in {a for a, _ in s.ties} for r in part.rows)

    # ------------------------------------------------------------ factors

    def part(self, part: Part) -> str:
        """The factors of a part: as a matrix product if they are one, else by their labels."""
        groups = self._groups(part)
        chain = self._chain(part, groups)
        if chain is not None:
            return chain
        if len(groups) == 1:
            return groups[0][0]
        indices = [f"{w}[{','.join(map(_letter, ls))}]" if ls else w for w, ls in groups]
        bound = ",".join(map(_letter, part.bound))
        return (f"Σ[{bound}] " if bound else "") + " ".join(indices)

    def _groups(self, part: Part) -> list[Group]:
        """Factors on the same labels together: by their names, or under a new one."""
        together: dict[frozenset[int], list[Factor]] = {}
        for f in part.factors:
            together.setdefault(frozenset(f.labels), []).append(f)
        return [self._group(group) for group in together.values()]

    def _group(self, group: Sequence[Factor]) -> Group:
        labels = group[0].labels
        plain = all(f.labels == labels for f in group)
        known = all(f.atom in self.names or f.atom.head == "eye" for f in group)
        if len(group) == 1 or (plain and known):
            return " ⊙ ".join(map(self.name, group)), labels
        key = tuple((f.atom, tuple(labels.index(i) for i in f.labels), f.power) for f in group)
        if key not in self.groups:
            self.groups[key] = self.fresh_name()
        return self.groups[key], labels

    def _chain(self, part: Part, groups: Sequence[Group]) -> str | None:
        """XᵀDX: matrices that share a summed label pairwise, with diagonals between."""
        if len(part.rows) != 1 or len(part.columns) > 1:
            return None
        left = [g for g in groups if len(set(g[1])) == 2]
        vectors = [g for g in groups if len(g[1]) == 1]
        if len(left) + len(vectors) < len(groups):
            return None
        place, text = part.rows[0], ""
        while True:
            own = [v for v in vectors if v[1][0] == place]
            vectors = [v for v in vectors if v not in own]
            following = [g for g in left if place in g[1]]
            if not part.columns and not following:  # the end of a vector
                text += " ⊙ ".join(v[0] for v in own) or "𝟏"
                break
            text += "".join(f" diag({v[0]}) " for v in own)
            if part.columns and place == part.columns[0]:
                break
            if len(following) != 1:
                return None
            name, (first, last) = following[0]
            left.remove(following[0])
            text += name if first == place else f"{name}ᵀ"
            place = last if first == place else first
        return text.strip() if not left and not vectors else None

    def name(self, f: Factor) -> str:
        """The user's name, or a new one."""
        if f.atom.head == "eye":
            return "I"
        if f.atom not in self.names:
            letter = "S" if is_pick(f) else "A"
            self.names[f.atom] = self.fresh_name(letter)
        name = self.names[f.atom]
        return name if f.power == 1 else f"{name}{raised(str(f.power))}"

    def fresh_name(self, letter: str = "A") -> str:
        """A₁, A₂, … for values and S₁, S₂, … for selections, but for those that the user has."""
        taken = {*self.names.values(), *self.groups.values()}
        fresh = self.fresh.setdefault(letter, itertools.count(1))
        names = (f"{letter}{lowered(str(k))}" for k in fresh)
        return next(name for name in names if name not in taken)


def _number(value: Number) -> list[str]:
    if value in (1, -1):
        return []
    if isinstance(value, Fraction) and value.denominator <= 1 << 16:
        return [str(value).lstrip("-")]
    return [f"{float(value):.6g}".lstrip("-")]


def _letter(label: int) -> str:
    return "ijklmnopqrstuvwxyz"[label] if label < 18 else f"i{label}"
