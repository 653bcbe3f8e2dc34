from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cinefold import _files
from cinefold._files import read_file, read_folder, read_parsed, replace_file, replace_folder

# -- files ----------------------------------------------------------------------------------------


def write(path, text):
    with replace_file(path) as new:
        new.write_text(text)


def test_a_file_is_replaced_and_nothing_else_is_touched(tmp_path):
    others = {"F.csv.part": "theirs", ".F.csv.tmp": "theirs"}
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    file = tmp_path / "F.csv"
    for text in ("first", "second"):
        write(str(file), text)
        assert file.read_text() == text
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        **others,
        "F.csv": "second",
    }


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_earlier_file_is_there(tmp_path, error):
    file = tmp_path / "file.png"
    write(file, "first")

    def fail():
        with replace_file(file) as new:
            assert new.suffix == ".png"  # by which some writers choose what they write
            assert new.parent == tmp_path
            new.write_text("half of the sec")
            assert file.read_text() == "first"
            raise error

    with pytest.raises(error):
        fail()
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


FULL_DISK = """
import resource, signal, sys
from cinefold._files import replace_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with replace_file(sys.argv[1]) as new:
    new.write_bytes(bytes(2000))
"""


def test_a_file_that_does_not_fit_leaves_the_earlier_one(tmp_path):
    file = tmp_path / "file"
    write(file, "first")
    command = [sys.executable, "-c", FULL_DISK, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"OSError: [Errno {errno.EFBIG}] File too large: '{file}'" in done.stderr
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


def test_an_error_names_the_file_that_was_meant(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "nowhere" / "file", "text")
    assert caught.value.filename == str(tmp_path / "nowhere" / "file")


def test_permissions_are_those_of_the_earlier_file_or_of_a_new_one(tmp_path):
    file, new = tmp_path / "file", tmp_path / "new"
    write(file, "first")
    new.touch()
    assert file.stat().st_mode == new.stat().st_mode
    file.chmod(0o640)
    with replace_file(file) as temporary:
        temporary.unlink()
        os.close(os.open(temporary, os.O_CREAT, 0o600))  # as safetensors does
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_a_link_to_a_file_goes_on_leading_there(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to("disk/file")
    for text in ("first", "second"):
        write(link, text)
        assert link.is_symlink()
        assert (tmp_path / "disk" / "file").read_text() == text
    assert len(list((tmp_path / "disk").iterdir())) == 1


def test_what_is_no_regular_file_is_written_into(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    found = []
    reader = threading.Thread(target=lambda: found.append(fifo.read_text()))
    reader.start()
    with replace_file(fifo) as new:
        other = new.with_name("other")
        other.write_text("text")
        other.rename(new)  # as safetensors does: it must not take the place of a device
    reader.join()
    assert found == ["text"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert list(tmp_path.iterdir()) == [fifo]


def test_standard_output_is_written_into_also_where_it_is_a_file(tmp_path):
    code = (
        "import os\nfrom cinefold._files import replace_file\n"
        "with replace_file('/dev/stdout') as new, new.open('a') as file: file.write('text')\n"
        "os.write(1, b' and more')"
    )
    file = tmp_path / "file"
    with file.open("a") as output:
        subprocess.run([sys.executable, "-c", code], stdout=output, check=True)
    assert file.read_text() == "text and more"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has none")
def test_a_device_that_is_full_stays_one_and_is_named():
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write("/dev/full", "text")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


def test_a_fifo_that_nobody_reads_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "_PATIENCE", 0.0)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match=r"No such device or address: '.*fifo'"):
        write(tmp_path / "fifo", "text")


def test_a_folder_is_not_replaced_by_a_file(tmp_path):
    with pytest.raises(IsADirectoryError):
        write(tmp_path, "text")


def test_a_link_that_leads_nowhere_but_to_itself_stays(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(OSError, match=r"symbolic links: '.*link'"):
        write(tmp_path / "link", "text")
    assert [path.is_symlink() for path in tmp_path.iterdir()] == [True]


# -- reading --------------------------------------------------------------------------------------


def test_files_are_read_up_to_a_size(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_file(tmp_path / "file", 5) == b"12345"
    with pytest.raises(ValueError, match=r"file has more than 3.81e-06 MB"):
        read_file(tmp_path / "file", 4)


def test_what_may_not_end_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero"):
        with pytest.raises(ValueError, match=f"{path} is a device or a pipe, not a regular file"):
            read_file(path, 5)
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path, 5)
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none", 5)


def test_a_pipe_that_a_shell_gives_is_read():
    reading, writing = os.pipe()
    os.write(writing, b"text")
    os.close(writing)
    assert read_file(f"/dev/fd/{reading}", 5) == b"text"
    os.close(reading)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[" * 100_000, "nested too deeply"), (b'"\xff"', "'utf-8'"), (b"1" * 5000, "4300 digits")],
)
def test_a_file_that_cannot_be_parsed_is_named(tmp_path, content, words):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match=rf"{tmp_path}/file is no JSON file: .*{words}"):
        read_parsed(tmp_path / "file", json.loads, "JSON")


# -- folders --------------------------------------------------------------------------------------


def put(folder, text):
    with replace_folder(folder, ["file"]) as new:
        (new / "file").write_text(text)


def test_a_folder_with_other_files_stays(tmp_path):
    (tmp_path / "diary").write_text("mine")
    with pytest.raises(FileExistsError, match="holds other files, as diary"):
        put(tmp_path, "text")
    assert [path.name for path in tmp_path.iterdir()] == ["diary"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_the_earlier_folder_is_there(tmp_path, error):
    folder = tmp_path / "folder"
    put(folder, "first")
    with pytest.raises(error), replace_folder(folder, ["file"]):
        raise error
    assert (folder / "file").read_text() == "first"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_link_to_a_folder_goes_on_leading_there(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "disk" / "folder")
    for text in ("first", "second"):
        put(link, text)
        assert link.is_symlink()
        assert (tmp_path / "disk" / "folder" / "file").read_text() == text
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["folder"]


@pytest.mark.parametrize("error", [OSError(errno.EIO, "the disk is gone"), KeyboardInterrupt()])
def test_the_earlier_folder_comes_back_if_the_new_one_cannot_be_put_there(
    tmp_path, monkeypatch, error
):
    folder, rename = tmp_path / "folder", Path.rename
    put(folder, "first")

    def fail(self, target):
        if target == folder and not folder.exists() and (self / "file").read_text() == "second":
            raise error
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(type(error)):
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


def test_a_folder_that_is_replaced_while_it_is_read_is_read_again(tmp_path):
    folder, found = tmp_path / "folder", []
    put(folder, "first")

    def read():
        found.append((folder / "file").read_text())
        if len(found) == 1:
            put(folder, "second")
            raise ValueError("half of it is of the first")
        return found[-1]

    assert read_folder(folder, read) == "second"
    assert found == ["first", "second"]
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "none", (tmp_path / "none" / "file").read_text)
