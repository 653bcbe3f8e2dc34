"""``cinefold train --engine spark``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.cli import commands


def test_the_command_learns_what_one_machine_learns(spark, rated, tmp_path):
    few = slice(0, 300)
    columns = rated.users[few], rated.items[few], rated.ratings[few]
    table = pa.table(dict(zip(("user_id", "item_id", "rating"), columns, strict=True)))
    parquet.write_table(table, tmp_path / "ratings.parquet")
    where = ["--input", tmp_path / "ratings.parquet", "--output", tmp_path / "model.safetensors"]
    options = ["--n-factors", 3, "--max-iter", 1, "--validation", 0]
    words = ["train", "--engine", "spark", *where, *options]
    assert commands.run([*map(str, words)]) == 0
    found = WeightedMatrixFactorization.load(tmp_path / "model.safetensors")
    single = WeightedMatrixFactorization(n_factors=3, max_iter=1)
    single.fit(Interactions.from_arrays(*columns), progress=False)
    np.testing.assert_array_equal(found.item_factors_, single.item_factors_)
    assert (
        found.recommend(columns[0][0], 3).items.tolist()
        == single.recommend(columns[0][0], 3).items.tolist()
    )


def test_a_column_that_may_be_the_rating_is_named(spark, tmp_path, capsys):
    (tmp_path / "plays.csv").write_text("user,item,Note (0-5),when\n1,2,3,1500000000\n")
    words = ["train", "--engine", "spark", "--input", str(tmp_path / "plays.csv")]
    assert commands.run(words) == 2
    assert "column 'Note (0-5)' may be the rating; rename it in rating" in capsys.readouterr().err
