"""The times of the frames of a pose, and how many there are in a second."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alfvideo import arrays, video
from alfvideo.daq.pulses import period


def times(files: Sequence[Path | str]) -> np.ndarray:
    """Camera times in seconds, (n,) float64, from a list of one file or none; else empty.

    Raises
    ------
    DataError
        If the file cannot be read.
    """
    return arrays.load(Path(files[0])).ravel() if files else np.empty(0)


def rate(times: np.ndarray, mp4: Path) -> float:
    """Frames per second of camera times, or what the video announces if there are too few.

    Raises
    ------
    DataError
        If the video cannot be read.
    """
    finite = times[np.isfinite(times)]
    return 1 / period(finite) if finite.size > 1 else float(video.probe(mp4).rate)
