"""Needs of a job of each rule: one row a rule, for the rules and for the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from alfvideo.session.rigs import KINDS
from alfvideo.trackers import TRACKERS, Tracker


@dataclass(frozen=True)
class Resources:
    """Needs of one job at its first attempt.

    Among jobs that could start, those of the largest `priority` come first. `mem_mb` (MB) and
    `runtime` (minutes) are limits, for a cluster; `io_charge` is its part of the disks (100 is
    all), `job_size` what it is called in reports. `threads` None stands for all that there are,
    at most `MAX_THREADS`.
    """

    priority: int
    mem_mb: int
    runtime: int
    threads: int | None = 1
    gpu: int = 0
    io_charge: int = 5
    job_size: Literal["small", "large"] = "small"


MAX_THREADS = 8
"""Cores beyond which the compression of one video gains no speed."""

_DAY = 24 * 60
_POSE = Resources(30, 16000, _DAY, threads=4, gpu=1, io_charge=10, job_size="large")


def _of_tracker(tracker: Tracker) -> dict[str, Resources]:
    return {
        tracker.environment_rule: Resources(100, 4000, 60, io_charge=20),
        tracker.rule: _POSE,
        tracker.features_rule: Resources(30, 2000, 30),
        tracker.qc_rule: Resources(30, 3000, 30),
        tracker.picture_rule: Resources(30, 3000, 30),
    }


RESOURCES: Mapping[str, Resources] = {
    "video_register_raw": Resources(100, 500, 10),
    "video_compress": Resources(90, 4000, _DAY, threads=None, job_size="large"),
    "video_convert": Resources(90, 2000, 120),
    "sync_pulses": Resources(90, 1000, 120, io_charge=30),
    **{rig.rule: Resources(40, 2000, 30) for rig in KINDS},
    "video_qc": Resources(40, 2000, 60),
    "motion_energy": Resources(30, 1000, 120),
    "licks": Resources(30, 2000, 30),
    "pose_clip": Resources(30, 2000, 30),
    "register_alyx": Resources(20, 500, 30, io_charge=1),
    "video_remove_original": Resources(10, 1000, 120),
    **{rule: row for each in TRACKERS.values() for rule, row in _of_tracker(each).items()},
}
"""By rule."""


def priority(rule: str, session: Path) -> float:
    """Return the priority of a job: that of its rule, a little more for newer sessions.

    >>> older, newer = Path("KB001/2026-01-05/001"), Path("KB001/2026-01-05/002")
    >>> priority("licks", older) < priority("licks", newer) < priority("video_qc", older)
    True
    """
    day, number = session.parts[-2:]
    return RESOURCES[rule].priority + int(day.replace("-", "") + number) / 10**12


def declared(rule: str) -> dict[str, Any]:
    """Return what a rule declares as its resources, for Snakemake.

    Memory and time grow with each attempt: a job that had too little of them is tried again.
    """
    needs = RESOURCES[rule]
    return {
        "io_charge": needs.io_charge,
        "gpu": needs.gpu,
        "mem_mb": _growing(needs.mem_mb),
        "runtime": _growing(needs.runtime),
        "job_size": needs.job_size,
    }


def _growing(amount: int) -> Callable[[Any, int], int]:
    # Snakemake asks for the arguments by these names.
    return lambda wildcards, attempt: amount * attempt
