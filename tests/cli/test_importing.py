"""``cinefold import``, ``cinefold together``, and ratings from files for ``recommend``."""

from __future__ import annotations

import os
import re
import sys

import pytest

from tests.profiles.importing.exports import imdb, letterboxd


@pytest.fixture
def export(tmp_path):
    """What Letterboxd says of eight movies, of which one is unsure, one unknown, one impossible."""
    file = tmp_path / "ratings.csv"
    file.write_bytes(
        letterboxd(
            ("The Last Galaxy", 1950, 4.5),
            ("Hidden Android", 1961, 5),
            ("The Golden Comet", 1972, 4),
            ("The Goldn Starship", 1983, 3),  # a letter is missing, and the year is another
            ("Porridge <b>& Soup</b>", 1999, 2),
            ("The Last Kiss", 1950, 7),
            ("The Last Kiss", 1950, 0.5),
            ("The Last Galaxy", 1950, 4),
        )
    )
    return file


def ids(data, *titles):
    return [data.movies.resolve(title).id for title in titles]


# -- import ---------------------------------------------------------------------------------------


def test_a_review_as_json(answer, data, export):
    review = answer("import", export)
    assert review["format"] == "Letterboxd"
    galaxy, android, comet, kiss, starship = ids(
        data, "The Last Galaxy", "The Hidden Android", "The Golden Comet", "The Last Kiss",
        "The Golden Starship",
    )  # fmt: skip
    found = {line["movie"]["id"]: line["stars"] for line in review["found"]}
    assert found == {galaxy: 4.0, android: 5.0, comet: 4.0, kiss: 0.5}
    (unsure,) = review["to_check"]
    assert [candidate["id"] for candidate in unsure["candidates"]] == [starship]
    assert [line["title"] for line in review["missed"]] == ["Porridge <b>& Soup</b>"]
    assert [line["reason"] for line in review["ignored"]] == ["the rating 7 is not from 0.5 to 5"]
    assert [line["line"] for line in review["repeated"]] == [2]


def test_a_review_for_people(cinefold, export):
    code, out, err = cinefold("import", export)
    assert code == 0
    assert "8 lines; 4 found, 1 to check, 1 not among these movies, 1 repeated, 1 left out" in out
    assert "stars as they are: 0.5 is 0.5" in out
    for words in ("To check: 1", "spelled alike", "Porridge <b>& Soup</b> (1999)", "Left out: 2"):
        assert words in out
    assert "To check, and not taken: 1" in err


def test_what_is_written_is_for_recommend(cinefold, answer, data, export, tmp_path):
    output = tmp_path / "mine.csv"
    assert cinefold("import", export, "--output", output)[0] == 0
    galaxy, android, comet, kiss = ids(
        data, "The Last Galaxy", "The Hidden Android", "The Golden Comet", "The Last Kiss"
    )
    result = answer("recommend", "--ratings-file", output)
    rated = {movie["id"]: movie["rating"] for movie in result["ratings"]}
    assert rated == {galaxy: 4.0, android: 5.0, comet: 4.0, kiss: 0.5}
    assert rated.keys().isdisjoint(line["id"] for line in result["recommendations"])
    assert not list(tmp_path.glob("*.part"))


def test_yes_takes_the_likeliest(cinefold, answer, data, export, tmp_path):
    output = tmp_path / "mine.csv"
    code, _, err = cinefold("import", export, "-o", output, "--yes")
    assert code == 0
    assert f"Movies in {output}: 5." in err
    rated = {movie["id"] for movie in answer("recommend", "--ratings-file", output)["ratings"]}
    assert rated.issuperset(ids(data, "The Golden Starship"))


def test_long_lists_are_cut_unless_all_is_said(cinefold, tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_bytes(letterboxd(*((f"Porridge {number}", 1999, 3) for number in range(40))))
    out = cinefold("import", file)[1]
    assert "... and 25 more (--all lists them)" in out
    assert "Porridge 39" not in out
    assert "Porridge 39" in cinefold("import", file, "--all")[1]


def test_a_scale_can_be_told(answer, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("title,year,rating\nThe Last Galaxy,1950,4\n")
    assert [line["stars"] for line in answer("import", file)["found"]] == [4.0]
    assert [line["stars"] for line in answer("import", file, "--scale", 10)["found"]] == [2.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "mine.csv: it is empty"),
        (b"a;b\n1;2\n", "mine.csv has no column with titles of movies; its columns are 'a', 'b'"),
    ],
)
def test_a_wrong_file_is_one_line(cinefold, tmp_path, content, message):
    file = tmp_path / "mine.csv"
    file.write_bytes(content)
    code, out, err = cinefold("import", file)
    assert (code, out) == (2, "")
    assert err.startswith(f"cinefold: {message}")
    assert err.count("\n") == 1


def test_a_folder_that_is_not_there_is_said_first(cinefold, export, tmp_path):
    code, _, err = cinefold("import", export, "-o", tmp_path / "none" / "mine.csv")
    assert code == 2
    assert "there is no folder" in err


