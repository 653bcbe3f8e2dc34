"""A profile of another data set goes along to the movies of this one."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted
from cinefold.app.shared.open_state import SMALL, opened_state
from cinefold.datasets import DatasetError, load_movielens
from cinefold.profiles import Profile, ProfileStore
from cinefold.profiles.carrying import carry

_LOOKED_IN = "profiles-looked-for-in"


def visited(kind: str) -> dict[str, Any]:
    """What this session has of a kind for each data set that it has shown."""
    names = [name for name in map(str, st.session_state) if name.startswith(f"{kind}-")]
    return {name.removeprefix(f"{kind}-"): st.session_state[name] for name in names}


def bring_along(
    store: ProfileStore, dataset: str, keys: list[str], others: Iterable[str]
) -> Profile | None:
    """The profile that these keys open in another data set, carried to `dataset`; and say so.

    It is looked for once, in `others` and in the small one, and None if there is none.
    """
    here = opened_state(dataset)
    if here is None or st.session_state.get(_LOOKED_IN) == dataset:
        return None
    st.session_state[_LOOKED_IN] = dataset
    for other in dict.fromkeys([*others, SMALL]):
        earlier = [] if other == dataset else store.opened_by(other, keys)
        for profile in [one for one in earlier if one.n_ratings + one.n_marks][:1]:
            there = opened_state(other)
            try:
                old = load_movielens(other).movies if there is None else there.data.movies
            except DatasetError:  # the titles of its movies are not here
                continue
            came = carry(store, profile, old, dataset, here.data.movies)
            text = f"{counted(came.n_movies, 'movie')} of your profile came along"
            text += f", {len(came.left)} did not: not among these." if came.left else "."
            st.toast(text, icon=":material/person_check:")
            return came.profile
    return None
