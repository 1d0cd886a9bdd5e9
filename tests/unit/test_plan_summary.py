"""The plan: from sessions with something pending, and records of past jobs, to its text."""

import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import pending
from alfvideo.planning.pending import State
from alfvideo.views.history import Past
from alfvideo.views.plan import summary, work
from alfvideo.views.status import table
from rigsim import Fault, Rig

NOW = datetime(2026, 1, 5, 12, 0)
MACHINE = {"cores": 2, "gpu": 1, "io_charge": 100}
ORDER = ["video_register_raw", "video_compress", "video_sync_qc_nidq", "video_qc"]
SECONDS = {
    "video_register_raw": 60,
    "video_compress": 3600,
    "video_sync_qc_nidq": 120,
    "video_qc": 600,
}
SMALL = Rig(kind="spikeglx", seconds=2, scale=0.05, cameras=("body",))
LONGER = Rig(kind="spikeglx", seconds=4, scale=0.05, cameras=("body",), date="2026-01-02")


def leave_records(session: Path, seconds: dict[str, float]) -> None:
    """Records of past jobs of no camera in particular."""
    entries = {
        f"{name}.npy": {"rule": name, "log": f"logs/{name}.log", "seconds": taken, "host": "ws1"}
        for name, taken in seconds.items()
    }
    (session / provenance.FILE_NAME).write_text(json.dumps(entries))


def plan(root: Path, config: Configuration, limits: dict = MACHINE) -> str:
    return table.plain(summary.parts(pending.scan(root, config), config, limits, NOW))


@pytest.fixture
def one_session(tmp_path: Path, rendered: Callable) -> Path:
    return rendered(tmp_path / "data", SMALL)


def test_jobs_wait_for_those_that_make_their_inputs(one_session: Path, config: Configuration):
    past = [Past("video_compress", one_session, "body", 10, "ws1")]
    found = work.jobs(pending.scan_session(one_session, config), config, past)
    assert [job.rule for job in found] == ORDER
    assert [job.needs for job in found] == [(), (), (1,), (1, 2)]
    assert [job.seconds for job in found] == [
        pytest.approx(seconds) for seconds in ((0, 0, 0), (10, 5, 20), (0, 0, 0), (0, 0, 0))
    ]


@pytest.mark.parametrize(
    ("kind", "frame_data"),
    [("spikeglx", "bin"), ("spikeglx", "ssv"), ("bpod", "bin"), ("camlog", "bin")],
)
def test_a_longer_recording_takes_longer(
    tmp_path: Path, config: Configuration, rendered: Callable, kind: str, frame_data: str
):
    """Whatever the rig of the session that the plan learns from, and of the new one."""
    camera = {"bpod": "left"}.get(kind, "body")
    rig = Rig(kind=kind, seconds=4, scale=0.05, cameras=(camera,), frame_data=frame_data)
    short = rendered(tmp_path, SMALL)
    long = rendered(tmp_path, Rig(**{**vars(rig), "date": "2026-01-02"}))
    past = [Past("video_qc", short, "body", 100, "ws1")]
    (seconds,) = (
        job.seconds[0]
        for job in work.jobs(pending.scan_session(long, config), config, past)
        if job.rule == "video_qc"
    )
    assert seconds == pytest.approx(200, rel=0.25)


def test_the_length_is_known_before_and_after_compression(
    one_session: Path, tmp_path: Path, config: Configuration, rendered: Callable
):
    long = rendered(tmp_path / "data", LONGER)
    past = [Past("video_qc", one_session, "body", 100, "ws1")]

    def seconds() -> float:
        found = work.jobs(pending.scan_session(long, config), config, past)
        return {job.rule: job.seconds[0] for job in found}["video_qc"]

    before = seconds()
    avi = next(long.rglob("*.avi"))
    avi.rename(avi.with_suffix(".mp4"))
    assert seconds() == before == pytest.approx(200, rel=0.05)


def test_jobs_like_it_are_those_of_its_camera_if_there_are_enough(
    one_session: Path, config: Configuration
):
    of_body = [Past("video_compress", Path(), "body", 10, "ws1")] * 4
    of_left = [Past("video_compress", Path(), "left", 90, "ws1")] * 11
    statuses = pending.scan_session(one_session, config)
    assert work.jobs(statuses, config, of_body + of_left)[1].seconds[0] == 90
    assert work.jobs(statuses, config, [*of_body, of_body[0], *of_left])[1].seconds[0] == 10


