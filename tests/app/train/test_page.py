from __future__ import annotations

import time

import pyarrow
import pytest
import streamlit as st

from cinefold import WeightedMatrixFactorization
from cinefold.serving.launch import OWNER_KEY
from tests.app.drawn import no_errors, plain, widget
from tests.waiting import PATIENCE

KEY = "a key of the one who started the app"


@pytest.fixture
def page(open_page, monkeypatch):
    monkeypatch.setenv(OWNER_KEY, KEY)
    return no_errors(open_page("train", owner=KEY))


def train(page, **settings):
    for name, value in settings.items():
        page.number_input(key=f"train-{name}").set_value(value)
    widget(page.button, "Train").click().run()
    while "training-job" in page.session_state and page.session_state["training-job"].running:
        time.sleep(0.05)
        page.run()
    return page.run()


def sure(page, question):
    return page.button(key=f"sure-{question}").click().run()


def headings(page):
    return [plain(heading.value) for heading in page.subheader]


def captions(page):
    return " ".join(plain(caption.value) for caption in page.caption)


def test_at_first_the_default_model_is_shown(page):
    assert headings(page)[0] == "The model in use"
    assert "the default one" in captions(page)
    defaults = WeightedMatrixFactorization().get_params()
    for name in ("regularization_exponent", "alpha", "max_iter"):
        assert page.number_input(key=f"train-{name}").value == defaults[name]
    for name in ("n_factors", "unobserved_weight", "regularization"):
        assert page.number_input(key=f"train-{name}").value is None
        assert page.number_input(key=f"train-{name}").placeholder == "follows the data"
    assert len(page.get("vega_lite_chart")) == 2


def test_every_setting_is_explained(page):
    assert len(page.number_input) == 8
    settings = [box for box in page.selectbox if box.label != "Compare with"]  # with two runs
    assert len(settings) == 5
    assert len(page.caption) >= 12


def test_a_preset_fills_in_the_settings(page):
    page.segmented_control(key="train-preset").set_value("stars").run()
    stars = WeightedMatrixFactorization.preset("stars")
    assert page.number_input(key="train-unobserved_weight").value == 0
    assert page.number_input(key="train-regularization").value == stars.regularization
    assert page.selectbox(key="train-biases").value == "Yes"
    no_errors(train(page, n_factors=4, max_iter=2))
    assert page.session_state["training-job"].outcome.parameters["biases"] is True


def test_training_shows_the_curve_and_the_baseline(page):
    no_errors(train(page, n_factors=8, max_iter=4, held_out=20, seed=7))
    assert headings(page)[0] == "The new model"
    run = page.session_state["training-job"].outcome
    assert [(metric.label, metric.value) for metric in page.metric] == [
        ("Training RMSE (stars)", f"{run.history[-1]['train_rmse_in_stars']:.3f}"),
        ("Validation RMSE (stars)", f"{run.history[-1]['validation_rmse_in_stars']:.3f}"),
        ("NDCG@10 (0 to 1)", f"{run.metrics['ndcg_at_10']:.3f}"),
        ("Recall@10 (0 to 1)", f"{run.metrics['recall_at_10']:.3f}"),
    ]
    assert f"{run.metrics['rmse']:.3f} stars off" in captions(page)
    assert run.split["fraction"] == 0.2
    assert run.parameters["n_factors"] == 8
    assert "20% of the ratings held out for validation (seed 7)" in captions(page)
    assert len(page.get("vega_lite_chart")) == 2


def test_a_kept_model_recommends_until_the_default_one_is_back(page):
    default = page.session_state["train-dataset"]
    assert default == "ml-100k"
    train(page, n_factors=3, max_iter=2)
    sure(page, "Keep: recommend with it")
    assert headings(no_errors(page))[0] == "The model in use"
    assert "one that was trained here" in captions(page)
    page.switch_page("for_you/page.py").run()
    no_errors(page)
    page.switch_page("train/page.py").run()
    sure(page, "Back to the default model")
    assert "the default one" in captions(no_errors(page))


def test_every_run_is_listed_and_can_be_used_later(page, open_page):
    train(page, n_factors=3, max_iter=2)
    widget(page.button, "Not now").click().run()
    assert headings(no_errors(page)) == [
        "The model in use",
        "Learning curve",
        "Quality of the lists",
        "Runs so far",
    ]
    assert "the default one" in captions(page)
    train(page, n_factors=5, max_iter=2)
    sure(page, "Keep: recommend with it")
    table = no_errors(page).dataframe[0].value
    assert table["Factors"].tolist()[:2] == ["5", "3"]
    assert table["In use"].tolist()[:2] == ["✓", ""]
    st.cache_resource.clear()  # as a restart of the app
    again = no_errors(open_page("train", owner=KEY))
    assert "one that was trained here" in captions(again)
    sure(again, "Back to the default model")
    assert "the default one" in captions(no_errors(again))


def test_runs_have_the_words_of_the_settings(page):
    train(page, n_factors=3, max_iter=2)
    first = page.dataframe[0].value.iloc[0]
    assert first[["Target", "w0", "ν", "Biases"]].tolist() == [
        "follows the data",
        "follows the data",
        "1",
        "No",
    ]


def test_a_reload_finds_the_training_under_way(page, open_page):
    page.number_input(key="train-max_iter").set_value(100)
    page.number_input(key="train-n_factors").set_value(256)
    widget(page.button, "Train").click().run()
    job = page.session_state["training-job"]
    page.run()
    again = no_errors(open_page("train", training=page.query_params["training"]))
    assert again.session_state["training-job"] is job
    job.stop()
    job.wait(PATIENCE)
    assert headings(again.run().run())[0] == "The new model"
    widget(again.button, "Not now").click().run()
    assert "training" not in no_errors(again).query_params


