"""Tokens and their numbers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = ["PADDING", "UNKNOWN", "Vocabulary"]

PADDING, UNKNOWN = "<padding>", "<unknown>"


@final
@dataclass(frozen=True)
class Vocabulary:
    """Tokens, numbered in their order; "<unknown>", if it is one of them, stands for all others.

    >>> letters = Vocabulary(("a", "b", "c"))
    >>> letters.encode("cab").tolist(), letters.decode([2, 0, 1])
    ([2, 0, 1], ['c', 'a', 'b'])
    >>> Vocabulary(("<padding>", "<unknown>", "good")).encode(["good", "grief"])
    array([2, 1])
    """

    tokens: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each token."""
        return {token: number for number, token in enumerate(self.tokens)}

    @classmethod
    def of_characters(cls, text: Iterable[str]) -> Self:
        """The characters that occur, by their code points.

        >>> Vocabulary.of_characters("hello").tokens
        ('e', 'h', 'l', 'o')
        """
        return cls(tuple(sorted(set().union(*text))))

    def encode(self, tokens: Iterable[str]) -> Array:
        """The numbers of tokens.

        Raises:  DataError: a token is not in the vocabulary, which has no "<unknown>".
        """
        other = self.numbers.get(UNKNOWN, -1)
        found = np.array([self.numbers.get(token, other) for token in tokens], np.int64)
        if (found < 0).any():
            place = int(np.argmax(found < 0))
            details = {"place": place, "found": repr(list(tokens)[place])}
            details["vocabulary"] = plural(len(self), "token")
            raise DataError(explanation("vocabulary: there is no such token", details))
        return found

    def decode(self, numbers: Iterable[int]) -> list[str]:
        """The tokens that numbers stand for.

        Raises:  ArgumentError: a number has no token.
        """
        asked = [int(number) for number in numbers]
        wrong = next((n for n in asked if not 0 <= n < len(self)), None)
        if wrong is not None:
            details = {"number": wrong, "possible": f"0 to {len(self) - 1}"}
            raise ArgumentError(explanation("vocabulary: there is no such token", details))
        return [self.tokens[number] for number in asked]

    def to_json(self) -> list[str]:
        """Plain data, as JSON can hold them."""
        return list(self.tokens)

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """The vocabulary that `to_json` gave these data.

        Raises:  DataError: they are not texts, each once.
        """
        is_list = isinstance(data, Sequence) and not isinstance(data, str)
        if not is_list or not all(isinstance(t, str) for t in data) or len(set(data)) < len(data):
            details = {"expected": "different texts", "found": repr(data)[:60]}
            raise DataError(explanation("vocabulary: these data are none", details))
        return cls(tuple(data))
