"""Training and evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chainrule.recording import mode, modes

__all__ = ["evaluation", "is_evaluation"]

_EVALUATION = "evaluation"


@contextmanager
def evaluation() -> Iterator[None]:
    """Evaluate inside: dropout keeps everything, and statistics are read but not gathered.

    Outside of it models train. The mode is part of a program: ``jit`` records once for each.

    >>> dropout = cr.nn.Dropout(0.5, key=cr.random.key(0))
    >>> with cr.nn.evaluation():
    ...     dropout(cr.ones(3))
    Tensor([1., 1., 1.])
    """
    with mode(_EVALUATION):
        yield


def is_evaluation() -> bool:
    """Say whether models are evaluated rather than trained.

    >>> cr.nn.is_evaluation()
    False
    """
    return _EVALUATION in modes()
