import numpy as np
import pytest

from cinefold import Interactions
from cinefold.evaluation import Popularity
from cinefold.interactions import UnknownIdError

USERS = ["ann", "ann", "ann", "bob", "bob", "cat"]
ITEMS = [10, 20, 30, 10, 20, 10]
RATINGS = [5, 3, 1, 4, 3, 3]


@pytest.fixture
def train():
    return Interactions.from_arrays(USERS, ITEMS, RATINGS, item_ids=[10, 20, 30, 40])


def test_lists_the_most_rated_that_the_user_has_not_rated(train):
    items, scores = Popularity().fit(train).recommend(["cat", "bob"], 2)
    np.testing.assert_array_equal(items, [[20, 30], [30, 40]])
    np.testing.assert_array_equal(scores, [[2, 1], [1, 0]])


def test_a_list_that_runs_out_says_so(train):
    ranking = Popularity().fit(train).recommend(["ann"], 3)
    np.testing.assert_array_equal(ranking.counts, [1])


def test_predicts_the_damped_mean(train):
    model = Popularity(damping=2).fit(train)
    mean = np.mean(RATINGS)
    expected = [(12 + 2 * mean) / 5, (1 + 2 * mean) / 3, mean]
    np.testing.assert_allclose(model.predict(["bob"] * 3, [10, 30, 40]), expected, rtol=1e-6)


def test_without_damping_it_is_the_mean(train):
    model = Popularity(damping=0).fit(train)
    np.testing.assert_allclose(model.predict(["bob"] * 2, [10, 20]), [4, 3])


def test_wrong_input_is_named(train):
    with pytest.raises(ValueError, match="damping"):
        Popularity(damping=-1).fit(train)
    with pytest.raises(UnknownIdError, match="dora"):
        Popularity().fit(train).recommend(["dora"])
