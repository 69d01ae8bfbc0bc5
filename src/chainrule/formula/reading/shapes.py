"""The sizes of what a text leaves open: 𝟏 and I take the size that fits.

A shape is a tuple of sizes: () a scalar, ("n",) a vector, ("1", "n") a row, ("n", "d") a matrix. A
size is a symbol, a product of symbols as "m·n", or an unknown "?1" that is found by unification.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from chainrule.algebra.sizes import combined, linear, multiplied
from chainrule.formula.typeset.evaluate import size_of
from chainrule.formula.typeset.tree import Tree

__all__ = ["Shape", "Unknowns", "broadcast", "shown"]

Shape = tuple[str, ...]


class Unknowns:
    """The sizes that are not known yet, and what they were found to be.

    numbers  the sizes of the axes at some points: symbols that agree there are the same
    """

    def __init__(self, numbers: Sequence[Mapping[str, int]] = ()) -> None:
        self.numbers = numbers
        self.found: dict[str, str] = {}
        self.made = 0

    def fresh(self) -> str:
        """A new unknown size."""
        self.made += 1
        return f"?{self.made}"

    def value(self, size: str) -> str:
        """A size with what is known put in."""
        if "?" not in size:
            return size
        if "+" in size or "−" in size:
            known = (
                (c, multiplied([self.value(s)]) if s else "1") for s, c in linear(size).items()
            )
            return combined(*known)
        parts: list[str] = []
        for part in size.split("·"):
            found = self.found.get(part)
            if part[0] in "⌈⌊":
                inside, _, step = part[1:].rpartition("/")
                part = f"{part[0]}{self.value(inside)}/{step}"
            parts += [part if found is None else self.value(found)]
        if any(sign in part for part in parts for sign in "+−"):
            return multiplied(parts)
        flat = [p for part in parts for p in part.split("·") if p != "1"]
        return "·".join(flat or ["1"])

    def shape(self, shape: Shape) -> Shape:
        """A shape with what is known put in."""
        return tuple(map(self.value, shape))

    def same(self, one: str, two: str) -> bool:
        """Make two sizes equal, if they can be."""
        both = self.value(one), self.value(two)
        if any(sign in size for size in both for sign in "+−"):
            return self._same_sums(*both)
        if both[0][:1] == both[1][:1] != "" and both[0][0] in "⌈⌊":
            (first, _, step), (second, _, steps) = (size[1:].rpartition("/") for size in both)
            return step == steps and self.same(first, second)
        left, right = (size.split("·") for size in both)
        for part in list(left):
            if part in right:
                left.remove(part)
                right.remove(part)
        left, right = [p for p in left if p != "1"], [p for p in right if p != "1"]
        if not left and not right:
            return True
        for open_side, closed in ((left, right), (right, left)):
            unknown = [p for p in open_side if p[0] == "?"]
            if len(unknown) == len(open_side) == 1 and unknown[0] not in closed:
                self.found[unknown[0]] = "·".join(closed) or "1"
                return True
            if len(open_side) == 2 and len(set(open_side)) == 1 == len(set(closed)) and unknown:
                self.found[unknown[0]] = closed[0]
                return True
        if len(left) == len(right) > 1:
            return all(self._paired(a, b) for a, b in zip(left, right, strict=True))
        return self._equal_numbers("·".join(left) or "1", "·".join(right) or "1")

    def _same_sums(self, one: str, two: str) -> bool:
        """Make two sums equal: n+?1 and n+m are if ?1 is m; several open sizes in their order."""
        left = linear(combined((1, one), (-1, two)))
        open_sizes = [s for s, count in left.items() for _ in range(abs(count)) if "?" in s]
        if not open_sizes:
            return not left or self._equal_numbers(one, two)
        known = [(s or "1", count) for s, count in left.items() if "?" not in s]
        if len(open_sizes) == 1:
            (name,) = open_sizes
            rest = combined(*((-left[name] * count, s) for s, count in known))
            return self._found(name, rest)
        if any("·" in s for s in open_sizes):
            return self._same_products(left)
        if len(open_sizes) == 2 and left[open_sizes[0]] == -left[open_sizes[1]]:
            name, other = open_sizes
            added = ((-left[name] * count, s) for s, count in known)
            return self._found(name, combined((1, other), *added))
        signs = {count > 0 for _, count in known}
        each = [s for s, count in known for _ in range(abs(count))]
        if len(open_sizes) != len(each) or len(signs) > 1:
            return False
        return all(self._found(s, k) for s, k in zip(open_sizes, each, strict=True))

    def _same_products(self, form: dict[str, int]) -> bool:
        """Make products equal one by one: ?1·?2−?2 and n·d−d are if ?2 is d and ?1 is n."""
        known = [s for s in form if "?" not in s]
        for name in sorted((s for s in form if "?" in s), key=lambda s: s.count("·")):
            like = [s for s in known if form[s] == -form[name] and s.count("·") == name.count("·")]
            if len(like) != 1 or not self.same(name, like[0]):
                return False
            known.remove(like[0])
        return not known

    def _found(self, open_size: str, size: str) -> bool:
        """Say what an open size is; a product of open ones, if the size is a product too."""
        if open_size in size:
            return False
        if "·" not in open_size and open_size[0] == "?":
            self.found[open_size] = size
            return True
        return not any(sign in size for sign in "+−") and self.same(open_size, size)

    def _paired(self, one: str, two: str) -> bool:
        """Make two single sizes equal where one of them is open: those of I ⊗ G and H ⊗ I."""
        one, two = self.value(one), self.value(two)
        return one == two or ("?" in (one[0], two[0]) and self.same(one, two))

    def _equal_numbers(self, one: str, two: str) -> bool:
        if "?" in one + two or not self.numbers:
            return False
        try:
            return all(size_of(one, at) == size_of(two, at) for at in self.numbers)
        except ValueError:
            return False

    def match(self, one: Shape, two: Shape) -> bool:
        """Make two shapes equal, if they can be; on failure nothing is learned."""
        if len(one) != len(two):
            return False
        before = dict(self.found)
        open_pairs = list(zip(one, two, strict=True))
        while open_pairs:  # one axis may say what another one needs
            left = [pair for pair in open_pairs if not self.same(*pair)]
            if len(left) == len(open_pairs):
                self.found = before
                return False
            open_pairs = left
        return True

    def fit(self, shape: Shape, expected: Shape) -> None:
        """Let open sizes follow from the expected shape, as an array or as a matrix."""
        if self.match(shape, expected):
            return
        for rows in range(len(expected) + 1):
            sides = expected[:rows], expected[rows:]
            flat = tuple(map(multiplied, sides))
            if len(shape) == 2 and self.match(shape, flat):
                return

    def settled(self, tree: Tree) -> Tree:
        """A tree with the sizes that were found."""
        changes: dict[str, Any] = {}
        for entry in fields(tree):
            value = getattr(tree, entry.name)
            if isinstance(value, Tree):
                changes[entry.name] = self.settled(value)
            elif isinstance(value, tuple) and value:
                if isinstance(value[0], Tree):
                    changes[entry.name] = tuple(map(self.settled, value))
                elif all(isinstance(v, str) for v in value):
                    changes[entry.name] = self.shape(value)
                elif entry.name == "axes":
                    changes[entry.name] = self._settled(value)
                elif entry.name == "summed":
                    changes[entry.name] = tuple((i, self.value(size)) for i, size in value)
            elif isinstance(value, str) and value[:1] == "?":
                changes[entry.name] = self.value(value)
        return replace(tree, **changes) if changes else tree

    def _settled(self, value: Any) -> Any:
        """Sizes among settings: an axis of a slice says where it begins."""
        if isinstance(value, tuple):
            return tuple(map(self._settled, value))
        if not isinstance(value, str) or "?" not in value:
            return value
        found = self.value(value)
        return int(found) if found.isdigit() else found


def broadcast(one: Shape, two: Shape) -> Shape | None:
    """The shape of two arrays together in NumPy's manner, or None if they do not fit."""
    rank = max(len(one), len(two))
    left = ("1",) * (rank - len(one)) + one
    right = ("1",) * (rank - len(two)) + two
    if any(a != b and "1" not in (a, b) for a, b in zip(left, right, strict=True)):
        return None
    return tuple(b if a == "1" else a for a, b in zip(left, right, strict=True))


def shown(shape: Shape) -> str:
    """A shape in words: n×d, or n×(d+1), or scalar."""
    sums = len(shape) > 1
    made = "×".join(f"({n})" if sums and re.search("[+−-]", n) else n for n in shape)
    return re.sub(r"\?\d+", "?", made) or "scalar"


def sliced(
    size: str, start: int | str | None, stop: int | str | None, step: int | str | None
) -> str:
    """The size of a slice: n, n−2, or a number."""
    if isinstance(start, str) or isinstance(stop, str) or isinstance(step, str):
        return f"({size})[{start}:{stop}:{step}]"
    if step is not None and abs(step) != 1:
        return f"({size})[{start}:{stop}:{step}]"
    first = start or 0
    if size.isdigit():
        return str(len(range(*slice(start, stop, step).indices(int(size)))))
    if first < 0:
        return str(-first) if stop is None else size
    if stop is not None and stop >= 0:
        return str(stop - first)
    less = first - (stop or 0)
    return f"{size}−{less}" if less else size
