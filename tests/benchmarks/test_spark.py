from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pyspark")

from benchmarks.spark import __main__ as benchmark


def test_one_machine_beside_spark(tmp_path, capsys):
    path = benchmark.ratings_file(2_000, tmp_path)
    found = benchmark.one_machine(path, n_factors=4, n_threads=1)
    assert found.n_ratings == 2_000
    assert found.seconds > 0
    assert np.isfinite(found.cpu_seconds)
    benchmark.show(found)
    assert "one machine" in capsys.readouterr().out
