"""scikit-learn's protocol."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_is_fitted

from tests.models.small_models import small_model


def test_parameters_are_read_changed_and_cloned():
    model = small_model(alpha=0.5)
    copy = clone(model)
    assert copy is not model
    assert copy.get_params() == model.get_params()
    assert model.set_params(n_factors=3) is model
    assert model.n_factors == 3
    assert "n_factors=3" in repr(model)
    with pytest.raises(ValueError, match="no parameter 'factors'"):
        model.set_params(factors=3)


@pytest.fixture
def frame(interactions):
    return pd.DataFrame(
        {
            "user_id": np.repeat(interactions.user_ids, interactions.user_counts()),
            "item_id": interactions.item_ids[interactions.by_user.indices],
            "rating": interactions.by_user.data,
        }
    )


def test_it_ends_a_pipeline(frame):
    pipeline = Pipeline(
        [
            ("liked", FunctionTransformer(lambda ratings: ratings[ratings.rating > 2])),
            ("model", small_model(max_iter=2)),
        ]
    )
    with pytest.raises(NotFittedError):
        check_is_fitted(pipeline)
    pipeline.fit(frame, model__progress=False)
    check_is_fitted(pipeline)
    direct = small_model(max_iter=2).fit(frame[frame.rating > 2])
    assert np.array_equal(pipeline["model"].user_factors_, direct.user_factors_)
    unfitted = clone(pipeline)
    with pytest.raises(NotFittedError):
        check_is_fitted(unfitted)


def test_a_grid_of_parameters_is_searched(frame):
    def score(model, held_out):
        known = model.interactions_
        asked = held_out.user_id.isin(known.user_ids) & held_out.item_id.isin(known.item_ids)
        pairs = held_out[asked]
        errors = model.predict(pairs.user_id.to_numpy(), pairs.item_id.to_numpy()) - pairs.rating
        return -float(np.sqrt((errors**2).mean()))

    grid = {"regularization": np.array([0.5, 5000.0]), "n_factors": [np.int64(3)]}
    search = GridSearchCV(small_model(max_iter=3), grid, scoring=score, cv=3).fit(frame)
    assert search.best_params_["regularization"] == 0.5
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] > scores[1]
    assert search.best_estimator_.interactions_.n_ratings == len(frame)
