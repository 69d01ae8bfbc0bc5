"""Data to be looked at: examples with or without labels, in memory or larger."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.cli.sources import Source, columns_of, load_source
from chainrule.data import Dataset, Table, read_csv, read_parquet
from chainrule.data.files import open_regular
from chainrule.data.recognition import is_parquet, recognize_file
from chainrule.data.rows import chunks
from chainrule.data.table_encoding import EncodedTable, TableEncoding
from chainrule.errors import DataError

__all__ = ["Observations", "observe", "pieces"]

MOST_TEXTS = 2**20  # different ones in a column of a table


@final
@dataclass(frozen=True, eq=False)
class Observations:
    """What lies at a place.

    kind     "images", "sounds", "table", "numbers", "text", "lines", or the name of a set
    data     the examples; a table without a label has targets that say nothing
    test     those that lie apart to be tested on
    table    the columns of a table, as they stand in the file
    filled   how many missing cells of a table got the mean of their column
    """

    kind: str
    data: Dataset
    test: Dataset | None = None
    table: Table | None = None
    filled: int = 0

    @property
    def is_labeled(self) -> bool:
        """Whether the targets say something."""
        return math.prod(self.data.targets.shape) > 0

    @property
    def labels(self) -> npt.NDArray[np.int64] | None:
        """The class of each example, if it has one."""
        is_one = self.data.classes is not None and len(self.data.targets.shape) == 1
        return np.asarray(self.data.targets) if is_one else None


def observe(settings: Mapping[str, Any], encode: bool = False) -> Observations:
    """Load data; tables need no label, and a .npy file is a matrix or a stack.

    ``encode`` makes a table's columns numbers, which else only its statistics need.

    Raises:  UsageError: there is no such data set. DataError: its files are missing or broken.
    """
    path = Path(str(settings.get("data") or settings.get("folder")))
    if path.suffix.lower() == ".npy" and path.is_file():
        return Observations("numbers", _unlabeled(path.stem, _mapped(path)))
    if settings.get("label") is None and path.is_file() and recognize_file(path) == "table":
        return _columns(path, settings, encode)
    source: Source = load_source(settings)
    return Observations(source.kind, source.training, source.test)


def pieces(examples: Any) -> Iterator[npt.NDArray[Any]]:
    """The examples, some at a time."""
    for piece in chunks(examples):
        yield np.asarray(examples[piece])


def _unlabeled(name: str, inputs: Any) -> Dataset:
    """A data set whose targets have no element."""
    return Dataset(inputs, np.zeros((len(inputs), 0)), name=name)


def _mapped(path: Path) -> npt.NDArray[Any]:
    """An array in a file, which stays there."""
    with open_regular("npy", path):
        pass
    try:
        found: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(f"npy: {path} is no array that can be read: {error}") from error
    if found.ndim == 0 or found.dtype.kind not in "biuf":
        raise DataError(
            f"npy: {path} has {found.dtype}{list(found.shape)}\n\n"
            "  Numbers are expected, the first axis counting the examples."
        )
    if not len(found):
        raise DataError(f"npy: {path} has no examples")
    return found


def _columns(path: Path, settings: Mapping[str, Any], encode: bool) -> Observations:
    ignore = columns_of(settings.get("ignore"))
    read = read_parquet if is_parquet(path) else read_csv
    if not encode:  # all columns, those of names and notes included
        table = read(path, ignore=ignore, most_categories=MOST_TEXTS)
        return Observations("table", _unlabeled(path.stem, np.zeros((len(table), 0))), table=table)
    table = read(path, ignore=ignore)
    encoding = TableEncoding.fit(table, missing="mean")
    filled = sum(column.missing for column in table.columns)
    data = replace(
        _unlabeled(path.stem, EncodedTable(table, encoding)), preparation=encoding.to_json()
    )
    return Observations("table", data, table=table, filled=filled)
