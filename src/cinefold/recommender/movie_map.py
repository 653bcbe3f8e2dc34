"""A map of the movies: those that the same people like lie near each other."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinefold._cache import cached
from cinefold._files import replace_file
from cinefold.datasets import Movie, MovieCatalog, default_data_dir
from cinefold.models import checks
from cinefold.recommender.filters import memberships
from cinefold.recommender.recommender import MovieRecommender

Progress = Callable[[float], object]

_FORMAT_VERSION = "2"
# Optimization as van der Maaten's: first with exaggerated attractions, then without.
_PERPLEXITY, _EARLY_STEPS, _STEPS, _STEPS_PER_REPORT = 30, 250, 500, 25
_FEWEST_FOR_TSNE = 8
_NEIGHBOURS_TO_PLACE_BY = 5


@dataclass(frozen=True)
class MovieMap:
    """Where each movie lies.

    Attributes
    ----------
    item_ids : ndarray, shape (n_movies,)
        By falling number of ratings.
    positions : ndarray of float32, shape (n_movies, 2)
        Without units, from -1 to 1 along both axes, wider than high. Only nearness means
        something.
    min_ratings, max_movies : int
        Movies with fewer ratings are not on it, nor are more than so many.
    """

    item_ids: NDArray[Any]
    positions: NDArray[np.float32]
    min_ratings: int
    max_movies: int

    def __len__(self) -> int:
        return len(self.item_ids)

    @cached_property
    def _rows(self) -> dict[Any, int]:
        return {item: row for row, item in enumerate(self.item_ids.tolist())}

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._rows

    def regions(self, movies: Mapping[Any, Movie] | MovieCatalog) -> list[tuple[str, float]]:
        """Genres, those that the map keeps together best first.

        Parameters
        ----------
        movies : mapping of movie id to Movie

        Returns
        -------
        list of (str, float)
            Each genre, and by how much its share among the ten movies nearest to its own is above
            its share of the map, summed over its movies.
        """
        from scipy.spatial import KDTree  # slow to import for those who ask for no map

        if not len(self):
            return []
        genres, member = memberships([movies[item].genres for item in self.item_ids.tolist()])
        nearest = KDTree(self.positions).query(self.positions, min(11, len(self)))[1]
        shares = member[nearest.reshape(len(self), -1)[:, 1:]].mean(axis=1)
        gains = ((shares - member.mean(axis=0)) * member).sum(axis=0).tolist()
        return sorted(zip(genres, gains, strict=True), key=lambda pair: (-pair[1], pair[0]))

    def place(self, recommender: MovieRecommender, item_id: Any) -> tuple[float, float]:
        """The position of a movie; of one that is not on the map, amid those most like it.

        Parameters
        ----------
        recommender : MovieRecommender
            Whose map it is.
        item_id : object

        Returns
        -------
        tuple of (float, float)

        Raises
        ------
        UnknownIdError
            If the model does not know the movie.
        """
        if item_id in self._rows:
            x, y = self.positions[self._rows[item_id]]
            return float(x), float(y)
        nearest = recommender.model.similar_items(
            item_id, _NEIGHBOURS_TO_PLACE_BY, among=self.item_ids
        )
        rows = [self._rows[item] for item in nearest.items.tolist()]
        # Cosines at or below 0 say nothing of where a movie belongs.
        weights = np.clip(nearest.scores, 1e-6, None)
        x, y = np.average(self.positions[rows], axis=0, weights=weights) if rows else (0.0, 0.0)
        return float(x), float(y)


def movie_map(
    recommender: MovieRecommender,
    *,
    min_ratings: int = 5,
    max_movies: int = 10_000,
    cache_dir: str | Path | None = None,
    progress: Progress | None = None,
    layout: Callable[..., NDArray[np.float64]] | None = None,
) -> MovieMap:
    """The map for a model: from the cache, or made now by t-SNE on the cosines of its movies.

    The cache is keyed by the factors of the movies on the map, so that it never answers for another
    model. A damaged entry is made again. Safe to call from several threads and processes at once.
    The same factors give the same map.

    Parameters
    ----------
    recommender : MovieRecommender
    min_ratings : int
        Movies with fewer are left out: too little is known of them.
    max_movies : int
        Only so many are on the map, those with the most ratings.
    cache_dir : path, optional
        By default the folder ``models/maps`` in the data folder (see ``CINEFOLD_DATA_DIR``).
    progress : callable, optional
        Called with the share of the work that is done, 0 to 1; what it raises ends the work.
    layout : callable, optional
        What computes it, called as `lay_out` is: to do it elsewhere.

    Returns
    -------
    MovieMap

    Raises
    ------
    ModuleNotFoundError
        If openTSNE is not installed.
    ValueError
        If `min_ratings` or `max_movies` is not positive.

    References
    ----------
    van der Maaten, Hinton: Visualizing Data using t-SNE, JMLR 9, 2008. Computed by openTSNE
    (Policar, Strazar, Zupan, JSS 109, 2024).
    """
    checks.integer("min_ratings", min_ratings, 1)
    checks.integer("max_movies", max_movies, 1)
    chosen, directions = _shown(recommender, min_ratings, max_movies)
    root = Path(cache_dir) if cache_dir is not None else default_data_dir() / "models" / "maps"
    file = root / f"{_checksum(chosen, directions)}.npy"
    positions = cached(
        file,
        load=lambda file: _load(file, len(chosen)),
        make=lambda: _fill((layout or lay_out)(directions, progress=progress)),
        save=_save,
    )
    item_ids = recommender.model.interactions_.item_ids[chosen]
    return MovieMap(item_ids, positions, min_ratings, max_movies)


def _shown(
    recommender: MovieRecommender, min_ratings: int, max_movies: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices of the movies to show, and their factors at length 1."""
    counts = recommender.rating_counts
    factors = recommender.model.item_factors_
    lengths = np.linalg.norm(factors, axis=1)
    order = np.argsort(-counts, kind="stable")
    chosen = order[(counts[order] >= min_ratings) & (lengths[order] > 0)][:max_movies]
    return chosen, factors[chosen] / lengths[chosen, None]


