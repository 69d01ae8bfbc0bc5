"""From a table's columns to inputs and targets, by what was measured on its training rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, final

import numpy as np

from chainrule.data.computed import Computed
from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.rows import Array, Rows
from chainrule.data.table import Column, Table, cell_fault, listed
from chainrule.data.table_label import Target, label_targets
from chainrule.errors import ArgumentError, DataError
from chainrule.wording import plural

__all__ = ["EncodedTable", "Form", "Missing", "TableEncoding", "Unknown", "table_dataset"]

Missing: TypeAlias = Literal["error", "drop", "mean", "median", "most-frequent"]
Form: TypeAlias = Literal["one-hot", "codes"]
Unknown: TypeAlias = Literal["zeros", "error"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "missing": ("error", "drop", "mean", "median", "most-frequent"),
    "form": ("one-hot", "codes"),
    "unknown": ("zeros", "error"),
}
_REMEDY = (
    'missing="drop" leaves such rows out; "mean", "median" and "most-frequent" fill them.\n'
    "On the command line: --missing drop."
)


@final
@dataclass(frozen=True)
class TableEncoding:
    """How columns become inputs: first the numbers, then the categories, each in their order.

    one-hot:  a category c of k becomes e_c ∈ ℝᵏ, an unknown one 0 ∈ ℝᵏ
    codes:    a category becomes 1 + c, an unknown one 0

    numbers     the columns of numbers, each with what stands for a missing value (None: nothing)
    categories  the columns of categories, each with its categories, sorted
    fills       for each column of categories what stands for a missing value, or None

    `fit` measures it on some rows of a table; it is plain data, which `to_json` gives.

    >>> columns = (Column("size", "number", 0), Column("color", "category", 0, False, ("b", "a")))
    >>> table = Table("t.csv", columns, np.array([[1.0], [np.nan]]), np.array([[0], [1]]))
    >>> encoding = TableEncoding.fit(table, missing="mean")
    >>> encoding.features
    ('size', 'color=a', 'color=b')
    >>> encoding(table, np.arange(2)).tolist()
    [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    """

    numbers: Mapping[str, float | None]
    categories: Mapping[str, tuple[str, ...]]
    fills: Mapping[str, str | None]
    missing: Missing = "error"
    form: Form = "one-hot"
    unknown: Unknown = "zeros"

    def __post_init__(self) -> None:
        for name, possible in _CHOICES.items():
            if getattr(self, name) not in possible:
                details = {"given": repr(getattr(self, name)), "possible": ", ".join(possible)}
                raise ArgumentError(explanation(f"table: unknown value of {name}", details))

    @classmethod
    def fit(
        cls,
        table: Table,
        rows: Array | None = None,
        *,
        missing: Missing = "error",
        form: Form = "one-hot",
        unknown: Unknown = "zeros",
    ) -> Self:
        """Measure the encoding of all columns of a table on these rows (None: on all).

        Cost:  one read of the rows; the median takes memory for one column of them.
        """
        numbers = [column for column in table.columns if column.kind == "number"]
        texts = [column for column in table.columns if column.kind == "category"]
        counts = {column.name: _counts(table, column, rows) for column in texts}
        order = {c.name: sorted(np.flatnonzero(counts[c.name]), key=c.categories.__getitem__)
                 for c in texts}  # fmt: skip
        fills: dict[str, str | None] = dict.fromkeys(counts)
        if missing in ("mean", "median", "most-frequent"):
            for column in texts:
                # The most frequent; of equals the first in the alphabet.
                best = max(order[column.name], key=counts[column.name].__getitem__, default=None)
                fills[column.name] = None if best is None else column.categories[best]
        return cls(
            {column.name: _fill(table, column, rows, missing) for column in numbers},
            {c.name: tuple(c.categories[code] for code in order[c.name]) for c in texts},
            fills, missing, form, unknown,
        )  # fmt: skip

    @property
    def features(self) -> tuple[str, ...]:
        """The name of each feature of the inputs."""
        names = list(self.numbers)
        for column, categories in self.categories.items():
            one_hot = [f"{column}={category}" for category in categories]
            names += one_hot if self.form == "one-hot" else [column]
        return tuple(names)

    @property
    def dtype(self) -> np.dtype[Any]:
        """int32 if all inputs are codes, else float32."""
        return np.dtype(np.float32 if self.numbers or self.form == "one-hot" else np.int32)

    def __call__(self, table: Table, rows: Array) -> Array:
        """Encode rows of a table that has these columns, or a table read again for predictions.

        Raises:  DataError: a column is missing or of another kind, a value is missing that nothing
                 stands for, or a category is unknown and `unknown` is "error".
        """
        return EncodedTable(table, self).compute(np.asarray(rows))

    def to_json(self) -> dict[str, Any]:
        """Plain data, as JSON can hold them."""
        return {
            "kind": "table",
            "numbers": dict(self.numbers),
            "categories": {name: list(texts) for name, texts in self.categories.items()},
            "fills": dict(self.fills),
            "missing": self.missing,
            "form": self.form,
            "unknown": self.unknown,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The encoding that `to_json` gave these data.

        Raises:  DataError: they are not those of an encoding.

        >>> encoding = TableEncoding({"size": 2.0}, {"color": ("a",)}, {"color": None})
        >>> TableEncoding.from_json(encoding.to_json()) == encoding
        True
        """
        try:
            return cls(
                {str(n): None if v is None else float(v) for n, v in data["numbers"].items()},
                {str(n): tuple(map(str, texts)) for n, texts in data["categories"].items()},
                {str(n): None if v is None else str(v) for n, v in data["fills"].items()},
                data["missing"], data["form"], data["unknown"],
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as cause:
            details = {"fault": f"{type(cause).__name__}: {str(cause).splitlines()[0]}"}
            fact = "these data are not the encoding of a table"
            raise DataError(explanation(f"table: {fact}", details)) from cause


def _counts(table: Table, column: Column, rows: Array | None) -> Array:
    """How many of the rows have each category."""
    counts = np.zeros(len(column.categories), np.int64)
    for piece in table.chunks(rows):
        codes = table.codes[piece, column.place]
        counts += np.bincount(codes[codes >= 0], minlength=len(counts))
    return counts


def _fill(table: Table, column: Column, rows: Array | None, missing: Missing) -> float | None:
    """What stands for a missing number."""
    if missing in ("error", "drop"):
        return None
    values = table.numbers[:, column.place] if rows is None else table.numbers[rows, column.place]
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    if missing == "mean":
        return float(values.mean())
    if missing == "median":
        return float(np.median(values))
    found, counts = np.unique(values, return_counts=True)
    return float(found[np.argmax(counts)])


@final
@dataclass(frozen=True, eq=False, repr=False)
class EncodedTable(Computed):
    """The inputs of a table, encoded when a batch asks for them."""

    table: Table
    encoding: TableEncoding

    def __post_init__(self) -> None:
        _ = self._maps  # a table that does not have the columns is refused at once

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.table), len(self.encoding.features))

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.encoding.dtype

    @cached_property
    def _columns(self) -> tuple[Column, ...]:
        there = {column.name: column for column in self.table.columns}
        numbers = [_same(self.table, there, name, "number") for name in self.encoding.numbers]
        texts = [_same(self.table, there, name, "category") for name in self.encoding.categories]
        return (*numbers, *texts)

    @cached_property
    def _maps(self) -> tuple[Array, ...]:
        texts = self._columns[len(self.encoding.numbers) :]
        return tuple(_map(column, self.encoding.categories[column.name]) for column in texts)

    def refit(self, rows: Array | None) -> tuple[Self, dict[str, Any]]:
        """The same table with the encoding that these rows have, and its preparation."""
        old = self.encoding
        found = TableEncoding.fit(
            self.table.only(self._columns), rows,
            missing=old.missing, form=old.form, unknown=old.unknown,
        )  # fmt: skip
        return type(self)(self.table, found), found.to_json()

    def compute(self, rows: Array) -> Array:
        result = np.zeros((len(rows), self.shape[1]), self.dtype)
        for place, (name, fill) in enumerate(self.encoding.numbers.items()):
            column = self._columns[place]
            values = self.table.numbers[rows, column.place]
            empty = np.isnan(values)
            if empty.any():
                if fill is None:
                    raise self._nothing(name, int(rows[np.argmax(empty)]))
                values = np.where(empty, fill, values)
            result[:, place] = values
        self._encode_categories(rows, result)
        return result

    def _encode_categories(self, rows: Array, result: Array) -> None:
        encoding = self.encoding
        at = first = len(encoding.numbers)
        for place, categories in enumerate(encoding.categories.values()):
            found = self._found(self._columns[first + place], self._maps[place], rows)
            if encoding.form == "codes":
                result[:, at] = 1 + found
                at += 1
            else:
                here = np.flatnonzero(found >= 0)
                result[here, at + found[here]] = 1
                at += len(categories)

    def _found(self, column: Column, places: Array, rows: Array) -> Array:
        """The place of each row's category among those of the encoding; −1: unknown."""
        codes, fill = self.table.codes[rows, column.place], self.encoding.fills[column.name]
        empty = codes < 0
        if fill is None and empty.any():
            raise self._nothing(column.name, int(rows[np.argmax(empty)]))
        found = places[codes]
        if fill is not None:
            place = self.encoding.categories[column.name].index(fill)
            found = np.where(empty, place, found)
        if self.encoding.unknown == "error" and (found < 0).any():
            row = int(np.argmax(found < 0))
            raise self._unknown(column, int(rows[row]), column.categories[codes[row]])
        return np.asarray(found)

    def _nothing(self, name: str, row: int) -> DataError:
        column = self.table.column(name)
        details = {"row": row, "column": name, "first": column.missing_from}
        rule = _REMEDY if self.encoding.missing == "error" else ""
        return cell_fault("table", "a cell has no value", self.table.source, details, rule)

    def _unknown(self, column: Column, row: int, found: str) -> DataError:
        expected = listed(self.encoding.categories[column.name])
        details = {"row": row, "column": column.name, "expected": expected, "found": repr(found)}
        return cell_fault("table", "a category is unknown", self.table.source, details)


