from __future__ import annotations

import logging
import pickle
import threading
from functools import cached_property

import pytest

from cinefold._cache import PickledWithoutCaches, cached


def load(path):
    text = path.read_text()
    if text == "damaged":
        raise ValueError("it is damaged")
    return text


def save(text, path):
    path.write_text(text)


def never():
    raise AssertionError("it is there")


def test_it_is_made_once_and_kept(tmp_path):
    path = tmp_path / "new" / "entry"
    assert cached(path, load=load, make=lambda: "made", save=save) == "made"
    assert cached(path, load=load, make=never, save=save) == "made"


def test_a_damaged_entry_is_made_again(tmp_path, caplog):
    (tmp_path / "entry").write_text("damaged")
    assert cached(tmp_path / "entry", load=load, make=lambda: "made", save=save) == "made"
    assert "it is damaged" in caplog.text
    assert cached(tmp_path / "entry", load=load, make=never, save=save) == "made"


def test_where_nothing_can_be_kept_a_warning_says_so(tmp_path, caplog):
    (tmp_path / "file").touch()
    with caplog.at_level(logging.WARNING, "cinefold"):
        made = cached(tmp_path / "file" / "entry", load=load, make=lambda: "made", save=save)
    assert made == "made"
    assert "could not be cached" in caplog.text


def test_nothing_is_kept_when_making_fails(tmp_path):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path / "entry", load=load, make=fail, save=save)
    assert not list(tmp_path.iterdir())


def test_threads_wait_for_the_one_that_makes_it(tmp_path):
    made, go = [], threading.Event()

    def make():
        go.wait(30)
        made.append("made")
        return "made"

    def ask():
        found.append(cached(tmp_path / "entry", load=load, make=make, save=save))

    found = []
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert (found, made) == (["made"] * 4, ["made"])


class Counted(PickledWithoutCaches):
    few: int

    @cached_property
    def many(self):
        return [0] * 1000


def test_cached_properties_are_not_pickled():
    one = Counted()
    one.few = 1
    assert len(one.many) == 1000
    again = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert vars(again) == {"few": 1}
