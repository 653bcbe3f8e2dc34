from __future__ import annotations

import pytest

from cinefold import load_movielens
from tests.app.drawn import cards, no_errors, plain, recommendations, texts, widget
from tests.synthetic import user_id

USER = user_id("Sci-Fi", 3)


@pytest.fixture
def page(open_page):
    return no_errors(open_page("for_you", user=str(USER)))


def rated_labels(user):
    data = load_movielens()
    ids, _ = data.interactions.user_ratings(user)
    return {data.movies[i].title for i in ids.tolist()}


def shown_titles(page):
    return {card.rsplit(" ", 1)[0] for card in cards(page)}


def test_the_address_chooses_the_user(page):
    assert page.selectbox(key="user").value == USER
    assert len(cards(page)) == 10


def test_an_unknown_user_in_the_address_is_said(open_page):
    page = no_errors(open_page("for_you", user="9999"))
    assert [plain(warning.value) for warning in page.warning] == ["There is no user 9999."]
    assert page.title[0].value.startswith("Rate three")


def test_nothing_rated_is_recommended(page):
    for user in (USER, user_id("Horror", 0), user_id("Western", 29)):
        no_errors(page.selectbox(key="user").set_value(user).run())
        assert len(shown_titles(page)) == 10
        assert not shown_titles(page) & rated_labels(user)


def test_every_recommendation_says_why_and_what_stars_to_expect(page):
    found = [text for text in texts(page) if "Because they rated" in text]
    assert len(found) == 10
    assert all("★" in text and "score" not in text for text in found)
    assert "Sci-Fi" in found[0]


def test_who_they_are_and_what_they_like(page):
    (line,) = [text for text in texts(page) if "one of the" in text]
    assert f"user {USER}" in line
    assert "21 movies rated, mostly Sci-Fi" in line
    (favourites,) = [text for text in texts(page) if text.startswith("★★★★★")]
    assert len(favourites.splitlines()) == 8
    assert plain(page.get("page_link")[-1].proto.label) == "Beside everybody else"


def test_filters(page):
    page.multiselect(key="for-you-genres").set_value(["Horror"]).run()
    assert all("Horror" in text for text in recommendations(page))
    page.slider(key="for-you-years").set_value((1970, 1975)).run()
    years = [int(card.rsplit(" ", 1)[1]) for card in cards(page)]
    assert years
    assert all(1970 <= year <= 1975 for year in years)
    assert any("Horror, 1970 to 1975" in plain(caption.value) for caption in page.caption)


def test_excluded_genres_and_popularity(page):
    page.multiselect(key="for-you-not-genres").set_value(["Sci-Fi"]).run()
    assert cards(page)
    assert not any("Sci-Fi" in text.split("Because")[0] for text in recommendations(page))
    every = cards(page)
    page.segmented_control(key="for-you-fame").set_value("Little known").run()
    no_errors(page)
    assert cards(page) != every


def test_number_of_movies(page):
    page.segmented_control(key="for-you-length").set_value(20).run()
    assert len(cards(page)) == 20


def test_filters_that_nothing_passes_are_said(page):
    page.multiselect(key="for-you-genres").set_value(["Horror"])
    page.multiselect(key="for-you-not-genres").set_value(["Horror"]).run()
    no_errors(page)
    assert not cards(page)
    assert "Loosen" in page.info[0].value


def test_one_tap_leads_to_somebody_else_and_one_back(open_page):
    page = no_errors(open_page("for_you"))
    widget(page.button, "Try as somebody else").click().run()
    user = page.selectbox(key="user").value
    assert page.query_params["user"] == str(user)
    assert len(cards(no_errors(page))) == 10
    widget(page.button, "Another one").click().run()
    assert page.selectbox(key="user").value != user
    widget(page.button, "Back to me").click().run()
    assert no_errors(page).title[0].value.startswith("Rate three")


def test_csv_buttons(page):
    labels = {button.label for button in page.download_button}
    assert labels == {"Recommendations as CSV", "All ratings as CSV"}


def test_an_adventurous_list_is_another_one(page):
    page.segmented_control(key="for-you-length").set_value(20).run()
    familiar = cards(page)
    page.select_slider(key="for-you-adventure").set_value("Adventurous").run()
    adventurous = cards(no_errors(page))
    assert len(adventurous) == len(familiar)
    assert adventurous != familiar


def test_each_movie_has_predicted_stars(page):
    badges = recommendations(page)
    assert len(badges) == 10
    assert all("★" in text.split("Because")[0] for text in badges)


def test_a_list_can_be_sorted_by_stars(page):
    page.segmented_control(key="for-you-order").set_value("Most stars").run()
    badges = [text.split("Because")[0] for text in recommendations(no_errors(page))]
    stars = [float(text.split("★ ")[1][:3]) for text in badges]
    assert len(stars) == 10
    assert stars == sorted(stars, reverse=True)
