"""Labeled lines of text: a file for each class, or a table with a column of texts."""

from collections.abc import Iterator, Mapping
from csv import Error as FormatError
from csv import reader as read_rows
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TextIO, TypeAlias, final

import numpy as np

from chainrule.data.computed import Computed
from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.files import is_folder, list_folder
from chainrule.data.order import require_integer
from chainrule.data.rows import Array, Rows
from chainrule.data.table import cell_fault, listed
from chainrule.data.text_file import open_text, text_pieces
from chainrule.data.vocabulary import Vocabulary
from chainrule.data.words import Documents, collect, words
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = ["EncodedLines", "LineForm", "LinePreparation", "text_lines"]

LineForm: TypeAlias = Literal["tokens", "bag"]


@final
@dataclass(frozen=True)
class LinePreparation:
    """How a line of text becomes numbers: its words, their vocabulary, the length.

    >>> known = Vocabulary(("<padding>", "<unknown>", "a", "fine", "film"))
    >>> LinePreparation(known, 5)(["A fine day"]).tolist()
    [[2, 3, 1, 0, 0]]
    """

    vocabulary: Vocabulary
    length: int
    form: LineForm = "tokens"
    ngrams: int = 1
    lower: bool = True
    min_count: int = 1
    max_size: int | None = None
    fixed_length: bool = True

    def __call__(self, lines: list[str]) -> Array:
        """Encode lines of text."""
        documents = collect(words(line, self.lower, self.ngrams) for line in lines)
        return EncodedLines(documents, self)[:]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as JSON can hold them."""
        return {"kind": "lines", **vars(self), "vocabulary": self.vocabulary.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The preparation that `to_json` gave these data.

        Raises:  DataError: they are not those of a preparation.
        """
        vocabulary = Vocabulary.from_json(data.get("vocabulary"))
        form, counts = data.get("form"), [data.get(name) for name in ("length", "ngrams")]
        good = form in ("tokens", "bag") and all(type(n) is int and n > 0 for n in counts)
        if not good or vocabulary.tokens[:2] != ("<padding>", "<unknown>"):
            raise DataError(explanation("text_lines: these data are no preparation", dict(data)))
        settings = {n: data[n] for n in ("lower", "min_count", "max_size", "fixed_length")
                    if n in data}  # fmt: skip
        return cls(vocabulary, counts[0], form, counts[1], **settings)  # type: ignore[arg-type]


@final
@dataclass(frozen=True, eq=False, repr=False)
class EncodedLines(Computed):
    """Lines of text, encoded when a batch asks for them."""

    documents: Documents
    preparation: LinePreparation

    @property
    def shape(self) -> tuple[int, ...]:
        known = self.preparation
        size = known.length if known.form == "tokens" else len(known.vocabulary)
        return (len(self.documents), size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.int32 if self.preparation.form == "tokens" else np.float32)

    @cached_property
    def _numbers(self) -> Array:
        return self.documents.renumbering(self.preparation.vocabulary)

    def compute(self, rows: Array) -> Array:
        if self.preparation.form == "tokens":
            return self.documents.padded(rows, self._numbers, self.preparation.length)
        return self.documents.bags(rows, self._numbers, len(self.preparation.vocabulary))

    def refit(self, rows: Array | None) -> tuple[Self, dict[str, Any]]:
        """The same lines with the vocabulary of these rows, and its preparation."""
        found = _fit(self.documents, rows, self.preparation)
        return type(self)(self.documents, found), found.to_json()


def _fit(documents: Documents, rows: Array | None, old: LinePreparation) -> LinePreparation:
    vocabulary = documents.vocabulary(rows, old.min_count, old.max_size)
    length = old.length
    if not old.fixed_length:
        length = max(1, int(documents.lengths(rows).max(initial=0)))
    settings = vars(old) | {"vocabulary": vocabulary, "length": length}
    return LinePreparation(**settings)


def text_lines(
    path: str | PathLike[str] | Mapping[str, str | PathLike[str]],
    *,
    form: LineForm = "tokens",
    length: int | None = None,
    ngrams: int = 1,
    lower: bool = True,
    min_count: int = 1,
    max_size: int | None = None,
    text: str = "text",
    label: str = "label",
    encoding: str = "utf-8",
) -> Dataset:
    r"""Read labeled lines of text as a data set, for sentiments, topics, languages.

    path        a folder with a file of lines for each class, a mapping from classes to such files,
                or a CSV table with the columns `text` and `label`
    form        "tokens": int32 numbers of words, for an embedding; "bag": float32 counts of words
    length      the number of words that lines are cut or filled to; None: of the longest line
    ngrams      2 adds pairs of neighboring words, after the single ones; 3 triples …
    lower       whether upper case counts as lower case
    min_count   words that are rarer are unknown; `max_size` tokens at the most, the most frequent

    Token 0 is padding, token 1 an unknown word, the others follow from the most frequent word on.
    The vocabulary is that of all lines; after a split, `refit(train, test)` takes it from the
    training part alone. Lines without any word are left out.

    In a folder, the class of `reviews.pos` beside `reviews.neg` is its suffix; else the class is
    the name without the suffix. The order of the examples is that of the files and their lines.

    Raises:  DataError: no such file, not text in this encoding, fewer than two classes, a class
             without lines, or a broken table.  ArgumentError: a setting that cannot be meant.
    Cost:    4 bytes for each word, beyond 64 MB in a temporary file; the different words in memory.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "film.pos").write_text("A fine film .\nFine !\n")
    >>> _ = (folder / "film.neg").write_text("A dull film .\n")
    >>> lines = text_lines(folder)
    >>> lines.classes, lines.targets.tolist(), lines.inputs[:].tolist()
    (('neg', 'pos'), [0, 1, 1], [[3, 7, 4, 2], [3, 5, 4, 2], [5, 6, 0, 0]])
    >>> lines.preparation["vocabulary"]
    ['<padding>', '<unknown>', '.', 'a', 'film', 'fine', '!', 'dull']
    """
    _check(form, length, ngrams, min_count, max_size)
    name, labeled = _sources(path, text, label, encoding)
    labels: list[str] = []

    def tokens() -> Iterator[list[str]]:
        for line, class_ in labeled:
            found = words(line, lower, ngrams)
            if found:
                labels.append(class_)
                yield found

    documents = collect(tokens())
    classes = tuple(sorted(set(labels)))
    if len(classes) < 2:
        details = {"path": name, "expected": "lines of two or more classes"}
        details["found"] = f"{plural(len(labels), 'line')} of {', '.join(classes) or 'none'}"
        raise DataError(explanation("text_lines: there is nothing to tell apart", details))
    number = {class_: i for i, class_ in enumerate(classes)}
    targets = np.array([number[class_] for class_ in labels], np.int64)
    targets.flags.writeable = False
    empty = LinePreparation(
        Vocabulary(()), length or 1, form, ngrams, lower, min_count, max_size, length is not None
    )
    known = _fit(documents, None, empty)
    inputs = Rows((EncodedLines(documents, known),))
    return Dataset(inputs, targets, classes, Path(name).stem, preparation=known.to_json())


