"""Scopes: expressions of loop variables as machine code, inside loops that are open.

One variable may be spread over the lanes of vectors. What does not depend on it is computed once
for all lanes, in scalars; where both meet, the scalar is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chainrule.codegen.assembly.llvm import Builder
from chainrule.codegen.assembly.values import Value, constant, lanes, memory, register
from chainrule.codegen.expressions.places import Places, scaled
from chainrule.codegen.expressions.settled import NOTHING, Settled
from chainrule.codegen.mathematics.lanes import Lanes
from chainrule.codegen.mathematics.quotients import quotient
from chainrule.codegen.mathematics.roots import ROOTS, root
from chainrule.codegen.mathematics.scalars import BELOW, applied, emit_scalar
from chainrule.codegen.products.pairs import pair_sums, words_of
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.alternating import (
    FEW,
    every_few,
    every_other,
    read_backwards,
    store_alternating,
)
from chainrule.codegen.statements.loops import (
    Add,
    Apply,
    Choose,
    Expression,
    Fetch,
    Guard,
    Inside,
    Load,
    Number,
    Pairs,
    Position,
    Times,
    Words,
    parts,
)
from chainrule.ir.dtype import DType, bool_, int64
from chainrule.ir.graph import Node
from chainrule.ir.scalar import SCALARS

__all__ = ["Scope"]


class Scope(Places):
    """Places at which expressions are evaluated.

    pointers  where arrays lie
    ready     the values of arrays at the place where the loops stand
    before    what was computed before the loops
    """

    def __init__(
        self,
        b: Builder,
        pointers: Mapping[Node, Value],
        values: Mapping[int, Value | None],
        lane: int | None = None,
        count: int = 0,
        mask: Value | None = None,
        ready: Mapping[Node, Value] | None = None,
        first: Mapping[Node, int] | None = None,
        shifts: Mapping[int, int] | None = None,
        shared: dict[object, Value] | None = None,
        before: Settled = NOTHING,
    ) -> None:
        super().__init__(b, values, lane, count, mask, shifts, shared)
        self.pointers = pointers
        self.ready = dict(ready or {})
        self.first = first or {}
        self.made: dict[int, Value] = dict(before.values)
        self.divisors = before.divisors
        self.below = before.below
        self.divided_by: set[int] = set()  # the roots in divisors
        self.kept: list[Expression] = []  # so that no id is given twice

    # ------------------------------------------------------------ expressions

    def value(self, expression: Expression) -> Value:
        """The value of an expression: a scalar if all lanes have the same."""
        found = self.made.get(id(expression))
        if found is None:
            found = self._value(expression)
            self.made[id(expression)] = found
            self.kept.append(expression)
        return found

    def _value(self, expression: Expression) -> Value:
        b = self.b
        match expression:
            case Number(number, dtype):
                return constant(register(dtype), number)
            case Load(source, _, guards):
                if source in self.ready:
                    return self._guarded(self.ready[source], guards)
                return self._load(expression)
            case Fetch():
                return self._fetch(expression)
            case Apply(record, params, operands, _):
                if record.name == "divide" and b.module.roots:
                    self.divided_by |= {id(e) for e in parts(operands[1]) if _is_root(e)}
                own = [self.value(o) for o in operands]
                by = self.divisors.get(id(operands[-1])) if record.name == "divide" else None
                if by is not None and lanes(own[0].type):
                    return quotient(Lanes(b, own[0]), by).value
                values = self.matched(*own)
                if id(expression) in self.divided_by and values[0].type == ROOTS:
                    return root(Lanes(b, values[0])).value
                params = BELOW if id(expression) in self.below else params
                return applied(b, record, params, values, operands[0].dtype, expression.dtype)
            case Add(signs, operands, dtype):
                return self._sum(signs, self.matched(*map(self.value, operands)), dtype)
            case Times(operands, dtype):
                values = self.matched(*map(self.value, operands))
                op = "fmul" if dtype.is_float else "and" if dtype is bool_ else "mul"
                total = values[0]
                for value in values[1:]:
                    total = b.binary(op, total, value)
                return total
            case Words(operands, how, _):
                even, odd = self.matched(*map(self.value, operands))
                return words_of(b, even, odd, how)
            case Pairs(operands, _, _):
                left, right = self.matched(*map(self.value, operands))
                return pair_sums(b, left, right)
            case Choose(operands, _):
                mask, chosen, otherwise = map(self.value, operands)
                if not lanes(mask.type):
                    return b.select(mask, *self.matched(chosen, otherwise))
                return b.select(*self.matched(mask, chosen, otherwise))
            case Position(form, dtype):
                return self._position(form, dtype)
            case Inside(guards):
                held = self.holds(guards)
                return constant("i1", True) if held is None else held

    def _guarded(self, value: Value, guards: Sequence[Guard]) -> Value:
        held = self.holds(guards)
        if held is None:
            return value
        held, value = self.matched(held, value)
        return self.b.select(held, value, constant(value.type, 0))

    def vector_of(self, expression: Expression) -> Value:
        """The value of an expression in every lane."""
        value = self.value(expression)
        return value if lanes(value.type) or not self.count else self.b.splat(value, self.count)

    def _sum(self, signs: Sequence[int], values: Sequence[Value], dtype: DType) -> Value:
        b = self.b
        minus = "fsub" if dtype.is_float else "sub"
        plus = "fadd" if dtype.is_float else "add"
        total = values[0]
        if signs[0] < 0:
            if len(values) > 1 and signs[1] > 0:  # −a + b is b − a
                total = b.binary(minus, values[1], total)
                values, signs = values[1:], signs[1:]
            elif dtype.is_float:
                total = b.fneg(total)
            else:
                total = b.binary(minus, constant(total.type, 0), total)
        for sign, value in zip(signs[1:], values[1:], strict=True):
            total = b.binary(plus if sign > 0 else minus, total, value)
        return total

    def _position(self, form: Affine, dtype: DType) -> Value:
        place = self.scalar(form) if self.step(form) == 0 else self.places(form)
        made = emit_scalar(self.b, SCALARS["cast"], (dtype,), [place], int64)
        assert made is not None
        return made

    # ------------------------------------------------------------ memory

    def _fetch(self, fetch: Fetch) -> Value:
        b = self.b
        offset: Value | None = None
        for index, stride in zip(fetch.indices, fetch.strides, strict=True):
            own = self.value(index)
            wide = b.convert("zext" if index.dtype.kind == "unsigned" else "sext", own, "i64")
            part = scaled(b, wide, stride)
            if offset is None:
                offset = part
            else:
                offset = b.binary("add", *self.matched(offset, part))
        return self._load(Load(fetch.source, fetch.flat, fetch.guards, fetch.dtype), offset)

    def _load(self, load: Load, offset: Value | None = None) -> Value:
        """Read an array, so many places further, where the guards hold, and 0 where they do not."""
        load = load._replace(flat=self._local(load.source, load.flat))
        key = self._sameness(load) if offset is None else None
        found = self.shared.get(key) if key is not None else None
        if found is None:
            found = self._read(load, offset)
            if key is not None:
                self.shared[key] = found
        return found

    def _sameness(self, load: Load) -> object:
        """Equal for reads of the same elements by scopes side by side; None if arrays change."""
        if not self.shifts:
            return None
        source, flat, guards, _ = load
        parts = [
            (tuple((v.text, c) for k, c in f.terms if (v := self.values[k])), self._fixed(f))
            for f in (flat, *(g.form for g in guards))
        ]
        return source, tuple(parts), self.step(flat)

    def _read(self, load: Load, offset: Value | None) -> Value:
        source, flat, guards, dtype = load
        b, pointer = self.b, self.pointers[source]
        held = self.holds(guards)
        step = self.step(flat)
        varies = offset is not None and lanes(offset.type)
        if step is None or varies or (held is not None and lanes(held.type) and step == 0):
            places = self.places(flat)
            if offset is not None:
                places = b.binary("add", *self.matched(places, offset))
            return self._gathered(dtype, pointer, places, held)
        own = memory(dtype)
        if step == 0 and offset is None and held is None:
            place = self._address(pointer, flat, own)
            return self._from_memory(b.load(own, place), dtype)
        if step == 0:
            base = self.scalar(flat)
            base = base if offset is None else b.add(base, offset)
            return self._single(dtype, pointer, base, held)
        if step in (1, -1):
            mask = self.both(self.mask, held)
            place = self._address(pointer, flat, own)
            if offset is not None:
                place = b.offset(place, offset, own)
            return self._neighbors(dtype, place, mask, backwards=step == -1)
        if step == 2 and offset is None and held is None:
            place = self._address(pointer, flat, own)
            return self._from_memory(every_other(b, own, place, self.count, self.mask), dtype)
        if 2 < step <= FEW and offset is None and held is None and self.mask is None:
            place = self._address(pointer, flat, own)
            return self._from_memory(every_few(b, own, place, self.count, step), dtype)
        base = self.scalar(flat)
        if offset is not None:
            base = b.add(base, offset)
        places = b.binary("add", b.splat(base, self.count), scaled(b, b.steps(self.count), step))
        return self._gathered(dtype, pointer, places, held)

    def _local(self, source: Node, flat: Affine) -> Affine:
        """The place in an array of which only the rows at hand are kept."""
        return flat.without(self.first[source]) if source in self.first else flat

    def _single(self, dtype: DType, pointer: Value, base: Value, held: Value | None) -> Value:
        b, own = self.b, memory(dtype)
        if held is not None:  # a place that exists: an empty array is never read
            base = b.select(held, base, constant("i64", 0))
        value = self._from_memory(b.load(own, b.offset(pointer, base, own)), dtype)
        return value if held is None else b.select(held, value, constant(value.type, 0))

    def _neighbors(
        self, dtype: DType, place: Value, mask: Value | None, *, backwards: bool
    ) -> Value:
        """A vector as it lies in memory, from a place on or before it."""
        kind = memory(dtype, self.count)
        if mask is not None and not lanes(mask.type):
            mask = self.b.splat(mask, self.count)
        if backwards:
            made = read_backwards(self.b, memory(dtype), place, self.count, mask)
        else:
            made = self.b.load_some(kind, place, mask)
        return self._from_memory(made, dtype)

    def _gathered(self, dtype: DType, pointer: Value, places: Value, held: Value | None) -> Value:
        mask = self.both(self.mask, held)
        if mask is not None and not lanes(mask.type):
            mask = self.b.splat(mask, self.count)
        return self._from_memory(
            self.b.gather(memory(dtype, self.count), pointer, places, mask), dtype
        )

    def _from_memory(self, value: Value, dtype: DType) -> Value:
        if dtype is not bool_:
            return value
        return self.b.icmp("ne", value, constant(value.type, 0))

    def store(self, target: Node, flat: Affine, value: Value, *, streamed: bool = False) -> None:
        """Write the lanes that exist to an array; streamed, past the cache where vectors fit."""
        b, dtype = self.b, target.dtype
        flat = self._local(target, flat)
        if dtype is bool_:
            value = b.convert("zext", value, "i8")
        pointer, own = self.pointers[target], memory(dtype)
        step = self.step(flat) if self.count else 0
        if not self.count:
            b.store(value, b.offset(pointer, self.scalar(flat), own))
            return
        if not lanes(value.type):
            value = b.splat(value, self.count)
        if step == 1:
            place = b.offset(pointer, self.scalar(flat), own)
            if streamed and self.mask is None and self._is_aligned(flat):
                b.stream(value, place)
            else:
                b.store_some(value, place, self.mask)
        else:
            b.scatter(value, pointer, self.places(flat), self.mask)

    def store_alternating(self, target: Node, flat: Affine, values: Sequence[Value]) -> None:
        """Write two vectors, or four, whose lanes alternate in memory from a place on."""
        b, own = self.b, memory(target.dtype)
        wide = [v if lanes(v.type) else b.splat(v, self.count) for v in values]
        if target.dtype is bool_:
            wide = [b.convert("zext", v, "i8") for v in wide]
        place = b.offset(self.pointers[target], self.scalar(self._local(target, flat)), own)
        store_alternating(b, own, place, wide, self.mask)

    def prefetch(self, source: Node, flat: Affine, level: int, *, written: bool) -> None:
        """Ask for what will be read or written soon, into the cache of a level."""
        place = self._address(self.pointers[source], flat, memory(source.dtype))
        self.b.prefetch(place, level, write=written)

    def _is_aligned(self, flat: Affine) -> bool:
        """Whether elements of a vector begin at a multiple of their number, as its lanes do."""
        others = [c for v, c in flat.terms if v != self.lane and self.values[v] is not None]
        return all(n % self.count == 0 for n in (*others, self._fixed(flat)))


def _is_root(e: Expression) -> bool:
    return isinstance(e, Apply) and e.record.name == "sqrt"
