"""Profiles in a database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from cinefold.profiles import schema, undo_log
from cinefold.profiles.database import Database
from cinefold.profiles.errors import explained
from cinefold.profiles.profile import (
    Mark,
    MovieId,
    Profile,
    ProfileEntries,
    Rating,
    checked_movie,
    checked_movies,
    checked_settings,
    checked_time,
    clean_name,
    name_key,
    timed_ratings,
)
from cinefold.profiles.queries import (
    all_entries,
    is_profile,
    matching_profiles,
    one_profile,
    unique_name,
    unknown_profile_error,
)
from cinefold.profiles.tables import profiles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import ColumnElement, Connection

    from cinefold.profiles.profile import Change


class ProfileStore(Database):
    """Profiles of new users, kept in SQLite or PostgreSQL.

    Threads may share a store, and processes may share its database: every method is one
    transaction, and of two that write the same rating the later one wins. Opening a database
    brings its schema up to date.

    Parameters
    ----------
    place : str or Path, optional
        A database URL, or the path of an SQLite file. Without it, what CINEFOLD_DATABASE_URL says,
        else the file ``profiles.sqlite3`` in the platform's data folder.
    timeout : float
        Seconds to wait for a connection, and for others that write.

    Attributes
    ----------
    location : str
        The file, or the URL without its password.

    Raises
    ------
    StoreError
        If the database cannot be used: unreachable, locked, damaged, read-only, or written by a
        newer version. Every method may raise it.

    Examples
    --------
    >>> from cinefold.profiles import Mark, ProfileStore
    >>> with ProfileStore() as store:  # doctest: +SKIP
    ...     ada = store.create("ml-100k", "Ada")
    ...     store.rate(ada.id, 50, 4.5)
    ...     store.mark(ada.id, 1, Mark.NOT_INTERESTED)
    ...     store.entries(ada.id).stars
    {50: 4.5}
    """

    def __init__(self, place: str | Path | None = None, *, timeout: float = 30.0) -> None:
        super().__init__(place, timeout)
        with explained(self.location):
            try:
                schema.migrate(self._reader, self._writer, self.location)
            except BaseException:
                self.close()
                raise

    # -- profiles -------------------------------------------------------------------------------

    def create(
        self, dataset: str, name: str, *, settings: Mapping[str, Any] | None = None
    ) -> Profile:
        """A new profile for the movies of `dataset`.

        Parameters
        ----------
        dataset : str
            Such as "ml-100k": movie ids mean something only within it.
        name : str
            1 to 80 characters, trimmed; names that differ only in case are the same.
        settings : mapping, optional
            What JSON can hold.

        Raises
        ------
        ProfileNameError
            If the name breaks the rules, or the data set has a profile of this name.
        """
        shown, now = clean_name(name), datetime.now(UTC)
        values = {
            "dataset": clean_name(dataset, "a data set's name"),
            "name": shown,
            "name_key": name_key(shown),
            "created_at": now,
            "last_used_at": now,
            "settings": checked_settings(settings or {}),
        }
        with self._transaction(self._writer) as connection, unique_name(shown):
            created = connection.execute(insert(profiles).values(values).returning(profiles.c.id))
            return one_profile(connection, created.scalar_one())

    def profiles(self, dataset: str | None = None) -> list[Profile]:
        """All profiles, or those of a data set; the last used first.

        Parameters
        ----------
        dataset : str, optional
        """
        return self._matching(dataset)

    def get(self, profile_id: int) -> Profile:
        """The profile with this id.

        Parameters
        ----------
        profile_id : int

        Raises
        ------
        UnknownProfileError
            If there is none, as of every method that takes an id.
        """
        with self._transaction(self._reader) as connection:
            return one_profile(connection, profile_id)

    def find(self, dataset: str, name: str) -> Profile | None:
        """The profile of this name, whatever its case; None if the data set has none.

        Parameters
        ----------
        dataset, name : str
        """
        named = profiles.c.name_key == name_key(clean_name(name))
        return next(iter(self._matching(dataset, named)), None)

    def opened_by(self, dataset: str | None, keys: Iterable[str]) -> list[Profile]:
        """The profiles, or those of a data set, that these keys open; in the order of the keys.

        Parameters
        ----------
        dataset : str or None
        keys : iterable of str
        """
        asked = list(dict.fromkeys(keys))
        opened = self._matching(dataset, profiles.c.key.in_(asked))
        return sorted(opened, key=lambda profile: asked.index(profile.key))

    def shown_by(self, share_key: str) -> Profile | None:
        """The profile whose list this key shows; None if there is none.

        Parameters
        ----------
        share_key : str
        """
        return next(iter(self._matching(None, profiles.c.share_key == share_key)), None)

    def _matching(self, dataset: str | None, *conditions: ColumnElement[bool]) -> list[Profile]:
        if dataset is not None:
            conditions = (
                profiles.c.dataset == clean_name(dataset, "a data set's name"),
                *conditions,
            )
        with self._transaction(self._reader) as connection:
            return matching_profiles(connection, *conditions)

    def rename(self, profile_id: int, name: str) -> Profile:
        """Give the profile another name, and return it.

        Parameters
        ----------
        profile_id : int
        name : str
            As of `create`.

        Raises
        ------
        ProfileNameError
            As of `create`.
        """
        shown = clean_name(name)
        with self._changing(profile_id) as connection, unique_name(shown):
            values = {"name": shown, "name_key": name_key(shown)}
            connection.execute(update(profiles).where(is_profile(profile_id)).values(values))
            return one_profile(connection, profile_id)

    def delete(self, profile_id: int) -> None:
        """Delete the profile with its ratings, marks, settings and undo log; there is no undo.

        On SQLite the bytes are overwritten.
        """
        with self._transaction(self._writer) as connection:
            if not connection.execute(delete(profiles).where(is_profile(profile_id))).rowcount:
                raise unknown_profile_error(profile_id)
        self._erase_traces()

    def touch(self, profile_id: int) -> None:
        """Note that the profile is used now; changes note it themselves."""
        with self._changing(profile_id):
            pass

    def update_settings(self, profile_id: int, changed: Mapping[str, Any]) -> dict[str, Any]:
        """Change some settings and keep the others.

        Parameters
        ----------
        profile_id : int
        changed : mapping of str to what JSON can hold
            None takes a setting away.

        Returns
        -------
        dict
            All settings, as they are now.
        """
        own, new = is_profile(profile_id), checked_settings(changed)
        with self._changing(profile_id) as connection:
            settings = connection.execute(select(profiles.c.settings).where(own)).scalar_one()
            merged = {**settings, **new}
            kept = {name: value for name, value in merged.items() if value is not None}
            connection.execute(update(profiles).where(own).values(settings=kept))
        return kept

    # -- ratings and marks ----------------------------------------------------------------------

    def entries(self, profile_id: int) -> ProfileEntries:
        """All ratings and marks of the profile.

        Returns
        -------
        ProfileEntries
            Each oldest first.
        """
        with self._transaction(self._reader) as connection:
            one_profile(connection, profile_id)
            return all_entries(connection, profile_id)

    def rate(
        self, profile_id: int, movie_id: MovieId, stars: float, *, at: datetime | None = None
    ) -> None:
        """Give a movie 0.5 to 5 stars, instead of those it has.

        Parameters
        ----------
        profile_id : int
        movie_id : int or str
        stars : float
        at : datetime, optional
            With its time zone; now by default.

        Raises
        ------
        ValueError
            If stars or time are not allowed.
        TypeError
            If the id is neither an int nor a str. As of every method that takes these.
        """
        self.rate_many(profile_id, {movie_id: Rating(stars, checked_time(at))})

    def rate_many(self, profile_id: int, given: Mapping[Any, float | Rating]) -> None:
        """Rate many movies, all or none; undone as one change.

        Parameters
        ----------
        profile_id : int
        given : mapping of movie id to stars or Rating
            Stars alone are rated now.
        """
        rated = ProfileEntries(timed_ratings(given))
        self._change(profile_id, "rate", undo_log.table_rows(rated))

    def unrate(self, profile_id: int, movie_ids: MovieId | Iterable[MovieId]) -> bool:
        """Take the rating of a movie, or of several, away.

        Returns
        -------
        bool
            False if there was none.
        """
        rows = dict.fromkeys((movie,) for movie in checked_movies(movie_ids))
        return self._change(profile_id, "unrate", {"ratings": rows})

    def mark(
        self,
        profile_id: int,
        movie_ids: MovieId | Iterable[MovieId],
        mark: Mark,
        *,
        at: datetime | None = None,
    ) -> bool:
        """Mark a movie, or several; "seen" takes "not seen" away and the other way round.

        Parameters
        ----------
        profile_id : int
        movie_ids : int, str or iterable of them
        mark : Mark
        at : datetime, optional
            With its time zone; now by default.

        Returns
        -------
        bool
            False if they had this mark, of this time, already.
        """
        rows = undo_log.marked_rows(checked_movies(movie_ids), Mark(mark), checked_time(at))
        return self._change(profile_id, "mark", {"marks": rows})

    def unmark(self, profile_id: int, movie_ids: MovieId | Iterable[MovieId], mark: Mark) -> bool:
        """Take a mark of a movie, or of several, away.

        Returns
        -------
        bool
            False if there was none.
        """
        rows = dict.fromkeys((movie, Mark(mark).value) for movie in checked_movies(movie_ids))
        return self._change(profile_id, "unmark", {"marks": rows})

    def add(self, profile_id: int, entries: ProfileEntries) -> None:
        """Ratings and marks beside those there are, all or none; undone as one change.

        Parameters
        ----------
        profile_id : int
        entries : ProfileEntries
            For a movie that is rated already, their rating is the one that stays.
        """
        wanted = undo_log.table_rows(ProfileEntries(timed_ratings(entries.ratings)))
        for movie, mark, at in entries.marked:
            wanted["marks"] |= undo_log.marked_rows(
                [checked_movie(movie)], Mark(mark), checked_time(at)
            )
        self._change(profile_id, "import", wanted)

    def clear(self, profile_id: int) -> bool:
        """Take all ratings and marks away; False if there were none."""
        with self._changing(profile_id) as connection:
            found = undo_log.table_rows(all_entries(connection, profile_id))
            wanted: undo_log.TableRows = {name: dict.fromkeys(rows) for name, rows in found.items()}
            return undo_log.change(connection, profile_id, "clear", wanted)

    def undo(self, profile_id: int) -> Change | None:
        """Take the latest change of ratings or marks back; None if there is none left.

        Returns
        -------
        Change or None
            What was taken back. The last 20 changes of a profile can be, whichever process made
            them.
        """
        with self._changing(profile_id) as connection:
            return undo_log.latest(connection, profile_id, take_back=True)

    def latest_change(self, profile_id: int) -> Change | None:
        """What `undo` would take back; None if there is nothing."""
        with self._transaction(self._reader) as connection:
            return undo_log.latest(connection, profile_id)

    def _change(self, profile_id: int, action: str, wanted: undo_log.TableRows) -> bool:
        with self._changing(profile_id) as connection:
            return undo_log.change(connection, profile_id, action, wanted)

    # -- transactions ---------------------------------------------------------------------------

    @contextmanager
    def _changing(self, profile_id: int) -> Iterator[Connection]:
        """Holds the profile's row, so that changes of one profile follow one another."""
        use = update(profiles).where(is_profile(profile_id))
        with self._transaction(self._writer) as connection:
            if not connection.execute(use.values(last_used_at=datetime.now(UTC))).rowcount:
                raise unknown_profile_error(profile_id)
            yield connection
