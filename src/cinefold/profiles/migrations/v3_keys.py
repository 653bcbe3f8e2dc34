"""Keys that open a profile, and keys that show its list."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations


def upgrade(op: Operations) -> None:
    """From version 2; profiles of before get keys too."""
    names = "key", "share_key"
    for name in names:
        op.add_column("cinefold_profile", sa.Column(name, sa.Text))
    profile = sa.table("cinefold_profile", sa.column("id"), *map(sa.column, names))
    for number in op.get_bind().execute(sa.select(profile.c.id)).scalars().all():
        keys = {name: secrets.token_urlsafe(16) for name in names}
        op.execute(profile.update().where(profile.c.id == number).values(keys))
    for name in names:
        op.create_index(f"cinefold_profile_{name}", "cinefold_profile", [name], unique=True)
