"""Sessions with pose tables as a network would write them of rendered animals, and their damage."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rigsim import Rig, behaviour, layout, session
from rigsim import pose as rig_pose

PUPIL = ("pupil_top_r", "pupil_bottom_r", "pupil_left_r", "pupil_right_r")


@dataclass(frozen=True)
class Recorded:
    """Recordings and the truth of a camera; `pose` and `times` may be damaged."""

    rig: Rig
    camera: str
    pose: pd.DataFrame
    times: np.ndarray
    diameter: np.ndarray
    """(n_frames,) true diameters of the pupil, pixels."""

    @property
    def rate(self) -> float:
        """Frames per second."""
        return 1 / np.median(np.diff(self.times))

    def frames(self, start: float, stop: float) -> slice:
        """The frames between two times in seconds after the first frame."""
        since = self.times - self.times[0]
        return slice(*np.searchsorted(since, (start, stop)))


def record(
    camera: str, tracker: str = "dlc", seconds: float = 20, kind: str = "spikeglx"
) -> Recorded:
    """A camera with frames of full size, with 0.5 px of noise in each position that is seen.

    A hidden tongue is anywhere, and unlikely. An ensemble of Lightning Pose has, beside smoothed
    positions, the medians of its members, with 1 px of noise.
    """
    rig = Rig(kind=kind, cameras=(camera,), seconds=seconds)
    planned = session.plan(rig)
    times = planned.recordings[camera].times
    view = rig_pose.View(camera, *rig.frame_size(camera))
    seen = rig_pose.make_poses(
        view,
        camera,
        times,
        behaviour.wheel_at(times, planned.wheel),
        behaviour.tongue_extension(times, planned.licks),
        rig.random("poses"),
    )
    rng = np.random.default_rng(1)
    columns = {}
    for part, drawn in zip(seen.parts, seen.keypoints.transpose(1, 0, 2), strict=True):
        hidden = np.isnan(drawn[:, 0])
        anywhere = rng.uniform(0, (view.width, view.height), drawn.shape)
        positions = np.where(hidden[:, None], anywhere, drawn)
        columns |= _columns(part, positions + rng.normal(0, 0.5, drawn.shape))
        columns[f"{part}_likelihood"] = np.where(
            hidden, rng.uniform(0, 0.8, times.size), rng.uniform(0.92, 1, times.size)
        )
        if tracker == "lightningPose":
            members = positions + rng.normal(0, 1, drawn.shape)
            columns |= _columns(part, members, "_ens_median")
            columns |= _columns(part, np.ones_like(drawn), "_ens_var")
    return Recorded(rig, camera, pd.DataFrame(columns), times, seen.pupil_diameter)


def _columns(part: str, positions: np.ndarray, estimate: str = "") -> dict[str, np.ndarray]:
    return {f"{part}_{c}{estimate}": positions[:, i] for i, c in enumerate("xy")}


def write(recorded: Recorded, tracker: str, root: Path) -> Path:
    """Write pose, camera times and trials of a session, and return its path."""
    path = root / recorded.rig.session
    (path / "alf").mkdir(parents=True)
    recorded.pose.to_parquet(path / "alf" / f"_ibl_{recorded.camera}Camera.{tracker}.pqt")
    np.save(path / "alf" / f"_ibl_{recorded.camera}Camera.times.npy", recorded.times)
    layout.write_trials(path, session.plan(recorded.rig))
    return path


def hide(recorded: Recorded, parts: tuple[str, ...], frames: slice | np.ndarray) -> None:
    """Make parts unlikely in some frames."""
    columns = [f"{part}_likelihood" for part in parts]
    recorded.pose.iloc[frames, recorded.pose.columns.get_indexer(columns)] = 0.3


def _scattered(recorded: Recorded) -> None:
    """A tenth of the points is unlikely, independently of each other."""
    rng = np.random.default_rng(2)
    for column in recorded.pose.filter(like="_likelihood"):
        recorded.pose.loc[rng.random(len(recorded.pose)) < 0.1, column] = 0.89


def _blinks(recorded: Recorded) -> None:
    """The pupil is hidden for up to a second now and then, also in the last frame but one."""
    for start, length in ((1.0, 0.2), (3.5, 0.9), (9.0, 0.5)):
        hide(recorded, PUPIL, recorded.frames(start, start + length))
    hide(recorded, PUPIL, slice(-2, -1))


def _long_gaps(recorded: Recorded) -> None:
    """The pupil is hidden for more than a second twice, and once for less, in the middle."""
    for start, length in ((2.0, 1.1), (6.0, 2.5), (12.0, 0.8)):
        hide(recorded, PUPIL, recorded.frames(start, start + length))


def _outliers(recorded: Recorded) -> None:
    """Three of the pupil's points are 100 px off in a few frames, some of them neighbours."""
    wrong = [50, 51, 200, 340, 341, 342, 500]
    for part, shift in zip(PUPIL, (100, -100, 100), strict=False):
        recorded.pose.loc[wrong, f"{part}_x"] += shift


