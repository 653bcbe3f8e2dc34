"""The small data set that most tests of the product share."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from cinefold import Interactions, load_movielens
from tests.movielens_files import as_folder, original_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cinefold import MovieData


NOTHING_IS_SKIPPED = os.environ.get("CI") == "true"

# A slow machine is no failure.
settings.register_profile(
    "patient", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")

# Background work would wait for tests that run at the same time.
os.environ["CINEFOLD_BACKGROUND_PRIORITY"] = "normal"

# The servers of the tests are on this machine, whatever proxy leads to others.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A person may lack Chromium; continuous integration lacks nothing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if NOTHING_IS_SKIPPED and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("\nFAILED: tests were skipped, with CI=true")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Files for workers, and to one of them all tests on Spark, whose cluster takes memory."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/spark" if nodeid.startswith("tests/spark/") else nodeid.split("::")[0]

    return Scheduling(config, log)


_LOGGER = logging.getLogger("cinefold")
_AT_FIRST = _LOGGER.level, list(_LOGGER.handlers)


@pytest.fixture(autouse=True)
def log_as_at_first() -> Iterator[None]:
    """A command that ran in this process has said how much is logged, and where."""
    _LOGGER.setLevel(_AT_FIRST[0])
    _LOGGER.handlers = list(_AT_FIRST[1])
    yield
    _LOGGER.setLevel(_AT_FIRST[0])
    _LOGGER.handlers = list(_AT_FIRST[1])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic ratings and movies in the files of MovieLens 100K."""
    return as_folder(original_files(), tmp_path_factory.mktemp("ml-100k"))


@pytest.fixture(scope="session")
def data(folder: Path) -> MovieData:
    """The same, loaded; nothing may change it."""
    return load_movielens(path=folder)


@pytest.fixture(scope="session")
def interactions() -> Interactions:
    """60 users, 90 items, 900 ratings with a low-rank structure and ids that are not indices."""
    rng = np.random.default_rng(0)
    tastes = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 90))
    rows, columns = np.divmod(rng.choice(60 * 90, 900, replace=False), 90)
    stars = np.clip(np.round(3 + tastes[rows, columns]), 1, 5)
    return Interactions.from_arrays(1000 + rows, 10 * columns, stars)
