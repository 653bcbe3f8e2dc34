"""A picture for every movie: its poster where there is a key for TMDb, else a cover."""

import logging
import os
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, lru_cache
from urllib.parse import quote

import requests

from cinefold.app.shared.covers import cover
from cinefold.datasets import Movie

logger = logging.getLogger(__name__)

KEY = "CINEFOLD_TMDB_KEY"
_API, _IMAGES = "https://api.themoviedb.org/3", "https://image.tmdb.org/t/p/w154"
_SECONDS, _AT_ONCE = 5, 4


_POOL = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cinefold-posters")


def _key() -> str:
    """For the API of TMDb; empty without one."""
    return os.environ.get(KEY, "").strip()


def shows_posters() -> bool:
    """Whether there is a key."""
    return bool(_key())


def picture(movie: Movie) -> str:
    """The address of the poster, or of a cover."""
    return poster(movie, _key()) or _inline(movie)


def poster(movie: Movie, key: str, api: str = _API) -> str | None:
    """The address of a movie's poster, which is asked for in the background; None until then."""
    if not key or movie.tmdb_id is None:
        return None
    answer = _asked(key, api, movie.tmdb_id)
    return answer.result() if answer.done() else None


@cache
def _asked(key: str, api: str, number: int) -> Future[str | None]:
    return _POOL.submit(_ask, key, api, number)


def _ask(key: str, api: str, number: int) -> str | None:
    try:
        answer = requests.get(f"{api}/movie/{number:d}", params={"api_key": key}, timeout=_SECONDS)
        answer.raise_for_status()
        path = answer.json().get("poster_path")
    except (requests.RequestException, ValueError, AttributeError) as error:
        # Without the address, which has the key in it.
        logger.info("no poster for movie %d of TMDb (%s)", number, type(error).__name__)
        return None
    is_path = isinstance(path, str) and path.startswith("/")
    return f"{_IMAGES}{quote(path)}" if is_path else None


@lru_cache(maxsize=4096)
def _inline(movie: Movie) -> str:
    return f"data:image/svg+xml;base64,{b64encode(cover(movie).encode()).decode()}"
