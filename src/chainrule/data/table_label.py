"""The column of a table that is to be predicted: classes or quantities."""

from typing import Literal, TypeAlias

import numpy as np

from chainrule.data.rows import Array
from chainrule.data.table import Column, Table, cell_fault
from chainrule.errors import DataError
from chainrule.wording import plural

__all__ = ["Target", "label_targets"]

Target: TypeAlias = Literal["classes", "number"]

_FEW_CLASSES = 20  # so many are taken for classes however few the rows are


def label_targets(
    reader: str, table: Table, column: Column, rows: Array | None, target: Target | None
) -> tuple[Array, tuple[str, ...] | None]:
    """The targets of these rows (None: all), and the names of the classes if they are classes.

    Texts and integers are classes; other numbers are quantities.

    Raises:  DataError: values are missing; classes are asked for and cannot be; or there are so
             many different integers that they may be quantities.

    >>> columns = (Column("digit", "number", 0, integral=True),)
    >>> table = Table("t.csv", columns, np.array([[7.0], [3.0], [7.0]]), np.empty((3, 0)))
    >>> label_targets("csv", table, columns[0], None, None)
    (array([1, 0, 1]), ('3', '7'))
    """
    if column.missing and rows is None:
        count = f"{column.missing} of {plural(len(table), 'cell')}"
        details = {"at": column.missing_from, "column": column.name, "without a value": count}
        rule = 'missing="drop" leaves such rows out. On the command line: --missing drop.'
        raise cell_fault(reader, "a label has no value", table.source, details, rule)
    where = slice(None) if rows is None else rows
    if column.kind == "category":
        if target == "number":
            raise _misfit(reader, table, column, "numbers", "texts")
        return _frozen(*_text_classes(column, table.codes[where, column.place]))
    values = table.numbers[where, column.place]
    if target == "number" or (target is None and not column.integral):
        targets = values.astype(np.float32)
        targets.flags.writeable = False
        return targets, None
    if not column.integral and not (values == np.trunc(values)).all():
        raise _misfit(reader, table, column, "integers or texts", "numbers with a fraction")
    found, labels = np.unique(values, return_inverse=True)
    if target is None and len(found) > max(_FEW_CLASSES, len(values) // 4):
        raise _many(reader, table, column, len(found), len(values))
    return _frozen(labels.reshape(-1), tuple(str(int(value)) for value in found))


def _text_classes(column: Column, codes: Array) -> tuple[Array, tuple[str, ...]]:
    used = sorted(np.unique(codes).tolist(), key=column.categories.__getitem__)
    labels = np.empty(len(column.categories), np.int64)
    labels[used] = np.arange(len(used))
    return labels[codes], tuple(column.categories[code] for code in used)


def _frozen(labels: Array, classes: tuple[str, ...]) -> tuple[Array, tuple[str, ...]]:
    labels = labels.astype(np.int64)
    labels.flags.writeable = False
    return labels, classes


def _misfit(reader: str, table: Table, column: Column, expected: str, found: str) -> DataError:
    details = {"column": column.name, "expected": expected, "found": found}
    return cell_fault(reader, "the label is of another kind", table.source, details)


def _many(reader: str, table: Table, column: Column, found: int, rows: int) -> DataError:
    many = f"{plural(found, 'different integer')} in {plural(rows, 'row')}"
    details = {"column": column.name, "found": many}
    rule = (
        'Say what they are: target="number" for quantities, target="classes" for labels (--target).'
    )
    return cell_fault(reader, "the label may be classes or quantities", table.source, details, rule)
