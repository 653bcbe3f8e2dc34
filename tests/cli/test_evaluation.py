"""``cinefold evaluate``."""

from __future__ import annotations

import csv
import json
import re
import signal

import numpy as np
import pytest

from cinefold.cli import commands, evaluation
from cinefold.evaluation import Comparison, Evaluation
from cinefold.models import Ease, Popularity
from cinefold.tuning import write_parameters

FAST = ("--models", "plain", "--models", "popularity")


@pytest.fixture
def cinefold(folder, capsys):
    """Run a command on the small data set; its exit code, standard output and error."""

    def run(*arguments):
        code = commands.run(["-q", *map(str, arguments), "--path", str(folder)])
        return code, *capsys.readouterr()

    return run


def test_a_table_of_models_with_intervals(cinefold):
    code, out, _ = cinefold("evaluate", "-k", "5")
    assert code == 0
    for words in ("ranking", "popularity", "bias", "ease", "NDCG@5", "Recall@5", "RMSE", "±"):
        assert words in out
    assert "10% of each user's ratings held out (seed 0)" in out


def test_large_data_is_measured_on_a_sample_of_its_users_which_is_stated(
    folder, capsys, monkeypatch
):
    def run(*arguments):
        command = ["evaluate", *FAST, "--seed", "3", "--path", str(folder), *arguments]
        assert commands.run(command) == 0
        return capsys.readouterr()

    assert "sample" not in run().err
    assert "On a sample of 9 of" in run("--sample-users", "9").err
    assert json.loads(run("--sample-users", "9", "--json").out)["sample_users"] == 9
    monkeypatch.setattr("cinefold.cli.options._MANY_RATINGS", 800)
    out, error = run()
    assert re.search(r"On a sample of \d+ of \d+ users, with .* \(seed 3\)", error)
    assert out == run().out
    assert json.loads(run("--sample-users", "0", "--json").out)["sample_users"] is None


@pytest.mark.parametrize("protocol", ["random", "leave-last-out", "time", "k-fold", "strong"])
def test_every_protocol(cinefold, protocol):
    code, out, _ = cinefold("evaluate", *FAST, "--protocol", protocol, "--folds", "2")
    assert code == 0
    assert "held out" in out or "folds" in out


def test_files_for_programs(cinefold, tmp_path):
    files = tmp_path / "all.json", tmp_path / "table.csv"
    code, out, _ = cinefold(
        "evaluate", *FAST, "--json-file", files[0], "--csv", files[1], "--json", "--metrics", "all"
    )
    assert code == 0
    report = json.loads(out)
    assert report == json.loads(files[0].read_text(encoding="utf-8"))
    with files[1].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(report["metrics"])
    ndcg = [r for r in report["metrics"] if r["model"] == "plain" and r["metric"] == "ndcg_at_10"]
    assert ndcg[0]["low"] < ndcg[0]["value"] < ndcg[0]["high"]
    assert ndcg[0]["value"] == pytest.approx(report["divisions"]["plain"][0]["ndcg_at_10"])


def test_parameters_of_a_saved_model(cinefold, tmp_path):
    model = tmp_path / "mine.safetensors"
    assert cinefold("train", "--n-factors", "3", "--max-iter", "2", "-o", model)[0] == 0
    code, out, _ = cinefold("evaluate", "--models", "popularity", "--model", model)
    assert code == 0
    assert "mine" in out


def test_parts_that_are_given(tmp_path, capsys):
    """Recall@2 and NDCG@2 of popularity by hand, everything seen left out of the lists."""
    train, validation, test = (tmp_path / name for name in ("train.txt", "valid.txt", "test.csv"))
    train.write_text("1 10 11\n2 10\n3 10 11 12\n4 13\n5\n", encoding="utf-8")
    validation.write_text("4 12\n", encoding="utf-8")
    test.write_text("user,item\n1,13\n2,11\n2,13\n2,14\n4,10\n5,10\n", encoding="utf-8")
    files = ["--train", train, "--validation", validation, "--test", test]
    arguments = ["evaluate", *files, "--models", "popularity,ranking", "-k", "2", "--json"]
    assert commands.run(list(map(str, arguments))) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["protocol"] == {"protocol": "given"}
    # Ranked for 1: 12, 13 (14 has no ratings); for 2: 11, 12; for 4: 10, 11. User 5 is new.
    second = 1 / np.log2(3)
    ndcg = [second / 1, 1 / (1 + second), 1]
    (found,) = report["divisions"]["popularity"]
    assert found["recall_at_2"] == pytest.approx(np.mean([1, 1 / 3, 1]))
    assert found["ndcg_at_2"] == pytest.approx(np.mean(ndcg))
    assert "ranking" in report["divisions"]
    assert commands.run(["evaluate", *map(str, files)]) == 0
    assert "6 held-out" not in (out := capsys.readouterr().out)
    assert "test.csv, as given" in out
    assert commands.run(["evaluate", "--test", str(test)]) == 2
    assert commands.run(["evaluate", "--train", str(train)]) == 2
    for more in (["--seed", "1"], ["--sample-users", "5"], ["--data", str(test)]):
        assert commands.run(["evaluate", *map(str, files), *more]) == 2


