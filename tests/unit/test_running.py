"""A running job is known by the lock on its log, and gone as soon as its process is."""

import fcntl
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from alfvideo.jobs import running

JOB = """
import sys, time
from alfvideo.jobs import running
log = open(sys.argv[1], "w")
running.hold(log.fileno())
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "dlc" / "left.log"


@pytest.fixture
def job(log: Path, hold: Callable) -> subprocess.Popen:
    log.parent.mkdir()
    return hold(JOB, log)


def test_a_job_runs_until_its_process_ends(log: Path, job: subprocess.Popen):
    assert running.is_running(log)
    assert running.is_running(log), "asking takes nothing"
    job.kill()
    job.wait()
    assert log.exists()
    assert not running.is_running(log)


def test_two_jobs_that_write_the_same_log_do_not_wait(log: Path, job: subprocess.Popen):
    with log.open("a") as second:
        running.hold(second.fileno())
    assert running.is_running(log)


def test_who_asks_at_the_same_time_is_not_taken_for_a_job(log: Path):
    log.parent.mkdir()
    log.touch()
    with log.open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not running.is_running(log)


def test_a_job_is_marked_while_somebody_asks(log: Path, tmp_path: Path):
    log.parent.mkdir()
    log.touch()
    with log.open() as other, log.open("a") as mine:
        fcntl.flock(other, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, (other, fcntl.LOCK_UN)).start()
        running.hold(mine.fileno())
        assert running.is_running(log)


def test_others_see_it_who_may_only_read(become: Callable[[int], None]):
    # The folders of tmp_path are closed to others.
    with tempfile.TemporaryDirectory() as shared:
        Path(shared).chmod(0o755)
        log = Path(shared) / "left.log"
        with log.open("w") as mine:
            running.hold(mine.fileno())
            become(65534)
            assert running.is_running(log)
            become(0)


def test_no_log_is_no_job(log: Path):
    assert not running.is_running(log)
    assert running.progress(log) == ""


def test_progress_is_the_last_report(log: Path):
    log.parent.mkdir()
    log.write_text(
        "2026-11-22 21:10:00,123 DEBUG /data/KB001/2026-01-05/001\n"
        + "2026-11-22 21:10:10,123 INFO tracked 5 of 99 frames (5 %), 1 frames/s, 2 min left\n"
        * 200
        + "2026-11-22 21:10:20,123 DEBUG tracked 9 of 99 frames (9 %), 1 frames/s, 90 s left\n"
        + "2026-11-22 21:10:21,123 WARNING Two frames were late\n"
    )
    assert running.progress(log) == "tracked 9 of 99 frames (9 %), 1 frames/s, 90 s left"


def test_a_pipe_in_place_of_a_log_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "left.log")
    assert not running.is_running(tmp_path / "left.log")
