"""Speed and memory beside other libraries: ``make bench`` or ``python -m benchmarks``."""

import os
import sys

# BLAS reads these once, when it is loaded: a forced kernel would slow those that use it, and
# threads of its own would compete with theirs.
if "numpy" not in sys.modules:
    for _name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(_name, None)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
