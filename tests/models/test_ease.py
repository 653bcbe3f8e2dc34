import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cinefold import Interactions
from cinefold.models import Ease, ease
from cinefold.models.ease import _highest


@pytest.fixture(scope="module", params=[(70, 45), (20, 45)], ids=["by items", "by users"])
def many(request):
    rng = np.random.default_rng(5)
    users, items = np.nonzero(rng.random(request.param) < 0.25)
    return Interactions.from_arrays(users, items, rng.integers(1, 6, len(users)))


def test_ease_by_hand():
    """X'X = [[2, 1], [1, 1]], and 1 on its diagonal: P = [[2, -1], [-1, 3]] / 5."""
    ratings = Interactions.from_arrays(["a", "a", "b"], [1, 2, 1], [5, 1, 3])
    model = Ease(regularization=1.0).fit(ratings)
    np.testing.assert_allclose(model.weights_, [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)
    items, scores = model.recommend(["b"], 2)
    assert items[0, 0] == 2
    assert scores[0, 0] == pytest.approx(1 / 3)
    assert scores[0, 1] == -np.inf


def test_ease_of_many_items_is_solved_by_blocks(many, monkeypatch):
    """OpenBLAS factorises no matrix of 16,000 rows without ending the process."""
    whole = Ease(regularization=2.0).fit(many)
    monkeypatch.setattr(ease, "_LARGEST_FACTORISATION", 4)
    monkeypatch.setattr(ease, "_SCORES_AT_A_TIME", 100)
    blocks = Ease(regularization=2.0).fit(many)
    np.testing.assert_allclose(blocks.weights_, whole.weights_, atol=1e-6)
    seen = many.by_user.toarray() > 0
    precision = np.linalg.inv(seen.T.astype(float) @ seen + 2 * np.eye(many.n_items))
    expected = precision / -precision.diagonal()
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(blocks.weights_, expected, atol=1e-6)
    lists, same = (model.recommend(many.user_ids, 7) for model in (whole, blocks))
    np.testing.assert_array_equal(lists.items, same.items)


def test_ease_beyond_the_memory_says_what_it_would_take(many, monkeypatch):
    monkeypatch.setattr("cinefold._memory.available_memory", lambda: 10_000)
    with pytest.raises(ValueError, match=r"^EASE for 45 items needs .* GB of memory"):
        Ease().fit(many)


def test_ease_beyond_its_items_says_what_it_would_take(many):
    with pytest.raises(ValueError, match=r"45 x 45 numbers .* GB.*max_items=44"):
        Ease(max_items=44).fit(many)
    with pytest.raises(ValueError, match="regularization must be above 0"):
        Ease(regularization=0.0).fit(many)


def test_ease_with_too_little_regularization_says_so(many):
    repeated = many.by_user[np.zeros(many.n_users, int)]
    with pytest.raises(ValueError, match=r"regularization=1e-200 is too small"):
        Ease(regularization=1e-200).fit(Interactions.from_sparse(repeated))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9))
def test_the_highest_are_the_first_of_a_stable_sort(seed, n_items, k):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (6, n_items)).astype(float)
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    k = min(k, n_items)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(_highest(scores, k), expected)
