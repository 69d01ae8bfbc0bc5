"""Index labels of a contraction: parsed once, immutable, cached; the only code that knows letters.

A label is a small integer, numbered in order of first appearance, so two expressions that differ
only in their letters are the same object.
"""

import string
from functools import lru_cache

from chainrule.errors import SubscriptError
from chainrule.ir.record import Record
from chainrule.wording import plural

Labels = tuple[int, ...]
_LETTERS = string.ascii_lowercase[8:] + string.ascii_lowercase[:8] + string.ascii_uppercase


class Subscripts(Record):
    """The labels of each operand's axes and of the result's axes."""

    inputs: tuple[Labels, ...]
    output: Labels

    def __str__(self) -> str:
        """Write the labels as letters, i first: ``ij,jk->ik``."""
        sides = [*self.inputs, self.output]
        words = ["".join(_letter(label) for label in labels) for labels in sides]
        return ",".join(words[:-1]) + "->" + words[-1]


def _letter(label: int) -> str:
    return _LETTERS[label] if label < len(_LETTERS) else chr(0x4E00 + label)


@lru_cache(maxsize=65536)
def canonical(inputs: tuple[Labels, ...], output: Labels) -> Subscripts:
    """Renumber labels in order of first appearance: equal contractions are equal objects."""
    order: dict[int, int] = {}
    for labels in (*inputs, output):
        for label in labels:
            order.setdefault(label, len(order))
    return Subscripts(
        tuple(tuple(order[label] for label in labels) for labels in inputs),
        tuple(order[label] for label in output),
    )


@lru_cache(maxsize=4096)
def parse(expression: str, ranks: tuple[int, ...]) -> Subscripts:
    """Read an einsum expression such as ``"...ij,jk->...ik"`` for operands of these ranks.

    An ellipsis stands for the axes that no letter names; operands' ellipses are aligned at their
    last axis. Without ``->`` the result has the letters that occur once, in alphabetical order,
    behind the ellipsis.
    """
    text = expression.replace(" ", "")
    left, arrow, right = text.partition("->")
    words = left.split(",")
    if len(words) != len(ranks):
        raise SubscriptError(
            f'einsum: "{expression}" has {plural(len(words), "operand")}, but {len(ranks)} '
            "were given"
        )
    hidden = _ellipsis_rank(expression, words, ranks)
    inputs = [_word(expression, w, r, hidden) for w, r in zip(words, ranks, strict=True)]
    output = _word(expression, right, None, hidden) if arrow else _implicit(left, words, hidden)
    known = {label for labels in inputs for label in labels}
    for label in output:
        if label not in known:
            _fail(expression, chr(label), f"output index '{chr(label)}' is in no operand")
        if output.count(label) > 1:
            _fail(expression, chr(label), f"output index '{chr(label)}' occurs twice")
    return canonical(tuple(inputs), output)


def _fail(expression: str, mark: str, message: str) -> None:
    caret = " " * (expression.rfind(mark) + len('    einsum("')) + "^"
    raise SubscriptError(f'einsum: {message}\n\n    einsum("{expression}", …)\n{caret}')


def _ellipsis_rank(expression: str, words: list[str], ranks: tuple[int, ...]) -> int:
    hidden = 0
    for place, (word, rank) in enumerate(zip(words, ranks, strict=True)):
        named = len(word.replace("...", ""))
        if "..." in word:
            hidden = max(hidden, rank - named)
        if named > rank or ("..." not in word and named != rank):
            raise SubscriptError(
                f'einsum: operand {place} of "{expression}" is written with {named} indices '
                f"('{word}') but has {plural(rank, 'axis')}"
            )
    return hidden


def _word(expression: str, word: str, rank: int | None, hidden: int) -> Labels:
    """Labels are code points; the axes of the ellipsis are 0, 1, 2 … aligned at the last one."""
    before, dots, after = word.partition("...")
    for letter in before + after:
        if not letter.isalpha():
            _fail(expression, letter, f"'{letter}' is not an index letter")
    own = hidden if rank is None else rank - len(before) - len(after)
    middle = tuple(range(hidden - own, hidden)) if dots else ()
    return tuple(map(ord, before)) + middle + tuple(map(ord, after))


def _implicit(left: str, words: list[str], hidden: int) -> Labels:
    letters = sorted({c for c in left if c.isalpha() and left.count(c) == 1})
    dots = tuple(range(hidden)) if any("..." in w for w in words) else ()
    return dots + tuple(map(ord, letters))
