"""How many threads the linear algebra uses."""

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


def use_threads(count: int) -> None:
    """Let the linear algebra use this many threads.

    A BLAS reads the environment when it is loaded. One that is loaded already is told directly,
    where it is an OpenBLAS and the system says where it lies (Linux).
    """
    for variable in _VARIABLES:
        os.environ[variable] = str(count)
    if "numpy" in sys.modules:
        for path in _loaded_openblas():
            library = ctypes.CDLL(path)
            for name in _SETTERS:
                if hasattr(library, name):
                    getattr(library, name)(ctypes.c_int(count))


def _loaded_openblas() -> set[str]:
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:
        return set()
    paths = {line.split(maxsplit=5)[-1] for line in lines if "openblas" in line}
    return {path for path in paths if path.startswith("/")}
