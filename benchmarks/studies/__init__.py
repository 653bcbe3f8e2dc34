"""Studies of cold start and interviews: ``python -m benchmarks.studies``."""
