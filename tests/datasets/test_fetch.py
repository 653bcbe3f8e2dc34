"""Fetching from real servers: nothing damaged reaches the cache."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cinefold.datasets import DatasetError, dataset_info, fetch, load_movielens
from cinefold.datasets.catalogue import DatasetSpec, Wheel
from cinefold.datasets.download_folder import download_folder
from cinefold.datasets.http_download import Patience
from tests import movielens_files as files
from tests.datasets.archive_server import ArchiveServer, left, serving
from tests.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from pathlib import Path


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
    assert left(cache) == ["ml-100k.zip"]
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
    assert left(cache) == []
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
        assert left(cache) == []
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
    assert left(cache) == []


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
    assert left(cache) == []


def test_what_killed_runs_left_is_removed(
    server: ArchiveServer, spec: DatasetSpec, cache: Path
) -> None:
    for name in (".incoming-dead", ".incoming-pip"):
        (cache / name / "pip-unpack").mkdir(parents=True)
        (cache / name / "ml-100k.zip").write_bytes(b"half of it")
    with download_folder(cache) as used:
        fetch(spec)
        assert left(cache) == sorted([used.name, "ml-100k.zip"])


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
    assert left(cache) == []


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
    assert left(cache) == ["ml-100k.zip"]


@pytest.mark.processes
def test_killed_download_is_removed_by_the_next(
    server: ArchiveServer, spec: DatasetSpec, cache: Path
) -> None:
    server.manner = "dripping"
    process = _start_fetch(spec)
    wait_until(lambda: server.requests)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert left(cache)
    server.manner = "good"
    fetch(spec)
    assert left(cache) == ["ml-100k.zip"]


@pytest.mark.processes
def test_interrupt_leaves_nothing(server: ArchiveServer, spec: DatasetSpec, cache: Path) -> None:
    server.manner = "dripping"
    process = _start_fetch(spec)
    wait_until(lambda: server.requests)  # it has made the file that will get the content
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert "KeyboardInterrupt" in errors
    assert left(cache) == []
