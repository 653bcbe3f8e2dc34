"""Ratings from elsewhere: a file is read, looked through, and only then kept."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.studio import open_studio
from cinefold.app.shared.visitor import visitor
from cinefold.app.shared.widgets import say_later
from cinefold.profiles import Entries, Mark, Rating
from cinefold.profiles.importing import review_csv
from cinefold.serving.apart import review_apart
from cinefold.serving.background import JobError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.profiles.importing import ImportReview, ReviewLine

_REVIEW, _FILE, _SAVED = "import-review", "import-file", "import-saved"
_MEGABYTES = 50
_SECONDS_BETWEEN_SIGNS = 0.3
_CHECKED_AT_ONCE, _LISTED = 10, 200
_NO_FILM = -1


def draw_import() -> None:
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
        max_upload_size=_MEGABYTES,
        key=f"{_FILE}-{saved}" if saved else _FILE,  # another one, which is empty
    )
    if file is None:
        st.session_state.pop(_REVIEW, None)
        return
    review = _review(file)
    if review is not None:
        _draw_review(review)


def _review(file: Any) -> ImportReview | None:
    """That of this file, made once."""
    known: tuple[str, ImportReview] | None = st.session_state.get(_REVIEW)
    if known is not None and known[0] == file.file_id:
        return known[1]
    bar = st.progress(0.0, "Reading …")
    shown = [time.monotonic()]

    def show(done: int, total: int) -> None:
        if time.monotonic() > shown[0] + _SECONDS_BETWEEN_SIGNS:
            shown[0] = time.monotonic()
            bar.progress(done / max(total, 1), f"{done:,} of {total:,} films looked up …")

    try:
        review = review_apart(open_studio().data, file.getvalue(), file.name, show)
    except JobError as error:
        bar.empty()
        st.error(literal(str(error)), icon=":material/error:")
        return None
    bar.empty()
    st.session_state[_REVIEW] = file.file_id, review
    return review


def _draw_review(review: ImportReview) -> None:
    if not review.lines:
        st.info("This file has no films, only the names of its columns.", icon=":material/draft:")
        return
    st.markdown(f"**{literal(review.summary())}**")
    scale = str(review.conversion)
    st.caption(literal(f"{scale[0].upper()}{scale[1:]}."))
    _draw_to_check(review)
    _list("Found", review.matched)
    _list("Not here", review.missed)
    _list("Left out", review.ignored)
    with st.container(horizontal=True, vertical_alignment="center"):
        n_ratings, n_seen = len(review.ratings()), len(review.seen())
        what = " and ".join(
            text
            for number, text in (
                (n_ratings, counted(n_ratings, "rating")),
                (n_seen, f"{counted(n_seen, 'film')} seen"),
            )
            if number
        )
        if review.matched and not what:
            st.caption("None of these films has a rating or was seen: there is nothing to save.")
        st.button(
            f"Save {what or 'nothing'}",
            type="primary",
            icon=":material/check:",
            key="import-save",
            disabled=not what,
            on_click=_save,
            args=(review,),
        )
        st.download_button(
            "All lines as CSV",
            lambda: review_csv(review),
            "cinefold-import.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            help="Every line of your file, and what became of it.",
        )


def _draw_to_check(review: ImportReview) -> None:
    waiting = review.to_check
    if not waiting:
        return
    st.markdown(f"**{counted(len(waiting), 'film')} to check.** Which one did you mean?")
    for line in waiting[:_CHECKED_AT_ONCE]:
        names = [f"{c.movie.label} ({c.reason})" for c in line.candidates]
        key = f"import-{line.source.file}-{line.source.line}"
        st.selectbox(
            _named(line),
            [*range(len(names)), _NO_FILM],
            index=None,
            format_func=partial(_choice, names),
            key=key,
            placeholder="Choose the film, or leave it out",
            on_change=_decide,
            args=(review, line, key),
        )
    with st.container(horizontal=True):
        st.button(
            "Take the first choice for all",
            key="import-accept-all",
            on_click=_accept_all,
            args=(review,),
        )
        st.button(
            "Leave them all out", key="import-reject-all", on_click=_reject_all, args=(review,)
        )
    if len(waiting) > _CHECKED_AT_ONCE:
        st.caption(f"{len(waiting) - _CHECKED_AT_ONCE:,} more come when these are decided.")


def _choice(names: list[str], place: int) -> str:
    return "None of these" if place == _NO_FILM else names[place]


def _decide(review: ImportReview, line: ReviewLine, key: str) -> None:
    place = st.session_state[key]
    if place == _NO_FILM:
        review.reject(line)
    elif place is not None:
        review.accept(line, line.candidates[place].movie)


def _accept_all(review: ImportReview) -> None:
    review.accept_all()


def _reject_all(review: ImportReview) -> None:
    for line in review.to_check:
        review.reject(line)


def _list(heading: str, lines: Sequence[ReviewLine]) -> None:
    if not lines:
        return
    with st.expander(f"{heading}: {len(lines):,}"):
        shown = [
            {
                "In your file": _named(line),
                "Here": line.choice.label if line.choice is not None else "",
                "Stars": line.stars,
                "Why": line.source.problem or line.reason,
            }
            for line in lines[:_LISTED]
        ]
        st.dataframe(shown, hide_index=True)
        if len(lines) > _LISTED:
            st.caption(f"The first {_LISTED}; “All lines as CSV” has every one.")


def _named(line: ReviewLine) -> str:
    return line.source.label


def _save(review: ImportReview) -> None:
    times = {
        line.choice.id: line.source.rated_at for line in review.matched if line.choice is not None
    }
    entries = Entries(
        ratings={
            movie: Rating(stars, _time(times.get(movie)))
            for movie, stars in review.ratings().items()
        }
    )
    for movie in review.seen():
        entries.marks[Mark.SEEN][movie] = _time(times.get(movie))
    visitor().add(entries)
    st.session_state.pop(_REVIEW, None)
    st.session_state[_SAVED] = st.session_state.get(_SAVED, 0) + 1
    say_later(
        f"{counted(len(entries), 'film')} saved. Undo takes all of them back.",
        ":material/check:",
    )


def _time(at: datetime | None) -> datetime:
    return at or datetime.now(UTC)
