"""A list for several people: users of the data and profiles, mixed."""

from collections.abc import Collection
from typing import Any

import streamlit as st

from cinefold.app.shared.cards import draw_cards, headed, more_like
from cinefold.app.shared.csv_export import group_csv
from cinefold.app.shared.display import genre_badges, literal
from cinefold.app.shared.filters import choose_filters, draw_summary, say_nothing_passes
from cinefold.app.shared.open_state import open_state
from cinefold.app.shared.visitor import open_visitor, profile_label, profile_store
from cinefold.app.shared.widgets import choose_one, csv_button, show_in_address
from cinefold.profiles import Profile, StoreError
from cinefold.recommender import AGGREGATIONS, GroupMember, GroupRecommendation, recommend_to_group
from cinefold.serving.state import State

_QUERY, _KEY = "with", "together-people"
_GONE = "Somebody who is gone"  # deleted in another window
_CARD_WIDTH = 320
_FEWEST, _MOST = 2, 12


def choose_people(state: State) -> list[GroupMember]:
    """Those in the selection box, who are also those of the address (?with=u196,p3)."""
    people: dict[str, Any] = {f"p{profile.id}": profile for profile in _profiles(state)}
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
    known = set(state.recommender.model.interactions_.item_ids.tolist())
    return [_member(people.get(key), known) for key in keys]


def _asked(known: Collection[str]) -> list[str]:
    """The people of the address; without one, the visitor."""
    you = open_visitor()
    asked = st.query_params.get(_QUERY)
    usual = [f"p{you.profile.id}"] if you.profile is not None else []
    keys = usual if asked is None else list(dict.fromkeys(asked.split(",")))
    missing = [key for key in keys if key not in known]
    if missing and asked:
        names = literal(f"{', '.join(missing):.60}")
        st.toast(f"Not here: {names}.", icon=":material/person_off:")
    return [key for key in keys if key in known][:_MOST]


def _profiles(state: State) -> list[Profile]:
    try:
        return profile_store().profiles(state.data.name)
    except StoreError as error:
        st.warning(literal(str(error)), icon=":material/warning:")
        return []


def _label(person: Any) -> str:
    """The name of a profile, of a user by their id, or of None: somebody who is gone."""
    if isinstance(person, Profile):
        return profile_label(person)
    return _GONE if person is None else f"User {person}"


def _member(person: Any, known: set[Any]) -> GroupMember:
    if person is None:
        return GroupMember(_GONE, ratings={})
    if not isinstance(person, Profile):
        return GroupMember(_label(person), user_id=person)
    entries = profile_store().entries(person.id)
    ratings = {movie: stars for movie, stars in entries.stars.items() if movie in known}
    return GroupMember(person.name, ratings=ratings, seen=tuple(entries.hidden & known))


def without_opinion(state: State, people: list[GroupMember]) -> list[GroupMember]:
    """Those whose ratings say nothing: there are none above the lowest."""
    lowest = state.recommender.lowest_rating
    return [
        person
        for person in people
        if person.ratings is not None
        and not any(stars > lowest for stars in person.ratings.values())
    ]


def choose_rule() -> str:
    options = {"format_func": str.capitalize, "persist_state": "session"}
    rule: str = choose_one("What counts", list(AGGREGATIONS), "together-rule", **options)
    st.caption(AGGREGATIONS[rule])
    return rule


def _card(entry: GroupRecommendation) -> str:
    opinions = "  \n".join(_opinion(opinion) for opinion in entry.opinions)
    return f"{headed(entry)}{genre_badges(entry.movie)}\n\n{opinions}"


def _opinion(opinion: Any) -> str:
    name = literal(opinion.name)
    if opinion.rated is not None:
        return f"{name}: gave it :orange[★ {opinion.rated:g}]"
    if opinion.stars is None:
        return f"{name}: {opinion.relative:.0%} of their own best"
    return f"{name}: :orange[★ {opinion.stars:.1f}] :small[:gray[({opinion.relative:.0%})]]"


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
            seen_by_some=bool(seen),
        )
    except ValueError as error:  # two people of one name
        st.error(literal(str(error)), icon=":material/error:")
        return
    draw_summary(choice)
    if not found:
        say_nothing_passes(choice)
        return
    draw_cards(found, "together-cards", _card, more_like, width=_CARD_WIDTH)
    st.caption(
        "Stars are what each is expected to give. The percentage compares a movie with the ten "
        "best of their own list, which are 100 % on average."
    )
    csv_button("This list as CSV", group_csv(found), "cinefold-together")


def draw(state: State) -> None:
    people = choose_people(state)
    silent = without_opinion(state, people)
    if silent:
        names = ", ".join(literal(person.name) for person in silent)
        st.info(
            f"There is nothing to go by for {names} yet: rate movies on New here first.",
            icon=":material/star:",
        )
    elif len(people) < _FEWEST:
        st.info(
            "Choose two or more people above, and a list for all of you appears here. "
            "Somebody who is not there yet can make a profile on New here.",
            icon=":material/group:",
        )
    else:
        draw_list(state, people)


state = open_state()
st.title("Together", anchor=False)
draw(state)
