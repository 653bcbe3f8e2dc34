"""A profile of another data set goes along to the movies of this one."""

from collections.abc import Iterable, Sequence
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.open_state import SMALL, opened_state
from cinefold.datasets import DatasetError, MovieCatalog, load_movielens
from cinefold.profiles import Profile, ProfileStore
from cinefold.profiles.transfer import transfer

_NAMED = 5


def visited(kind: str) -> dict[str, Any]:
    """What this session has of a kind for each data set that it has shown."""
    names = [name for name in map(str, st.session_state) if name.startswith(f"{kind}-")]
    return {name.removeprefix(f"{kind}-"): st.session_state[name] for name in names}


def movies_of(dataset: str) -> MovieCatalog | None:
    """The movies of a data set, unless they would have to be fetched."""
    if dataset != SMALL and dataset not in visited("visitor"):
        return None
    there = opened_state(dataset)
    try:
        return load_movielens(dataset).movies if there is None else there.data.movies
    except DatasetError:
        return None


def bring_along(store: ProfileStore, profiles: Iterable[Profile], dataset: str) -> Profile | None:
    """The first of the profiles that says something, carried to `dataset`; and say so.

    None if there is none whose movies are known.
    """
    here = opened_state(dataset)
    if here is None:
        return None
    for profile in profiles:
        old = None if profile.dataset == dataset else movies_of(profile.dataset)
        if old is not None and profile.n_ratings + profile.n_marks:
            came = transfer(store, profile, old, dataset, here.data.movies)
            text = f"{counted(came.n_movies, 'movie')} of your profile came along"
            text += f", {len(came.left)} did not: not among these." if came.left else "."
            st.toast(text, icon=":material/person_check:")
            return came.profile
    return None


def draw_left(left: Sequence[str]) -> None:
    """Movies of a profile that have no counterpart here."""
    if left:
        few = f"{', '.join(left[:_NAMED])}{' …' if len(left) > _NAMED else ''}"
        st.caption(literal(f"Kept in the profile, though not among these movies: {few}"))
