"""Which column is what, by its name."""

from __future__ import annotations

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
    ],
)  # fmt: skip
def test_usual_names(columns, found):
    assert list(find_columns(columns, ROLES).values()) == found


def test_a_name_that_is_given_decides():
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
        (("user", "item"), {"user": "item"}, "'item' cannot be user and item at once"),
    ],
)  # fmt: skip
def test_errors(columns, given, message):
    with pytest.raises(ValueError, match=message):
        find_columns(columns, ROLES | given)
