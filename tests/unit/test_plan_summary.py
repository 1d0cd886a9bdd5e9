"""The plan: from sessions with something pending, and records of past jobs, to its text."""

import json
import os
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from alfvideo.views.plan.estimate import Estimates
from alfvideo.views.plan.history import Past
from alfvideo.views.plan.videos import Lengths, Video

from alfvideo.configuration import Configuration
from alfvideo.jobs import provenance
from alfvideo.planning import pending
from alfvideo.planning.pending import State
from alfvideo.views.plan import makespan, summary, work
from rigsim import Fault, Rig

NOW = datetime(2026, 1, 5, 12, 0)
MACHINE = {"_cores": 2, "gpu": 1, "io_charge": 100}
CORES = os.cpu_count()
UNKNOWN = Lengths([])
ORDER = ["video_register_raw", "video_compress", "video_sync_qc_nidq", "video_qc"]
SECONDS = {
    "video_register_raw": 60,
    "video_compress": 3600,
    "video_sync_qc_nidq": 120,
    "video_qc": 600,
}
SMALL = Rig(kind="spikeglx", seconds=2, scale=0.05, cameras=("body",))


def rule(name: str) -> makespan.Rule:
    cores = 2 if name == "video_compress" else 1
    gpu = name in ("dlc", "lightning_pose")
    priority = {"video_register_raw": 100, "video_compress": 90}.get(name, 40)
    return makespan.Rule({"_cores": cores, "gpu": gpu, "io_charge": 5}, lambda path: priority)


def past(name: str, seconds: float, **more: object) -> Past:
    values = {"camera": "body", "settings": "{}", "videos": (), "start_up": 1.0}
    return Past(rule=name, seconds=seconds, host="ws1", **{**values, **more})


def leave_records(session: Path, seconds: dict[str, float]) -> None:
    """Records of past jobs that read no video."""
    (session / provenance.FILE_NAME).write_text(
        json.dumps(
            {
                f"{name}.npy": {
                    "rule": name,
                    "log": f"logs/{name}.log",
                    "finished": "2026-01-06T10:00:00Z",
                    "seconds": taken,
                    "inputs": {},
                    "params": {},
                    "host": "ws1",
                }
                for name, taken in seconds.items()
            }
        )
    )


def plan(root: Path, config: Configuration, limits: dict = MACHINE) -> str:
    return summary.of(pending.scan(root, config), config, rule, limits, NOW)


@pytest.fixture
def one_session(tmp_path: Path, rendered: Callable) -> Path:
    return rendered(tmp_path / "data", SMALL)


def test_jobs_wait_for_those_that_make_their_inputs(one_session: Path, config: Configuration):
    estimates = Estimates([past("video_compress", 10, videos=(video(".avi", 1000),))], UNKNOWN)
    statuses = pending.scan_session(one_session, config)
    found = work.jobs(statuses, config, estimates, UNKNOWN)
    assert [job.rule for job in found] == ORDER
    assert [job.needs for job in found] == [(), (), (1,), (1, 2)]
    # Without past sessions the length of a video is its size; an mp4 will be as long as its avi.
    avi = next(one_session.rglob("*.avi")).stat().st_size
    assert [job.frames for job in found] == [0, avi, avi, avi]
    assert [job.estimate is None for job in found] == [True, False, True, True]
    assert found[1].seconds == pytest.approx(1 + 9 * avi / 1000)


def video(suffix: str, size: int, frames: int | None = None) -> Video:
    return Video("body", suffix, "", size, frames)


def frames_to_do(session: Path, config: Configuration, lengths: Lengths) -> dict[str, float]:
    statuses = pending.scan_session(session, config)
    return {
        job.rule: job.frames
        for job in work.jobs(statuses, config, Estimates([], lengths), lengths)
        if job.frames
    }


def test_lengths_are_told_from_what_is_there(one_session: Path, config: Configuration):
    lengths = Lengths([video(".raw.avi", 100, 5), video(".raw.mp4", 100, 20)])
    avi = next(one_session.rglob("*.avi"))
    from_avi = avi.stat().st_size / 20
    assert frames_to_do(one_session, config, lengths) == pytest.approx(
        dict.fromkeys(ORDER[1:], from_avi)
    )
    avi.with_suffix(".mp4").write_bytes(bytes(1230))
    assert frames_to_do(one_session, config, lengths) == dict.fromkeys(ORDER[2:], 246)
    (one_session / "alf").mkdir(exist_ok=True)
    np.save(one_session / "alf" / "_ibl_bodyCamera.times.npy", np.arange(77.0))
    assert frames_to_do(one_session, config, lengths) == {"video_qc": 77}


def test_jobs_of_several_sessions_wait_only_for_their_own(
    tmp_path: Path, config: Configuration, rendered: Callable
):
    for kind, camera, day in (("bpod", "left", 1), ("camlog", "body", 2), ("spikeglx", "body", 3)):
        rig = Rig(kind=kind, seconds=2, scale=0.05, cameras=(camera,), date=f"2026-01-0{day}")
        rendered(tmp_path, rig)
    found = work.jobs(pending.scan(tmp_path, config), config, Estimates([], UNKNOWN), UNKNOWN)
    assert {job.rule for job in found} > {"video_convert", "video_sync_qc_bpod", "video_qc"}
    for job in found:
        assert all(found[needed].session == job.session for needed in job.needs)
    assert sum(job.rule == "video_qc" and len(job.needs) > 0 for job in found) == 3


