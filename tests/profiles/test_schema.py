"""From an old schema to this one, from nothing to this one, and not from a newer one."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, inspect, text

from cinefold.profiles import Mark, ProfileStore, StoreError
from cinefold.profiles.database import database_url
from cinefold.profiles.migrations import STEPS
from cinefold.profiles.schema import SCHEMA_VERSION
from cinefold.profiles.tables import metadata

CREATED = datetime(2024, 1, 1, tzinfo=UTC)
RATED = datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def engine(place, tmp_path):
    """Of the database, to look into it and to change it past the store."""
    (tmp_path / "new folder").mkdir()
    opened = create_engine(database_url(place))
    yield opened
    opened.dispose()


def microseconds(moment):
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def create_version_1(op):
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


def write_version_1(engine):
    """Two profiles as version 1 left them, one of them with ratings."""
    with engine.begin() as connection:
        create_version_1(Operations(MigrationContext.configure(connection)))
        connection.execute(text("CREATE TABLE cinefold_schema (version INTEGER NOT NULL)"))
        connection.execute(text("INSERT INTO cinefold_schema VALUES (1)"))
        for name in ("Ada", "Bob"):
            connection.execute(
                text(
                    "INSERT INTO cinefold_profile (dataset, name, name_key, created_at)"
                    " VALUES ('ml-100k', :name, :key, :created)"
                ),
                {"name": name, "key": name.lower(), "created": microseconds(CREATED)},
            )
        rows = [("50", 4.5, RATED), ('"tt1"', 1.0, CREATED.replace(year=1998))]
        for movie, stars, at in rows:
            connection.execute(
                text(
                    "INSERT INTO cinefold_rating SELECT id, :movie, :stars, :at"
                    " FROM cinefold_profile WHERE name = 'Ada'"
                ),
                {"movie": movie, "stars": stars, "at": microseconds(at)},
            )


def test_an_old_database_keeps_its_data(place, engine):
    write_version_1(engine)
    with ProfileStore(place) as store:
        ada, bob = store.profiles()
        assert (ada.name, ada.created_at, ada.last_used_at) == ("Ada", CREATED, RATED)
        assert (bob.name, bob.created_at, bob.last_used_at) == ("Bob", CREATED, CREATED)
        assert (ada.n_ratings, ada.settings, bob.n_ratings) == (2, {}, 0)
        assert len({ada.key, ada.share_key, bob.key, bob.share_key}) == 4
        assert store.opened_by("ml-100k", [ada.key]) == [ada]
        assert store.entries(ada.id).stars == {"tt1": 1.0, 50: 4.5}
        store.mark(ada.id, 7, Mark.SEEN)  # and can do what is new
        store.unrate(ada.id, 50)
        store.undo(ada.id)
        assert store.get(ada.id).n_ratings == 2


@pytest.mark.parametrize("old", [True, False])
def test_the_steps_make_the_tables_that_the_program_knows(place, engine, old):
    if old:
        write_version_1(engine)
    ProfileStore(place).close()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert connection.execute(text("SELECT version FROM cinefold_schema")).all() == [
            (SCHEMA_VERSION,)
        ]
    assert 1 + len(STEPS) == SCHEMA_VERSION


def test_a_step_that_fails_leaves_the_database_as_it_was(place, engine):
    write_version_1(engine)
    with engine.begin() as connection:  # in the way of the second step's last table
        connection.execute(text("CREATE TABLE cinefold_change (unrelated INTEGER)"))
    before = schema_of(engine)
    with pytest.raises(StoreError, match="cinefold_change"):
        ProfileStore(place)
    assert schema_of(engine) == before
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE cinefold_change"))
    with ProfileStore(place) as store:
        assert [profile.name for profile in store.profiles()] == ["Ada", "Bob"]


def schema_of(engine):
    inspector = inspect(engine)
    tables = {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
    }
    with engine.connect() as connection:
        return tables, connection.execute(text("SELECT version FROM cinefold_schema")).all()


def test_a_newer_database_is_left_alone(place, engine):
    with ProfileStore(place) as store:
        store.create("ml-100k", "Ada")
    with engine.begin() as connection:
        connection.execute(text("UPDATE cinefold_schema SET version = 99"))
    before = schema_of(engine)
    with pytest.raises(
        StoreError, match=r"newer Cinefold \(its schema is 99, .* up to 3\): update"
    ):
        ProfileStore(place)
    assert schema_of(engine) == before


def test_other_tables_of_the_database_are_left_alone(place, engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE profile (id INTEGER)"))
        connection.execute(text("INSERT INTO profile VALUES (7)"))
    with ProfileStore(place) as store:
        store.create("ml-100k", "Ada")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT id FROM profile")).all() == [(7,)]
