"""The tables, and how Python values are kept in their columns."""

# ruff: noqa: ARG002 - the arguments are SQLAlchemy's
from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from cinefold.profiles.profile import MICROSECOND

if TYPE_CHECKING:
    from sqlalchemy import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_microseconds(moment: datetime) -> int:
    """Since 1970, in UTC."""
    return (moment - _EPOCH) // MICROSECOND


def from_microseconds(number: int) -> datetime:
    """The inverse of :func:`to_microseconds`."""
    return _EPOCH + number * MICROSECOND


class _Moment(sa.TypeDecorator[datetime]):
    """Microseconds since 1970: SQLite knows no times, and both databases then sort alike."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_microseconds(value)


class _Json(sa.TypeDecorator[Any]):
    """JSON as ASCII text, which holds every character: PostgreSQL's own type refuses NUL.

    Movie ids use it too: it tells 1 from "1". Times are microseconds, as in `_Moment`.
    """

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return json.dumps(value, allow_nan=False, default=to_microseconds)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


def new_key() -> str:
    """A key of a profile, which nobody can guess."""
    return secrets.token_urlsafe(16)


metadata = sa.MetaData()


def _owner(**more: Any) -> sa.Column[int]:
    return sa.Column(
        "profile_id",
        sa.Integer,
        sa.ForeignKey("cinefold_profile.id", ondelete="CASCADE"),
        nullable=False,
        **more,
    )


# The prefix, since a PostgreSQL database may serve other programs too.
schema = sa.Table("cinefold_schema", metadata, sa.Column("version", sa.Integer, nullable=False))

profiles = sa.Table(
    "cinefold_profile",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_key", sa.Text, nullable=False),
    sa.Column("created_at", _Moment, nullable=False),
    sa.Column("last_used_at", _Moment, nullable=False, server_default="0"),
    sa.Column("settings", _Json, nullable=False, server_default="{}"),
    sa.Column("key", sa.Text, default=new_key),
    sa.Column("share_key", sa.Text, default=new_key),
    sa.Index("cinefold_profile_key", "key", unique=True),
    sa.Index("cinefold_profile_share_key", "share_key", unique=True),
    sa.UniqueConstraint("dataset", "name_key", name="cinefold_profile_name"),
    # Otherwise SQLite gives the id of a deleted profile to the next one, and a page that was
    # open on the first would write into the second.
    sqlite_autoincrement=True,
)

ratings = sa.Table(
    "cinefold_rating",
    metadata,
    _owner(primary_key=True),
    sa.Column("movie_id", _Json, primary_key=True),
    sa.Column("stars", sa.Double, nullable=False),
    sa.Column("rated_at", _Moment, nullable=False),
)

marks = sa.Table(
    "cinefold_mark",
    metadata,
    _owner(primary_key=True),
    sa.Column("movie_id", _Json, primary_key=True),
    sa.Column("mark", sa.Text, primary_key=True),
    sa.Column("marked_at", _Moment, nullable=False),
)

changes = sa.Table(
    "cinefold_change",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _owner(),
    sa.Column("made_at", _Moment, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("before", _Json, nullable=False),
    sa.Index("cinefold_change_of_profile", "profile_id", "id"),
)
