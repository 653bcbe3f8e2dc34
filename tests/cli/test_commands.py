from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import termios
import urllib.request

import numpy as np
import polars as pl
import pytest

from cinefold import WeightedMatrixFactorization, __version__
from tests.movielens_files import as_folder, as_zip, digest, original_files
from tests.waiting import PATIENCE, free_port, read_until

PROGRAM = [sys.executable, "-m", "cinefold"]


SMALL = ("--n-factors", 8, "--max-iter", 3, "--threads", 1)


# -- train ----------------------------------------------------------------------------------------


def test_train_prints_figures_that_the_saved_factors_bear_out(answer, data, tmp_path):
    report = answer("train", *SMALL, "--seed", 4, "--output", tmp_path / "m.safetensors")
    model = WeightedMatrixFactorization.load(tmp_path / "m.safetensors")
    training, held_out = data.interactions.split(**report["split"])
    assert report["split"] == {"method": "per-user", "fraction": 0.1, "random_state": 4}
    assert (report["n_training_ratings"], report["n_held_out_ratings"]) == (
        training.n_ratings,
        held_out.n_ratings,
    )
    scores = model.user_factors_.astype(float) @ model.item_factors_.astype(float).T
    rows, columns = held_out.by_user.nonzero()
    errors = scores[rows, columns] - np.sqrt(held_out.by_user.data)
    assert report["history"][-1]["validation_rmse"] == pytest.approx(
        np.sqrt(np.mean(errors**2)), rel=1e-6
    )
    assert report["metrics"]["rmse"] < report["baseline"]["rmse"]

    scores[training.by_user.nonzero()] = -np.inf
    ndcgs = []
    for user in np.unique(rows):
        best = np.argsort(-scores[user], kind="stable")[:10]
        relevant = set(columns[rows == user].tolist())
        gains = [1 / np.log2(p + 2) for p, item in enumerate(best.tolist()) if item in relevant]
        ideal = [1 / np.log2(p + 2) for p in range(min(10, len(relevant)))]
        ndcgs.append(sum(gains) / sum(ideal))
    assert report["metrics"]["ndcg_at_10"] == pytest.approx(np.mean(ndcgs), rel=1e-6)


def test_train_prints_a_table_per_iteration_and_the_baseline(cinefold):
    code, out, _ = cinefold("train", *SMALL)
    assert code == 0
    for words in ("Iteration", "Validation RMSE", "NDCG@10", "This model", "Popularity"):
        assert words in out
    assert "split per-user, fraction 0.1, seed 0" in out


def test_train_without_validation_measures_nothing(cinefold, data, tmp_path):
    code, out, _ = cinefold("train", *SMALL, "--validation", 0, "-o", tmp_path / "m")
    assert code == 0
    assert "Popularity" not in out
    assert "1,380" in out
    model = WeightedMatrixFactorization.load(tmp_path / "m")
    assert model.interactions_.n_ratings == data.interactions.n_ratings


@pytest.mark.parametrize(("name", "start"), [("curve.SVG", b"<?xml"), ("curve.pdf", b"%PDF")])
def test_train_draws_the_learning_curve(cinefold, tmp_path, name, start):
    pytest.importorskip("matplotlib")
    assert cinefold("train", *SMALL, "--plot", tmp_path / name)[0] == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_train_parameters_reach_the_model(answer):
    report = answer(
        "train", *SMALL, "--unobserved-weight", 0.3, "--regularization", 2,
        "--regularization-exponent", 0.5, "--target", "binary", "--alpha", 0.5, "--tol", 0.01,
        "--solver", "cg", "--degree-exponent", 0.25,
    )  # fmt: skip
    assert report["parameters"] == {
        "n_factors": 8,
        "unobserved_weight": 0.3,
        "regularization": 2.0,
        "regularization_exponent": 0.5,
        "degree_exponent": 0.25,
        "target": "binary",
        "alpha": 0.5,
        "biases": False,
        "solver": "cg",
        "max_iter": 3,
        "tol": 0.01,
        "early_stopping": None,
        "patience": 3,
        "n_threads": 1,
        "random_state": 0,
    }


def start(*arguments, **more):
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more},
    )


@pytest.fixture(scope="module")
def busy_folder(tmp_path_factory):
    """Ratings enough to be interrupted in the middle."""
    stars = np.random.default_rng(0).integers(1, 6, (600, 120)).tolist()
    lines = (
        f"{user}\t{movie}\t{star}\t880000000\n"
        for user, row in enumerate(stars, start=1)
        for movie, star in enumerate(row, start=1)
    )
    files = original_files() | {"ml-100k/u.data": "".join(lines).encode()}
    return as_folder(files, tmp_path_factory.mktemp("busy"))


