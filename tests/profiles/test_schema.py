"""The schema is made from nothing, and one of another version is left alone."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, text

from cinefold.profiles import ProfileStore, StoreError
from cinefold.profiles.database import database_url


@pytest.fixture
def engine(place, tmp_path):
    """Of the database, to look into it and to change it past the store."""
    (tmp_path / "new folder").mkdir()
    opened = create_engine(database_url(place))
    yield opened
    opened.dispose()


def test_tables_that_cannot_be_made_leave_the_database_as_it_was(place, engine):
    with engine.begin() as connection:  # in the way of the last table
        connection.execute(text("CREATE TABLE cinefold_change (unrelated INTEGER)"))
    with pytest.raises(StoreError, match="cinefold_change"):
        ProfileStore(place)
    assert inspect(engine).get_table_names() == ["cinefold_change"]
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE cinefold_change"))
    with ProfileStore(place) as store:
        assert store.create("ml-100k", "Ada").n_ratings == 0


def schema_of(engine):
    inspector = inspect(engine)
    tables = {
        name: {column["name"] for column in inspector.get_columns(name)}
        for name in inspector.get_table_names()
    }
    with engine.connect() as connection:
        return tables, connection.execute(text("SELECT version FROM cinefold_schema")).all()


@pytest.mark.parametrize(("found", "age"), [(99, "a newer"), (1, "an older")])
def test_a_database_of_another_version_is_left_alone(place, engine, found, age):
    with ProfileStore(place) as store:
        store.create("ml-100k", "Ada")
    with engine.begin() as connection:
        connection.execute(text("UPDATE cinefold_schema SET version = :found"), {"found": found})
    before = schema_of(engine)
    with pytest.raises(
        StoreError, match=rf"{age} Cinefold \(its schema is {found}, this one knows 2\): use that"
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
