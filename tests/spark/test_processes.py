"""Separate processes: executors that are killed, and a server of Spark Connect."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from cinefold import WeightedMatrixFactorization

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def fingerprint(rated):
    train, held_out = rated.parts()
    single = WeightedMatrixFactorization(n_factors=12, max_iter=3).fit(train, validation=held_out)
    return hashlib.sha256(single.user_factors_.tobytes() + single.item_factors_.tobytes())


@pytest.fixture(scope="module")
def run(java, rated, fingerprint, tmp_path_factory):
    from pyarrow import parquet

    path = tmp_path_factory.mktemp("rated") / "ratings.parquet"
    parquet.write_table(rated.table(), path)

    def run(master, plan):
        home = Path(pyspark.__file__).parent
        folder = tmp_path_factory.mktemp("checkpoints")
        existed = (home / "work").exists()
        ended = subprocess.run(
            [sys.executable, "-m", "tests.spark.killed_executor", master, path, plan, folder],
            cwd=ROOT,
            env={**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=600,
        )
        if not existed:
            shutil.rmtree(home / "work", ignore_errors=True)  # of local-cluster
        assert ended.returncode == 0, ended.stderr[-3000:]
        return ended.stdout.split()[-4:], fingerprint.hexdigest()

    return run


def test_a_killed_executor_changes_nothing(run):
    found, expected = run("local-cluster[2,1,1024]", "held")
    assert found == ["killed", "1", "factors", expected]


def test_spark_connect(run):
    found, expected = run("connect", "held")
    assert found == ["killed", "0", "factors", expected]
