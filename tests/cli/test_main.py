"""The program: how it starts, and how a command ends, also by errors that nobody foresaw."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest
import typer

from cinefold import __version__
from cinefold.cli import commands
from cinefold.datasets import DatasetError
from tests.cli.program import start
from tests.waiting import PATIENCE


class Panic(BaseException):
    """As compiled modules raise them."""


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("k must be\n1"), 2, "k must be 1"),
        (DatasetError("there is none"), 1, "there is none"),
        (
            OSError(errno.EACCES, "Permission denied", "a\x1b[2J"),
            1,
            "a\\u001b[2J: Permission denied",
        ),
        (OSError(errno.ENOSPC, "No space left"), 1, "standard output: No space left"),
        (MemoryError(), 1, "there is not enough memory"),
        (RecursionError("too deep"), 1, "RecursionError: too deep (not foreseen: report it with"),
        (Panic("at the disco"), 1, "Panic: at the disco (not foreseen: report it with"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_error_is_one_line_and_an_exit_code(capsys, error, code, said):
    app = typer.Typer(name="cinefold")

    @app.command()
    def fail():
        raise error

    assert commands.run([], app) == code
    lines = capsys.readouterr().err.splitlines()
    assert [line.startswith(f"cinefold: {said}") for line in lines] == [True] * bool(said)


@pytest.mark.parametrize("flag", ["--debug", "--verbose", "-v"])
def test_the_place_of_an_error_is_shown_on_demand(capsys, flag, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("\x1b[2J")

    monkeypatch.setattr("cinefold.cli.data.list_datasets", fail)
    assert commands.run([flag, "data", "list"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "\\u001b[2J" in err
    assert "\x1b" not in err


@pytest.mark.processes
@pytest.mark.parametrize(
    ("command", "code", "out", "err"),
    [
        ("--version >&- 2>&- <&-", 0, "", ""),
        ("nonsense 2>&-", 2, "", ""),
        ("--version >/dev/full", 1, "", "cinefold: standard output: No space left on device\n"),
        ("profiles delete nobody <&-", 2, "", "cinefold: Invalid value: "),
    ],
)
def test_streams_that_are_closed_or_full(tmp_path, command, code, out, err):
    program = f"{sys.executable} -m cinefold {command}"
    environment = {"XDG_DATA_HOME": str(tmp_path), "CINEFOLD_DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        ["/bin/sh", "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    said = ended.stderr.removeprefix(f"profiles are kept in {tmp_path}/cinefold/profiles.sqlite3\n")
    assert (ended.returncode, ended.stdout) == (code, out)
    assert said.startswith(err)
    assert bool(said) == bool(err)


def test_ctrl_c_is_heard_before_anything_that_takes_long_is_loaded():
    code = "import sys, cinefold.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"typing", "importlib.metadata", "numpy", "typer"} & {*done.stdout.split()}


def test_version_and_help(cinefold):
    assert cinefold("--version", path=False)[:2] == (0, f"cinefold {__version__}\n")
    code, out, _ = cinefold(path=False)
    assert code == 0
    assert "recommend" in out
    code, out, _ = cinefold("train", "--help", path=False)
    assert code == 0
    assert "1/log2(p + 1)" in out


@pytest.mark.processes
def test_a_reader_that_leaves_early_is_no_error():
    process = start("data", "list")
    process.stdout.close()
    with process.stderr as errors:
        assert "Traceback" not in errors.read()
    assert process.wait(timeout=PATIENCE) in (0, 1)


NO_EXTRAS = """
import sys

extras = "alembic altair matplotlib openTSNE optuna psycopg pyspark sqlalchemy streamlit".split()
sys.modules.update(dict.fromkeys(extras))  # to import one of them is an error
from cinefold.cli import main
main()
"""


@pytest.mark.processes
def test_commands_start_without_the_packages_of_any_extra():
    command = [sys.executable, "-c", NO_EXTRAS, "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""


LOADING = """
import signal, sys

module, sys.argv[1:] = sys.argv[1], ["info"]

class Loading:
    def find_spec(self, name, *_):
        if name == module:
            sys.meta_path.remove(self)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:  # as compiled modules swallow it
                print("swallowed")

sys.meta_path.insert(0, Loading())
from cinefold.cli import main
main()
"""


@pytest.mark.processes
@pytest.mark.parametrize("module", ["numpy", "scipy.sparse", "typer", "cinefold.cli.tuning"])
def test_ctrl_c_while_it_loads_ends_it_with_a_word(module):
    command = [sys.executable, "-c", LOADING, module]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Ended by Ctrl-C.\n")


@pytest.mark.processes
def test_ctrl_c_that_is_ignored_stays_so():
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + LOADING
    command = [sys.executable, "-c", ignoring, "numpy"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
