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


@pytest.fixture
def store(place: str) -> Iterator[ProfileStore]:
    with ProfileStore(place) as opened:
        yield opened
