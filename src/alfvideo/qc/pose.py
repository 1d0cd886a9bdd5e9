"""Checks of the pose of a camera, as `ibllib.qc.dlc` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from one.alf.spec import QC

from alfvideo.array_types import Floats, Integers
from alfvideo.behaviour import features, pupil
from alfvideo.behaviour.licks import TONGUE
from alfvideo.files.errors import DataError
from alfvideo.pose import table
from alfvideo.qc.outcome import Check, judged, not_set
from alfvideo.session.trials import Trials
from alfvideo.trackers import TRACKERS
from alfvideo.video.region import Region

if TYPE_CHECKING:
    import pandas as pd

_PAWS = {"paw_close_nan": "paw_r", "paw_far_nan": "paw_l"}
_WINDOW = (-0.5, 2.0)
"""Start and length, in seconds, of the window around the stimulus in which paws should be seen."""
_PAW_UNSEEN = (0.1, 0.2)
"""Shares of frames without paw from which on the outcome is WARNING and FAIL."""
_MIN_TONGUE_HIDDEN = 0.1
"""A tongue that is hidden in a smaller share of the frames is something else."""
_MAX_PUPIL_UNSEEN = 0.9
_PIXELS = {"left": 10, "right": 5}
"""Largest standard deviation of the pupil's diameter in pixels, and least signal-to-noise."""


@dataclass(frozen=True)
class Pose:
    """Inputs of the checks of a camera."""

    tracker: str
    camera: str
    columns: Mapping[str, Floats]
    """The columns of the pose table."""
    times: Floats
    """(m,) float64, camera times, seconds; empty if there are none."""
    rate: float
    """Frames per second."""
    features: "pd.DataFrame | DataError | None"
    """Those of the pose; None if it has none."""
    trials: Trials | DataError | None
    """None if there are none, and the error if they are broken."""
    box: Region | None
    """Where the animal is expected in the frames."""

    @cached_property
    def points(self) -> dict[str, Floats]:
        """Likely positions of each body part, (n, 2) pixels."""
        return {part: table.points(self.columns, part) for part in table.parts(self.columns)}

    @property
    def n_frames(self) -> int:
        """Number of rows of the pose table."""
        return len(next(iter(self.points.values())))


def inspect(pose: Pose) -> dict[str, Check]:
    """Make all checks that ibllib makes of this tracker; NOT_SET where nothing can be checked."""
    checks = {
        "lick_detection": lick_detection(pose),
        "mean_in_bbox": mean_in_bbox(pose),
        "time_trace_length_match": time_trace_length_match(pose),
        "trace_all_nan": trace_all_nan(pose),
    }
    if TRACKERS[pose.tracker].checks_pupil_and_paws:
        checks |= _pupil_and_paws(pose)
    return checks


def _pupil_and_paws(pose: Pose) -> dict[str, Check]:
    """Make the checks that ibllib makes of DeepLabCut only, on cameras that see both."""
    if pose.camera not in pupil.WINDOWS:
        unseen = not_set(f"Eye and paws are not checked in {pose.camera} cameras.")
        return dict.fromkeys((*_PAWS, "pupil_blocked", "pupil_diameter_snr"), unseen)
    paws = {name: paw_nan(pose, paw) for name, paw in _PAWS.items()}
    if set(pupil.POINTS).isdisjoint(pose.points):
        unseen = not_set("The pose has no point of the pupil.")
        return {**paws, "pupil_blocked": unseen, "pupil_diameter_snr": unseen}
    if pose.features is None or isinstance(pose.features, DataError):
        unseen = not_set(str(pose.features))
        return {**paws, "pupil_blocked": unseen, "pupil_diameter_snr": unseen}
    if len(pose.features) != pose.n_frames:
        other = judged(
            QC.FAIL,
            f"The features have {len(pose.features)} rows for the poses of {pose.n_frames} frames. "
            "Remove the table of features and run again.",
        )
        return {**paws, "pupil_blocked": other, "pupil_diameter_snr": other}
    raw, smooth = pose.features[features.COLUMNS].to_numpy(np.float64).T
    return {
        **paws,
        "pupil_blocked": pupil_blocked(raw, pose.camera),
        "pupil_diameter_snr": pupil_diameter_snr(raw, smooth, pose.camera),
    }


def time_trace_length_match(pose: Pose) -> Check:
    """Check that there is one camera time for each row of the pose."""
    if not pose.times.size:
        return not_set("There are no camera times.")
    return judged(
        QC.PASS if pose.times.size == pose.n_frames else QC.FAIL,
        f"There are {pose.times.size} camera times for the poses of {pose.n_frames} frames.",
    )


def trace_all_nan(pose: Pose) -> Check:
    """Check that each body part, but for the tube, is likely in some frame."""
    never = [
        part
        for part, points in pose.points.items()
        if "tube" not in part and np.isnan(points).all(axis=0).any()
    ]
    return judged(
        QC.FAIL if never else QC.PASS,
        f"{', '.join(never)}: a likelihood of {table.LIKELY} is reached in no frame.",
    )


