"""Profiles and their ratings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """From nothing."""
    op.create_table(
        "cinefold_profile",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dataset", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("dataset", "name_key", name="cinefold_profile_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "cinefold_rating",
        sa.Column(
            "profile_id",
            sa.Integer,
            sa.ForeignKey("cinefold_profile.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("movie_id", sa.Text, primary_key=True),
        sa.Column("stars", sa.Double, nullable=False),
        sa.Column("rated_at", sa.BigInteger, nullable=False),
    )
