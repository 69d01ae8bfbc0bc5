"""The command line: ``chainrule COMMAND``, one file per command.

Only the standard library is imported here: what a command needs, it loads when it runs, so that
``chainrule --help`` answers at once.
"""

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 misused, 130 or 143 interrupted."""
    for stream in (sys.stdout, sys.stderr):  # a name of a folder may not fit the user's encoding
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")

    try:
        from chainrule.cli.commands import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))
