"""Which database is used, and what is said when it cannot be."""

from __future__ import annotations

import logging
import os
import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from platformdirs import user_data_path
from sqlalchemy import create_engine, make_url, text

from cinefold.profiles import Mark, ProfileStore, StoreError
from cinefold.profiles.database import DATABASE_URL, database_url, default_file, location
from tests.profiles.postgres import PASSWORD
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).parents[2]


def failure(place, **options):
    """The message with which the store cannot be opened."""
    with pytest.raises(StoreError) as caught:
        ProfileStore(place, **options)
    assert PASSWORD not in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- which ----------------------------------------------------------------------------------------


def test_without_a_word_it_is_a_file_in_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(DATABASE_URL, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_file().is_relative_to(tmp_path)
    assert default_file().parent == user_data_path("cinefold")
    with ProfileStore() as store:
        assert store.location == str(default_file())
    assert default_file().stat().st_mode & 0o777 == 0o600
    assert default_file().parent.stat().st_mode & 0o777 == 0o700
    log = default_file().with_name("profiles.sqlite3-wal")
    with ProfileStore() as store:
        store.create("ml-100k", "Ada")
        assert log.stat().st_mode & 0o777 == 0o600


def test_the_environment_names_another(monkeypatch, place):
    monkeypatch.setenv(DATABASE_URL, f" {place} ")
    with ProfileStore() as store:
        store.create("ml-100k", "Ada")
    with ProfileStore(place) as store:
        assert store.find("ml-100k", "Ada")


def test_a_path_is_a_file_whatever_characters_it_has(tmp_path):
    file = tmp_path / "a%20b?c=d#é.db"
    with ProfileStore(file) as store:
        assert store.location == str(file)
    assert file.exists()


def test_text_without_a_colon_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ProfileStore("profiles.sqlite3") as store:
        assert store.location == str(tmp_path / "profiles.sqlite3")
    assert (tmp_path / "profiles.sqlite3").exists()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_urls_of_postgresql(scheme):
    url = database_url(f"{scheme}://ada:pass%40word@example.org:5433/movies?sslmode=require")
    assert url.drivername == "postgresql+psycopg"
    assert url.password == "pass@word"  # noqa: S105
    assert location(url) == "postgresql://ada@example.org:5433/movies"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres:/ada:hunter2@host/db", "not a database URL"),
        ("postgresql://ada:hun:ter2@host:port/db", "not a database URL"),
        ("mysql://ada:hunter2@host/db", "kept in SQLite or PostgreSQL, not in 'mysql'"),
        ("sqlite://", "in memory keeps nothing"),
        ("sqlite:///:memory:", "in memory keeps nothing"),
    ],
)
def test_urls_that_are_none(url, said):
    message = failure(url)
    assert said in message
    assert "hun" not in message
    assert "postgresql://user:password@host:5432/database" in message  # what would be right


# -- SQLite ---------------------------------------------------------------------------------------


def test_a_file_that_is_no_database(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary, " * 1000)
    assert failure(file).startswith(f"the profile database {file} is not an SQLite database")
    assert file.read_text().startswith("Dear diary")


def test_a_damaged_file(tmp_path):
    file = tmp_path / "p.db"
    with ProfileStore(file) as store:
        ada = store.create("ml-100k", "Ada").id
        store.rate_many(ada, dict.fromkeys(range(2000), 3))
    content = bytearray(file.read_bytes())
    content[100:] = b"\xa5" * (len(content) - 100)  # all but the header
    file.write_bytes(content)
    assert f"{file} is damaged: put a copy back" in failure(file)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cinefold_schema SET version = 'two'",
        "UPDATE cinefold_schema SET version = -1",
        "UPDATE cinefold_schema SET version = 1.5",
        "INSERT INTO cinefold_schema VALUES (1)",
        "UPDATE cinefold_profile SET settings = replace(hex(zeroblob(50000)), '0', '[')",
        "UPDATE cinefold_profile SET settings = '[1]'",
        "UPDATE cinefold_profile SET settings = '1'",
        "UPDATE cinefold_profile SET created_at = 'yesterday'",
        "UPDATE cinefold_profile SET created_at = 9223372036854775807",
        "UPDATE cinefold_profile SET name = x'00ff'",
        "UPDATE cinefold_profile SET dataset = CAST(x'ff' AS TEXT)",
        "UPDATE cinefold_rating SET stars = 'many'",
        "UPDATE cinefold_rating SET stars = 1e300",
        "UPDATE cinefold_rating SET movie_id = '{}'",
        "UPDATE cinefold_rating SET rated_at = -9223372036854775808",
        "UPDATE cinefold_mark SET mark = 'loved'",
        "UPDATE cinefold_change SET before = '[]'",
        'UPDATE cinefold_change SET before = \'{"ratings": [[[], 1, 2]], "marks": []}\'',
        "UPDATE cinefold_change SET made_at = 1e30",
        "DROP TABLE cinefold_change",
    ],
)
def test_values_that_others_have_written(tmp_path, statement):
    file = tmp_path / "p.db"
    with ProfileStore(file) as store:
        ada = store.create("ml-100k", "Ada").id
        store.rate(ada, 1, 3)
        store.mark(ada, 2, Mark.SEEN)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(StoreError, match=f"profile database {file} (is damaged|cannot be used)"):
        everything(file, ada)


