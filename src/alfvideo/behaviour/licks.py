"""Licks of the animal: the times of frames in which the tongue moves."""

import warnings
from collections.abc import Mapping

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.pose import table

TONGUE = ("tongue_end_l", "tongue_end_r")

_MOVES = 1 / 4
"""Standard deviations of the steps of a coordinate beyond which a step is a movement."""


def lick_times(pose: Mapping[str, Floats], times: Floats) -> Floats:
    """Return the times of the frames after which a tip of the tongue moves, (n,) float64, seconds.

    The definition of `brainbox.behavior.dlc.get_licks`: a lick of several frames has several times.

    Parameters
    ----------
    pose
        Columns of a pose table.
    times
        Camera times in seconds, at least one for each row of the pose.
    """
    tongue = np.hstack([table.points(pose, part) for part in TONGUE])
    steps = np.diff(tongue, axis=0)
    moves = np.abs(steps) > _MOVES * _deviation(steps)
    found: Floats = times[: len(moves)][moves.any(axis=1)]
    return found


def _deviation(steps: Floats) -> Floats:
    """Return the standard deviation of each column, NaN left out; NaN for a column of NaN."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        deviation: Floats = np.nanstd(steps, axis=0)
    return deviation
