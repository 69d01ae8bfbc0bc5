"""The library routines, a file for each kind; importing this package fills the table."""

from chainrule.ir.routines import factorization, ordering, solving

__all__ = ["factorization", "ordering", "solving"]
