"""The records of library routines: importing this package puts all of them into the table."""

from chainrule.ir.routines import ordering

__all__ = ["ordering"]
