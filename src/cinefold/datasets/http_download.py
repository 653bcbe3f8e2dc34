"""Downloading over HTTP with limited patience."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cinefold.datasets.catalogue import short_message

if TYPE_CHECKING:
    from pathlib import Path

    import requests

_BLOCK = 1 << 16


class UnavailableError(Exception):
    """Why a source did not serve."""


class WrongChecksumError(UnavailableError):
    """What a source served is not the file that was asked for."""


@dataclass(frozen=True)
class Patience:
    """How long sources may take, in seconds, and how much they may send.

    Attributes
    ----------
    connect, read : float
        For the connection, and for each answer.
    stretch, speed : float
        A download slower than `speed` (bytes per second) over a `stretch` is given up.
    pip : float
        For pip, from start to end.
    largest : int
        Bytes of an archive whose size is not known: one of a mirror with a checksum of its own.
    """

    connect: float = 6
    read: float = 20
    stretch: float = 30
    speed: float = 8192
    pip: float = 300
    largest: int = 1 << 30


def download(url: str, path: Path, *, at_most: int, progress: bool, patience: Patience) -> None:
    """Put the file at `url` into `path`.

    Raises
    ------
    UnavailableError
        When the server does not answer in time or in full, or with more than `at_most` bytes.
    OSError
        When it cannot be written.
    """
    import requests  # too slow to import for those who only read a cache
    from urllib3.exceptions import HTTPError

    timeout, headers = (patience.connect, patience.read), {"Accept-Encoding": "identity"}
    try:
        with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
            if not response.ok:
                raise UnavailableError(f"HTTP status {response.status_code}")
            _save(response, path, at_most, progress, patience)
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise UnavailableError(_reason(error)) from error


def _save(
    response: requests.Response, target: Path, at_most: int, progress: bool, patience: Patience
) -> None:
    from tqdm.auto import tqdm

    announced = int(response.headers.get("Content-Length", 0))
    if announced > at_most:
        raise UnavailableError(f"{announced:,} bytes are announced, {at_most:,} at most expected")
    check_room(target.parent, announced)
    bar = tqdm(
        total=announced or None,
        unit="B",
        unit_scale=True,
        desc=target.name,
        disable=not progress,
    )
    # read1 comes back with whatever there is: a server that drips does not hold it for long.
    read = getattr(response.raw, "read1", response.raw.read)
    begin, before = time.monotonic(), 0
    with target.open("wb") as file, bar:
        while block := read(_BLOCK):
            file.write(block)
            bar.update(len(block))
            if file.tell() > at_most:
                raise UnavailableError(f"it has not ended after the {at_most:,} bytes expected")
            received, elapsed = file.tell() - before, time.monotonic() - begin
            if elapsed >= patience.stretch:
                if received < patience.speed * elapsed:
                    raise UnavailableError(f"too slow: {received:,} bytes in {elapsed:.0f} s")
                begin, before = time.monotonic(), file.tell()
        size = file.tell()
    if size < announced:
        raise UnavailableError(f"the download ended after {size:,} of {announced:,} bytes")


def check_room(folder: Path, size: int) -> None:
    """UnavailableError if the disk has no room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise UnavailableError(f"it takes {size:,} bytes, and {free:,} are free in {folder}")


def _reason(error: Exception) -> str:
    text = short_message(error) or type(error).__name__
    if "timed out" in text:
        return "no answer in time"
    if "resolve" in text.lower():
        return "its host name cannot be resolved (no network?)"
    if "refused" in text:
        return "the connection was refused"
    if "IncompleteRead" in text or "reset by peer" in text or "aborted" in text:
        counts = re.search(r"(\d+) bytes read, (\d+) more", text)
        read, more = map(int, counts.groups()) if counts else (0, 0)
        after = f" after {read:,} of {read + more:,} bytes" if counts else ""
        return f"the connection broke off{after}"
    return text