def _check(
    form: str, length: int | None, ngrams: int, min_count: int, max_size: int | None
) -> None:
    if form not in ("tokens", "bag"):
        details = {"given": repr(form), "possible": "tokens, bag"}
        raise ArgumentError(explanation("text_lines: unknown form", details))
    require_integer("text_lines", "length", 1 if length is None else length, 1)
    require_integer("text_lines", "ngrams", ngrams, 1, 8)
    require_integer("text_lines", "min_count", min_count, 1)
    require_integer("text_lines", "max_size", 3 if max_size is None else max_size, 3)


def _sources(
    path: str | PathLike[str] | Mapping[str, str | PathLike[str]],
    text: str,
    label: str,
    encoding: str,
) -> tuple[str, Iterator[tuple[str, str]]]:
    """A name for the whole, and the lines with their classes."""
    if isinstance(path, Mapping):
        files = {str(class_): Path(file) for class_, file in path.items()}
        stems = sorted({file.stem for file in files.values()})
        return " ".join(stems), _lines_of(files, encoding)
    if is_folder(Path(path)):
        return str(path), _lines_of(_files_of(Path(path)), encoding)
    return str(path), _rows_of(Path(path), text, label, encoding)


def _files_of(folder: Path) -> dict[str, Path]:
    entries = [e for e in list_folder("text_lines", folder) if not e.name.startswith(".")]
    files = sorted(entry for entry in entries if entry.is_file())
    by_suffix = len({file.stem for file in files}) == 1 and all(file.suffix for file in files)
    found = {(f.suffix[1:] if by_suffix else f.stem): f for f in files}
    if len(found) < len(files):
        twice = next(f for f in files if found[f.suffix[1:] if by_suffix else f.stem] != f)
        details = {"folder": folder, "class": twice.stem, "files": listed([f.name for f in files])}
        rule = 'Pass the files of the classes: text_lines({"pos": path, "neg": path}).'
        raise DataError(explanation("text_lines: two files have one class", details, rule))
    return found


def _lines_of(files: Mapping[str, Path], encoding: str) -> Iterator[tuple[str, str]]:
    for class_, path in files.items():
        seen = False
        for line in _lines(path, encoding):
            seen = seen or bool(line.strip())
            yield line, class_
        if not seen:
            details = {"file": path, "expected": "lines of text", "found": "none"}
            raise DataError(explanation("text_lines: a class has no lines", details))


def _lines(path: Path, encoding: str) -> Iterator[str]:
    """The lines of a file; only line feeds end one, so that no sign within a line does."""
    rest = ""
    for piece in text_pieces("text_lines", path, encoding):
        *whole, rest = (rest + piece).split("\n")
        yield from whole
    yield rest


def _rows_of(path: Path, text: str, label: str, encoding: str) -> Iterator[tuple[str, str]]:
    with open_text("text_lines", path, encoding) as file:
        yield from _cells_of(path, file, text, label)


def _cells_of(path: Path, file: TextIO, text: str, label: str) -> Iterator[tuple[str, str]]:
    """The cells of two columns, which the first row names, row by row."""
    delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    rows = read_rows(file, delimiter=delimiter, strict=True)
    try:
        header = next(rows, [])
        if text not in header or label not in header:
            details = {"expected": f"the columns {text} and {label}", "found": listed(header)}
            rule = 'Name the columns: text_lines(path, text="…", label="…").'
            raise cell_fault("text_lines", "the table has other columns", path, details, rule)
        read, told = header.index(text), header.index(label)
        for row in filter(None, rows):
            if len(row) != len(header):
                raise _other_length(path, rows.line_num, len(header), len(row))
            yield row[read], row[told].strip()
    except FormatError as cause:
        details = {"line": str(rows.line_num), "found": str(cause)}
        raise cell_fault("text_lines", "a row cannot be read", path, details) from cause


def _other_length(path: Path, line: int, wanted: int, found: int) -> DataError:
    expected = f"{plural(wanted, 'cell')}, as in the first row"
    details = {"line": str(line), "expected": expected, "found": str(found)}
    return cell_fault("text_lines", "a row has another number of cells", path, details)
