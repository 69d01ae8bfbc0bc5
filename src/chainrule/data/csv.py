"""Tables in text files: values between commas, semicolons, tabs or bars.

Source: shafranovich2005csv
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from csv import Error as FormatError
from csv import reader as read_rows
from itertools import accumulate, chain, islice
from os import PathLike
from pathlib import Path
from typing import Literal, TextIO, TypeAlias

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.data.spool import IN_MEMORY, Spool
from chainrule.data.survey import MISSING, ColumnSurvey
from chainrule.data.table import (
    MOST_CATEGORIES,
    Column,
    Kind,
    Table,
    cell_fault,
    first_twice,
    listed,
    named_columns,
    places_of,
)
from chainrule.data.table_encoding import Form, Missing, Unknown, table_dataset
from chainrule.data.text_file import open_text
from chainrule.errors import ArgumentError
from chainrule.wording import plural

__all__ = ["csv", "read_csv"]

_DELIMITERS = ",;\t|"
_ROWS = 2**11  # that are turned into columns at once
_SNIFFED = 20  # rows that decide on the delimiter

_WITH_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_WITH_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?")

Row: TypeAlias = list[str]
Chunk: TypeAlias = tuple[list[list[str]], Sequence[int]]


def csv(
    path: str | PathLike[str],
    label: str | int | None = None,
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    ignore: Collection[str | int] = (),
    categories: Collection[str] = (),
    missing: Missing = "error",
    missing_texts: Collection[str] = MISSING,
    form: Form = "one-hot",
    unknown: Unknown = "zeros",
    target: Literal["classes", "number"] | None = None,
    most_categories: int = MOST_CATEGORIES,
    encoding: str = "utf-8",
) -> Dataset:
    r"""Read a table of values between commas, or other delimiters, as a data set.

    Columns of numbers stay numbers; columns of texts become categories. One column is the label:
    texts and integers are classes, other numbers quantities to predict.

    label          the name of the column to predict, or its place: 0 is the first, −1 the last
    delimiter      "," ";" tab or "|"; None: the one that gives every row the same number of cells.
                   Where it is no comma and the first rows write 1,5 and never 1.5, so do all
    header         whether the first row names the columns; None: if none of its cells is a number
    ignore         columns to leave out, such as one that numbers the rows
    categories     columns of numbers that name categories, such as postal codes
    missing        what is done where a cell has no value: "error"; "drop" leaves the row out;
                   "mean", "median" (for categories: the most frequent one) or "most-frequent"
                   of the column
    missing_texts  what a cell without a value says
    form           "one-hot": a feature for each category; "codes": an integer, for embeddings, with
                   0 for unknown ones. If all columns are codes, the inputs are int32
    unknown        a category that the fitted rows do not have: "zeros" gives it no feature (or
                   code 0), "error" raises
    target         "classes" or "number", to have the label otherwise than by its texts

    The statistics and the categories are those of all rows; after a split, `refit(train, test)`
    takes them from the training part alone.

    Raises:  DataError: with file, line and column, for ragged rows, cells that are not numbers
             among numbers, values that are missing, names that stand twice, texts without end …
             ArgumentError: no such column, or a setting that cannot be meant.
    Cost:    two readings of the file. The table is kept as 8 bytes for each number and 4 for each
             category, beyond 64 MB in a temporary file; batches are encoded as they are taken.
    Source:  shafranovich2005csv

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "flowers.csv"
    >>> _ = path.write_text("length,color,kind\n1.5,red,rose\n2.5,blue,iris\n2,red,rose\n")
    >>> flowers = csv(path, label="kind")
    >>> flowers
    Dataset('flowers': 3 examples of 3 float32, 2 classes)
    >>> flowers.inputs[:].tolist(), flowers.targets.tolist(), flowers.classes
    ([[1.5, 0.0, 1.0], [2.5, 1.0, 0.0], [2.0, 0.0, 1.0]], [1, 0, 1], ('iris', 'rose'))
    """
    table = read_csv(
        path,
        delimiter=delimiter,
        header=header,
        ignore=ignore,
        categories=categories,
        missing_texts=missing_texts,
        most_categories=most_categories,
        encoding=encoding,
    )
    return table_dataset("csv", table, label, missing, form, unknown, target)


def read_csv(
    path: str | PathLike[str],
    *,
    delimiter: str | None = None,
    header: bool | None = None,
    ignore: Collection[str | int] = (),
    only: Collection[str] | None = None,
    categories: Collection[str] = (),
    numbers: Collection[str] = (),
    missing_texts: Collection[str] = MISSING,
    most_categories: int = MOST_CATEGORIES,
    encoding: str = "utf-8",
    in_memory: int = IN_MEMORY,
) -> Table:
    r"""Read a table of values between delimiters as columns: see `csv` for the arguments.

    `TableEncoding` turns the columns, or some rows of them, into inputs and targets. Columns that
    `numbers` names must be numbers; `only` columns of these names are read. Beyond `in_memory`
    bytes the columns lie in a temporary file.

    Raises:  DataError: the table is broken; see `csv`.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.tsv"
    >>> _ = path.write_text("1\t2\n3\t\n")
    >>> read_csv(path).numbers.tolist(), read_csv(path).column(1).missing_from
    ([[1.0, 2.0], [3.0, nan]], 'line 2')
    """
    path = Path(path)
    with open_text("csv", path, encoding) as text:
        delimiter = _sniff(path, text) if delimiter is None else _checked(delimiter)
    with open_text("csv", path, encoding) as text:
        comma = _decimal_commas(list(islice(text, _SNIFFED)), delimiter)
    with open_text("csv", path, encoding) as text:
        names, skipped, chunks = _open(path, text, delimiter, header, set(missing_texts), comma)
        chunks = map(_with_points, chunks) if comma else chunks
        kept = _kept(path, names, ignore)
        if only is not None:
            kept = places_of(path, names, only)
        kinds = _kinds(path, [names[i] for i in kept], categories, numbers)
        surveys = [
            ColumnSurvey(
                "csv", path, names[i], frozenset(missing_texts), kinds.get(names[i]),
                most_categories,
            )
            for i in kept
        ]  # fmt: skip
        for cells, lines in chunks:
            for survey, place in zip(surveys, kept, strict=True):
                survey.add(cells[place], lines)
    places: dict[Kind, int] = {"number": 0, "category": 0}
    columns = [survey.column(places) for survey in surveys]
    with open_text("csv", path, encoding) as text:
        chunks = _chunks(path, text, delimiter, len(names), skipped)
        chunks = map(_with_points, chunks) if comma else chunks
        return _store(path, columns, kept, chunks, frozenset(missing_texts), in_memory)


def _checked(delimiter: str) -> str:
    if len(delimiter) != 1 or delimiter in '"\r\n':
        details = {"given": repr(delimiter), "possible": 'one character, such as "," or ";"'}
        raise ArgumentError(explanation("csv: this cannot be a delimiter", details))
    return delimiter


def _sniff(path: Path, text: TextIO) -> str:
    """The delimiter by which the first rows have the same number of cells, and the most.

    The comma gives way to another one that leaves decimal commas, as in 1,5;2,5.
    """
    lines = list(islice(text, _SNIFFED))
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"

    def fit(delimiter: str) -> tuple[bool, int]:
        try:
            widths = [len(row) for row in read_rows(lines, delimiter=delimiter) if row]
        except FormatError:
            return False, 0
        most = max(widths, default=0)
        return most > 1 and widths.count(most) == len(widths), most

    found = max(_DELIMITERS, key=fit)  # of equals, the first
    others = [d for d in _DELIMITERS if d != "," and fit(d)[0] and _decimal_commas(lines, d)]
    return others[0] if found == "," and others else found


def _decimal_commas(lines: Sequence[str], delimiter: str) -> bool:
    """Whether the first rows write 1,5 and nowhere 1.5, in a table that commas do not divide."""
    if delimiter == ",":
        return False
    try:
        cells = [cell.strip() for row in read_rows(lines, delimiter=delimiter) for cell in row]
    except FormatError:
        return False
    return any(map(_WITH_COMMA.fullmatch, cells)) and not any(map(_WITH_POINT.fullmatch, cells))


def _with_points(chunk: Chunk) -> Chunk:
    """The numbers with a decimal point in place of the comma; texts stay as they are."""
    columns, lines = chunk
    return [
        [c.replace(",", ".") if _WITH_COMMA.fullmatch(c) else c for c in cells] for cells in columns
    ], lines


def _open(
    path: Path,
    text: TextIO,
    delimiter: str,
    header: bool | None,
    missing_texts: set[str],
    comma: bool,
) -> tuple[list[str], int, Iterator[Chunk]]:
    """The names of the columns, the number of rows before the first of values, and those rows."""
    rows, lines = next(_pieces(path, text, delimiter), ([], []))
    if not rows:
        raise cell_fault("csv", "the file is empty", path, {"expected": "rows", "found": "none"})
    cells = list(map(str.strip, rows[0]))
    if header is None:
        (read,), _ = _with_points(([cells], [])) if comma else ([cells], [])
        header = not any(map(_is_number, read)) and set(cells) - missing_texts != set()
    names = [cell or f"column {i}" for i, cell in enumerate(cells)]
    names = names if header else [str(i) for i in range(len(cells))]
    twice = first_twice(names)
    if twice is not None:
        places = " and ".join(str(i) for i, name in enumerate(names) if name == twice)
        details = {"line": lines[0], "name": repr(twice), "at places": places}
        rule = "" if header else "Pass header=True if the first row names the columns."
        raise cell_fault("csv", "two columns have one name", path, details, rule)
    text.seek(0)
    chunks = _chunks(path, text, delimiter, len(names), int(header))
    try:
        start = next(chunks)
    except StopIteration:
        details = {"expected": "rows of values", "found": f"the header: {listed(names)}"}
        raise cell_fault("csv", "the table has no rows", path, details) from None
    return names, int(header), chain([start], chunks)


def _is_number(cell: str) -> bool:
    try:
        return float(cell) == float(cell)  # "nan" is a text
    except ValueError:
        return False


def _pieces(path: Path, text: TextIO, delimiter: str) -> Iterator[tuple[list[Row], Sequence[int]]]:
    """The rows that are not blank, many at a time, with the lines on which they end."""
    rows, line = read_rows(text, delimiter=delimiter, strict=True), 0
    while True:
        try:
            piece = list(islice(rows, _ROWS))
        except FormatError as cause:
            details = {"line": rows.line_num, "found": str(cause)}
            rule = 'A cell that has the delimiter or a line end stands in quotes; a " in it is "".'
            raise cell_fault("csv", "a row cannot be read", path, details, rule) from cause
        if not piece:
            return
        lines: Sequence[int] = range(line + 1, line + 1 + len(piece))
        if rows.line_num - line != len(piece):  # cells hold line ends
            sizes = (1 + sum(map(_line_ends, row)) for row in piece)
            lines = [line + end for end in accumulate(sizes)]
        line = rows.line_num
        if [] in piece:
            lines = [end for row, end in zip(piece, lines, strict=True) if row]
            piece = [row for row in piece if row]
        if piece:
            yield piece, lines


def _line_ends(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")


def _chunks(path: Path, text: TextIO, delimiter: str, width: int, skipped: int) -> Iterator[Chunk]:
    """The rows of values as columns, with the lines of the rows."""
    for rows, lines in _pieces(path, text, delimiter):
        rows, lines, skipped = rows[skipped:], lines[skipped:], 0
        if set(map(len, rows)) - {width}:
            place = next(i for i, row in enumerate(rows) if len(row) != width)
            shown = delimiter.join(rows[place])
            details = {
                "line": lines[place],
                "expected": f"{plural(width, 'cell')}, as in the first row",
                "found": f"{len(rows[place])}: {shown[:60]}{'…' if len(shown) > 60 else ''}",
            }
            raise cell_fault("csv", "a row has another number of cells", path, details)
        if rows:
            yield [list(map(str.strip, column)) for column in zip(*rows, strict=True)], lines


def _kept(path: Path, names: list[str], ignore: Collection[str | int]) -> list[int]:
    table = named_columns(path, names)
    left_out = {table.column(name).place for name in ignore}
    return [i for i in range(len(names)) if i not in left_out]


def _kinds(
    path: Path, names: list[str], categories: Collection[str], numbers: Collection[str]
) -> dict[str, Kind]:
    """What the caller says about columns."""
    table = named_columns(path, names)
    kinds: dict[str, Kind] = {table.column(name).name: "category" for name in categories}
    return kinds | {table.column(name).name: "number" for name in numbers}


def _store(
    path: Path,
    columns: list[Column],
    kept: list[int],
    chunks: Iterator[Chunk],
    missing_texts: frozenset[str],
    in_memory: int,
) -> Table:
    """Write the columns in their compact form, in the second reading."""
    writers = [_writer(column, missing_texts) for column in columns]
    kinds = [column.kind for column in columns]
    numbers = Spool((kinds.count("number"),), np.dtype(np.float64), in_memory)
    codes = Spool((kinds.count("category"),), np.dtype(np.int32), in_memory)
    for cells, lines in chunks:
        values = np.empty((len(lines), kinds.count("number")))
        texts = np.empty((len(lines), kinds.count("category")), np.int32)
        for column, write, place in zip(columns, writers, kept, strict=True):
            try:
                found = write(cells[place])
            except (KeyError, ValueError) as cause:
                details = {"line": f"{lines[0]} to {lines[-1]}", "column": column.name}
                fact = "the file changed while it was read"
                raise cell_fault("csv", fact, path, details) from cause
            (values if column.kind == "number" else texts)[:, column.place] = found
        numbers.append(values)
        codes.append(texts)
    return Table(path, tuple(columns), numbers.array(), codes.array())


def _writer(column: Column, missing_texts: frozenset[str]) -> Callable[[Sequence[str]], Array]:
    """The function from a column's cells to what is kept of them."""
    if column.kind == "category":
        code = {text: i for i, text in enumerate(column.categories)}
        code |= dict.fromkeys(missing_texts, -1)
        return lambda cells: np.fromiter(map(code.__getitem__, cells), np.int32, len(cells))
    if not column.missing:
        return lambda cells: np.fromiter(map(float, cells), np.float64, len(cells))
    return lambda cells: np.array(
        [np.nan if cell in missing_texts else float(cell) for cell in cells], np.float64
    )
