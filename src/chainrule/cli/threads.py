"""How many threads a command computes with."""

import ctypes
import os
import sys
from pathlib import Path

__all__ = ["use_threads"]

_VARIABLES = (
    *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)
_SETTERS = (
    *("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"),
    *("openblas_set_num_threads64_", "openblas_set_num_threads"),
)


def use_threads(count: int | None, linear_algebra: int = 1) -> None:
    """Let native programs use this many threads, and the linear algebra of NumPy so many.

    None is as many as CHAINRULE_THREADS says, or one for each processor. What native programs
    compute has the same bits for any number; with BLAS they depend on it, so it has one thread
    unless it is what does the work.
    """
    if count is not None:
        os.environ["CHAINRULE_THREADS"] = str(count)
    _tell_blas(linear_algebra)


def _tell_blas(count: int) -> None:
    """A BLAS reads the environment when it is loaded; one that is loaded already is told directly.

    That is where it is an OpenBLAS and the system says where it lies (Linux).
    """
    for variable in _VARIABLES:
        os.environ[variable] = str(count)
    if "numpy" in sys.modules:
        for path in _loaded_openblas():
            library = ctypes.CDLL(path)
            for setter in filter(None, (getattr(library, name, None) for name in _SETTERS)):
                setter(ctypes.c_int(count))


def _loaded_openblas() -> set[str]:
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    paths = {line.split(maxsplit=5)[-1] for line in lines if "openblas" in line}
    return {path for path in paths if path.startswith("/")}
