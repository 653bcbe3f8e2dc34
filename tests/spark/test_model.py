"""What a model on Spark answers."""

from __future__ import annotations

import numpy as np
import pytest

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.spark import DistributedFactorModel, DistributedWeightedMatrixFactorization


@pytest.fixture(scope="module")
def known():
    rng = np.random.default_rng(1)
    pairs = rng.choice(60 * 40, 500, replace=False)
    users, items = np.divmod(pairs, 40)
    names = np.array([f"user {user}" for user in users])
    return Interactions.from_arrays(names, 100 + items, rng.integers(1, 6, 500))


@pytest.fixture(scope="module")
def model(spark, known):
    rows = np.repeat(known.user_ids, known.user_counts())
    matrix = known.by_user
    data = zip(
        rows.tolist(), known.item_ids[matrix.indices].tolist(), matrix.data.tolist(), strict=True
    )
    bad = [(None, 101, 3.0), ("cy", 101, float("nan")), ("cy", 102, None), ("dee", 101, -1.0)]
    ratings = spark.createDataFrame([*data, *bad], "reader string, book long, stars float")
    trainer = DistributedWeightedMatrixFactorization(nFactors=4, maxIter=2, invalidRows="drop")
    return trainer.setParams(userCol="reader", itemCol="book", ratingCol="stars").fit(ratings)


@pytest.fixture(scope="module")
def single(known):
    return WeightedMatrixFactorization(n_factors=4, max_iter=2).fit(known)


def test_scores_of_pairs(spark, model, single):
    pairs = [("user 3", 101), ("user 7", 139), ("nobody", 101)]
    asked = spark.createDataFrame(
        [(*pair, 0) for pair in pairs], "reader string, book long, `a.b` int"
    )
    found = {row.reader: row.prediction for row in model.transform(asked).collect()}
    assert np.isnan(found.pop("nobody"))
    for user, item in pairs[:2]:
        assert found[user] == pytest.approx(single.predict(user, item), rel=1e-5)
    dropping = model.copy({model.coldStartStrategy: "drop"})
    assert dropping.transform(asked).count() == 2


def lists_of(frame, own, other):
    return {
        row[own]: [(one[other], one.rating) for one in row.recommendations]
        for row in frame.collect()
    }


def test_lists(spark, model, single):
    lists = lists_of(model.recommendForAllUsers(5), "reader", "book")
    ranking = single.recommend(single.interactions_.user_ids, k=5, exclude_seen=False)
    for user, items, scores in zip(
        single.interactions_.user_ids, ranking.items, ranking.scores, strict=True
    ):
        found = lists[str(user)]
        assert [item for item, _ in found] == items.tolist()
        np.testing.assert_allclose([score for _, score in found], scores, rtol=1e-5)
    wanted = spark.createDataFrame([("user 3",), ("nobody",)], "reader string")
    assert lists_of(model.recommendForUserSubset(wanted, 5), "reader", "book") == {
        "user 3": lists["user 3"]
    }
    scores = single.scores(single.interactions_.user_ids)[:, 1]
    best = lists_of(model.recommendForAllItems(2), "book", "reader")[101]
    assert best[0] == (
        str(single.interactions_.user_ids[scores.argmax()]),
        pytest.approx(scores.max(), rel=1e-5),
    )


def test_saved_loaded_and_served_by_one_machine(spark, model, single, known, tmp_path):
    path = str(tmp_path / "model")
    model.save(path)
    loaded = DistributedFactorModel.load(path, spark)
    local = loaded.toLocal(known)  # which knows nobody of rows that were left out
    np.testing.assert_array_equal(local.item_factors_, single.item_factors_)
    assert (
        local.recommend("user 3", k=4).items.tolist()
        == single.recommend("user 3", 4).items.tolist()
    )
    assert (loaded.objective_, local.history_) == (single.objective_, model.history_)
    local.save(tmp_path / "model.safetensors")
    assert loaded.getUserCol() == "reader" if hasattr(loaded, "getUserCol") else True


def test_new_users_on_a_stream(spark, model, single, tmp_path):
    folder = tmp_path / "incoming"
    folder.mkdir()
    lines = ["reader,book,stars", "new,101,5", "new,120,1", "new,999,3", "other,103,4"]
    lines += ["new,103,-1", "new,104,", "new,105,NaN"]  # which cannot be learnt from
    (folder / "ratings.csv").write_text("\n".join(lines))
    stream = spark.readStream.schema("reader string, book long, stars float").csv(
        str(folder), header=True
    )

    def keep(batch, _):
        model.foldIn(batch).write.mode("append").parquet(str(tmp_path / "users"))

    query = stream.writeStream.foreachBatch(keep).trigger(availableNow=True)
    query.option("checkpointLocation", str(tmp_path / "state")).start().awaitTermination(60)
    found = spark.read.parquet(str(tmp_path / "users")).collect()
    vectors = {row.id: row.factors for row in found}
    assert sorted(vectors) == ["new", "other"]
    expected = single.fold_in({101: 5.0, 120: 1.0}).factors
    np.testing.assert_allclose(vectors["new"], expected, rtol=1e-5, atol=1e-6)
