"""A text as a row of byte pairs: frequent pieces of words, found by merging neighbors.

Source: sennrich2016neural
"""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.characters import training_characters, windows
from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.order import require_integer
from chainrule.data.rows import Array
from chainrule.data.text_file import text_pieces
from chainrule.errors import DataError

__all__ = ["BytePairs", "byte_pairs"]

_BYTES = 256


class BytePairs:
    """A tokenizer whose tokens are bytes, and the pairs of tokens that were the most frequent.

    Any text can be encoded, and decoding gives back the same text. It needs
    `pip install "chainrule[text]"`.

    Raises:  DataError: the library is missing, or the JSON is not that of a tokenizer.
    Source:  sennrich2016neural, alg. 1

    >>> pairs = BytePairs.train("low lower lowest " * 10, size=262)
    >>> pairs.decode(pairs.encode("lower, löwe"))
    'lower, löwe'
    >>> BytePairs(pairs.json).encode("low") == pairs.encode("low")
    True
    """

    def __init__(self, json: str) -> None:
        library = _tokenizers()
        try:
            self._tokenizer = library.Tokenizer.from_str(json)
        except Exception as cause:  # the library raises Exception itself
            reason = str(cause).splitlines()[0][:200]
            details = {"expected": "the JSON of a tokenizer", "found": reason}
            fact = "byte_pairs: the tokenizer cannot be read"
            raise DataError(explanation(fact, details)) from cause
        self.json = json

    @classmethod
    def train(cls, text: str, size: int = 1000) -> "BytePairs":
        """Merge pairs until there are `size` tokens, or no pair occurs twice."""
        require_integer("byte_pairs", "size", size, _BYTES)
        library = _tokenizers()
        tokenizer = library.Tokenizer(library.models.BPE())
        split = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.pre_tokenizer = split
        tokenizer.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=size, min_frequency=2, show_progress=False, initial_alphabet=split.alphabet()
        )
        tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer)
        return cls(tokenizer.to_str())

    @property
    def tokens(self) -> tuple[str, ...]:
        """The text of each token; of one that is not whole characters, as the library writes it."""
        texts = []
        for number in range(self._tokenizer.get_vocab_size()):
            text = self.decode([number])
            texts.append(str(self._tokenizer.id_to_token(number)) if "\ufffd" in text else text)
        return tuple(texts)

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text."""
        return list(self._tokenizer.encode(text).ids)

    def decode(self, numbers: list[int]) -> str:
        """The text that tokens stand for."""
        return str(self._tokenizer.decode(numbers, skip_special_tokens=False))


def byte_pairs(
    path: str | PathLike[str],
    context: int = 64,
    size: int = 1000,
    *,
    fraction: float = 0.9,
    stride: int = 1,
    encoding: str = "utf-8",
) -> tuple[Dataset, Dataset]:
    """Read a text as byte pairs: windows to train on, and windows of its last part to test.

    The pairs are found in the training part, the first `fraction` of the characters; `size` is the
    number of tokens, at least the 256 bytes. For the rest see `characters`. The tokenizer is the
    data sets' `preparation["tokenizer"]`, which `BytePairs` takes.

    Raises:  DataError: no text in this encoding, too short, or no tokenizers library.
             ArgumentError: a setting that cannot be meant.
    Source:  sennrich2016neural, alg. 1
    """
    path = Path(path)
    require_integer("byte_pairs", "size", size, _BYTES)
    if not 0 < fraction < 1:
        return windows("byte_pairs", path, np.empty(0), (), context, fraction, stride, {})
    pairs = BytePairs.train(training_characters(path, fraction, encoding), size)
    text = "".join(text_pieces("byte_pairs", path, encoding))
    cut = int(fraction * len(text))
    train, test = (_tokens(pairs, part) for part in (text[:cut], text[cut:]))
    preparation: dict[str, Any] = {"kind": "byte-pairs", "tokenizer": pairs.json}
    tokens = np.concatenate([train, test])
    return windows(
        "byte_pairs", path, tokens, pairs.tokens, context, len(train) / max(1, len(tokens)),
        stride, preparation,
    )  # fmt: skip


def _tokens(pairs: BytePairs, text: str) -> Array:
    """Line by line, so that the library's account of a text is never that of the whole one."""
    lines = text.splitlines(keepends=True)
    found = [pairs.encode("".join(lines[i : i + 1000])) for i in range(0, len(lines), 1000)]
    return np.array([number for piece in found for number in piece], np.int64)


def _tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as cause:
        rule = 'Install it: pip install "chainrule[text]".'
        raise DataError(explanation("byte_pairs: this needs tokenizers", {}, rule)) from cause
    return tokenizers
