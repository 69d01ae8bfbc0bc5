"""Work that a thread does beside a training, such as compiling what will be needed."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from threading import Event, Thread
from typing import final

from chainrule.runtime.threads import beside

__all__ = ["Beside"]


@final
class Beside:
    """Work that a thread does, one piece after another; what fails is left to who needs it."""

    def __init__(
        self, work: Mapping[str, Callable[[], None]], name: str = "chainrule-beside"
    ) -> None:
        self._done = {piece: Event() for piece in work}
        if not work:
            return
        run = copy_context().run
        try:
            Thread(target=run, args=(self._do, work), name=name).start()
        except RuntimeError:  # there can be no more threads
            self._done = {}

    def _do(self, work: Mapping[str, Callable[[], None]]) -> None:
        for name, piece in work.items():
            with suppress(Exception), beside():  # who needs it will fail as well, and say why
                piece()
            self._done[name].set()

    def is_done(self, name: str) -> bool:
        """Whether there is nothing to wait for."""
        return name not in self._done or self._done[name].is_set()

    def wait(self, name: str) -> None:
        """Wait until a piece of work is done, if it is one."""
        if name in self._done:
            self._done[name].wait()
