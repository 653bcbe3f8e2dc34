"""A program that opens a store and rates; the tests start several at once.

    python -m tests.profiles.writer NAME NUMBER COUNT

waits until it is told on standard input, finds or makes the profile called NAME in the database
that CINEFOLD_DATABASE_URL names, and rates COUNT movies that only the writer with this NUMBER
rates, and one that all of them rate.
"""

from __future__ import annotations

import sys

from cinefold.profiles import ProfileNameError, ProfileStore

SHARED = "rated by all"


def main() -> None:
    name, number, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    print("ready", flush=True)
    sys.stdin.readline()
    with ProfileStore() as store:
        try:
            profile = store.create("ml-100k", name)
        except ProfileNameError:
            profile = store.find("ml-100k", name)
            assert profile is not None
        for index in range(count):
            store.rate(profile.id, number * count + index, 0.5 + index % 10 / 2)
            if index % 100 == 0:
                store.rate(profile.id, SHARED, 0.5 + number / 2)


if __name__ == "__main__":
    main()
