"""Names: which values keep the user's, which get one of their own, and what "where" lines say.

Forward values have the names of local variables. The softmax of something that the user did not
name is P (p for a vector), one-hot rows are Y, or S where they select rows of a matrix. Where
brackets would nest, the gradients with respect to pre-activations are named δ₁, δ₂, … in the order
of the layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from chainrule.algebra.signs import lowered
from chainrule.formula.printing.notation import spelled
from chainrule.formula.typeset import tree as ts
from chainrule.formula.typeset.build import flat_transpose
from chainrule.formula.typeset.roots import rooted
from chainrule.formula.typeset.tree import Tree
from chainrule.formula.typeset.walk import children, replaced, spanned, walk

__all__ = ["Definition", "definitions", "generated", "nested", "sorted_by", "symbols"]

_GENERATED = {"softmax": ("P", "p"), "onehot": ("Y", "")}
Definition = tuple[str, Tree]


def symbols(tree: Tree) -> set[str]:
    """The names that occur in a tree."""
    return {part.name for part in walk(tree) if isinstance(part, ts.Symbol)}


def nested(tree: Tree) -> bool:
    """Whether an elementwise product stands inside of another one."""
    return any(
        isinstance(inner, ts.Elementwise | ts.Over)
        for part in walk(tree)
        if isinstance(part, ts.Elementwise)
        for child in children(part)
        for inner in walk(child)
    )


def definitions(main: Tree, known: Mapping[str, Tree]) -> list[Definition]:
    """The definitions that a formula needs, and those that they need, in the program's order."""
    needed: set[str] = set()
    pending = symbols(main)
    while pending:
        name = pending.pop()
        if name in known and name not in needed:
            needed.add(name)
            pending |= symbols(known[name])
    return [(name, tree) for name, tree in known.items() if name in needed]


def generated(
    main: Tree, known: dict[str, Tree], taken: Iterable[str]
) -> tuple[Tree, dict[str, Tree]]:
    """Give probabilities, one-hot rows and π names of their own, where the usual one is free."""
    used = set(taken) | set(known)
    main, known = _with_places(main, known, used)
    for head, (matrix, vector) in _GENERATED.items():
        whole = [main, *(tree for _, tree in definitions(main, known))]
        found = [p for tree in whole for p in walk(tree) if isinstance(p, ts.Apply)
                 and spanned(p.name)[0] == head and not _is_rounded(p.parts[0])]  # fmt: skip
        kinds = list(dict.fromkeys(found))
        if len(kinds) > 1 and all(map(_is_permutation, kinds)):
            main, known = _each_named(main, known, kinds, used)
            continue
        if len(kinds) != 1 or any(tree in kinds for tree in known.values()):
            continue
        (only,) = kinds
        name = matrix if len(only.dims) == 2 else vector
        if _is_permutation(only):
            name = next((n for n in ("P", "Π") if n not in used), "")
        elif head == "onehot" and any(_selects(tree, only) for tree in whole):
            name = "S"
        if not name or name in used or (len(only.dims) == 1 and len(found) < 2):
            continue
        main, known = _with_name(main, known, only, name)
        used.add(name)
    shown = {spelled(name) for name in (*used, *symbols(main))}
    return rooted(main, shown), {name: rooted(tree, shown) for name, tree in known.items()}


def _with_places(
    main: Tree, known: dict[str, Tree], used: set[str]
) -> tuple[Tree, dict[str, Tree]]:
    """What is rounded up and down to find a place in an order is t: x₍⌊t⌋₎ and x₍⌈t⌉₎."""
    whole = [main, *(tree for _, tree in definitions(main, known))]
    rounded = [p.parts[0] for tree in whole for p in walk(tree)
               if isinstance(p, ts.Apply) and _is_rounded(p)]  # fmt: skip
    kinds = [p for p in dict.fromkeys(rounded) if not isinstance(p, ts.Symbol)]
    for number, tree in enumerate(kinds, 1):
        name = "t" if len(kinds) == 1 else "t" + lowered(str(number))
        if name in used or name in symbols(main):
            continue
        main, known = _with_name(main, known, tree, name)
        used.add(name)
    return main, known


def _with_name(
    main: Tree, known: dict[str, Tree], tree: Tree, name: str
) -> tuple[Tree, dict[str, Tree]]:
    """A formula and its definitions with a name for a part of them, which is defined too."""
    symbol = ts.Symbol(tree.dims, name)
    known = {key: replaced(held, tree, symbol) for key, held in known.items()}
    return replaced(main, tree, symbol), _inserted(known, name, tree)


def _is_rounded(tree: Tree) -> bool:
    """Whether a number was rounded up or down."""
    return isinstance(tree, ts.Apply) and tree.name in ("floor", "ceil") and not tree.dims


def _each_named(
    main: Tree, known: dict[str, Tree], kinds: Sequence[Tree], used: set[str]
) -> tuple[Tree, dict[str, Tree]]:
    """Several permutation matrices are P, Q, …, as far as these names are free."""
    free = (name for name in ("P", "Q", "Π") if name not in used)
    for tree, name in zip(sorted(kinds, key=repr), list(free), strict=False):
        main, known = _with_name(main, known, tree, name)
        used.add(name)
    return main, known


def _is_permutation(tree: Tree) -> bool:
    """Whether one-hot rows are those of a matrix that sorts a vector."""
    inner = tree.parts[0] if isinstance(tree, ts.Apply) and tree.name == "onehot" else None
    return isinstance(inner, ts.Apply) and inner.name == "argsort"


def sorted_by(found: Iterable[Definition]) -> list[Definition]:
    """The permutation matrices among definitions, with the vectors that they sort."""
    return [
        (name, tree.parts[0].parts[0])
        for name, tree in found
        if isinstance(tree, ts.Apply) and _is_permutation(tree) and len(tree.dims) == 2
        if isinstance(tree.parts[0], ts.Apply)
    ]


def _selects(tree: Tree, picks: Tree) -> bool:
    """Whether one-hot rows select rows of a matrix in a product, as in SE; labels do not."""
    turned = flat_transpose(picks)
    pairs = [pair for p in walk(tree) if isinstance(p, ts.Product) for pair in pairwise(p.parts)]
    from_left = any(a in (picks, turned) and not isinstance(b, ts.Ones) for a, b in pairs)
    return from_left or any(b in (picks, turned) for _, b in pairs)


def _inserted(known: dict[str, Tree], name: str, tree: Tree) -> dict[str, Tree]:
    """The definitions with a new one, before the first that needs it."""
    made: dict[str, Tree] = {}
    for key, definition in known.items():
        if name not in made and name in symbols(definition):
            made[name] = tree
        made[key] = definition
    made.setdefault(name, tree)
    return made
