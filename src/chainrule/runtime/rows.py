"""Short arrays block by block: from a Tensor to the Tensor of all blocks in one call."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from chainrule.runtime.call_code import ONE, maker
from chainrule.runtime.calling import Holder
from chainrule.runtime.filling import Filling
from chainrule.runtime.matching import words_of
from chainrule.runtime.native import ARRAY_HEADER, plain
from chainrule.runtime.row_text import ROWS
from chainrule.runtime.shelves import LEAST, shelf
from chainrule.runtime.team_calls import FILL

__all__ = ["rows_of"]

Array = np.ndarray[Any, Any]
_MADE: Final = 17  # results of up to 2¹⁷ bytes have memory of shelves
_READ: Final = 1 << 19  # bytes of an array for which the interpreter may wait


def rows_of(fill: Filling, fixed: Sequence[Array], given: Array, holder: Holder) -> Any:
    """What fills arrays as a function of what holds an array like this one, of any number of rows.

    It gives NotImplemented where it is given something else, or where something fails: the caller
    goes another way. It is None where there can be no such function.

    Cost:  1 µs beside the program.
    """
    make = maker("rows", ONE)
    if make is None or fill.moving != 1:
        return None
    program, sizes, fixed = fill.program, words_of(given.shape), [plain(a) for a in fixed]
    assert program.record is not None
    frame, job = program.frame(), fill.new_job(fixed)
    cell, row = words_of([0]), given.strides[0]
    words, first = job.words, len(FILL)
    words[FILL.index("rest")] = words[FILL.index("step")]
    words[first + 1] = ctypes.addressof(cell) - ARRAY_HEADER
    words[first + 2] = row * fill.height
    made_sizes = words_of([0, *fill.rest])
    shelves = words_of([shelf(1 << k) for k in range(LEAST, _MADE + 1)])
    most = min((1 << _MADE) // max(fill.width, 1), _READ // max(row, 1))
    fields = {
        "holder": id(holder.kind), "value": holder.value, "node": holder.node,
        "recording": holder.recording, "none": id(None), "array": id(np.ndarray),
        "refused": id(NotImplemented),
        "dtype": id(given.dtype), "axes": given.ndim, "sizes": ctypes.addressof(sizes),
        "height": fill.height, "most": most, "row": row, "made_dtype": id(fill.dtype),
        "made_axes": len(made_sizes), "made_sizes": ctypes.addressof(made_sizes),
        "width": fill.width, "shelves": ctypes.addressof(shelves),
        "job": job.place, "cell": ctypes.addressof(cell), "table": frame.place,
        "status": len(program.template), "record": ctypes.addressof(program.record),
    }  # fmt: skip
    own = words_of([fields[name] for name in ROWS])
    alive = own, sizes, made_sizes, shelves, cell, frame, job, fill, fixed, given.dtype, holder
    return make((ctypes.addressof(own), alive))
