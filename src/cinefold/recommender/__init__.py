"""From a model of ids to films: recommendations with their reasons, filters and taste."""

from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.interview import Answer, Interview, Movement
from cinefold.recommender.newcomers import Newcomers
from cinefold.recommender.recommender import MovieRecommender, Reason, Recommendation
from cinefold.recommender.taste import GenreTaste, RatedMovie, Taste

__all__ = [
    "Answer",
    "GenreTaste",
    "Interview",
    "Movement",
    "MovieFilter",
    "MovieRecommender",
    "Newcomers",
    "RatedMovie",
    "Reason",
    "Recommendation",
    "Taste",
]
