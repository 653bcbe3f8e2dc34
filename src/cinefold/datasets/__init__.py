"""Data sets: what there is, fetching it, reading it, and its movies."""

from cinefold.datasets.catalogue import DatasetError, DatasetSpec, dataset_info, list_datasets
from cinefold.datasets.fetch import cached_file, default_data_dir, fetch
from cinefold.datasets.interaction_files import load_interactions
from cinefold.datasets.movielens import MovieData, load_movielens
from cinefold.datasets.movies import Match, Movie, MovieCatalog, TitleError
from cinefold.datasets.ratings import RatingsFile, load_ratings

__all__ = [
    "DatasetError",
    "DatasetSpec",
    "Match",
    "Movie",
    "MovieCatalog",
    "MovieData",
    "RatingsFile",
    "TitleError",
    "cached_file",
    "dataset_info",
    "default_data_dir",
    "fetch",
    "list_datasets",
    "load_interactions",
    "load_movielens",
    "load_ratings",
]