def everything(file, profile):
    with ProfileStore(file) as store:
        store.profiles()
        store.entries(profile)
        store.undo(profile)


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        assert failure(path).endswith(f"{path} is a device or a pipe, not a regular file")


def test_a_folder_in_place_of_the_file(tmp_path):
    assert f"{tmp_path} cannot be opened: Is a directory" in failure(tmp_path)
    (tmp_path / "file").touch()
    message = failure(tmp_path / "file" / "p.db")
    assert f"cannot be opened: {tmp_path / 'file'} is not a folder" in message


def test_a_file_that_can_only_be_read(tmp_path):
    ProfileStore(tmp_path / "p.db").close()
    with ProfileStore(f"sqlite:///file:{tmp_path}/p.db?mode=ro&uri=true") as store:
        assert store.profiles() == []
        with pytest.raises(StoreError, match="cannot be written to: check the permissions"):
            store.create("ml-100k", "Ada")


def test_a_file_of_somebody_else(tmp_path):
    """Root may write everywhere, so this is done by somebody who may not."""
    file = tmp_path / "p.db"
    ProfileStore(file).close()
    file.chmod(0o444)
    for folder in (tmp_path, *list(tmp_path.parents)[:-2]):
        folder.chmod(folder.stat().st_mode | 0o555)
    tmp_path.chmod(0o555)
    code = "import sys, os\nfrom cinefold.profiles import *\nfrom pathlib import Path\n"
    code += "if os.geteuid() == 0: os.setgid(65534), os.setuid(65534)\n"
    code += "try: ProfileStore(Path(sys.argv[1])).create('ml-100k', 'Ada')\n"
    code += "except StoreError as error: print(error)"
    run = [sys.executable, "-c", code, str(file)]
    shown = subprocess.run(run, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    tmp_path.chmod(0o755)
    assert str(file) in shown
    assert "cannot be written to" in shown or "cannot be opened" in shown


def test_a_file_that_another_program_holds(tmp_path):
    file = tmp_path / "p.db"
    with ProfileStore(file, timeout=0.1) as store:
        ada = store.create("ml-100k", "Ada").id
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert store.get(ada).name == "Ada"  # reading waits for nobody
        with pytest.raises(StoreError, match="in use by another program"):
            store.rate(ada, 1, 3)
        other.execute("ROLLBACK")
        other.close()
        store.rate(ada, 1, 3)


def test_a_full_disk(tmp_path):
    with ProfileStore(tmp_path / "p.db") as store:
        ada = store.create("ml-100k", "Ada").id
        with store._reader.connect() as connection:  # stands for the disk: the next page fails
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
        with pytest.raises(StoreError, match="cannot grow: the disk is full"):
            store.rate_many(ada, dict.fromkeys(range(20_000), 3))
        with store._reader.connect() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        assert len(store.entries(ada)) == 0
        store.rate(ada, 1, 3)


def test_what_was_deleted_is_not_in_the_file(tmp_path):
    file = tmp_path / "p.db"
    private = "Zaphod Beeblebrox"
    with ProfileStore(file) as store:
        store.create("ml-100k", "Ada")
        profile = store.create("ml-100k", private, settings={"note": private}).id
        store.rate_many(profile, {f"{private} {movie}": 3 for movie in range(500)})
        store.clear(profile)
        store.delete(profile)
        files = [path.read_bytes() for path in tmp_path.iterdir()]
    for content in [*files, file.read_bytes()]:
        assert private.lower().encode() not in content.lower()


def test_deleting_does_not_wait_for_readers(tmp_path):
    file = tmp_path / "p.db"
    with ProfileStore(file) as store:
        profile = store.create("ml-100k", "Ada").id
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM cinefold_profile").fetchall()
        store.delete(profile)
        assert store.profiles() == []
        reader.close()


# -- PostgreSQL -----------------------------------------------------------------------------------


def test_a_server_that_is_not_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens
        port = taken.getsockname()[1]
        message = failure(f"postgresql://ada:{'x' * 9}@127.0.0.1:{port}/movies", timeout=PATIENCE)
    assert message.startswith(
        f"the profile database postgresql://ada@127.0.0.1:{port}/movies cannot be used: "
    )
    assert "refused" in message
    assert "xxx" not in message


@pytest.mark.postgresql
def test_a_wrong_password_and_a_missing_database(postgresql):
    wrong = failure(postgresql.url("postgres", password="hunter2"))  # noqa: S106
    assert "password authentication failed" in wrong
    assert "hunter2" not in wrong
    assert 'database "nowhere" does not exist' in failure(postgresql.url("nowhere"))


@pytest.mark.postgresql
def test_a_database_that_can_only_be_read(postgresql):
    place = postgresql.new_database()
    name = make_url(place).database
    ProfileStore(place).close()
    postgresql.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with ProfileStore(place) as store:
        assert store.profiles() == []
        with pytest.raises(StoreError, match="cannot be written to: the server"):
            store.create("ml-100k", "Ada")


@pytest.mark.postgresql
def test_a_user_without_rights(postgresql):
    place = postgresql.new_database()
    ProfileStore(place).close()
    postgresql.execute(f"CREATE ROLE guest LOGIN PASSWORD '{PASSWORD}'")
    guest = make_url(place).set(username="guest").render_as_string(hide_password=False)
    assert "cannot be used: the user lacks the rights" in failure(guest)


@pytest.mark.postgresql
def test_a_row_that_another_program_holds(postgresql):
    place = postgresql.new_database()
    other = create_engine(database_url(place))
    with ProfileStore(place, timeout=1) as store:
        ada = store.create("ml-100k", "Ada").id
        with other.begin() as connection:
            connection.execute(text("SELECT * FROM cinefold_profile FOR UPDATE"))
            with pytest.raises(StoreError, match="in use by another program"):
                store.rate(ada, 1, 3)
        store.rate(ada, 1, 3)
    other.dispose()


@pytest.mark.postgresql
def test_a_server_that_ends_connections_is_asked_again(postgresql):
    place = postgresql.new_database()
    name = make_url(place).database
    with ProfileStore(place) as store:
        ada = store.create("ml-100k", "Ada").id
        theirs = f"FROM pg_stat_activity WHERE datname = '{name}'"
        postgresql.execute(f"SELECT pg_terminate_backend(pid) {theirs}")
        wait_until(lambda: postgresql.value(f"SELECT count(*) {theirs}") == 0)
        store.rate(ada, 1, 3)
        assert store.entries(ada).stars == {1: 3}


def test_without_the_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = failure("postgresql://ada@127.0.0.1/movies")
    assert "pip install 'cinefold[postgresql]'" in message


@pytest.mark.processes
def test_without_sqlalchemy():
    code = (
        "import sys\nsys.modules['sqlalchemy'] = None\n"
        "from cinefold.profiles import importing, read_csv\n"
        "from cinefold.profiles import ProfileStore"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: keeping profiles takes more packages; install them with: "
        "pip install 'cinefold[store]'"
    )


def test_more_threads_than_connections(place, monkeypatch):
    with ProfileStore(place) as store, ExitStack() as in_use:
        monkeypatch.setattr(store._reader.pool, "_timeout", 0.1)
        for _ in range(15):  # SQLAlchemy's limit: 5 that it keeps, 10 more
            in_use.enter_context(store._reader.connect())
        with pytest.raises(StoreError, match="all connections of this program are in use"):
            store.profiles()
        in_use.close()
        assert store.profiles() == []


# -- what is logged -------------------------------------------------------------------------------


def test_neither_passwords_nor_ratings_are_logged(place, caplog):
    for name in ("", "sqlalchemy.pool"):
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.INFO, "sqlalchemy.engine")  # on DEBUG it shows all that is read
    with ProfileStore(place) as store:
        ada = store.create("ml-100k", "Grace Hopper").id
        store.rate(ada, "tt0079944", 4.5)
        store.mark(ada, "tt0079944", Mark.SEEN)
        assert PASSWORD not in repr(store)
    assert re.search("INSERT INTO cinefold_rating", caplog.text)
    assert "profiles are kept in" in caplog.text
    for private in (PASSWORD, "tt0079944", "Hopper"):
        assert private not in caplog.text
