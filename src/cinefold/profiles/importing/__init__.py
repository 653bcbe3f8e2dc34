"""Ratings that a person exported elsewhere: read, matched with movies, looked through, taken.

export = read_export("ratings.csv")
review = review_for(data, export)
review.accept(review.to_check[0])
review.ratings()  # {movie id: stars}
"""

from cinefold.profiles.importing.export_files import ImportFileError
from cinefold.profiles.importing.exported_ratings import Export, ExportLine, read_export
from cinefold.profiles.importing.matching import SURE, Candidate, Matcher
from cinefold.profiles.importing.review import (
    ImportReview,
    ReviewLine,
    review,
    review_csv,
    review_for,
    review_options,
)
from cinefold.profiles.importing.scales import Conversion, StarScale

__all__ = [
    "SURE",
    "Candidate",
    "Conversion",
    "Export",
    "ExportLine",
    "ImportFileError",
    "ImportReview",
    "Matcher",
    "ReviewLine",
    "StarScale",
    "read_export",
    "review",
    "review_csv",
    "review_for",
    "review_options",
]
