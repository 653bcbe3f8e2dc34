"""Gives a new database the schema of this version, whoever else starts at the same moment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select, text

from cinefold.profiles import tables
from cinefold.profiles.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 2
"""What this version of the program reads and writes."""

_LOCK = 0x63696E65666F6C64  # "cinefold": the number under which PostgreSQL knows the lock


def version(connection: Connection) -> int:
    """The schema's version; 0 in a database without one."""
    if not inspect(connection).has_table(tables.schema.name):
        return 0
    return connection.execute(select(tables.schema.c.version)).scalar_one_or_none() or 0


def prepare(reader: Engine, writer: Engine, location: str) -> None:
    """Make the tables where there are none, all of them or none.

    Parameters
    ----------
    reader, writer : Engine
        The transactions of `writer` take SQLite's write lock when they begin.
    location : str
        For messages.

    Raises
    ------
    StoreError
        If the schema is of another version of this program; nothing is changed then.
    """
    with reader.connect() as connection:
        found = version(connection)
    if found == 0:
        with writer.begin() as connection:
            _wait_for_others(connection)
            found = version(connection)  # another process may have been faster
            if found == 0:
                tables.metadata.create_all(connection, checkfirst=False)
                connection.execute(insert(tables.schema).values(version=SCHEMA_VERSION))
                logger.info("profiles are kept in %s", location)
                return
    if found != SCHEMA_VERSION:
        age = "a newer" if found > SCHEMA_VERSION else "an older"
        raise StoreError(
            f"the profile database {location} was written by {age} Cinefold (its schema is "
            f"{found}, this one knows {SCHEMA_VERSION}): use that one, or name another database"
        )


def _wait_for_others(connection: Connection) -> None:
    """Take a lock until the transaction ends; on SQLite the transaction itself is such a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
