"""Who is here: choosing, naming, exporting and deleting a profile."""

import contextlib

import streamlit as st

from cinefold.app.shared.bring_along import draw_left
from cinefold.app.shared.display import literal
from cinefold.app.shared.visitor import (
    Visitor,
    forget,
    may_open_by_name,
    profile_label,
    profile_link,
    profile_store,
    shown_name,
)
from cinefold.app.shared.widgets import button, csv_button, say_later
from cinefold.datasets import MovieCatalog
from cinefold.profiles import Profile, ProfileNameError, StoreError, UnknownProfileError, write_csv
from cinefold.profiles.transfer import WITHOUT_COUNTERPART
from cinefold.serving.launch import shares_profiles

_NOBODY = "Somebody new"
_FORGET = "This browser opens none of your profiles any more. They stay: keep your private link."
_CHANGES = {
    "rate": "the stars for {}",
    "unrate": "taking back {}",
    "mark": "the mark on {}",
    "unmark": "taking back the mark on {}",
    "clear": "“Clear all”",
    "import": "the import",
}
_UNDO = "Takes the last change of your ratings and marks back, up to twenty of them."


def draw_profile_bar(you: Visitor, movies: MovieCatalog) -> None:
    """Profiles to choose from, and what can be done with the one in use."""
    if you.trouble:
        st.warning(literal(you.trouble), icon=":material/warning:")
    if shares_profiles():
        st.caption("Everybody who opens this page sees all profiles: it was started so.")
    if you.profile is not None and (left := you.profile.settings.get(WITHOUT_COUNTERPART)):
        draw_left(left)
    with st.container(horizontal=True, vertical_alignment="bottom", key="profile-bar"):
        known = you.profiles()
        if known:
            _draw_choice(you, known)
        unnamed = you.profile is None or not shown_name(you.profile, "")
        _name_popover(you, "Name your profile" if unnamed else "New profile")
        if you.profile is not None:
            _draw_undo(you, you.profile, movies)
            _manage(you, you.profile, movies)


def _draw_undo(you: Visitor, profile: Profile, movies: MovieCatalog) -> None:
    latest, what = None, ""
    with you.noting_trouble():
        latest = profile_store().latest_change(profile.id)
    if latest is not None:
        known = [movies[movie].title for movie in latest.movies if movie in movies]
        what = _CHANGES[latest.action].format(f"{known[0]:.30}" if known else "a movie")
    label = literal(f"Undo {what}".strip())
    button(label, you.undo, icon="undo", key="undo", help=_UNDO, disabled=latest is None)


def _draw_choice(you: Visitor, profiles: list[Profile]) -> None:
    by_id = {profile.id: profile for profile in profiles}
    current = you.profile.id if you.profile and you.profile.id in by_id else None
    # Another profile is another box, and a name that is not on it is no choice: of two fast clicks
    # on stars, the second comes with the box as it was before the first.
    key = f"profile-choice-{current or 'nobody'}"
    # The visitor is the truth: the profile may have been made since the box was drawn.
    st.session_state[key] = current
    st.selectbox(
        "Profile",
        [None, *by_id],
        format_func=lambda key: _NOBODY if key is None else profile_label(by_id[key]),
        key=key,
        placeholder=_NOBODY,
        on_change=_open_chosen,
        args=(you, by_id, key),
        width=260,
    )


def _open_chosen(you: Visitor, by_id: dict[int, Profile], key: str) -> None:
    chosen = st.session_state.get(key, "")  # with its data set, the box goes
    if chosen is None or chosen in by_id:
        you.open(by_id.get(chosen))


def _name_popover(you: Visitor, label: str) -> None:
    popover = st.popover(label, icon=":material/person_add:")
    with popover:
        _name_form(you, "profile-name", "Name", "Save")
    if may_open_by_name():
        with popover.form("profile-open", clear_on_submit=True, border=False):
            name = st.text_input("Or a profile that is here already", key="profile-open-text")
            if st.form_submit_button("Open") and name.strip():
                st.query_params["profile"] = name
                st.rerun()


def _name_form(you: Visitor, key: str, label: str, button: str) -> None:
    with st.form(key, clear_on_submit=True, border=False):
        # No `max_chars`: a longer name that is pasted would vanish without a word.
        name = st.text_input(label, placeholder="Your name", key=f"{key}-text")
        if st.form_submit_button(button, type="primary"):
            try:
                you.start(name)
            except (ProfileNameError, StoreError) as error:
                st.error(literal(str(error)))
            else:
                st.rerun()


def _manage(you: Visitor, profile: Profile, movies: MovieCatalog) -> None:
    with st.popover("Manage", icon=":material/manage_accounts:"):
        st.caption(f"**{literal(shown_name(profile))}**, since {profile.created_at:%d %B %Y}.")
        csv_button(
            "Profile as CSV",
            lambda: write_csv(profile_store().entries(profile.id), movies),
            "cinefold-profile",
            "All ratings and marks. Import brings them back, here or elsewhere.",
        )
        if not you.owns_profile:
            return
        with st.container(border=True, gap="xsmall"):
            st.markdown(":material/share: **Show somebody your list**")
            st.caption("This link shows it, and changes nothing.")
            st.code(profile_link(profile.share_key), language=None)
            if not shown_name(profile, ""):
                label = "They read “A list shared with you”. Or put your name on it:"
                _name_form(you, "share-name", label, "Put it there")
        with st.container(border=True, gap="xsmall"):
            st.markdown(":material/lock: **Go on in another browser of yours**")
            if st.toggle("Show my private link", key=f"private-link-{profile.id}"):
                st.warning("Whoever has it can change and delete your profile: give it to nobody.")
                st.code(profile_link(profile.key), language=None)
        button("Forget me here", forget, icon="logout", help=_FORGET)
        sure = st.checkbox("Delete this profile and all it says, for good", key="profile-sure")
        button("Delete", _delete, you, profile, icon="delete_forever", disabled=not sure)


def _delete(you: Visitor, profile: Profile) -> None:
    with you.noting_trouble():
        with contextlib.suppress(UnknownProfileError):  # another window was faster
            profile_store().delete(profile.id)
        st.session_state["profile-sure"] = False
        you.open(None)
        say_later(f"{literal(shown_name(profile))} is deleted.", ":material/delete_forever:")
