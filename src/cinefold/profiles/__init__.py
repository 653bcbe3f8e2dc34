"""Profiles of new users, kept in a database: their ratings, marks and settings.

>>> from cinefold.profiles import ProfileStore
>>> with ProfileStore() as store:  # doctest: +SKIP
...     ada = store.create("ml-100k", "Ada")
...     store.rate(ada.id, 50, 4.5)
"""

from typing import TYPE_CHECKING, Any

from cinefold._deprecated import old_names
from cinefold.profiles.csv_format import read_csv, write_csv
from cinefold.profiles.errors import ProfileNameError, StoreError, UnknownProfileError
from cinefold.profiles.profile import HIDING, Change, Mark, MovieId, Profile, ProfileEntries, Rating

if TYPE_CHECKING:
    from cinefold.profiles.store import ProfileStore

__all__ = [
    "HIDING",
    "Change",
    "Mark",
    "MovieId",
    "Profile",
    "ProfileEntries",
    "ProfileNameError",
    "ProfileStore",
    "Rating",
    "StoreError",
    "UnknownProfileError",
    "read_csv",
    "write_csv",
]


def __getattr__(name: str) -> Any:
    """`ProfileStore`, whose packages are an extra, and are slow to import; and old names."""
    if name != "ProfileStore":
        return old_names(__name__)(name)
    try:
        from cinefold.profiles.store import ProfileStore
    except ModuleNotFoundError as error:
        if error.name != "sqlalchemy":
            raise
        raise ModuleNotFoundError(
            "keeping profiles takes more packages; install them with: "
            "pip install 'cinefold[store]'",
            name=error.name,
        ) from None
    return ProfileStore
