"""An archive on a server, an empty cache, and a wheel that pip finds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cinefold.datasets import dataset_info
from cinefold.datasets.catalogue import DatasetSpec, Wheel
from tests import movielens_files as files
from tests.datasets.archive_server import ArchiveServer, serving

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
