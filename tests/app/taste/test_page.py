from __future__ import annotations

import json

import pytest

from cinefold import load_movielens
from cinefold.profiles import Mark, ProfileStore
from cinefold.recommender import MovieRecommender
from cinefold.serving.training import load_or_train
from tests.app.drawn import no_errors, plain, texts
from tests.synthetic import movie_id, user_id

USER = user_id("Sci-Fi", 3)


@pytest.fixture
def page(open_page):
    return no_errors(open_page("taste", user=str(USER)))


def numbers(page):
    return {metric.label: metric.value for metric in page.metric}


def loves(page):
    return [plain(e.value) for e in page.markdown if "Without your stars" in e.value]


def test_the_address_chooses_the_user(page):
    assert page.selectbox(key="user").value == USER
    _, stars = load_movielens().interactions.user_ratings(USER)
    assert numbers(page)["Movies rated"] == str(len(stars))
    assert numbers(page)["Mean rating"] == f"{stars.mean():.1f} ★"


def test_the_choice_goes_along_to_this_page_and_for_you_stays_mine(open_page):
    page = no_errors(open_page("for_you", user=str(USER)))
    page.switch_page("taste/page.py").run()
    assert page.selectbox(key="user").value == USER
    del page.query_params["user"]  # as a link of the navigation does
    page.switch_page("for_you/page.py").run()
    assert no_errors(page).title[0].value.startswith("Rate three")


def test_the_summary_names_their_taste(page):
    assert any(text.startswith("Sees more") and "Sci-Fi" in text for text in texts(page))


def test_an_unknown_user_in_the_address_is_said(open_page):
    page = open_page("taste")
    page.query_params["user"] = "9999"
    no_errors(page.run())
    assert [plain(warning.value) for warning in page.warning] == ["There is no user 9999."]


def test_charts_and_loves(page):
    assert len(page.get("vega_lite_chart")) == 4
    specs = [json.loads(chart.proto.spec) for chart in page.get("vega_lite_chart")]
    for spec in specs:  # a phone would cut a longer title off
        title = spec["encoding"]["x"]["title"]
        assert all(len(line) < 40 for line in ([title] if isinstance(title, str) else title))
    data = load_movielens()
    items, stars = data.interactions.user_ratings(USER)
    high = {data.movies[item].title for item, s in zip(items, stars, strict=True) if s >= 4}
    assert len(loves(page)) == 6
    assert [love for love in loves(page) if not any(title in love for title in high)] == []


def test_the_other_judge_orders_otherwise(page):
    before = loves(page)
    page.segmented_control(key="taste-judge").set_value("The model").run()
    no_errors(page)
    assert loves(page) != before
    places = [int(love.split("number ")[1].split(" of")[0]) for love in loves(page)]
    unusual, usual = places[:3], places[3:]
    assert unusual == sorted(unusual, reverse=True)
    assert usual == sorted(usual)
    assert min(unusual) >= max(usual)


def test_without_ratings_it_teaches(open_page):
    page = no_errors(open_page("taste"))
    page.segmented_control(key="taste-whose").set_value("Yours").run()
    no_errors(page)
    assert page.subheader[0].value == "Your taste will be here"
    assert not page.metric


def profile(ratings):
    with ProfileStore() as store:
        ada = store.create("ml-100k", "Ada")
        store.rate_many(ada.id, ratings)
    return ada.key


@pytest.fixture
def open_as(open_page):
    """A function that opens For you as somebody with these ratings."""

    def open_(ratings):
        page = open_page("about")
        page.query_params["profile"] = profile(ratings)
        page.switch_page("for_you/page.py").run()
        return no_errors(page)

    return open_


def test_a_visitor_sees_their_own(open_as):
    ratings = {movie_id("Horror", number): 5.0 for number in range(9)}
    page = open_as({**ratings, movie_id("Romance", 0): 1.0})
    page.switch_page("taste/page.py").run()
    no_errors(page)
    assert page.segmented_control(key="taste-whose").value == "Yours"
    assert numbers(page)["Movies rated"] == "10"
    assert any(text.startswith("You see more") and "Horror" in text for text in texts(page))
    assert any(text.endswith("A first guess, from 10 ratings.") for text in texts(page))
    assert len(loves(page)) == 6


def test_few_ratings_are_not_compared(open_as):
    page = open_as({movie_id("Horror", number): 5.0 for number in range(9)})
    page.switch_page("taste/page.py").run()
    assert any(text.startswith("9 ratings so far: with 10") for text in texts(no_errors(page)))
    assert not page.metric
    assert not page.get("vega_lite_chart")
    assert len(loves(page)) == 6


def test_a_visitors_places_are_those_of_their_own_list(open_as):
    """Of New here: with what they said they have not seen, and without what they do not want."""
    ratings = {movie_id("Horror", number): 5.0 for number in range(3)}
    ratings[movie_id("Romance", 0)] = 1.0
    unseen, unwanted = movie_id("Horror", 4), movie_id("Horror", 5)
    page = open_as(ratings)
    with ProfileStore() as store:
        (ada,) = store.profiles("ml-100k")
        store.mark(ada.id, unseen, Mark.NOT_SEEN)
        store.mark(ada.id, unwanted, Mark.NOT_INTERESTED)
    page.switch_page("taste/page.py").run()
    no_errors(page)
    data = load_movielens()
    recommender = MovieRecommender(data, load_or_train(data).model)
    shown = loves(page)
    for item in (item for item, stars in ratings.items() if stars == 5):
        left = {other: stars for other, stars in ratings.items() if other != item}
        lines = recommender.recommend_for(left, 500, exclude=[unwanted])
        (rank,) = (line.rank for line in lines if line.movie.id == item)
        (card,) = (text for text in shown if data.movies[item].title in text)
        assert f"number {rank} of {len(lines)} in the list" in card


def test_only_low_ratings(open_as):
    page = open_as({movie_id("Horror", 1): 1.0})
    page.switch_page("taste/page.py").run()
    no_errors(page)
    assert not loves(page)
    assert "No movie has more than half of the stars yet" in page.info[0].value


@pytest.mark.parametrize("n_high", [1, 2])
def test_one_favourite_is_not_the_most_unusual_one(open_as, n_high):
    page = open_as({movie_id("Horror", number): 5.0 for number in range(n_high)})
    page.switch_page("taste/page.py").run()
    assert len(loves(no_errors(page))) == n_high
    assert ("Most unusual" in texts(page)) == (n_high > 1)
