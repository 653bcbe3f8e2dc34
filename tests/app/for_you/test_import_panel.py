"""Importing ratings in the app."""

from __future__ import annotations

import pytest

from cinefold import load_movielens
from cinefold.profiles import ProfileStore, write_csv
from tests.app.drawn import no_errors, plain, widget
from tests.synthetic import AWKWARD_TITLES, movie_id

_HEADER = "Date,Name,Year,Letterboxd URI,Rating\n"


@pytest.fixture
def page(open_page):
    page = no_errors(open_page("for_you"))
    page.segmented_control(key="way").set_value("Import").run()
    return no_errors(page)


def upload(page, content, name="ratings.csv", saved=0):
    content = content if isinstance(content, bytes) else content.encode()
    key = f"import-file-{saved}" if saved else "import-file"
    page.file_uploader(key=key).set_value((name, content, "text/csv")).run()
    return page


def first_movies(n=3):
    movies = load_movielens().movies
    return [movies[movie_id("Western", number)] for number in range(n)]


def as_letterboxd(movies, stars):
    lines = (
        f'2025-01-02,"{movie.title}",{movie.year or ""},https://boxd.it/{place},{given}'
        for place, (movie, given) in enumerate(zip(movies, stars, strict=True))
    )
    return _HEADER + "\n".join(lines) + "\n"


def stored():
    with ProfileStore() as store:
        (profile,) = store.profiles()
        return store.entries(profile.id)


def test_nothing_is_kept_before_it_is_saved(page):
    movies = first_movies()
    no_errors(upload(page, as_letterboxd(movies, (5, 0.5, 3))))
    with ProfileStore() as store:
        assert store.profiles() == []
    page.button(key="import-save").click().run()
    assert set(stored().stars) == {movie.id for movie in movies}
    assert stored().stars[movies[0].id] == 5
    assert "Your ratings (3)" in [plain(heading.value) for heading in page.subheader]
    page.button(key="undo").click().run()
    assert no_errors(page)
    assert stored().stars == {}


def test_what_is_not_here_is_listed(page):
    movies = first_movies(1)
    content = as_letterboxd(movies, (4,)) + "2025-01-02,Nobody Knows This Qqq,1931,https://b/9,4\n"
    no_errors(upload(page, content))
    labels = [expander.label for expander in page.expander]
    assert "Found: 1" in labels
    assert "Not here: 1" in labels


def test_a_doubtful_movie_is_asked_about(page):
    (movie,) = first_movies(1)
    doubtful = movie.title[:-1] + "x"
    no_errors(upload(page, f"{_HEADER}2025-01-02,{doubtful},,https://b/1,4\n"))
    (box,) = [box for box in page.selectbox if str(box.key).startswith("import-")]
    assert box.options[0].startswith(movie.label)
    assert box.options[-1] == "None of these"
    box.set_value(box.options[0]).run()
    page.button(key="import-save").click().run()
    assert list(stored().stars) == [movie.id]


def test_a_file_that_cannot_be_used_is_said(page):
    upload(page, b"\x00\x01\x02\xff")
    assert not page.exception
    assert "not a text file" in plain(page.error[0].value)


def test_a_header_alone_brings_nothing(page):
    no_errors(upload(page, _HEADER))
    assert any("no movies" in info.value for info in page.info)
    assert "import-save" not in [button.key for button in page.button]


def test_a_list_of_recommendations_has_nothing_to_save(page):
    (movie,) = first_movies(1)
    line = f"1,{movie.id},{movie.title},{movie.year},Western,0.9,4.5,"
    content = f"rank,movie_id,title,year,genres,score,stars,because_of\n{line}\n"
    no_errors(upload(page, content))
    assert any("nothing to save" in caption.value for caption in page.caption)
    assert page.button(key="import-save").disabled


def test_what_is_saved_is_said_and_the_file_put_away(page):
    upload(page, as_letterboxd(first_movies(), (5, 4.5, 3)))
    assert "Stars as they are." in [plain(caption.value) for caption in page.caption]
    page.button(key="import-save").click().run()
    assert "3 movies saved" in no_errors(page).toast[0].value
    assert "import-save" not in [button.key for button in page.button]
    assert not page.run().toast


def test_awkward_titles_stay_text(page):
    content = _HEADER + "".join(
        f'2025-01-02,"{title.replace(chr(34), chr(34) * 2)}",1999,https://b/{n},4\n'
        for n, title in enumerate((*AWKWARD_TITLES, "<script>alert(1)</script>"))
    )
    no_errors(upload(page, content))
    page.button(key="import-save").click().run()
    assert len(stored().stars) == len(AWKWARD_TITLES)


def test_a_profile_of_ours_comes_back(page):
    movies = first_movies()
    upload(page, as_letterboxd(movies, (5, 0.5, 3)))
    page.button(key="import-save").click().run()
    with ProfileStore() as store:
        content = write_csv(stored())
        store.delete(store.profiles()[0].id)
    page.run()
    upload(page, content, "cinefold-profile.csv", saved=1)
    widget(page.button, "Save 3 ratings").click().run()
    assert set(stored().stars) == {movie.id for movie in movies}
