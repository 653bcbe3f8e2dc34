from __future__ import annotations

import pytest

from cinefold import load_movielens
from tests.app.drawn import cards, no_errors, plain, recommendations, texts, widget
from tests.synthetic import AWKWARD_TITLES, movie_id, movie_title


@pytest.fixture
def page(open_page):
    return no_errors(open_page("for_you"))


def is_start(page):
    return "What most people like" in [plain(heading.value) for heading in page.subheader]


def rate(page, movie, stars, place="search"):
    page.feedback(key=f"stars-{place}-{movie}").set_value(stars - 1).run()
    return no_errors(page)


def rate_by_title(page, taste, number, stars):
    page.text_input(key="search").set_value(movie_title(taste, number)).run()
    return rate(page, movie_id(taste, number), stars)


def keys(page, prefix):
    return [w.key for w in page.feedback if w.key.startswith(prefix)]


def test_before_the_first_rating(page):
    """A list beside three movies that it does not have: it is that of most people."""
    assert page.title[0].value == "Rate three movies, get your list"
    suggested = keys(page, "stars-suggested-")
    assert len(suggested) == 3
    assert len(cards(page)) == 10
    assert not {key.rsplit("-")[-1] for key in suggested} & {
        key.rsplit("-")[-1] for key in keys(page, "stars-recommended-")
    }
    assert is_start(page)
    assert "user" not in [box.key for box in page.selectbox]
    assert "learned from" in plain(page.caption[0].value)


@pytest.mark.parametrize(
    "query", ["golden galxy", "galaxy golden", "GOLDEN GALAXY", "the golden gal"]
)
def test_search_forgives_typos(page, query):
    page.text_input(key="search").set_value(query).run()
    assert keys(page, "stars-search-")[0] == f"stars-search-{movie_id('Sci-Fi', 2)}"


def test_search_without_a_hit_is_said(page):
    page.text_input(key="search").set_value("qqqqqqqq").run()
    assert any("Not among these" in caption.value for caption in page.caption)


@pytest.mark.parametrize("awkward", AWKWARD_TITLES)
def test_awkward_titles_are_shown_as_they_are(page, awkward):
    page.text_input(key="search").set_value(awkward).run()
    assert any(text.startswith(f"{awkward} 1999") for text in texts(no_errors(page)))


def test_each_rating_changes_the_recommendations(page):
    lists = []
    for taste in ("Sci-Fi", "Horror", "Western"):
        rate_by_title(page, taste, 0, 5)
        lists.append(cards(page))
        assert len(lists[-1]) == 10
        assert sum("new:" in caption.value for caption in page.caption) == 1
    assert lists[0] != lists[1] != lists[2]
    assert not any(movie_title("Sci-Fi", 0) in card for card in lists[2])


def test_recommendations_follow_what_was_liked_and_not_what_was_not(page):
    for number in range(3):
        rate_by_title(page, "Sci-Fi", number, 5)
    for number in range(2):
        rate_by_title(page, "Romance", number, 1)
    first_five = [text.split("Because")[0] for text in recommendations(page)][:5]
    assert all("Sci-Fi" in text for text in first_five)


def test_suggestions_can_be_rated_or_passed_over(page):
    """The one that got stars stays for another tap, until something else is said."""
    first, second, third = keys(page, "stars-suggested-")
    rate(page, first.removeprefix("stars-suggested-"), 4, "suggested")
    assert keys(page, "stars-suggested-") == [first, second, third]
    page.feedback(key=first).set_value(None).run()
    assert keys(page, "stars-suggested-")[0].endswith("-half")
    passed = second.removeprefix("stars-suggested-")
    page.button(key=f"suggested-not_seen-{passed}").click().run()
    assert keys(no_errors(page), "stars-suggested-")[2] == third
    assert not {first, second} & set(keys(page, "stars-suggested-"))


def test_ratings_can_be_changed_and_taken_back(page):
    movie = movie_id("Horror", 0)
    rate_by_title(page, "Horror", 0, 5)
    rate_by_title(page, "Comedy", 0, 4)
    rate(page, movie, 2, "rated")
    assert page.feedback(key=f"stars-rated-{movie}").value == 1
    page.button(key=f"remove-{movie}").click().run()
    assert keys(no_errors(page), "stars-rated-") == [f"stars-rated-{movie_id('Comedy', 0)}"]
    page.text_input(key="search").set_value(movie_title("Horror", 0)).run()
    (found,) = keys(page, f"stars-search-{movie}")
    assert page.feedback(key=found).value is None


def test_many_ratings_are_drawn_a_page_at_a_time(page):
    rated = [(taste, number) for taste in ("Horror", "Comedy") for number in range(4)]
    for taste, number in rated:
        rate_by_title(page, taste, number, 4)
    latest = [f"stars-rated-{movie_id(*movie)}" for movie in reversed(rated)]
    assert keys(page, "stars-rated-") == latest[:6]
    page.pagination(key="ratings-page").set_value(2).run()
    assert keys(no_errors(page), "stars-rated-") == latest[6:]
    for key in latest[6:]:
        page.button(key=key.replace("stars-rated-", "remove-")).click().run()
    assert keys(no_errors(page), "stars-rated-") == latest[:6]
    assert not page.pagination


