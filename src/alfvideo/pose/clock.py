"""The times of the frames of a pose, and how many there are in a second."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import arrays
from alfvideo.files.errors import DataError
from alfvideo.timing.pulses import period
from alfvideo.video import probe

_MAX_RATE = 10_000
"""Frames per second of no camera."""


def times(files: Sequence[Path | str]) -> Floats:
    """Read camera times in seconds, (n,) float64, from a list of one file or none; else empty.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    if not files:
        return np.empty(0)
    try:
        return arrays.seconds(Path(files[0]))
    except DataError:
        raise DataError(
            f"{files[0]} cannot be read as camera times. Remove the file and run again: they are "
            "then regenerated."
        ) from None


def rate(times: Floats, mp4: Path) -> float:
    """Return frames per second of camera times, or of the video's header if they do not tell it.

    Raises
    ------
    DataError
        If the video cannot be read.
    """
    finite = times[np.isfinite(times)]
    step = period(finite) if finite.size > 1 else 0.0
    found = 1 / step if 0 < step < np.inf else 0.0
    if not 0 < found < _MAX_RATE:
        found = float(probe.probe(mp4).rate)
    if not 0 < found < _MAX_RATE:
        raise DataError(
            f"{mp4} says that it has {found:g} frames per second, which no camera has, and there "
            "are no camera times that tell its rate. Transfer it again from the rig."
        )
    return found
