"""One piece of work that a thread does while something else goes on."""

from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from threading import Thread
from typing import Generic, TypeVar, final

__all__ = ["Background"]

_Result = TypeVar("_Result")


@final
class Background(Generic[_Result]):
    """A thread that begins at once; who asks for the result waits for it, and is told a failure.

    The work sees the context variables as they are when it begins. Where there can be no more
    threads, it is done by who asks.

    name    of the thread
    daemon  whether the interpreter may end before it

    >>> Background(lambda: 6 * 7, "answer").result()
    42
    """

    def __init__(self, work: Callable[[], _Result], name: str, *, daemon: bool = False) -> None:
        self._work: Callable[[], _Result] | None = work
        self._results: list[_Result] = []
        self._failure: BaseException | None = None
        run = copy_context().run
        self._thread = Thread(target=run, args=(self._do,), name=name, daemon=daemon)
        with suppress(RuntimeError):  # there can be no more threads
            self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether ``result`` waits for no thread."""
        return not self._thread.is_alive()

    def result(self) -> _Result:
        """Wait for the work, and give what came of it."""
        if self._thread.ident is not None:
            self._thread.join()
        self._do()
        if self._failure is not None:
            raise self._failure
        return self._results[0]

    def _do(self) -> None:
        """Do the work, unless it was done; nothing holds what it reads any longer."""
        work, self._work = self._work, None
        if work is None:
            return
        try:
            self._results.append(work())
        except BaseException as failure:  # told by who asks
            self._failure = failure
