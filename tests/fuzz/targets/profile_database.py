"""Databases of profiles into which others have written, or that are damaged.

An input is an SQLite file, or JSON of the rows that its tables get: {table: [[value, ...], ...]}.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from functools import cache
from typing import Any

from cinefold.profiles import Mark, ProfileStore, write_csv
from cinefold.profiles.errors import ProfileNameError, StoreError, UnknownProfileError
from tests.fuzz.scratch import file_of

_ROWS: dict[str, list[list[Any]]] = {
    "schema": [[3]],
    "profile": [[1, "ml-100k", "Ada", "ada", 0, 10**15, '{"a": [1]}', "k", "s"]],
    "rating": [[1, "50", 4.5, 10**15], [1, '"x"', 0.5, -5]],
    "mark": [[1, "7", "seen", 10**15], [1, "8", "later", 1]],
    "change": [
        [1, 1, 5, "rate", '{"ratings": [[50, null, null]], "marks": [[7, "seen", null]]}'],
        [2, 1, 6, "mark", '{"ratings": [[50, 3.0, 7]], "marks": []}'],
    ],
}
_REFUSALS = (StoreError, UnknownProfileError, ProfileNameError)


@cache
def _empty() -> bytes:
    path = file_of(b"", "empty.sqlite3")
    ProfileStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.executescript("PRAGMA page_size = 1024; VACUUM")
    return path.read_bytes()


SEEDS = [
    json.dumps(_ROWS).encode(),
    json.dumps({**_ROWS, "schema": [["3"], [None]]}).encode(),
    json.dumps({**_ROWS, "profile": [[2**40, "", {}, "", "now", None, "[]", None, None]]}).encode(),
    json.dumps({**_ROWS, "rating": [[1, "[" * 2000, "5", 9e99], [1, "NaN", [1], "x"]]}).encode(),
    json.dumps({**_ROWS, "mark": [[1, "1", "liked", 1e300], [1, None, {}, 1.5]]}).encode(),
    json.dumps({**_ROWS, "change": [[1, 1, 5, None, "[]"], [2, 1, 6, "", "{}"]]}).encode(),
    _empty(),
]


def _fill(path: Any, rows: dict[str, list[list[Any]]]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute("DELETE FROM cinefold_schema")
        for table, lines in rows.items():
            for line in lines:
                values = [str(v).encode() if isinstance(v, list | dict) else v for v in line]
                marks = ", ".join("?" * len(values))
                with suppress(sqlite3.Error, OverflowError, UnicodeEncodeError):
                    connection.execute(f"INSERT INTO cinefold_{table} VALUES ({marks})", values)  # noqa: S608
        connection.commit()


def check(data: bytes) -> None:
    """Each question has an answer of the right kind, or the error says that it is damaged."""
    path = file_of(data if data.startswith(b"SQLite") else _empty(), "profiles.sqlite3")
    if not data.startswith(b"SQLite"):
        try:
            _fill(path, json.loads(data))
        except (ValueError, TypeError, AttributeError, RecursionError, sqlite3.Error):
            return
    try:
        with ProfileStore(path, timeout=0.05) as store:
            _ask(store)
    except _REFUSALS as error:
        assert len(str(error)) < 1000  # noqa: PT017
    for more in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + more).unlink(missing_ok=True)


def _ask(store: ProfileStore) -> None:
    with suppress(*_REFUSALS):
        for profile in store.profiles():
            assert f"{profile.name.upper()} {profile.created_at:%Y} {profile.last_used_at:%Y}"
    for number in (1, 2):
        for ask in (
            lambda number=number: write_csv(store.entries(number)),
            lambda number=number: store.latest_change(number),
            lambda number=number: store.undo(number),
            lambda number=number: store.update_settings(number, {"b": 2}),
            lambda number=number: store.rate(number, 50, 3),
            lambda number=number: store.mark(number, ["8"], Mark.NOT_SEEN),
            lambda number=number: store.clear(number),
            lambda number=number: store.rename(number, "Bob"),
            lambda number=number: store.delete(number),
        ):
            with suppress(*_REFUSALS):
                ask()
