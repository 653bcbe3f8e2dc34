from __future__ import annotations

import time

import pytest
import streamlit as st

from cinefold import WeightedMatrixFactorization
from tests.app.drawn import no_errors, plain, widget
from tests.waiting import PATIENCE


@pytest.fixture
def page(open_page):
    return no_errors(open_page("train"))


def train(page, **settings):
    for name, value in settings.items():
        page.number_input(key=f"train-{name}").set_value(value)
    widget(page.button, "Train").click().run()
    while "training-job" in page.session_state and page.session_state["training-job"].running:
        time.sleep(0.05)
        page.run()
    return page.run()


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
    assert len(page.selectbox) == 5
    assert len(page.caption) >= 12


def test_a_preset_fills_in_the_settings(page):
    page.segmented_control(key="train-preset").set_value("stars").run()
    stars = WeightedMatrixFactorization.preset("stars")
    assert page.number_input(key="train-unobserved_weight").value == 0
    assert page.number_input(key="train-regularization").value == stars.regularization
    assert page.selectbox(key="train-biases").value is True
    no_errors(train(page, n_factors=4, max_iter=2))
    assert page.session_state["training-job"].outcome.parameters["biases"] is True


def test_training_shows_the_curve_and_the_baseline(page):
    no_errors(train(page, n_factors=8, max_iter=4, held_out=20, seed=7))
    assert headings(page)[0] == "The new model"
    assert [metric.label for metric in page.metric][:2] == ["RMSE (stars)", "NDCG@10 (0 to 1)"]
    run = page.session_state["training-job"].outcome
    assert page.metric[0].value == f"{run.metrics['rmse']:.3f}"
    assert page.metric[0].delta == f"{run.metrics['rmse'] - run.baseline['rmse']:+.3f}"
    assert run.split["fraction"] == 0.2
    assert run.parameters["n_factors"] == 8
    assert "20% of the ratings held out (seed 7)" in captions(page)
    assert len(page.get("vega_lite_chart")) == 2


def test_a_kept_model_recommends_until_the_default_one_is_back(page):
    default = page.session_state["train-dataset"]
    assert default == "ml-100k"
    train(page, n_factors=3, max_iter=2)
    widget(page.button, "Keep: recommend with it").click().run()
    assert headings(no_errors(page))[0] == "The model in use"
    assert "a run of yours" in captions(page)
    page.switch_page("for_you/page.py").run()
    no_errors(page)
    page.switch_page("train/page.py").run()
    widget(page.button, "Back to the default model").click().run()
    assert "the default one" in captions(no_errors(page))


def test_every_run_is_listed_and_can_be_used_later(page, open_page):
    train(page, n_factors=3, max_iter=2)
    widget(page.button, "Not now").click().run()
    assert headings(no_errors(page)) == ["The model in use", "Runs so far"]
    assert "the default one" in captions(page)
    train(page, n_factors=5, max_iter=2)
    widget(page.button, "Keep: recommend with it").click().run()
    table = no_errors(page).dataframe[0].value
    assert table["Factors"].tolist()[:2] == ["5", "3"]
    assert table["In use"].tolist()[:2] == ["✓", ""]
    st.cache_resource.clear()  # as a restart of the app
    again = no_errors(open_page("train"))
    assert "a run of yours" in captions(again)
    widget(again.button, "Back to the default model").click().run()
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
