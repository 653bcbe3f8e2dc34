"""Ratings in all the forms that a model takes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from cinefold import Interactions, UnknownIdError
from cinefold.models.rating_input import as_interactions
from tests.models.small_models import small_model


def columns_of(interactions):
    return {
        "userId": np.repeat(interactions.user_ids, interactions.user_counts()),
        "movie_id": interactions.item_ids[interactions.by_user.indices],
        "stars": interactions.by_user.data,
        "date": ["long ago"] * interactions.n_ratings,  # no time that could be used
    }


def test_a_matrix_is_shared_while_it_is_read_and_stays_as_it_is(interactions):
    matrix = sp.csr_array(interactions.by_user, copy=True)
    before = matrix.copy()
    assert np.shares_memory(as_interactions(matrix, "X").by_user.data, matrix.data)
    model = small_model(max_iter=2).fit(matrix)
    assert (matrix != before).nnz == 0
    users, items = model.user_factors_.copy(), model.item_factors_.copy()
    matrix.data[:] = 9  # the model keeps nothing of it
    assert np.array_equal(model.user_factors_, users)
    assert np.array_equal(model.item_factors_, items)


@pytest.mark.parametrize("form", [pd.DataFrame, pl.DataFrame, pa.table])
def test_data_frames_are_fitted_validated_and_folded_in(interactions, form):
    train, held_out = interactions.split(random_state=1)
    frames = [form(columns_of(part)) for part in (train, held_out)]
    model = small_model(max_iter=2).fit(frames[0], validation=frames[1])
    same = small_model(max_iter=2).fit(train, validation=held_out)
    assert np.array_equal(model.user_factors_, same.user_factors_)
    for metric in ("validation_rmse", "validation_ndcg_at_10"):
        assert model.history_[-1][metric] == same.history_[-1][metric]
    folded = model.fold_in(frames[1])
    given = held_out.user_counts() > 0
    assert np.array_equal(folded.user_ids, interactions.user_ids[given])
    assert np.array_equal(folded.factors, model.fold_in(held_out.by_user[given]).factors)
    of_keys = held_out.by_user[given].todok()  # a mapping, too
    assert np.array_equal(folded.factors, model.fold_in(of_keys).factors)


def test_weights_and_times_of_a_frame_count():
    frame = pl.DataFrame(
        {
            "user": [1, 1, 1, 2],
            "item": ["a", "b", "a", "a"],
            "timestamp": [3, 2, 1, 1],
            "weight": [1.0, 2, 3, 4],
        }
    )
    with pytest.warns(UserWarning, match="1 ratings repeat"):
        model = small_model(n_factors=2, target="binary").fit(frame)
    assert model.interactions_.weights.tolist() == [1, 2, 4]
    assert model.interactions_.by_user.data.tolist() == [1, 1, 1]


def test_a_frame_without_usual_names_says_so(interactions):
    with pytest.raises(ValueError, match=r"X: no column looks like the user's id.*from_dataframe"):
        small_model().fit(pl.DataFrame({"who": [1], "item": [2]}))
    with pytest.raises(ValueError, match=r"X: no column .*; the columns are 0, 1"):
        small_model().fit(pd.DataFrame([[1, 2], [3, 4]]))
    twice = pd.DataFrame([[1, 2, 3, 4]], columns=["user", "item", "rating", "rating"])
    with pytest.raises(ValueError, match=r"unique column names.*'rating' 2 times"):
        small_model().fit(twice)
    frame = pl.DataFrame({"user": [1000, 7], "item": [0, 10], "rating": [1.0, 2.0]})
    with pytest.raises(UnknownIdError, match="unknown validation user: 7"):
        small_model().fit(interactions, validation=frame)
    with pytest.raises(TypeError, match="validation must be Interactions, a scipy sparse matrix"):
        small_model().fit(interactions, validation=[1, 2])


@pytest.mark.parametrize("form", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_column_of_a_frame_that_may_be_the_rating_is_named(form):
    columns = {"user": [1, 2], "item": [3, 4], "text": ["a", "b"], "when": [1.5e9, 1.6e9]}
    small_model(max_iter=1).fit(form(columns))
    with pytest.raises(ValueError, match=r"X: column 'n_plays' may be .* rating=None says there"):
        small_model().fit(form({**columns, "n_plays": [None, 7.0]}))


def test_a_column_without_values_is_no_rating():
    empty = pd.Series([None, None], dtype="Int64")
    small_model(max_iter=1).fit(pd.DataFrame({"user": [1, 2], "item": [3, 4], "n": empty}))


def test_validation_given_by_position_is_warned_of(interactions):
    train, held_out = interactions.split(random_state=1)
    named = small_model(max_iter=1).fit(train, validation=held_out)
    for given in (held_out, held_out.by_user):
        with pytest.warns(FutureWarning, match="validation=validation"):
            model = small_model(max_iter=1).fit(
                train if given is held_out else train.by_user, given
            )
        assert model.history_[0]["validation_rmse"] == named.history_[0]["validation_rmse"]


def test_validation_that_was_trained_on_is_warned_of(interactions):
    train, held_out = interactions.split(random_state=1)
    again = train.select(np.arange(train.n_ratings) < 7)
    both = held_out.by_user + again.by_user
    words = rf"7 of the {held_out.n_ratings + 7} validation ratings were trained on: .* misses"
    with pytest.warns(UserWarning, match=words) as found:
        small_model(max_iter=1).fit(train.by_user, validation=both)
    assert found[0].filename == __file__


def test_a_validation_matrix_has_the_shape_of_the_training_one(interactions):
    smaller = sp.csr_array(interactions.by_user[:10])
    with pytest.raises(ValueError, match=r"\(10, 90\), they of \(60, 90\)"):
        small_model().fit(interactions.by_user, validation=smaller)


def test_fold_in_leaves_weights_to_the_rows_they_came_with(interactions):
    users, items = [2, 1, 2], interactions.item_ids[[5, 3, 1]]
    new = Interactions.from_arrays(users, items, [5.0, 4, 3], weights=[9.0, 2, 1])
    model = small_model().fit(interactions)
    folded = model.fold_in(new)
    assert folded.user_ids.tolist() == [1, 2]
    assert folded.ratings.indices.tolist() == [3, 1, 5]
    assert folded.weights.tolist() == [2, 1, 9]
    assert folded[[1]].user_ids.tolist() == [2]
    assert folded[[1]].weights.tolist() == [1, 9]
    unweighted = model.fold_in(dict(zip(items[[2, 0]].tolist(), [3.0, 5.0], strict=True)))
    assert not np.allclose(folded.factors[1], unweighted.factors, rtol=1e-2)
