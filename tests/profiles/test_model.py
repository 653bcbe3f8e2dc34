"""Any sequence of operations does to the store what it does to a few dictionaries."""

from __future__ import annotations

import copy
import tempfile
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from cinefold.profiles import (
    Mark,
    ProfileEntries,
    ProfileNameError,
    ProfileStore,
    Rating,
    UnknownProfileError,
    read_csv,
    write_csv,
)
from cinefold.profiles.undo_log import UNDOABLE_CHANGES

movies = st.one_of(st.integers(1, 6), st.sampled_from(["1", "tt2", "é\x00"]))
several = st.lists(movies, max_size=4)
stars = st.sampled_from([0.5, 1, 2.5, 4, 5])
moments = st.datetimes(timezones=st.just(UTC))
ratings = st.builds(Rating, stars, moments)
names = st.sampled_from(["Ada", " ada", "Bob", "BOB ", "Straße", "STRASSE", "<b>", "ﬁ"])
datasets = st.sampled_from(["ml-100k", "ml-1m"])
marks = st.sampled_from(list(Mark))


@dataclass
class Expected:
    """A profile as it should be."""

    dataset: str
    name: str
    ratings: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    before: list = field(default_factory=list)

    def become(self, new_ratings, new_marks):
        if (new_ratings, new_marks) != (self.ratings, self.marks):
            # What undo brings back are the movies of the change, and no two changes overlap in
            # time here: so it brings back the whole.
            self.before = [*self.before, (self.ratings, self.marks)][-UNDOABLE_CHANGES:]
            self.ratings, self.marks = new_ratings, new_marks


class StoreMachine(RuleBasedStateMachine):
    """Profiles are known to the rules by their ids, also those that are deleted."""

    ids = Bundle("ids")
    deleted = Bundle("deleted")

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.store = ProfileStore(Path(self.folder.name) / "p.db")
        self.expected: dict[int, Expected] = {}

    def teardown(self):
        if hasattr(self, "folder"):
            self.store.close()
            self.folder.cleanup()

    def taken(self, dataset, name, by_other_than=None):
        key = name.strip().casefold()
        return any(
            (profile.dataset, profile.name.casefold()) == (dataset, key)
            for number, profile in self.expected.items()
            if number != by_other_than
        )

    @rule(target=ids, dataset=datasets, name=names)
    def create(self, dataset, name):
        if self.taken(dataset, name):
            with pytest.raises(ProfileNameError):
                self.store.create(dataset, name)
            return self.store.find(dataset, name).id
        made = self.store.create(dataset, name)
        assert made.id not in self.expected
        self.expected[made.id] = Expected(dataset, name.strip())
        return made.id

    @rule(number=ids, name=names)
    def rename(self, number, name):
        if number not in self.expected:
            return
        if self.taken(self.expected[number].dataset, name, by_other_than=number):
            with pytest.raises(ProfileNameError):
                self.store.rename(number, name)
        else:
            self.store.rename(number, name)
            self.expected[number].name = name.strip()

    @rule(target=deleted, number=consumes(ids))
    def delete(self, number):
        if self.expected.pop(number, None):
            self.store.delete(number)
        return number

    @rule(number=deleted)
    def use_deleted(self, number):
        for use in (self.store.entries, self.store.undo, self.store.delete):
            with pytest.raises(UnknownProfileError):
                use(number)

    @rule(number=ids, movie=movies, rating=ratings)
    def rate(self, number, movie, rating):
        if profile := self.expected.get(number):
            self.store.rate(number, movie, rating.stars, at=rating.at)
            profile.become(profile.ratings | {movie: rating}, profile.marks)

    @rule(number=ids, given=st.dictionaries(movies, ratings, max_size=4))
    def rate_many(self, number, given):
        if profile := self.expected.get(number):
            self.store.rate_many(number, given)
            profile.become(profile.ratings | given, profile.marks)

    @rule(number=ids, movies=several)
    def unrate(self, number, movies):
        if profile := self.expected.get(number):
            there = not profile.ratings.keys().isdisjoint(movies)
            assert self.store.unrate(number, movies) == there
            left = {movie: r for movie, r in profile.ratings.items() if movie not in movies}
            profile.become(left, profile.marks)

    @rule(number=ids, movies=several, mark=marks, at=moments)
    def mark(self, number, movies, mark, at):
        if profile := self.expected.get(number):
            self.store.mark(number, movies, mark, at=at)
            profile.become(profile.ratings, marked(profile.marks, movies, mark, at))

    @rule(number=ids, movies=several, mark=marks)
    def unmark(self, number, movies, mark):
        if profile := self.expected.get(number):
            self.store.unmark(number, movies, mark)
            gone = {(movie, mark) for movie in movies}
            left = {key: at for key, at in profile.marks.items() if key not in gone}
            profile.become(profile.ratings, left)

    @rule(number=ids)
    def clear(self, number):
        if profile := self.expected.get(number):
            assert self.store.clear(number) == bool(profile.ratings or profile.marks)
            profile.become({}, {})

    @rule(number=ids, source=ids)
    def copy_by_csv(self, number, source):
        if number not in self.expected or source not in self.expected:
            return
        profile, other = self.expected[number], self.expected[source]
        self.store.add(number, read_csv(write_csv(self.store.entries(source))))
        merged = profile.marks
        for (movie, mark), at in other.marks.items():
            merged = marked(merged, [movie], mark, at)
        profile.become(profile.ratings | other.ratings, merged)

    @rule(number=ids)
    def undo(self, number):
        if profile := self.expected.get(number):
            undone = self.store.undo(number)
            assert (undone is not None) == bool(profile.before)
            if profile.before:
                profile.ratings, profile.marks = profile.before.pop()

    @rule()
    def restart(self):
        self.store.close()
        self.store = ProfileStore(Path(self.folder.name) / "p.db")

    @invariant()
    def agrees(self):
        if not hasattr(self, "store"):
            return
        assert {profile.id for profile in self.store.profiles()} == self.expected.keys()
        for number, profile in self.expected.items():
            found, entries = self.store.get(number), self.store.entries(number)
            assert (found.dataset, found.name) == (profile.dataset, profile.name)
            assert entries == as_entries(profile)
            assert (found.n_ratings, found.n_marks) == (len(profile.ratings), len(profile.marks))
            assert list(entries.ratings.values()) == sorted(
                entries.ratings.values(), key=lambda rating: rating.at
            )


def marked(before, movies, mark, at):
    after = copy.copy(before)
    for movie in movies:
        after.pop((movie, mark.opposite), None)
        after[movie, mark] = at
    return after


def as_entries(profile):
    entries = ProfileEntries(ratings=profile.ratings)
    for (movie, mark), at in profile.marks.items():
        entries.marks[mark][movie] = at
    return entries


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
