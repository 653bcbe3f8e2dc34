"""How long ratings from elsewhere take to read and to match.

    python -m benchmarks.importing                  # 50,000 lines, catalogues of 1,682 and 87,585
    python -m benchmarks.importing --lines 5000 --movies 27278

Movies are invented, as many as MovieLens 100K and 32M have. Four files in the form of Letterboxd
are imported: of movies that are all known, of movies of which a third have a typing error, of
movies that are all unknown, and the last without years, where only the first
letter narrows down what is alike.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from typing import TYPE_CHECKING

import numpy as np

from cinefold.datasets import Movie, MovieCatalog
from cinefold.profiles.importing import read_export, review

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Row = tuple[str, int | str]

LINES, MOVIES = 50_000, (1_682, 87_585)
_N_WORDS, _FIRST_YEAR, _LAST_YEAR = 12_000, 1915, 2023
_SYLLABLES = ("ba", "co", "del", "er", "fi", "gan", "ho", "il", "ka", "lo", "mor", "ne", "ri", "su")


class World:
    """Invented movies, and the titles that people write for them."""

    def __init__(self, n_movies: int, seed: int = 0) -> None:
        self._generator = np.random.default_rng(seed)
        parts = self._generator.choice(_SYLLABLES, (_N_WORDS, 4))
        lengths = self._generator.integers(2, 5, _N_WORDS)
        self._words = ["".join(part[:n]) for part, n in zip(parts, lengths, strict=True)]
        self.movies = [
            Movie(number, self._title(), self._year()) for number in range(1, n_movies + 1)
        ]

    def _title(self) -> str:
        # Half of all words are of the 2 % that titles like best, as with "love" and "night".
        n = int(self._generator.integers(1, 6))
        places = (_N_WORDS * self._generator.random(n) ** 5.6).astype(int)
        return " ".join(self._words[place] for place in places).capitalize()

    def _year(self) -> int:
        """More of them lately."""
        share = np.sqrt(self._generator.random())
        return _FIRST_YEAR + int(share * (_LAST_YEAR - _FIRST_YEAR))

    def known(self, n_lines: int) -> Iterator[Row]:
        for place in self._generator.integers(0, len(self.movies), n_lines):
            yield self.movies[place].title, self.movies[place].year or ""

    def mistyped(self, n_lines: int) -> Iterator[Row]:
        for title, year in self.known(n_lines):
            place = int(self._generator.integers(0, 3 * len(title)))
            yield title[:place] + title[place + 1 :], year

    def unknown(self, n_lines: int) -> Iterator[Row]:
        for _ in range(n_lines):
            yield f"{self._title()} {self._title()}", self._year()

    def without_years(self, n_lines: int) -> Iterator[Row]:
        for title, _ in self.unknown(n_lines):
            yield title, ""


KINDS: dict[str, Callable[[World, int], Iterator[Row]]] = {
    "known": World.known,
    "a third mistyped": World.mistyped,
    "unknown": World.unknown,
    "unknown, no years": World.without_years,
}


def letterboxd(rows: Iterator[Row]) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(("Date", "Name", "Year", "Letterboxd URI", "Rating"))
    writer.writerows(("2024-05-01", *row, "https://boxd.it/x", 3.5) for row in rows)
    return file.getvalue().encode()


def measure(content: bytes, catalog: MovieCatalog) -> dict[str, float]:
    """Seconds, and shares of lines found, to be checked and missed."""
    start = time.perf_counter()
    export = read_export(content)
    read = time.perf_counter()
    result = review(export, catalog)
    result.ratings()
    end = time.perf_counter()
    n_lines = max(1, len(result.lines))
    return {
        "read": read - start,
        "match": end - read,
        "found": (len(result.matched) + len(result.repeated)) / n_lines,
        "to check": len(result.to_check) / n_lines,
        "missed": len(result.missed) / n_lines,
    }


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.importing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--movies", type=int, nargs="+", default=MOVIES)
    options = parser.parse_args(words)
    print("| movies | lines | read, s | match, s | found | to check | missed |")
    print("|---|---|---|---|---|---|---|")
    for n_movies in options.movies:
        world = World(n_movies)
        catalog = MovieCatalog(world.movies)
        for name, rows in KINDS.items():
            measured = measure(letterboxd(rows(world, options.lines)), catalog)
            seconds = " | ".join(f"{measured[what]:.1f}" for what in ("read", "match"))
            shares = " | ".join(f"{measured[what]:.0%}" for what in ("found", "to check", "missed"))
            print(f"| {n_movies:,} | {options.lines:,} {name} | {seconds} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
