"""The whole motion energy of a camera, from pose table and video to the file: time and memory."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from rigsim import pose as rig_pose
from tests.benchmarks.measure import Row, compare, timed
from tests.benchmarks.qc import long_video
from tests.benchmarks.videos import pyav

REPO = Path(__file__).parents[2]

SESSION = 324_000
"""Frames of 90 minutes at 60 Hz: how long the pose table is where memory is measured."""


def run(folder: Path, quick: bool) -> list[Row]:
    """Compare at the full size of a left camera, by CPU time and by peak memory.

    iblvideo is in no package registry: what it does is a few lines in `energy_once`. It reaches its
    peak only in the long video of the full form, which has more frames than one of its blocks.
    """
    path, frames = long_video(folder, seconds=2 if quick else 10, times=10 if quick else 17)
    short, long = (_write_pose(folder / f"{rows}.pqt", rows) for rows in (frames, SESSION))
    what = f"motion energy of the whisker pad, {frames:,} frames"
    rows = compare(
        what,
        "CPU ms",
        frames,
        lambda: _once("alfvideo", path, short)[0],
        {
            "PyAV, decoding only": timed(lambda: pyav(path), time.process_time),
            "iblvideo's way": lambda: _once("iblvideo", path, short)[0],
        },
        repeats=3,
    )
    energy = (np.load(folder / f"{way}.npy") for way in ("alfvideo", "iblvideo"))
    np.testing.assert_allclose(*energy, rtol=1e-5)
    ours, theirs = (_once(way, path, long)[1] for way in ("alfvideo", "iblvideo"))
    return [*rows, Row(what, "MB", frames, ours, "iblvideo's way", theirs)]


def _once(way: str, path: Path, pose: Path) -> tuple[float, int]:
    """CPU time in seconds and peak memory in bytes of one way, in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.energy_once", way, path, pose]
    ran = subprocess.run(
        [*command, path.with_name(f"{way}.npy")],
        cwd=REPO,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds, peak = ran.stdout.split()
    return float(seconds), int(peak)


def _write_pose(path: Path, rows: int) -> Path:
    """A table with all parts of a side camera; only nose and pupil are where they should be."""
    rng = np.random.default_rng(0)
    positions = {"nose_tip": rig_pose.NOSE, "pupil_top_r": rig_pose.EYE}
    pose = {}
    for part in rig_pose.SIDE_PARTS:
        x, y = positions.get(part, (0, 0))
        pose[f"{part}_x"], pose[f"{part}_y"] = rng.normal((x, y), 2, (rows, 2)).T
        pose[f"{part}_likelihood"] = rng.uniform(0.88, 1, rows)
    pd.DataFrame(pose).to_parquet(path)
    return path
