"""Take what was measured on all rows from the training part alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from chainrule.data.dataset import Dataset
from chainrule.data.rows import Array, Rows

__all__ = ["Fittable", "refit"]


@runtime_checkable
class Fittable(Protocol):
    """A source of examples whose encoding is measured on some of its rows."""

    def refit(self, rows: Array | None) -> tuple[Any, Mapping[str, Any]]:
        """The same source with the encoding of these rows (None: of all), and its preparation."""


def refit(train: Dataset, *others: Dataset) -> tuple[Dataset, ...]:
    r"""Measure the encoding of examples on the training part, and encode the others likewise.

    After a table or labeled lines of text were read and split, this takes the means for missing
    values, the categories and the vocabulary from the training part, so that nothing of the others
    is known before they are predicted. Other data sets are given back as they are. The number of
    features may change: build the model afterwards.

    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp()) / "sizes.csv"
    >>> _ = path.write_text("size,kind\n1,a\n,b\n5,a\n,b\n")
    >>> whole = cr.data.csv(path, label="kind", missing="mean")
    >>> train, test = refit(whole.take([0, 1]), whole.take([2, 3]))
    >>> whole.inputs[:].tolist(), test.inputs[:].tolist()
    ([[1.0], [3.0], [5.0], [3.0]], [[5.0], [1.0]])
    """
    inputs = train.inputs
    source = inputs.parts[0] if isinstance(inputs, Rows) and len(inputs.parts) == 1 else None
    if not isinstance(inputs, Rows) or not isinstance(source, Fittable):
        return (train, *others)
    fitted, preparation = source.refit(inputs.chosen)
    return tuple(_with(part, fitted, preparation) for part in (train, *others))


def _with(part: Dataset, fitted: Any, preparation: Mapping[str, Any]) -> Dataset:
    chosen = part.inputs.chosen if isinstance(part.inputs, Rows) else None
    known = {**(part.preparation or {}), **preparation}
    return replace(part, inputs=Rows((fitted,), chosen), preparation=known)
