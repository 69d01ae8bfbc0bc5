"""The command line: ``chainrule COMMAND``, one file per command.

Only the standard library is imported here: what a command needs, it loads when it runs, so that
``chainrule --help`` answers at once.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 misused, 130 or 143 interrupted."""
    from chainrule.cli.commands import run

    sys.exit(run(sys.argv[1:]))
