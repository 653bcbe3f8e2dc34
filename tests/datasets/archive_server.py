"""A real HTTP server for one file, which serves well or badly."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class ArchiveServer(ThreadingHTTPServer):
    """Serves ``content`` under any path, in the way that ``manner`` says."""

    daemon_threads = True

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.manner = "good"
        self.requests: list[str] = []
        self.sent = 0
        self.stopped = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/movielens/"


class _Handler(BaseHTTPRequestHandler):
    server: ArchiveServer

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        try:
            getattr(self, f"_{self.server.manner}")()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def _head(self, length: int | None = None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def _good(self) -> None:
        self._head(len(self.server.content))
        self.wfile.write(self.server.content)

    def _without_length(self) -> None:
        self._head()
        self.wfile.write(self.server.content)

    def _truncated(self) -> None:
        self._head(len(self.server.content))
        self.wfile.write(self.server.content[:1000])

    def _truncated_without_length(self) -> None:
        self._head()
        self.wfile.write(self.server.content[:1000])

    def _dropped(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _corrupt(self) -> None:
        content = bytearray(self.server.content)
        content[len(content) // 2] ^= 1
        self._head(len(content))
        self.wfile.write(content)

    def _endless(self) -> None:
        self._head()
        while not self.server.stopped.is_set():
            self.wfile.write(bytes(1 << 20))
            self.server.sent += 1 << 20

    def _announcing_much(self) -> None:
        self._head(10**12)

    def _missing(self) -> None:
        self.send_error(404)

    def _failing(self) -> None:
        self.send_error(503)

    def _redirecting(self) -> None:
        if self.path.startswith("/elsewhere/"):
            return self._good()
        self.send_response(302)
        self.send_header("Location", "/elsewhere/file.zip")
        self.send_header("Content-Length", "0")
        return self.end_headers()

    def _silent(self) -> None:
        self.server.stopped.wait(30)

    def _stalling(self) -> None:
        self._head(len(self.server.content))
        self.wfile.write(self.server.content[:1000])
        self.wfile.flush()
        self.server.stopped.wait(30)

    def _dripping(self) -> None:
        self._head(len(self.server.content))
        for byte in self.server.content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.stopped.wait(0.05):
                break


@contextmanager
def serving(content: bytes) -> Iterator[ArchiveServer]:
    """A running server of `content`; stopped afterwards."""
    with ArchiveServer(content) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
