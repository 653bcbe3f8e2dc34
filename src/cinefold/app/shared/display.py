"""Data as text that Streamlit shows as it is, and how ratings and numbers are written."""

import re
import string
from urllib.parse import quote

from cinefold.datasets import Movie

_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
# What Streamlit turns into emoji, icons, arrows and links only after Markdown has been read, where
# a backslash has no say. An invisible word joiner between the characters keeps them apart.
_LATE = re.compile(r"(?<=[:@])(?=[\w/+-])|(?<=www)(?=\.)|(?<=[<>~-])(?=[<>=-])", re.IGNORECASE)
_WORD_JOINER = "\u2060"
# What has no shape, and what turns the direction of all that follows.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def literal(text: str) -> str:
    """Markdown that shows `text`, on one line, exactly as it is."""
    line = _CONTROLS.sub("\ufffd", " ".join(text.split()))
    line = _LATE.sub(_WORD_JOINER, line)
    return _PUNCTUATION.sub(r"\\\1", line)


def link(movie: Movie, emphasis: str = "*") -> str:
    """The title of a movie as Markdown, and a link to its page."""
    address = f"movie?movie={quote(str(movie.id), safe='')}"
    return f"[{emphasis}{literal(movie.title)}{emphasis}]({address})"


def title(movie: Movie) -> str:
    """Title and year of a movie as Markdown: the title bold, and a link to the movie's page."""
    year = "" if movie.year is None else f" :gray[{movie.year}]"
    return link(movie, "**") + year


def genres(movie: Movie) -> str:
    """The genres of a movie, as Markdown."""
    return literal(", ".join(movie.genres))


def genre_badges(movie: Movie) -> str:
    """The genres of a movie as Markdown badges."""
    return " ".join(f":gray-badge[{literal(genre)}]" for genre in movie.genres)


def stars(rating: float) -> str:
    """ "★★★½" for 3.5; "½" for half a star, "no stars" for 0."""
    whole, half = divmod(round(2 * rating), 2)
    return "★" * whole + "½" * half or "no stars"


def counted(number: int, noun: str) -> str:
    """ "1 movie", "1,200 movies"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
