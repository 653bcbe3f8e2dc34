"""The command line: ``cinefold``.

Results go to standard output, progress and messages to standard error. Exit codes: 0 done; 1 the
data, a file or the app could not be had; 2 wrong input, said in one line; 130 ended by Ctrl-C.
"""

from cinefold.cli.main import main

__all__ = ["main"]