def mean_in_bbox(pose: Pose) -> Check:
    """Check that the mean of all body parts is where the animal should be in the frame."""
    means = [
        np.nanmean(points, axis=0) for points in pose.points.values() if np.isfinite(points).any()
    ]
    if pose.box is None:
        return not_set(
            f"There is no box of the {pose.camera} camera: set it in `pose_boxes` of the "
            "configuration."
        )
    if not means:
        return not_set("No body part is likely in any frame.")
    x, y = np.nanmean(means, axis=0)
    left, top, width, height = pose.box[:4]
    inside = left <= x < left + width and top <= y < top + height
    return judged(
        QC.PASS if inside else QC.FAIL,
        f"The mean of all body parts is at x {x:.0f}, y {y:.0f}, expected x {left} to "
        f"{left + width} and y {top} to {top + height}. Look whether the camera has moved, or the "
        "network is for another camera.",
    )


def lick_detection(pose: Pose) -> Check:
    """Check that the tongue is hidden most of the time: else mouth or spout are taken for it."""
    if pose.camera not in pupil.WINDOWS:
        return not_set(f"Licks are not taken from {pose.camera} cameras.")
    if not all(part in pose.points for part in TONGUE):
        return not_set(f"The pose has no {' and '.join(TONGUE)}.")
    hidden = [np.isnan(pose.points[part][:, 0]).mean() for part in TONGUE]
    return judged(
        QC.FAIL if max(hidden) < _MIN_TONGUE_HIDDEN else QC.PASS,
        f"The tongue is found in {1 - max(hidden):.0%} of the frames: something else is taken for "
        "it, as the spout or the edge of the mouth.",
    )


def paw_nan(pose: Pose, paw: str) -> Check:
    """Check that a paw is seen around the stimulus, from 0.5 s before to 1.5 s after."""
    if paw not in pose.points:
        return not_set(f"The pose has no {paw}.")
    if not isinstance(pose.trials, Trials):
        return not_set(str(pose.trials or "There are no trials."))
    windows = _windows(pose.times, pose.trials.stimulus_onsets, pose.rate)
    windows = windows[(windows >= 0) & (windows < pose.n_frames)]
    if not windows.size:
        return not_set("There is no trial in the recording, or there are no camera times.")
    unseen = np.isnan(pose.points[paw][windows, 0]).mean()
    warn, fail = _PAW_UNSEEN
    return judged(
        QC.FAIL if unseen > fail else QC.WARNING if unseen > warn else QC.PASS,
        f"{paw} is not seen in {unseen:.0%} of the frames around the stimulus, expected no more "
        f"than {warn:.0%}.",
    )


def _windows(times: Floats, stimulus_onsets: Floats, rate: float) -> Integers:
    """List the frames around each stimulus, one trial after the other; < 0 before the first.

    Trials whose stimulus was not filmed are left out.
    """
    if not times.size:
        return np.empty(0, np.int64)
    filmed = (stimulus_onsets >= times[0]) & (stimulus_onsets <= times[-1])
    starts = stimulus_onsets[filmed] + _WINDOW[0]
    nearest = np.searchsorted((times[1:] + times[:-1]) / 2, starts)
    nearest -= np.round(rate * (times[0] - starts).clip(0)).astype(int)
    numbers: Integers = (nearest[:, None] + np.arange(round(_WINDOW[1] * rate))).ravel()
    return numbers


def pupil_blocked(raw: Floats, camera: str) -> Check:
    """Check that the pupil is seen often enough and that its diameter (n,) is steady."""
    unseen = np.isnan(raw).mean()
    if unseen > _MAX_PUPIL_UNSEEN:
        return judged(
            QC.FAIL,
            f"The pupil is not seen in {unseen:.0%} of the frames: look whether a whisker or the "
            "lid is before it.",
        )
    deviation, most = np.nanstd(raw), _PIXELS[camera]
    return judged(
        QC.FAIL if deviation > most else QC.PASS,
        f"The diameter of the pupil has a standard deviation of {deviation:.1f} pixels, expected "
        f"no more than {most}.",
    )


def pupil_diameter_snr(raw: Floats, smooth: Floats, camera: str) -> Check:
    """Check the variance of the smooth diameter (n,) over that of what was smoothed away."""
    known = np.isfinite(raw) & np.isfinite(smooth)
    if not known.any():
        return not_set("There is no smooth diameter of the pupil.")
    with np.errstate(divide="ignore"):
        ratio = np.var(smooth[known]) / np.var(smooth[known] - raw[known])
    least = _PIXELS[camera]
    return judged(
        QC.FAIL if ratio < least else QC.PASS,
        f"The signal-to-noise ratio of the pupil's diameter is {ratio:.3f}, expected {least} or "
        "more.",
        round(float(ratio), 3),
    )
