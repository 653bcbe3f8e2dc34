from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cinefold._files import put_whole


def put(folder, text):
    with put_whole(folder, ["file"]) as new:
        (new / "file").write_text(text)


def test_a_link_to_a_folder_goes_on_leading_there(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "folder")
    for text in ("first", "second"):
        put(link, text)
        assert link.is_symlink()
        assert (tmp_path / "disk" / "folder" / "file").read_text() == text
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["folder"]


def test_the_earlier_one_comes_back_if_the_new_one_cannot_be_put_there(tmp_path, monkeypatch):
    folder, rename = tmp_path / "folder", Path.rename
    put(folder, "first")

    def fail(self, target):
        if target == folder and not folder.exists() and (self / "file").read_text() == "second":
            raise OSError(errno.EIO, "the disk is gone")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(OSError, match="the disk is gone"):
        put(folder, "second")
    assert (folder / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_another_writer_may_come_between(tmp_path, monkeypatch):
    folder, rename = tmp_path / "folder", Path.rename
    put(folder, "first")

    def come_between(self, target):
        renamed = rename(self, target)
        if self == folder:
            monkeypatch.undo()
            put(folder, "theirs")
        return renamed

    monkeypatch.setattr(Path, "rename", come_between)
    put(folder, "second")
    assert (folder / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [folder]
