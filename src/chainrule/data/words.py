"""Words of texts, counted once and numbered, in the compact form in which they are kept."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from chainrule.data.rows import Array
from chainrule.data.spool import Spool
from chainrule.data.vocabulary import PADDING, UNKNOWN, Vocabulary

__all__ = ["Documents", "collect", "words"]

_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")


def words(text: str, lower: bool = True, ngrams: int = 1) -> list[str]:
    """Split a text into words and signs, then its pairs of neighbors, triples … up to `ngrams`.

    >>> words("Don't stop!", ngrams=2)
    ["don't", 'stop', '!', "don't stop", 'stop !']
    """
    single = _WORD.findall(text.lower() if lower else text)
    found = list(single)
    for size in range(2, ngrams + 1):
        shifted = [single[start:] for start in range(size)]
        found += map(" ".join, zip(*shifted, strict=False))
    return found


@final
@dataclass(frozen=True, eq=False, repr=False)
class Documents:
    """Texts as numbers of their words, one text after another.

    words  the different words, as they appeared
    flat   the number of each word of all texts
    ends   for each text the number of words up to its end

    >>> texts = collect([["a", "b"], ["b"]])
    >>> texts.words, texts.flat.tolist(), texts.ends.tolist()
    (('a', 'b'), [0, 1, 1], [2, 3])
    >>> texts.padded(np.array([0, 1]), np.array([5, 6]), 3).tolist()
    [[5, 6, 0], [6, 0, 0]]
    """

    words: tuple[str, ...]
    flat: Array
    ends: Array

    def __len__(self) -> int:
        return len(self.ends)

    def lengths(self, rows: Array | None = None) -> Array:
        """The number of words of each of these texts."""
        lengths = np.diff(self.ends, prepend=0)
        return lengths if rows is None else lengths[rows]

    def counts(self, rows: Array | None = None) -> Array:
        """How often each word stands in these texts (None: in all)."""
        if rows is None:
            return np.bincount(self.flat, minlength=len(self.words))
        total = np.zeros(len(self.words), np.int64)
        for start in range(0, len(rows), 2**14):
            found = self.flat[self._places(rows[start : start + 2**14])[0]]
            total += np.bincount(found, minlength=len(self.words))
        return total

    def _places(self, rows: Array) -> tuple[Array, Array]:
        """Where the words of these texts lie, and how many each has."""
        lengths = self.lengths(rows)
        first = np.repeat(self.ends[rows] - lengths, lengths)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return first + within, lengths

    def padded(self, rows: Array, numbers: Array, length: int) -> Array:
        """The words of each text, renumbered, cut to `length` or filled up with 0."""
        lengths = self.lengths(rows)
        within = np.arange(length)
        there = within < lengths[:, None]
        places = np.where(there, (self.ends[rows] - lengths)[:, None] + within, 0)
        if not len(self.flat):
            return np.zeros(places.shape, numbers.dtype)
        return np.where(there, numbers[self.flat[places]], numbers.dtype.type(0))

    def bags(self, rows: Array, numbers: Array, size: int) -> Array:
        """How often each renumbered word stands in each text."""
        places, lengths = self._places(rows)
        line = np.repeat(np.arange(len(rows)), lengths)
        found = np.bincount(line * size + numbers[self.flat[places]], minlength=len(rows) * size)
        return found.reshape(len(rows), size).astype(np.float32)

    def vocabulary(
        self, rows: Array | None = None, min_count: int = 1, max_size: int | None = None
    ) -> Vocabulary:
        """Padding, the unknown word, and the words of these texts, the most frequent first.

        Of words that are equally frequent the first in the alphabet comes first. `max_size` counts
        all tokens.
        """
        counts = self.counts(rows)
        used = np.flatnonzero(counts >= max(1, min_count)).tolist()
        used.sort(key=lambda number: (-counts[number], self.words[number]))
        if max_size is not None:
            used = used[: max(0, max_size - 2)]
        return Vocabulary((PADDING, UNKNOWN, *(self.words[number] for number in used)))

    def renumbering(self, vocabulary: Vocabulary) -> Array:
        """For each word its number in a vocabulary; that of "<unknown>" if it has none."""
        other = vocabulary.numbers[UNKNOWN]
        return np.array([vocabulary.numbers.get(word, other) for word in self.words], np.int32)


def collect(texts: Iterable[Sequence[str]]) -> Documents:
    """Number the words of texts that come one after another."""
    numbers: dict[str, int] = {}
    flat, ends, end = Spool((), np.dtype(np.int32)), [], 0
    piece: list[int] = []
    for text in texts:
        piece += [numbers.setdefault(word, len(numbers)) for word in text]
        end += len(text)
        ends.append(end)
        if len(piece) > 2**16:
            flat.append(np.array(piece, np.int32))
            piece.clear()
    flat.append(np.array(piece, np.int32))
    return Documents(tuple(numbers), flat.array(), np.array(ends, np.int64))
