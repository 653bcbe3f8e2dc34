"""Searches on the small data set, short ones."""

from __future__ import annotations

from cinefold.tuning import TuningResult, tune

SMALL = {"n_factors": (4, 12)}
QUICK = {"max_iter": 4, "n_threads": 1, "progress": False, "keep_interrupted": True}


def search(ratings, **more) -> TuningResult:
    return tune(ratings, **{**QUICK, "space": SMALL, "n_trials": 6, "n_validations": 1, **more})
