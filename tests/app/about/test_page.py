from __future__ import annotations

from cinefold import WeightedMatrixFactorization
from cinefold.app.shared.formula import objective_lines
from cinefold.serving.launch import OWNER_KEY
from tests.app.drawn import no_errors, texts


def test_about_needs_no_data_and_shows_the_default_objective(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    page = no_errors(open_page("about"))
    assert page.title[0].value == "About"
    lines = objective_lines(WeightedMatrixFactorization().get_params())
    assert [formula.value.strip("$\n") for formula in page.latex] == lines
    assert r"\sqrt{r_{ij}}" in lines[0]
    assert any("terms of use" in element.value for element in page.markdown)
    assert page.subheader[0].value == "The objective in use"
    (purpose,) = (text for text in texts(page) if text.startswith("Cinefold recommends"))
    assert purpose.count(". ") + 1 == 3
    assert "943 people" in purpose


def test_about_shows_what_the_model_in_use_minimizes(open_page, monkeypatch):
    monkeypatch.setenv(OWNER_KEY, "key")
    page = no_errors(open_page("train", owner="key"))
    page.segmented_control(key="train-preset").set_value("plain").run()
    page.number_input(key="train-n_factors").set_value(3)
    page.number_input(key="train-max_iter").set_value(2)
    next(button for button in page.button if button.label == "Train").click().run()
    job = page.session_state["training-job"]
    job.wait(600)
    page.run()
    page.button(key="sure-Keep: recommend with it").click().run()
    page.switch_page("about/page.py").run()
    assert page.latex[0].value.strip("$\n").startswith(r"\sum_{(i,j)\ \text{rated}} (r_{ij} -")
    assert any("= 0.15" in element.value for element in page.markdown)
    page.switch_page("train/page.py").run()
    page.button(key="sure-Back to the default model").click().run()
    page.switch_page("about/page.py").run()
    assert r"\sqrt{r_{ij}}" in page.latex[0].value
