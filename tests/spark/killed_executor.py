"""A fit on separate processes, one of which is killed; prints a fingerprint of the factors."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

from pyspark.sql import SparkSession

from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.session import start_session
from tests.spark.conftest import SETTINGS


def executors() -> list[int]:
    """Processes of executors of this one's cluster."""
    listed = subprocess.run(
        ["ps", "-eo", "pid,ppid,args"], check=True, capture_output=True, text=True
    )
    rows = [line.split(None, 2) for line in listed.stdout.splitlines()[1:]]
    parents = {int(pid): int(parent) for pid, parent, _ in rows}

    def is_ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            pid = parents.get(pid, 0)
        return pid == os.getpid()

    backends = (int(row[0]) for row in rows if "CoarseGrainedExecutorBackend" in row[2])
    return [pid for pid in backends if is_ours(pid)]


def main() -> None:
    master, path, plan, folder = sys.argv[1:]
    killed = []

    def kill(model: object, record: dict[str, int]) -> None:
        if record["iteration"] == 1 and master.startswith("local-cluster"):
            killed.append(executors()[0])
            os.kill(killed[0], signal.SIGKILL)

    memory = {"spark.executor.memory": "512m"} if master.startswith("local-cluster") else {}
    if master == "connect":
        os.environ["PYSPARK_PYTHON"] = sys.executable
        spark = SparkSession.builder.remote("local[2]").getOrCreate()  # starts a server
    else:
        spark = start_session(master, SETTINGS | memory)
    model = DistributedWeightedMatrixFactorization(
        nFactors=12,
        maxIter=3,
        weightCol="weight",
        validationIndicatorCol="held_out",
        plan=plan,
        numUserBlocks=4,
        numItemBlocks=2,
        checkpointDir=folder,
    ).fit(spark.read.parquet(path), callbacks=[kill])
    local = model.toLocal()
    digest = hashlib.sha256(local.user_factors_.tobytes() + local.item_factors_.tobytes())
    print("killed", len(killed), "factors", digest.hexdigest(), flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