def _missing_positions(recorded: Recorded) -> None:
    """Positions are NaN and likely for a stretch of a second and a half, and single ones."""
    frames = np.r_[100, 300, np.arange(len(recorded.pose))[recorded.frames(8.0, 9.5)]]
    recorded.pose.loc[frames, [f"{part}_{c}" for part in PUPIL for c in "xy"]] = np.nan


def _all_nan(recorded: Recorded) -> None:
    """The nose is NaN throughout."""
    recorded.pose.loc[:, recorded.pose.columns.str.startswith("nose_tip")] = np.nan


def _no_pupil(recorded: Recorded) -> None:
    """The pupil is never likely."""
    hide(recorded, PUPIL, slice(None))


def _hardly_any_pupil(recorded: Recorded) -> None:
    """The pupil is hidden in all but the last 8 % of the frames."""
    hide(recorded, PUPIL, slice(0, int(0.92 * len(recorded.pose))))


def _unsteady_pupil(recorded: Recorded) -> None:
    """The points of the pupil are 30 px off."""
    rng = np.random.default_rng(3)
    columns = [f"{part}_{c}" for part in PUPIL for c in "xy"]
    recorded.pose[columns] += rng.normal(0, 30, (len(recorded.pose), len(columns)))


def _noisy_pupil(recorded: Recorded) -> None:
    """The points of the pupil are 4 px off."""
    rng = np.random.default_rng(4)
    columns = [f"{part}_{c}" for part in PUPIL for c in "xy"]
    recorded.pose[columns] += rng.normal(0, 4, (len(recorded.pose), len(columns)))


def _tongue_everywhere(recorded: Recorded) -> None:
    """The spout is taken for the tongue in all frames."""
    recorded.pose[["tongue_end_l_likelihood", "tongue_end_r_likelihood"]] = 0.99


def _no_tongue(recorded: Recorded) -> None:
    """The tongue is never likely."""
    hide(recorded, ("tongue_end_l", "tongue_end_r"), slice(None))


def _paws_lost(recorded: Recorded) -> None:
    """One paw is hidden in every seventh frame, the other in every third."""
    hide(recorded, ("paw_l",), slice(None, None, 7))
    hide(recorded, ("paw_r",), slice(None, None, 3))


def _camera_moved(recorded: Recorded) -> None:
    """Everything is 400 px to the right."""
    columns = [c for c in recorded.pose if c.endswith("_x")]
    recorded.pose[columns] += 400


def _no_tube(recorded: Recorded) -> None:
    """The table has no tube."""
    for column in recorded.pose.filter(like="tube"):
        del recorded.pose[column]


DAMAGES: dict[str, Callable[[Recorded], None]] = {
    "none": lambda recorded: None,
    "scattered": _scattered,
    "blinks": _blinks,
    "long gaps": _long_gaps,
    "outliers": _outliers,
    "missing positions": _missing_positions,
    "all-NaN part": _all_nan,
    "no pupil": _no_pupil,
    "hardly any pupil": _hardly_any_pupil,
    "unsteady pupil": _unsteady_pupil,
    "noisy pupil": _noisy_pupil,
    "tongue everywhere": _tongue_everywhere,
    "no tongue": _no_tongue,
    "paws lost": _paws_lost,
    "camera moved": _camera_moved,
    "no tube": _no_tube,
}
"""Damage of a side camera's table by name; each changes the pose."""
