"""The wheel's position from the two lines of its rotary encoder, where it is not saved as ALF."""

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.timing.sync import Fronts

TICKS = 1024
"""Periods of each line per turn of the wheel, on IBL rigs."""


def position(a: Fronts, b: Fronts) -> tuple[Floats, Floats]:
    """Return the position at each front of the two lines, which are a quarter period apart.

    Returns
    -------
    (n,) float64, times in seconds, and (n,) float64, position in radians, counterclockwise.
    """
    times = np.concatenate((a.times, b.times))
    steps = np.concatenate(
        (-_level(b, a.times) * np.sign(a.polarities), _level(a, b.times) * np.sign(b.polarities))
    )
    order = np.argsort(times, kind="stable")
    return times[order], np.cumsum(steps[order]) * 2 * np.pi / (4 * TICKS)


def _level(line: Fronts, times: Floats) -> Floats:
    """Return the level of a line just before some times: 1 or -1, 0 if it never changes."""
    if not line.times.size:
        return np.zeros(times.size)
    levels = np.sign(np.concatenate(([-line.polarities[0]], line.polarities)))
    return np.asarray(levels[np.searchsorted(line.times, times)], np.float64)
