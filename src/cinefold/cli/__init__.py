"""The command line: ``cinefold``.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done; 1 the
data, a file or the app could not be had; 2 wrong input, said in one line; 130 ended by Ctrl-C.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit."""
    try:
        # Here, so that Ctrl-C while it loads ends quietly too.
        from cinefold.cli.commands import run

        sys.exit(run())
    except KeyboardInterrupt:
        sys.exit(130)
