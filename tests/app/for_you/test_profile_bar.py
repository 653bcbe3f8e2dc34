"""Profiles in the app: they outlive the session, and belong to one person."""

from __future__ import annotations

import pytest
import streamlit as st
import streamlit.config

from cinefold import load_movielens
from cinefold.profiles import ProfileStore
from tests.app.drawn import cards, no_errors, plain, texts, widget
from tests.app.for_you.test_page import is_start, rate, rate_by_title
from tests.synthetic import movie_id, movie_title


@pytest.fixture
def page(open_page):
    return no_errors(open_page("for_you"))


@pytest.fixture
def store(page):
    with ProfileStore() as opened:
        yield opened


def save_as(page, name):
    page.text_input(key="profile-name-text").set_value(name)
    widget(page.button, "Save").click().run()
    return page


def test_the_first_rating_makes_a_profile_that_a_reload_finds(page, store, open_page):
    assert store.profiles() == []
    rate_by_title(page, "Western", 0, 5)
    before = cards(page)
    (profile,) = store.profiles("ml-100k")
    assert store.entries(profile.id).stars == {movie_id("Western", 0): 5}
    again = no_errors(open_page("for_you", profile=profile.key))
    assert cards(again) == before
    assert "profile" not in again.query_params


def test_a_guest_gets_a_name_and_keeps_what_they_said(page, store):
    rate_by_title(page, "Western", 0, 5)
    save_as(page, "  Ada <b>L</b>  ")
    (profile,) = store.profiles()
    assert profile.name == "Ada <b>L</b>"
    assert profile.n_ratings == 1
    assert "Ada <b>L</b> · 1 rating" in widget(page.selectbox, "Profile").options


def test_the_private_link_is_behind_an_action_and_a_shared_list_gets_a_name(page, store):
    rate_by_title(page, "Western", 0, 5)
    (profile,) = store.profiles()
    assert [code.value.rsplit("=")[1] for code in page.code] == [profile.share_key]
    widget(page.toggle, "Show my private link").set_value(True).run()
    assert [code.value.rsplit("=")[1] for code in page.code] == [profile.share_key, profile.key]
    assert "change and delete" in plain(page.warning[0].value)
    page.text_input(key="share-name-text").set_value("Ada")
    widget(page.button, "Put it there").click().run()
    assert store.get(profile.id).name == "Ada"


def test_a_list_without_a_name_is_shared_without_one(open_page, store):
    shared = store.create("ml-100k", "Guest 1f", settings={"guest": True})
    page = no_errors(open_page("for_you", profile=shared.share_key))
    assert page.title[0].value == "A list shared with you"
    assert not any("Guest" in text for text in texts(page))


@pytest.mark.parametrize("name", ["", " ", "\u200b", "x" * 200])
def test_names_that_break_a_rule_are_said(page, name):
    save_as(page, name)
    assert "name" in plain(page.error[0].value) or "character" in plain(page.error[0].value)


def test_a_name_is_given_once(page, store):
    store.create("ml-100k", "Ada")
    save_as(page, "ada")
    assert "already" in plain(page.error[0].value)


@pytest.fixture
def ada(store):
    """Of somebody else."""
    profile = store.create("ml-100k", "Ada")
    store.rate(profile.id, movie_id("Horror", 1), 4)
    return store.get(profile.id)


def profiles_to_choose(page):
    return [box.options for box in page.selectbox if box.label == "Profile"]


def test_profiles_are_those_of_one_browser(page, ada):
    page.run()
    assert profiles_to_choose(page) == []
    rate_by_title(page, "Western", 0, 5)
    assert profiles_to_choose(page) == [["Somebody new", "My list · 1 rating"]]


@pytest.mark.parametrize("asked", ["id", "name"])
def test_no_address_that_can_be_guessed_opens_a_profile(open_page, ada, asked):
    page = no_errors(open_page("for_you", profile=str(getattr(ada, asked))))
    assert is_start(page)
    assert [toast.value for toast in page.toast] == ["There is no such profile here."]


def test_whose_machine_it_is_opens_profiles_by_name(open_page, ada):
    st.config.set_option("server.address", "127.0.0.1")
    try:
        page = no_errors(open_page("about", profile="ada"))
    finally:
        st.config.set_option("server.address", None)
    page.switch_page("for_you/page.py").run()
    assert profiles_to_choose(no_errors(page)) == [["Somebody new", "Ada · 1 rating"]]


def test_what_another_browser_began_no_name_opens(open_page, store):
    store.create("ml-100k", "Guest", settings={"guest": True, "browser": True})
    st.config.set_option("server.address", "127.0.0.1")
    try:
        page = no_errors(open_page("for_you", profile="guest"))
    finally:
        st.config.set_option("server.address", None)
    assert is_start(page)


@pytest.mark.parametrize("view", ["for_you", "taste", "about"])
def test_a_shared_list_is_shown_and_cannot_be_changed(open_page, store, ada, view):
    page = no_errors(open_page(view, profile=ada.share_key))
    assert page.title[0].value == "For Ada"
    assert len(cards(page)) == 10
    assert not page.feedback
    assert {button.label for button in page.button} == {"Reset", "To my own list"}


