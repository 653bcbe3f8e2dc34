"""A list for several people: users of the data and profiles, mixed."""

from collections.abc import Collection
from math import inf
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cinefold.app.shared.cards import draw_cards, headed
from cinefold.app.shared.csv_export import group_csv
from cinefold.app.shared.display import genre_badges, link, literal
from cinefold.app.shared.filters import choose_filters, draw_summary, say_nothing_passes
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.rating_widgets import mark_buttons
from cinefold.app.shared.visitor import (
    open_visitor,
    profile_label,
    profile_store,
    shown_name,
    visitor,
)
from cinefold.app.shared.widgets import (
    button,
    choose_one,
    csv_button,
    introduction,
    show_in_address,
)
from cinefold.datasets import Movie
from cinefold.profiles import Mark, Profile
from cinefold.recommender import (
    AGGREGATIONS,
    GroupMember,
    GroupRecommendation,
    Opinion,
    recommend_to_group,
)
from cinefold.serving.state import State

_QUERY, _KEY = "with", "together-people"
_GONE = "Somebody who is gone"  # deleted in another window
_CARD_WIDTH = 320
_FEWEST, _MOST = 2, 12
# Beside the best ten movies of somebody's own list.
_FITS = ((0.9, "among the best for them"), (0.6, "suits them"), (-inf, "not their usual fare"))


def choose_people(state: State) -> list[GroupMember]:
    """Those in the selection box, who are also those of the address (?with=u196,p3)."""
    people: dict[str, Any] = {f"p{profile.id}": profile for profile in open_visitor().profiles()}
    people |= {f"u{user}": user for user in state.data.interactions.user_ids.tolist()}
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _asked(people)
    keys = st.multiselect(
        "Who is watching?",
        list(people),
        format_func=lambda key: _label(people.get(key)),
        key=_KEY,
        placeholder="Two or more people: profiles and users of the data",
        persist_state="session",
        max_selections=_MOST,
    )
    show_in_address(_QUERY, ",".join(keys) or None)
    known = state.recommender.model.interactions_.item_ids
    return [_member(people.get(key), known) for key in keys]


def _asked(known: Collection[str]) -> list[str]:
    """The people of the address; without one, the visitor."""
    you = visitor()
    asked = st.query_params.get(_QUERY)
    usual = [f"p{you.profile.id}"] if you.profile is not None else []
    keys = usual if asked is None else list(dict.fromkeys(asked.split(",")))
    missing = [key for key in keys if key not in known]
    if missing and asked:
        names = literal(f"{', '.join(missing):.60}")
        st.toast(f"Not here: {names}.", icon=":material/person_off:")
    return [key for key in keys if key in known][:_MOST]


def _label(person: Any) -> str:
    """The name of a profile, of a user by their id, or of None: somebody who is gone."""
    if isinstance(person, Profile):
        return profile_label(person)
    return _GONE if person is None else f"User {person}"


def _member(person: Any, known: NDArray[Any]) -> GroupMember:
    if person is None:
        return GroupMember(_GONE, ratings={})
    if not isinstance(person, Profile):
        return GroupMember(_label(person), user_id=person)
    entries = profile_store().entries(person.id).among(known)
    return GroupMember(shown_name(person), ratings=entries.stars, seen=tuple(entries.hidden))


def choose_rule() -> str:
    options = {"format_func": str.capitalize, "persist_state": "session"}
    rule: str = choose_one("What counts", list(AGGREGATIONS), "together-rule", **options)
    st.caption(AGGREGATIONS[rule])
    return rule


def _card(entry: GroupRecommendation) -> str:
    opinions = "\n".join(f"- {_opinion(opinion)}" for opinion in entry.opinions)
    return f"{headed(entry)}{genre_badges(entry.movie)}\n\n{opinions}"


def _opinion(opinion: Opinion) -> str:
    """The stars of one person, how well it suits them, and why."""
    name = literal(opinion.name)
    if opinion.rated is not None:
        return f"{name} gave it :orange[★ {opinion.rated:g}]"
    stars = "" if opinion.stars is None else f":orange[★ {opinion.stars:.1f}], "
    fit = next(words for least, words in _FITS if opinion.relative >= least)
    liked = " and ".join(link(reason.movie) for reason in opinion.reasons)
    because = f" :small[:gray[(liked {liked})]]" if liked else ""
    return f"{name}: {stars}{fit}{because}"


def _foot(movie: Movie) -> None:
    """What can be done with a movie; marks are for somebody with a profile."""
    if visitor().said_something:
        mark_buttons(movie, "together", Mark.SEEN, Mark.NOT_INTERESTED)


@st.fragment
def draw_list(state: State, people: list[GroupMember]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rule = choose_rule()
        seen = st.toggle(
            "Also movies that some have seen and liked",
            key="together-seen",
            persist_state="session",
        )
        choice = choose_filters(state.data.movies, "together", ordered=False)
    try:
        found = recommend_to_group(
            state.recommender,
            people,
            choice.length,
            aggregation=rule,
            filters=choice.filters,
            exclude=visitor().hidden,
            seen_by_some=bool(seen),
        )
    except ValueError as error:  # two people of one name, or somebody who has not rated yet
        why = literal(str(error))
        st.info(f"{why[0].upper()}{why[1:]}.", icon=":material/group_off:")
        return
    draw_summary(choice)
    if not found:
        say_nothing_passes(choice)
        return
    draw_cards(found, "together-cards", _card, _foot, width=_CARD_WIDTH)
    st.caption("The stars are what each is expected to give.")
    csv_button("This list as CSV", group_csv(found), "cinefold-together")


def draw_start(state: State, people: list[GroupMember]) -> None:
    """Fewer than two people: what this is, and a list at one tap."""
    frame = introduction(
        "One list for the two of you, or for more",
        "Choose who is watching, and this page finds movies that none of you has seen and all of "
        "you will like, with what each is expected to think of them. Everybody with a profile can "
        "be chosen, and so can the people of the data.",
    )
    with frame.container(horizontal=True, vertical_alignment="center"):
        label = "Add somebody of the data" if people else "Try it with two people of the data"
        button(label, _add_example, state, icon="group_add", type="primary")
        if not people:
            st.page_link("for_you/page.py", label="Rate movies first", icon=":material/star:")


def _add_example(state: State) -> None:
    """Those with the most ratings, until there are two; nobody who likes next to nothing."""
    interactions, counts = state.data.interactions, state.data.interactions.user_counts()
    means = interactions.by_user.sum(axis=1).ravel() / np.maximum(counts, 1)
    known = counts * (means >= state.recommender.middle_rating)
    most = interactions.user_ids[np.argsort(-known, kind="stable")]
    keys = [*st.session_state.get(_KEY, []), *(f"u{user}" for user in most[:_FEWEST].tolist())]
    st.session_state[_KEY] = list(dict.fromkeys(keys))[:_FEWEST]


def draw(state: State) -> None:
    people = choose_people(state)
    if len(people) < _FEWEST:
        draw_start(state, people)
    else:
        draw_list(state, people)


state = open_state()
st.title("Together", anchor=False)
draw(state)
