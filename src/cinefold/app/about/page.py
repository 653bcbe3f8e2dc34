"""How it works, where the data comes from, and under which terms."""

from pathlib import Path

import streamlit as st

from cinefold._version import __version__
from cinefold.app.shared.display import literal
from cinefold.app.shared.posters import shows_posters
from cinefold.app.shared.studio import current_dataset
from cinefold.datasets import dataset_info
from cinefold.serving.launch import chosen_dataset, chosen_ratings

_WIDTH = 760

_MODEL = r"""
Cinefold describes every user $i$ and every film $j$ by a vector, $u_i$ and $v_j$, so that
$u_i \cdot v_j$ comes near the rating $r_{ij}$ where there is one, and near 0 where there is none.
It minimizes
"""

# A line for each term: one line of all would have to be scrolled on a phone.
_OBJECTIVE = (
    r"\sum_{(i,j)\ \text{rated}} (r_{ij} - u_i \cdot v_j)^2",
    r"+\ w_0 \sum_{(i,j)\ \text{not rated}} (u_i \cdot v_j)^2",
    r"+\ \lambda \Big(\sum_i \|u_i\|^2 + \sum_j \|v_j\|^2\Big)",
)

_METHOD = r"""
by solving for all films with the users fixed, then for all users with the films fixed, exactly,
until nothing improves (weighted alternating least squares:
[Hu, Koren and Volinsky 2008](https://doi.org/10.1109/ICDM.2008.22)). Somebody new needs no
training: their vector is one such solution, for their ratings.

A *score* is $u_i \cdot v_j$. It is a sum over the films that somebody has rated, and its largest
parts are the reasons given with a recommendation. As films without a rating count as 0, it is
lower than a number of stars: compare scores within a list.
"""

_DATA = """
{title}: {ratings:,} ratings of {movies:,} films by {users:,} people, collected by the GroupLens
research group at the University of Minnesota
([Harper and Konstan 2015](https://doi.org/10.1145/2827872)). Its [terms of use]({licence}) forbid
passing it on, so it is fetched on first use.
"""

name = current_dataset()
usual, path = chosen_dataset()
is_own = name == usual and chosen_ratings() is not None
with st.container(width=_WIDTH):
    st.title("About", anchor=False)
    st.markdown(_MODEL)
    for term in _OBJECTIVE:
        st.latex(term)
    st.markdown(_METHOD)
    st.subheader("Data", anchor=False)
    if not is_own:
        spec = dataset_info(name)
        st.markdown(
            _DATA.format(
                title=spec.title,
                ratings=spec.ratings,
                movies=spec.movies,
                users=spec.users,
                licence=spec.licence,
            )
        )
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
