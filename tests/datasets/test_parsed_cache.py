"""A parsed data set is kept until its files change, and never believed when it is damaged."""

from __future__ import annotations

import mmap
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest

from cinefold.datasets import load_movielens, parsed_cache

RATINGS = "userId,movieId,rating,timestamp\n1,7,4.5,5\n1,9,3,6\n2,9,5,7\n"
MOVIES = "movieId,title,genres\n7,Heat (1995),Action|Crime\n9,Amélie (2001),\n11,Ran,Drama\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(parsed_cache, "FEWEST_RATINGS", 1)
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path / "cache"))
    place = tmp_path / "ml"
    place.mkdir()
    (place / "ratings.csv").write_text(RATINGS, encoding="utf-8")
    (place / "movies.csv").write_text(MOVIES, encoding="utf-8")
    (place / "links.csv").write_text("movieId,imdbId,tmdbId\n7,0113277,949\n", encoding="utf-8")
    return place


def kept(tmp_path):
    return [*(tmp_path / "cache/parsed").iterdir()]


def load(folder):
    return load_movielens("ml-25m", path=folder)


def same(one, other):
    assert list(one.movies) == list(other.movies)
    assert one.interactions.fingerprint() == other.interactions.fingerprint()
    np.testing.assert_array_equal(one.interactions.timestamps, other.interactions.timestamps)
    assert one.source == other.source
    return True


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return array is not None and isinstance(array.obj, mmap.mmap)


def test_the_second_time_nothing_is_parsed(folder, tmp_path, monkeypatch):
    first = load(folder)
    assert is_mapped(first.interactions.timestamps)
    monkeypatch.setattr("cinefold.datasets.movielens._read", None)
    second = load(folder)
    assert same(first, second)
    assert second.movies[7].imdb_id == "tt0113277"
    with pytest.raises(ValueError, match="read-only"):
        second.interactions.by_user.data[0] = 1
    assert same(second, pickle.loads(pickle.dumps(second)))  # noqa: S301
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("name", ["ratings.csv", "movies.csv", "links.csv"])
def test_a_changed_file_is_read_again_and_takes_the_entry_over(folder, tmp_path, name):
    before = load(folder)
    (entry,) = kept(tmp_path)
    mapped = load(folder)  # what is in use stays as it is
    content = (folder / name).read_text(encoding="utf-8")
    line = {"ratings.csv": "3,7,1,9\n", "movies.csv": "12,Alien,\n", "links.csv": "9,1,2\n"}[name]
    (folder / name).write_text(content + line, encoding="utf-8")
    after = load(folder)
    assert kept(tmp_path) == [entry]
    assert same(before, mapped)
    assert same(after, load(folder))
    changed = after.interactions.n_ratings, len(after.movies), after.movies[9].tmdb_id
    assert changed != (3, 3, None)


@pytest.mark.parametrize("at", [0, 0.02, 0.5, 0.9, "cut", "empty", "another"])
def test_a_damaged_entry_is_made_again(folder, tmp_path, at, caplog):
    first = load(folder)
    (entry,) = kept(tmp_path)
    content = bytearray(entry.read_bytes())
    if at == "cut":
        content = content[:-1]
    elif at in ("empty", "another"):
        content = b"" if at == "empty" else b"\x02\0\0\0\0\0\0\0{}"
    else:
        content[int(at * len(content))] ^= 0x55
    entry.unlink()  # what is in use is mapped
    entry.write_bytes(content)
    assert same(first, load(folder))
    assert "is made again" in caplog.text
    caplog.clear()
    assert same(first, load(folder))
    assert not caplog.text


def test_small_data_and_a_folder_that_cannot_be_written_do_without(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(parsed_cache, "FEWEST_RATINGS", 4)
    first = load(folder)
    assert not (tmp_path / "cache/parsed").exists() or not kept(tmp_path)
    monkeypatch.setattr(parsed_cache, "FEWEST_RATINGS", 1)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path / "file"))
    assert same(first, load(folder))


def test_another_file_of_the_same_size_and_time_is_another(folder):
    first = load(folder)
    stat = (folder / "ratings.csv").stat()
    (folder / "new").write_text(RATINGS.replace("4.5", "2.5"), encoding="utf-8")
    os.utime(folder / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (folder / "new").rename(folder / "ratings.csv")
    assert first.interactions.fingerprint() != load(folder).interactions.fingerprint()


def test_an_archive_is_verified_once(folder, tmp_path, monkeypatch):
    archive = tmp_path / "cache" / "ml-latest-small.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as made:
        for file in folder.iterdir():
            made.write(file, f"ml-latest-small/{file.name}")
    first = load_movielens("ml-latest-small")
    monkeypatch.setattr(sys.modules["cinefold.datasets.fetch"], "_check", None)
    assert same(first, load_movielens("ml-latest-small"))
    monkeypatch.setenv("CINEFOLD_MOVIELENS_MD5", "0" * 32)  # another one is wanted
    with pytest.raises(TypeError):
        load_movielens("ml-latest-small")
    monkeypatch.delenv("CINEFOLD_MOVIELENS_MD5")
    os.utime(archive)
    with pytest.raises(TypeError):
        load_movielens("ml-latest-small")
