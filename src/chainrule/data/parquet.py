"""Tables in Parquet files, read by pyarrow a row group at a time."""

from collections.abc import Collection, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.data.fault import explanation
from chainrule.data.files import open_regular
from chainrule.data.rows import Array
from chainrule.data.spool import IN_MEMORY, Spool
from chainrule.data.table import (
    MOST_CATEGORIES,
    Column,
    Kind,
    Table,
    cell_fault,
    first_twice,
    named_columns,
    places_of,
    too_many_texts,
)
from chainrule.data.table_encoding import Form, Missing, Unknown, table_dataset
from chainrule.data.table_label import Target
from chainrule.errors import DataError

__all__ = ["parquet", "read_parquet"]

_ROWS = 2**16
_LARGEST = float(np.finfo(np.float32).max)
_EXACT = 2**53  # beyond, a float64 does not hold every integer


def parquet(
    path: str | PathLike[str],
    label: str | int | None = None,
    *,
    ignore: Collection[str | int] = (),
    categories: Collection[str] = (),
    missing: Missing = "error",
    form: Form = "one-hot",
    unknown: Unknown = "zeros",
    target: Target | None = None,
    most_categories: int = MOST_CATEGORIES,
) -> Dataset:
    """Read a Parquet table as a data set; it needs `pip install "chainrule[tables]"`.

    The arguments are those of `csv`. Numbers and booleans are numbers, texts and dictionaries
    categories; a cell without a value is a null, or NaN.

    Raises:  DataError: not a Parquet file, a broken one, or one whose values do not fit.
             ArgumentError: no such column, a setting that cannot be meant, or no pyarrow.
    Cost:    one reading, in memory one row group at a time; what is kept is as for `csv`.
    """
    table = read_parquet(
        path, ignore=ignore, categories=categories, most_categories=most_categories
    )
    return table_dataset("parquet", table, label, missing, form, unknown, target)


def read_parquet(
    path: str | PathLike[str],
    *,
    ignore: Collection[str | int] = (),
    only: Collection[str] | None = None,
    categories: Collection[str] = (),
    most_categories: int = MOST_CATEGORIES,
    in_memory: int = IN_MEMORY,
) -> Table:
    """Read a Parquet file as columns: see `parquet`; of them `only` those of these names.

    Raises:  DataError: the table is broken; see `parquet`.
    """
    path = Path(path)
    arrow, format_ = _pyarrow()
    with open_regular("parquet", path) as file:
        try:
            opened = format_.ParquetFile(file)
            schema = opened.schema_arrow
            fields = _fields(path, schema, ignore)
            if only is not None:
                fields = [fields[k] for k in places_of(path, [f.name for f in fields], only)]
            readers = _readers(path, fields, categories, most_categories, arrow)
            return _store(path, opened, readers, in_memory)
        except (arrow.ArrowException, OSError, UnicodeDecodeError) as cause:
            reason = str(cause).splitlines()[0][:200] if str(cause) else type(cause).__name__
            details = {"file": path, "expected": "a Parquet file", "found": reason}
            fact = "parquet: the file cannot be read"
            raise DataError(explanation(fact, details)) from cause


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]
    except ImportError as cause:
        rule = 'Install it: pip install "chainrule[tables]".'
        raise DataError(explanation("parquet: this needs pyarrow", {}, rule)) from cause
    return pa, pa.parquet


def _fields(path: Path, schema: Any, ignore: Collection[str | int]) -> list[Any]:
    """The fields that are not left out, with names that stand once."""
    names = list(schema.names)
    twice = first_twice(names)
    if twice is not None:
        places = " and ".join(str(i) for i, name in enumerate(names) if name == twice)
        details = {"name": repr(twice), "at places": places}
        raise cell_fault("parquet", "two columns have one name", path, details)
    table = named_columns(path, names)
    left_out = {table.column(name).name for name in ignore}
    return [field for field in schema if field.name not in left_out]


