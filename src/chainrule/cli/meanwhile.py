"""What a training needs that can be had on threads, while its modules are imported and data read.

Unpacking a file and translating a program take as long as the imports, and neither needs the
interpreter for it.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from threading import Thread
from typing import Any, Final, final

from chainrule.cli.sources import Source, load_source
from chainrule.data.registry import NAMES
from chainrule.functions.random_keys import key
from chainrule.functions.random_normal import normal
from chainrule.runtime.programs import is_native, soon

__all__ = ["Begun", "begin"]

_WIDE: Final = 64  # layers of as many have more weights than NumPy draws
_LONG: Final = 2**13  # numbers that a program draws


@final
class Begun:
    """A data set that is being read, and the program that draws weights."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._source: Source | None = None
        self._failure: BaseException | None = None
        self._reader, self._drawer = Thread(), Thread()
        model = str(given.get("model") or "")
        if is_native() and any(int(size) >= _WIDE for size in re.findall(r"\d+", model)):
            self._drawer = _started(_draw)
        self._read = partial(load_source, given)
        if given.get("data") in NAMES:
            self._reader = _started(self._try)

    def source(self) -> Source:
        """Give the data set, as ``load_source`` does."""
        if self._reader.ident is None:
            return self._read()
        self._reader.join()
        if self._failure is not None:
            raise self._failure
        assert self._source is not None
        return self._source

    def weights(self) -> None:
        """Wait for the program that draws weights."""
        if self._drawer.ident is not None:
            self._drawer.join()

    def _try(self) -> None:
        try:
            self._source = self._read()
        except BaseException as failure:  # told by who asks for it
            self._failure = failure


def begin(given: Mapping[str, Any]) -> Begun:
    """Begin with what the settings of a training ask for."""
    return Begun(given)


def _started(work: Callable[[], None]) -> Thread:
    """A thread that works, or one that never began where there can be no more."""
    made = Thread(target=work, name="chainrule-meanwhile", daemon=True)  # Ctrl-C does not wait
    with suppress(RuntimeError):
        made.start()
    return made


def _draw() -> None:
    """Load LLVM, and translate the program that draws the first weights."""
    with suppress(Exception):  # who needs it is told
        soon()
        normal(key(0), (_LONG,), 0.0, 0.5, dtype="float32")
