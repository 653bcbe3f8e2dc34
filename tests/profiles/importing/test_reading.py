"""From files to lines: formats, encodings, separators, and what can be wrong with a line."""

from __future__ import annotations

import codecs
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold.profiles import delimited_text
from cinefold.profiles.importing import ImportFileError, export_files, read_export
from tests.profiles.importing.exports import IMDB, WATCHED, archive, imdb, letterboxd, table

RATED = letterboxd(("The Golden Comet", 1952, 4.5), ("Élan & Raison", 1988, 3))


def movies(export):
    return [(line.title, line.year, line.rating) for line in export.lines]


def problems(export):
    return [line.problem for line in export.lines]


# -- formats --------------------------------------------------------------------------------------


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


def test_any_table_of_ratings():
    content = b"Titel;Jahr;Bewertung\nDouble Bill;1993;3,5\n"
    assert movies(read_export(content)) == [("Double Bill", 1993, 3.5)]


@pytest.mark.parametrize(
    ("ratings", "highest", "taken"),
    [
        ([1, 3.5, 5], 5, [1, 3.5, 5]),
        ([7, 2, 10], 10, [7, 2, 10]),
        ([55, 80], 100, [55, 80]),
        ([8], 10, [8]),
        ([], 5, []),
        ([5, 4.5, 2, 45], 5, [5, 4.5, 2, "the rating 45 is not from 0.5 to 5"]),
        (
            [4] * 38 + [9, 10],
            5,
            [4] * 38 + [f"the rating {n} is not from 0.5 to 5" for n in (9, 10)],
        ),
        ([4] * 36 + [9, 10], 10, [4] * 36 + [9, 10]),
        ([8, 9, 10, 95], 10, [8, 9, 10, "the rating 95 is not from 0.5 to 10"]),
        (["4,5", "3", "2,5"], 5, [4.5, 3, 2.5]),
        (["90%", "45 %", "100%"], 100, [90, 45, 100]),
        (["4/5", "8/10", "10/10"], 10, [8, 8, 10]),
        (["8/10", "4", "3.5", "5", "90%"], 5, [4, 4, 3.5, 5, 4.5]),
        (["9 out of 10", "11/10"], 10, [9, "the rating 11 is not from 0.5 to 10"]),
        (["★★★★½", "½", "3½", "2 stars", "★★☆☆☆"], 5, [4.5, 0.5, 3.5, 2, 2]),
        (["4/0", "5"], 5, ["the rating '4/0' is not a number", 5]),
        (["1e3", "4/5/2020", "1" * 400], 5, ["'1e3' is", "'4/5/2020' is", "not a number"]),
    ],
)
def test_the_scale_is_the_smallest_that_nearly_all_ratings_fit(ratings, highest, taken):
    export = read_export(table(("title", "rating"), *(("Soup", rating) for rating in ratings)))
    assert export.highest == highest
    assert len(export.lines) == len(taken)
    for line, expected in zip(export.lines, taken, strict=True):
        if isinstance(expected, str):
            assert expected in line.problem
        else:
            assert (line.rating, line.problem) == (pytest.approx(expected), "")


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Title,Year,Rating", "I, Robot,2004,3"),
        ("Rating,Title,Year", "3,I, Robot,2004"),
        ("Title,Rating,Year", "I, Robot,3,2004"),
        ("Rating,Title", "3,I, Robot"),
    ],
)
def test_a_comma_without_quotes_spoils_one_line_only(header, row):
    good = {"Title": "Soup", "Year": "1970", "Rating": "5"}
    lines = [",".join(good[name] for name in header.split(","))] * 3
    export = read_export("\n".join((header, *lines, row)).encode())
    assert export.highest == 5
    assert [bool(problem) for problem in problems(export)] == [False] * 3 + [True]


def test_a_scale_can_be_told():
    export = read_export(table(("title", "rating"), ("Soup", 4)), highest=10)
    assert (export.highest, problems(export)) == (10, [""])
    with pytest.raises(ValueError, match="above 0"):
        read_export(RATED, highest=0)


# -- how it is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_line_ends_and_separators(encoding, end, delimiter):
    text = table(("Title", "Year", "Rating"), ("Élan, & Raison", 1988, 4), delimiter=delimiter)
    content = text.decode().replace("\r\n", end).encode(encoding)
    assert movies(read_export(content)) == [("Élan, & Raison", 1988, 4)]


