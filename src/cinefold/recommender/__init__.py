"""From a model of ids to films: recommendations with their reasons, filters and taste."""

from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.recommender import MovieRecommender, Reason, Recommendation
from cinefold.recommender.taste import GenreTaste, RatedMovie, Taste
from cinefold.recommender.together import (
    AGGREGATIONS,
    GroupRecommendation,
    Opinion,
    Person,
    recommend_together,
)

__all__ = [
    "AGGREGATIONS",
    "GenreTaste",
    "GroupRecommendation",
    "MovieFilter",
    "MovieRecommender",
    "Opinion",
    "Person",
    "RatedMovie",
    "Reason",
    "Recommendation",
    "Taste",
    "recommend_together",
]