def test_cameras_that_are_not_known_are_those_of_the_session(
    tmp_path: Path, config: Configuration, rendered: Callable
):
    config = config.changed(
        trackers=["dlc"],
        cascades={"dlc": {"left": "config/pose/ibl_side.dlc.yaml"}},
        registration={"alyx": "http://localhost"},
    )
    path = rendered(tmp_path, Rig(kind="bpod", seconds=2, scale=0.05, cameras=("left",)))
    statuses = pending.scan_session(path, config)
    found = work.jobs(statuses, config, Estimates([], UNKNOWN), UNKNOWN)
    register = next(job for job in found if job.rule == "register_alyx")
    assert register.camera == ""
    assert len(register.needs) == len([s for s in statuses if s.state is State.PENDING]) - 1


def test_the_whole_plan(
    tmp_path: Path, config: Configuration, one_session: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    leave_records(one_session, SECONDS)
    text = plan(tmp_path / "data", config)
    # Both cores are taken by the compression; what follows is a chain.
    assert "With 2 cores, 1 GPU: 1 h 13 min; started now, it is done by Mon 05 Jan 13:13." in text
    assert "36 min if all jobs were as fast" in text
    assert "2 h 26 min if as slow" in text
    assert re.search(r"^video_compress +1 +1 h 0 min +1$", text, re.M)
    assert re.search(r"^ +2 cores +4 cores +8 cores$", text, re.M)
    assert re.search(r"^ +1 h 13 min +43 min +28 min$", text, re.M)
    assert "Learned from 4 past jobs on ws1." in text
    assert "no benchmark: what each job needs to start, of video_register_raw," in text
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


def pose_jobs(count: int) -> list[work.Job]:
    estimate = Estimates([past("dlc", 3600)], UNKNOWN).find("dlc", "body", "{}")
    return [work.Job("dlc", Path(), "body", 0, estimate, ()) for _ in range(count)]


def test_more_gpus_help_as_far_as_there_are_cores():
    rows = summary._alternatives(pose_jobs(8), {"dlc": rule("dlc")}, MACHINE)
    assert rows == [
        ["", "2 cores", "4 cores", "8 cores"],
        ["1 GPU", "8 h 0 min", "8 h 0 min", "8 h 0 min"],
        ["2 GPUs", "4 h 0 min", "4 h 0 min", "4 h 0 min"],
        ["4 GPUs", "4 h 0 min", "2 h 0 min", "2 h 0 min"],
        ["8 GPUs", "4 h 0 min", "2 h 0 min", "1 h 0 min"],
    ]


def test_on_a_cluster_jobs_at_a_time_are_counted():
    limits = {"_nodes": 1, "gpu": 3}
    rules = {"dlc": makespan.Rule({"_cores": 4, "_nodes": 1, "gpu": 1}, lambda path: 30)}
    rows = summary._alternatives(pose_jobs(12), rules, limits)
    assert rows[0] == ["", "1 job at a time", "2 jobs at a time", "4 jobs at a time"]
    assert rows[3] == ["3 GPUs", "12 h 0 min", "6 h 0 min", "4 h 0 min"]


def test_memory_limits_this_machine_only():
    rules = {"dlc": makespan.Rule({"_cores": 1, "gpu": 0, "mem_mb": 16000}, lambda path: 30)}
    limits = {"_cores": 2, "mem_mb": 24000}
    assert makespan.makespan(pose_jobs(4), rules, limits) == 4 * 3600
    assert summary._alternatives(pose_jobs(4), rules, limits)[1][1] == "2 h 0 min"


@pytest.mark.parametrize(
    ("cores_here", "cores", "seconds"), [(2, 2, 80), (2, 8, 20), (2, 32, 20), (16, 32, 80)]
)
def test_compression_is_faster_with_more_cores_up_to_eight(
    monkeypatch: pytest.MonkeyPatch, cores_here: int, cores: int, seconds: float
):
    monkeypatch.setattr(os, "cpu_count", lambda: cores_here)
    estimate = Estimates([past("video_compress", 80)], UNKNOWN).find("video_compress", "body", "{}")
    jobs = [work.Job("video_compress", Path(), "body", 0, estimate, ()) for _ in range(2)]
    rules = {"video_compress": rule("video_compress")}
    assert makespan.makespan(jobs, rules, {"_cores": cores}) == 2 * seconds
    assert makespan.makespan(jobs, rules, {"_nodes": 2}) == 80


def test_a_backlog_of_a_thousand_sessions():
    estimates = {name: Estimates([past(name, 10)], UNKNOWN).find(name, "", "{}") for name in ORDER}
    jobs = []
    for number in range(1000):
        for _ in range(5):
            first = len(jobs)
            needs = [(), (), (first + 1,), (first + 1, first + 2)]
            jobs += [
                work.Job(name, Path(str(number)), "body", 0, estimates[name], needed)
                for name, needed in zip(ORDER, needs, strict=True)
            ]
    assert len(jobs) == 20000
    rules = {name: rule(name) for name in ORDER}
    limits = {**MACHINE, "_cores": CORES}
    # One compression at a time, all else beside each other.
    expected = 5000 * 10 + 5000 * 30 / CORES
    assert makespan.makespan(jobs, rules, limits) == pytest.approx(expected, rel=0.001)
