"""Profiles of new users, kept in a database: their ratings, marks and settings.

>>> from cinefold.profiles import ProfileStore
>>> with ProfileStore() as store:  # doctest: +SKIP
...     ada = store.create("ml-100k", "Ada")
...     store.rate(ada.id, 50, 4.5)
"""

try:
    from cinefold.profiles.store import ProfileStore
except ModuleNotFoundError as error:
    if error.name != "sqlalchemy":
        raise
    raise ModuleNotFoundError(
        "keeping profiles takes more packages; install them with: pip install 'cinefold[store]'",
        name=error.name,
    ) from None

from cinefold.profiles.csv_format import read_csv, write_csv
from cinefold.profiles.errors import ProfileNameError, StoreError, UnknownProfileError
from cinefold.profiles.journal import Change
from cinefold.profiles.records import Entries, Mark, MovieId, Profile, Rating

__all__ = [
    "Change",
    "Entries",
    "Mark",
    "MovieId",
    "Profile",
    "ProfileNameError",
    "ProfileStore",
    "Rating",
    "StoreError",
    "UnknownProfileError",
    "read_csv",
    "write_csv",
]
