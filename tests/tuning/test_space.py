from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models.scaled_parameters import objective_for
from cinefold.tuning import Range, Space
from cinefold.tuning.initial_points import initial_points
from cinefold.tuning.space import DEFAULT_SPACE, Coordinates, default_space, parse, read_space


def ratings_like(data, values, weights=None):
    ratings = data.interactions
    users = np.repeat(ratings.user_ids, ratings.user_counts())
    items = ratings.item_ids[ratings.by_user.indices]
    return Interactions.from_arrays(users, items, values, weights=weights)


# -- what can be said -----------------------------------------------------------------------------


def test_text_is_a_range_choices_or_a_value():
    assert parse("16..64") == (16, 64)
    assert parse("0.1..1e1") == (0.1, 10.0)
    assert parse("rating,binary") == ["rating", "binary"]
    assert parse("16,32") == [16, 32]
    assert parse("0.5") == 0.5
    assert parse("binary") == "binary"


def test_a_range_has_the_scale_of_the_parameter():
    space = Space({"n_factors": (8, 64), "regularization_exponent": "0..0.5", "alpha": (0, 3)})
    assert space.dimensions["n_factors"] == Range(8, 64, log=True, integer=True)
    assert space.dimensions["regularization_exponent"] == Range(0, 0.5)
    assert space.dimensions["alpha"] == Range(0, 3)
    assert Space({"unobserved_weight": (0, 1)}).dimensions["unobserved_weight"] == Range(0, 1)
    assert Space({"unobserved_weight": (0.1, 1)}).dimensions["unobserved_weight"].log


def test_a_parameter_takes_the_place_of_its_quantity_and_the_other_way_round():
    space = Space({"regularization": 3.0, "alpha": 0.0})
    assert "relative_regularization" not in space.dimensions
    assert "rating_confidence" not in space.dimensions
    assert "relative_unobserved_weight" in space.dimensions
    rmse = Space({"relative_unobserved_weight": (0.01, 0.1)}, {**DEFAULT_SPACE, "alpha": 0.0})
    assert "relative_unobserved_weight" in rmse.dimensions
    assert "unobserved_weight" not in rmse.dimensions


def test_dashes_are_as_good_as_underscores():
    assert Space({"n-factors": 5}).dimensions["n_factors"] == 5


def test_a_list_of_one_is_fixed():
    assert "target" not in Space({"target": ["rating"]}).free()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w0": 1}, "there is no 'w0' to search; there are n_factors, unobserved_weight"),
        ({"max_iter": 5}, "max_iter is not searched: the validation curve"),
        ({"alpha": 1, "rating_confidence": 0.5}, "both alpha and rating_confidence"),
        ({"target": "stars"}, r"target must be one of .*'binary'\), not 'stars'"),
        ({"target": ["rating", "stars"]}, "target must be one of"),
        ({"n_factors": (0, 5)}, "n_factors must be from 1 to"),
        ({"n_factors": (4, 5.5)}, "n_factors: the ends must be whole numbers"),
        ({"n_factors": (9, 9)}, "n_factors: the range 9..9 is empty"),
        (
            {"n_factors": (1, 2, 3)},
            "n_factors: a range has two numbers as ends, such as 16..64, not",
        ),
        ({"n_factors": "4..many"}, r"two numbers as ends, such as 16..64, not \(4, 'many'\)"),
        ({"n_factors": "64-16"}, r"an integer, not '64-16'; a range is written 16\.\.64, choices"),
        ({"n_factors": ""}, r"an integer, not ''; a range is written 16\.\.64"),
        ({"regularization": "1-2"}, r"'scale', not '1-2'; a range is written 16\.\.64"),
        ({"n_factors": True}, "an integer, not True$"),
        ({"n_factors": {"low": 1}}, "n_factors: .* is neither a number nor a word"),
        ({"relative_regularization": None}, "must be a number of at least 0, not None"),
        ({"n_factors": []}, "n_factors: the choices"),
        ({"n_factors": [4, 4]}, "not distinct"),
        ({"alpha": Range(0, 1, log=True)}, "a logarithmic range must begin above 0"),
        ({"rating_confidence": 1}, "rating_confidence must be below 1"),
        ({"relative_regularization": -1}, "relative_regularization must be a number of at least"),
        ({"regularization": float("nan")}, "regularization must be finite"),
    ],
)
def test_what_cannot_be_searched_is_said(changes, message):
    with pytest.raises(ValueError, match=message):
        Space(changes)