def test_parts_with_columns_of_other_names(tmp_path, capsys):
    for name, rows in (("a", "c1;p7;3\nc1;p8;4\nc2;p7;5"), ("b", "c2;p8;4")):
        (tmp_path / name).write_text(f"Kunde;Artikel;Note\n{rows}\n", encoding="utf-8")
    files = ["evaluate", "--train", str(tmp_path / "a"), "--test", str(tmp_path / "b")]
    assert commands.run(files) == 1
    assert "are Kunde, Artikel, Note; name it" in (error := capsys.readouterr().err)
    assert "--user-column" in error
    names = ["--user-column", "Kunde", "--item-column", "Artikel", "--rating-column", "Note"]
    assert commands.run([*files, *names, "--models", "popularity", "-k", "1"]) == 0
    assert commands.run([*files, "--titles", str(tmp_path / "a")]) == 2


def test_a_baseline_that_is_better_is_news():
    rng = np.random.default_rng(0)
    low, high = rng.uniform(0.1, 0.3, 50), rng.uniform(0.2, 0.5, 50)
    users = np.arange(50)
    ranked = {
        name: [Evaluation({"ndcg_at_10": values}, users, {})]
        for name, values in (("ranking", low), ("popularity", high), ("ease", low + 1e-6))
    }
    sure, unsure = evaluation._remarks(Comparison({}, ranked), 10)
    assert sure.startswith("popularity makes better lists than ranking here: NDCG@10 +0.1")
    assert sure.endswith("Tune the model, or use the baseline.")
    assert unsure.startswith("ease makes better lists than ranking here")


def test_of_few_users_no_baseline_is_surely_better():
    """Two users who agree have no spread at all, and still prove nothing."""
    ranked = {
        name: [Evaluation({"ndcg_at_10": np.full(5, value)}, np.arange(5), {})]
        for name, value in (("ranking", 0.2), ("popularity", 0.4))
    }
    (news,) = evaluation._remarks(Comparison({}, ranked), 10)
    assert news.endswith("NDCG@10 +0.2000 ± 0.0000, maybe by chance.")


def test_predictions_are_stars_even_of_too_few_ratings_to_calibrate_them(capsys, tmp_path):
    """Scores of the ranking model are far below ratings, and never passed off as stars."""
    file = tmp_path / "few.csv"
    rows = ["ann,x,4", "ann,y,5", "bob,x,5", "bob,z,4", "cat,y,5"]
    file.write_text("\n".join(["user,item,rating", *rows]), encoding="utf-8")
    arguments = ["--data", str(file), "--protocol", "k-fold", "--folds", "2", "--json"]
    assert commands.run(["-q", "evaluate", *arguments]) == 0
    found = json.loads(capsys.readouterr().out)["metrics"]
    errors = {row["model"]: row["value"] for row in found if row["metric"] == "rmse"}
    assert errors["ranking"] <= 1  # all ratings are 4 or 5


