"""Read ahead on a thread: the next batches are made while the current one is used."""

import threading
from collections.abc import Generator, Iterable, Iterator
from queue import SimpleQueue
from typing import Any, TypeVar, final

from chainrule.data.order import require_integer

__all__ = ["prefetch"]

_Item = TypeVar("_Item")


def prefetch(iterable: Iterable[_Item], depth: int = 2) -> Generator[_Item, None, None]:
    """Give the items of an iterable, made on a thread that is up to `depth` of them ahead.

    They come in the same order, and an error comes out where its item would have. The thread
    starts with the first item that is asked for. It ends with the last one, and when the
    generator is closed or forgotten or an exception such as Ctrl-C passes through it; an item
    that is in the making is finished first. A generator that is read from is closed then.

    Raises:  ArgumentError: depth < 0. With 0 there is no thread.

    >>> numbers = prefetch(range(5), depth=2)
    >>> next(numbers), next(numbers)
    (0, 1)
    >>> numbers.close()
    """
    require_integer("prefetch", "depth", depth, 0)
    return _ahead(iterable, depth) if depth else _plain(iterable)


def _plain(iterable: Iterable[_Item]) -> Generator[_Item, None, None]:
    yield from iterable


def _ahead(iterable: Iterable[_Item], depth: int) -> Generator[_Item, None, None]:
    reader = _Reader(iterable, depth)
    try:
        reader.thread.start()
        while True:
            kind, item = reader.items.get()
            if kind == "end":
                return
            if kind == "error":
                raise item
            reader.room.release()
            yield item
            del item  # or it would stay in memory while the next one is waited for
    finally:
        reader.stop()


@final
class _Reader:
    """The thread and what it shares with the generator, to which it holds no reference.

    So a generator that is forgotten is collected, which closes it, which stops the thread.
    """

    def __init__(self, iterable: Iterable[Any], depth: int) -> None:
        self.items: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self.room = threading.Semaphore(depth)
        self.stopping = threading.Event()
        self.thread = threading.Thread(
            target=self._run, args=(iterable,), name="chainrule-prefetch", daemon=True
        )

    def _run(self, iterable: Iterable[Any]) -> None:
        try:
            source = iter(iterable)
            try:
                self._read(source)
            finally:
                if isinstance(source, Generator):
                    source.close()
        except BaseException as error:  # it is raised again where the item would have come
            self.items.put(("error", error))
        else:
            self.items.put(("end", None))

    def _read(self, source: Iterator[Any]) -> None:
        while True:
            self.room.acquire()
            if self.stopping.is_set():
                return
            try:
                item = next(source)
            except StopIteration:
                return
            self.items.put(("item", item))
            del item

    def stop(self) -> None:
        """Let the thread end, and wait until it has."""
        self.stopping.set()
        self.room.release()
        if self.thread.ident is not None:
            self.thread.join()