def test_western_windows_text():
    content = "title,rating\nÉlan – “Raison”,4\n".encode("cp1252")
    assert movies(read_export(content))[0][0] == "Élan – “Raison”"
    assert movies(read_export(b"title,rating\n\x81\xe9,4\n"))[0][0] == "é"  # not even in cp1252


def test_big_endian_text_with_its_mark():
    content = codecs.BOM_UTF16_BE + "title,rating\nÉlan,4\n".encode("utf-16-be")
    assert movies(read_export(content)) == [("Élan", None, 4)]


def test_line_breaks_in_quotes_and_lines_of_their_own():
    content = b'sep=;\n\n"title";"rating"\n"The\nGolden  Comet";4\n\n;;\nDouble Bill;3\n'
    export = read_export(content)
    assert [(line.line, line.title) for line in export.lines] == [
        (4, "The Golden Comet"),
        (8, "Double Bill"),
    ]


def test_a_tab_is_a_separator_that_is_named():
    assert movies(read_export(b"sep=\t\ntitle\trating\nSoup\t4\n")) == [("Soup", None, 4)]


def test_signs_that_steer_terminals_are_taken_out():
    assert (
        movies(read_export(b"title,rating\n\x1b[31mRed\x07 Soup\x00,4\n"))[0][0] == "[31mRed Soup"
    )


def test_markup_is_text():
    title = "<script>alert('x')</script> & <b>Soup</b>"
    assert movies(read_export(table(("title", "rating"), (title, 4))))[0][0] == title


def test_short_and_long_rows():
    export = read_export(b"title,year,rating\nSoup\nStew,1999,4,more,and more\n")
    assert movies(export) == [("Soup", None, None), ("Stew", 1999, 4)]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2020-01-01T00:00:00+01:00", datetime(2019, 12, 31, 23, tzinfo=UTC)),
        ("0001-01-01T00:00:00+01:00", None),  # before year 1 in UTC
        ("9999-12-31T23:59:59-01:00", None),
        ("9999999999", datetime(2286, 11, 20, 17, 46, 39, tzinfo=UTC)),
        ("99999999999999", None),
        ("yesterday", None),
    ],
)
def test_a_date_that_cannot_be_leaves_the_rating(written, expected):
    export = read_export(table(("title", "rating", "date"), ("Soup", 4, written)))
    assert [(line.rated_at, line.problem) for line in export.lines] == [(expected, "")]


# -- what is wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rating", "problem"),
    [
        ("5.5", "the rating 5.5 is not from 0.5 to 5"),
        ("0", "the rating 0 is not from 0.5 to 5"),
        ("-1", "the rating -1 is not from 0.5 to 5"),
        ("good", "the rating 'good' is not a number"),
        ("nan", "the rating 'nan' is not a number"),
        ("inf", "the rating 'inf' is not a number"),
        ("", ""),
    ],
)
def test_ratings_that_cannot_be(rating, problem):
    export = read_export(letterboxd(("Soup", 1970, rating)))
    assert problems(export) == [problem]


def test_imdb_starts_at_one():
    assert problems(read_export(imdb(("tt1", 0.5, "Soup", "Movie", 1970)))) == [
        "the rating 0.5 is not from 1 to 10"
    ]


def test_a_line_without_a_movie():
    assert problems(read_export(letterboxd(("  ", 1970, 4)))) == ["no title"]


@pytest.mark.parametrize("n_lines", [1, 100, 10_100])
def test_a_quote_left_open_is_noticed(n_lines):
    content = b'title,rating\n"The Golden Comet,4\n' + b"Double Bill,3\n" * n_lines
    with pytest.raises(ImportFileError, match=r"line 2: .*quote left open"):
        read_export(content)


