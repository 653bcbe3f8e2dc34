"""Parameters out of range."""

from __future__ import annotations

import numpy as np
import pytest

from tests.models.small_models import small_model


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"n_factors": 0}, ValueError, "n_factors must be from 1 to 2048, not 0"),
        ({"n_factors": 2.5}, TypeError, "n_factors must be an integer"),
        ({"n_factors": 5000}, ValueError, "n_factors"),
        ({"max_iter": 0}, ValueError, "max_iter"),
        ({"n_threads": 0}, ValueError, "n_threads"),
        ({"unobserved_weight": -0.1}, ValueError, "unobserved_weight must be finite"),
        ({"unobserved_weight": 1e300}, ValueError, "unobserved_weight must be finite in float32"),
        (
            {"alpha": 10**400},
            ValueError,
            "alpha must be finite in float32 and at least 0, not 1",
        ),
        ({"regularization": float("inf")}, ValueError, "regularization must be finite"),
        ({"regularization": float("nan")}, ValueError, "regularization"),
        ({"regularization": "much"}, ValueError, "regularization must be a number or 'scale'"),
        ({"regularization": None}, TypeError, "regularization must be a number"),
        ({"unobserved_weight": 0.2, "biases": True}, ValueError, "biases are for"),
        ({"biases": 1}, TypeError, "biases must be True or False"),
        ({"early_stopping": "loss"}, ValueError, "early_stopping must be one of"),
        ({"regularization_exponent": -1}, ValueError, "regularization_exponent"),
        ({"solver": "magic"}, ValueError, "solver must be one of"),
        ({"target": "stars"}, ValueError, "target must be one of"),
        ({"alpha": -1.0}, ValueError, "alpha"),
        ({"tol": -1.0}, ValueError, "tol"),
        ({"regularization": 1e-300}, ValueError, "regularization must be 0 or at least 1.18e-38"),
        ({"alpha": 1e38}, ValueError, r"alpha=1e\+38 gives a confidence .* beyond float32"),
        ({"max_iter": 2**70}, ValueError, "max_iter must be from 1 to 2147483647"),
        ({"random_state": "lucky"}, TypeError, "random_state must be an integer"),
        ({"random_state": -1}, ValueError, "random_state must be 0 or above"),
    ],
)
def test_wrong_parameters_are_named(interactions, options, error, words):
    with pytest.raises(error, match=words):
        small_model(**options).fit(interactions)


@pytest.mark.parametrize("name", ["start", "user_weights"])
def test_a_fit_with_biases_goes_on_from_no_model_and_weighs_no_pair(interactions, fitted, name):
    given = {"start": fitted, "user_weights": np.ones(interactions.n_users)}[name]
    model = small_model(biases=True, unobserved_weight=0.0, target="rating")
    with pytest.raises(ValueError, match="biases"):
        model.fit(interactions, **{name: given})


def test_ratings_too_small_for_the_equations_are_refused(interactions):
    tiny = interactions.by_user * 1e-30
    with pytest.raises(ValueError, match=r"no rating is larger than 5e-30, .* too small"):
        small_model(target="rating").fit(tiny)
    small_model(target="sqrt").fit(tiny)


def test_equations_without_solution_say_what_may_help(interactions):
    with pytest.raises(ValueError, match=r"no unique solution; .*lower .* or unobserved_weight"):
        small_model(unobserved_weight=3e38).fit(interactions)


def test_integers_beyond_64_bits_are_numbers(interactions):
    fitted = small_model(regularization=2**64, max_iter=1).fit(interactions)
    assert fitted.objective_.regularization == 2.0**64


def test_the_old_name_of_exact_is_warned_of_and_means_the_same(interactions):
    with pytest.warns(FutureWarning, match="is now called 'exact'"):
        old = small_model(solver="cholesky", n_factors=140, max_iter=2).fit(interactions)
    new = small_model(solver="exact", n_factors=140, max_iter=2).fit(interactions)
    assert old.solver == "cholesky"
    assert np.array_equal(old.user_factors_, new.user_factors_)
