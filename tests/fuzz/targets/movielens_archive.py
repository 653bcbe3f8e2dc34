"""Zip files given as MovieLens 100K."""

from __future__ import annotations

import io
import zipfile

from cinefold.datasets import DatasetError, load_movielens
from tests.fuzz.scratch import file_of


def _zip(compression: int, members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name), text, compression)
    return content.getvalue()


_MEMBERS = {
    "ml-100k/": b"",
    "ml-100k/u.data": b"1\t1\t5\t881250949\n2\t1\t3\t881250949\n2\t2\t1\t881250950\n",
    "ml-100k/u.item": b"1|Toy Story (1995)|||" + b"|0" * 19 + b"\n2|unknown||||1" + b"|0" * 18,
}
SEEDS = [
    _zip(zipfile.ZIP_DEFLATED, _MEMBERS),
    _zip(zipfile.ZIP_STORED, _MEMBERS),
    _zip(zipfile.ZIP_LZMA, _MEMBERS | {"__MACOSX/ml-100k/u.data": b"\0", "../u.data": b"a"}),
    _zip(zipfile.ZIP_DEFLATED, {"a/u.data": bytes(100_000), "a/u.item": b"", "b/u.data": b""}),
]


def check(data: bytes) -> None:
    try:
        load_movielens(path=file_of(data, "archive.zip"))
    except DatasetError as error:
        assert "archive.zip" in str(error)  # noqa: PT017
        assert len(str(error)) < 1000  # noqa: PT017
