"""What the columns of a text table hold: found in a first reading that keeps no cells."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np

from chainrule.data.rows import Array
from chainrule.data.table import Column, Kind, cell_fault, too_many_texts
from chainrule.errors import DataError
from chainrule.wording import plural

__all__ = ["MISSING", "ColumnSurvey"]

MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
_GROUPED = re.compile(r"[+-]?[0-9]+(,[0-9]+)*(\.[0-9]+)?")  # 1,234.5, or 1,5 between semicolons
_LARGEST = float(np.finfo(np.float32).max)
_FEW = 0.1  # a column of numbers with at most this share of other texts is likelier mistyped
_SURE = 1000  # texts that make a column one of categories, whatever follows


@final
@dataclass(eq=False)
class ColumnSurvey:
    """One column while it is read for the first time.

    kind  what the caller says that it is, or None
    most  how many different texts a column of categories may have
    """

    reader: str
    path: Path
    name: str
    missing_texts: frozenset[str]
    kind: Kind | None
    most: int
    texts: set[str] = field(default_factory=set)
    missing: int = 0
    missing_from: str = ""
    numbers: int = 0
    others: int = 0
    other_from: tuple[str, str] = ("", "")
    integral: bool = True

    def add(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        """Take further cells, with the lines on which their rows end."""
        there = cells
        if not self.missing_texts.isdisjoint(cells):
            there = [cell for cell in cells if cell not in self.missing_texts]
            self._note_missing(cells, lines, len(cells) - len(there))
        if len(self.texts) <= self.most:
            self.texts.update(there)
        if self.kind == "category":
            return
        values = as_numbers(there)
        if values is None:
            values = self._sort_out(cells, lines)
        self.numbers += len(values)
        if self.kind is None and self.others > max(_SURE, self.numbers):
            self.kind = "category"  # further cells need not be tried
        largest = float(np.max(np.abs(values), initial=0.0))
        if not largest <= _LARGEST:
            raise self._not_finite(cells, lines)
        self.integral = self.integral and not any(map(_has_point, there))

    def _note_missing(self, cells: Sequence[str], lines: Sequence[int], count: int) -> None:
        if not self.missing:
            first = next(i for i, cell in enumerate(cells) if cell in self.missing_texts)
            self.missing_from = f"line {lines[first]}"
        self.missing += count

    def _sort_out(self, cells: Sequence[str], lines: Sequence[int]) -> Array:
        """The numbers among the cells; what is none is counted, and the first is noted."""
        found = []
        for cell, line in zip(cells, lines, strict=True):
            value = as_numbers([cell])
            if value is not None:
                found.append(float(value[0]))
            elif cell not in self.missing_texts:
                self.others += 1
                self.other_from = self.other_from if self.other_from[0] else (f"line {line}", cell)
        return np.array(found)

    def column(self, places: dict[Kind, int]) -> Column:
        """The column, at the next place of its kind.

        Raises:  DataError: it cannot be said what the column is, or not what the caller says.
        """
        kind: Kind = self.kind or ("category" if self.others else "number")
        if self.others and self.kind == "number":
            raise self._not_a_number("")
        if self.others and self.kind is None and self.others <= _FEW * self.numbers:
            raise self._not_a_number(
                f'If these are categories, pass categories=["{self.name}"]; '
                f'if it stands for no value, missing_texts=["{self.other_from[1]}"].'
            )
        if self.others and all(map(_GROUPED.fullmatch, self.texts)):
            raise self._with_commas()
        if kind == "category" and len(self.texts) > self.most:
            raise self._too_many()
        place = places[kind]
        places[kind] += 1
        categories = tuple(sorted(self.texts)) if kind == "category" else ()
        integral = kind == "number" and self.integral and self.numbers > 0
        return Column(self.name, kind, place, integral, categories, self.missing, self.missing_from)

    def _not_finite(self, cells: Sequence[str], lines: Sequence[int]) -> DataError:
        found = next(
            (cell, line)
            for cell, line in zip(cells, lines, strict=True)
            if (value := as_numbers([cell])) is not None and not abs(value[0]) <= _LARGEST
        )
        details = {"line": found[1], "column": self.name, "found": found[0][:80]}
        fact = "a number is infinite, or too large for float32"
        return cell_fault(self.reader, fact, self.path, details)

    def _not_a_number(self, rule: str) -> DataError:
        place, text = self.other_from
        details = {
            "line": place.removeprefix("line "),
            "column": self.name,
            "expected": f"a number, as in {plural(self.numbers, 'other cell')}",
            "found": repr(text[:80]),
        }
        return cell_fault(self.reader, "a cell is not a number", self.path, details, rule)

    def _with_commas(self) -> DataError:
        place, text = self.other_from
        details = {"line": place.removeprefix("line "), "column": self.name, "found": repr(text)}
        rule = (
            "Write them with a decimal point, and without signs between the thousands.\n"
            f'If these are categories, pass categories=["{self.name}"].'
        )
        fact = "the numbers of a column have commas"
        return cell_fault(self.reader, fact, self.path, details, rule)

    def _too_many(self) -> DataError:
        place, text = self.other_from
        more = {"no number": f"{text[:80]!r} on {place}"} if self.numbers else {}
        return too_many_texts(self.reader, self.path, self.name, self.texts, self.most, more)


def as_numbers(cells: Sequence[str]) -> Array | None:
    """The cells as numbers, or None if one is none.

    >>> as_numbers(["1", "2.5e3"]), as_numbers(["1", "1_000"]), as_numbers(["nan"])
    (array([1.0e+00, 2.5e+03]), None, None)
    """
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        return None
    # Python reads 1_000 and nan, which nobody writes for a number in a table.
    if np.isnan(values).any() or "_" in "".join(cells):
        return None
    return values


def _has_point(cell: str) -> bool:
    """Whether a number is written with a fraction or an exponent."""
    return not cell.lstrip("+-").isdigit()