def test_models_of_one_file_name_are_told_apart(cinefold, tmp_path):
    files = [tmp_path / folder / "ranking.json" for folder in ("one", "two")]
    for number, file in enumerate(files):
        file.parent.mkdir()
        write_parameters(file, {"n_factors": 2 + number, "max_iter": 2})
    chosen = [word for file in files for word in ("--params", file)]
    code, out, _ = cinefold("evaluate", "--models", "ranking", *chosen, "--json")
    assert code == 0
    assert set(json.loads(out)["divisions"]) == {"ranking", *map(str, files)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--models", "magic"], "no model 'magic'; there are ranking"),
        (["-k", "0,5"], "-k takes lengths from 1 to 100,000, not '0,5'"),
        (["-k", "10,9999999999"], "-k takes lengths from 1 to 100,000"),
        (["-k", "ten"], "not 'ten'"),
        (["--metrics", "f1"], "no metric 'f1'"),
        (["--csv", "/nowhere/x.csv"], "no folder /nowhere"),
        (["--json-file", "."], "'--json-file': file '.' is a directory"),
        (["--folds", "1"], "--folds"),
        (["--protocol", "strong", "--folds", "5000"], "folds must be from 2 to"),
    ],
)
def test_wrong_input_is_one_line(cinefold, arguments, words):
    code, out, err = cinefold("evaluate", *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_files_of_tuned_parameters(cinefold, tmp_path):
    write_parameters(tmp_path / "tuned.json", {"n_factors": 3, "max_iter": 2})
    code, out, _ = cinefold(
        "evaluate", "--models", "popularity", "--params", tmp_path / "tuned.json"
    )
    assert code == 0
    assert "tuned" in out


def test_data_without_ratings_has_no_stars_to_predict(capsys, tmp_path):
    rng = np.random.default_rng(0)
    users, items = np.nonzero(rng.random((40, 30)) < 0.4)
    lines = (f"u{user},movie {item}" for user, item in zip(users, items, strict=True))
    file = tmp_path / "seen.csv"
    file.write_text("user,movie\n" + "\n".join(lines), encoding="utf-8")
    assert commands.run(["-q", "evaluate", "--data", str(file)]) == 0
    out = capsys.readouterr().out
    assert "RMSE" not in out
    assert "nan" not in out
    assert "NDCG@10" in out


def test_who_was_measured_and_who_is_how_far_from_the_best(cinefold, capsys, tmp_path):
    code, out, _ = cinefold("evaluate", *FAST, "--protocol", "time", "--fraction", "0.3")
    assert code == 0
    assert re.search(r"\d+ held-out ratings of (\d+) of \1 users\.", out)
    file = tmp_path / "ratings.csv"
    file.write_text("user,movie,rating\nu1,a,1\nu1,b,5\nu2,a,4\nu2,c,2\nu3,b,3\n", encoding="utf-8")
    asked = ("--models", "popularity", "--fraction", "0.5", "--data", str(file))
    assert commands.run(["-q", "evaluate", *asked]) == 0
    counted = "2 held-out ratings of 2 of 3 users, as the others lack training or held-out ratings."
    assert counted in capsys.readouterr().out
    code, out, _ = cinefold("evaluate", *FAST, "--json", "-k", "5", "--metrics", "ndcg,coverage")
    report = json.loads(out)
    assert code == 0
    assert not report["interrupted"]
    assert {row["metric"] for row in report["differences_from_best"]} == {
        "ndcg_at_5",
        "coverage_at_5",
    }


def test_when_no_model_is_left_there_is_no_table(cinefold, monkeypatch):
    monkeypatch.setattr(evaluation, "_BASELINES", {"ease": lambda: Ease(max_items=2)})
    code, out, err = cinefold("evaluate", "--models", "ease")
    assert (code, out) == (1, "")
    assert "ease was left out: EASE needs" in err


def test_ctrl_c_shows_what_was_finished(cinefold, monkeypatch):
    fits = []

    class Interrupted(Popularity):
        def fit(self, interactions):
            fits.append(interactions)
            if len(fits) == 3:
                signal.raise_signal(signal.SIGINT)
            return super().fit(interactions)

    monkeypatch.setitem(evaluation._BASELINES, "popularity", Interrupted)
    command = ("evaluate", "--models", "popularity", "--protocol", "k-fold", "--json")
    code, out, _ = cinefold(*command)
    report = json.loads(out)
    assert code == 130
    assert report["interrupted"]
    assert len(report["divisions"]["popularity"]) == 2


def test_where_all_people_are_alike_popularity_wins_and_it_says_so(capsys, tmp_path):
    """There is no taste to learn: who rates a movie depends on its fame alone."""
    rng = np.random.default_rng(0)
    seen = rng.random((200, 80)) < np.minimum(0.9, 1.8 / (1 + np.arange(80)))
    rows = [f"u{user},movie-{item},{rng.integers(1, 6)}" for user, item in np.argwhere(seen)]
    file = tmp_path / "fame.csv"
    file.write_text("\n".join(["user,item,rating", *rows]), encoding="utf-8")
    arguments = ["--models", "ranking,popularity", "--repeats", "3", "--json"]
    assert commands.run(["-q", "evaluate", "--data", str(file), *arguments]) == 0
    news = json.loads(capsys.readouterr().out)["news"]
    assert news[0].startswith("popularity makes better lists than ranking here: NDCG@10 +0.0")
    assert news[0].endswith("Tune the model, or use the baseline.")
