"""A fit on Spark finds what a fit on one machine finds, to the last bit."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from cinefold import WeightedMatrixFactorization
from cinefold.spark import DistributedWeightedMatrixFactorization, stored_rows

COLUMNS = {"weightCol": "weight", "validationIndicatorCol": "held_out"}


@pytest.fixture(scope="module")
def single(rated):
    train, held_out = rated.parts()
    return WeightedMatrixFactorization(n_factors=12, max_iter=2).fit(train, validation=held_out)


def same(model, single, rtol=0.0):
    local = model if isinstance(model, WeightedMatrixFactorization) else model.toLocal()
    assert local.objective_ == single.objective_
    assert local.stop_reason_ == single.stop_reason_
    assert local.best_iteration_ == single.best_iteration_
    np.testing.assert_allclose(local.user_factors_, single.user_factors_, rtol)
    np.testing.assert_allclose(local.item_factors_, single.item_factors_, rtol)
    for ours, theirs in zip(local.history_, single.history_, strict=True):
        seconds = {"seconds": pytest.approx(0, abs=1e3)}
        metrics = ("validation_rmse", "validation_ndcg_at_10")
        measured = {name: theirs[name] for name in metrics if theirs[name] is not None}
        close = {name: pytest.approx(value, rel=1e-12) for name, value in measured.items()}
        assert ours == theirs | close | seconds


def by_a_client_of_connect_whose_executor_is_killed(spark, ratings, rated, folder):
    service = "org.apache.spark.sql.connect.service.SparkConnectService$"
    port = getattr(getattr(spark._jvm, service), "MODULE$").localPort()
    pid = str(spark._jvm.java.lang.ProcessHandle.current().pid())
    path, model = ratings.inputFiles()[0], folder / "model.safetensors"
    server = f"sc://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tests.spark.connect_client", server, pid, path, model]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    return WeightedMatrixFactorization.load(model)


def killed_and_gone_on_with(trainer, ratings):
    """The model, after a fit that was killed after its first iteration."""

    def kill(model, record):
        if record["iteration"] == 1:
            raise InterruptedError

    iterations = []
    with pytest.raises(InterruptedError):
        trainer.fit(ratings, callbacks=[kill])
    model = trainer.fit(ratings, callbacks=[lambda _, record: iterations.append(record)])
    assert [record["iteration"] for record in iterations] == [2]
    return model


def stored_with_biases(spark, ratings, rated, folder):
    train, held_out = rated.parts()
    single = WeightedMatrixFactorization.preset("stars", n_factors=3, max_iter=2)
    single.fit(train, validation=held_out)
    trainer = DistributedWeightedMatrixFactorization.like(
        single,
        plan="stored",
        numUserBlocks=3,
        checkpointDir=str(folder),
        checkpointInterval=1,
        **COLUMNS,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_rows, "BYTES_PER_MESSAGE", 10_004)  # many, which end within rows
        return killed_and_gone_on_with(trainer, ratings), single


def of_stored_users_and_held_items(spark, ratings, rated, folder):
    parameters = {"solver": "cg", "regularization": 0.5, "alpha": 0.5, "target": "rating"}
    single = WeightedMatrixFactorization(
        n_factors=5,
        max_iter=2,
        unobserved_weight=0.1,
        regularization_exponent=0,
        degree_exponent=(0, 0.2),
        **parameters,
    ).fit(rated.all())
    trainer = DistributedWeightedMatrixFactorization.like(
        single,
        maxHeldBytes=30_000,
        checkpointDir=str(folder),
        checkpointInterval=1,
        weightCol="weight",
    )
    return killed_and_gone_on_with(trainer, ratings.drop("held_out")), single


def stored_with_a_start_and_weights_of_degrees_users_and_items(spark, ratings, rated, folder):
    train, held_out = rated.parts()
    options = {
        "start": WeightedMatrixFactorization(n_factors=4, max_iter=1, tol=0).fit(train),
        "user_weights": {int(train.user_ids[7]): 3.0},
        "item_weights": np.linspace(1, 2, train.n_items),
    }
    single = WeightedMatrixFactorization(n_factors=4, max_iter=1, degree_exponent=(0.3, 0.1))
    single.fit(train, validation=held_out, **options)
    trainer = DistributedWeightedMatrixFactorization.like(
        single, plan="stored", checkpointDir=str(folder), **COLUMNS
    )
    return trainer.fit(ratings, **options), single


@pytest.fixture(scope="module")
def fits(spark, ratings, rated, tmp_path_factory):
    """What these functions find, two of them at a time: Spark's driver keeps one core busy.

    The executor that the first of them kills is the only one: two of them lose it.
    """
    with ThreadPoolExecutor(2) as pool:

        def begin(fit):
            folder = tmp_path_factory.mktemp(fit.__name__)
            return pool.submit(fit, spark, ratings, rated, folder), folder

        return {
            fit: begin(fit)
            for fit in (
                by_a_client_of_connect_whose_executor_is_killed,
                stored_with_biases,
                of_stored_users_and_held_items,
                stored_with_a_start_and_weights_of_degrees_users_and_items,
            )
        }


def test_a_client_of_spark_connect_and_an_executor_that_is_killed(fits, single):
    same(fits[by_a_client_of_connect_whose_executor_is_killed][0].result(), single)


def test_biases_and_factors_stored_on_the_cluster_by_a_fit_that_was_killed(spark, fits, rated):
    found, folder = fits[stored_with_biases]
    model, single = found.result()
    same(model, single)
    np.testing.assert_array_equal(model.toLocal().item_biases_, single.item_biases_)
    same_new_user(spark, model, single, rated)
    # Nothing is kept but the factors of both sides, of what the fit that was killed has stored too.
    kept = {
        f.parent for f in folder.glob("*/factors-*/*.parquet") if parquet.read_table(f).num_rows
    }
    assert len(kept) == 2


def test_users_stored_and_items_held_with_conjugate_gradients_after_a_fit_that_was_killed(fits):
    # What is solved for are the vectors times their weights' roots, which may round.
    same(*fits[of_stored_users_and_held_items][0].result(), rtol=5e-7)


def test_stored_with_a_start_and_weights_of_degrees_users_and_items(spark, fits, rated):
    fit = stored_with_a_start_and_weights_of_degrees_users_and_items
    model, single = fits[fit][0].result()
    same(model, single, rtol=5e-7)
    np.testing.assert_allclose(model.toLocal().user_weights_, single.user_weights_, 1e-6)
    same_new_user(spark, model, single, rated)


def same_new_user(spark, model, single, rated):
    items = np.unique(rated.items)[:3]
    new = [(-1, int(item), 5.0, 1.0) for item in items]
    new = spark.createDataFrame(new, "user long, item long, rating float, weight float")
    expected = single.fold_in(dict.fromkeys(items, 5.0)).factors
    np.testing.assert_allclose(model.foldIn(new).first().factors, expected, 1e-5, 1e-6)