class _Reader:
    """One column while it is read."""

    def __init__(self, path: Path, name: str, kind: Kind, place: int, most: int) -> None:
        self.path, self.name, self.kind, self.place, self.most = path, name, kind, place, most
        self.codes: dict[str, int] = {}
        self.integral = False
        self.missing, self.missing_from = 0, ""

    def read(self, values: Any, first: int, arrow: Any) -> Array:
        """The values of further rows, the first of which has the number `first`."""
        found = (
            self._numbers(values, first, arrow) if self.kind == "number" else self._texts(values)
        )
        empty = np.isnan(found) if self.kind == "number" else found < 0
        if empty.any() and not self.missing:
            self.missing_from = f"row {first + int(np.argmax(empty))}"
        self.missing += int(empty.sum())
        return found

    def _numbers(self, values: Any, first: int, arrow: Any) -> Array:
        if arrow.types.is_decimal(values.type) or arrow.types.is_boolean(values.type):
            values = values.cast(arrow.float64() if values.type.bit_width > 1 else arrow.int8())
        found = np.asarray(values.to_numpy(zero_copy_only=False), np.float64)
        wrong = np.abs(found) > (_EXACT if self.integral else _LARGEST)
        if wrong.any():
            row = int(np.argmax(wrong))
            details = {"row": first + row, "column": self.name, "found": f"{found[row]:g}"}
            limit = "for an exact integer" if self.integral else "for float32"
            fact = f"a number is infinite, or too large {limit}"
            raise cell_fault("parquet", fact, self.path, details)
        return found

    def _texts(self, values: Any) -> Array:
        encoded = values if hasattr(values, "dictionary") else values.dictionary_encode()
        texts = [str(text) for text in encoded.dictionary.to_pylist()]
        codes = [self.codes.setdefault(text, len(self.codes)) for text in texts]
        if len(self.codes) > self.most:
            raise too_many_texts("parquet", self.path, self.name, self.codes, self.most, {})
        places = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return np.asarray(np.array([*codes, -1], np.int32)[places])

    def column(self) -> Column:
        """What is known of the column now."""
        return Column(
            self.name, self.kind, self.place, self.integral, tuple(self.codes),
            self.missing, self.missing_from,
        )  # fmt: skip


def _readers(
    path: Path, fields: list[Any], categories: Collection[str], most: int, arrow: Any
) -> list[_Reader]:
    table = named_columns(path, [field.name for field in fields])
    named = {table.column(name).name for name in categories}
    places: dict[Kind, int] = {"number": 0, "category": 0}
    readers = []
    for field in fields:
        kind = "category" if field.name in named else _kind(path, field, arrow)
        readers.append(_Reader(path, field.name, kind, places[kind], most))
        readers[-1].integral = bool(
            kind == "number" and (arrow.types.is_integer(field.type) or field.type == arrow.bool_())
        )
        places[kind] += 1
    return readers


def _kind(path: Path, field: Any, arrow: Any) -> Kind:
    kind, types = field.type, arrow.types
    if types.is_dictionary(kind):
        kind = kind.value_type
        if types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind):
            return "category"
    elif types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "category"
    elif any(
        of_kind(kind)
        for of_kind in (
            *(types.is_integer, types.is_floating, types.is_decimal),
            *(types.is_boolean, types.is_null),
        )
    ):
        return "number"
    details = {"column": field.name, "expected": "numbers, booleans or texts", "found": field.type}
    rule = f'Leave it out: ignore=["{field.name}"].'
    raise cell_fault("parquet", "a column holds other things", path, details, rule)


def _store(path: Path, opened: Any, readers: list[_Reader], in_memory: int) -> Table:
    """Write the columns in their compact form."""
    arrow, _ = _pyarrow()
    counts = {k: sum(reader.kind == k for reader in readers) for k in ("number", "category")}
    numbers = Spool((counts["number"],), np.dtype(np.float64), in_memory)
    codes = Spool((counts["category"],), np.dtype(np.int32), in_memory)
    for first, batch in _batches(opened, [reader.name for reader in readers]):
        values = np.empty((len(batch), counts["number"]))
        texts = np.empty((len(batch), counts["category"]), np.int32)
        for place, reader in enumerate(readers):
            found = reader.read(batch.column(place), first, arrow)
            (values if reader.kind == "number" else texts)[:, reader.place] = found
        numbers.append(values)
        codes.append(texts)
    if not numbers.count:
        details = {"expected": "rows of values", "found": "none"}
        raise cell_fault("parquet", "the table has no rows", path, details)
    columns = tuple(reader.column() for reader in readers)
    return Table(path, columns, numbers.array(), codes.array())


def _batches(opened: Any, names: list[str]) -> Iterator[tuple[int, Any]]:
    """Some rows at a time, with the number of the first."""
    first = 0
    # Without threads: the columns of a row group are not all in memory at once.
    for batch in opened.iter_batches(_ROWS, columns=names, use_threads=False):
        batch = batch.select(names)
        yield first, batch
        first += len(batch)
