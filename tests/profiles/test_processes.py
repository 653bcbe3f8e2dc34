"""Several programs on one database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cinefold.profiles import ProfileStore
from tests.profiles.writer import SHARED
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[2]
WRITERS, EACH = 3, 30

pytestmark = pytest.mark.processes


@pytest.fixture
def start(place):
    """Start a program on the database; what is left of it ends with the test."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "CINEFOLD_DATABASE_URL": place},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_programs_that_open_and_write_at_once_lose_nothing(place, start):
    writers = [start("-m", "tests.profiles.writer", "Ada", n, EACH) for n in range(WRITERS)]
    for writer in writers:  # the database does not exist yet: they race to make it
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        _, errors = writer.communicate(timeout=PATIENCE)
        assert (writer.returncode, errors) == (0, "")
    with ProfileStore(place) as store:
        (ada,) = store.profiles()
        stars = store.entries(ada.id).stars
        assert stars.pop(SHARED) in {0.5 + number / 2 for number in range(WRITERS)}
        assert stars == {movie: 0.5 + movie % EACH % 10 / 2 for movie in range(WRITERS * EACH)}
        assert ada.n_ratings == WRITERS * EACH + 1


def test_what_was_written_survives_a_program_that_is_killed(place, start):
    code = """if True:
        import sys
        from cinefold.profiles import ProfileStore
        store = ProfileStore()
        ada = store.create("ml-100k", "Ada").id
        store.rate(ada, 1, 3)
        with store._changing(ada) as connection:  # a change that is not complete
            connection.exec_driver_sql("DELETE FROM cinefold_rating")
            print("ready", flush=True)
            sys.stdin.readline()
    """
    process = start("-c", code)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=PATIENCE)
    with ProfileStore(place) as store:
        (ada,) = store.profiles()
        assert store.entries(ada.id).stars == {1: 3}
        store.rate(ada.id, 2, 4)


def test_a_forked_program_leaves_the_connections_of_its_parent_alone(place, start):
    code = """if True:
        import os
        from cinefold.profiles import ProfileStore
        print("ready", flush=True)
        with ProfileStore() as store:
            ada = store.create("ml-100k", "Ada").id
            children = []
            for number in range(2):
                child = os.fork()
                if child == 0:
                    for movie in range(20):
                        store.rate(ada, 100 * number + movie, 3)
                    store.close()
                    os._exit(0)
                children.append(child)
            for movie in range(20):
                store.rate(ada, 1000 + movie, 3)
            for child in children:
                assert os.waitpid(child, 0)[1] == 0
            assert len(store.entries(ada)) == 60
    """
    process = start("-c", code)
    _, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors) == (0, "")
