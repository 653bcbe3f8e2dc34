"""A cover for every movie: its title set in type, coloured by its genres."""

import textwrap
from html import escape

from cinefold.datasets import Movie

# Dark enough for white letters of any size (4.5 to 1 and more).
_COLOURS = {
    "Action": "#a3341f",
    "Adventure": "#8a5208",
    "Animation": "#0b6d78",
    "Children": "#1f6f4a",
    "Children's": "#1f6f4a",
    "Comedy": "#8f5a00",
    "Crime": "#4a3b52",
    "Documentary": "#4d6166",
    "Drama": "#8c2f45",
    "Fantasy": "#6b3fa0",
    "Film-Noir": "#2f3136",
    "Horror": "#5c1022",
    "IMAX": "#285f8f",
    "Musical": "#a0276b",
    "Mystery": "#3b4a7a",
    "Romance": "#b02a5b",
    "Sci-Fi": "#1f4f8f",
    "Thriller": "#38424f",
    "War": "#56602f",
    "Western": "#7d4a26",
}
_OTHERS = ("#474257", "#30638e", "#00606b", "#5f478c", "#4c6b2f", "#8a3b12")
_WIDE, _HIGH = 76, 98  # of the title
_SIZES = (23, 21, 19, 17, 15, 13.5, 12, 11, 10, 9, 8, 7)
_LEADING = 1.18
# Widths of letters in ems, of a serif's bold or a little more.
_NARROW, _BROAD = "fijlrtI1.,:;'!|()[]- ", "mwMW@%&—"
_SQUARE_SCRIPTS = "\u1100"  # from here on (CJK and others) a letter may take its whole square


def cover(movie: Movie) -> str:
    """An SVG of 2 by 3; the browser breaks the title into lines, all of them within its frame."""
    colour, second = _colour(movie.genres[:1]), _colour(movie.genres[1:2] or movie.genres[:1])
    title = " ".join(movie.title.split()) or "?"
    longest, letter = max(map(_ems, title.split())), _ems(title) / len(title)

    def fits(size: float) -> bool:
        n_letters = max(int(_WIDE / (size * letter)), 1)  # of a line
        n_lines = len(textwrap.wrap(title, n_letters, break_on_hyphens=False))
        return longest * size <= _WIDE and n_lines * size * _LEADING <= _HIGH

    size = next(filter(fits, _SIZES), _SIZES[-1])
    lines = int(_HIGH / (size * _LEADING))
    year = "" if movie.year is None else movie.year
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 150" width="100" height="150">'
        f'<rect width="100" height="150" rx="6" fill="{colour}"/>'
        f'<path d="M0 120 L100 112 V144 Q100 150 94 150 H6 Q0 150 0 144 Z" fill="{second}"/>'
        '<path d="M0 120 L100 112" stroke="#fff" stroke-opacity=".45"/>'
        f'<foreignObject x="12" y="16" width="{_WIDE}" height="{_HIGH}">'
        '<div xmlns="http://www.w3.org/1999/xhtml" style="display:grid;height:100%;'
        "place-content:center;text-align:center;color:#fff;overflow-wrap:anywhere;"
        f'font:bold {size:.1f}px/{_LEADING} Georgia,serif"><div style="display:-webkit-box;'
        f'-webkit-box-orient:vertical;-webkit-line-clamp:{lines};overflow:hidden">{escape(title)}'
        '</div></div></foreignObject><text x="50" y="135" fill="#fff" text-anchor="middle" '
        f'font-family="sans-serif" font-size="12">{year}</text></svg>'
    )


def _ems(text: str) -> float:
    return sum(map(_letter, text))


def _letter(letter: str) -> float:
    if letter in _BROAD or letter >= _SQUARE_SCRIPTS:
        return 1.0
    if letter in _NARROW:
        return 0.38
    return 0.78 if letter.isupper() else 0.6


def _colour(genres: tuple[str, ...]) -> str:
    genre = genres[0] if genres else ""
    return _COLOURS.get(genre) or _OTHERS[sum(genre.encode()) % len(_OTHERS)]
