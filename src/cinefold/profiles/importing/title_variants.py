"""Other ways to write a title, as plain names: see `cinefold.datasets.titles`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cinefold.datasets.titles import plain

_SEGMENTS = re.compile(r":\s|\s-\s|\s–\s|\sor:\s", re.IGNORECASE)
_ANY_ARTICLE = frozenset(("the", "a", "an", "la", "le", "les", "el", "il", "der", "die", "das"))
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "v": "5", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}
_CARDINALS = "one two three four five six seven eight nine ten eleven twelve"
_WORDS = {word: str(n) for n, word in enumerate(_CARDINALS.split(), start=1)}
_NUMERALS = _ROMAN | _WORDS | {"first": "1", "second": "2"}
_MOST_WORDS = 12


def loose(name: str) -> str:
    """A name without articles and spaces, its numerals as digits."""
    words = [_NUMERALS.get(word, word) for word in name.split() if word not in _ANY_ARTICLE]
    return "".join(words) or name


def title_parts(title: str) -> Iterator[str]:
    """Before and after a colon or dash, "Star Wars: Episode IV - A New Hope"; the first words."""
    segments = [plain(part) for part in _SEGMENTS.split(title)]
    if len(segments) > 1:
        yield from filter(None, segments)
    words = plain(title).split()
    yield from (" ".join(words[:end]) for end in range(2, min(len(words), _MOST_WORDS)))


def numerals_in(name: str) -> list[str]:
    """The numbers of a name, as digits, sorted."""
    words = (_NUMERALS.get(word, word) for word in name.split())
    return sorted(word for word in words if word.isdecimal())
