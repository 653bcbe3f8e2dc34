"""Waiting for other processes: long enough for a busy machine, and no longer than it takes."""

from __future__ import annotations

import os
import re
import select
import socket
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")

PATIENCE = 300.0
"""Seconds in which anything must have happened."""


def wait_until(condition: Callable[[], _T]) -> _T:
    """The first true answer of `condition()`."""
    end = time.monotonic() + PATIENCE
    while not (answer := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
    return answer


def read_until(terminal: int, pattern: bytes) -> bytes:
    """What appears on a terminal, up to `pattern`."""
    seen, end = b"", time.monotonic() + PATIENCE
    while not re.search(pattern, seen):
        assert time.monotonic() < end, seen
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 4096)
    return seen


def free_port() -> int:
    """A port of this machine, which the system gives to nobody who asks for any port."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port: int = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            server.accept()[0].close()  # first: the port then rests for a minute
            client.recv(1)
    return port
