"""What can go wrong, and the databases' own errors in one sentence each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 300
_OF_VALUES = (ValueError, TypeError, LookupError, ArithmeticError, RecursionError)

# Primary result codes, https://www.sqlite.org/rescode.html
_SQLITE = {
    sqlite3.SQLITE_PERM: "cannot be opened: permission is denied",
    sqlite3.SQLITE_BUSY: "is in use by another program that does not let go of it; try again later",
    sqlite3.SQLITE_READONLY: "cannot be written to: check the permissions of the file and its "
    "folder",
    sqlite3.SQLITE_CORRUPT: "is damaged: put a copy back, or move it away to start anew",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: check that its folder exists and can be written to",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database, or is damaged: name another file, or move "
    "it away to start anew",
}

# SQLSTATE, https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL = {
    "25006": "cannot be written to: the server lets it only be read",
    "42501": "cannot be used: the user lacks the rights to its tables",
    "53100": "cannot grow: the server's disk is full",
    "55P03": "is in use by another program that does not let go of it; try again later",
}


class StoreError(OSError):
    """The database of profiles cannot be used; the message names it and says why."""


class UnknownProfileError(ValueError):
    """There is no such profile, or not any more."""


class ProfileNameError(ValueError):
    """A profile cannot have this name: it breaks a rule, or another profile has it."""


@contextmanager
def explained(location: str) -> Iterator[None]:
    """Errors of the database called `location`, and of values in it, as :class:`StoreError`."""
    from sqlalchemy import exc  # names and rules of profiles do without it

    try:
        yield
    except (UnknownProfileError, ProfileNameError):
        raise
    except exc.TimeoutError as error:
        raise StoreError(
            f"the profile database {location} is busy: all connections of this program are in use"
        ) from error
    except (exc.DBAPIError, sqlite3.Error) as error:
        reason = _reason(getattr(error, "orig", error))
        raise StoreError(f"the profile database {location} {reason}") from error
    except (*_OF_VALUES, exc.SQLAlchemyError) as error:
        what = " ".join(str(getattr(error, "orig", error)).split())[:_LONGEST]
        raise StoreError(
            f"the profile database {location} is damaged, or others have written into it: {what}"
        ) from error


def _reason(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorcode", None)
    known = (
        _POSTGRESQL.get(getattr(error, "sqlstate", None) or "")
        if code is None
        else _SQLITE.get(code & 0xFF)  # extended codes hold the primary one in their low byte
    )
    return known or f"cannot be used: {' '.join(str(error).split())[:_LONGEST]}"
