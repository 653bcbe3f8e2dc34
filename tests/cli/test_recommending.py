from __future__ import annotations

import re

import numpy as np

from cinefold import WeightedMatrixFactorization

SMALL = ("--n-factors", 8, "--max-iter", 3, "--threads", 1)


def test_recommend_to_a_user(answer, data):
    result = answer("recommend", "--user", 7, "-k", 4)
    assert result["user"] == 7
    lines = result["recommendations"]
    assert [line["rank"] for line in lines] == [1, 2, 3, 4]
    rated = set(data.interactions.user_ratings(7)[0].tolist())
    assert rated.isdisjoint(line["id"] for line in lines)
    for line in lines:
        assert {reason["id"] for reason in line["reasons"]} <= rated
        assert set(line) == {"rank", "id", "title", "year", "genres", "score", "stars", "reasons"}


def test_recommend_uses_the_model_in_a_file(answer, data, tmp_path):
    answer("train", *SMALL, "--validation", 0.5, "-o", tmp_path / "m")
    model = WeightedMatrixFactorization.load(tmp_path / "m")
    lines = answer("recommend", "--user", 7, "--model", tmp_path / "m")["recommendations"]
    expected = model.predict(7, [line["id"] for line in lines])
    np.testing.assert_allclose([line["score"] for line in lines], expected, rtol=1e-5)
    # What was held out from this model is rated all the same.
    rated = set(data.interactions.user_ratings(7)[0].tolist())
    assert rated.isdisjoint(line["id"] for line in lines)


def test_a_model_in_a_file_predicts_no_stars(answer, cinefold, tmp_path):
    answer("train", *SMALL, "-o", tmp_path / "m")
    command = "recommend", "--user", 7, "--model", tmp_path / "m"
    assert "Stars" not in cinefold(*command)[1]
    code, out, err = cinefold(*command, "--sort", "stars")
    assert (code, out) == (2, "")
    assert "--sort stars is not for this: a --model does not predict them" in err


def test_recommend_by_titles(answer):
    result = answer(
        "recommend",
        *("--rate", "the last galaxy=5", "--rate", "Hidden Android, The=4.5"),
        *("--rate", "The Last Kiss=1", "-k", 5),
    )
    assert [(movie["title"], movie["rating"]) for movie in result["ratings"]] == [
        ("The Last Galaxy", 5.0),
        ("The Hidden Android", 4.5),
        ("The Last Kiss", 1.0),
    ]
    assert result["user"] is None
    genres = [genre for line in result["recommendations"] for genre in line["genres"]]
    assert genres.count("Sci-Fi") >= 3
    assert "Romance" not in genres


def test_a_title_may_hold_an_equals_sign_or_a_year(answer):
    result = answer("recommend", "--rate", "Double Bill (1993)=5")
    assert result["ratings"][0]["year"] == 1993


def test_recommend_prints_titles_years_genres_scores_and_reasons(cinefold):
    code, out, _ = cinefold("recommend", "--rate", "The Last Galaxy=5")
    assert code == 0
    for word in ("Title", "Year", "Genres", "Score", "Stars", "Because you", "The Last Galaxy 5"):
        assert word in out


def test_filters(answer):
    lines = answer(
        "recommend", "--user", 7, "-k", 50,
        *("--genre", "romance", "--genre", "Sci-Fi", "--years", "1960-1979"),
    )["recommendations"]  # fmt: skip
    assert lines
    assert all(1960 <= line["year"] <= 1979 for line in lines)
    assert all({"Romance", "Sci-Fi"} & set(line["genres"]) for line in lines)
    without = answer("recommend", "--user", 7, "-k", 50, "--exclude-genre", "Sci-Fi")
    assert not any("Sci-Fi" in line["genres"] for line in without["recommendations"])
    known = answer("recommend", "--user", 7, "-k", 120, "--min-ratings", 14)
    hits = answer("recommend", "--user", 7, "-k", 120, "--popularity", "80-100")
    everything = answer("recommend", "--user", 7, "-k", 120)
    for some in (known, hits):
        assert 0 < len(some["recommendations"]) < len(everything["recommendations"])


def test_a_filter_that_leaves_nothing_says_so(cinefold):
    code, _, err = cinefold("recommend", "--user", 7, "--years", "1800")
    assert code == 0
    assert "No movies passed the filters." in err


def test_a_short_list_without_filters_blames_none(cinefold):
    code, _, err = cinefold("similar", "golden comet", "-k", 500)
    assert code == 0
    assert re.search(r"\d+ movies found, there are no others to list\.", err)


def test_low_ratings_alone_still_give_a_list(answer):
    lines = answer("recommend", "--rate", "The Last Galaxy=1")["recommendations"]
    assert len(lines) == 10
    assert "The Last Galaxy" not in {line["title"] for line in lines}


def test_a_list_is_sorted_by_fit_or_by_stars(answer):
    lines = answer("recommend", "--user", 7, "--sort", "stars")["recommendations"]
    stars = [line["stars"] for line in lines]
    assert stars == sorted(stars, reverse=True)
    assert answer("recommend", "--user", 7)["recommendations"] != lines


def test_the_default_model_is_kept(cinefold, cache):
    cinefold("recommend", "--user", 7)
    (entry,) = (cache / "models").iterdir()
    before = (entry / "run.json").stat().st_mtime_ns
    cinefold("recommend", "--user", 8)
    assert (entry / "run.json").stat().st_mtime_ns == before


def test_similar(answer, cinefold):
    result = answer("similar", "golden comet", "-k", 3)
    assert result["movie"]["title"] == "The Golden Comet"
    assert len(result["similar"]) == 3
    code, out, _ = cinefold("similar", "golden comet", "-k", 3)
    assert code == 0
    assert "Like The Golden Comet (1972)" in out
