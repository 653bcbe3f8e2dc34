"""The exports of services, and what each of their lines means."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cinefold.profiles.importing import ImportFileError, read_export
from tests.profiles.importing.exports import (
    IMDB,
    RATED,
    WATCHED,
    archive,
    imdb,
    letterboxd,
    movies,
    problems,
    table,
)


def test_letterboxd():
    export = read_export(RATED)
    assert (export.format, export.highest, export.unrated) == ("Letterboxd", 5, "seen")
    assert movies(export) == [("The Golden Comet", 1952, 4.5), ("Élan & Raison", 1988, 3)]
    assert export.lines[0].rated_at == datetime(2024, 5, 1, tzinfo=UTC)
    assert [line.line for line in export.lines] == [2, 3]


def test_imdb():
    export = read_export(imdb(("tt0000101", 9, "The Golden Comet", "Movie", 1952)))
    assert (export.format, export.highest) == ("IMDb", 10)
    assert export.lines[0].imdb_id == "tt0000101"
    assert movies(export) == [("The Golden Comet", 1952, 9)]


@pytest.mark.parametrize(
    "kind",
    [
        *(
            "Movie",
            "movie",
            "Feature Film",
            "TV Movie",
            "tvMovie",
            "Short",
            "tvShort",
            "TV Special",
        ),
        *("tvSpecial", "video", "Documentary", "Film", "Fernsehfilm", "Spielfilm", "Kurzfilm"),
        *("Téléfilm", "Court métrage", "Película", "Película de TV", "Film per la TV", "Filme"),
        *(
            "Telefilme",
            "Cortometraggio",
            "Curta-metragem",
            "film",
            "Фильм",
            "映画",
            "电影",
            "फ़िल्म",
            "",
        ),
    ],
)
def test_kinds_of_movies(kind):
    assert problems(read_export(imdb(("tt1", 7, "Soup", kind, 1970)))) == [""]


@pytest.mark.parametrize(
    "kind",
    [
        *("TV Series", "tvSeries", "Mini-Series", "TV Mini Series", "tvMiniSeries", "TV Episode"),
        *("tvEpisode", "tvPilot", "tv", "show", "season", "episode", "Video Game", "videoGame"),
        *("Music Video", "musicVideo", "Podcast Series", "podcastEpisode", "person", "Book"),
        *("Fernsehserie", "Miniserie", "Folge", "Videospiel", "Musikvideo", "Série télévisée"),
        *("Épisode télévisé", "Jeu vidéo", "Serie TV", "Episodio TV", "Videogioco", "Videojuego"),
        *("Serie de TV", "Episodio de TV", "Série de TV", "Minissérie de televisão", "Jogo"),
        *("seriál", "مسلسل"),
        *("serial", "odcinek", "gra", "Сериал", "テレビシリーズ", "电视剧", "टीवी सीरीज़"),
    ],
)
def test_kinds_that_are_no_movies(kind):
    export = read_export(imdb(("tt1", 7, "Soup", kind, 1970)))
    assert problems(export) == [f"not a movie but: {kind}"]


def test_an_imdb_list_was_not_seen():
    header = ("Position", *IMDB)
    row = (1, "tt0000101", "", "", "The Golden Comet", *[""] * 2, "Movie", *[""] * 2, 1952)
    export = read_export(table(header, row))
    assert export.unrated == "wanted"
    assert movies(export) == [("The Golden Comet", 1952, None)]


def test_the_older_export_of_imdb():
    header = (
        *("position", "const", "created", "modified", "description", "Title", "Title type"),
        *("Directors", "You rated", "IMDb Rating", "Runtime (mins)", "Year", "Genres"),
        *("Num. Votes", "Release Date (month/day/year)", "URL"),
    )
    row = (
        *("1", "tt0000101", "Sun Mar  1 00:00:00 2015", "", "", "The Golden Comet", "Feature Film"),
        *("Somebody", "9", "8.1", "98", "1952", "drama", "500", "1952-03-08", "http://x/"),
    )
    (line,) = read_export(table(header, row)).lines
    assert (line.imdb_id, line.rating, line.year) == ("tt0000101", 9, 1952)
    assert line.rated_at == datetime(2015, 3, 1, tzinfo=UTC)


SERVICES = {
    "TMDb": (
        "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,"
        "Date Rated",
        "11,tt0000101,movie,The Golden Comet,1952-03-08T00:00:00Z,,,7.9,9.0,2022-09-20T00:00:00Z",
        "11,tt9,tv,The Golden Comet,1952-04-15T00:00:00Z,,,8.3,4.0,2022-09-21T00:00:00Z",
    ),
    "Trakt": (
        "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,released,"
        "season_number,episode_number,episode_title,genres,rating",
        "2021-03-22T06:33:24.000Z,movie,The Golden Comet,1952,8.1,4,tt0000101,11,,u,,,,,,9",
        "2021-03-22T06:33:24.000Z,episode,The Comets,2008,8.1,4,tt9,11,8,u,,7,7,One,drama,9",
    ),
    "Simkl": (
        "SIMKL_ID,Title,Type,Year,Watchlist,LastEpWatched,WatchedDate,Rating,Memo,TVDB,TMDB,IMDB",
        "1,The Golden Comet,movie,1952,completed,,2021-01-01,9,,,11,tt0000101",
        "2,The Golden Comet,anime,1952,watching,s1e2,2021-01-01,9,,,11,",
        "3,Soup,movie,1952,plan to watch,,,,,,12,",
    ),
    "Filmweb": (
        "movieId,title,year,fullRate,voteCount,userVote,voteDate",
        "8,The Golden Comet,1952,7.5,100,9,2021-01-01",
    ),
    "Criticker": (
        "Rating,Film Name,Year,IMDB ID,URL",
        "90,The Golden Comet,1952,tt0000101,https://www.criticker.com/film/x/",
        "80,The Comets,1952,tt0000111_s1,https://www.criticker.com/tv/x/",
    ),
    "Letterboxd": (
        "Date,Name,Year,Letterboxd URI,Rating",
        "2021-01-01,The Golden Comet,1952,u,4.5",
    ),
    "a table for Letterboxd": ("Title,Year,Rating10", "The Golden Comet,1952,9"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_what_services_write(service):
    export = read_export("\n".join(SERVICES[service]).encode())
    first, *others = export.lines
    assert export.format == service
    assert (first.title, first.year, first.problem) == ("The Golden Comet", 1952, "")
    assert first.rating == pytest.approx(0.9 * export.highest)
    assert first.movie_id is None
    assert all(line.problem for line in others)


def test_another_export_of_filmweb_has_polish_titles():
    content = (
        '"duration_min","year","timestamp","user_vote","original_title","pl_title","link"\n'
        '"105","1958-03-15","1594412058","9","La Gare oubliée","Stacja","https://f/film/x"\n'
        '"105","1958-03-15","1594412058","9","","Stacje","https://f/serial/x"\n'
    )
    first, second = read_export(content.encode()).lines
    assert (first.title, first.other_titles, first.year) == ("Stacja", ("La Gare oubliée",), 1958)
    assert first.rated_at == datetime(2020, 7, 10, 20, 14, 18, tzinfo=UTC)
    assert second.problem == "not a movie but: serial"


def test_people_of_imdb_are_no_movies():
    content = b"Position,Const,Name,Known For\n1,nm0000001,Some Body,Soup\n"
    assert problems(read_export(content)) == ["not a movie but: person"]


def test_a_list_of_letterboxd_has_a_banner():
    content = (
        b"Letterboxd list export v7\nDate,Name,Tags,URL,Description\n"
        b'2021-11-06,My List,best,https://boxd.it/l,"One,\ntwo"\n\n'
        b"Position,Name,Year,URL,Description\n1,The Golden Comet,1952,https://boxd.it/a,\n"
    )
    export = read_export(content)
    assert (export.format, export.unrated) == ("Letterboxd list", "wanted")
    assert movies(export) == [("The Golden Comet", 1952, None)]
    with pytest.raises(ImportFileError, match=r"no line with its columns, .* Position"):
        read_export(b"Letterboxd list export v7\nDate,Name\n2021,Mine\n")


@pytest.mark.parametrize("folder", ["deleted", "orphaned", "lists", "likes", "me/Deleted"])
def test_what_was_taken_back_is_not_imported(folder):
    with pytest.raises(ImportFileError, match="folders such as deleted"):
        read_export(archive({f"{folder}/ratings.csv": RATED, "profile.csv": b"a\n"}))


def test_an_archive_of_two_accounts_is_not_guessed_about():
    with pytest.raises(ImportFileError, match=r"may be meant: a/ratings\.csv, b/ratings\.csv"):
        read_export(archive({"a/ratings.csv": RATED, "b/ratings.csv": RATED}))


def test_the_archive_of_letterboxd():
    watched = table(
        WATCHED,
        ("2024-01-01", "The Golden Comet", 1952, "u"),
        ("2024-01-01", "Double Bill", 1993, "u"),
    )
    members = {
        "profile.csv": b"Username\nme\n",
        "deleted/ratings.csv": letterboxd(("Deleted", 1999, 1)),
        "__MACOSX/ratings.csv": b"\x00\x05",
        "ratings.csv": RATED,
        "watched.csv": watched,
    }
    export = read_export(archive(members))
    assert [(line.file, line.title, line.rating) for line in export.lines] == [
        ("ratings.csv", "The Golden Comet", 4.5),
        ("ratings.csv", "Élan & Raison", 3),
        ("watched.csv", "The Golden Comet", None),
        ("watched.csv", "Double Bill", None),
    ]
    packed_again = {f"letterboxd-me/{name}": data for name, data in members.items()}
    assert read_export(archive(packed_again)).lines == export.lines


def test_a_watchlist_was_not_seen():
    content = table(WATCHED, ("2024-01-01", "Double Bill", 1993, "u"))
    assert read_export(content, name="watched.csv").unrated == "seen"
    assert read_export(content, name="watchlist.csv").unrated == "wanted"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("TMDb ID,Type,Name,Release Date,Rating", "11,movie,The Golden Comet,1952-03-08,7.9"),
        ("listed_at,type,title,year,trakt_id", "2020-01-01,movie,The Golden Comet,1952,1"),
    ],
)
def test_other_watchlists_were_not_seen_either(header, row):
    export = read_export(f"{header}\n{row}\n".encode())
    assert (export.unrated, movies(export)) == ("wanted", [("The Golden Comet", 1952, None)])


def test_movielens_with_ids_alone_and_times():
    export = read_export(b"userId,movieId,rating,timestamp\n7,1,4.0,964982703\n7,8,2.5,\n")
    assert (export.format, export.highest) == ("MovieLens", 5)
    assert [(line.movie_id, line.rating) for line in export.lines] == [("1", 4), ("8", 2.5)]
    assert export.lines[0].rated_at == datetime(2000, 7, 30, 18, 45, 3, tzinfo=UTC)


def test_titles_as_movielens_writes_them():
    content = table(("movieId", "title", "rating"), (1, "Golden Comet, The (1952)", 4))
    assert movies(read_export(content)) == [("The Golden Comet", 1952, 4)]
