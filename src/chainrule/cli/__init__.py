"""The command line: ``chainrule COMMAND``, one file per command.

Only the standard library is imported here: what a command needs, it loads when it runs, so that
``chainrule --help`` answers at once.
"""

import gc
import io
import sys

__all__ = ["main"]

_MANY = 250_000  # new objects after which to look for garbage


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 misused, 130 or 143 interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a name of a folder may not fit the user's encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    # What is imported stays: to look for garbage in it on the way takes a tenth of the imports'
    # time, and to do so at the end a tenth of a second.
    gc.set_threshold(_MANY)
    try:
        from chainrule.cli.commands import run
    except KeyboardInterrupt:
        sys.exit(130)
    code = run(sys.argv[1:])
    gc.freeze()
    sys.exit(code)
