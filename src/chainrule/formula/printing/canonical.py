"""Whether two formulas are the same print.

Spaces, redundant brackets, the order of commuting factors and of the terms of a sum do not matter;
names, transposes, ⊙, ⊗, 𝟏 and how a product is grouped do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from chainrule.formula.printing.line import from_end
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.tree import Tree

__all__ = ["canonical", "same_print"]


def same_print(one: Tree, two: Tree) -> bool:
    """Whether two trees differ only in the order of terms and of commuting factors.

    >>> from chainrule.formula.typeset import tree as ts
    >>> a, b = (ts.Symbol(("n",), name) for name in "ab")
    >>> same_print(ts.Elementwise(("n",), (a, b)), ts.Elementwise(("n",), (b, a)))
    True
    """
    return canonical(one) == canonical(two)


def canonical(tree: Tree) -> str:
    """A text that is the same for the same print."""
    match tree:
        case ts.Symbol(name=name) | ts.Constant(name=name):
            return spelled(name)
        case ts.Unit(place=place):
            return f"e{from_end(place, tree.dims[0])}"
        case ts.Number(value=value):
            return str(value)
        case ts.Bias(body=body):
            return canonical(body)
        case ts.Plus():
            return _sum(tree)
        case ts.Scaled() | ts.Product():
            return _product(tree)
        case ts.Quotient(top=ts.Number() as top, bottom=ts.Number() as bottom):
            return str(top.value / bottom.value)
        case ts.Elementwise():
            return _elementwise(tree)
        case ts.Transpose(body=body):
            return canonical(body) + "ᵀ"
        case ts.Indexed(scalar=scalar, summed=summed, factors=factors):
            shown = sorted(canonical(f.body) + f"[{','.join(f.labels)}]^{f.power}" for f in factors)
            return f"{canonical(scalar)}Σ{sorted(i for i, _ in summed)}{shown}"
    return _general(tree)


def _general(tree: Tree) -> str:
    """The name of the kind and its parts; sizes are not printed."""
    shown: list[str] = []
    for entry in fields(tree):
        value = getattr(tree, entry.name)
        if entry.name in ("dims", "symmetric"):
            continue
        if isinstance(value, Tree):
            shown.append(canonical(value))
        elif isinstance(value, tuple) and value and isinstance(value[0], Tree):
            shown.append(",".join(map(canonical, value)))
        else:
            shown.append(str(value))
    return f"{type(tree).__name__}({';'.join(shown)})"


def _sum(tree: ts.Plus) -> str:
    terms: list[str] = []
    for sign, part in zip(tree.signs, tree.parts, strict=True):
        inner: list[tuple[int, Tree]] = [(sign, part)]
        if isinstance(part, ts.Plus) and sign > 0:
            inner = list(zip(part.signs, part.parts, strict=True))
        terms += [("+" if s > 0 else "−") + canonical(p) for s, p in inner]
    return "(" + "".join(sorted(terms)) + ")"


def _elementwise(tree: ts.Elementwise) -> str:
    """Scalars in front of any factor, then the factors in any order: a·y ⊙ q is a·(y ⊙ q)."""
    scalars: list[Tree] = []
    factors: list[str] = []
    pending = list(tree.parts)
    while pending:
        part = pending.pop(0)
        if isinstance(part, ts.Scaled):
            scalars.append(part.scalar)
            pending.insert(0, part.body)
        elif isinstance(part, ts.Elementwise):
            pending = [*part.parts, *pending]
        else:
            factors.append(canonical(part))
    made = "(" + "⊙".join(sorted(factors)) + ")"
    return " ".join([*sorted(map(canonical, scalars)), made])


def _product(tree: Tree) -> str:
    """Scalars in any order, then the matrices in theirs."""
    scalars: list[str] = []
    chain: list[str] = []
    pending = [tree]
    while pending:
        part = pending.pop(0)
        if isinstance(part, ts.Scaled):
            pending = [part.scalar, part.body, *pending]
        elif isinstance(part, ts.Product) and (part.dims or _of_scalars(part.parts)):
            pending = [*part.parts, *pending]
        elif part.dims:
            chain.append(canonical(part))
        elif isinstance(part, ts.Product):
            pending = [*(p for p in part.parts if not p.dims), *pending]
            row = [canonical(p) for p in part.parts if p.dims]
            scalars.append("<" + " ".join(row) + ">")
        else:
            scalars.append(canonical(part))
    shown = sorted(s for s in scalars if s != "1")
    if chain:
        shown.append("<" + " ".join(chain) + ">" if len(chain) > 1 else chain[0])
    return " ".join(shown) if len(shown) > 1 else shown[0] if shown else "1"


def _of_scalars(parts: Sequence[Tree]) -> bool:
    """Whether a product of dims () is one of scalars, not xᵀAy."""
    return all(not p.dims for p in parts)
