"""Written: texts that files of ours write, whose code is found on the disk without writing them.

To write the text of calls takes longer than to load its code. So such code is kept under the state
of the files that write it: their names, sizes and times. A file that changed after it was imported
is no longer what runs, so then it is kept under the text, as all other code.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from chainrule.runtime.cache import key_of

__all__ = ["WRITERS", "Written"]

WRITERS: Final = ("instructions", "llvm", "table", "target", "texts", "values")
"""The files of ``codegen/assembly`` that take part; of this room all may."""


class Written(NamedTuple):
    """A text that is not written yet.

    name   which one, with all that it depends on but the processor, the Python and the files
    """

    name: str
    write: Callable[[], str]

    def identity(self) -> tuple[str, ...]:
        """What the text follows from; itself, where the files do not say."""
        state = _state()
        return (self.name, state) if state else (self.write(),)


@cache
def _state() -> str:
    """A digest of the files that write texts, as they were imported; "" where that is not clear."""
    room = Path(__file__).parent
    assembly = room.parent / "codegen" / "assembly"
    files = [*sorted(room.glob("*.py")), *(assembly / f"{n}.py" for n in WRITERS)]
    try:
        found = [(path.name, os.stat(path)) for path in files]  # noqa: PTH116  it is faster
    except OSError:
        return ""
    if any(max(s.st_ctime_ns, s.st_mtime_ns) >= _IMPORTED for _, s in found):
        return ""
    return key_of(sys.version, *((name, s.st_mtime_ns, s.st_size) for name, s in found))


_IMPORTED: Final = time.time_ns()