@pytest.mark.processes
def test_ctrl_c_keeps_what_was_learnt(busy_folder, tmp_path):
    file = tmp_path / "m.safetensors"
    endless = ("--max-iter", 10**9, "--tol", 0, "--n-factors", 100, "--regularization", 0.01)
    terminal, its_end = os.openpty()
    termios.tcsetwinsize(its_end, (24, 100))
    process = start("train", *endless, "--path", busy_folder, "-o", file, stderr=its_end)
    os.close(its_end)
    with process:
        try:
            read_until(terminal, rb"[1-9]\d*/1000000000")
            process.send_signal(signal.SIGINT)
            said = read_until(terminal, rb"up to iteration \d+").decode()
            out, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
            os.close(terminal)
    assert process.returncode == 130
    assert "The model is in" in said
    assert "Traceback" not in said
    assert WeightedMatrixFactorization.load(file).stop_reason_ == "interrupted"
    assert "Stopped: Ctrl-C" in out
    assert "Popularity" in out


# -- recommend ------------------------------------------------------------------------------------


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
    for word in ("Title", "Year", "Genres", "Score", "Because you rated", "The Last Galaxy 5"):
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


# -- similar, data --------------------------------------------------------------------------------


def test_similar(answer, cinefold):
    result = answer("similar", "golden comet", "-k", 3)
    assert result["movie"]["title"] == "The Golden Comet"
    assert len(result["similar"]) == 3
    code, out, _ = cinefold("similar", "golden comet", "-k", 3)
    assert code == 0
    assert "Like The Golden Comet (1972)" in out


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


# -- data of one's own ----------------------------------------------------------------------------


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


