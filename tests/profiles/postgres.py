"""A PostgreSQL server of our own on the loopback, with a password, gone when the tests are."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import URL

from tests.waiting import PATIENCE, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "s3cret/with:odd@signs"  # noqa: S105 - of a server that lives for a moment
USER = "cinefold"


def programs() -> Path | None:
    """The folder with initdb and postgres; Debian keeps it out of PATH."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    by_version = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name)
    )
    usable = [f for f in (*found, *by_version[::-1]) if (f / "postgres").exists()]
    return usable[0] if usable else None


@dataclass(frozen=True)
class Server:
    """Where it listens, and the process that it is."""

    port: int
    process: subprocess.Popen[bytes]

    def url(self, name: str, *, password: str = PASSWORD) -> str:
        url = URL.create("postgresql", USER, password, "127.0.0.1", self.port, name)
        return url.render_as_string(hide_password=False)

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{secrets.token_hex(8)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    def value(self, query: str) -> object:
        """What a query finds: one value of one row."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            (found,) = connection.execute(query).fetchone() or (None,)
        return found


@contextmanager
def server() -> Iterator[Server]:
    """A new server; it ends with the block."""
    bin_folder = programs()
    assert bin_folder is not None
    folder = Path(tempfile.mkdtemp(prefix="cinefold-postgres-"))
    try:
        as_user = _unprivileged(folder)
        _initialize(bin_folder, folder, as_user)
        started = _start(bin_folder, folder, as_user)
        try:
            yield started
        finally:
            started.process.send_signal(signal.SIGINT)  # "fast" shutdown
            started.process.wait(timeout=PATIENCE)
    finally:
        shutil.rmtree(folder)


def _unprivileged(folder: Path) -> dict[str, str]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name for entry in pwd.getpwall()}
    name = "postgres" if "postgres" in known else "nobody"
    shutil.chown(folder, name)
    return {"user": name}


def _initialize(bin_folder: Path, folder: Path, as_user: dict[str, str]) -> None:
    password_file = folder / "password"
    password_file.write_text(PASSWORD)
    if as_user:
        shutil.chown(password_file, as_user["user"])
    command = [bin_folder / "initdb", "--pgdata", folder / "data", "--username", USER]
    command += ["--auth=scram-sha-256", "--pwfile", password_file, "--encoding=UTF8"]
    command += ["--no-locale", "--no-sync"]
    subprocess.run(command, **_run_options(folder, as_user), check=True, timeout=PATIENCE)


def _start(bin_folder: Path, folder: Path, as_user: dict[str, str]) -> Server:
    log = folder / "log"
    for _ in range(5):  # another program may take the free port before the server does
        port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "max_connections": 60,
        }
        command = [bin_folder / "postgres", "-D", folder / "data"]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with log.open("wb") as output:
            options = _run_options(folder, as_user) | {"stdout": output, "stderr": output}
            process = subprocess.Popen(command, **options)
        started = Server(port, process)
        if _answers(started):
            return started
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()}")


def _answers(started: Server) -> bool:
    deadline = time.monotonic() + PATIENCE
    while started.process.poll() is None and time.monotonic() < deadline:
        try:
            started.execute("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    if started.process.poll() is None:
        started.process.send_signal(signal.SIGQUIT)
        started.process.wait(timeout=PATIENCE)
    return False


def _run_options(folder: Path, as_user: dict[str, str]) -> dict[str, object]:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    return {**quiet, "cwd": folder, **as_user}
