"""A native program as text: its kernels, the loops of each, and what every loop computes.

k2  matrix product 32×16×16, 1 tile
  for i < 32, j < 16:
    %22[i,j] = Σ k < 16: %21[i,k] · %2[j,k]
    %25[i,j] = relu(%22[i,j] + %3[j])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from chainrule.codegen.outline import Inner, Native, Part, Work
from chainrule.codegen.statements.affine import Affine
from chainrule.codegen.statements.fuse import Fused, Item
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
    Statement,
    Times,
    Words,
)
from chainrule.codegen.statements.steps import (
    Check,
    Contraction,
    Draw,
    Host,
    Scattered,
    Solve,
    Spread,
)
from chainrule.ir.graph import Node
from chainrule.ir.primitives import Loop
from chainrule.ir.show import numbering, type_text
from chainrule.wording import plural

__all__ = ["all_formulas", "listing"]

_LETTERS: Final = "ijklmnopqrstuvwxyz"
_SIGNS: Final = {"divide": "/", "greater": ">", "less": "<", "equal": "==", "maximum": "max"}
_SUMS: Final = {"sum": "Σ", "prod": "∏"}

Names = Mapping[Node, int]


def listing(native: Native) -> str:
    """Write a program, a kernel after another, with its arena and its scratch."""
    names = numbering(native.graph)
    lines = [f"arena {native.arena} bytes, scratch {native.scratch} bytes a thread"]
    if native.note:
        lines.append(native.note)
    taken = native.taken_over.items()
    if taken:
        over = (f"{_name(after, names)} over {_name(before, names)}" for after, before in taken)
        lines.append(f"in place  {', '.join(over)}")
    for segment in native.segments:
        if segment.host is not None:
            lines += ["", f"host  {_hosted(segment.host, names)}"]
        lines += _parts(segment.parts, names)
    return "\n".join(lines)


def _parts(parts: Sequence[Part], names: Names) -> Iterator[str]:
    for part in parts:
        yield ""
        if isinstance(part, Work):
            kernel, item = part
            tiles = f"{kernel.tiles} tile{'s' if kernel.tiles != 1 else ''}"
            rounded = " in bf16" if kernel.is_rounded else ""
            yield f"{kernel.name}  {_kind(item)}{rounded}, {tiles}"
            yield from (f"  {line}" for line in _body(item, names))
        else:
            yield from _inner(part, names)


def _inner(inner: Inner, names: Names) -> Iterator[str]:
    """A Loop or a Cond; the values of a body have numbers of their own."""
    op, node = inner.item.node.op, inner.item.node
    operands = [_name(n, names) for n in node.inputs]
    if isinstance(op, Loop):
        heads = [f"{'backward' if op.reverse else 'forward'} {plural(op.length, 'time')}"]
    else:
        heads = [f"if {operands.pop(0)}", "else"]
    made = ", ".join(_name(n, names) for n in inner.item.targets)
    for head, body in zip(heads, inner.bodies, strict=True):
        own = numbering(body.graph)
        given = ", ".join(_name(n, own) for n in body.graph.inputs)
        results = ", ".join(_name(n, own) for n in body.graph.outputs)
        yield f"{head}: {given} ← {', '.join(operands)};  {made} ← {results}"
        yield from (f"  {line}".rstrip() for line in _parts(body.parts, own))


def all_formulas(native: Native) -> dict[str, list[str]]:
    """What each kernel computes, by its name, those of inner bodies too."""
    found: dict[str, list[str]] = {}
    stack: list[tuple[Sequence[Part], Names]] = [
        (s.parts, numbering(native.graph)) for s in native.segments
    ]
    while stack:
        parts, names = stack.pop()
        for part in parts:
            if isinstance(part, Work):
                found[part.kernel.name] = _formulas(part.item, names)
            else:
                stack += [(body.parts, numbering(body.graph)) for body in part.bodies]
    return found


def _formulas(item: Item, names: Names) -> list[str]:
    """What a kernel computes, a line for each array."""
    return [line.strip() for line in _body(item, names) if "=" in line]


def _kind(item: Item) -> str:
    match item:
        case Fused(product=Contraction() as c):
            rows, inner, columns = (
                "·".join(str(c.extents[v]) for v in group) for group in (c.rows, c.inner, c.columns)
            )
            stack = "".join(f"{c.extents[v]}×" for v in c.batch)
            kind = "symmetric" if c.symmetric else "matrix"
            return f"{kind} product {stack}{rows}×{inner}×{columns}"
        case Fused(rank=rank, statements=statements):
            rows = "×".join(map(str, statements[0].extents[:rank])) or "1"
            return f"{len(statements)} statement{'s' if len(statements) > 1 else ''} by rows {rows}"
        case Spread():
            return "sum into places"
        case Scattered():
            return "sum into places by index"
        case Solve(node=node):
            sizes = "×".join(map(str, (*node.inputs[0].shape, node.inputs[1].shape[-1])))
            return f"linear systems {sizes}"
        case Draw():
            return "random bits"
        case _:
            return "check of indices"


def _hosted(host: Host, names: Names) -> str:
    inputs = ", ".join(_name(n, names) for n in host.node.inputs)
    made = ", ".join(_name(n, names) for n in host.targets)
    return f"{made} = {type(host.node.op).__name__}({inputs})"


def _body(item: Item, names: Names) -> Iterator[str]:
    match item:
        case Fused(product=product, statements=statements):
            if product is not None:
                yield _loops(product.extents[: product.target.ndim])
                inner = _ranges(product.extents, product.target.ndim)
                factors = " · ".join(_text(e, names) for e in (product.left, product.right))
                yield f"  {_place(product.target, names)} = Σ {inner}: {factors}"
            for s in statements:
                if product is None:
                    yield _loops(s.extents[: s.rank])
                if s.added:
                    inner = ",".join(map(_letter, range(s.added, s.rank)))
                    yield f"  {_name(s.target, names)}[tile,{inner}] += {_text(s.value, names)}"
                    continue
                yield f"  {_place(s.target, names)} = {_reduction(s)}{_text(s.value, names)}"
        case Spread(target=target, extents=extents, place=place, value=value):
            yield _loops(extents)
            yield f"  {_name(target, names)}[{_form(place)}] += {_text(value, names)}"
        case Scattered(target=target, extents=extents, indices=indices, value=value):
            yield _loops(extents)
            index = ", ".join(_text(e, names) for e in indices)
            yield f"  {_name(target, names)}[{index}, …] += {_text(value, names)}"
        case Solve(node=node, targets=made):
            operands = ", ".join(_name(n, names) for n in node.inputs)
            yield f"{', '.join(_name(n, names) for n in made)} = solve({operands})"
        case Draw(target=target, node=node):
            operands = ", ".join(_name(n, names) for n in node.inputs)
            yield f"{_name(target, names)} = random bits({operands})"
        case Check(extents=extents, value=value, size=size):
            yield _loops(extents)
            yield f"  stop unless 0 ≤ {_text(value, names)} < {size}"


def _loops(extents: Sequence[int]) -> str:
    return f"for {_ranges(extents, 0)}:" if extents else "once:"


def _ranges(extents: Sequence[int], first: int) -> str:
    return ", ".join(f"{_letter(v)} < {extents[v]}" for v in range(first, len(extents)))


def _reduction(s: Statement) -> str:
    if not s.kind:
        return ""
    return f"{_SUMS.get(s.kind, s.kind)} {_ranges(s.extents, s.rank)}: "


def _letter(v: int) -> str:
    return _LETTERS[v] if v < len(_LETTERS) else f"i{v}"


def _name(node: Node, names: Names) -> str:
    return f"%{names[node]}" if node in names else f"%?:{type_text(node.type)}"


def _place(node: Node, names: Names) -> str:
    return f"{_name(node, names)}[{','.join(_letter(v) for v in range(node.ndim))}]"


def _form(form: Affine) -> str:
    terms = [(c, _letter(v)) for v, c in form.terms]
    made = ""
    for c, letter in sorted(terms, key=lambda t: -t[0]):
        size = "" if abs(c) == 1 else f"{abs(c)}"
        made += ("−" if c < 0 else "+" if made else "") + size + letter
    if form.constant or not made:
        made += ("+" if made and form.constant >= 0 else "") + str(form.constant)
    return made


def _guarded(text: str, guards: Sequence[Guard]) -> str:
    if not guards:
        return text
    held = " and ".join(f"0 ≤ {_form(g.form)} < {g.size}" for g in guards)
    return f"({text} if {held} else 0)"


def _text(expression: Expression, names: Names) -> str:
    match expression:
        case Number(value=value):
            return f"{value:.6g}" if isinstance(value, float) else str(value)
        case Position(form=form):
            return _form(form)
        case Inside(guards=guards):
            return "(" + " and ".join(f"0 ≤ {_form(g.form)} < {g.size}" for g in guards) + ")"
        case Load(source=source, flat=flat, guards=guards):
            return _guarded(f"{_name(source, names)}[{_form(flat)}]", guards)
        case Fetch(source=source, indices=indices, guards=guards):
            index = ", ".join(_text(e, names) for e in indices)
            return _guarded(f"{_name(source, names)}[{index}, …]", guards)
        case Apply(record=record, operands=operands):
            inside = [_text(e, names) for e in operands]
            if record.name in _SIGNS and len(inside) == 2 and record.name != "maximum":
                return f"({inside[0]} {_SIGNS[record.name]} {inside[1]})"
            return f"{record.name}({', '.join(inside)})"
        case Add(signs=signs, operands=operands):
            made = ""
            for sign, e in zip(signs, operands, strict=True):
                made += (" − " if sign < 0 else " + " if made else "") + _text(e, names)
            return f"({made.strip()})"
        case Words(operands=operands):
            return f"bf16({', '.join(_text(e, names) for e in operands)})"
        case Times(operands=operands) | Pairs(operands=operands):
            return " · ".join(_text(e, names) for e in operands)
        case Choose(operands=operands):
            mask, chosen, otherwise = (_text(e, names) for e in operands)
            return f"({chosen} if {mask} else {otherwise})"
