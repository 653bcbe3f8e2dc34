"""From a model of ids to movies: recommendations with their reasons, filters and taste."""

from cinefold._deprecated import old_names
from cinefold.recommender.cold_start import ColdStart
from cinefold.recommender.filters import MovieFilter
from cinefold.recommender.groups import (
    AGGREGATIONS,
    GroupMember,
    GroupRecommendation,
    Opinion,
    recommend_to_group,
)
from cinefold.recommender.interview import Answer, Interview, Movement
from cinefold.recommender.movie_map import MovieMap, movie_map
from cinefold.recommender.population import (
    CategoryComparison,
    Population,
    RatingHabits,
    TasteComparison,
)
from cinefold.recommender.reasons import Reason
from cinefold.recommender.recommender import MovieRecommender, Recommendation, SortBy
from cinefold.recommender.taste import GenreTaste, RatedMovie, Taste
from cinefold.recommender.unexpected_favourites import UnexpectedFavourite, unexpected_favourites
from cinefold.recommender.viewers import KnownUser, NewUser, Viewer

__all__ = [
    "AGGREGATIONS",
    "Answer",
    "CategoryComparison",
    "ColdStart",
    "GenreTaste",
    "GroupMember",
    "GroupRecommendation",
    "Interview",
    "KnownUser",
    "Movement",
    "MovieFilter",
    "MovieMap",
    "MovieRecommender",
    "NewUser",
    "Opinion",
    "Population",
    "RatedMovie",
    "RatingHabits",
    "Reason",
    "Recommendation",
    "SortBy",
    "Taste",
    "TasteComparison",
    "UnexpectedFavourite",
    "Viewer",
    "movie_map",
    "recommend_to_group",
    "unexpected_favourites",
]

__getattr__ = old_names(__name__)
