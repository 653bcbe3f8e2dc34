"""Beside Spark's own ALS, in one session: ``python -m benchmarks.spark --help``."""
