"""Places: what loop variables and affine forms of them are, where the loops stand.

One variable may be spread over the lanes of vectors. A form that does not depend on it is one
number for all lanes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant, lanes, vector
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.loops import Guard

__all__ = ["Places", "scaled"]


class Places:
    """Where the loops stand, in every lane.

    values    the value of each variable: a scalar; a vector, one for each lane; None for one that
              is counted along with its successor
    lane      the variable that is spread over the lanes, if there is one; its value is that of
              the first lane
    count     how many lanes there are; 0 without them
    mask      which of them exist; None for all
    shifts    known numbers to be added to variables
    shared    what was computed at places side by side
    """

    def __init__(
        self,
        b: Builder,
        values: Mapping[int, Value | None],
        lane: int | None,
        count: int,
        mask: Value | None,
        shifts: Mapping[int, int] | None,
        shared: dict[object, Value] | None,
    ) -> None:
        self.b = b
        self.values = values
        self.lane = lane
        self.count = count
        self.mask = mask
        self.shifts = shifts or {}
        self.shared = {} if shared is None else shared

    def scalar(self, form: Affine) -> Value:
        """The value of a form in the first lane (i64)."""
        return self.b.add(self._moving(form), self._fixed(form))

    def _moving(self, form: Affine) -> Value:
        """The part of a form that loops change, outer loops first: scopes side by side share it."""
        terms = [(value, c) for v, c in form.terms if (value := self.values[v]) is not None]
        key = tuple((value.text, c) for value, c in terms)
        found = self.shared.get(key)
        if found is None:
            found = constant("i64", 0)
            for value, c in terms:
                found = self.b.add(found, self.b.mul(value, c))
            self.shared[key] = found
        return found

    def _fixed(self, form: Affine) -> int:
        """The rest, which is known."""
        return form.constant + sum(form.coefficient(v) * n for v, n in self.shifts.items())

    def _address(self, pointer: Value, form: Affine, own: str) -> Value:
        """Where an element lies, the known part last, as processors add it for nothing."""
        moving = self._moving(form)
        key = pointer.text, moving.text, own
        found = self.shared.get(key)
        if found is None:
            found = self.shared[key] = self.b.offset(pointer, moving, own)
        return self.b.offset(found, self._fixed(form), own)

    def step(self, form: Affine) -> int | None:
        """By how much the form grows from lane to lane; None if that differs."""
        for v, _ in form.terms:
            value = self.values[v]
            if value is not None and lanes(value.type):
                return None
        return 0 if self.lane is None else form.coefficient(self.lane)

    def places(self, form: Affine) -> Value:
        """The value of a form in each lane."""
        b, count = self.b, self.count
        kind = vector("i64", count)
        total = constant(kind, self._fixed(form))
        uniform = Affine(0, tuple((v, c) for v, c in form.terms if self._is_scalar(v)))
        if uniform.terms:
            total = b.binary("add", total, b.splat(self._moving(uniform), count))
            if self.lane is not None and (c := uniform.coefficient(self.lane)):
                total = b.binary("add", total, scaled(b, b.steps(count), c))
        for v, c in form.terms:
            value = self.values[v]
            if value is not None and lanes(value.type):
                total = b.binary("add", total, scaled(b, value, c))
        return total

    def _is_scalar(self, v: int) -> bool:
        value = self.values[v]
        return value is not None and not lanes(value.type)

    def holds(self, guards: Sequence[Guard]) -> Value | None:
        """Whether all guards hold: a scalar, or one answer a lane; None for no guards."""
        total: Value | None = None
        for guard in guards:
            if self.step(guard.form) == 0:
                found = self.b.icmp("ult", self.scalar(guard.form), guard.size)
            else:
                place = self.places(guard.form)
                found = self.b.icmp("ult", place, constant(place.type, guard.size))
            total = found if total is None else self.both(total, found)
        return total

    def both(self, a: Value | None, b: Value | None) -> Value | None:
        """The conjunction of two masks, each of which may be missing."""
        if a is None or b is None:
            return a or b
        a, b = self.matched(a, b)
        return self.b.binary("and", a, b)

    def matched(self, *values: Value) -> list[Value]:
        """Values in as many lanes, scalars repeated if one of them is a vector."""
        if not any(lanes(v.type) for v in values):
            return list(values)
        return [v if lanes(v.type) else self.b.splat(v, self.count) for v in values]


def scaled(b: Builder, value: Value, factor: int) -> Value:
    """A value times a known number."""
    if factor == 1:
        return value
    return b.binary("mul", value, constant(value.type, factor))
