"""The library routines, a file for each kind; importing this package fills the table."""

from chainrule.ir.routines import (
    factorization,
    least_squares,
    lu,
    matrix_functions,
    ordering,
    solving,
    spaces,
    spectrum,
)

__all__ = [
    "factorization",
    "least_squares",
    "lu",
    "matrix_functions",
    "ordering",
    "solving",
    "spaces",
    "spectrum",
]