def test_an_id_that_is_text_is_told_its_neighbours(cinefold, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(
        "user,item,rating\n"
        + "".join(f"{u},{i},{4}\n" for u in ("al", "bea", "cy") for i in range(9))
    )
    _, _, err = cinefold("recommend", "--user", "Bea", "--data", path, path=False)
    assert "the 3 users here are from al to cy, and the nearest to it al" in err
    _, _, err = cinefold("recommend", "--user", "bob", "--data", path, path=False)
    assert "the nearest to it bea and cy" in err


# -- wrong input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recommend"], "either --user or, for somebody new, --rate"),
        (["recommend", "--user", "7", "--rate", "Ohio, Ohio=4"], "either --user or"),
        (["recommend", "--user", "999"], "unknown user: 999; the 60 users here are from 1 to 60"),
        (["recommend", "--user", "bob"], "whole number from 1 to 60, not 'bob'"),
        (["recommend", "--user", "7", "-k", "0"], "'-k'"),
        (["recommend", "--user", "7", "--genre", "Sifi"], "Sci-Fi"),
        (["recommend", "--user", "7", "--years", "nineties"], "'nineties' is not a range"),
        (["recommend", "--user", "7", "--years", "1999-1980"], "1999 to 1980"),
        (["recommend", "--user", "7", "--popularity", "0-200"], "0 to 200"),
        (["recommend", "--rate", "The Last Galaxy"], "'The Last Galaxy'"),
        (["recommend", "--rate", "The Last Galaxy=6"], "0.5 to 5 stars"),
        (["recommend", "--rate", "The Last Galaxy=0"], "0.5 to 5 stars"),
        (["recommend", "--rate", "The Last Galaxy=nan"], "0.5 to 5 stars"),
        (["recommend", "--rate", "=4"], "'=4'"),
        (["recommend", "--rate", "Ohio, Ohio=4", "--rate", "ohio ohio=3"], "rated twice"),
        (["recommend", "--rate", "Double Bill=4"], "Double Bill (1941); Double Bill (1993)"),
        (["recommend", "--rate", "Last Galxy=4"], "The Last Galaxy (1950)"),
        (["recommend", "--user", "7", "--model", "/nowhere"], "/nowhere"),
        (["similar", "Double Bill"], "add the year"),
        (["train", "--regularization", "-1"], "--regularization"),
        (["train", "--n-factors", "many"], "--n-factors"),
        (["train", "--target", "stars"], "--target"),
        (["train", "--validation", "1"], "--validation"),
        (["train", "--dataset", "ml-7"], "'ml-7'"),
        (["train", "--output", "/nowhere/model"], "/nowhere"),
        (["train", "--plot", "curve.gif"], "curve.gif"),
        (["train", "--nonsense"], "--nonsense"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(cinefold, arguments, words):
    code, out, err = cinefold(*arguments)
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if not line.startswith("ml-100k: ")]
    assert line.startswith("cinefold: ")
    assert words in line


def test_wrong_commands_and_data_sets(cinefold):
    for arguments in (["nonsense"], ["data", "fetch", "ml-7"], ["data", "info", "ml-7"]):
        code, _, err = cinefold(*arguments, path=False)
        assert (code, len(err.splitlines())) == (2, 1)


def test_a_file_that_is_no_model(cinefold, tmp_path):
    (tmp_path / "m").write_bytes(b"this is text")
    code, _, err = cinefold("recommend", "--user", 7, "--model", tmp_path / "m")
    assert code == 2
    assert "not a Cinefold model" in err


def test_a_model_of_other_movies(cinefold, tmp_path):
    other = WeightedMatrixFactorization(2, max_iter=1).fit(load_other_movies(), progress=False)
    other.save(tmp_path / "m")
    code, _, err = cinefold("recommend", "--user", 7, "--model", tmp_path / "m")
    assert code == 2
    assert "not trained on ml-100k" in err


def load_other_movies():
    from cinefold import Interactions

    return Interactions.from_arrays([1, 2], [5001, 5002], [3, 4])


def test_data_that_cannot_be_read_is_exit_code_1(cinefold, tmp_path):
    code, _, err = cinefold("recommend", "--user", 7, "--path", tmp_path, path=False)
    assert code == 1
    assert str(tmp_path) in err


def test_verbose_says_where_an_error_came_from(cinefold):
    code, _, err = cinefold("--verbose", "recommend", "--user", "7", "--genre", "Sifi")
    assert code == 2
    assert "Traceback" in err


def test_quiet_says_nothing_but_errors(cinefold):
    assert cinefold("--quiet", "recommend", "--user", "7")[2] == ""
    assert len(cinefold("--quiet", "recommend", "--user", "999")[2].splitlines()) == 1


# -- the program ----------------------------------------------------------------------------------


def test_version_and_help(cinefold):
    assert cinefold("--version", path=False)[:2] == (0, f"cinefold {__version__}\n")
    code, out, _ = cinefold(path=False)
    assert code == 0
    assert "recommend" in out
    code, out, _ = cinefold("train", "--help", path=False)
    assert code == 0
    assert "1/log2(p + 1)" in out


@pytest.mark.processes
def test_a_reader_that_leaves_early_is_no_error():
    process = start("data", "list")
    process.stdout.close()
    with process.stderr as errors:
        assert "Traceback" not in errors.read()
    assert process.wait(timeout=PATIENCE) in (0, 1)


NO_EXTRAS = """
import sys

extras = "alembic altair matplotlib openTSNE optuna psycopg pyspark sqlalchemy streamlit".split()
sys.modules.update(dict.fromkeys(extras))  # to import one of them is an error
from cinefold.cli import main
main()
"""


@pytest.mark.processes
def test_commands_start_without_the_packages_of_any_extra():
    command = [sys.executable, "-c", NO_EXTRAS, "--version"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""


LOADING = """
import signal, sys

module, sys.argv[1:] = sys.argv[1], ["info"]

class Loading:
    def find_spec(self, name, *_):
        if name == module:
            sys.meta_path.remove(self)
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:  # as compiled modules swallow it
                print("swallowed")

sys.meta_path.insert(0, Loading())
from cinefold.cli import main
main()
"""


@pytest.mark.processes
@pytest.mark.parametrize("module", ["numpy", "scipy.sparse", "typer", "cinefold.cli.tuning"])
def test_ctrl_c_while_it_loads_ends_it_with_a_word(module):
    command = [sys.executable, "-c", LOADING, module]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Ended by Ctrl-C.\n")


@pytest.mark.processes
def test_ctrl_c_that_is_ignored_stays_so():
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + LOADING
    command = [sys.executable, "-c", ignoring, "numpy"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def healthy(port, process):
    assert process.poll() is None, process.stderr.read()
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=30) as reply,
    ):
        return reply.status == 200


@pytest.mark.processes
def test_app_serves_on_loopback_until_ctrl_c(cache):
    pytest.importorskip("streamlit")
    port = free_port()
    process = start("app", "--port", port, env={**os.environ, "CINEFOLD_DATA_DIR": str(cache)})
    try:
        first = process.stderr.readline()
        assert f"Cinefold is at http://localhost:{port} " in first
        assert healthy(port, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "http://" not in re.sub("http.*/train.owner=", "", err)
    assert "Traceback" not in out + err


def test_app_on_a_taken_port_says_so(cinefold):
    pytest.importorskip("streamlit")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = cinefold("app", "--port", taken.getsockname()[1], path=False)
    assert code == 1
    assert "cannot serve on" in err
