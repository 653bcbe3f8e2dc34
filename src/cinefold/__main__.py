"""``python -m cinefold`` is the command line."""

from cinefold.cli import main

main()
