"""What fuzzing readers needs: damaged files, and a reading that is measured."""

import contextlib
import time
import tracemalloc

from hypothesis import strategies as st

from chainrule.errors import DataError

MEBIBYTE = 2**20


@st.composite
def damaged(draw, files):
    """One of the files with some bits flipped, then cut or with something appended."""
    data = bytearray(draw(st.sampled_from(files)))
    for place in draw(st.lists(st.integers(0, 8 * len(data) - 1), max_size=6)):
        data[place // 8] ^= 1 << place % 8
    return bytes(data[: draw(st.integers(0, len(data)))]) + draw(st.binary(max_size=4))


def read_quietly(reader, path, kinds=DataError, most=4 * MEBIBYTE):
    """Read a file, or get an error of these kinds, in bounded memory and time."""
    tracemalloc.start()
    begun = time.thread_time()
    try:
        with contextlib.suppress(kinds):
            reader(path)
        assert tracemalloc.get_traced_memory()[1] < most
        took = time.thread_time() - begun
        assert took < 60  # usually a tenth of a second, and never more than one
    finally:
        tracemalloc.stop()