def test_a_space_comes_from_a_file(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text('n_factors = "8..16"\ntarget = ["binary"]\nalpha = 0.5\n')
    space = Space(read_space(file))
    assert space.dimensions["n_factors"] == Range(8, 16, log=True, integer=True)
    assert (space.dimensions["target"], space.dimensions["alpha"]) == ("binary", 0.5)
    file.write_text("n_factors 8")
    with pytest.raises(ValueError, match=r"space\.toml is no TOML file"):
        read_space(file)


# -- points ---------------------------------------------------------------------------------------


def test_the_nearest_point_is_in_the_space():
    space = Space({"n_factors": (8, 16), "target": ["rating", "binary"]})
    middle = {**MODEL, "n_factors": 12, "regularization_exponent": 0.625}
    near = space.nearest({**middle, "n_factors": 99, "target": "rating"})
    assert near == {**middle, "n_factors": 16, "target": "rating"}
    assert space.nearest({**middle, "target": "other"}) is None


POINTS = st.fixed_dictionaries(
    {
        "n_factors": st.integers(1, 99),
        "relative_unobserved_weight": st.floats(0, 5),
        "relative_regularization": st.floats(0.01, 100),
        "regularization_exponent": st.floats(0, 2),
        "target": st.sampled_from(["rating", "binary"]),
        "rating_confidence": st.floats(0, 0.95),
    }
)


@given(POINTS)
def test_parameters_and_points_are_each_others_inverse(data, point):
    coordinates = Coordinates(data.interactions)
    parameters = coordinates.parameters(point)
    assert set(parameters) < set(WeightedMatrixFactorization.parameter_names())
    again = coordinates.point({**WeightedMatrixFactorization().get_params(), **parameters})
    assert again.pop("target") == point.pop("target")
    assert {name: again[name] for name in point} == pytest.approx(point, rel=1e-6, abs=1e-9)


def test_the_relative_regularization_of_a_hand_worked_case():
    # Two users with 1 and 2 of three movies, w0 = 0.5: scaled counts 2 and 2.5 of the users; 2, 1
    # and 0 ratings of two users give 2, 1.5 and 1 of the movies.
    ratings = Interactions.from_arrays(
        [1, 2, 2], [1, 1, 2], [3.0, 1.0, 5.0], item_ids=np.array([1, 2, 3])
    )
    point = Coordinates(ratings).point(
        {
            **WeightedMatrixFactorization().get_params(),
            "target": "rating",
            "regularization": 4.0,
            "regularization_exponent": 1.0,
            "unobserved_weight": 0.5,
            "alpha": 1.0,
        }
    )
    assert point["rating_confidence"] == pytest.approx(3 / 4)
    # A mean confidence of 4, half of the pairs observed, a mean target of 3.
    assert point["relative_unobserved_weight"] == pytest.approx(0.5 / (4 * 4 / 3 * np.sqrt(0.5)))
    noise = 0.5**0.25 * (np.sqrt(2) + np.sqrt(3))
    scaled = 0.41 * 3 * np.sqrt(4 * 2) * noise / np.sqrt(2.25 * 1.5)
    assert point["relative_regularization"] == pytest.approx(4 / scaled)


MODEL = {
    "n_factors": 3,
    "relative_unobserved_weight": 0.8,
    "relative_regularization": 1.2,
    "regularization_exponent": 0.5,
    "degree_exponent": 0.1,
    "target": "rating",
    "rating_confidence": 0.5,
}


def test_the_same_point_is_the_same_model_whatever_the_unit_of_the_weights(data):
    ratings = data.interactions.by_user.data
    plain = ratings_like(data, ratings)
    heavy = ratings_like(data, ratings, np.full(len(ratings), 4.0))
    point = {**MODEL, "regularization_exponent": 0.0}  # counts of ratings know no weights
    scores = [
        WeightedMatrixFactorization(**Coordinates(r).parameters(point))
        .fit(r)
        .predict(7, r.item_ids)
        for r in (plain, heavy)
    ]
    np.testing.assert_allclose(*scores, rtol=1e-3, atol=1e-4)


def test_the_same_point_is_the_same_model_whatever_the_unit_of_the_ratings(data):
    ratings = data.interactions.by_user.data
    fits = []
    for unit in (1, 8):
        some = ratings_like(data, unit * ratings)
        model = WeightedMatrixFactorization(
            **Coordinates(some).parameters(MODEL), max_iter=300, tol=1e-9
        )
        model.fit(some)
        fits.append((model.history_[-1]["objective"], model.predict(7, some.item_ids)))
    assert fits[1][0] == pytest.approx(64 * fits[0][0], rel=1e-3)
    np.testing.assert_allclose(fits[1][1], 8 * fits[0][1], atol=0.05)


# -- beginnings -----------------------------------------------------------------------------------


def test_a_search_begins_with_the_default_model(data):
    coordinates = Coordinates(data.interactions)
    space = Space({"relative_regularization": (0.01, 1000)})
    first, *others = initial_points(space, coordinates, "ndcg_at_10")
    parameters = coordinates.parameters(first)
    model = WeightedMatrixFactorization()
    objective = objective_for(model, data.interactions)
    numbers = {name: getattr(objective, name) for name in ("unobserved_weight", "regularization")}
    assert parameters.pop("target") == objective.target
    numbers |= {"n_factors": 64, "degree_exponent": 0.0}
    defaults = {name: {**model.get_params(), **numbers}[name] for name in parameters}
    assert parameters == pytest.approx(defaults, rel=1e-6)
    assert others
    assert all(space.nearest(point) == point for point in others)


def test_where_rows_have_few_ratings_a_search_begins_with_few_factors():
    rng = np.random.default_rng(0)
    sparse = Interactions.from_arrays(
        rng.integers(0, 900, 12_000), rng.integers(0, 800, 12_000), duplicates="max"
    )
    space = Space(base=default_space(sparse, "ndcg_at_10"))
    points = initial_points(space, Coordinates(sparse), "ndcg_at_10")
    assert [point["n_factors"] for point in points] == [224] + [128] * 5
    assert space.described()["n_factors"]["high"] == 1024


def test_beginnings_keep_to_what_is_fixed(data):
    coordinates = Coordinates(data.interactions)
    space = Space(
        {"target": "rating", "alpha": 0.0, "n_factors": (8, 16), "regularization": (1, 9)}
    )
    points = initial_points(space, coordinates, "ndcg_at_10")
    names = {"relative_unobserved_weight", "regularization_exponent", "n_factors", "regularization"}
    names.add("degree_exponent")
    assert all(set(point) == names for point in points)
    assert all(1 <= point["regularization"] <= 9 for point in points)


def test_incomplete_parameters_are_completed_or_refused(data):
    coordinates = Coordinates(data.interactions)
    whole = {**WeightedMatrixFactorization().get_params(), "alpha": 2.0}
    assert coordinates.point({"alpha": 2.0}) == coordinates.point(whole)
    with pytest.raises(ValueError, match="alpha must be"):
        coordinates.point({"alpha": -1.0})


def test_ratings_that_are_all_the_same_leave_nothing_to_weigh(data):
    same = ratings_like(data, np.full(data.interactions.n_ratings, 3.0))
    space = Space(None, default_space(same, "ndcg_at_10"))
    assert (space.dimensions["target"], space.dimensions["alpha"]) == ("binary", 0.0)
    negative = ratings_like(data, data.interactions.by_user.data - 3)
    space = Space(None, default_space(negative, "ndcg_at_10"))
    assert space.dimensions["alpha"] == 0.0
    assert "target" in space.free()
