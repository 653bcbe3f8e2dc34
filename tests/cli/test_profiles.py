from __future__ import annotations

import json
import logging
import os
import sys

import pytest

from cinefold.cli import commands
from cinefold.profiles import Mark, ProfileStore


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Where the default model is kept, so that it is trained once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cinefold(folder, cache, tmp_path, monkeypatch, capsys):
    """Run a command; its exit code, standard output and error."""
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(cache))
    monkeypatch.setenv("CINEFOLD_DATABASE_URL", f"sqlite:///{tmp_path}/profiles.db")
    logger = logging.getLogger("cinefold")
    before = logger.handlers, logger.level

    def run(*arguments, movies=True):
        local = ["--path", str(folder)] if movies else []
        return commands.run([*map(str, arguments), *local]), *capsys.readouterr()

    yield run
    logger.handlers, logger.level = before


@pytest.fixture
def store(cinefold):
    with ProfileStore() as opened:
        yield opened


@pytest.fixture
def ada(store):
    """Likes one movie, dislikes another, and has marked two."""
    profile = store.create("ml-100k", "Ada <b>Lovelace</b> [red]").id
    store.rate_many(profile, {1: 5, 6: 1.5})
    store.mark(profile, 2, Mark.SEEN)
    store.mark(profile, 3, Mark.NOT_INTERESTED)
    return store.get(profile)


def recommended(out):
    return [line["id"] for line in json.loads(out)["recommendations"]]


# -- recommend ------------------------------------------------------------------------------------


def test_a_profile_is_made_added_to_and_used(cinefold, store):
    code, first, err = cinefold(
        "recommend", "--profile", "Ada", "--rate", "The Last Galaxy=5", "--json"
    )
    assert code == 0, err
    code, _, _ = cinefold("recommend", "--profile", " ADA ", "--rate", "The Last Kiss=2", "--json")
    assert code == 0
    (profile,) = store.profiles("ml-100k")
    assert profile.name == "Ada"
    assert store.entries(profile.id).stars == {1: 5, 21: 2}
    code, out, _ = cinefold("recommend", "--profile", "ada", "--json")
    result = json.loads(out)
    assert (code, result["profile"], result["user"]) == (0, "Ada", None)
    assert [(line["id"], line["rating"]) for line in result["ratings"]] == [(1, 5), (21, 2)]
    given = ("--rate", "The Last Galaxy=5", "--rate", "The Last Kiss=2")
    _, without, _ = cinefold("recommend", *given, "--json")
    assert recommended(out) == recommended(without)
    assert json.loads(first)["profile"] == "Ada"


def test_movies_marked_as_seen_or_not_interesting_are_left_out(cinefold, store, ada):
    _, out, _ = cinefold("recommend", "--profile", ada.name, "-k", 200, "--json")
    listed = set(recommended(out))
    assert listed.isdisjoint({1, 2, 3, 6})
    store.unmark(ada.id, 2, Mark.SEEN)
    _, out, _ = cinefold("recommend", "--profile", ada.name, "-k", 200, "--json")
    assert set(recommended(out)) == listed | {2}
    assert store.profiles()[0].last_used_at > ada.last_used_at


def test_movies_that_the_model_does_not_know_are_said(cinefold, store, ada):
    store.rate_many(ada.id, {99_999: 5, "tt1": 5})
    store.mark(ada.id, 99_998, Mark.SEEN)
    code, out, err = cinefold("recommend", "--profile", ada.name, "-k", 3)
    assert code == 0
    assert f"For {ada.name}" in out
    assert "Not known to the model: 2 of the movies rated." in err


def test_what_recommend_says_of_profiles_that_do_not_serve(cinefold, store, ada):
    code, _, err = cinefold("recommend", "--profile", "Eve")
    assert (code, f"ml-100k has no profile 'Eve'; there are: {ada.name}" in err) == (2, True)
    assert len(store.profiles()) == 1
    store.create("ml-100k", "Bob")
    code, out, err = cinefold("recommend", "--profile", "Bob")
    assert (code, out) == (0, "")
    assert "Bob has rated no movie yet" in err
    code, _, err = cinefold("recommend", "--profile", "Bob", "--user", "1")
    assert (code, "either --user or" in err) == (2, True)


# -- profiles -------------------------------------------------------------------------------------


def test_list(cinefold, store, ada):
    store.create("ml-1m", "Bob")
    code, out, err = cinefold("profiles", "list", movies=False)
    assert code == 0
    assert ada.name in out
    assert "Bob" in out
    assert f"kept in {store.location}" in err
    _, out, _ = cinefold("profiles", "list", "--dataset", "ml-100k", "--json", movies=False)
    report = json.loads(out)
    assert report["database"] == store.location
    (listed,) = report["profiles"]
    assert (listed["name"], listed["n_ratings"], listed["n_marks"]) == (ada.name, 2, 2)


def test_show(cinefold, ada):
    code, out, _ = cinefold("profiles", "show", ada.name.upper())
    assert code == 0
    for part in (ada.name, "The Last Galaxy (1950)", "1.5", "not interested", "seen"):
        assert part in out
    code, out, _ = cinefold("profiles", "show", ada.name, movies=False)
    assert (code, "movie 1 " in out) == (0, True)  # the data set is not downloaded for it
    _, out, _ = cinefold("profiles", "show", ada.name, "--json")
    ratings = json.loads(out)["ratings"]
    assert [(line["movie_id"], line["rating"]) for line in ratings] == [(1, 5), (6, 1.5)]


