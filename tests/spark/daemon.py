"""What the workers of Spark's Python are forked from, with all that they import.

Before and after each task Spark looks again for what could be imported, in archives too, and for
garbage: both take a worker of so many modules longer than the small tasks of tests.
"""

import gc
import sys

sys.path[:] = [place for place in sys.path if not place.endswith(".zip")]
sys.path_importer_cache.clear()

import pandas  # noqa: E402, F401 - as Spark does, in each worker
import pyarrow.compute  # noqa: E402, F401
from pyspark import worker  # noqa: E402, F401
from pyspark.daemon import manager  # noqa: E402

from cinefold.spark import factor_frames  # noqa: E402, F401
from cinefold.spark.tasks import ranking  # noqa: E402, F401

if __name__ == "__main__":
    gc.freeze()
    manager()
