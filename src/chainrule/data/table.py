"""A table of numbers and categories, in the compact form in which it is kept while it is used."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.fault import explanation
from chainrule.data.rows import Array
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = ["MOST_CATEGORIES", "Column", "Kind", "Table"]

Kind: TypeAlias = Literal["number", "category"]

MOST_CATEGORIES = 1000  # of a column, unless the caller allows more
_CHUNK = 2**16  # rows


@final
@dataclass(frozen=True)
class Column:
    """What is known of a column.

    place         which column of the table's numbers, or of its codes, has the values
    integral      whether all its numbers were written as integers
    categories    the texts that its codes 0, 1, … stand for, as they appeared
    missing       the number of cells without a value
    missing_from  where the first of these is, such as "line 7"
    """

    name: str
    kind: Kind
    place: int
    integral: bool = False
    categories: tuple[str, ...] = ()
    missing: int = 0
    missing_from: str = ""


@final
@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Columns of numbers (NaN where there is none) and of categories (code −1 where there is none).

    >>> columns = (Column("size", "number", 0), Column("color", "category", 0, False, ("red",)))
    >>> table = Table("t.csv", columns, np.array([[1.5], [2.0]]), np.array([[0], [-1]]))
    >>> table
    Table('t.csv': 2 rows of 1 number, 1 category)
    >>> table.column("color").categories, table.column(-1).name
    (('red',), 'color')
    """

    source: str | Path
    columns: tuple[Column, ...]
    numbers: Array
    codes: Array

    def __len__(self) -> int:
        return len(self.numbers)

    def __repr__(self) -> str:
        count = sum(column.kind == "number" for column in self.columns)
        categories = plural(len(self.columns) - count, "category")
        rows, numbers = plural(len(self), "row"), plural(count, "number")
        return f"Table({str(self.source)!r}: {rows} of {numbers}, {categories})"

    def column(self, name: str | int) -> Column:
        """The column of this name, or at this place.

        Raises:  ArgumentError: there is none.
        """
        names = [column.name for column in self.columns]
        if isinstance(name, str) and name in names:
            return self.columns[names.index(name)]
        if not isinstance(name, str) and -len(names) <= name < len(names):
            return self.columns[name]
        near = get_close_matches(name, names, 1) if isinstance(name, str) else []
        rule = f'Did you mean "{near[0]}"?' if near else ""
        details = {"file": self.source, "columns": listed(names)}
        raise ArgumentError(explanation(f"table: there is no column {name!r}", details, rule))

    def only(self, columns: Sequence[Column]) -> Self:
        """The same table with only these columns."""
        return replace(self, columns=tuple(columns))

    def chunks(self, rows: Array | None = None) -> Iterator[Array]:
        """The row numbers (of `rows`, or all), piece by piece."""
        count = len(self) if rows is None else len(rows)
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            yield np.arange(start, stop) if rows is None else rows[start:stop]

    def complete_rows(self, columns: Sequence[Column]) -> Array:
        """The numbers of the rows that have a value in each of these columns."""
        found = [
            piece[np.all([self.has_value(c, piece) for c in columns], axis=0)]
            for piece in self.chunks()
        ]
        return np.concatenate([np.empty(0, np.intp), *found])

    def has_value(self, column: Column, rows: Array) -> Array:
        """Which of the rows have a value in a column."""
        if column.kind == "number":
            return np.asarray(~np.isnan(self.numbers[rows, column.place]))
        return np.asarray(self.codes[rows, column.place] >= 0)


def named_columns(source: str | Path, names: Sequence[str]) -> Table:
    """A table of which only the names of its columns are known; the places are theirs."""
    columns = tuple(Column(name, "number", place) for place, name in enumerate(names))
    return Table(source, columns, np.empty((0, len(names))), np.empty((0, 0)))


def too_many_texts(
    reader: str,
    path: str | Path,
    name: str,
    texts: Collection[str],
    most: int,
    more: Mapping[str, object],
) -> DataError:
    """The error for a column that has more different texts than categories are allowed."""
    details: dict[str, object] = {"column": name, "expected": f"at most {most} different texts"}
    details["found"] = f"more, such as {', '.join(map(repr, sorted(texts)[:2]))}"
    rule = (
        f'If it only names the rows, pass ignore=["{name}"] (--ignore); '
        "most_categories allows more."
    )
    fact = "a column has too many different texts to be categories"
    return cell_fault(reader, fact, path, {**details, **more}, rule)


def first_twice(names: Sequence[str]) -> str | None:
    """The first name that stands twice; None if each stands once.

    >>> first_twice(["a", "b", "c", "b"])
    'b'
    """
    counts = Counter(names)
    return next((name for name in names if counts[name] > 1), None)


def listed(names: Sequence[str], most: int = 20) -> str:
    """Names with commas between them; of very many, the first."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown}, … ({len(names)})"


def cell_fault(
    reader: str, fact: str, path: str | Path, details: Mapping[str, object], rule: str = ""
) -> DataError:
    """The error for a cell or a column of a file."""
    return DataError(explanation(f"{reader}: {fact}", {"file": path, **details}, rule))


def places_of(source: str | Path, names: Sequence[str], wanted: Collection[str]) -> list[int]:
    """The places of the columns of these names, in the order of the file.

    Raises:  ArgumentError: there is no column of such a name.
    """
    known = named_columns(source, names)
    return sorted(known.column(name).place for name in sorted(wanted))
