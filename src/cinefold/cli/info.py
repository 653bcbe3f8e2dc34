"""``cinefold info``."""

from __future__ import annotations

from cinefold._show_versions import environment, in_words
from cinefold.cli import options
from cinefold.cli.console import print_json, print_table


def info(as_json: options.AsJson = False) -> None:
    """Describe this installation and machine: what to add to a report of a fault.

    CINEFOLD_SIMD makes the core use another of the instruction sets that the machine has.
    """
    facts = environment()
    if as_json:
        print_json(facts)
        return
    print_table(("", ""), in_words(facts).items())
