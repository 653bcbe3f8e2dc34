"""Which database, and connections to it."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from platformdirs import user_data_path
from sqlalchemy import URL, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from cinefold._files import check_regular
from cinefold.profiles.errors import StoreError, explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sqlalchemy import Connection, Engine

DATABASE_URL = "CINEFOLD_DATABASE_URL"
"""The environment variable that names the database."""

_WRITES = "cinefold_writes"
_EXAMPLES = "sqlite:////folder/profiles.sqlite3 or postgresql://user:password@host:5432/database"


# -- which --------------------------------------------------------------------------------------


def default_file() -> Path:
    """Where profiles lie unless CINEFOLD_DATABASE_URL says otherwise."""
    return user_data_path("cinefold") / "profiles.sqlite3"


def database_url(place: str | Path | None) -> URL:
    """The URL of `place`: a URL, a file, or None for what the environment says, else the default.

    Raises
    ------
    StoreError
        If it is no URL of an SQLite file or a PostgreSQL database. The message does not repeat it,
        as it may hold a password.
    """
    if place is None:
        place = os.environ.get(DATABASE_URL, "").strip() or default_file()
    if isinstance(place, Path) or ":" not in place:  # a URL would have one
        place = Path(place)
        return URL.create("sqlite+pysqlite", database=str(place.expanduser().absolute()))
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise StoreError(f"not a database URL ({DATABASE_URL}); these are: {_EXAMPLES}") from None
    kind = url.drivername.partition("+")[0]
    if kind in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise StoreError(f"profiles are kept in SQLite or PostgreSQL, not in {kind!r}: {_EXAMPLES}")
    if url.database in {None, "", ":memory:"}:
        raise StoreError(f"a database in memory keeps nothing; name a file: {_EXAMPLES}")
    return url.set(drivername="sqlite+pysqlite")


def location(url: URL) -> str:
    """What messages call the database: the file, or the URL without password and options."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database
    ).render_as_string()


# -- connections --------------------------------------------------------------------------------


def connect(url: URL, timeout: float) -> tuple[Engine, Engine]:
    """Engines for reading and for writing, which share their connections.

    Parameters
    ----------
    url : URL
    timeout : float
        Seconds to wait for a connection, and for other writers.
    """
    is_file = url.get_backend_name() == "sqlite"
    if is_file and "uri" not in url.query:
        _create_privately(Path(str(url.database)))
    waits = {"timeout": timeout} if is_file else {"connect_timeout": max(1, round(timeout))}
    try:
        engine = create_engine(
            url,
            connect_args=waits,
            pool_pre_ping=not is_file,  # a server may have been restarted meanwhile
            pool_timeout=timeout,
            hide_parameters=True,
        )
    except ModuleNotFoundError:
        raise StoreError(
            "PostgreSQL takes one more package; install it with: pip install 'cinefold[postgresql]'"
        ) from None

    def begin(connection: Connection) -> None:
        # In SQLite a transaction that reads before it writes fails if another has written in
        # between, and no waiting helps: so one that will write takes the lock first.
        writes = connection.get_execution_options().get(_WRITES)
        if is_file:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
        elif writes:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {round(1000 * timeout)}")

    event.listen(engine, "begin", begin)
    if is_file:
        event.listen(engine, "connect", _prepare_sqlite)
        _use_write_ahead_log(engine, timeout)
    _engines.add(engine)
    # What a page shows is of one moment; SQLite's transactions are like that anyway.
    consistent: dict[str, Any] = {} if is_file else {"isolation_level": "REPEATABLE READ"}
    return engine.execution_options(**consistent), engine.execution_options(**{_WRITES: True})


def _create_privately(file: Path) -> None:
    """Ratings are private: other users of this machine may not read the file."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDONLY | os.O_NONBLOCK, 0o600))
        check_regular(file)
    except (OSError, ValueError) as error:
        no_folder = isinstance(error, FileExistsError)
        why = getattr(error, "strerror", None) or str(error)
        why = f"{file.parent} is not a folder" if no_folder else why
        raise StoreError(f"the profile database {file} cannot be opened: {why}") from error


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver would begin transactions too late
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _use_write_ahead_log(engine: Engine, timeout: float) -> None:
    """Readers and a writer do not wait for each other then; the file remembers it."""
    deadline = time.monotonic() + timeout
    with closing(engine.raw_connection()) as raw:
        while True:
            try:
                if raw.cursor().execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    raw.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # SQLite does not wait for the lock that this takes.
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)


class Database:
    """A database that is open, until it is closed or a ``with`` statement ends."""

    def __init__(self, place: str | Path | None, timeout: float) -> None:
        url = database_url(place)
        self.location = location(url)
        self._closed = False
        with explained(self.location):
            self._reader, self._writer = connect(url, timeout)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.location!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; the database cannot be used any more."""
        self._closed = True
        self._writer.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Connection]:
        if self._closed:
            raise StoreError(f"the profile database {self.location} was closed")
        with explained(self.location), engine.begin() as connection:
            yield connection

    def _erase_traces(self) -> None:
        """Take what was deleted out of SQLite's log too, unless another process is reading it."""
        if self._reader.dialect.name == "sqlite":
            with explained(self.location), closing(self._reader.raw_connection()) as raw:
                cursor = raw.cursor()
                patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
                cursor.execute("PRAGMA busy_timeout = 200")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.execute(f"PRAGMA busy_timeout = {patience}")


# -- processes ----------------------------------------------------------------------------------

_engines: WeakSet[Engine] = WeakSet()
_inherited: list[Any] = []


def _leave_connections_to_parent() -> None:
    """A forked process makes its own; closing or using the parent's would break them."""
    for engine in list(_engines):
        _inherited.append(engine.pool)
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_connections_to_parent)
