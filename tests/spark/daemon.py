"""What the workers of Spark's Python are forked from, with all that they import."""

from pyspark import worker  # noqa: F401
from pyspark.daemon import manager

from cinefold.spark import factor_frames  # noqa: F401
from cinefold.spark.tasks import ranking  # noqa: F401

if __name__ == "__main__":
    manager()
