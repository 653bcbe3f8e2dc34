"""Marks, the log for undo, settings, and when a profile was last used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """From version 1."""
    op.add_column(
        "cinefold_profile",
        sa.Column("last_used_at", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.add_column(
        "cinefold_profile", sa.Column("settings", sa.Text, nullable=False, server_default="{}")
    )
    _set_last_use(op)
    op.create_table(
        "cinefold_mark",
        _owner(primary_key=True),
        sa.Column("movie_id", sa.Text, primary_key=True),
        sa.Column("mark", sa.Text, primary_key=True),
        sa.Column("marked_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "cinefold_change",
        sa.Column("id", sa.Integer, primary_key=True),
        _owner(primary_key=False),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
    )
    op.create_index("cinefold_change_of_profile", "cinefold_change", ["profile_id", "id"])


def _owner(*, primary_key: bool) -> sa.Column[int]:
    return sa.Column(
        "profile_id",
        sa.Integer,
        sa.ForeignKey("cinefold_profile.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def _set_last_use(op: Operations) -> None:
    """The latest rating, or the creation where that came later."""
    profile = sa.table(
        "cinefold_profile", sa.column("id"), sa.column("created_at"), sa.column("last_used_at")
    )
    rating = sa.table("cinefold_rating", sa.column("profile_id"), sa.column("rated_at"))
    latest = (
        sa.select(sa.func.max(rating.c.rated_at))
        .where(rating.c.profile_id == profile.c.id)
        .scalar_subquery()
    )
    op.execute(profile.update().values(last_used_at=profile.c.created_at))
    op.execute(profile.update().where(latest > profile.c.created_at).values(last_used_at=latest))
