"""A fit by a client of Spark Connect, to which Spark is but a server; saves the model.

In the middle the executor is killed, a process that the server has started.
"""

import os
import signal
import subprocess
import sys

from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.session import start_session

server, server_pid, path, output = sys.argv[1:]


def kill(model, record):
    if record["iteration"] == 1:
        listed = ["ps", "--ppid", server_pid, "-ww", "-o", "pid=", "-o", "args="]
        children = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
        executors = [line for line in children.splitlines() if "ExecutorBackend" in line]
        os.kill(int(executors[0].split()[0]), signal.SIGKILL)


spark = start_session(server)
trainer = DistributedWeightedMatrixFactorization(
    nFactors=12,
    maxIter=2,
    weightCol="weight",
    validationIndicatorCol="held_out",
    numUserBlocks=5,
    numItemBlocks=2,
)
trainer.fit(spark.read.parquet(path), callbacks=[kill]).toLocal().save(output)
spark.stop()
