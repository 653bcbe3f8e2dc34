"""Movies in the formats of MovieLens, their ids elsewhere, and finding them."""

from __future__ import annotations

import contextlib

from cinefold.datasets import MovieCatalog
from cinefold.datasets.movielens_formats import FORMATS, read_links

_FLAGS = b"|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0"
SEEDS = [
    b"1|Toy Story (1995)|01-Jan-1995||http://example.com|" + _FLAGS[1:] + b"\n"
    b"2|Mis\xe9rables, Les (1995)|||" + _FLAGS + b"\n267|unknown||||1" + b"|0" * 18 + b"\n",
    "|".join(FORMATS["flags"].movie_columns).encode() + b"\n1|A|||" + _FLAGS,
    b"item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    b"1\tLast Galaxy, The\t1995\tSci-Fi War\n2\tunkonwn\tunkonwn\tunknown\n3\tA (1990)\tV\tWar\n",
    b"item_id:token\tmovie_title:token_seq\n1\tLast Galaxy, The\n",
    b"1::Last Galaxy, The (1995)::Adventure|Sci-Fi\n2::Name (Autre nom, L')::(no genres listed)\n",
    b'movieId,title,genres\r\n1,"Last Galaxy, The (1995)",Adventure|Sci-Fi\r\n2,"a ""b"""'
    b',War\r\n3,12" Vinyl,\r\n',
    b"\xef\xbb\xbfTITLE,YEAR,ID,NOTE\nHeat,1995.0,4,x\n",
    b"movieId,imdbId,tmdbId\n1,0114709,862\n2,tt0113497,\n3,,8844.0\n",
]  # fmt: skip


def check(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        read_links(data)
    for form in FORMATS.values():
        try:
            movies = form.read_movies(data)
        except ValueError:
            continue
        catalog = MovieCatalog(movies)
        for movie in movies[:3]:
            catalog.search(movie.title[:50], 3)
        assert sorted(catalog.ids.tolist()) == sorted(movie.id for movie in movies)
