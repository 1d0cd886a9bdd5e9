"""Results made of a pose: the diameter of the pupil, lick times and the checks of the pose."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from alfvideo.behaviour.features import features, load
from alfvideo.behaviour.licks import lick_times
from alfvideo.configuration import POSE_BOXES
from alfvideo.pose import table
from alfvideo.qc import pose as qc
from alfvideo.qc.outcome import report
from alfvideo.session import trials
from alfvideo.trackers import TRACKERS
from alfvideo.video.region import from_configuration
from tests.benchmarks.measure import Row, compare, timed
from tests.parity import pose_tables
from tests.parity.client import Peer


def run(peer: Peer, folder: Path, quick: bool) -> list[Row]:
    """Compare on side cameras of 90 minutes, or 1 minute if quick, tracked by DeepLabCut.

    By CPU time, with reading the files, and once only in the full form: ibllib takes minutes.
    """
    rows = []
    for camera in ("left", "right"):
        recorded = pose_tables.record(camera, seconds=60 if quick else 5400)
        pose_tables.DAMAGES["scattered"](recorded)
        pose_tables.DAMAGES["long gaps"](recorded)
        rows += _camera(peer, folder / camera, recorded, repeats=3 if quick else 1)
    return rows


def _camera(peer: Peer, folder: Path, recorded: pose_tables.Recorded, repeats: int) -> list[Row]:
    path, camera = pose_tables.write(recorded, "dlc", folder), recorded.camera
    alf = path / "alf"
    pose, times = (alf / f"_ibl_{camera}Camera.{name}" for name in ("dlc.pqt", "times.npy"))
    box = from_configuration(POSE_BOXES[camera].model_dump())

    def pupil() -> np.ndarray:
        found, _ = features(table.Columns(pose), camera, recorded.rate)
        found.to_parquet(alf / f"_ibl_{camera}Camera.features.pqt")
        return found.to_numpy().T

    def licks() -> np.ndarray:
        return lick_times(table.Columns(pose), np.load(times))

    def checks() -> str:
        made = qc.inspect(
            qc.Pose(
                tracker="dlc",
                camera=camera,
                columns=table.Columns(pose),
                times=np.load(times),
                rate=recorded.rate,
                features=load(alf / f"_ibl_{camera}Camera.features.pqt"),
                trials=trials.load([alf / "_ibl_trials.table.pqt"]),
                box=box,
            )
        )
        return report("dlc", camera, made, TRACKERS["dlc"].ignored_checks)["outcome"]

    def row(what: str, ours: Callable[[], object], call: str, **arguments: object) -> list[Row]:
        return compare(
            f"{what}, {camera} camera, {recorded.times.size:,} frames",
            "CPU ms",
            recorded.times.size,
            timed(ours, time.process_time),
            {"ibllib": lambda: peer.ask(call, load=False, **arguments).cpu_seconds},
            repeats,
        )

    return [
        *row("diameter of the pupil", pupil, "pupil", pose=pose, camera=camera, rate=recorded.rate),
        *row("lick times", licks, "licks", pose=pose, times=times),
        *row("checks of the pose", checks, "pose_qc", session=path, camera=camera, tracker="dlc"),
    ]