def test_settings_that_cannot_work_are_said_and_lose_nothing(page):
    train(page, n_factors=200, unobserved_weight=0.0, regularization=0.0)
    assert not page.exception
    assert "increase regularization" in plain(page.error[0].value)
    assert headings(page)[0] == "The model in use"


def test_a_training_that_the_system_ends_is_said(page):
    page.number_input(key="train-max_iter").set_value(100)
    page.number_input(key="train-n_factors").set_value(512)
    widget(page.button, "Train").click().run()
    job = page.session_state["training-job"]
    while job.process is None:  # it has not even loaded what it takes, so it is not over
        assert job.running
        job.wait(0.001)
    job.process.kill()
    job.wait(PATIENCE)
    page.run()
    assert not page.exception
    assert "memory ran out" in plain(page.error[0].value)
    assert headings(page)[0] == "The model in use"


def test_settings_outlive_a_visit_to_another_page(page):
    page.number_input(key="train-n_factors").set_value(24)
    widget(page.button, "Train").click().run()
    page.switch_page("about/page.py").run()
    page.switch_page("train/page.py").run()
    assert page.number_input(key="train-n_factors").value == 24


def curves(page, chart=0):
    """The values of each curve of a chart, by model and curve."""
    frame = page.get("vega_lite_chart")[chart].proto.datasets[0].data.data
    table = pyarrow.ipc.open_stream(frame).read_all().to_pandas()
    return {key: part["value"].tolist() for key, part in table.groupby(["run", "curve"])}


def test_the_numbers_beside_a_learning_curve_are_its_ends(page):
    train(page, n_factors=8, max_iter=3)
    shown = curves(page)
    assert set(shown) == {
        (model, curve)
        for model in ("The new model", "The default model")
        for curve in ("Training", "Validation")
    }
    for metric, curve in zip(page.metric, ("Training", "Validation"), strict=False):
        own, default = (shown[model, curve] for model in ("The new model", "The default model"))
        assert len(own) == 3
        assert metric.value == f"{own[-1]:.3f}"
        assert metric.delta == f"{own[-1] - default[-1]:+.3f}"


def test_the_plain_objective_has_the_same_unit_as_the_default(page):
    page.segmented_control(key="train-preset").set_value("plain").run()
    assert any("The weighted squared error" in element.value for element in page.markdown)
    assert page.latex[0].value.strip("$\n").startswith(r"\sum_{(i,j)\ \text{rated}} (r_{ij} -")
    train(page, n_factors=4, max_iter=2)
    run = page.session_state["training-job"].outcome
    assert len(curves(page)) == 4
    assert page.metric[0].value == f"{run.history[-1]['train_rmse']:.3f}"


def test_another_unit_is_not_in_the_same_chart(page):
    page.selectbox(key="train-target").set_value("1 for any rating").run()
    train(page, n_factors=4, max_iter=2)
    assert page.metric[0].label == "Training RMSE (1 for a rating)"
    assert "measured in another unit" in captions(page)
    assert {model for model, _ in curves(page)} == {"The new model"}
    assert len({model for model, _ in curves(page, 1)}) == 2  # lists are comparable


def test_what_cannot_be_trained_is_said_at_the_button(page):
    page.number_input(key="train-n_factors").set_value(9999).run()
    assert widget(page.button, "Train").disabled
    assert plain(page.error[0].value) == "Factors must be from 1 to 512, not 9999."
    page.number_input(key="train-n_factors").set_value(8).run()
    page.selectbox(key="train-biases").set_value("Yes").run()
    assert "biases" in plain(page.error[0].value)
    assert widget(page.button, "Train").disabled
    page.selectbox(key="train-biases").set_value("No").run()
    assert not widget(no_errors(page).button, "Train").disabled


def test_stop_early_keeps_its_value(page):
    page.selectbox(key="train-early_stopping").set_value("By the RMSE").run()
    train(page, n_factors=4, max_iter=30)
    assert page.selectbox(key="train-early_stopping").value == "By the RMSE"
    run = page.session_state["training-job"].outcome
    assert run.parameters["early_stopping"] == "rmse"
    best = min(run.history, key=lambda record: record["validation_rmse"])
    assert page.metric[1].value == f"{best['validation_rmse_in_stars']:.3f}"


def test_a_stop_before_the_first_iteration_ends_it(page):
    page.number_input(key="train-n_factors").set_value(512)
    widget(page.button, "Train").click().run()
    job = page.session_state["training-job"]
    page.run()
    assert not job.records
    page.button(key="stop-training").click().run()
    job.wait(PATIENCE)
    page.run()
    assert job.outcome is None
    assert headings(no_errors(page))[0] == "The model in use"


def test_only_who_started_the_app_changes_the_model_of_everybody(page, open_page):
    train(page, n_factors=3, max_iter=2)
    for query in ({}, {"owner": "another"}):
        other = open_page("train", training=page.query_params["training"], **query)
        assert headings(other)[0] == "The new model"
        assert any("only who started it can" in plain(e.value) for e in other.markdown)
        keys = [button.key or "" for button in other.button]
        assert not [key for key in keys if key.startswith(("sure-", "delete-run"))]
    assert any("changes the lists of everybody" in plain(e.value) for e in page.markdown)
    assert "owner" not in page.query_params
