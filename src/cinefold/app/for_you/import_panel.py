"""Ratings from elsewhere: a file is read, looked through, and only then kept."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.visitor import visitor
from cinefold.app.shared.widgets import button, csv_button, say_later
from cinefold.datasets import MovieData
from cinefold.profiles import Mark, ProfileEntries, Rating
from cinefold.profiles.delimited_text import MAX_BYTES
from cinefold.profiles.importing import ImportReview, ReviewLine, review_csv
from cinefold.serving.background import BackgroundError
from cinefold.serving.jobs import review_in_background

_REVIEW, _FILE, _SAVED = "import-review", "import-file", "import-saved"
_CHECKED_AT_ONCE, _LISTED = 10, 200
_NO_MOVIE = "None of these"


def draw_import(data: MovieData) -> None:
    """A file to choose; then what it would bring."""
    st.caption(
        "Letterboxd: Settings, Data, Export your data (the zip file, or ratings.csv in it). IMDb: "
        "Your ratings, Export. Or a CSV file with titles and ratings, such as a profile from here. "
        "Nothing is kept before you say so."
    )
    saved = st.session_state.get(_SAVED, 0)
    file = st.file_uploader(
        "A file with your ratings",
        ["csv", "zip", "txt", "tsv"],
        max_upload_size=MAX_BYTES // 2**20,
        key=f"{_FILE}-{saved}" if saved else _FILE,  # another one, which is empty
    )
    if file is None:
        st.session_state.pop(_REVIEW, None)
        return
    review = _review(data, file)
    if review is not None:
        _draw_review(review)


def _review(data: MovieData, file: Any) -> ImportReview | None:
    """That of this file, made once."""
    known: tuple[str, ImportReview] | None = st.session_state.get(_REVIEW)
    if known is not None and known[0] == file.file_id:
        return known[1]
    bar = st.progress(0.0, "Reading …")

    def show(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"{done:,} of {total:,} movies looked up …")

    try:
        review = review_in_background(data, file.getvalue(), file.name, show)
    except BackgroundError as error:
        st.error(literal(str(error)), icon=":material/error:")
        return None
    finally:
        bar.empty()
    st.session_state[_REVIEW] = file.file_id, review
    return review


def _draw_review(review: ImportReview) -> None:
    if not review.lines:
        st.info("This file has no movies, only the names of its columns.", icon=":material/draft:")
        return
    summary = review.summary()
    st.markdown(f"**{literal(f'{summary[0].upper()}{summary[1:]}')}**")
    scale = str(review.conversion)
    st.caption(literal(f"{scale[0].upper()}{scale[1:]}."))
    _draw_to_check(review)
    _list("Found", review.matched)
    _list("Not here", review.missed)
    _list("Left out", review.ignored)
    with st.container(horizontal=True, vertical_alignment="center"):
        n_ratings, n_seen = len(review.ratings()), len(review.seen())
        counts = [counted(n_ratings, "rating")] if n_ratings else []
        counts += [f"{counted(n_seen, 'movie')} seen"] if n_seen else []
        if review.matched and not counts:
            st.caption("None of these movies has a rating or was seen: there is nothing to save.")
        label, options = f"Save {' and '.join(counts) or 'nothing'}", {"disabled": not counts}
        button(label, _save, review, icon="check", key="import-save", type="primary", **options)
        csv_button(
            "All lines as CSV",
            lambda: review_csv(review),
            "cinefold-import",
            "Every line of your file, and what became of it.",
        )


def _draw_to_check(review: ImportReview) -> None:
    waiting = review.to_check
    if not waiting:
        return
    st.markdown(f"**{counted(len(waiting), 'movie')} to check.** Which one did you mean?")
    for line in waiting[:_CHECKED_AT_ONCE]:
        names: dict[Any, str] = {c.movie: f"{c.movie.label} ({c.reason})" for c in line.candidates}
        names[_NO_MOVIE] = _NO_MOVIE
        key = f"import-{line.source.file}-{line.source.line}"
        st.selectbox(
            literal(line.source.label),
            list(names),
            index=None,
            format_func=names.__getitem__,
            key=key,
            placeholder="Choose the movie, or leave it out",
            on_change=_decide,
            args=(review, line, key),
        )
    with st.container(horizontal=True):
        first, none = "Take the first choice for all", "Leave them all out"
        button(first, _decide_all, review, review.accept, key="import-accept-all")
        button(none, _decide_all, review, review.reject, key="import-reject-all")
    if len(waiting) > _CHECKED_AT_ONCE:
        st.caption(f"{len(waiting) - _CHECKED_AT_ONCE:,} more come when these are decided.")


def _decide(review: ImportReview, line: ReviewLine, key: str) -> None:
    movie = st.session_state.get(key)
    if movie == _NO_MOVIE:
        review.reject(line)
    elif movie is not None:
        review.accept(line, movie)


def _decide_all(review: ImportReview, decide: Callable[[ReviewLine], None]) -> None:
    for line in review.to_check:
        decide(line)


def _list(heading: str, lines: Sequence[ReviewLine]) -> None:
    if not lines:
        return
    with st.expander(f"{heading}: {len(lines):,}"):
        shown = [
            {
                "In your file": line.source.label,
                "Here": line.choice.label if line.choice else "",
                "Stars": "" if line.stars is None else f"{line.stars:g}",
                "Why": line.source.problem or line.reason,
            }
            for line in lines[:_LISTED]
        ]
        told = [name for name in shown[0] if any(row[name] for row in shown)]
        rows = [{name: literal(row[name]) for name in told} for row in shown]
        st.table(rows, border="horizontal", hide_index=True)
        if len(lines) > _LISTED:
            st.caption(f"The first {_LISTED}; “All lines as CSV” has every one.")


def _save(review: ImportReview) -> None:
    now = datetime.now(UTC)
    at = {line.choice.id: line.source.rated_at or now for line in review.matched if line.choice}
    ratings = {movie: Rating(stars, at[movie]) for movie, stars in review.ratings().items()}
    entries = ProfileEntries(ratings)
    entries.marks[Mark.SEEN].update({movie: at[movie] for movie in review.seen()})
    visitor().add(entries)
    st.session_state.pop(_REVIEW, None)
    st.session_state[_SAVED] = st.session_state.get(_SAVED, 0) + 1
    message = f"{counted(len(entries), 'movie')} saved. Undo takes all of them back."
    say_later(message, ":material/check:")
