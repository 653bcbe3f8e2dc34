"""The tables, and how Python values are kept in their columns."""

# ruff: noqa: ARG002 - the arguments are SQLAlchemy's
from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from cinefold.profiles.profile import MICROSECOND, MovieId

if TYPE_CHECKING:
    from sqlalchemy import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Since 1970, in UTC."""
    return (moment - _EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """The inverse of :func:`to_microseconds`."""
    return _EPOCH + number * MICROSECOND


class _Moment(TypeDecorator[datetime]):
    """Microseconds since 1970: SQLite knows no times, and both databases then sort alike."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class _Json(TypeDecorator[Any]):
    """JSON as ASCII text, which holds every character: PostgreSQL's own type refuses NUL.

    Movie ids use it too: it tells 1 from "1".
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, allow_nan=False)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


metadata = MetaData()


def _owner(**more: Any) -> Column[int]:
    return Column(
        "profile_id",
        Integer,
        ForeignKey("cinefold_profile.id", ondelete="CASCADE"),
        nullable=False,
        **more,
    )


def _movie() -> Column[MovieId]:
    return Column("movie_id", _Json, primary_key=True)


# The prefix, since a PostgreSQL database may serve other programs too.
schema = Table("cinefold_schema", metadata, Column("version", Integer, nullable=False))

profiles = Table(
    "cinefold_profile",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("created_at", _Moment, nullable=False),
    Column("last_used_at", _Moment, nullable=False, server_default="0"),
    Column("settings", _Json, nullable=False, server_default="{}"),
    UniqueConstraint("dataset", "name_key", name="cinefold_profile_name"),
    # Otherwise SQLite gives the id of a deleted profile to the next one, and a page that was
    # open on the first would write into the second.
    sqlite_autoincrement=True,
)

ratings = Table(
    "cinefold_rating",
    metadata,
    _owner(primary_key=True),
    _movie(),
    Column("stars", Double, nullable=False),
    Column("rated_at", _Moment, nullable=False),
)

marks = Table(
    "cinefold_mark",
    metadata,
    _owner(primary_key=True),
    _movie(),
    Column("mark", Text, primary_key=True),
    Column("marked_at", _Moment, nullable=False),
)

changes = Table(
    "cinefold_change",
    metadata,
    Column("id", Integer, primary_key=True),
    _owner(),
    Column("made_at", _Moment, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", _Json, nullable=False),
    Index("cinefold_change_of_profile", "profile_id", "id"),
)