def test_marks_other_than_seen():
    content = b"movie_id,title,year,rating,mark,time\n1,Soup,1970,,seen,\n2,Stew,,,not_seen,\n"
    assert problems(read_export(content)) == ["", "marked not seen, not rated"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (codecs.BOM_UTF8, "is empty"),
        (b"\x1f\x8b\x08\x08title,rating\n1,2\n", "is not a text file"),
        (
            b"\xef\xbb\xbf <?xml?><films/>",
            "mine.csv: it is XML or a web page; export or save it as C",
        ),
        (b'[{"movie": {}}]', "it is JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "it is a spreadsheet of Excel"),
        (b"a,b\n1,2\n", "no column with titles of movies; its columns are 'a', 'b'"),
        (b"title,year\nSoup,1970\n,", "^$"),
        (b"title,year,length\nSoup,1970,90\n", "no column with ratings; .*'length'"),
        (b"userId,movieId,rating\n1,1,4\n2,1,5\n", "ratings of 2 users in its column 'userId'"),
        (
            "Название,Год,Оценка\nSoup,1970,4\n".encode("cp1251"),
            "look wrong, save the file as UTF-8",
        ),
        (archive({"ratings.csv/": b""}), "without ratings.csv or watched.csv"),
        (b"title,rating,Title\nSoup,4,Soup\nHeat,5,Fargo\n", "two columns 'title' that differ"),
        (archive({"book.xml": b"<x/>"}), "without ratings.csv or watched.csv; it holds book.xml"),
        (archive({}), "without ratings.csv or watched.csv; it holds nothing"),
        (b"PK\x03\x04 and then nothing", "zip archive that cannot be opened"),
    ],
)
def test_files_that_cannot_be_read(content, message):
    if message == "^$":  # titles and years alone are a list of movies
        assert len(read_export(content).lines) == 1
        return
    with pytest.raises(ImportFileError, match=message):
        read_export(content, name="mine.csv")


def test_a_header_alone_has_no_movies():
    assert read_export(letterboxd()).lines == ()


# -- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "content", "message"),
    [
        ("MAX_BYTES", RATED, "more than 0 MB"),
        ("MAX_LINES", b"title,rating\n" + b"\n" * 200, "more than 100 lines"),
        ("MAX_ROWS", b"title,rating\n" + b"Soup,4\n" * 102, "line 102: .*more than 100 rows"),
        ("MAX_CELLS", b"title,rating\n" + b"Soup,4\n" * 102, "line 51: .*more than 100 cells"),
        ("MAX_COLUMNS", b"title" + b",x" * 101, "line 1: .*more than 100 columns"),
        ("MAX_ROW_LENGTH", b'title\n"' + b"Soup\n" * 30, "line 2: .*100 char.*quote left open"),
        ("MAX_ROW_LENGTH", b"title" + b",x" * 101, "more than 100 characters in a row"),
    ],
)
def test_a_table_beyond_a_limit_is_refused_with_its_name(monkeypatch, limit, content, message):
    monkeypatch.setattr(delimited_text, limit, 100)
    with pytest.raises(ImportFileError, match=message):
        read_export(content)


@pytest.mark.parametrize("length", [2**17 + 1, 2**20, 2**21])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("header", ["title,rating", "rating,title,year"])
def test_a_line_that_is_too_long_is_one_that_cannot_be_used(length, quote, header):
    long = quote + "x" * length + quote
    lines = read_export(f"{header}\n4,{long}\n3,3\n{long}".encode()).lines
    assert [(line.line, bool(line.problem)) for line in lines] == [(2, True), (3, False), (4, True)]


def test_a_quote_left_open_in_the_last_line_takes_nothing_along():
    (line,) = read_export(b'rating,title\n4,"Soup').lines
    assert (line.title, line.rating, line.problem) == ("Soup", 4.0, "")


def test_archives_that_unpack_to_much_more_are_not_unpacked():
    bomb = archive({"ratings.csv": b"title,rating\n" + b"\n" * 2**21})
    with pytest.raises(ImportFileError, match="more than 100 times its size"):
        read_export(bomb)
    small = archive({"ratings.csv": b"title,rating\n" + b"Soup,4\n" * 20_000})
    assert len(read_export(small).lines) == 20_000


def test_archives_of_many_files_are_not_opened(monkeypatch):
    monkeypatch.setattr(export_files, "MAX_MEMBERS", 5)
    with pytest.raises(ImportFileError, match="more than 5 files"):
        read_export(archive({f"{number}.csv": b"" for number in range(6)}))


def test_damaged_members_are_said_to_be():
    content = bytearray(archive({"ratings.csv": RATED * 20}))
    content[60:90] = bytes(30)
    with pytest.raises(ImportFileError, match=r"ratings\.csv cannot be unpacked"):
        read_export(bytes(content))


def test_a_file_on_disk(tmp_path):
    path = tmp_path / "watchlist.csv"
    path.write_bytes(RATED)
    assert read_export(path) == read_export(RATED, name="watchlist.csv")
    with pytest.raises(FileNotFoundError):
        read_export(tmp_path / "none.csv")


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    try:
        export = read_export(content)
    except ImportFileError:
        return
    assert all(line.problem or line.title or line.movie_id for line in export.lines)
