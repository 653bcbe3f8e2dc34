"""What kind of thing a line is: exports list series, games and people beside movies."""

from __future__ import annotations

import re

# Parts of words, in the languages that IMDb and the services of some countries write, and as they
# are in code: "tvMiniSeries", "Série télévisée", "Fernsehfolge", "serial".
_SERIES = re.compile(
    r"s[eé]ri[eaá]|serij|folge|[eéè]pis[oó]d|season|staffel|saison|temporada|stagion|se[sz]on|show"
    r"|tv\W*(program|pilot)|sendung|odcinek|aflevering|dizi|sorozat|telenovela|podcast"
    r"|сериал|серия|эпизод|сезон|シリーズ|エピソード|シーズン|电视剧|電視劇|剧集|劇集|季|시리즈|드라마|مسلسل"
    r"|सीरीज|सीरीज़|एपिसोड",
    re.IGNORECASE,
)
_MOVIE = re.compile(
    r"film|movie|feature|\bshort|tvshort|pel[ií]cula|cortometra|court|curta|documenta|dokument"
    r"|special|^video$|фильм|кино|映画|电影|電影|영화|फ़िल्म|फिल्म|फ़िल्म",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"game|spiel|juego|\bjeux?\b|gioco|giochi|jogo|\bgra\b|\bspel\b|игра|ゲーム|游戏|遊戲|게임|गेम"
    r"|music(?!al$)|musik|v[ií]d[eé]o music|clip|song|album|soundtrack|book|buch|livre|libro|livro"
    r"|książka|книга|书|書|manga|comic|novel|person|people|actor|actress|director|character"
    r"|compan|network|\blist\b|\buser|review|comment|^tv$|televis|t[eé]l[eé]vis|fernseh",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"/(tv|serials?|tvshows?|shows?|series|seasons?|videogames?|games?|books?)/")
_IMDB_OTHERS = {"nm": "person", "co": "company", "li": "list", "ev": "event", "ch": "character"}
_LONGEST = 40


def kind_of(named: str, *, address: str = "", const: str = "", part: str = "") -> tuple[str, bool]:
    """What a line is if no movie, else an empty text; and whether it says itself that it is one.

    Parameters
    ----------
    named : str
        The kind as the export names it: "TV Series", "movie", "Spielfilm"; may be empty.
    address : str
        Its page.
    const : str
        Its IMDb id.
    part : str
        Number of a season or an episode.
    """
    if _SERIES.search(named):
        return named[:_LONGEST], False
    if _MOVIE.search(named):
        return "", True
    if _OTHER.search(named):
        return named[:_LONGEST], False
    if const[:2] in _IMDB_OTHERS and const[2:].isdecimal():
        return _IMDB_OTHERS[const[:2]], False
    if re.fullmatch(r"tt\d+_s\d+", const) or part.strip("0"):
        return "a part of a series", False
    if found := _ADDRESS.search(address):
        return found[1], False
    return "", False