def lay_out(
    directions: NDArray[np.float32], *, progress: Progress | None = None
) -> NDArray[np.float64]:
    """Two dimensions in which vectors of length 1 with large cosines lie near each other.

    Parameters
    ----------
    directions : ndarray, shape (n, d)
    progress : callable, optional
        As in `movie_map`.

    Returns
    -------
    ndarray, shape (n, 2)
        Up to the numbers that t-SNE asks for, the two principal components.

    Raises
    ------
    ModuleNotFoundError
        If openTSNE is not installed.
    """
    start = _principal_components(directions)
    n = len(directions)
    if n < _FEWEST_FOR_TSNE:
        return start
    try:
        from openTSNE import TSNE
    except ImportError as error:
        raise ModuleNotFoundError(
            "the map needs one more package; install it with: pip install 'cinefold[app]'"
        ) from error
    reports = itertools.count(1)  # of both phases of the optimization

    def report(*_: Any) -> None:
        done = next(reports) * _STEPS_PER_REPORT / (_EARLY_STEPS + _STEPS)
        if progress is not None:
            progress(min(1.0, done))

    perplexity = min(_PERPLEXITY, (n - 1) / 3)
    # One thread: those of a busy machine spend their time waiting for each other.
    optimizer = TSNE(
        perplexity=perplexity,
        metric="cosine",
        neighbors="exact",
        initialization=start / start.std(axis=0)[0] * 1e-4 if start.any() else "random",
        negative_gradient_method="bh",
        early_exaggeration_iter=_EARLY_STEPS,
        n_iter=_STEPS,
        callbacks=report,
        callbacks_every_iters=_STEPS_PER_REPORT,
        n_jobs=1,
        random_state=0,
    )
    return np.asarray(optimizer.fit(directions.astype(np.float64)), np.float64)


def _principal_components(points: NDArray[Any]) -> NDArray[np.float64]:
    """The first two, largest spread first; of the two signs, that of a positive largest entry."""
    centred = points.astype(np.float64)
    if len(points):
        centred -= centred.mean(axis=0)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    axes = np.zeros((centred.shape[1], 2))
    axes[:, : len(values)] = vectors[:, ::-1][:, :2]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1, 1)
    return np.asarray(centred @ axes)


def _fill(layout: NDArray[np.float64]) -> NDArray[np.float32]:
    """Turned so that it is wider than high, and stretched to -1 .. 1 along both axes."""
    if not len(layout):
        return np.empty((0, 2), np.float32)
    turned = _principal_components(layout)
    low, high = turned.min(axis=0), turned.max(axis=0)
    half = np.where(high > low, (high - low) / 2, 1)
    return np.asarray((turned - (low + high) / 2) / half, np.float32)


# -- kept between runs ----------------------------------------------------------------------------


def _checksum(chosen: NDArray[np.int64], directions: NDArray[np.float32]) -> str:
    settings = [_FORMAT_VERSION, _PERPLEXITY, _EARLY_STEPS, _STEPS, directions.shape]
    digest = hashlib.sha256(json.dumps(settings).encode())
    digest.update(chosen.astype("<i8").tobytes())
    digest.update(np.ascontiguousarray(directions, "<f4").tobytes())
    return digest.hexdigest()[:32]


def _load(file: Path, n_movies: int) -> NDArray[np.float32]:
    with file.open("rb") as opened:
        positions: NDArray[np.float32] = np.lib.format.read_array(opened, allow_pickle=False)
    expected = np.dtype(np.float32), (n_movies, 2)
    if (positions.dtype, positions.shape) != expected or not np.isfinite(positions).all():
        raise ValueError(f"it does not place {n_movies} movies")
    return positions


def _save(positions: NDArray[np.float32], file: Path) -> None:
    with replace_file(file) as new, new.open("wb") as opened:
        np.save(opened, positions)