def test_export_and_import(cinefold, store, ada, tmp_path):
    code, out, _ = cinefold("profiles", "export", ada.name)
    assert code == 0
    assert out.splitlines()[1].startswith("1,The Last Galaxy,1950,5,,20")
    file = tmp_path / "ada.csv"
    code, nothing, err = cinefold("profiles", "export", ada.name, "--output", file)
    assert (code, nothing) == (0, "")
    assert "4 lines" in err
    assert file.read_text() == out

    code, _, err = cinefold("profiles", "import", file, "--name", "Bob")
    assert (code, "2 ratings and 2 marks read; Bob has 2 ratings and 2 marks" in err) == (0, True)
    bob = store.find("ml-100k", "Bob")
    assert store.entries(bob.id) == store.entries(ada.id)

    file.write_text("movie_id,rating\n1,2\n99999,5\n")
    code, _, err = cinefold("profiles", "import", file, "--name", "bob")
    assert (code, "Bob has 3 ratings" in err) == (0, True)
    assert "Not in ml-100k, kept but of no effect: 1 movies (99999)" in err
    assert store.entries(bob.id).stars == {1: 2, 6: 1.5, 99999: 5}

    code, _, err = cinefold("profiles", "undo", "Bob", movies=False)
    assert (code, "Undone: import of 2 movies" in err) == (0, True)
    assert store.entries(bob.id) == store.entries(ada.id)
    code, _, _ = cinefold("profiles", "undo", "Bob", movies=False)
    code, _, err = cinefold("profiles", "undo", "Bob", movies=False)
    assert (code, "no change left" in err) == (1, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Name,Rating\nAlien,5\n", "line 1: the columns movie_id and rating"),
        ("movie_id,rating\n1,5\n2,11\n", "line 3: stars must be from 0.5 to 5, not '11'"),
        ("movie_id,rating\ntt1,5\n77777,5\n", "none of the movies in"),
    ],
)
def test_import_takes_all_or_nothing(cinefold, store, tmp_path, text, said):
    file = tmp_path / "x.csv"
    file.write_text(text)
    code, _, err = cinefold("profiles", "import", file, "--name", "Bob")
    assert (code, said in err) == (2, True), err
    assert str(file) in err
    assert store.profiles() == []


def test_rename(cinefold, store, ada):
    code, _, err = cinefold("profiles", "rename", ada.name, " Countess ", movies=False)
    assert (code, store.get(ada.id).name) == (0, "Countess")
    assert "is called Countess now" in err
    store.create("ml-100k", "Bob")
    code, _, err = cinefold("profiles", "rename", "Countess", "BOB", movies=False)
    assert (code, "there is a profile 'BOB' already" in err) == (2, True)
    code, _, err = cinefold("profiles", "rename", "Countess", " ", movies=False)
    assert (code, "visible character" in err) == (2, True)


def test_delete_without_being_asked(cinefold, store, ada):
    code, _, err = cinefold("profiles", "delete", ada.name, "--yes", movies=False)
    assert (code, f"{ada.name} is deleted" in err) == (0, True)
    assert store.profiles() == []
    code, _, err = cinefold("profiles", "delete", ada.name, "--yes", movies=False)
    assert (code, "nor any other" in err) == (2, True)


@pytest.mark.parametrize(("answer", "left"), [("n", 1), ("y", 0)])
def test_delete_asks(cinefold, monkeypatch, store, ada, answer, left):
    terminal, end = os.openpty()
    with os.fdopen(terminal, "wb", buffering=0) as keyboard, os.fdopen(end) as stdin:
        keyboard.write(f"{answer}\n".encode())
        monkeypatch.setattr(sys, "stdin", stdin)
        code, _, err = cinefold("profiles", "delete", ada.name, movies=False)
    assert f"Delete {ada.name} with 2 ratings for good?" in err
    assert (code, len(store.profiles())) == (left, left)


def test_delete_where_nobody_can_be_asked(cinefold, monkeypatch, store, ada):
    with open(os.devnull) as stdin:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdin", stdin)
        code, _, err = cinefold("profiles", "delete", ada.name, movies=False)
    assert (code, "say --yes" in err) == (2, True)
    assert store.profiles() == [ada]


# -- what is in the way ---------------------------------------------------------------------------


def test_a_database_that_cannot_be_used_is_one_line(cinefold, monkeypatch):
    monkeypatch.setenv("CINEFOLD_DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/movies")
    code, out, err = cinefold("-v", "profiles", "list", movies=False)
    assert (code, out) == (1, "")
    assert "cinefold: the profile database postgresql://ada@127.0.0.1:1/movies cannot be" in err
    assert "hunter2" not in err


@pytest.mark.parametrize(
    "command", [["list"], ["export", "Ada"], ["import", "mine.csv", "--name", "Ada"]]
)
def test_without_the_packages_that_it_takes(cinefold, monkeypatch, tmp_path, command):
    (tmp_path / "mine.csv").write_text("movie_id,rating\n1,5\n")
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.startswith("cinefold.profiles")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    code, out, err = cinefold("profiles", *command, movies=False)
    assert (code, out) == (1, "")
    assert err == (
        "cinefold: keeping profiles takes more packages; install them with: "
        "pip install 'cinefold[store]'\n"
    )
