"""Reading MovieLens files: both formats give the same, and damage is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from cinefold.datasets import DatasetError, MovieData, load_movielens
from tests import movielens_files as files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGINAL, RECBOLE = files.original_files(), files.recbole_files()


def _assert_same(one: MovieData, other: MovieData) -> None:
    assert list(one.movies) == list(other.movies)
    a, b = one.interactions, other.interactions
    for name in ("user_ids", "item_ids", "timestamps"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(a.by_user, name), getattr(b.by_user, name))


@pytest.fixture
def original(tmp_path: Path) -> MovieData:
    return load_movielens(path=files.as_zip(ORIGINAL, tmp_path / "original.zip"))


PLACES: dict[str, Callable[[Path], Path]] = {
    "original folder": lambda f: files.as_folder(ORIGINAL, f) / "ml-100k",
    "original, nested folder": lambda f: files.as_folder(ORIGINAL, f / "some" / "where"),
    "original zip": lambda f: files.as_zip(ORIGINAL, f / "ml-100k.zip"),
    "RecBole folder": lambda f: files.as_folder(RECBOLE, f),
    "RecBole zip": lambda f: files.as_zip(RECBOLE, f / "anything.zip"),
    "RecBole wheel": files.write_wheel,
}


@pytest.mark.parametrize("place", PLACES)
def test_every_form_and_place_gives_the_same(
    place: str, original: MovieData, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    path = PLACES[place](folder)
    data = load_movielens(path=path)
    _assert_same(data, original)
    assert data.source == f"read from {path}"


def test_movies_are_as_people_read_them(original: MovieData) -> None:
    expected = [(movie.id, movie.readable, movie.year, movie.genres) for movie in files.movies()]
    found = [(movie.id, movie.title, movie.year, movie.genres) for movie in original.movies]
    assert found == expected


def test_ratings_are_those_of_the_file(original: MovieData) -> None:
    interactions = original.interactions
    assert interactions.n_users == files.N_USERS
    assert interactions.n_ratings == len(files.ratings())
    assert interactions.timestamps is not None
    times = interactions.by_user.copy()
    times.data = interactions.timestamps
    for user, movie, rating, time in files.ratings():
        pair = interactions.user_index(user), interactions.item_index(movie)
        assert interactions.by_user[pair] == rating
        assert times[pair] == time


def test_rated_but_undescribed_movie_is_still_a_movie(tmp_path: Path) -> None:
    lines = ORIGINAL["ml-100k/u.item"].split(b"\n")
    rated = files.ratings()[0][1]
    kept = b"\n".join(line for line in lines if not line.startswith(b"%d|" % rated))
    data = load_movielens(path=files.as_folder(ORIGINAL | {"ml-100k/u.item": kept}, tmp_path))
    assert data.movies[rated].label == f"Movie {rated}"


def test_windows_line_ends_and_missing_last_one(original: MovieData, tmp_path: Path) -> None:
    changed = {name: text.rstrip().replace(b"\n", b"\r\n") for name, text in ORIGINAL.items()}
    _assert_same(load_movielens(path=files.as_folder(changed, tmp_path / "crlf")), original)


def test_blank_lines_do_not_count(original: MovieData, tmp_path: Path) -> None:
    first, rest = ORIGINAL["ml-100k/u.data"].split(b"\n", 1)
    changed = ORIGINAL | {"ml-100k/u.data": b"\n".join((first, b"", rest, b"", b""))}
    _assert_same(load_movielens(path=files.as_folder(changed, tmp_path / "blank")), original)


DAMAGE = {
    "u.item: few fields": (ORIGINAL, "ml-100k/u.item", 3, b"3|Something (1990)|", "u.item.*line 3"),
    "u.item: id": (ORIGINAL, "ml-100k/u.item", 2, b"x|T (1990)|||" + b"|0" * 19, "u.item.*line 2"),
    "u.item: flag": (ORIGINAL, "ml-100k/u.item", 2, b"2|T|||" + b"|7" * 19, "u.item.*line 2.*flag"),
    "u.item: same id": (
        ORIGINAL, "ml-100k/u.item", 2, b"1|T|||" + b"|0" * 19, "u.item.*line 2.*id 1 .*twice"
    ),
    "u.data: text": (ORIGINAL, "ml-100k/u.data", 5, b"1\t2\tfive\t88", "u.data.*line 5.*rating"),
    "u.data: few": (ORIGINAL, "ml-100k/u.data", 7, b"1\t2\t3", "u.data.*line 7"),
    "u.data: many": (ORIGINAL, "ml-100k/u.data", 7, b"1\t2\t3\t4\t5", "u.data.*line 7"),
    ".inter: text": (
        RECBOLE, "recbole/dataset_example/ml-100k/ml-100k.inter", 3, b"1\tb\t3\t4",
        "ml-100k.inter.*line 3.*item_id",
    ),
    ".item: few": (
        RECBOLE, "recbole/dataset_example/ml-100k/ml-100k.item", 9, b"9\ttitle",
        "ml-100k.item.*line 9",
    ),
    ".item: not UTF-8": (
        RECBOLE, "recbole/dataset_example/ml-100k/ml-100k.item", 9, b"9\t\xe9lan\t1990\tDrama",
        "ml-100k.item.*utf-8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_lines_are_named(damage: str, tmp_path: Path) -> None:
    form, member, number, line, message = DAMAGE[damage]
    lines = form[member].split(b"\n")
    lines[number - 1] = line
    folder = files.as_folder(form | {member: b"\n".join(lines)}, tmp_path)
    with pytest.raises(DatasetError, match=message) as caught:
        load_movielens(path=folder)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("member", ["ml-100k/u.data", "ml-100k/u.item"])
def test_empty_file(member: str, tmp_path: Path) -> None:
    folder = files.as_folder(ORIGINAL | {member: b""}, tmp_path)
    with pytest.raises(DatasetError, match=rf"{member.removeprefix('ml-100k/')}.*is empty"):
        load_movielens(path=folder)


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"there is no file or folder .*nowhere"):
        load_movielens(path=tmp_path / "nowhere")


def test_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a zip file")
    with pytest.raises(DatasetError, match=r"notes\.txt is not a readable zip file"):
        load_movielens(path=path)


def test_archive_cut_short(tmp_path: Path) -> None:
    path = files.as_zip(ORIGINAL, tmp_path / "ml-100k.zip")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DatasetError, match="not a readable zip file"):
        load_movielens(path=path)


def test_flipped_byte_in_archive(tmp_path: Path) -> None:
    path = files.as_zip(ORIGINAL, tmp_path / "ml-100k.zip")
    content = bytearray(path.read_bytes())
    content[400] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="not a readable zip file"):
        load_movielens(path=path)


def test_a_zip_whose_headers_differ_has_a_short_message(tmp_path):
    path = files.as_zip(ORIGINAL, tmp_path / "ml-100k.zip")
    content = bytearray(path.read_bytes())
    for at in (at for at in range(len(content)) if content.startswith(b"PK\x03\x04", at)):
        content[at + 27] = 0x20  # a name of some 8,000 bytes, says the header before the member
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="not a readable zip file") as caught:
        load_movielens(path=path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("missing", ["ml-100k/u.data", "ml-100k/u.item"])
def test_folder_with_half_of_it(missing: str, tmp_path: Path) -> None:
    rest = {name: content for name, content in ORIGINAL.items() if name != missing}
    with pytest.raises(DatasetError, match=r"u\.data and u\.item or ml-100k\.inter"):
        load_movielens(path=files.as_folder(rest, tmp_path))


def test_folder_copied_by_a_mac(original: MovieData, tmp_path: Path) -> None:
    extra = {"__MACOSX/ml-100k/._u.data": b"\0\1", "__MACOSX/ml-100k/u.data": b"\0\1"}
    _assert_same(load_movielens(path=files.as_zip(extra | ORIGINAL, tmp_path / "m.zip")), original)


# -- the formats of the larger data sets ----------------------------------------------------------

LARGER: dict[str, tuple[str, dict[str, bytes]]] = {
    "1M, Latin-1": ("ml-1m", files.colons_files()),
    "10M, UTF-8": ("ml-10m", files.colons_files("ml-10M100K", "utf-8")),
    "20M": ("ml-20m", files.csv_files()),
    "latest small, CRLF": ("ml-latest-small", files.csv_files("ml-latest-small", "\r\n")),
    "25M, byte order marks": (
        "ml-25m",
        {name: b"\xef\xbb\xbf" + text for name, text in files.csv_files("ml-25m").items()},
    ),
    "32M, no last line end": (
        "ml-32m", {name: text.rstrip() for name, text in files.csv_files("ml-32m").items()}
    ),
}  # fmt: skip


@pytest.mark.parametrize("as_archive", [True, False])
@pytest.mark.parametrize("case", LARGER)
def test_larger_formats_give_the_same(
    case: str, as_archive: bool, original: MovieData, tmp_path: Path
) -> None:
    name, members = LARGER[case]
    pack = files.as_zip if as_archive else files.as_folder
    data = load_movielens(name, path=pack(members, tmp_path / "there"))
    assert data.name == name
    without_links = [replace(movie, imdb_id=None, tmdb_id=None) for movie in data.movies]
    assert without_links == list(original.movies)
    for part in ("user_ids", "item_ids", "timestamps"):
        expected = getattr(original.interactions, part)
        found = getattr(data.interactions, part)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    assert (data.interactions.by_user != original.interactions.by_user).nnz == 0


def test_blocks_of_any_size_give_the_same(
    original: MovieData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, members in (("ml-1m", files.colons_files()), ("ml-20m", files.csv_files())):
        for size in (7, 100, 1024):
            monkeypatch.setattr("cinefold.datasets.movielens_formats._BLOCK", size)
            data = load_movielens(name, path=files.as_folder(members, tmp_path / name))
            assert (data.interactions.by_user != original.interactions.by_user).nnz == 0


def test_half_stars(tmp_path: Path) -> None:
    members = files.colons_files("ml-10M100K")
    line = members["ml-10M100K/ratings.dat"].split(b"\n")[0].split(b"::")
    changed = b"::".join((line[0], line[1], b"0.5", line[3])) + b"\n"
    members["ml-10M100K/ratings.dat"] = changed
    data = load_movielens("ml-10m", path=files.as_folder(members, tmp_path))
    np.testing.assert_array_equal(data.interactions.by_user.data, [0.5])


def test_links_give_movies_their_other_ids(tmp_path: Path) -> None:
    data = load_movielens("ml-25m", path=files.as_folder(files.csv_files("ml-25m"), tmp_path))
    found = [(data.movies[i].imdb_id, data.movies[i].tmdb_id) for i in (1, 2, 3)]
    assert found == [("tt0114709", 862), ("tt10872600", None), (None, None)]


def test_without_links(tmp_path: Path) -> None:
    members = files.csv_files()
    del members["ml-20m/links.csv"]
    data = load_movielens("ml-20m", path=files.as_folder(members, tmp_path))
    assert {movie.imdb_id for movie in data.movies} == {None}


LARGER_DAMAGE = {
    "colons: few": ("ml-1m", "ratings.dat", 4, b"1::2::3", "ratings.dat.*line 4: 3 fields"),
    "colons: text": ("ml-1m", "ratings.dat", 9, b"1::2::bad::4", "ratings.dat.*line 9: rating"),
    "colons: movie": ("ml-1m", "movies.dat", 2, b"2::Heat (1995)", "movies.dat.*line 2: 2 fields"),
    "csv: text": ("ml-20m", "ratings.csv", 30, b"1,two,3,4", "ratings.csv.*line 30: movieId"),
    "csv: many": ("ml-20m", "ratings.csv", 30, b"1,2,3,4,5", "ratings.csv.*line 30: 5 fields"),
    "csv: empty": ("ml-20m", "ratings.csv", 30, b"1,,3,4", "ratings.csv.*line 30: movieId"),
    "csv: large": ("ml-20m", "ratings.csv", 3, b"1,9999999999,3,4", "line 3: movieId.*above"),
    "csv: movie": ("ml-20m", "movies.csv", 2, b"x,Heat (1995),Drama", "movies.csv.*line 2: the id"),
    "csv: link": ("ml-20m", "links.csv", 2, b"1,x12,3", "links.csv.*line 2"),
    "csv: short link": ("ml-20m", "links.csv", 3, b"1,12", "links.csv.*line 3: 2 fields"),
}


@pytest.mark.parametrize("block", [50, 1 << 22])
@pytest.mark.parametrize("damage", LARGER_DAMAGE)
def test_damaged_lines_of_larger_formats_are_named(
    damage: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cinefold.datasets.movielens_formats._BLOCK", block)
    name, filename, number, line, message = LARGER_DAMAGE[damage]
    members = files.colons_files() if name == "ml-1m" else files.csv_files()
    lines = members[f"{name}/{filename}"].split(b"\n")
    lines[number - 1] = line
    members[f"{name}/{filename}"] = b"\n".join(lines)
    with pytest.raises(DatasetError, match=message) as caught:
        load_movielens(name, path=files.as_zip(members, tmp_path / "my.zip"))
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"userId,movieId,rating,timestamp\n"])
def test_no_ratings(content: bytes, tmp_path: Path) -> None:
    members = files.csv_files() | {"ml-20m/ratings.csv": content}
    with pytest.raises(DatasetError, match=r"ratings\.csv in .*(is empty|no ratings)"):
        load_movielens("ml-20m", path=files.as_folder(members, tmp_path))


def test_form_of_another_data_set_is_named(tmp_path: Path) -> None:
    path = files.as_folder(files.colons_files(), tmp_path)
    with pytest.raises(DatasetError, match=r"the format of ml-1m, ml-10m: name .*--dataset"):
        load_movielens("ml-100k", path=path)


def test_unknown_name_lists_the_names() -> None:
    with pytest.raises(DatasetError, match=r"no data set 'ml-99k'.*ml-100k"):
        load_movielens("ml-99k")
