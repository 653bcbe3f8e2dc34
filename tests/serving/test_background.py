from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.models.persistence import save_interactions
from cinefold.serving import tasks, worker
from cinefold.serving.apart import train_apart
from cinefold.serving.background import JobError, TrainingJob
from cinefold.serving.training import train
from tests.waiting import PATIENCE, wait_until


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


def first_record(job):
    while not job.records:
        assert job.running
        job.wait(0.001)


def is_alive(process):
    """Whether there is such a process, also one that nobody has waited for."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not _is_zombie(process)


def _is_zombie(process):
    """Of a killed parent: it is for the system to wait for it, which may take its time."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return status.rsplit(")", 1)[1].split()[0] == "Z"


def test_a_job_measures_and_then_trains_on_everything(interactions):
    job = started(interactions, max_iter=5)
    job.wait(PATIENCE)
    assert not job.running
    assert job.error is None
    assert job.outcome.refitted
    assert job.outcome.split == {"method": "per-user", "fraction": 0.2, "random_state": 3}
    assert [record["iteration"] for record in job.records] == [1, 2, 3, 4, 5]
    assert job.outcome.model.interactions_.n_ratings == interactions.n_ratings


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's priorities")
def test_pages_go_before_the_training(interactions):
    job = started(interactions, max_iter=1_000_000)
    first_record(job)
    process = job._process.pid
    assert os.sched_getscheduler(process) == os.SCHED_IDLE
    assert os.getsid(process) == process
    assert _session_gives_way(process)
    cores = os.sched_getaffinity(0)
    assert len(os.sched_getaffinity(process)) == max(1, len(cores) - 1)
    job.abandon()
    job.wait(PATIENCE)
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
    assert os.sched_getaffinity(0) == cores


def _session_gives_way(process):
    """Or the system does not share time among sessions."""
    try:
        shares = Path(f"/proc/{process}/autogroup").read_text()
    except OSError:
        return True
    return not shares or shares.endswith(" nice 19\n")


def test_records_come_while_it_trains(interactions):
    job = started(interactions, max_iter=1_000_000)
    first_record(job)
    before = len(job.records)
    while len(job.records) < before + 3:
        assert job.running
        job.wait(0.001)
    assert job.outcome is None
    assert [record["iteration"] for record in job.records[:3]] == [1, 2, 3]
    job.abandon()
    job.wait(PATIENCE)


def test_stopping_keeps_what_was_learnt(interactions):
    job = started(interactions, max_iter=100_000)
    first_record(job)
    job.stop()
    job.wait(PATIENCE)
    assert job.stopping
    assert job.outcome.stop_reason == "callback"
    assert 1 <= len(job.outcome.history) < 100_000
    assert job.outcome.metrics["rmse"] > 0


def test_an_abandoned_job_ends_without_an_outcome(interactions):
    job = started(interactions, max_iter=100_000)
    first_record(job)
    process = job._process.pid
    job.abandon()
    job.wait(PATIENCE)
    assert not job.running
    assert not is_alive(process)
    assert job.outcome is None
    assert job.error is None


def test_a_process_that_is_killed_is_said(interactions):
    job = started(interactions, max_iter=1_000_000)
    first_record(job)
    job._process.send_signal(signal.SIGKILL)
    job.wait(PATIENCE)
    assert job.outcome is None
    assert job.error.endswith("the memory ran out; fewer factors need less")
    again = started(interactions, max_iter=1_000_000)
    first_record(again)
    again._process.send_signal(signal.SIGSEGV)
    again.wait(PATIENCE)
    assert "SIGSEGV" in again.error


def test_training_apart_comes_to_the_same(interactions):
    model = WeightedMatrixFactorization(4, max_iter=5, tol=0.0)
    told = []
    apart = train_apart(interactions, model, callbacks=[lambda _, record: told.append(record)])
    assert told == apart.history
    here = train(interactions, model, refit=True, progress=False)
    assert apart.metrics == here.metrics
    assert apart.split == here.split
    np.testing.assert_array_equal(apart.model.item_factors_, here.model.item_factors_)


def test_nobody_trains_for_one_who_has_left(interactions, monkeypatch):
    jobs = []

    class Noted(TrainingJob):
        def start(self):
            jobs.append(self)
            super().start()

    def leave(model, record):
        raise GeneratorExit

    monkeypatch.setattr("cinefold.serving.apart.TrainingJob", Noted)
    with pytest.raises(GeneratorExit):
        train_apart(
            interactions,
            WeightedMatrixFactorization(4, tol=0.0, max_iter=1_000_000),
            callbacks=[leave],
        )
    (job,) = jobs
    job.wait(PATIENCE)
    assert not is_alive(job._process.pid)


def test_why_training_apart_failed_is_said(interactions):
    with pytest.raises(JobError, match="n_factors"):
        train_apart(interactions, WeightedMatrixFactorization(0))


