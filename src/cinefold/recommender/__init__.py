"""From a model of ids to films: recommendations with their reasons, filters and taste."""

from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.recommender import MovieRecommender, Reason, Recommendation
from cinefold.recommender.taste import GenreTaste, RatedMovie, Taste

__all__ = [
    "GenreTaste",
    "MovieFilter",
    "MovieRecommender",
    "RatedMovie",
    "Reason",
    "Recommendation",
    "Taste",
]
