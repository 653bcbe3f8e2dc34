"""A picture for every movie: its poster where there is a key for TMDb, else a cover."""

import logging
import os
import threading
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from urllib.parse import quote

import requests
import streamlit as st

from cinefold.app.shared.covers import cover
from cinefold.datasets import Movie

logger = logging.getLogger(__name__)

KEY = "CINEFOLD_TMDB_KEY"
_API, _IMAGES = "https://api.themoviedb.org/3", "https://image.tmdb.org/t/p/w154"
_SECONDS, _AT_ONCE = 5, 4


class Posters:
    """Addresses of posters, asked for in the background and kept.

    Parameters
    ----------
    key : str
        For the API of TMDb.
    api, images : str
        Base addresses.
    """

    def __init__(self, key: str, *, api: str = _API, images: str = _IMAGES) -> None:
        self._key, self._api, self._images = key, api, images
        self._asked: dict[int, Future[str | None]] = {}
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cinefold-posters")

    def address(self, movie: Movie) -> str | None:
        """Of the movie's poster; None as long as it is not known."""
        number = movie.tmdb_id
        if number is None:
            return None
        with self._lock:
            if number not in self._asked:
                self._asked[number] = self._pool.submit(self._ask, number)
            answer = self._asked[number]
        return answer.result() if answer.done() else None

    def _ask(self, number: int) -> str | None:
        try:
            answer = requests.get(
                f"{self._api}/movie/{number:d}", params={"api_key": self._key}, timeout=_SECONDS
            )
            answer.raise_for_status()
            path = answer.json().get("poster_path")
        except (requests.RequestException, ValueError, AttributeError) as error:
            # Without the address, which has the key in it.
            logger.info("no poster for movie %d of TMDb (%s)", number, type(error).__name__)
            return None
        is_path = isinstance(path, str) and path.startswith("/")
        return f"{self._images}{quote(path)}" if is_path else None


@st.cache_resource(show_spinner=False)
def _posters() -> Posters | None:
    key = os.environ.get(KEY, "").strip()
    return Posters(key) if key else None


def shows_posters() -> bool:
    """Whether there is a key."""
    return _posters() is not None


def picture(movie: Movie) -> str:
    """The address of the poster, or of a cover."""
    posters = _posters()
    return (posters and posters.address(movie)) or _inline(movie)


@lru_cache(maxsize=4096)
def _inline(movie: Movie) -> str:
    return f"data:image/svg+xml;base64,{b64encode(cover(movie).encode()).decode()}"
