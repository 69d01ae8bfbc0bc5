"""The messages about texts and their vocabularies, whole."""

import pytest

from chainrule.data import (
    BytePairs,
    LinePreparation,
    Vocabulary,
    characters,
    text_lines,
)
from chainrule.errors import ArgumentError, DataError
from tests.errors.raised import message


def test_texts_that_do_not_fit(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("too short")
    assert message(DataError, characters, path) == (
        f"characters: the text is too short\n\n    file         {path}\n    length       9\n"
        "    to train on  8\n    to test on   1\n"
        "    expected     more than context=64 in each part"
    )
    assert message(ArgumentError, characters, path, fraction=1.5) == (
        "characters: fraction cannot be used\n\n    fraction  1.5\n    possible  between 0 and 1"
    )
    assert message(DataError, text_lines, {"a": path}) == (
        "text_lines: there is nothing to tell apart\n\n    path      t\n"
        "    expected  lines of two or more classes\n    found     1 line of a"
    )
    other = tmp_path / "none.txt"
    other.write_text("\n \n")
    assert message(DataError, text_lines, {"a": path, "b": other}) == (
        f"text_lines: a class has no lines\n\n    file      {other}\n"
        "    expected  lines of text\n    found     none"
    )
    assert message(DataError, text_lines, path) == (
        f"text_lines: the table has other columns\n\n    file      {path}\n"
        "    expected  the columns text and label\n    found     too short\n\n"
        '  Name the columns: text_lines(path, text="…", label="…").'
    )
    assert message(ArgumentError, text_lines, path, form="words") == (
        "text_lines: unknown form\n\n    given     'words'\n    possible  tokens, bag"
    )
    assert message(DataError, LinePreparation.from_json, {"vocabulary": ["a"], "length": 0}) == (
        "text_lines: these data are no preparation\n\n    vocabulary  ['a']\n    length      0"
    )


def test_vocabularies_that_do_not_fit():
    known = Vocabulary(("a", "b"))
    assert message(DataError, known.encode, "abc") == (
        "vocabulary: there is no such token\n\n    place       2\n    found       'c'\n"
        "    vocabulary  2 tokens"
    )
    assert message(ArgumentError, known.decode, [0, 2]) == (
        "vocabulary: there is no such token\n\n    number    2\n    possible  0 to 1"
    )
    assert message(DataError, Vocabulary.from_json, ["a", "a"]) == (
        "vocabulary: these data are none\n\n    expected  different texts\n    found     ['a', 'a']"
    )


def test_a_tokenizer_that_is_none():
    pytest.importorskip("tokenizers")
    assert message(DataError, BytePairs, "[]").startswith(
        "byte_pairs: the tokenizer cannot be read\n\n    expected  the JSON of a tokenizer\n"
        "    found     "
    )
