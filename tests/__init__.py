"""Tests of everything, in the folders of what they test."""

import os

# Before NumPy loads. The products of the dense specification are small, and threads that share
# them out wait for each other on cores that other tests use: three fifths of the time.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
