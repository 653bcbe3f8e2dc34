from __future__ import annotations

from tests.app.drawn import no_errors


def test_about_needs_no_data(open_page, monkeypatch, tmp_path):
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    page = open_page("about")
    no_errors(page)
    assert page.title[0].value == "About"
    assert page.latex
    assert any("terms of use" in element.value for element in page.markdown)