_TRAINS = """
import sys, time
import numpy as np
from cinefold import Interactions, WeightedMatrixFactorization
from cinefold.serving.background import TrainingJob
users, items = np.divmod(np.arange(4000), 80)
ratings = Interactions.from_arrays(users, items, np.full(4000, 3.0))
model = WeightedMatrixFactorization(16, tol=0.0, max_iter=1_000_000)
job = TrainingJob(ratings, model, validation_fraction=0.1, random_state=0)
job.start()
while not job.records:
    job.wait(0.001)
print(job._process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


def test_a_process_that_ends_while_a_job_runs_ends_well():
    done = subprocess.run(
        [sys.executable, "-c", _TRAINS, "0"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_alive(int(done.stdout))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_of_a_job_whose_app_is_killed(sent, tmp_path):
    app = subprocess.Popen(
        [sys.executable, "-c", _TRAINS, "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with app:
        process = int(app.stdout.readline())
        assert is_alive(process)
        assert list(tmp_path.iterdir())
        app.send_signal(sent)
    wait_until(lambda: not is_alive(process))
    assert not list(tmp_path.iterdir())


def order(max_iter):
    """What a worker reads from its standard input."""
    told = {
        "task": "train",
        "parameters": WeightedMatrixFactorization(4, tol=0.0, max_iter=max_iter).get_params(),
        "validation_fraction": 0.2,
        "random_state": 3,
    }
    return json.dumps(told).encode() + b"\n"


def test_a_worker_that_nobody_listens_to_clears_up(interactions, tmp_path):
    save_interactions(tmp_path / tasks.RATINGS, interactions)
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(
        [sys.executable, "-m", worker.__name__, tmp_path], stdin=subprocess.PIPE, stdout=writer
    ) as process:
        os.close(writer)
        process.stdin.write(order(1_000_000))
        process.stdin.flush()  # and it stays open
        assert process.wait(PATIENCE) == 1
    assert not tmp_path.exists()


_SAVES_LATE = """
import sys, time
from pathlib import Path
from cinefold.app import worker
from cinefold.serving.training import TrainingRun

def save(self, folder):
    (folder.parent / "begun").touch()
    for _ in range(100):  # the time that a large model takes
        if folder.parent.exists():
            time.sleep(0.01)
    folder.mkdir(parents=True)

def rmtree(folder, **options):
    remove(folder, **options)
    time.sleep(1)

remove, worker.shutil.rmtree, TrainingRun.save = worker.shutil.rmtree, rmtree, save
worker.main(Path(sys.argv[1]))
"""


def test_a_worker_whose_app_ends_while_it_saves_clears_up(interactions, tmp_path):
    save_interactions(tmp_path / tasks.RATINGS, interactions)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _SAVES_LATE, tmp_path], **pipes) as process:
        process.stdin.write(order(2))
        process.stdin.flush()
        wait_until((tmp_path / "begun").exists)
        process.stdin.close()
        assert process.wait(PATIENCE) == 1
    assert not tmp_path.exists()


def test_failure_is_kept_for_the_page_to_tell(interactions):
    job = started(interactions, regularization=-1.0)
    job.wait(PATIENCE)
    assert job.outcome is None
    assert "regularization" in job.error


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError("no space left"), "no space left"),
        (OSError(), "OSError"),
        (MemoryError(), "there is not enough memory"),
    ],
)
def test_why_it_could_not_begin_is_said(interactions, monkeypatch, raised, said):
    def fail(*arguments, **options):
        raise raised

    monkeypatch.setattr("tempfile.mkdtemp", fail)
    job = started(interactions)
    job.wait(PATIENCE)
    assert job.outcome is None
    assert job.error == said


def test_files_in_the_current_folder_are_not_taken_for_modules(interactions, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    job = started(interactions, max_iter=2)
    job.wait(PATIENCE)
    assert job.error is None
    assert job.outcome is not None


def test_a_job_abandoned_as_it_ends_is_not_kept(interactions, monkeypatch):
    def listen(job, lines):
        usual(job, lines)
        job._process.wait()
        job.abandon()

    usual = TrainingJob._listen
    monkeypatch.setattr(TrainingJob, "_listen", listen)
    job = started(interactions, max_iter=2)
    job.wait(PATIENCE)
    assert job._process.returncode == 0
    assert (job.outcome, job.error) == (None, None)


def test_what_a_process_did_not_listen_to_is_no_failure(interactions, monkeypatch):
    def listen(job, lines):
        usual(job, lines)
        job._process.wait()
        job._process.stdin.write("stop\n")  # and not flushed
        job.stop()

    usual = TrainingJob._listen
    monkeypatch.setattr(TrainingJob, "_listen", listen)
    job = started(interactions, max_iter=2)
    job.wait(PATIENCE)
    assert job.error is None
    assert job.outcome is not None


@pytest.mark.parametrize("told", ["", '{"task"'])
def test_a_process_that_gets_no_job_ends_and_leaves_nothing(tmp_path, told):
    folder = tmp_path / "job"
    folder.mkdir()
    command = [sys.executable, "-m", worker.__name__, folder]
    done = subprocess.run(command, input=told, capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert not folder.exists()


def test_it_trains_where_it_may_not_give_way(monkeypatch):
    def refuse(*arguments):
        raise PermissionError

    asked = [
        name for name in ("nice", "sched_setscheduler", "sched_setaffinity") if hasattr(os, name)
    ]
    for name in asked:
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(os, "getsid", lambda process: os.getpid(), raising=False)
    worker._give_way()
