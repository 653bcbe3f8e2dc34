"""The page with a list for several people."""

from __future__ import annotations

import pytest

from cinefold.profiles import Mark, ProfileStore
from tests.app.drawn import no_errors, plain, texts, widget
from tests.synthetic import movie_id, user_id

SCI_FI, ROMANCE = user_id("Sci-Fi", 3), user_id("Romance", 2)


@pytest.fixture
def page(open_page, monkeypatch):
    monkeypatch.setenv("CINEFOLD_SHARED_PROFILES", "1")
    return no_errors(open_page("together"))


def choose(page, *keys):
    page.multiselect(key="together-people").set_value(list(keys)).run()
    return no_errors(page)


def movies(page):
    return [text.split("\n")[0] for text in texts(page) if text[:1].isdigit()]


def test_at_first_it_says_what_it_does_and_has_a_list_at_one_tap(page):
    assert plain(page.subheader[0].value).startswith("One list for the two of you")
    widget(page.button, "Try it with two people of the data").click().run()
    assert len(movies(no_errors(page))) == 10


def test_one_person_gets_company(page):
    choose(page, f"u{SCI_FI}")
    widget(page.button, "Add somebody of the data").click().run()
    assert len(movies(no_errors(page))) == 10
    assert page.multiselect(key="together-people").value[0] == f"u{SCI_FI}"


def test_cards_have_words_reasons_and_actions(page, open_page):
    with ProfileStore() as store:
        ada = store.create("ml-100k", "Ada")
        for number in range(4):
            store.rate(ada.id, movie_id("Horror", number), 5)
    page = open_page("together", profile=ada.key)
    choose(page, f"p{ada.id}", f"u{ROMANCE}")
    shown = [text for text in texts(page) if "Ada:" in text]
    assert len(shown) == 10
    assert all("(liked " in text for text in shown)
    assert any("among the best for them" in text or "suits them" in text for text in shown)
    assert not any("%" in text for text in shown)
    mark = f"together-{Mark.NOT_INTERESTED}"
    first = next(button for button in page.button if (button.key or "").startswith(mark))
    before = movies(page)
    first.click().run()
    assert movies(no_errors(page)) != before


def test_two_users_get_one_list_with_the_stars_of_each(page):
    choose(page, f"u{SCI_FI}", f"u{ROMANCE}")
    assert len(movies(page)) == 10
    opinions = [text for text in texts(page) if f"User {SCI_FI}:" in text]
    assert len(opinions) == 10
    assert all(f"User {ROMANCE}: ★" in text for text in opinions)


def test_the_rule_can_be_chosen_and_is_explained(page):
    choose(page, f"u{SCI_FI}", f"u{ROMANCE}")
    before = movies(page)
    page.segmented_control(key="together-rule").set_value("most pleasure").run()
    assert movies(no_errors(page)) != before
    assert any("one of you will love" in plain(caption.value) for caption in page.caption)


def test_a_profile_and_a_user(page):
    with ProfileStore() as store:
        ada = store.create("ml-100k", "Ada")
        for number in range(4):
            store.rate(ada.id, movie_id("Horror", number), 5)
    page.run()
    choose(page, f"p{ada.id}", f"u{ROMANCE}")
    assert len(movies(page)) == 10
    assert sum("Ada: ★" in text for text in texts(page)) == 10


def test_somebody_without_an_opinion_is_named(page):
    with ProfileStore() as store:
        bob = store.create("ml-100k", "Bob")
    page.run()
    choose(page, f"p{bob.id}", f"u{ROMANCE}")
    assert "nothing to go by for Bob" in plain(page.info[0].value)


def test_the_address_says_who(open_page):
    page = no_errors(open_page("together", **{"with": f"u{SCI_FI},u{ROMANCE},u99999,px"}))
    assert page.multiselect(key="together-people").value == [f"u{SCI_FI}", f"u{ROMANCE}"]
    assert len(movies(page)) == 10
    assert plain(page.toast[0].value) == "Not here: u99999, px."


def test_more_people_than_it_takes_are_left_out(open_page):
    everybody = ",".join(f"u{user}" for user in range(1, 20))
    page = no_errors(open_page("together", **{"with": everybody}))
    assert len(page.multiselect(key="together-people").value) == 12


def test_two_of_one_name_are_said(page):
    with ProfileStore() as store:
        double = store.create("ml-100k", f"User {SCI_FI}")
        store.rate(double.id, movie_id("Horror", 1), 5)
    page.run()
    page.multiselect(key="together-people").set_value([f"p{double.id}", f"u{SCI_FI}"]).run()
    assert not page.exception
    assert "Two people are called" in plain(page.info[0].value)


def test_the_list_can_be_taken_along(page):
    choose(page, f"u{SCI_FI}", f"u{ROMANCE}")
    assert [button.label for button in page.download_button] == ["This list as CSV"]
