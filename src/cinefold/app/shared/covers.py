"""A cover for every movie: its title set in type, coloured by its genres."""

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
_WIDTH, _HEIGHT = 100, 150
_LEFT, _TOP, _WIDE, _HIGH = 12, 16, 76, 98  # of the title
_SIZES = (23, 21, 19, 17, 15, 13.5, 12, 11, 10, 9, 8, 7)
_LEADING = 1.18
# Widths of letters in ems, of a serif's bold or a little more.
_NARROW, _BROAD, _USUAL, _CAPITAL = 0.38, 0.95, 0.6, 0.78
_WIDE_SCRIPTS = "\u1100"  # from here on (CJK and others) a letter may take its whole square


def cover(movie: Movie) -> str:
    """An SVG of 2 by 3; all that is written stays within its frame."""
    colour, second = _colour(movie.genres[:1]), _colour(movie.genres[1:2] or movie.genres[:1])
    size, lines = _set(" ".join(movie.title.split()) or "?")
    begin = _TOP + (_HIGH - size * _LEADING * len(lines)) / 2 + size * 0.92
    title = "".join(
        _text(line, begin + size * _LEADING * number, size, "bold", "Georgia,serif")
        for number, line in enumerate(lines)
    )
    year = "" if movie.year is None else _text(str(movie.year), 135, 12, "normal", "sans-serif")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="100" '
        f'height="150"><rect width="100" height="150" rx="6" fill="{colour}"/>'
        f'<path d="M0 120 L100 112 V144 Q100 150 94 150 H6 Q0 150 0 144 Z" fill="{second}"/>'
        '<path d="M0 120 L100 112" stroke="#fff" stroke-opacity=".45"/>'
        f'<g fill="#fff" text-anchor="middle">{title}{year}</g></svg>'
    )


def _colour(genres: tuple[str, ...]) -> str:
    genre = genres[0] if genres else ""
    return _COLOURS.get(genre) or _OTHERS[sum(genre.encode()) % len(_OTHERS)]


def _text(text: str, y: float, size: float, weight: str, family: str) -> str:
    """One line that is as wide as it was planned, whatever font the browser has."""
    return (
        f'<text x="50" y="{y:.1f}" font-family="{family}" font-weight="{weight}" '
        f'font-size="{size:g}" textLength="{_ems(text) * size:.1f}" '
        f'lengthAdjust="spacingAndGlyphs">{escape(text)}</text>'
    )


def _set(title: str) -> tuple[float, list[str]]:
    """The largest size in which the title has room, and its lines."""
    for size in _SIZES:
        lines = _lines(title, _WIDE / size)
        whole = all(_ems(word) * size <= _WIDE for word in title.split())
        if len(lines) * size * _LEADING <= _HIGH and (whole or size == _SIZES[-1]):
            return size, lines
    fitting = int(_HIGH / (size * _LEADING))
    return size, [*lines[: fitting - 1], f"{lines[fitting - 1][:-1].rstrip()}…"]


def _lines(title: str, ems: float) -> list[str]:
    """The title in lines of at most so many ems; words that are longer are cut."""
    lines = [""]
    for word in title.split():
        rest = word
        if lines[-1] and _ems(f"{lines[-1]} {rest}") > ems:
            lines.append("")
        elif lines[-1]:
            rest = f" {rest}"
        for letter in rest:
            if lines[-1] and _ems(lines[-1] + letter) > ems:
                lines.append("")
            lines[-1] += letter
    return lines


def _ems(text: str) -> float:
    return sum(map(_letter, text))


def _letter(letter: str) -> float:
    if letter >= _WIDE_SCRIPTS:
        return 1.0
    if letter in "mwMW@%&—":
        return _BROAD
    if letter in "iljtfrI1.,:;'!|()[] -":
        return _NARROW
    return _CAPITAL if letter.isupper() else _USUAL
