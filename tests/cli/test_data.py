"""What there is to load, and fetching it."""

from __future__ import annotations

from tests.movielens_files import as_zip, digest, original_files


def test_data_list_and_info(answer, cinefold):
    facts, *others = answer("data", "list", path=False)
    assert (facts["name"], facts["users"], facts["ratings"]) == ("ml-100k", 943, 100_000)
    assert [other["name"] for other in others] == [
        *("ml-latest-small", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m")
    ]
    assert answer("data", "info", "ml-100k", path=False) == facts
    assert "Terms of use" in cinefold("data", "info", path=False)[1]
    listing = cinefold("data", "list", path=False)[1]
    for words in ("ml-32m", "32,000,204", "200,948", "239.0 MB", "ml-32m-README.html"):
        assert words in listing
    assert "none published" in cinefold("data", "info", "ml-latest-small", path=False)[1]


def test_data_fetch_finds_what_is_cached(cinefold, tmp_path, monkeypatch, answer):
    archive = as_zip(original_files(), tmp_path / "ml-100k.zip")
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CINEFOLD_MOVIELENS_MD5", digest(archive, "md5"))
    code, out, err = cinefold("data", "fetch", path=False)
    assert (code, out.strip()) == (0, str(archive))
    assert "served from the cache" in err
    assert answer("data", "fetch", path=False)["path"] == str(archive)
    assert answer("data", "info", path=False)["cached"] == str(archive)
