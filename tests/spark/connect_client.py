"""A fit by a client of Spark Connect, to which Spark is but a server; saves the model."""

import sys

from cinefold.spark import DistributedWeightedMatrixFactorization
from cinefold.spark.session import start_session

server, path, output = sys.argv[1:]
spark = start_session(server)
trainer = DistributedWeightedMatrixFactorization(
    nFactors=12, maxIter=3, weightCol="weight", validationIndicatorCol="held_out"
)
trainer.fit(spark.read.parquet(path)).toLocal().save(output)
spark.stop()
