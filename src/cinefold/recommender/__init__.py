"""From a model of ids to films: recommendations with their reasons, filters and taste."""

from cinefold.recommender.cold_start import Newcomers
from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.groups import (
    AGGREGATIONS,
    GroupRecommendation,
    Opinion,
    Person,
    recommend_together,
)
from cinefold.recommender.interview import Answer, Interview, Movement
from cinefold.recommender.movie_map import MovieMap, movie_map
from cinefold.recommender.population import Comparison, Contrast, Crowd, Habits
from cinefold.recommender.recommender import MovieRecommender, Reason, Recommendation
from cinefold.recommender.taste import GenreTaste, RatedMovie, Taste
from cinefold.recommender.unexpected_favourites import Love, loves

__all__ = [
    "AGGREGATIONS",
    "Answer",
    "Comparison",
    "Contrast",
    "Crowd",
    "GenreTaste",
    "GroupRecommendation",
    "Habits",
    "Interview",
    "Love",
    "Movement",
    "MovieFilter",
    "MovieMap",
    "MovieRecommender",
    "Newcomers",
    "Opinion",
    "Person",
    "RatedMovie",
    "Reason",
    "Recommendation",
    "Taste",
    "loves",
    "movie_map",
    "recommend_together",
]
