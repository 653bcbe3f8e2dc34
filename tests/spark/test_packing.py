"""Ratings as they come, and blocks of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.packing import setting

SMALL = {"nFactors": 2, "maxIter": 1, "unobservedWeight": 0.1, "regularization": 0.1}


def frame(spark, schema, *rows):
    return spark.createDataFrame(list(rows), schema)


def test_bad_rows_are_named(spark):
    schema = "user string, item string, rating double"
    bad = [(None, "x", 3.0), ("cy", "x", float("nan")), ("cy", "y", None), ("dee", "x", -1.0)]
    ratings = frame(spark, schema, ("ann", "x", 5.0), *bad)
    with pytest.raises(ValueError, match=r"4 rows cannot be learnt from, .* user 'dee', item 'x'"):
        DistributedWeightedMatrixFactorization(**SMALL).fit(ratings)


@pytest.mark.parametrize(
    ("schema", "row", "error", "message"),
    [
        ("user long, item long, rating string", (1, 1, "5"), TypeError, "'rating' must have num"),
        ("user double, item long, rating float", (1.5, 1, 5.0), TypeError, "'user' must have int"),
        ("who long, item long, rating float", (1, 1, 5.0), ValueError, "no column 'user'; there"),
        ("user long, item long, rating float", (1, None, 5.0), ValueError, "user 1, item None"),
        ("user long, item long, rating float, held int", (1, 1, 5.0, 1), ValueError, "no ratings"),
    ],
)
def test_columns_that_cannot_be_learnt_from(spark, schema, row, error, message):
    trainer = DistributedWeightedMatrixFactorization(**SMALL)
    if "held" in schema:
        trainer.setParams(validationIndicatorCol="held")
    with pytest.raises(error, match=message):
        trainer.fit(frame(spark, schema, row))


def test_repeated_ratings_large_ids_a_user_with_none_left_only_long_rows_and_biases(spark):
    many = 2**60
    users, items = np.divmod(np.arange(300 * 40), 40)
    stars = np.random.default_rng(0).integers(1, 6, len(users)).astype(np.float32)
    users, items, n = users + many, items.astype(np.int32), len(users)
    table = {
        "user": [*users, many, many, many, -5, -5],
        "item": pa.array([*items, 1, 1, 1, 1, 2], pa.int32()),
        "rating": [*stars, 1.0, 5.0, 2.0, 4.0, 4.0],
        "rated.at": [0] * n + [20, 30, None, 1, 1],
        "held": [False] * (n + 3) + [True, True],
    }
    model = DistributedWeightedMatrixFactorization(
        **SMALL | {"unobservedWeight": 0, "target": "rating", "biases": True},
        timestampCol="rated.at",
        validationIndicatorCol="held",
        numUserBlocks=3,
    ).fit(spark.createDataFrame(pa.table(table)))
    stars[1] = 5
    ids = {"user_ids": [-5, *np.unique(users)], "item_ids": np.arange(40)}
    own = Interactions.from_arrays(users, items, stars, **ids)
    single = WeightedMatrixFactorization(
        n_factors=2,
        max_iter=1,
        unobserved_weight=0,
        regularization=0.1,
        target="rating",
        biases=True,
    ).fit(own)
    local = model.toLocal()
    assert local.interactions_.user_ids[:2].tolist() == [-5, many]
    np.testing.assert_array_equal(local.user_factors_, single.user_factors_)
    np.testing.assert_array_equal(local.item_biases_, single.item_biases_)


def test_rows_without_a_unique_solution_are_named(spark):
    table = pa.table({"user": ["a", "b"], "item": ["x", "y"], "rating": [1.0, 2.0]})
    trainer = DistributedWeightedMatrixFactorization(
        nFactors=2, unobservedWeight=0.0, regularization=0.0
    )
    with pytest.raises(ValueError, match=r"equations of item x \(1 ratings\) have no unique"):
        trainer.fit(spark.createDataFrame(table))


def test_repeated_ratings_may_be_refused_and_defaults_are_not_searched_for(spark, caplog):
    ratings = frame(spark, "user long, item long, rating float", (1, 1, 5.0), (1, 1, 4.0))
    with pytest.raises(ValueError, match=r"^1 ratings repeat a pair of user and item$"):
        DistributedWeightedMatrixFactorization(duplicates="error").fit(ratings)
    assert "one machine would search for nFactors" in caplog.text


def test_parameters_are_checked_before_anything_is_read(spark):
    nothing = spark.createDataFrame([], "user long, item long, rating float")
    for wrong, message in (
        ({"plan": "best"}, "plan must be one of"),
        ({"invalidRows": "keep"}, "invalidRows must be one of"),
        ({"nFactors": 0}, "n_factors must be"),
        ({"nFactor": 3}, "no parameter 'nFactor'; it has"),
        ({"degreeExponent": 2}, "degree_exponent must be"),
    ):
        with pytest.raises(ValueError, match=message):
            DistributedWeightedMatrixFactorization(**wrong).fit(nothing)


def test_a_setting_that_two_fits_change_at_once_is_restored_when_both_are_done(spark):
    name = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = spark.conf.get(name)
    first, second = setting(spark, name, 16), setting(spark, name, 16)
    first.__enter__()
    with second:
        first.__exit__(None, None, None)
        assert spark.conf.get(name) == "16"
    assert spark.conf.get(name) == before