def test_jobs_of_several_sessions_wait_only_for_their_own(
    tmp_path: Path, config: Configuration, rendered: Callable
):
    for kind, camera, day in (("bpod", "left", 1), ("camlog", "body", 2), ("spikeglx", "body", 3)):
        rig = Rig(kind=kind, seconds=2, scale=0.05, cameras=(camera,), date=f"2026-01-0{day}")
        rendered(tmp_path, rig)
    statuses = pending.scan(tmp_path, config)
    sessions = [status.session for status in statuses if status.state is State.PENDING]
    found = work.jobs(statuses, config, [])
    assert {job.rule for job in found} > {"video_convert", "video_sync_qc_bpod", "video_qc"}
    for session, job in zip(sessions, found, strict=True):
        assert all(sessions[needed] == session for needed in job.needs)
    assert sum(job.rule == "video_qc" and len(job.needs) > 0 for job in found) == 3


def test_jobs_of_a_session_wait_for_all_cameras(
    tmp_path: Path, config: Configuration, rendered: Callable
):
    config = config.changed(
        trackers=["dlc"],
        cascades={"dlc": {"left": "config/pose/ibl_side.dlc.yaml"}},
        registration={"alyx": "http://localhost"},
    )
    path = rendered(tmp_path, Rig(kind="bpod", seconds=2, scale=0.05, cameras=("left",)))
    statuses = pending.scan_session(path, config)
    register = next(job for job in work.jobs(statuses, config, []) if job.rule == "register_alyx")
    assert len(register.needs) == len([s for s in statuses if s.state is State.PENDING]) - 1


def test_the_whole_plan(
    tmp_path: Path, config: Configuration, one_session: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    leave_records(one_session, SECONDS)
    text = plan(tmp_path / "data", config)
    # Both cores are taken by the compression; what follows is a chain.
    assert "With 2 cores, 1 GPU: 1 h 12 min; started now, it is done by Mon 05 Jan 13:12." in text
    assert "36 min if all jobs were as fast" in text
    assert "2 h 24 min if as slow" in text
    assert re.search(r"^video_compress +1 +1 h 0 min +1 +0.5 to 2.0$", text, re.M)
    assert re.search(r"^ +2 cores +4 cores +8 cores$", text, re.M)
    assert re.search(r"^1 GPU +1 h 12 min +42 min +27 min$", text, re.M)
    assert "Learned from 4 past jobs on ws1." in text
    assert "no past job" not in text


def test_no_past_jobs_are_not_silently_nothing(
    tmp_path: Path, config: Configuration, one_session: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    text = plan(tmp_path / "data", config)
    assert re.search(r"^video_compress +1 +not counted +0$", text, re.M)
    assert "done" not in text
    assert f"because there is no past job: {', '.join(ORDER)}." in text
    leave_records(one_session, {"video_qc": 600})
    text = plan(tmp_path / "data", config)
    assert "more than 10 min" in text
    assert f"because there is no past job: {', '.join(ORDER[:3])}." in text


def test_blocked_work_is_not_counted(
    tmp_path: Path, config: Configuration, rendered: Callable, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    fault = {"body": (Fault.UNFINISHED_TRANSFER,)}
    rendered(tmp_path / "data", Rig(**{**vars(SMALL), "faults": fault}))
    text = plan(tmp_path / "data", config)
    assert text.startswith("Nothing is pending.")
    assert "Not counted: what is blocked, in 1 session." in text


def alternatives(count: int, limits: dict) -> list[list[str]]:
    """The table for so many pose jobs of one hour."""
    jobs = [work.PendingJob("dlc", (3600, 3600, 3600))] * count
    lines = table.plain([summary._alternatives(jobs, limits)]).splitlines()
    return [re.split(r" {2,}", line) for line in lines]


def test_more_gpus_help_as_far_as_there_are_cores():
    assert alternatives(8, {**MACHINE, "cores": 4}) == [
        ["", "4 cores", "8 cores", "16 cores"],
        ["1 GPU", "8 h 0 min", "8 h 0 min", "8 h 0 min"],
        ["2 GPUs", "8 h 0 min", "4 h 15 min", "4 h 15 min"],
        ["4 GPUs", "8 h 0 min", "4 h 15 min", "2 h 22 min"],
        ["8 GPUs", "8 h 0 min", "4 h 15 min", "2 h 22 min"],
    ]


def test_on_a_cluster_jobs_at_a_time_are_counted():
    rows = alternatives(12, {"jobs": 1, "gpu": 3, "io_charge": 100})
    assert rows[0] == ["", "1 job at a time", "2 jobs at a time", "4 jobs at a time"]
    assert rows[3] == ["3 GPUs", "12 h 0 min", "6 h 15 min", "4 h 20 min"]


def test_memory_limits_this_machine_only():
    limits = {**MACHINE, "cores": 32, "gpu": 4, "mem_mb": 24000}
    assert work.total([work.PendingJob("dlc", (3600, 0, 0))] * 4, limits) == 4 * 3600
    assert alternatives(4, limits)[3] == ["4 GPUs", "1 h 22 min", "1 h 22 min", "1 h 22 min"]
