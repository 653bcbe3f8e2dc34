"""Downloading over HTTP with limited patience."""

from __future__ import annotations

import hashlib
import time
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cinefold._files import replace_file

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
    """How long sources may take, in seconds.

    Attributes
    ----------
    connect, read : float
        For the connection, and for each answer.
    stretch, speed : float
        A download slower than `speed` (bytes per second) over a `stretch` is given up.
    pip : float
        For pip, from start to end.
    """

    connect: float = 6
    read: float = 20
    stretch: float = 30
    speed: float = 8192
    pip: float = 300


def download(url: str, path: Path, md5: str | None, *, progress: bool, patience: Patience) -> None:
    """Put the file at `url` into `path` once its checksum is right, else leave no trace.

    Raises
    ------
    UnavailableError
        When the server does not answer in time or in full; WrongChecksumError when with another
        file.
    """
    import requests  # too slow to import for those who only read a cache
    from urllib3.exceptions import HTTPError

    timeout, headers = (patience.connect, patience.read), {"Accept-Encoding": "identity"}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as new:
            with requests.get(url, stream=True, timeout=timeout, headers=headers) as response:
                if not response.ok:
                    raise UnavailableError(f"HTTP status {response.status_code}")
                _save(response, new, path.name, progress, patience)
            check_content(new, path.name, "md5", md5)
        path.chmod(0o644)  # the cache may be shared
    except (requests.RequestException, HTTPError) as error:
        raise UnavailableError(_reason(error)) from error
    except OSError as error:
        reason = error.strerror or _one_line(error)
        raise UnavailableError(f"cannot write to {path.parent}: {reason}") from error


def check_content(path: Path, name: str, algorithm: str, digest: str | None) -> None:
    """Complain unless the file called `name` has this checksum.

    Without one, it must be a zip file whose members all have their own checksums.
    """
    if digest is not None:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, algorithm).hexdigest()
        if found != digest.lower():
            raise WrongChecksumError(
                f"the {algorithm.upper()} checksum of {name} is {found}, not {digest}"
            )
        return
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise WrongChecksumError(f"it is not a zip file ({_one_line(error)})") from error
    if damaged is not None:
        raise WrongChecksumError(f"{damaged} in it is damaged")


def _save(
    response: requests.Response, target: Path, name: str, progress: bool, patience: Patience
) -> None:
    from tqdm.auto import tqdm

    announced = int(response.headers.get("Content-Length", 0))
    bar = tqdm(total=announced or None, unit="B", unit_scale=True, desc=name, disable=not progress)
    # read1 comes back with whatever there is: a server that drips does not hold it for long.
    read = getattr(response.raw, "read1", response.raw.read)
    begin, before = time.monotonic(), 0
    with target.open("wb") as file, bar:
        while block := read(_BLOCK):
            file.write(block)
            bar.update(len(block))
            received, elapsed = file.tell() - before, time.monotonic() - begin
            if elapsed >= patience.stretch:
                if received < patience.speed * elapsed:
                    raise UnavailableError(f"too slow: {received:,} bytes in {elapsed:.0f} s")
                begin, before = time.monotonic(), file.tell()
        size = file.tell()
    if size < announced:
        raise UnavailableError(f"the download ended after {size:,} of {announced:,} bytes")


def _reason(error: Exception) -> str:
    text = _one_line(error)
    if "timed out" in text:
        return "no answer in time"
    if "resolve" in text.lower():
        return "its host name cannot be resolved (no network?)"
    if "refused" in text:
        return "the connection was refused"
    if "IncompleteRead" in text or "reset by peer" in text or "aborted" in text:
        return f"the connection broke off ({text})"
    return text


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
