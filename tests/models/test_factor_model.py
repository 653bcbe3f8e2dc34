"""Lists, scores and explanations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from cinefold import Interactions, UnknownIdError, WeightedMatrixFactorization
from cinefold.models import FoldedUsers
from tests.models.small_models import OPTIONS, small_model


def test_recommend_is_the_sorted_score_without_seen_items(fitted):
    train = fitted.interactions_
    for row, user in enumerate(train.user_ids[:10]):
        scores = fitted.item_factors_ @ fitted.user_factors_[row]
        scores[train.by_user[[row]].indices] = -np.inf
        best = np.argsort(-scores, kind="stable")[:7]
        items, found = fitted.recommend(user, k=7)
        assert np.array_equal(items, train.item_ids[best])
        assert np.allclose(found, scores[best], rtol=1e-5)


def test_recommend_in_a_batch(fitted):
    users = fitted.interactions_.user_ids[[5, 3, 40]]
    batch = fitted.recommend(users, k=4)
    assert batch.items.shape == batch.scores.shape == (3, 4)
    assert batch.counts.tolist() == [4, 4, 4]
    for i, user in enumerate(users):
        assert np.array_equal(batch.items[i], fitted.recommend(user, k=4).items)
    columns = batch.to_columns(users)
    assert columns["user"].tolist() == np.repeat(users, 4).tolist()
    assert columns["rank"].tolist() == [1, 2, 3, 4] * 3


def test_recommend_filters_and_runs_out(fitted):
    user = fitted.interactions_.user_ids[0]
    everything = fitted.recommend(user, k=1000)
    seen, _ = fitted.interactions_.user_ratings(user)
    assert len(everything) == everything.counts == fitted.interactions_.n_items - len(seen)
    assert not set(seen) & set(everything.items)
    some = everything.items[[4, 9, 2]]
    among = fitted.recommend(user, among=some)
    assert among.items.tolist() == everything.items[[2, 4, 9]].tolist()
    without = fitted.recommend(user, k=1000, exclude=set(some.tolist()))
    assert not set(some) & set(without.items)
    assert len(without) == len(everything) - 3
    assert fitted.recommend(user, among=[]).counts == 0
    assert fitted.recommend(user, k=1000, exclude_seen=False).counts == 90
    batch = fitted.recommend([user, user], k=5, among=some)
    assert batch.counts.tolist() == [3, 3]
    assert len(batch.to_columns()["item"]) == 6


def test_equal_scores_come_in_the_order_of_the_ids():
    ratings = sp.csr_array(np.array([[5, 0, 0, 0], [5, 3, 3, 3]], np.float32))
    model = small_model(n_factors=2).fit(ratings)
    assert model.recommend(0).items.tolist() == [1, 2, 3]


def test_unknown_ids_are_named(fitted):
    with pytest.raises(UnknownIdError, match=r"user.*77"):
        fitted.recommend(77)
    with pytest.raises(UnknownIdError, match=r"item.*11"):
        fitted.fold_in({11: 5.0})
    with pytest.raises(UnknownIdError, match="item"):
        fitted.similar_items(5)
    with pytest.raises(UnknownIdError, match="item"):
        fitted.recommend(1000, exclude=[5])


def test_predict(fitted):
    users, items = fitted.interactions_.user_ids[:3], fitted.interactions_.item_ids[4:7]
    expected = np.einsum("ij,ij->i", fitted.user_factors_[:3], fitted.item_factors_[4:7])
    assert np.allclose(fitted.predict(users, items), expected, rtol=1e-5)
    assert fitted.predict(users[0], items).shape == (3,)
    assert float(fitted.predict(users[0], items[0])) == pytest.approx(expected[0], rel=1e-5)
    with pytest.raises(ValueError, match="equal length"):
        fitted.predict(users, items[:2])


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_explain_takes_the_score_apart(interactions, options):
    model = small_model(**options).fit(interactions)
    user = interactions.user_ids[3]
    item = model.recommend(user, k=1).items[0]
    explanation = model.explain(user, item)
    assert explanation.contributions.sum() == pytest.approx(explanation.score, rel=1e-12)
    assert explanation.score == pytest.approx(float(model.predict(user, item)), rel=1e-3)
    assert (np.diff(explanation.contributions) <= 0).all()
    items, ratings = interactions.user_ratings(user)
    stated = dict(zip(explanation.items.tolist(), explanation.ratings.tolist(), strict=True))
    assert stated == dict(zip(items.tolist(), ratings.tolist(), strict=True))
    folded = model.fold_in(stated)
    assert model.explain(folded, item).score == pytest.approx(explanation.score, rel=1e-9)


def test_many_items_are_explained_as_each_of_them(fitted):
    user, items = fitted.interactions_.user_ids[3], fitted.interactions_.item_ids[[5, 0, 9]]
    for item, explanation in zip(items, fitted.explain(user, items), strict=True):
        alone = fitted.explain(user, item)
        assert explanation.item == alone.item == item
        assert explanation.score == pytest.approx(alone.score, rel=1e-9)
        assert explanation.items.tolist() == alone.items.tolist()
        np.testing.assert_allclose(explanation.contributions, alone.contributions, rtol=1e-9)
    assert fitted.explain(user, items[:0]) == []


def test_similar_items_are_cosines_without_the_item_itself(fitted):
    ids = fitted.interactions_.item_ids
    directions = fitted.item_factors_ / np.linalg.norm(fitted.item_factors_, axis=1, keepdims=True)
    cosines = directions @ directions[12]
    cosines[12] = -np.inf
    items, scores = fitted.similar_items(ids[12], k=5)
    assert items.tolist() == ids[np.argsort(-cosines)[:5]].tolist()
    assert (scores <= 1 + 1e-6).all()
    assert fitted.similar_items(ids[:4], k=5).items.shape == (4, 5)


@pytest.fixture(scope="module")
def with_strangers():
    """Users "b" and "d" and the item "z" have no ratings."""
    ratings = Interactions.from_arrays(
        ["a", "a", "c", "c", "e"],
        ["v", "w", "v", "x", "y"],
        [5.0, 3, 4, 2, 1],
        user_ids=["a", "b", "c", "d", "e"],
        item_ids=["v", "w", "x", "y", "z"],
    )
    return small_model(n_factors=3).fit(ratings)


def test_a_user_without_ratings_gets_no_made_up_list(with_strangers):
    with pytest.raises(ValueError, match="user 'b' has no ratings"):
        with_strangers.recommend("b")
    batch = with_strangers.recommend(["a", "b", "c"], k=10)
    assert batch.mask.tolist() == [[True] * 3 + [False] * 2, [False] * 5, [True] * 3 + [False] * 2]
    assert batch.counts.tolist() == [3, 0, 3]
    assert np.isneginf(batch.scores[~batch.mask]).all()
    assert set(batch.items[~batch.mask]) == {""}
    assert batch.to_columns(["a", "b", "c"])["user"].tolist() == ["a"] * 3 + ["c"] * 3


def test_a_folded_user_without_ratings_is_an_empty_row(fitted):
    rows = fitted.interactions_.by_user[[0, 1, 2]].toarray()
    rows[1] = 0
    batch = fitted.recommend(fitted.fold_in(sp.csr_array(rows)), k=4)
    assert batch.counts.tolist() == [4, 0, 4]
    assert (batch.items[1] == np.iinfo(np.int64).min).all()


def test_a_user_without_ratings_is_an_error_with_biases_too(with_strangers):
    model = WeightedMatrixFactorization.preset("stars", n_factors=2, max_iter=2)
    model.fit(with_strangers.interactions_)
    with pytest.raises(ValueError, match="user 'd' has no ratings"):
        model.recommend("d")


def test_nothing_is_similar_to_an_item_without_ratings(with_strangers):
    with pytest.raises(ValueError, match="item 'z' has no ratings"):
        with_strangers.similar_items("z")
    assert with_strangers.similar_items(["z", "v"], k=2).counts.tolist() == [0, 2]


def test_of_one_user_every_place_has_an_item(fitted):
    ranking = fitted.recommend(fitted.interactions_.user_ids[0], k=1000)
    assert ranking.mask.all()
    assert len(ranking.mask) == len(ranking)


def test_what_a_model_hands_out_cannot_be_written_into(fitted):
    folded = fitted.fold_in(fitted.interactions_.by_user[:2])
    arrays = [fitted.user_factors_, fitted.item_factors_, folded.factors, folded.ratings.data]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    fitted.history_.clear()
    folded.ratings.indices = folded.ratings.indices[:1]
    assert fitted.n_iter_ > 0
    assert len(fitted.recommend(folded)) == 2
    with pytest.raises(ValueError, match=r"factors of shape .* do not fit 2 rows"):
        replace(folded, factors=folded.factors[:1])
    with pytest.raises(ValueError, match="factors must be finite"):
        replace(folded, factors=folded.factors * np.nan)


def test_those_folded_in_by_another_model_are_refused(interactions):
    model = small_model(max_iter=2).fit(interactions)
    other = small_model(max_iter=3).fit(interactions)
    user, item = model.fold_in({10: 5.0}), model.fold_in_items({1000: 5.0})
    questions = [model.recommend, model.scores, lambda user: model.explain(user, 20)]
    for question in (*questions, lambda user: model.predict(user, 20)):
        question(user)
        with pytest.raises(ValueError, match="these FoldedUsers are of another model"):
            question(other.fold_in({10: 5.0}))
    with pytest.raises(ValueError, match="these FoldedItems are of another model"):
        other.similar_items(item)
    narrow = FoldedUsers(user.factors[:2], user.ratings)
    with pytest.raises(ValueError, match="FoldedUsers are of another model"):
        model.recommend(narrow)
    model.partial_fit_users(Interactions.from_arrays([7], [10], [5.0])).recommend(user)
    model.partial_fit_items(Interactions.from_arrays([7], [11], [5.0]))
    with pytest.raises(ValueError, match="or of this one before it changed"):
        model.recommend(user)


def test_errors_name_the_argument(fitted):
    with pytest.raises(ValueError, match=r"user must be one user id or .* shape \(2, 2\)"):
        fitted.recommend([[1000, 1001], [1002, 1003]])
    with pytest.raises(ValueError, match=r"item must be one item id or .* shape \(1, 1\)"):
        fitted.similar_items([[10]])
    with pytest.raises(TypeError, match=r"ratings must be a mapping {item id: rating}, .*Series"):
        fitted.fold_in(pd.Series([5.0], index=[10]))
    for callbacks in (print, [print, 3], None):
        with pytest.raises(TypeError, match="callbacks must be a list of callables"):
            small_model().fit(fitted.interactions_, callbacks=callbacks)


@pytest.mark.parametrize("rating", [2**70, 10**400, np.nan, None, True, "5", 1e39])
def test_ratings_of_one_user_are_finite_numbers(fitted, rating):
    if rating == 2**70:
        assert np.isfinite(fitted.fold_in({10: rating}).factors).all()
        return
    with pytest.raises(ValueError, match="the rating of item 10 must be a finite number"):
        fitted.fold_in({20: 4.0, 10: rating})
