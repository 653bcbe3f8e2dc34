"""What somebody likes beside everybody else: genres, decades, habits, and unexpected favourites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold.app.shared.cards import favourite_cards
from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.people import choose_user
from cinefold.app.shared.studio import Studio, open_studio
from cinefold.app.shared.visitor import open_visitor, visitor
from cinefold.app.taste.charts import FEWEST_FOR_A_MEAN, habits_chart, share_chart, stars_chart
from cinefold.recommender import KnownUser, NewUser, unexpected_favourites

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cinefold.recommender import CategoryComparison, TasteComparison

_YOURS, _SOMEBODYS = "Yours", "A user's of the data"
_OTHERS, _MODEL = "Others' ratings", "The model"
_FAVOURITES_SHOWN, _NAMED = 3, 2  # a row on a wide screen
_NOTABLE = 0.03  # of a share: three percentage points
_MEASURES = {
    _OTHERS: "Expected is the mean of what others gave the film (with five ratings of the mean of "
    "all films added, so that one opinion is not everybody's). An unusual favourite is far above "
    "it.",
    _MODEL: "Expected is the place that the film would have in the list of recommendations if the "
    "rating had not been given. An unusual favourite is far down that list. (The film's own "
    "vector has still seen the rating.)",
}


def choose_ratings(studio: Studio) -> tuple[Mapping[Any, float], Any]:
    """Whose taste: their ratings (movie id to stars), and the id of a user of the data."""
    yours = open_visitor().ratings
    asked = "user" in st.query_params
    whose = st.segmented_control(
        "Whose taste",
        [_YOURS, _SOMEBODYS],
        default=_YOURS if yours and not asked else _SOMEBODYS,
        required=True,
        key="taste-whose",
        persist_state="session",
    )
    if whose == _YOURS:
        st.query_params.pop("user", None)  # a reload is to show the same
        return dict(yours), None
    interactions = studio.data.interactions
    user = choose_user(interactions.user_ids.tolist(), "taste", "User")
    items, stars = interactions.user_ratings(user)
    return dict(zip(items.tolist(), stars.tolist(), strict=True)), user


def draw_nothing() -> None:
    """No ratings yet: where they come from."""
    with st.container(border=True):
        st.subheader("Your taste will be here", anchor=False)
        st.markdown(
            "Rate a few films you know, and this page shows which genres and decades you see more "
            "of than most people, how generous you are with stars, and which of your favourites "
            "nobody would have guessed. With ten ratings it begins to speak."
        )
        st.page_link("new_here/page.py", label="Rate films", icon=":material/star:")


def draw_summary(comparison: TasteComparison, known: bool) -> None:
    """The page in two sentences."""
    more = _notable(comparison, 1)
    less = _notable(comparison, -1)
    parts = []
    if more:
        parts.append(f"more {_listed(more)}")
    if less:
        parts.append(f"less {_listed(less)}")
    sees = "Sees" if known else "You see"
    seen = f"{' and '.join(parts)} than most" if parts else "what most people see"
    st.markdown(f"{sees} {seen}. {_generosity(comparison)}")


def _notable(comparison: TasteComparison, sign: int) -> list[CategoryComparison]:
    def surplus(entry: CategoryComparison) -> float:
        return sign * (entry.share - entry.average_share)

    entries = sorted((*comparison.genres, *comparison.decades), key=surplus, reverse=True)
    return [entry for entry in entries[:_NAMED] if surplus(entry) >= _NOTABLE]


def _listed(entries: Sequence[CategoryComparison]) -> str:
    return " and ".join(f"**{literal(entry.name)}**" for entry in entries)


def _generosity(comparison: TasteComparison) -> str:
    difference = comparison.habits.mean_rating - comparison.average_habits.mean_rating
    if abs(difference) < 0.1:
        return "As generous with stars as the average user."
    kind = "More generous" if difference > 0 else "Stricter"
    return f"{kind} than the average user, by {abs(difference):.1f} stars."


def draw_numbers(comparison: TasteComparison) -> None:
    habits, average = comparison.habits, comparison.average_habits
    with st.container(horizontal=True, gap="small"):
        _metric("Films rated", f"{habits.n_ratings:,.0f}", f"median user {average.n_ratings:,.0f}")
        _metric(
            "Mean rating", f"{habits.mean_rating:.1f} ★", f"average {average.mean_rating:.1f} ★"
        )
        _metric(
            "Spread of ratings",
            f"{habits.spread:.1f} ★",
            f"average {average.spread:.1f} ★",
            "Standard deviation: small for somebody who gives nearly everything the same.",
        )
        _metric(
            "A typical film has",
            counted(round(habits.popularity), "rating"),
            f"average {average.popularity:,.0f}",
            "Median number of ratings of the films rated: small for somebody who sees what few do.",
        )


def _metric(label: str, value: str, beside: str, meaning: str | None = None) -> None:
    with st.container(border=True, width="content", gap=None):
        st.metric(label, value, help=meaning, width="content")
        st.caption(beside)


def draw_profile(comparison: TasteComparison) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Genres, against the average user", anchor=False)
        share_chart(comparison.genres, "Genre", ordered=False)
        st.subheader("Favourite genres, by stars", anchor=False)
        st.caption(
            "Mean rating of a genre, less the mean of all ratings given here, less the same for "
            f"everybody: generosity does not count. Genres with {FEWEST_FOR_A_MEAN} ratings or "
            "more."
        )
        stars_chart(comparison.genres)
    with right:
        st.subheader("Decades, against the average user", anchor=False)
        share_chart(comparison.decades, "Decade", ordered=True)
        st.subheader("How stars are given", anchor=False)
        habits_chart(comparison)


@st.fragment
def draw_favourites(studio: Studio, ratings: Mapping[Any, float], user: Any) -> None:
    st.subheader("Favourites", anchor=False)
    measure = st.segmented_control(
        "Who did not expect it",
        [_OTHERS, _MODEL],
        default=_OTHERS,
        required=True,
        key="taste-measure",
        persist_state="session",
    )
    st.caption(_MEASURES[measure or _OTHERS])
    known, you = set(studio.recommender.model.interactions_.item_ids.tolist()), visitor()
    found = (
        unexpected_favourites(KnownUser(studio.recommender, user), studio.population)
        if user is not None
        else unexpected_favourites(
            NewUser(
                studio.recommender,
                {movie: stars for movie, stars in ratings.items() if movie in known},
                you.unseen & known,
            ),
            studio.population,
            exclude=you.hidden & known,
        )
    )
    if not found:
        st.info("No film has more than half of the stars yet.", icon=":material/favorite:")
        return
    if measure == _MODEL:
        found = sorted(found, key=lambda favourite: -favourite.place)
    shown = min(_FAVOURITES_SHOWN, (len(found) + 1) // 2)
    st.markdown("**Most unusual**")
    favourite_cards(found[:shown], "unusual")
    if len(found) > shown:
        st.markdown("**Most usual**")
        favourite_cards(found[: -shown - 1 : -1][: len(found) - shown], "usual")


studio = open_studio()
st.title("Taste", anchor=False)
ratings, user = choose_ratings(studio)
if ratings:
    comparison = studio.population.compare(ratings)
    draw_summary(comparison, user is not None)
    draw_numbers(comparison)
    draw_profile(comparison)
    draw_favourites(studio, ratings, user)
else:
    draw_nothing()
