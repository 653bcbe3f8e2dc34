"""How it works, where the data comes from, and under which terms."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from cinefold import WeightedMatrixFactorization
from cinefold._version import __version__
from cinefold.app.shared.display import literal
from cinefold.app.shared.formula import constants_text, objective_lines, target_text
from cinefold.app.shared.open_state import current_dataset, opened_state
from cinefold.app.shared.posters import shows_posters
from cinefold.datasets import dataset_info
from cinefold.serving.launch import chosen_dataset, chosen_ratings

_WIDTH = 760

_PURPOSE = """
Cinefold recommends movies from the stars that you give to a few. It compares them with those of
{people}, learns what each person looks for and what each movie offers, and lists what suits you. A
movie in your list is there because of movies that you liked, and the list says which.
"""

_MODEL = r"""
Think of qualities that a movie can have, such as how funny or how dark it is. Cinefold finds such
qualities by itself: numbers $v_j$ say how much of each movie $j$ has, and as many numbers $u_i$ how
much person $i$ cares for each. Multiplied and added up, $u_i \cdot v_j$, they should come near
{target} where the person has rated the movie{unrated}. Training makes this as small as it can:
"""

_METHOD = r"""
It works in rounds: all movies are solved with the people held fixed, then all people with the
movies held fixed, exactly, until nothing improves (weighted alternating least squares:
[Hu, Koren and Volinsky 2008](https://doi.org/10.1109/ICDM.2008.22)). Somebody new needs no
training: one such solution, from their ratings, is theirs.

A list is in the order of $u_i \cdot v_j$, its *score*: how likely you are to pick the movie. The
stars on a card say how you would like it, which also depends on how high you rate and how high the
movie is rated. So a movie with fewer stars can stand above one with more.
"""

_DATA = """
{spec.title}: {spec.ratings:,} ratings of {spec.movies:,} movies by {spec.users:,} people, collected
by the GroupLens research group at the University of Minnesota
([Harper and Konstan 2015](https://doi.org/10.1145/2827872)). Its [terms of use]({spec.licence})
forbid passing it on, so it is fetched on first use.
"""


def parameters_in_use() -> dict[str, Any]:
    """Those of the model in use; as long as nobody has opened it, the default ones."""
    state = opened_state()
    if state is None:
        return WeightedMatrixFactorization().get_params()
    return {**state.run.parameters, **asdict(state.run.model.objective_)}


name = current_dataset()
usual, path = chosen_dataset()
is_own = name == usual and chosen_ratings() is not None
with st.container(width=_WIDTH):
    st.title("About", anchor=False)
    people = "others" if is_own else f"{dataset_info(name).users:,} people"
    st.markdown(_PURPOSE.format(people=people))
    st.subheader("The objective in use", anchor=False)
    parameters = parameters_in_use()
    unrated = ", and near 0 where they have not" if parameters["unobserved_weight"] != 0 else ""
    st.markdown(_MODEL.format(target=target_text(parameters), unrated=unrated))
    for line in objective_lines(parameters):
        st.latex(line)
    st.markdown(constants_text(parameters))
    st.markdown(_METHOD)
    st.subheader("Data", anchor=False)
    if not is_own:
        st.markdown(_DATA.format(spec=dataset_info(name)))
    else:
        st.markdown(f"Ratings of your own, from {literal(Path(path or name).name)}.")
    if path is not None and name == usual and not is_own:
        st.markdown(f"Here it is read from {literal(Path(path).name)}, and may be another edition.")
    if shows_posters():
        st.markdown(
            "Posters come from TMDB. This product uses the TMDB API but is not endorsed or "
            "certified by TMDB."
        )
    st.caption(
        f"Cinefold {__version__}, MIT licence. What you rate is kept in a profile, on the "
        "machine that serves this page, until you delete it."
    )
