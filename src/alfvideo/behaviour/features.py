"""The diameter of the pupil in each frame, as it is seen and smoothed over time.

Definitions, thresholds and windows are those of `brainbox.behavior.dlc`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.behaviour import pupil, smoothing
from alfvideo.files import tables
from alfvideo.files.errors import DataError
from alfvideo.pose import table

# pandas and scipy are slow to load: functions that need them do it, others only name the table.
if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["pupilDiameter_raw", "pupilDiameter_smooth"]

_ENSEMBLE_MEDIAN = "_ens_median"
_ORDER = 3
_OUTLIER = 5
"""Standard deviations from the smoothed trace beyond which a diameter is left out."""
_MAX_GAP = 1.0
"""Seconds without a diameter over which none is interpolated."""
_MAX_UNSEEN = 0.9
"""Share of frames without a diameter above which nothing is smoothed."""


def features(pose: Mapping[str, Floats], camera: str, rate: float) -> tuple["pd.DataFrame", str]:
    """Return the features of a camera, one row a frame, and why the pupil is unsmoothed if it is.

    Columns `pupilDiameter_raw` and `pupilDiameter_smooth`, float64, pixels of the camera's frames.
    Of an ensemble the raw one is from the median of its members and the smooth one from its
    smoothed positions; of a single network the raw one is smoothed over time. What cannot be
    smoothed is NaN.

    Parameters
    ----------
    pose
        Columns of a pose table.
    camera
        Its label, one of `pupil.WINDOWS`.
    rate
        Frames per second.
    """
    import pandas as pd

    unsmoothed = ""
    if all(f"{part}_x{_ENSEMBLE_MEDIAN}" in pose for part in pupil.POINTS):
        raw, smooth = pupil_diameter(pose, _ENSEMBLE_MEDIAN), pupil_diameter(pose)
    else:
        raw = pupil_diameter(pose)
        try:
            smooth = smooth_pupil_diameter(raw, pupil.WINDOWS[camera], rate)
        except DataError as reason:
            smooth, unsmoothed = np.full(raw.size, np.nan), str(reason)
    return pd.DataFrame(dict(zip(COLUMNS, (raw, smooth), strict=True))), unsmoothed


def load(path: Path) -> "pd.DataFrame":
    """Load the features of a camera.

    Raises
    ------
    DataError
        If the file cannot be read, or lacks one of the columns.
    """
    import pandas as pd

    what = f"a table with the columns {', '.join(COLUMNS)}"
    found = tables.Table(path, what, "Remove the file and run again.")
    return pd.DataFrame({name: found.column(name) for name in COLUMNS})


def pupil_diameter(pose: Mapping[str, Floats], estimate: str = "") -> Floats:
    """Return the diameter of the pupil in each frame, (n_frames,) float64, pixels; NaN if unseen.

    The median of all distances of two of its four points; those of neighbouring points count as
    sides of a square in the circle, times the square root of 2. `estimate` is as in `table.points`.
    """
    top, bottom, left, right = (table.points(pose, part, estimate) for part in pupil.POINTS)
    across = [np.hypot(*(top - bottom).T), np.hypot(*(left - right).T)]
    sides = [np.hypot(*(one - two).T) for one in (top, bottom) for two in (left, right)]
    return _median(np.stack([*across, *(np.sqrt(2) * side for side in sides)]))


def _median(values: Floats) -> Floats:
    """Return the median of each column of (k, n), NaN left out: as `np.nanmedian`, but faster."""
    values = np.sort(values, axis=0)
    known = np.count_nonzero(~np.isnan(values), axis=0)
    columns = np.arange(values.shape[1])
    # NaN are sorted to the end; a column of NaN gives NaN.
    lower, upper = values[np.maximum(known - 1, 0) // 2, columns], values[known // 2, columns]
    return np.asarray((lower + upper) / 2, np.float64)


def smooth_pupil_diameter(raw: Floats, window: int, rate: float) -> Floats:
    """Return the diameter smoothed over time, without outliers, (n_frames,) float64, pixels.

    Gaps are interpolated, up to a second; longer ones stay NaN.

    Parameters
    ----------
    raw
        (n_frames,) diameters, NaN where there is none.
    window
        Frames that are smoothed over, odd.
    rate
        Frames per second.

    Raises
    ------
    DataError
        If there are too few diameters.
    """
    from scipy import ndimage

    unseen = np.isnan(raw).mean() if raw.size else 1.0
    if unseen > _MAX_UNSEEN:
        raise DataError(
            f"The pupil is not seen in {unseen:.0%} of the frames, more than {_MAX_UNSEEN:.0%}."
        )
    deviation = raw - _smooth(raw, window)
    cleaned = np.where(np.abs(deviation) > _OUTLIER * np.nanstd(deviation), np.nan, raw)
    smooth = _smooth(cleaned, window)
    gaps, n_gaps = ndimage.label(np.isnan(cleaned))
    lengths = np.bincount(gaps, minlength=n_gaps + 1)
    lengths[0] = 0
    smooth[lengths[gaps] > _MAX_GAP * rate] = np.nan
    return smooth


def _smooth(diameter: Floats, window: int) -> Floats:
    """Smooth where there are diameters, and interpolate between those (n_frames,)."""
    from scipy.interpolate import make_interp_spline

    known = np.flatnonzero(~np.isnan(diameter))
    if known.size < window:
        raise DataError(f"The pupil is seen in {known.size} frames, {window} are smoothed over.")
    smoothed = smoothing.smooth(known, diameter[known], window, _ORDER)
    return make_interp_spline(known, smoothed, k=1)(np.arange(diameter.size))
