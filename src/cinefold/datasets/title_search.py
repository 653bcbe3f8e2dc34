"""Which movies have the words of a query in one of their titles."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise, takewhile
from typing import Any

from rapidfuzz import process
from rapidfuzz.distance import OSA

_NUMERALS = {
    name: str(number)
    for names in (
        "one two three four five six seven eight nine ten eleven twelve",
        "i ii iii iv v vi vii viii ix x xi xii",
    )
    for number, name in enumerate(names.split(), start=1)
}
_SMALL_WORDS = frozenset(("the", "a", "an", "of", "and", "in", "on", "to", "part", "episode"))
_SHORT, _LONG = 4, 9  # letters: from here on one typo (alone from one more), and two


class TitleIndex:
    """The words of titles, by which those are found that have all words of a query.

    A word fits another one that begins with it, or has one letter more, less, wrong or exchanged
    (two in long words), but not the first; a number fits itself alone, as digits, word or Roman
    numeral. So "alien 3" is not "Aliens", and "inception" nothing else.

    Parameters
    ----------
    titles : iterable of (movie id, plain title)
        A movie may have several.
    """

    def __init__(self, titles: Iterable[tuple[Any, str]]) -> None:
        self._movies: dict[str, set[Any]] = defaultdict(set)
        self._joined: dict[str, set[Any]] = defaultdict(set)  # "et" of "e t the extra terrestrial"
        for movie_id, title in titles:
            words = title.split()
            for word in words:
                self._movies[word].add(movie_id)
                if word in _NUMERALS:
                    self._movies[_NUMERALS[word]].add(movie_id)
            for one, other in pairwise(words):
                self._joined[one + other].add(movie_id)

    def shares(self, query: str) -> dict[Any, float]:
        """The share of the query's words that each movie has, from above 0 to 1."""
        words = query.split()
        telling = [word for word in words if word not in _SMALL_WORDS] or words
        counts: dict[Any, float] = defaultdict(float)
        for word in telling:
            for movie in self._with(word, alone=len(telling) == 1):
                counts[movie] += 1 / len(telling)
        for movie in self._movies.get("".join(words), ()):  # "good fellas"
            counts[movie] = 1.0
        return counts

    def _with(self, word: str, *, alone: bool) -> set[Any]:
        number = _NUMERALS.get(word, word)
        known = [word]
        if number.isdecimal():
            known = [word, number]
        if len(word) > 1 and not (word.isdecimal() and len(word) < _SHORT):
            begin = bisect_left(self._words, word)
            known += takewhile(lambda other: other.startswith(word), self._words[begin:])
        if not (number.isdecimal() or len(word) < _SHORT + alone):
            known += self._misspelled(word)
        found = set(self._joined.get(word, ()))
        return found.union(*(self._movies.get(other, ()) for other in known))

    def _misspelled(self, word: str) -> list[str]:
        most = 1 if len(word) < _LONG else 2
        near = process.extract(
            word,
            self._by_letter.get(word[0], ()),
            scorer=OSA.distance,
            score_cutoff=most,
            limit=None,
        )
        return [other for other, _, _ in near if not other.isdecimal()]

    @cached_property
    def _words(self) -> list[str]:
        return sorted(self._movies)

    @cached_property
    def _by_letter(self) -> dict[str, Sequence[str]]:
        words: dict[str, list[str]] = defaultdict(list)
        for word in self._words:
            words[word[0]].append(word)
        return dict(words)
