"""Every operation, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from cinefold.profiles import (
    Mark,
    ProfileEntries,
    ProfileNameError,
    ProfileStore,
    Rating,
    StoreError,
    UnknownProfileError,
)
from cinefold.profiles.undo_log import UNDOABLE_CHANGES

NOON = datetime(2024, 5, 31, 12, 0, 0, 1, tzinfo=UTC)


@pytest.fixture
def ada(store):
    return store.create("ml-100k", "Ada").id


# -- profiles -------------------------------------------------------------------------------------


def test_a_profile_is_there_again_after_a_restart(place):
    with ProfileStore(place) as store:
        made = store.create("ml-100k", "  Ada ", settings={"theme": "dark", "years": [1980, None]})
        store.rate(made.id, 50, 4.5, at=NOON)
        store.mark(made.id, "tt1", Mark.NOT_INTERESTED, at=NOON)
    with ProfileStore(place) as store:
        found = store.get(made.id)
        assert (found.name, found.dataset) == ("Ada", "ml-100k")
        assert found.settings == {"theme": "dark", "years": [1980, None]}
        assert found.created_at == made.created_at
        assert (found.n_ratings, found.n_marks) == (1, 1)
        assert store.find("ml-100k", "ADA") == found
        entries = store.entries(made.id)
        assert entries.ratings == {50: Rating(4.5, NOON)}
        assert entries.marks[Mark.NOT_INTERESTED] == {"tt1": NOON}
        assert entries.hidden == {"tt1"}


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert('x')</script>",
        "Робе́рт'); DROP TABLE cinefold_profile;--",
        "日本語 👩‍🎬 ﷽",
        "a" * 80,
        "%s :name {0} \\N",
    ],
)
def test_names_are_plain_text(store, name):
    made = store.create(name, name)
    assert (made.name, made.dataset) == (name, name)
    assert store.find(name, f"\t{name}\n") == made
    assert store.profiles(name) == [made]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (" \t ", "visible"),
        ("\u200b\u200d", "visible"),
        ("b" * 81, "at most 80 characters, this one has 81"),
        ("a\nb", "control characters: 'a\\\\nb'"),
        ("a\x00b", "control characters"),
        ("a\ud800b", "control characters"),
    ],
)
def test_names_that_no_profile_can_have(store, name, said):
    with pytest.raises(ProfileNameError, match=said):
        store.create("ml-100k", name)
    ada = store.create("ml-100k", "Ada")
    with pytest.raises(ProfileNameError, match=said):
        store.rename(ada.id, name)
    assert store.profiles() == [store.get(ada.id)]


@pytest.mark.parametrize(
    ("name", "same"), [("Straße", "STRASSE"), ("e\u0301le\u0300ve", "ÉLÈVE"), ("Ada", " aDA ")]
)
def test_a_data_set_has_each_name_once(store, name, same):
    made = store.create("ml-100k", name)
    with pytest.raises(ProfileNameError, match="already"):
        store.create("ml-100k", same)
    other = store.create("ml-100k", "other")
    with pytest.raises(ProfileNameError, match="already"):
        store.rename(other.id, same)
    assert store.create("ml-25m", same).id != made.id
    assert store.rename(made.id, same).name == same.strip()  # its own name in another case


def test_the_last_used_comes_first(store):
    ada, bob, eve = (store.create("ml-100k", name).id for name in ("Ada", "Bob", "Eve"))
    store.touch(bob)
    store.rate(ada, 1, 3)
    assert [profile.id for profile in store.profiles("ml-100k")] == [ada, bob, eve]
    assert store.get(ada).last_used_at > store.get(ada).created_at
    assert store.profiles("ml-1m") == []


def test_deletion_takes_everything_and_nothing_else(store, ada):
    bob = store.create("ml-100k", "Bob").id
    for profile in (ada, bob):
        store.rate_many(profile, {1: 3, 2: 4})
        store.mark(profile, 3, Mark.SEEN)
    kept = store.get(bob), store.entries(bob)
    store.delete(ada)
    assert store.profiles() == [kept[0]]
    assert store.entries(bob) == kept[1]
    with pytest.raises(UnknownProfileError, match=f"no profile with id {ada}"):
        store.delete(ada)
    store.delete(bob)  # whose id was the highest
    again = store.create("ml-100k", "Ada").id
    assert again not in (ada, bob)  # a page open on the old one must not write into the new one
    assert len(store.entries(again)) == 0
    assert store.undo(again) is None


def test_nothing_can_be_done_with_a_profile_that_is_gone(store, ada):
    store.delete(ada)
    for unknown_profile_error in (ada, 0, -1, 2**31, 2**70, "1"):
        for use in (
            lambda i: store.get(i),
            lambda i: store.entries(i),
            lambda i: store.rename(i, "Bob"),
            lambda i: store.delete(i),
            lambda i: store.touch(i),
            lambda i: store.update_settings(i, {"a": 1}),
            lambda i: store.rate(i, 1, 3),
            lambda i: store.unrate(i, 1),
            lambda i: store.mark(i, 1, Mark.SEEN),
            lambda i: store.unmark(i, 1, Mark.SEEN),
            lambda i: store.clear(i),
            lambda i: store.undo(i),
            lambda i: store.add(i, ProfileEntries({1: Rating(3, NOON)})),
        ):
            with pytest.raises(UnknownProfileError, match="no profile with id"):
                use(unknown_profile_error)
    assert store.profiles() == []


def test_settings_are_changed_one_by_one(store, ada):
    store.update_settings(ada, {"theme": "dark", "sizes": {"a": [1, 2.5]}, "odd": "\x00\ud800"})
    now = store.update_settings(ada, {"theme": None, "list": 20})
    assert now == {"sizes": {"a": [1, 2.5]}, "odd": "\x00\ud800", "list": 20}
    assert store.get(ada).settings == now


def test_settings_are_what_json_can_hold(store, ada):
    for value in (float("nan"), object(), {1, 2}):
        with pytest.raises(ValueError, match="JSON"):
            store.update_settings(ada, {"a": value})
        with pytest.raises(ValueError, match="JSON"):
            store.create("ml-100k", "Bob", settings={"a": value})
    with pytest.raises(TypeError, match="name of a setting is a str, not int: 1"):
        store.update_settings(ada, {1: 2})
    assert store.get(ada).settings == {}


# -- ratings and marks ----------------------------------------------------------------------------


def test_movie_ids_come_back_as_they_went_in(store, ada):
    given = [1, "1", -7, 10**30, "tt0111161", "", " é\x00\"'\\", np.int64(12), np.str_("x")]
    store.rate_many(ada, dict.fromkeys(given, 3))
    found = list(store.entries(ada).ratings)
    assert found == given  # in the order they were given
    assert {type(movie) for movie in found} == {int, str}


def test_what_no_movie_id_can_be(store, ada):
    for movie in (1.0, None, True, b"1", (1,)):
        with pytest.raises(TypeError, match="a movie id is an int or a str"):
            store.rate(ada, movie, 3)


def test_stars_are_from_a_half_to_five(store, ada):
    for stars in (0, 0.49, 5.01, -1, float("nan"), float("inf"), "x", None):
        with pytest.raises(ValueError, match=r"0\.5 to 5, not .* \(movie 8\)"):
            store.rate_many(ada, {7: 3, 8: stars})
    assert len(store.entries(ada)) == 0  # all or none


def test_a_rating_replaces_the_one_before(store, ada):
    store.rate(ada, 1, 3, at=NOON)
    store.rate(ada, 1, 0.5, at=NOON - timedelta(days=1))  # written later, that is what counts
    assert store.entries(ada).ratings == {1: Rating(0.5, NOON - timedelta(days=1))}


def test_times_keep_their_moment(store, ada):
    abroad = NOON.astimezone(timezone(timedelta(hours=9)))
    store.rate(ada, 1, 3, at=abroad)
    assert store.entries(ada).ratings[1].at.isoformat() == "2024-05-31T12:00:00.000001+00:00"
    store.rate(ada, 2, 3, at=datetime(1895, 12, 28, tzinfo=UTC))
    assert list(store.entries(ada).stars) == [2, 1]
    with pytest.raises(ValueError, match="needs its time zone"):
        store.rate(ada, 1, 3, at=datetime(2024, 1, 1))
    with pytest.raises(ValueError, match="years 1 to 9999"):
        store.rate(ada, 1, 3, at=datetime.min.replace(tzinfo=timezone(timedelta(hours=9))))


def test_taking_ratings_back(store, ada):
    store.rate_many(ada, {1: 3, "a": 4, 3: 5})
    assert store.unrate(ada, [1, "a"])
    assert store.entries(ada).stars == {3: 5}
    assert not store.unrate(ada, 1)
    assert store.unrate(ada, 3)
    assert store.get(ada).n_ratings == 0


def test_seen_and_not_seen_replace_each_other(store, ada):
    store.mark(ada, [1, "a"], Mark.NOT_SEEN)
    store.mark(ada, 1, Mark.NOT_INTERESTED)
    store.mark(ada, 1, Mark.SEEN)
    marks = {mark: set(movies) for mark, movies in store.entries(ada).marks.items() if movies}
    assert marks == {Mark.NOT_SEEN: {"a"}, Mark.NOT_INTERESTED: {1}, Mark.SEEN: {1}}
    assert store.entries(ada).hidden == {1}
    assert store.unmark(ada, 1, Mark.SEEN)
    assert not store.unmark(ada, 1, Mark.SEEN)
    assert store.get(ada).n_marks == 2
    with pytest.raises(ValueError, match="watched"):
        store.mark(ada, 1, "watched")


def test_more_ratings_in_one_change_than_a_query_has_parameters(store, ada):
    assert not store.unrate(ada, range(2**16))  # more than either database takes
    given = {movie: 0.5 + movie % 10 / 2 for movie in range(600)}
    store.rate(ada, 7, 1)
    store.rate_many(ada, given)
    assert store.entries(ada).stars == given
    store.undo(ada)
    assert store.entries(ada).stars == {7: 1}


# -- undo -----------------------------------------------------------------------------------------


def test_undo_goes_back_step_by_step(store, ada):
    store.rate_many(ada, {1: 3, 2: 4})
    steps = [
        ("rate", (1,), lambda: store.rate(ada, 1, 5)),
        ("mark", ("a",), lambda: store.mark(ada, "a", Mark.NOT_SEEN)),
        ("mark", ("a",), lambda: store.mark(ada, "a", Mark.SEEN)),
        ("unmark", ("a",), lambda: store.unmark(ada, "a", Mark.SEEN)),
        ("unrate", (2,), lambda: store.unrate(ada, 2)),
        ("import", (9,), lambda: store.add(ada, ProfileEntries({9: Rating(2, NOON)}))),
        ("clear", (1, 9), lambda: store.clear(ada)),
    ]
    states = []
    for _, _, step in steps:
        states.append(store.entries(ada))
        step()
    for (action, movies, _), state in zip(reversed(steps), reversed(states), strict=True):
        undone = store.undo(ada)
        assert (undone.action, set(undone.movies)) == (action, set(movies))
        assert store.entries(ada) == state


def test_what_changes_nothing_is_no_step(store, ada):
    store.rate(ada, 1, 3, at=NOON)
    store.rate(ada, 1, 3, at=NOON)
    store.unrate(ada, 2)
    store.unmark(ada, 1, Mark.SEEN)
    store.rate_many(ada, {})
    assert store.undo(ada).action == "rate"
    assert store.undo(ada) is None
    assert not store.clear(ada)


def test_the_oldest_steps_are_forgotten(store, ada):
    other = store.create("ml-100k", "Bob").id
    store.rate(other, 1, 2)
    for movie in range(UNDOABLE_CHANGES + 3):
        store.rate(ada, movie, 3)
    undone = [store.undo(ada) for _ in range(UNDOABLE_CHANGES + 1)]
    assert undone[-1] is None
    assert None not in undone[:-1]
    assert set(store.entries(ada).ratings) == {0, 1, 2}
    assert store.undo(other) is not None


# -- several threads and stores -------------------------------------------------------------------


def test_threads_share_a_store(store, ada):
    failures = []

    def write(first):
        try:
            for movie in range(first, first + 20):
                store.rate(ada, movie, 3)
                store.entries(ada)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(20 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(store.entries(ada).ratings) == set(range(160))


def test_two_stores_see_each_other(place):
    with ProfileStore(place) as one, ProfileStore(place) as two:
        ada = one.create("ml-100k", "Ada").id
        two.rate(ada, 1, 3)
        one.rate(ada, 1, 4)
        assert two.entries(ada).stars == {1: 4}
        assert two.undo(ada).movies == (1,)
        assert one.entries(ada).stars == {1: 3}


def test_a_closed_store_says_so(place):
    with ProfileStore(place) as store:
        pass
    with pytest.raises(StoreError, match="was closed"):
        store.profiles()
    with pytest.raises(StoreError, match="was closed"):
        store.create("ml-100k", "Ada")


def test_keys_open_profiles_and_share_keys_show_them(store):
    ada, bob = (store.create("ml-100k", name) for name in ("Ada", "Bob"))
    assert len({ada.key, ada.share_key, bob.key, bob.share_key}) == 4
    assert all(len(key) == 22 for key in (ada.key, bob.share_key))
    assert ada.key not in repr(ada)
    assert store.opened_by("ml-100k", [bob.key, "x", ada.share_key, ada.key]) == [bob, ada]
    assert store.opened_by("ml-1m", [ada.key]) == store.opened_by("ml-100k", []) == []
    assert store.opened_by(None, [ada.key]) == [ada]
    assert store.shown_by(ada.share_key) == ada
    assert store.shown_by(ada.key) is None
