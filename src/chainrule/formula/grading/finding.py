"""What a grader found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.formula.typeset.evaluate import Array

__all__: list[str] = ["Finding"]


@dataclass(frozen=True)
class Finding:
    """What is wrong: its kind, and a sentence for the student."""

    kind: str
    message: str


Values = Sequence[Array]
