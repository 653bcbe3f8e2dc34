"""Which column is what, by its name."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from cinefold.interactions.column_names import find_columns

ROLES = dict.fromkeys(("user", "item", "rating", "timestamp", "weight"))


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["movieId", "userId", "timestamp"], ["userId", "movieId", "timestamp"]),
        (["user_id:token", "item_id:token"], ["user_id:token", "item_id:token"]),
        (["Stars", "Movie", "Weight", "Customer ID"], ["Customer ID", "Movie", "Stars", "Weight"]),
        (["username", "uid", "title", "movie"], ["uid", "movie"]),
        (["reviewerID", "asin", "overall", "vote", "reviewTime", "unixReviewTime"],
         ["reviewerID", "asin", "overall", "unixReviewTime"]),
        (["review_id", "user_id", "business_id", "stars", "useful", "text", "date"],
         ["user_id", "business_id", "stars", "date"]),
        (["user_id", "parent_asin", "asin", "helpful_vote", "title", "rating"],
         ["user_id", "asin", "rating"]),
        (["User-ID", "ISBN", "Book-Rating"], ["User-ID", "ISBN", "Book-Rating"]),
        (["userID", "artistID", "weight"], ["userID", "artistID", "weight"]),
        (["userID", "artistID", "tagID", "timestamp"], ["userID", "artistID", "timestamp"]),
        (["Cust_Id", "Rating", "Date", "Movie_Id"], ["Cust_Id", "Movie_Id", "Rating", "Date"]),
        (["username", "anime_id", "my_score", "my_watched_episodes"],
         ["username", "anime_id", "my_score"]),
        (["user_id", "song_id", "artist", "title", "listen_count"],
         ["user_id", "song_id", "listen_count"]),
        (["app_id", "helpful", "date", "is_recommended", "hours", "user_id", "review_id"],
         ["user_id", "app_id", "hours", "date"]),
        (["timestamp", "visitorid", "event", "itemid", "transactionid"],
         ["visitorid", "itemid", "timestamp"]),
        (["user_id", "video_id", "play_duration", "timestamp", "date", "watch_ratio"],
         ["user_id", "video_id", "watch_ratio", "timestamp"]),
        (["UserID", "ProfileID", "Rating"], ["UserID", "ProfileID", "Rating"]),
        (["user", "item", "start_date", "vote_average"], ["user", "item"]),
    ],
)  # fmt: skip
def test_usual_names(columns, found):
    assert list(find_columns(columns, ROLES).values()) == found


def test_weights_are_ratings_where_nobody_asks_for_weights():
    roles = {"user": None, "item": None, "rating": None}
    assert find_columns(["userID", "artistID", "weight"], roles)["rating"] == "weight"


LEAST = {"kind": None, "comment": None, "when": 1.5e9, "Punkte": 0.5, "Dauer": 3.0}


@pytest.mark.parametrize(
    ("others", "may_be"),
    [
        (["kind"], None),
        (["session_id"], None),
        (["Unnamed: 0"], None),
        (["Birth Year"], None),
        (["when"], None),
        (["Punkte", "Dauer"], None),
        ([7], "7"),
        (["Punkte"], "'Punkte'"),
        (["Punkte", "timestamp"], "'Punkte'"),
        (["comment", "when", "Punkte", "session_id"], "'Punkte'"),
        (["Dauer", "Wertung (0-5)"], r"'Wertung \(0-5\)'"),
    ],
)
def test_the_only_other_column_with_such_numbers_may_be_the_rating(others, may_be):
    columns = ["user", "item", *others]
    message = f"column {may_be} may be the rating; name it with rating=, or drop it: then every"
    with pytest.raises(ValueError, match=message) if may_be else nullcontext():
        found = find_columns(columns, ROLES, least=lambda c: LEAST.get(c, 1.0), none="drop it")
        assert "rating" not in found
    assert "rating" not in find_columns(columns, {**ROLES, "rating": ""}, least=LEAST.get)


def test_a_name_that_is_given_decides():
    assert find_columns([0, 1, 2], {**ROLES, "user": 0, "item": 1}) == {"user": 0, "item": 1}
    given = {**ROLES, "user": "who", "rating": "item_rating"}
    found = find_columns(("user", "who", "item", "item_rating", "rating"), given)
    assert found == {"user": "who", "item": "item", "rating": "item_rating"}


@pytest.mark.parametrize(
    ("columns", "given", "message"),
    [
        (("a", "item"), {}, "looks like the user's id; .* are a, item; name it with user="),
        (("user", "b"), {}, "no column looks like the item's id"),
        (("user", "item"), {"weight": "w"}, "no column 'w' for weight; the columns are user, item"),
        (("username", "userno", "item"), {}, "'username' and 'userno' may each be the user's id"),
        (("user", "item", "time", "date"), {}, "'time' and 'date' may each .* timestamp="),
        (("user", "item", "x_rating", "y"), {}, "'x_rating' may be the rating; name it .* rating="),
        ((0, "item"), {}, "looks like the user's id; the columns are 0, item"),
        (("user", "item"), {"user": "item"}, "'item' cannot be user and item at once"),
    ],
)  # fmt: skip
def test_errors(columns, given, message):
    with pytest.raises(ValueError, match=message):
        find_columns(columns, ROLES | given)