def test_a_third_click_on_a_star_takes_the_rating_back(page):
    rate_by_title(page, "Horror", 0, 5)
    for _ in range(2):
        (key,) = keys(page, "stars-rated-")
        page.feedback(key=key).set_value(None).run()
    assert not keys(no_errors(page), "stars-rated-")
    assert is_start(page)


def test_recommended_movies_can_be_rated_or_refused(page):
    rate_by_title(page, "Western", 0, 5)
    first, second, *_ = keys(page, "stars-recommended-")
    before = cards(page)
    rate(page, first.removeprefix("stars-recommended-"), 5, "recommended")
    page.feedback(key=first).set_value(None).run()  # half a star off, where it was
    (half, *_), after = keys(page, "stars-recommended-"), cards(page)
    assert half.startswith(first)
    assert half.endswith("-half")
    assert len(after) == 10
    assert before[0] not in after
    page.button(
        key=f"recommended-not_interested-{second.removeprefix('stars-recommended-')}"
    ).click().run()
    left = keys(no_errors(page), "stars-recommended-")
    assert second not in left
    assert not left[0].endswith("-half")


def test_a_reload_finds_the_way_to_tell_again(open_page):
    again = no_errors(open_page("for_you", way="Get to know me"))
    assert again.segmented_control(key="way").value == "Get to know me"


def test_clear_all(page):
    rate_by_title(page, "Western", 0, 5)
    widget(page.button, "Clear all").click().run()
    assert not keys(no_errors(page), "stars-rated-")


def test_movies_seen_already_are_not_recommended(page):
    rate_by_title(page, "Western", 0, 5)
    first = keys(page, "stars-recommended-")[0]
    page.button(key=f"recommended-seen-{first.removeprefix('stars-recommended-')}").click().run()
    assert first not in keys(no_errors(page), "stars-recommended-")
    page.button(key="undo").click().run()
    assert keys(no_errors(page), "stars-recommended-")[0] == first


def test_undo_says_what_it_takes_back(page):
    rate_by_title(page, "Western", 0, 5)
    assert plain(page.button(key="undo").label) == f"Undo the stars for {movie_title('Western', 0)}"
    widget(page.button, "Clear all").click().run()
    assert plain(page.button(key="undo").label) == "Undo “Clear all”"
    for _ in range(2):
        page.button(key="undo").click().run()
    assert page.button(key="undo").disabled


def test_undo_takes_back_one_change_after_another(page):
    rate_by_title(page, "Western", 0, 5)
    rate_by_title(page, "Comedy", 3, 2)
    before = cards(page)
    widget(page.button, "Clear all").click().run()
    page.button(key="undo").click().run()
    assert cards(no_errors(page)) == before
    assert len(keys(page, "stars-rated-")) == 2
    page.button(key="undo").click().run()
    assert keys(no_errors(page), "stars-rated-") == [f"stars-rated-{movie_id('Western', 0)}"]


def test_dislikes_alone_give_a_list(page):
    rate_by_title(page, "Western", 0, 1)
    assert len(cards(no_errors(page))) == 10


def test_filters_that_nothing_passes_are_said(page):
    rate_by_title(page, "Western", 0, 5)
    page.multiselect(key="for-you-genres").set_value(["Horror"])
    page.multiselect(key="for-you-not-genres").set_value(["Horror"]).run()
    assert "Loosen" in no_errors(page).info[0].value


def test_ratings_outlive_a_visit_to_another_page(page):
    rate_by_title(page, "Western", 0, 5)
    before = cards(page)
    page.switch_page("about/page.py").run()
    page.switch_page("for_you/page.py").run()
    assert cards(no_errors(page)) == before
    assert "Your ratings (1)" in [plain(heading.value) for heading in page.subheader]


def test_csv_buttons(page):
    rate_by_title(page, "Western", 0, 5)
    labels = {button.label for button in page.download_button}
    assert labels == {"Recommendations as CSV", "Profile as CSV"}


def test_filters_count_and_are_reset(page):
    rate_by_title(page, "Western", 0, 5)
    every = cards(page)
    assert page.button(key="for-you-reset").disabled
    page.slider(key="for-you-years").set_value((1970, 1975))
    page.number_input(key="for-you-least").set_value(3)
    page.multiselect(key="for-you-genres").set_value(["Horror"]).run()
    data = load_movielens()
    counts = data.interactions.item_counts()
    passing = sum(
        "Horror" in movie.genres
        and 1970 <= (movie.year or 0) <= 1975
        and counts[data.interactions.item_index(movie.id)] >= 3
        for movie in data.movies
        if movie.id in set(data.interactions.item_ids.tolist())
    )
    said = f"{passing} of {len(data.movies):,} movies pass"
    assert any(said in plain(caption.value) for caption in page.caption)
    page.button(key="for-you-reset").click().run()
    assert cards(no_errors(page)) == every
    assert page.button(key="for-you-reset").disabled
