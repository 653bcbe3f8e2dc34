"""Commands, run in this process on the small data set."""

from __future__ import annotations

import json

import pytest

from cinefold.cli import commands


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cinefold(folder, cache, monkeypatch, capsys):
    """Run a command on the small data set; its exit code, standard output and error."""
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(cache))

    def run(*arguments, path=True):
        local = ["--path", str(folder)] if path else []
        code = commands.run([*map(str, arguments), *local])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def answer(cinefold):
    """The JSON that a command prints."""

    def run(*arguments, path=True):
        code, out, _ = cinefold(*arguments, "--json", path=path)
        assert code == 0
        return json.loads(out)

    return run
