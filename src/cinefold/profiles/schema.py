"""Brings a database to the schema of this version, whoever else starts at the same moment."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, inspect, select, text

from cinefold.profiles import tables
from cinefold.profiles.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

logger = logging.getLogger(__name__)

SCHEMA_VERSION = 3
"""What this version of the program reads and writes: one more than there are migration steps."""

_LOCK = 0x63696E65666F6C64  # "cinefold": the number under which PostgreSQL knows the lock


def version(connection: Connection) -> int:
    """The schema's version; 0 in a database without one."""
    if not inspect(connection).has_table(tables.schema.name):
        return 0
    found: list[Any] = [*connection.execute(select(tables.schema.c.version)).scalars()] or [0]
    if len(found) > 1 or not isinstance(found[0], int) or found[0] < 0:
        raise ValueError(f"its schema has the version {', '.join(map(repr, found))}")
    return found[0]


def migrate(reader: Engine, writer: Engine, location: str) -> None:
    """Run the steps that the database lacks, all or none.

    Parameters
    ----------
    reader, writer : Engine
        The transactions of `writer` take SQLite's write lock when they begin.
    location : str
        For messages.

    Raises
    ------
    StoreError
        If the schema is newer than this program; nothing is changed then.
    """
    with reader.connect() as connection:
        found = version(connection)
    if found < SCHEMA_VERSION:
        with writer.begin() as connection:
            _wait_for_others(connection)
            found = version(connection)  # another process may have been faster
            if found < SCHEMA_VERSION:
                _run_steps(connection, found)
                if found:
                    logger.info("profile database %s: schema %d now", location, SCHEMA_VERSION)
                else:
                    logger.info("profiles are kept in %s", location)
                return
    if found > SCHEMA_VERSION:
        raise StoreError(
            f"the profile database {location} was written by a newer Cinefold (its schema is "
            f"{found}, this one knows up to {SCHEMA_VERSION}): update Cinefold, or name another "
            "database"
        )


def _wait_for_others(connection: Connection) -> None:
    """Take a lock until the transaction ends; on SQLite the transaction itself is such a lock."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def _run_steps(connection: Connection, found: int) -> None:
    if found == 0:
        tables.metadata.create_all(connection, checkfirst=False)
    else:
        from alembic.migration import MigrationContext
        from alembic.operations import Operations

        from cinefold.profiles.migrations import STEPS

        operations = Operations(MigrationContext.configure(connection))
        for step in STEPS[found - 1 :]:
            step(operations)
    connection.execute(delete(tables.schema))
    connection.execute(insert(tables.schema).values(version=SCHEMA_VERSION))
