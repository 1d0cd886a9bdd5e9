"""Sessions that are finished and whole, one of each kind of rig, to be damaged."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from alfvideo import configuration
from alfvideo.configuration import Configuration
from alfvideo.files.errors import Blocked
from alfvideo.planning import task_inputs, tasks
from alfvideo.planning.task import Task
from alfvideo.session import datasets, description, quarantine
from alfvideo.session.cameras import Camera, Session
from rigsim import Rig, load_truth, render, tree
from tests.algorithm_digests import SCRIPTS
from tests.parity import rules

RIGS = {
    "nidq": Rig(seconds=12, scale=0.06, cameras=("left",)),
    "files": Rig(seconds=12, scale=0.06, cameras=("left",), frame_data="ssv", wiring="full"),
    "timeline": Rig(kind="timeline", seconds=12, scale=0.06, cameras=("left",)),
    "bpod": Rig(kind="bpod", seconds=20, scale=0.06),
    "camlog": Rig(kind="camlog", seconds=12, scale=0.06, cameras=("left",)),
}

_REPO = Path(__file__).parents[2]
_OUTPUTS = {
    "video_register_raw": ("record",),
    "video_qc": ("checks", "picture"),
    "motion_energy": ("energy", "position"),
    "licks": ("licks",),
    "pose_clip": ("clip",),
}
"""Names of outputs in rules, where they are not the last part of the stage."""
_LEFT_OUT = ("video", "avi", "dlc", "lightningPose", "alyx")
"""Stages that encode, or need a network or a server."""


@dataclass(frozen=True)
class Work:
    """A job of a session: its camera ("" for all of them), and its rule."""

    camera: str
    rule: str


@dataclass(frozen=True)
class Base:
    """A session that is whole."""

    root: Path
    path: Path
    readers: dict[str, list[Work]]
    """The jobs that read each file, by its path in the session."""
    notes: dict[Work, tuple[str, ...]] = field(default_factory=dict)
    """Notes of the jobs on the data as they are."""


def settings(root: Path) -> Configuration:
    """Return the configuration with which sessions below a folder are processed."""
    cascade = str(_REPO / "config" / "pose" / "demo" / "side.dlc.yaml")
    cascades = {"dlc": {"left": cascade}}
    return configuration.parse({"root": str(root), "trackers": ["dlc"], "cascades": cascades})


def prepare(folder: Path, kind: str) -> Base:
    """Render a session and make what follows from it, all in this process."""
    rig = RIGS[kind]
    root = folder / kind
    path = render(root, rig)
    config = settings(root)
    rules.make_mp4s(path)
    tree.write_poses(path, config)
    base = Base(root, path, {})
    # Twice, as a job of a session reads what others make.
    for _ in range(2):
        recorded = description.read(path)
        for work, task, camera in _jobs(recorded, config):
            files = task_inputs.find(task, recorded, camera, config)
            for file in (file for found in files.values() for file in found):
                name = str(file.relative_to(path))
                known = base.readers.setdefault(name, [])
                known.extend([work] * (work not in known))
            base.notes[work] = run(recorded, task, camera, config)
    every = sorted({work for works in base.readers.values() for work in works}, key=str)
    for file in ("_ibl_experiment.description.yaml", "provenance.json"):
        base.readers[file] = every
    return base


def _jobs(recorded: Session, config: Configuration) -> Iterator[tuple[Work, Task, Camera]]:
    for camera, task in tasks.selected(recorded, config):
        if task.stage not in _LEFT_OUT and task.applies(recorded, camera, config):
            yield Work(camera.label, task.rule), task, camera


def run_work(path: Path, work: Work, root: Path) -> tuple[str, ...]:
    """Run a job of a session as its description tells it.

    Raises
    ------
    Blocked
        If it cannot be run.
    SystemExit
        If it fails.
    """
    recorded, config = description.read(path), settings(root)
    for found, task, camera in _jobs(recorded, config):
        if found == work:
            return run(recorded, task, camera, config)
    return ("The session has no such job.",)


def log_of(path: Path, work: Work) -> Path:
    """Return the log of a job."""
    return path / "logs" / f"{work.rule}_{work.camera}.log"


def run(recorded: Session, task: Task, camera: Camera, config: Configuration) -> tuple[str, ...]:
    """Run the script of a job; returns its notes."""
    try:
        files = task_inputs.find(task, recorded, camera, config)
    # As the scan does.
    except OSError as error:
        raise Blocked(quarantine.reason(error, recorded.path)) from None
    outputs = [datasets.path(pattern, recorded, camera) for pattern in task.written]
    names = _OUTPUTS.get(task.rule) or _names(task)
    log = log_of(recorded.path, Work(camera.label, task.rule))
    snakemake = SimpleNamespace(
        rule=task.rule,
        wildcards=SimpleNamespace(session=str(recorded.path), camera=camera.label),
        input=rules.Files({name: list(map(str, found)) for name, found in files.items()}),
        output=rules.Files(dict(zip(names, map(str, outputs), strict=True))),
        params=SimpleNamespace(settings=task.params(recorded, camera, config)),
        resources={},
        log=[str(log)],
    )
    script = _REPO / "scripts" / f"{SCRIPTS.get(task.rule, task.rule)}.py"
    source = compile(script.read_text(), str(script), "exec")
    exec(source, {"__name__": "__main__", "snakemake": snakemake})
    return tuple(
        line.split(" WARNING ", 1)[1]
        for line in log.read_text().splitlines()
        if " WARNING " in line
    )


def _names(task: Task) -> tuple[str, ...]:
    if datasets.TIMES in task.outputs:
        return ("times", "timing")
    if task.stage == "features":
        return ("features",)
    return ("checks" if task.stage.endswith("QC") else "picture",)


def frames_off(path: Path, base: Base, camera: str) -> float:
    """Return by how many frames the times of a camera are off, at most; infinite without a time."""
    file = path / "alf" / f"_ibl_{camera}Camera.times.npy"
    with contextlib.suppress(ValueError):
        times, truth = np.load(file), load_truth(base.path, camera)["times"]
        if times.shape == truth.shape:
            off = float(np.abs(times - truth).max() / np.median(np.diff(truth)))
            return off if np.isfinite(off) else np.inf
    return np.inf


def is_raw(name: str) -> bool:
    """Return whether a file of a session is raw data."""
    return name.startswith(("raw_", "_ibl", "_devices")) or os.sep not in name
