"""What data hold, in words and numbers: examples, classes, and the statistics of their values."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import numpy.typing as npt

from chainrule.cli.grid import grid
from chainrule.cli.observations import Observations, observe, pieces
from chainrule.cli.statistics import Column, gather, sparkline
from chainrule.data import Dataset, Table
from chainrule.view.figures import printable
from chainrule.wording import plural

__all__ = ["Account", "account", "show"]

_MOST_LINES = 20  # of classes or categories; the rest is summed up
_EXAMPLES = 3  # of texts that all are different
_MOST_COLUMNS = 64  # of numbers without names that are told one by one
_COLORS = {1: ("gray",), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "alpha")}
_BAR = 24
_Tally = list[tuple[str, int]]


@final
@dataclass(frozen=True)
class Account:
    """What there is to say.

    title       what the data are
    tallies     for each class column, how many examples have which value, and how many have none
    columns     the statistics of each column of numbers
    remarks     further facts, a sentence each
    """

    title: str
    examples: int
    tallies: Mapping[str, tuple[_Tally, int]] = field(default_factory=dict)
    columns: Sequence[Column] = ()
    remarks: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {
            "data": self.title,
            "examples": self.examples,
            "tallies": {
                name: {"counts": dict(tally), "missing": missing}
                for name, (tally, missing) in self.tallies.items()
            },
            "columns": [column.as_json() for column in self.columns],
            "remarks": list(self.remarks),
        }


def show(settings: Mapping[str, Any], as_json: bool) -> int:
    """Print what data hold.

    Raises:  UsageError: there is no such data set. DataError: its files are missing or broken.
    """
    found = account(observe(settings))
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n\n".join(_blocks(found)) + "\n")
    return 0


def account(found: Observations) -> Account:
    """Read data once, and say what they hold."""
    data = found.data
    title = f"{data.name}: {_examples(found)}"
    if found.table is not None:
        return _of_table(title, found.table)
    tallies = {"class": (_classes(data), 0)} if data.classes is not None else {}
    if data.inputs.dtype.kind == "i" and data.preparation is not None:
        return Account(title, len(data), *_of_tokens(found, tallies))
    columns, remarks = _of_numbers(data)
    if found.is_labeled and data.classes is None:
        columns = [*columns, *_targets(data)]
    return Account(title, len(data), tallies, columns, remarks)


def _examples(found: Observations) -> str:
    data = found.data
    if found.table is not None:
        return f"{plural(len(found.table), 'row')} of {plural(len(found.table.columns), 'column')}"
    shape = " × ".join(map(str, data.image_shape or data.shape)) or "1"
    kind = "image" if data.image_shape is not None else "example"
    text = f"{plural(len(data), kind)} of {shape} {data.inputs.dtype}"
    if found.test is not None:
        text += f" to train on, and {len(found.test):,} to test, which are not described"
    return text


# ---------------------------------------------------------------- classes and categories


def _classes(data: Dataset) -> _Tally:
    """How many targets have each class."""
    names = data.classes or ()
    counts = np.zeros(len(names), np.int64)
    for piece in pieces(data.targets):
        counts += np.bincount(piece.ravel()[piece.ravel() >= 0], minlength=len(names))
    return list(zip(names, counts.tolist(), strict=True))


def _of_table(title: str, table: Table) -> Account:
    numbers = [column for column in table.columns if column.kind == "number"]
    places = [column.place for column in numbers]
    columns = gather(
        [column.name for column in numbers],
        (table.numbers[rows][:, places] for rows in table.chunks()),
    )
    tallies = {}
    for column in table.columns:
        if column.kind == "category":
            counts = np.zeros(len(column.categories) + 1, np.int64)
            for rows in table.chunks():
                counts += np.bincount(table.codes[rows, column.place] + 1, minlength=len(counts))
            tally = sorted(
                zip(column.categories, counts[1:].tolist(), strict=True),
                key=lambda pair: (-pair[1], pair[0]),
            )
            tallies[column.name] = (tally, int(counts[0]))
    return Account(title, len(table), tallies, columns)


# ---------------------------------------------------------------- numbers


def _of_numbers(data: Dataset) -> tuple[list[Column], list[str]]:
    """The statistics of each color, of each of a few numbers, or of all numbers together."""
    names, separate = _names(data)
    seen = _Constant()
    columns = gather(names, (separate(seen.note(piece)) for piece in pieces(data.inputs)))
    return columns, [*seen.remarks(data), *_exactness(columns)]


def _names(data: Dataset) -> tuple[list[str], Any]:
    """What the columns are called, and how an array of examples becomes them."""
    if data.image_shape is not None:
        height, width, channels = data.image_shape
        names = list(_COLORS.get(channels, tuple(f"channel {k}" for k in range(channels))))
        if data.layout == "CHW":
            return (
                names,
                lambda x: (
                    x.reshape(len(x), channels, height * width)
                    .transpose(0, 2, 1)
                    .reshape(-1, channels)
                ),
            )
        return names, lambda x: x.reshape(-1, channels)
    size = math.prod(data.shape)
    if 1 < size <= _MOST_COLUMNS:
        return [f"[{k}]" for k in range(size)], lambda x: x.reshape(len(x), size)
    return ["values"], lambda x: x.reshape(-1, 1)


@final
class _Constant:
    """Which numbers of an example are the same in all."""

    def __init__(self) -> None:
        self.low: Any = None
        self.high: Any = None

    def note(self, piece: npt.NDArray[Any]) -> npt.NDArray[Any]:
        low, high = piece.min(axis=0), piece.max(axis=0)
        self.low = low if self.low is None else np.minimum(self.low, low)
        self.high = high if self.high is None else np.maximum(self.high, high)
        return piece

    def remarks(self, data: Dataset) -> Iterator[str]:
        size = math.prod(data.shape)
        count = int(np.count_nonzero(self.low == self.high)) if self.low is not None else 0
        if count and size > 1 and len(data) > 1:
            verb = "is" if count == 1 else "are"
            yield f"{count:,} of {size:,} numbers {verb} the same in every example."


def _exactness(columns: Sequence[Column]) -> Iterator[str]:
    if any(not column.is_exact for column in columns):
        yield "There are too many numbers to hold: quartiles are within 0.1 %."


def _targets(data: Dataset) -> list[Column]:
    size = math.prod(data.targets.shape[1:])
    names = ["target"] if size == 1 else [f"target [{k}]" for k in range(size)]
    return gather(
        names, (np.asarray(piece, np.float64).reshape(-1, size) for piece in pieces(data.targets))
    )


# ---------------------------------------------------------------- texts


def _of_tokens(found: Observations, tallies: Any) -> tuple[Any, list[Column], list[str]]:
    """The tokens of a text, or of lines of several classes."""
    data, vocabulary = found.data, (found.data.preparation or {}).get("vocabulary")
    names = list(map(str, vocabulary)) if isinstance(vocabulary, list) else None
    counts: Counter[int] = Counter()
    lengths: list[npt.NDArray[np.int64]] = []
    for piece in pieces(data.inputs):
        # Windows of a text overlap by all but one token; lines are filled up with zeros.
        tokens = piece[:, 0] if found.kind == "text" else piece[piece != 0]
        numbers, times = np.unique(tokens, return_counts=True)
        counts.update(dict(zip(numbers.tolist(), times.tolist(), strict=True)))
        lengths.append(np.count_nonzero(piece, axis=1))
    tally = [(names[t] if names and t < len(names) else str(t), n) for t, n in counts.items()]
    tally.sort(key=lambda pair: (-pair[1], pair[0]))
    shown = {} if found.kind == "text" else dict(tallies)
    columns = []
    if found.kind != "text":
        columns = gather(["tokens in a line"], (n[:, None].astype(np.float64) for n in lengths))
    remarks = [f"{plural(sum(counts.values()), 'token')}, of {len(counts):,} kinds."]
    return {**shown, "token": (tally, 0)}, columns, remarks


# ---------------------------------------------------------------- print


def _blocks(found: Account) -> Iterator[str]:
    yield found.title
    yield from (_tally(name, *told) for name, told in found.tallies.items())
    if found.columns:
        yield _columns(found.columns)
    if found.remarks:
        yield "\n".join(found.remarks)


def _tally(name: str, tally: _Tally, missing: int) -> str:
    total = sum(count for _, count in tally) + missing
    most = max((count for _, count in tally), default=0)
    most_lines = _EXAMPLES if most == 1 and len(tally) > _MOST_LINES else _MOST_LINES
    shown = tally if len(tally) <= most_lines else sorted(tally, key=lambda pair: -pair[1])
    rows = [
        (
            _visible(text),
            f"{count:,}",
            _share(count, total),
            "█" * round(_BAR * count / (most or 1)),
        )
        for text, count in shown[:most_lines]
    ]
    rest = shown[most_lines:]
    if rest:
        count = sum(n for _, n in rest)
        rows.append((f"… {len(rest):,} more", f"{count:,}", _share(count, total), ""))
    if missing:
        rows.append(("(missing)", f"{missing:,}", _share(missing, total), ""))
    return grid((printable(name), "count", "share", ""), rows, last=True)


def _visible(text: str) -> str:
    """A value as one line of text; one of spaces alone stands in quotes."""
    shown = printable(text)
    shown = shown if shown.strip() else repr(text)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _share(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "–"


def _columns(columns: Sequence[Column]) -> str:
    heads = (
        *("", "count", "missing", "mean", "std", "min", "25%", "median", "75%", "max"),
        "histogram",
    )
    rows = [
        (
            _visible(c.name),
            f"{c.count:,}",
            f"{c.missing:,}",
            *map(
                _number,
                (
                    c.mean,
                    c.deviation,
                    c.minimum,
                    c.first_quartile,
                    c.median,
                    c.third_quartile,
                    c.maximum,
                ),
            ),
            sparkline(c.bars),
        )
        for c in columns
    ]
    return grid(heads, rows, last=True)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.5g}"
