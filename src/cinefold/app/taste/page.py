"""What somebody likes beside everybody else: genres, decades, habits, and unexpected favourites."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from cinefold.app.shared.cards import draw_cards
from cinefold.app.shared.display import counted, genre_badges, literal, stars, title
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.people import asked_user, choose_user, last_user
from cinefold.app.shared.visitor import open_visitor, visitor
from cinefold.app.shared.widgets import choose_one, introduction
from cinefold.app.taste.charts import difference_chart, habits_chart
from cinefold.recommender import (
    CategoryComparison,
    KnownUser,
    NewUser,
    TasteComparison,
    UnexpectedFavourite,
    unexpected_favourites,
)
from cinefold.serving.state import State

_YOURS, _SOMEBODYS = "Yours", "Somebody's from the data"
_OTHERS, _MODEL = "Others' ratings", "The model"
_FAVOURITES_SHOWN, _NAMED = 3, 2  # a row on a wide screen
# Ratings from which on genres and decades are compared, and say something of a person.
_ENOUGH_TO_COMPARE, _ENOUGH_TO_TELL = 10, 20
_FEWEST_FOR_A_MEAN, _GROUPS_SHOWN = 10, 12
_NOTABLE = 0.03  # of a share: three percentage points
_EXPECTED = {
    _OTHERS: "Expected is the mean of what others gave the movie (with five ratings of the mean of "
    "all movies added, so that one opinion is not everybody's). An unusual favourite is far above "
    "it.",
    _MODEL: "Expected is the place that the movie would have in the list of recommendations if the "
    "rating had not been given. An unusual favourite is far down that list.",
}

_SPREAD = "How far ratings lie apart: little for somebody who gives nearly everything the same."
_POPULARITY = (
    "Median number of ratings of the movies rated: small for somebody who sees what few do."
)


def choose_ratings(state: State) -> tuple[Mapping[Any, float], Any]:
    """Whose taste: their ratings (movie id to stars), and the id of a user of the data."""
    yours = open_visitor().ratings
    interactions = state.data.interactions
    users = interactions.user_ids.tolist()
    user = asked_user(users)
    user = last_user(users) if user is None else user
    options = {"persist_state": "session", "default": _YOURS if user is None else _SOMEBODYS}
    whose = choose_one("Whose taste", [_YOURS, _SOMEBODYS], "taste-whose", **options)
    if whose == _YOURS:
        st.query_params.pop("user", None)  # a reload is to show the same
        return dict(yours), None
    user = users[0] if user is None else user
    choose_user(users, user)
    items, stars = interactions.user_ratings(user)
    return dict(zip(items.tolist(), stars.tolist(), strict=True)), user


def draw_no_ratings() -> None:
    """No ratings yet: where they come from."""
    frame = introduction(
        "Your taste will be here",
        "Rate a few movies you know, and this page shows which genres and decades you see more of "
        "than most people, how generous you are with stars, and which of your favourites nobody "
        "would have guessed. With ten ratings it begins to speak.",
    )
    frame.page_link("for_you/page.py", label="Rate movies", icon=":material/star:")


def draw_few_ratings(n_ratings: int) -> None:
    """Too few to compare: chance would look like a taste."""
    st.markdown(
        f"{counted(n_ratings, 'rating')} so far: with {_ENOUGH_TO_COMPARE}, genres, decades and "
        "stars are compared with everybody's."
    )


def draw_summary(comparison: TasteComparison, known: bool) -> None:
    """The page in two sentences."""
    sees = "Sees" if known else "You see"
    parts = [
        f"{word} {' and '.join(f'**{literal(entry.name)}**' for entry in entries)}"
        for word, sign in (("more", 1), ("less", -1))
        if (entries := _notable(comparison, sign))
    ]
    seen = f"{' and '.join(parts)} than most" if parts else "what most people see"
    n_ratings = comparison.habits.n_ratings
    few = f" A first guess, from {n_ratings:,.0f} ratings." if n_ratings < _ENOUGH_TO_TELL else ""
    st.markdown(f"{sees} {seen}. {_generosity(comparison)}{few}")


def _surplus(entry: CategoryComparison) -> float:
    """Of a genre or decade in what they have rated, as a share."""
    return entry.share - entry.average_share


def _notable(comparison: TasteComparison, sign: int) -> list[CategoryComparison]:
    entries = sorted((*comparison.genres, *comparison.decades), key=lambda e: -sign * _surplus(e))
    return [entry for entry in entries[:_NAMED] if sign * _surplus(entry) >= _NOTABLE]


def _generosity(comparison: TasteComparison) -> str:
    difference = comparison.habits.mean_rating - comparison.average_habits.mean_rating
    if abs(difference) < 0.1:
        return "As generous with stars as the average user."
    kind = "More generous" if difference > 0 else "Stricter"
    return f"{kind} than the average user, by {abs(difference):.1f} stars."


def draw_numbers(comparison: TasteComparison) -> None:
    own, average = comparison.habits, comparison.average_habits
    metric = partial(st.metric, delta_color="off", delta_arrow="off", border=True, width="content")
    popularity = counted(round(own.popularity), "rating"), f"average {average.popularity:,.0f}"
    spread = f"{own.spread:.1f} ★", f"average {average.spread:.1f} ★"
    with st.container(horizontal=True, gap="small"):
        metric("Movies rated", f"{own.n_ratings:,.0f}", f"median user {average.n_ratings:,.0f}")
        metric("Mean rating", f"{own.mean_rating:.1f} ★", f"average {average.mean_rating:.1f} ★")
        metric("Spread of ratings", *spread, help=_SPREAD)
        metric("A typical movie has", *popularity, help=_POPULARITY)


def draw_profile(comparison: TasteComparison) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Genres, against the average user", anchor=False)
        most = sorted(comparison.genres, key=lambda genre: -abs(_surplus(genre)))[:_GROUPS_SHOWN]
        _draw_shares(sorted(most, key=_surplus, reverse=True), "Genre")
        st.subheader("Favourite genres, by stars", anchor=False)
        st.caption(
            "Stars given to a genre, compared with all stars given here and with what others give "
            f"it. Genres with {_FEWEST_FOR_A_MEAN} ratings or more; the fewer, the shorter the "
            "bar, as a few may be chance."
        )
        rated = [genre for genre in comparison.genres if genre.n_ratings >= _FEWEST_FOR_A_MEAN]
        rows = [
            (genre, genre.liking, genre.mean_rating, genre.average_rating)
            for genre in sorted(rated, key=lambda genre: -genre.liking)
        ]
        if rows:
            difference_chart(rows, "Genre", "Liked more or less", "stars", 2)
        else:
            st.caption(f"No genre has {_FEWEST_FOR_A_MEAN} ratings yet.")
    with right:
        st.subheader("Decades, against the average user", anchor=False)
        _draw_shares(comparison.decades, "Decade")
        st.subheader("How stars are given", anchor=False)
        habits_chart(comparison)


def _draw_shares(entries: Sequence[CategoryComparison], group: str) -> None:
    rows = [(e, 100 * _surplus(e), 100 * e.share, 100 * e.average_share) for e in entries]
    difference_chart(rows, group, "Share of movies rated", "percentage points", 1)


@st.fragment
def draw_favourites(state: State, ratings: Mapping[Any, float], user: Any) -> None:
    st.subheader("Favourites", anchor=False)
    label, judges = "Who did not expect it", [_OTHERS, _MODEL]
    judge = choose_one(label, judges, "taste-judge", persist_state="session")
    st.caption(_EXPECTED[judge])
    if user is not None:
        found = unexpected_favourites(KnownUser(state.recommender, user), state.population)
    else:
        person = NewUser(state.recommender, ratings)
        found = unexpected_favourites(person, state.population, exclude=visitor().hidden)
    if not found:
        st.info("No movie has more than half of the stars yet.", icon=":material/favorite:")
        return
    if judge == _MODEL:
        found = sorted(found, key=lambda favourite: -favourite.place)
    shown = min(_FAVOURITES_SHOWN, (len(found) + 1) // 2)
    if len(found) > 1:
        st.markdown("**Most unusual**")
    draw_cards(found[:shown], "favourites-unusual", _card)
    if len(found) > shown:
        st.markdown("**Most usual**")
        usual = found[: -shown - 1 : -1][: len(found) - shown]
        draw_cards(usual, "favourites-usual", _card)


def _card(entry: UnexpectedFavourite) -> str:
    """The stars, what others gave, and where the movie would stand."""
    others = f"others {entry.others_mean:.1f} ★" if entry.n_others else "rated by nobody else"
    return (
        f":orange[{stars(entry.rating)}] {title(entry.movie)}\n\n"
        f":primary-badge[{others}] {genre_badges(entry.movie)}\n\n"
        f":small[Without your stars it would be number {entry.place:,} of {entry.n_places:,} in "
        f"the list; {counted(entry.n_others, 'other rating')}.]"
    )


state = open_state()
st.title("Taste", anchor=False)
ratings, user = choose_ratings(state)
if not ratings:
    draw_no_ratings()
elif len(ratings) < _ENOUGH_TO_COMPARE:
    draw_few_ratings(len(ratings))
    draw_favourites(state, ratings, user)
else:
    comparison = state.population.compare(ratings)
    if sample := state.population.sample:
        st.caption(f"The average user is that of {sample:,} users, drawn at random.")
    draw_summary(comparison, user is not None)
    draw_numbers(comparison)
    draw_profile(comparison)
    draw_favourites(state, ratings, user)
