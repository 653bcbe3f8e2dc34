from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.app.jobs import TrainingJob


@pytest.fixture
def interactions():
    generator = np.random.default_rng(0)
    matrix = sp.random_array((60, 40), density=0.3, rng=generator, format="csr", dtype=np.float32)
    matrix.data = generator.integers(1, 6, matrix.nnz).astype(np.float32)
    return Interactions.from_sparse(matrix)


def started(interactions, **parameters):
    model = WeightedMatrixFactorization(4, tol=0.0, **parameters)
    job = TrainingJob(interactions, model, validation_fraction=0.2, random_state=3)
    job.start()
    return job


def test_a_job_measures_and_then_trains_on_everything(interactions):
    job = started(interactions, max_iter=5)
    job.wait(60)
    assert not job.running
    assert job.error is None
    assert job.run.refitted
    assert job.run.split == {"method": "per-user", "fraction": 0.2, "random_state": 3}
    assert [record["iteration"] for record in job.records] == [1, 2, 3, 4, 5]
    assert job.run.model.interactions_.n_ratings == interactions.n_ratings


@pytest.mark.skipif(sys.platform != "linux", reason="needs niceness by thread")
def test_pages_go_before_the_training(interactions):
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    niceness = []
    job = TrainingJob(
        interactions, WeightedMatrixFactorization(4), validation_fraction=0.2, random_state=3
    )
    record = job._record

    def look(model, entry):
        niceness.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return record(model, entry)

    job._record = look
    job.start()
    job.wait(60)
    assert job.run is not None
    assert min(niceness) > own
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == own


def test_stopping_keeps_what_was_learnt(interactions):
    job = started(interactions, max_iter=100_000)
    while not job.records:
        job.wait(0.001)
    job.stop()
    job.wait(60)
    assert job.stopping
    assert job.run.stop_reason == "callback"
    assert 1 <= len(job.run.history) < 100_000
    assert job.run.metrics["rmse"] > 0


def test_an_abandoned_job_ends_without_an_outcome(interactions):
    job = started(interactions, max_iter=100_000)
    while not job.records:
        job.wait(0.001)
    job.abandon()
    job.wait(60)
    assert not job.running
    assert job.run is None
    assert job.error is None


def test_a_process_that_ends_while_a_job_runs_ends_well():
    script = """
import numpy as np
from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.app.jobs import TrainingJob
users, items = np.divmod(np.arange(4000), 80)
ratings = Interactions.from_arrays(users, items, np.full(4000, 3.0))
model = WeightedMatrixFactorization(16, tol=0.0, max_iter=1_000_000)
job = TrainingJob(ratings, model, validation_fraction=0.1, random_state=0)
job.start()
while not job.records:
    job.wait(0.001)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")


def test_failure_is_kept_for_the_page_to_tell(interactions):
    job = started(interactions, regularization=-1.0)
    job.wait(60)
    assert job.run is None
    assert "regularization" in str(job.error)
