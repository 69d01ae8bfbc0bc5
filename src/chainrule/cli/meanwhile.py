"""What a training needs that can be had on threads, while its modules are imported and data read.

Unpacking a file and translating a program take as long as the imports, and neither needs the
interpreter for it.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar, final

from chainrule.cli.sources import Source, load_source
from chainrule.data.registry import NAMES
from chainrule.functions.random_keys import key
from chainrule.functions.random_normal import normal
from chainrule.runtime.background import Background
from chainrule.runtime.programs import is_native, soon

__all__ = ["Begun", "begin"]

_Result = TypeVar("_Result")
_WIDE: Final = 64  # layers of as many have more weights than NumPy draws
_LONG: Final = 2**13  # numbers that a program draws


@final
class Begun:
    """A data set that is being read, and the program that draws weights."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._source: Background[Source] | None = None
        self._drawer: Background[None] | None = None
        model = str(given.get("model") or "")
        if is_native() and any(int(size) >= _WIDE for size in re.findall(r"\d+", model)):
            self._drawer = _started(_draw)
        if given.get("data") in NAMES:
            self._source = _started(partial(load_source, given))

    def source(self) -> Source:
        """Give the data set, as ``load_source`` does."""
        return load_source(self._given) if self._source is None else self._source.result()

    def weights(self) -> None:
        """Wait for the program that draws weights."""
        if self._drawer is not None:
            self._drawer.result()


def begin(given: Mapping[str, Any]) -> Begun:
    """Begin with what the settings of a training ask for."""
    return Begun(given)


def _started(work: Callable[[], _Result]) -> Background[_Result]:
    return Background(work, "chainrule-meanwhile", daemon=True)  # Ctrl-C does not wait for it


def _draw() -> None:
    """Load LLVM, and translate the program that draws the first weights."""
    with suppress(Exception):  # who needs it is told
        soon()
        normal(key(0), (_LONG,), 0.0, 0.5, dtype="float32")
