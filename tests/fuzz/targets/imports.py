"""Ratings that people exported elsewhere, and profiles as CSV."""

from __future__ import annotations

from cinefold.profiles import read_csv, write_csv
from cinefold.profiles.importing import ImportFileError, read_export, review, review_csv
from tests.profiles.importing.exports import archive, catalog, imdb, letterboxd, table

_RATED = letterboxd(("The Golden Comet", 1952, 4.5), ("Double Bill", 1993, ""), ("Soup", 1, "9/10"))
SEEDS = [
    _RATED,
    imdb(("tt0000101", 9, "The Golden Comet", "Movie", 1952), ("nm1", 1, "Élan", "tvSeries", 1988)),
    archive({"me/ratings.csv": _RATED, "me/watched.csv": _RATED[:90], "deleted/ratings.csv": b"a"}),
    b"Letterboxd list export v7\nDate,Name\n2021,\"a\n\"\n\nPosition,Name,Year,URL\n1,S,1970,u\n",
    b"TMDb ID,Type,Name,Release Date,Your Rating,Date Rated\n11,tv,Soup,1952-03,9.0,0001-01-01Z\n",
    b"Rating,Film Name,Year,IMDB ID\n90,The Golden Comet,1952,tt0000101\n5,Soup,1970,tt1_s1\n",
    b"SIMKL_ID,Title,Type,Year,Watchlist,Rating,TMDB\n1,Soup,anime,1970,plan to watch,,11.0\n",
    b"userId,movieId,rating,timestamp\n7,1,4.0,964982703\n7,8,2.5,\n",
    "sep=;\n\nTytuł;Rok;Ocena\n\"Élan, \"\"1\";1988;4,5\nGare, La;1958;80 %\n".encode("utf-16"),
    b"movie_id,title,year,rating,mark,time\n1,'=Soup,1970,4.5,,2024-05-31T12:00:00Z\n2,,,,seen,\n",
    review_csv(review(read_export(_RATED), catalog())).encode(),
    table(("title", "rating"), ("Double Bill (1993)", "★★★½"), ("\t-1", "4½")),
]  # fmt: skip
_CATALOG = catalog()


def check(data: bytes) -> None:
    """What is read is reviewed, written and read again as the same ratings, or refused."""
    try:
        found = review(read_export(data), _CATALOG)
    except ImportFileError:
        pass
    else:
        assert len(found.lines) == len(found.export.lines)
        written = review_csv(found)
        assert read_csv(written).stars == found.ratings()
        assert review(read_export(written.encode()), _CATALOG).ratings() == found.ratings()
    try:
        entries = read_csv(data)
    except ValueError:
        return
    assert read_csv(write_csv(entries)) == entries
