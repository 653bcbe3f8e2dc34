from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cinefold.profiles import ProfileStore
from tests.profiles import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A PostgreSQL server; its databases are empty."""
    if postgres.programs() is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    with postgres.server() as started:
        yield started


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that nobody has used, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new folder' / 'profiles.sqlite3'}"
    return request.getfixturevalue("postgresql").new_database()


@pytest.fixture(scope="session")
def emptied(postgresql: postgres.Server) -> Iterator[ProfileStore]:
    """A store in a database of PostgreSQL that serves one test after the other."""
    with ProfileStore(postgresql.new_database()) as opened:
        yield opened


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProfileStore]:
    """An empty store in either kind of database."""
    if request.param == "sqlite":
        with ProfileStore(tmp_path / "profiles.sqlite3") as opened:
            yield opened
    else:
        opened = request.getfixturevalue("emptied")
        for profile in opened.profiles():
            opened.delete(profile.id)
        yield opened
