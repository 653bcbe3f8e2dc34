"""One cluster for all tests on Spark, and ratings on it."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from cinefold import Interactions
from tests.conftest import NOTHING_IS_SKIPPED

if TYPE_CHECKING:
    from collections.abc import Iterator

if find_spec("pyspark") is None and not NOTHING_IS_SKIPPED:
    collect_ignore_glob = ["test_*.py"]

# What Java compiles for long runs, checks of classes, and small heaps for new objects cost a short
# one more than all else.
_QUICK_JAVA = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xmn200m "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)
SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": _QUICK_JAVA,
    "spark.executor.extraJavaOptions": _QUICK_JAVA,
    "spark.executor.memory": "512m",
    # What an executor had that was killed is asked for again so many times, and waited for.
    "spark.shuffle.io.maxRetries": "1",
    "spark.shuffle.io.retryWait": "100ms",
    "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
    "spark.executorEnv.OMP_NUM_THREADS": "1",
    "spark.python.daemon.module": "tests.spark.daemon",
    "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.grpc.binding.port": "0",
}


def pytest_collection_modifyitems(items: list[Any]) -> None:
    for item in items:
        if "tests/spark/" in str(item.path):
            item.add_marker(pytest.mark.spark)
            # Spark's own, about pandas 3 and about sockets that end with the session.
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def java() -> None:
    if shutil.which("java") is None:
        if NOTHING_IS_SKIPPED:
            pytest.fail("Java is missing, with CI=true")
        pytest.skip("needs Java 17: apt-get install openjdk-17-jre-headless")


@pytest.fixture(scope="session")
def spark(java: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of an executor of two cores, a process; also a server of Spark Connect."""
    import pyspark

    from cinefold.spark.session import start_session

    os.environ.update(PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    own = {
        "spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse")),
        "spark.local.dir": str(tmp_path_factory.mktemp("spark")),
    }
    work = Path(pyspark.__file__).parent / "work"  # where executors run, wherever we are
    existed = work.exists()
    session = start_session("local-cluster[1,2,512]", SETTINGS | own)
    yield session
    session.stop()
    if not existed:
        shutil.rmtree(work, ignore_errors=True)


class Rated:
    """Ratings of 5,200 users, who are more than are summed in double, and 1,100 items."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        users, items = rng.integers(0, 5_200, 40_000), (rng.random(40_000) ** 2 * 1_100).astype(int)
        pairs = np.unique(users * 1_100 + items)
        self.users, self.items = np.divmod(pairs, 1_100)
        self.ratings = rng.integers(1, 6, len(pairs)).astype(np.float32)
        self.weights = rng.uniform(0.5, 2, len(pairs)).astype(np.float32)
        self.held_out = rng.random(len(pairs)) < 0.1

    def parts(self) -> tuple[Interactions, Interactions]:
        """What is learnt from, and what is held out."""
        ids = {"user_ids": np.unique(self.users), "item_ids": np.unique(self.items)}

        def part(chosen: Any) -> Interactions:
            return Interactions.from_arrays(
                self.users[chosen],
                self.items[chosen],
                self.ratings[chosen],
                weights=self.weights[chosen],
                **ids,
            )

        return part(~self.held_out), part(self.held_out)

    def all(self) -> Interactions:
        return Interactions.from_arrays(self.users, self.items, self.ratings, weights=self.weights)

    def table(self) -> pa.Table:
        return pa.table(
            {
                "user": self.users,
                "item": self.items,
                "rating": self.ratings,
                "weight": self.weights,
                "held_out": self.held_out,
            }
        )


@pytest.fixture(scope="session")
def rated() -> Rated:
    return Rated()


@pytest.fixture(scope="session")
def ratings(spark: Any, rated: Rated, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from pyarrow import parquet

    path = str(tmp_path_factory.mktemp("rated") / "ratings.parquet")
    parquet.write_table(rated.table(), path)
    return spark.read.parquet(path)
