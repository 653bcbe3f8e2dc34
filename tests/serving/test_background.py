from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cinefold.serving import background
from cinefold.serving.background import BackgroundError, BackgroundJob
from tests.serving.jobs import count_until_stopped, double, end_with, fail, first_record, sleep
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """A process of its own finds `jobs`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def ended(job):
    job.wait(PATIENCE)
    assert not job.running
    return job


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


# -- outcomes -------------------------------------------------------------------------------------


def test_a_job_tells_of_its_progress_and_has_an_outcome():
    told = []
    job = BackgroundJob(double, {"a": 1, "b": 2.5})
    assert job.finish(told.append) == {"a": 2, "b": 5.0}
    assert told == [{"done": 1}, {"done": 2}, {"done": 3}]
    assert job.error is None
    assert job.process.returncode == 0


def test_records_come_while_it_works_and_stopping_keeps_what_there_is():
    job = BackgroundJob(count_until_stopped)
    first_record(job)
    assert job.outcome is None
    job.stop()
    assert job.stopping
    ended(job)
    assert job.outcome == len(job.records) == job.records[-1]


def test_stopping_before_it_has_begun_stops_it():
    job = BackgroundJob(count_until_stopped)
    job.stop()
    assert ended(job).outcome >= 1


def test_an_abandoned_job_ends_at_once_without_an_outcome():
    job = BackgroundJob(sleep)
    first_record(job)
    job.abandon()
    ended(job)
    assert job.process.returncode == -signal.SIGKILL  # waited for: no zombie
    assert (job.outcome, job.error) == (None, None)


def test_an_outcome_that_comes_too_late_is_not_kept(monkeypatch):
    kept = []
    monkeypatch.setattr(BackgroundJob, "_run", lambda job: job.abandon() or "outcome")
    job = ended(BackgroundJob(double, {}, keep=kept.append))
    assert (job.outcome, job.error, kept) == (None, None, [])


def test_nobody_works_for_one_who_has_left():
    def leave(record):
        raise GeneratorExit

    job = BackgroundJob(sleep)
    with pytest.raises(GeneratorExit):
        job.finish(leave)
    assert not is_alive(ended(job).process.pid)


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("n_factors must be 1 or more"), "n_factors must be 1 or more"),
        (OSError(), "OSError"),
        (MemoryError(), "there is not enough memory"),
    ],
)
def test_why_it_failed_is_said_in_a_line(error, said):
    with pytest.raises(BackgroundError, match=f"^{said}$"):
        BackgroundJob(fail, error).finish(print)


def test_a_fault_is_in_the_log(capfd):
    job = ended(BackgroundJob(fail, TypeError("a fault")))
    assert job.error == "its process ended with the code 1; the app's log may say why"
    assert "TypeError: a fault" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("sent", "said"), [(signal.SIGKILL, "the memory ran out"), (signal.SIGSEGV, "SIGSEGV")]
)
def test_a_process_that_is_killed_is_said(sent, said):
    job = BackgroundJob(sleep)
    first_record(job)
    job.process.send_signal(sent)
    assert said in ended(job).error


def test_a_process_that_ends_without_a_word_is_said():
    assert "code 3" in ended(BackgroundJob(end_with, 3)).error


def test_why_it_could_not_begin_is_said(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert "/nowhere/python" in ended(BackgroundJob(sleep)).error


# -- the process and its surroundings -------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's priorities")
def test_pages_go_first(monkeypatch):
    monkeypatch.delenv(background.PRIORITY)
    job = BackgroundJob(sleep)
    first_record(job)
    process = job.process.pid
    assert os.sched_getscheduler(process) == os.SCHED_IDLE
    assert os.getpriority(os.PRIO_PROCESS, process) == 19
    assert os.getsid(process) == process
    assert _session_gives_way(process)
    cores = os.sched_getaffinity(0)
    assert len(os.sched_getaffinity(process)) == max(1, len(cores) - 1)
    job.abandon()
    ended(job)
    assert os.sched_getscheduler(0) != os.SCHED_IDLE
    assert os.sched_getaffinity(0) == cores


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's priorities")
def test_what_somebody_waits_for_is_as_urgent_as_a_page(monkeypatch):
    monkeypatch.delenv(background.PRIORITY)
    job = BackgroundJob(sleep, awaited=True)
    first_record(job)
    process = job.process.pid
    assert os.sched_getscheduler(process) == os.sched_getscheduler(0)
    assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0)
    assert os.sched_getaffinity(process) == os.sched_getaffinity(0)
    job.abandon()
    ended(job)


def _session_gives_way(process):
    """Or the system does not share time among sessions."""
    try:
        shares = Path(f"/proc/{process}/autogroup").read_text()
    except OSError:
        return True
    return not shares or shares.endswith(" nice 19\n")


def test_it_works_where_it_may_not_give_way(monkeypatch):
    asked = []

    def refuse(*arguments):
        asked.append(arguments)
        raise PermissionError

    for name in ("nice", "sched_setscheduler", "sched_setaffinity"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    background._lower_priority()
    assert len(asked) == 4


def test_files_in_the_current_folder_are_not_taken_for_modules(tmp_path, monkeypatch):
    (tmp_path / "pickle.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    assert BackgroundJob(double, {}).finish(print) == {}


_APP = """
import sys, time
from cinefold.serving.background import BackgroundJob
from tests.serving.jobs import first_record, sleep
job = BackgroundJob(sleep)
first_record(job)
print(job.process.pid, flush=True)
time.sleep(float(sys.argv[1]))
"""


def test_an_app_that_ends_while_a_job_runs_ends_well():
    done = subprocess.run(
        [sys.executable, "-c", _APP, "0"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    wait_until(lambda: not is_alive(int(done.stdout)))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_job_ends_with_its_app_and_leaves_nothing(sent, tmp_path):
    app = subprocess.Popen(
        [sys.executable, "-c", _APP, "600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with app:
        process = int(app.stdout.readline())
        assert is_alive(process)
        app.send_signal(sent)
    wait_until(lambda: not is_alive(process))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("told", [b"", b"\x80\x05"])
def test_a_process_without_a_job_ends_in_silence(told):
    command = [sys.executable, "-m", background.__name__]
    done = subprocess.run(command, input=told, capture_output=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_numpy_starts_its_threads_after_the_priority_is_lowered():
    told = "import sys, cinefold.serving.background; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", told], check=True)