# -- asked in a terminal --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "taken"),
    [("\n", True), ("1\n", True), ("a\n", True), ("9\nn\n", False), ("q\n", False)],
)
def test_in_a_terminal_each_movie_to_check_is_asked_about(
    cinefold, monkeypatch, data, export, tmp_path, typed, taken
):
    output = tmp_path / "mine.csv"
    terminal, its_end = os.openpty()
    with os.fdopen(terminal, "wb", buffering=0) as keyboard, os.fdopen(its_end) as stdin:
        keyboard.write(typed.encode())
        monkeypatch.setattr(sys, "stdin", stdin)
        code, _, said = cinefold("import", export, "-o", output)
    assert code == 0
    assert "1 of 1: The Goldn Starship (1983)" in said
    assert "1  The Golden Starship" in said
    assert "leave them" in said
    (starship,) = ids(data, "The Golden Starship")
    assert (f"\n{starship},The Golden Starship" in output.read_text()) == taken


# -- recommend ------------------------------------------------------------------------------------


def test_more_movies_can_be_rated_beside_a_file(answer, data, tmp_path):
    galaxy, android, comet = ids(data, "The Last Galaxy", "The Hidden Android", "The Golden Comet")
    file = tmp_path / "mine.csv"
    file.write_text(f"movie_id,rating,mark\n{galaxy},5,\n{android},2,\n{comet},,seen\n")
    rate = ("--rate", "The Hidden Android=4", "--rate", "The Last Kiss=1")
    result = answer("recommend", "--ratings-file", file, *rate, "-k", 500)
    (kiss,) = ids(data, "The Last Kiss")
    rated = {movie["id"]: movie["rating"] for movie in result["ratings"]}
    assert rated == {galaxy: 5.0, android: 4.0, kiss: 1.0}
    assert comet not in [line["id"] for line in result["recommendations"]]  # it was seen


def test_a_file_without_a_known_movie(cinefold, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_bytes(imdb(("tt0000001", 7, "Porridge", "Movie", 1999)))
    code, _, err = cinefold("recommend", "--ratings-file", file)
    assert code == 2
    assert "has no rating of a movie that the model knows" in err
    assert "1 not among these movies" in err


def test_adventure_brings_less_known_movies(answer, data):
    interactions = data.interactions

    def known(*more):
        lines = answer("recommend", "--user", 7, *more)["recommendations"]
        return interactions.item_counts()[
            interactions.item_index([line["id"] for line in lines])
        ].mean()

    assert known("--adventure", 1) < known()
    assert known("--adventure", 0) == known()


def test_adventure_has_limits(cinefold):
    code, _, err = cinefold("recommend", "--user", 7, "--adventure", 1.5)
    assert code == 2
    assert "--adventure" in err


# -- together -------------------------------------------------------------------------------------


def test_a_list_for_users_and_files(answer, data, export):
    result = answer("together", "--user", 7, "--profile-file", export, "-k", 6)
    assert result["rule"] == "average"
    rated = set(data.interactions.user_ratings(7)[0].tolist())
    rated |= set(ids(data, "The Last Galaxy", "The Hidden Android", "The Last Kiss"))
    assert rated.isdisjoint(line["id"] for line in result["movies"])
    assert [line["rank"] for line in result["movies"]] == list(range(1, 7))
    for line in result["movies"]:
        assert set(line) == {"rank", "id", "title", "year", "genres", "score", "people"}
        assert [person["name"] for person in line["people"]] == ["user 7", "ratings"]
        mean = sum(person["relative"] for person in line["people"]) / 2
        assert line["score"] == pytest.approx(mean)
        assert all(1 <= person["stars"] <= 5 for person in line["people"])


def test_files_of_one_name_are_two_people(answer, export, tmp_path):
    other = tmp_path / "other" / "ratings.csv"
    other.parent.mkdir()
    other.write_bytes(letterboxd(("The Last Kiss", 1950, 5), ("The Silent Letter", 1973, 4)))
    files = ("--profile-file", export, "--profile-file", other)
    for line in answer("together", *files, "--rule", "fair", "-k", 2)["movies"]:
        assert [person["name"] for person in line["people"]] == ["ratings", "ratings 2"]


def test_a_table_says_the_rule(cinefold):
    code, out, _ = cinefold("together", "--user", 7, "--user", 9, "--rule", "least misery")
    assert code == 0
    for words in ("For user 7 and user 9.", "likes them least", "Title", "stars"):
        assert words in out


def test_a_table_says_what_stars_each_would_give(cinefold, answer):
    people = ("together", "--user", 7, "--user", 9, "-k", 5)
    rows = [line for line in cinefold(*people)[1].splitlines() if " stars" in line]
    movies = answer(*people)["movies"]
    assert len(rows) == len(movies) == 5
    for row, movie in zip(rows, movies, strict=True):
        given = [f"{person['stars']:.1f} stars" for person in movie["people"]]
        assert re.findall(r"\d\.\d stars", row) == given


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--user", 7), "say two people or more"),
        (("--user", 7, "--user", 7), "two people are called user 7"),
        (("--user", 7, "--user", 999), "unknown user: 999"),
        (("--user", 7, "--user", "x"), "unknown user: x"),
        (("--user", 7, "--user", 9, "--rule", "mine"), "--rule is one of average"),
    ],
)
def test_wrong_groups_are_one_line(cinefold, arguments, message):
    code, out, err = cinefold("together", *arguments)
    assert (code, out) == (2, "")
    assert message in err
