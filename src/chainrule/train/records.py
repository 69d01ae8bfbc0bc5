"""The records of a run's epochs: a file with one line of JSON each, every line with its digest.

A line is read strictly, byte for byte, so a changed bit is found and its line is named. A last line
without its newline is what a kill left of an append: it never counted, and is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from chainrule.errors import CheckpointError
from chainrule.train.durable import append_line, read_bytes
from chainrule.train.encoding import seal_line, unseal_line

__all__ = ["Recorded", "append_record", "is_count", "read_records"]


@final
@dataclass(frozen=True)
class Recorded:
    """What a file of records holds: its lines, up to the first that is not whole.

    values  the records
    lines   the same as they were written
    fault   what is wrong with the next line; None if all are whole
    """

    values: tuple[dict[str, Any], ...]
    lines: tuple[bytes, ...]
    fault: str | None

    def until(self, step: int) -> int:
        """Return how many epochs end at this step or before."""
        return sum(value["step"] <= step for value in self.values)


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """Add a record to the end of a file; a number that is not finite becomes null.

    Raises:  ArgumentError: JSON cannot hold it. CheckpointError: the disk refused.
    """
    append_line(path, seal_line(dict(record), "metrics"))


def read_records(path: Path) -> Recorded:
    """Read a file of records; there are none if there is no file.

    Raises:  CheckpointError: the file cannot be read.
    """
    values: list[dict[str, Any]] = []
    lines: list[bytes] = []
    if not path.exists():
        return Recorded((), (), None)
    *whole, torn = read_bytes(path).split(b"\n")
    if _is_whole(torn[:-1]):  # a kill tears a line off, it does not change its newline
        whole.append(torn)
    for number, line in enumerate(whole, 1):
        try:
            values.append(_record(line, f"{path}:{number}"))
        except CheckpointError as error:
            return Recorded(tuple(values), tuple(lines), str(error))
        lines.append(line)
    return Recorded(tuple(values), tuple(lines), None)


def is_count(value: object) -> bool:
    """Whether a value is a whole number from 0 up."""
    return hasattr(value, "__index__") and not isinstance(value, bool) and int(value) >= 0


def _is_whole(line: bytes) -> bool:
    try:
        unseal_line(line, "")
    except CheckpointError:
        return False
    return True


def _record(line: bytes, place: str) -> dict[str, Any]:
    record = unseal_line(line, place)
    if not is_count(record.get("step")):
        shown = line[:80].decode(errors="replace")
        raise CheckpointError(f"{place}: the line has no count 'step'\n\n    {shown}")
    return record