def _same(table: Table, there: Mapping[str, Column], name: str, kind: str) -> Column:
    column = there.get(name)
    if column is not None and column.kind == kind:
        return column
    found = "no such column" if column is None else f"a column of kind {column.kind}"
    details = {"column": name, "expected": f"a column of kind {kind}", "found": found}
    details["columns"] = listed(list(there))
    raise cell_fault("table", "the columns are not those of the encoding", table.source, details)


def _map(column: Column, categories: Sequence[str]) -> Array:
    """The place among the encoding's categories for each code; −1: unknown, or missing."""
    places = {text: place for place, text in enumerate(categories)}
    return np.array([*(places.get(text, -1) for text in column.categories), -1], np.int64)


def table_dataset(
    reader: str,
    table: Table,
    label: str | int | None,
    missing: Missing,
    form: Form,
    unknown: Unknown,
    target: Target | None,
) -> Dataset:
    """The data set of a table: one column to predict, the others encoded."""
    if label is None:
        names = listed([column.name for column in table.columns])
        fact = f"{reader}: which column is to be predicted?"
        rule = "Pass its name or its place: label=−1 is the last column.".replace("−", "-")
        raise ArgumentError(explanation(fact, {"file": table.source, "columns": names}, rule))
    to_predict = table.column(label)
    features = table.only([c for c in table.columns if c.name != to_predict.name])
    if not features.columns:
        details = {"label": to_predict.name, "expected": "further columns", "found": "none"}
        raise cell_fault(reader, "there is nothing to predict from", table.source, details)
    rows = table.complete_rows(table.columns) if missing == "drop" else None
    if rows is not None and not len(rows):
        details = {"rows": str(len(table)), "complete": "0"}
        raise cell_fault(reader, "no row has a value in every column", table.source, details)
    encoding = TableEncoding.fit(features, rows, missing=missing, form=form, unknown=unknown)
    _require_values(reader, features, encoding)
    targets, classes = label_targets(reader, table, to_predict, rows, target)
    name = Path(table.source).stem
    inputs = Rows((EncodedTable(features, encoding),), rows)
    preparation = {**encoding.to_json(), "label": to_predict.name}
    return Dataset(inputs, targets, classes, name, preparation=preparation)


def _require_values(reader: str, table: Table, encoding: TableEncoding) -> None:
    """Name the first cell without a value for which nothing stands, before anyone trains."""
    if encoding.missing == "drop":
        return
    for column in table.columns:
        fill = encoding.numbers.get(column.name, encoding.fills.get(column.name))
        if column.missing and fill is None:
            count = f"{column.missing} of {plural(len(table), 'cell')}"
            details = {"at": column.missing_from, "column": column.name, "without a value": count}
            rule = (
                _REMEDY
                if encoding.missing == "error"
                else f'It has no value at all: pass ignore=["{column.name}"] (--ignore).'
            )
            raise cell_fault(reader, "a cell has no value", table.source, details, rule)