def test_from_a_shared_list_to_ones_own(open_page, store, ada):
    page = no_errors(open_page("for_you", profile=ada.share_key))
    widget(page.button, "To my own list").click().run()
    assert is_start(no_errors(page))
    rate_by_title(page, "Western", 0, 5)
    assert store.get(ada.id).n_ratings == 1


def test_all_profiles_where_the_app_was_started_so(open_page, ada, monkeypatch):
    monkeypatch.setenv("CINEFOLD_SHARED_PROFILES", "1")
    page = no_errors(open_page("for_you"))
    assert any("sees all profiles" in plain(caption.value) for caption in page.caption)
    widget(page.selectbox, "Profile").set_value(ada.id).run()
    assert "Your ratings (1)" in [plain(heading.value) for heading in no_errors(page).subheader]
    assert "Delete" not in [button.label for button in page.button]  # it is not theirs
    widget(page.selectbox, "Profile").set_value(None).run()
    assert is_start(no_errors(page))


def test_a_browser_that_is_to_forget_opens_nothing(page, store):
    rate_by_title(page, "Western", 0, 5)
    widget(page.button, "Forget me here").click().run()
    assert is_start(no_errors(page))
    assert profiles_to_choose(page) == []
    assert len(store.profiles()) == 1


def test_what_another_window_says_arrives(page, store):
    rate_by_title(page, "Western", 0, 5)
    (profile,) = store.profiles()
    store.rate(profile.id, movie_id("Comedy", 0), 3)
    page.run()
    assert "Your ratings (2)" in [plain(heading.value) for heading in page.subheader]


def test_deleting_takes_a_second_thought(page, store):
    rate_by_title(page, "Western", 0, 5)
    assert widget(page.button, "Delete").disabled
    page.checkbox(key="profile-sure").check().run()
    widget(page.button, "Delete").click().run()
    assert store.profiles() == []
    assert is_start(no_errors(page))


def test_a_profile_deleted_elsewhere_is_not_missed(page, store):
    rate_by_title(page, "Western", 0, 5)
    (profile,) = store.profiles()
    store.delete(profile.id)
    rate(page, movie_id("Western", 0), 2, "rated")
    assert is_start(page)
    assert plain(page.warning[0].value).startswith("The profile was deleted in another window")
    rate_by_title(page, "Western", 1, 5)
    assert not page.warning
    assert len(cards(page)) == 10


@pytest.mark.parametrize("asked", ["999", "x", "-1"])
def test_an_address_of_no_profile_is_somebody_new(open_page, asked):
    page = no_errors(open_page("for_you", profile=asked))
    assert is_start(page)


def test_without_a_database_the_session_remembers(open_page, monkeypatch):
    monkeypatch.setenv("CINEFOLD_DATABASE_URL", "sqlite:////proc/nowhere/profiles.sqlite3")
    page = open_page("for_you")
    rate_by_title(page, "Western", 0, 5)
    assert len(cards(no_errors(page))) == 10
    assert "only kept until you close this page" in plain(page.warning[0].value)


def question(page):
    """The stars of the movie asked about; those of the answer before come after it."""
    return next(w for w in page.feedback if w.key.startswith("stars-answered-"))


def test_five_answers_make_the_list_personal(page, store):
    page.segmented_control(key="way").set_value("Get to know me").run()
    for _ in range(5):
        question(page).set_value(4).run()
    assert any("this list is yours" in text for text in [b.text for b in page.get("progress")])
    (profile,) = store.profiles()
    assert profile.n_ratings == 5


def test_a_movie_rated_after_all_counts_as_rated(page):
    unseen = next(b.key for b in page.button if str(b.key).startswith("suggested-not_seen-"))
    page.button(key=unseen).click().run()
    movie = int(unseen.removeprefix("suggested-not_seen-"))
    page.text_input(key="search").set_value(load_movielens().movies[movie].title).run()
    page.feedback(key=f"stars-search-{movie}").set_value(3).run()
    page.segmented_control(key="way").set_value("Get to know me").run()
    assert no_errors(page).get("progress")[0].proto.text == "1 of 5 ratings"


def test_not_seen_and_skip_lead_to_other_questions(page, store):
    page.segmented_control(key="way").set_value("Get to know me").run()
    asked = [question(page).key]
    for label in ("Not seen", "Skip"):
        widget(page.button, label).click().run()
        asked.append(question(no_errors(page)).key)
    assert len(set(asked)) == 3
    (profile,) = store.profiles()
    assert profile.n_marks == 1


def test_an_exported_profile_has_titles(page, monkeypatch):
    drawn = {}

    def download_button(label, data, *_, **__):
        drawn[label] = data

    monkeypatch.setattr(st, "download_button", download_button)
    rate_by_title(page, "Western", 0, 5)
    _, line = drawn["Profile as CSV"]().splitlines()
    assert line.startswith(f"{movie_id('Western', 0)},{movie_title('Western', 0)},")
