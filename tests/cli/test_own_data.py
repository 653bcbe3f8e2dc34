"""Commands on data of one's own."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

SMALL = ("--n-factors", 8, "--max-iter", 3, "--threads", 1)


@pytest.fixture(params=["own.csv", "own.parquet"])
def own(request, data, tmp_path):
    """The small data set with text for ids: a semicolon file or Parquet, and its titles."""
    ratings = data.interactions
    users, items = ratings.by_user.nonzero()
    frame = pl.DataFrame(
        {
            "userId": [f"user {i}" for i in ratings.user_ids[users]],
            "movieId": [f"movie {i}" for i in ratings.item_ids[items]],
            "stars": ratings.by_user.data.astype(float),
            "date": ratings.timestamps,
        }
    )
    path = tmp_path / request.param
    if path.suffix == ".csv":
        path.write_text(frame.write_csv(separator=";").replace(".", ","), encoding="utf-8")
    else:
        frame.write_parquet(path)
    titles = tmp_path / "titles.csv"
    rows = [
        (f"movie {movie.id}", movie.title, movie.year, "|".join(movie.genres))
        for movie in data.movies
    ]
    pl.DataFrame(rows, ["id", "title", "year", "genres"], orient="row").write_csv(titles)
    return ["--data", path, "--titles", titles]


def test_own_data_are_evaluated_as_the_same_ratings_are(own, answer):
    options = ("evaluate", "--models", "popularity,bias", "--protocol", "time")
    ours, theirs = answer(*options, *own, path=False), answer(*options)
    assert (ours["dataset"], theirs["dataset"]) == ("own", "ml-100k")
    # Lists may differ where movies are level, as text has another order.
    errors = [
        {line["model"]: line["value"] for line in report["metrics"] if line["metric"] == "rmse"}
        for report in (ours, theirs)
    ]
    assert errors[0] == pytest.approx(errors[1])
    assert errors[0].keys() == {"popularity", "bias"}


def test_own_data_with_every_command(own, answer, cinefold, tmp_path):
    found = answer("recommend", "--user", "user 7", "-k", 3, *own, path=False)
    assert (found["dataset"], found["user"]) == ("own", "user 7")
    assert all(line["id"].startswith("movie ") for line in found["recommendations"])
    found = answer("similar", "golden comet", "-k", 3, *own, path=False)
    assert found["movie"]["year"] == 1972
    model = tmp_path / "m.safetensors"
    answer("train", *SMALL, "--output", model, *own, path=False)
    assert answer("recommend", "--rate", "golden comet=5", "--model", model, *own, path=False)[
        "recommendations"
    ]


@pytest.mark.parametrize(
    ("best", "words", "column", "liked", "no_reason"),
    [
        (10, "ratings of own are from 1 to 10, not 5e+09", "Rating", 8, 5),
        (1, "ratings of own are from 0 to 1, not 5e+09", "Rating", 1, 0),
        (4.5, "ratings of own are from 0.5 to 5, not 5e+09", "Stars", 5, 2),
        (5000, "ratings of own are 1 or more, not -1", "Count", 1, None),
    ],
)
def test_a_rating_is_of_the_scale_of_the_data(
    data, cinefold, tmp_path, best, words, column, liked, no_reason
):
    users, items = data.interactions.by_user.nonzero()
    ratings = {
        10: 2 * data.interactions.by_user.data,
        1: (data.interactions.by_user.data > 3).astype(float),
        4.5: data.interactions.by_user.data - 0.5,
        5000: np.where(np.arange(len(users)) == 0, 5000, data.interactions.by_user.data),
    }[best]
    path = tmp_path / "own.csv"
    frame = {"user": users, "item": [f"film {item}" for item in items], "rating": ratings}
    pl.DataFrame(frame).write_csv(path)

    def recommend(rating):
        return cinefold("recommend", "--rate", f"film 3={rating}", "--data", path, path=False)

    code, out, err = recommend(-1 if best == 5000 else 5e9)
    assert (code, out) == (2, "")
    assert words in err
    out = recommend(liked)[1]
    assert column in out
    assert f"film 3 {liked}" in out
    if no_reason is not None:
        assert f"film 3 {no_reason}" not in recommend(no_reason)[1]


def test_columns_of_own_data(cinefold, tmp_path):
    path = tmp_path / "odd.csv"
    path.write_text("wer,was,wie\na,b,3\n")
    code, _, err = cinefold("evaluate", "--data", path, path=False)
    assert code == 1
    assert "the columns are wer, was, wie" in err
    assert "--user-column" in err
    _, _, err = cinefold(
        "evaluate", "--data", path, "--user-column", "wer", "--item-column", "wo", path=False
    )
    assert "no column 'wo' for item" in err


@pytest.mark.parametrize("command", ["train", "evaluate", "app"])
def test_own_data_goes_with_nothing_else(command, cinefold, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("user,item\n1,2\n")
    code, _, err = cinefold(command, "--data", path)
    assert (code, "either --data or --path" in err) == (2, True)
    code, _, err = cinefold(command, "--rating-column", "x", path=False)
    assert (code, "--rating-column is about the file that --data gives" in err) == (2, True)


def test_of_ids_that_are_text_the_first_and_last_are_told(cinefold, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "user,item,rating\n"
        + "".join(f"{u},{i},{4}\n" for u in ("al", "bea", "cy") for i in range(9))
    )
    _, _, err = cinefold("recommend", "--user", "Bea", "--data", path, path=False)
    assert "unknown user: Bea; the 3 users here are from al to cy" in err
