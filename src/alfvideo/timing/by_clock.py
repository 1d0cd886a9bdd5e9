"""Times of frames by the camera's own clock, where pulses were lost, added or never recorded."""

from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing.pulses import period

_NEARBY = 1000
"""Frames by which the clock is set against the DAQ's at the ends of the pulses."""
_MIN_FRAMES = 100
_MAX_DEVIATION = 0.25
"""Frame periods by which a pulse may be away from where the clock expects it."""
_BLOCK = 1000
"""Frames in which the drift of the two clocks against each other is a line."""


def disagreements(times: Floats, clock: Floats) -> int:
    """Count the frames after which times and clock go on by different numbers of periods.

    Parameters
    ----------
    times
        (n,) float64, seconds of the DAQ's clock.
    clock
        (m,) float64, seconds of the camera's clock.
    """
    n = min(times.size, clock.size)
    if n < _MIN_FRAMES:
        return 0
    step = period(times)
    return int(np.count_nonzero(np.abs(np.diff(times[:n]) - np.diff(clock[:n])) > 0.5 * step))


class Followed(NamedTuple):
    """Times of frames that follow the camera's clock."""

    times: Floats
    """(n,) float64, seconds."""
    has_pulse: Booleans
    """(n,) bool, those that are of a pulse; the others are by the clock."""


def follow(
    times: Floats, pulses: Floats, recorded: Booleans, clock: Floats, sure: Integers
) -> Followed:
    """Give each frame the pulse where the camera's clock expects it, else the time by the clock.

    The clock is set by times that are right; what is lost or added between them does not matter
    then, nor does a pause of the camera.

    Parameters
    ----------
    times
        (n,) float64, times by counting pulses, seconds.
    pulses
        (k,) float64, all pulses that were recorded, seconds.
    recorded
        (n,) bool, frames whose time is not extrapolated.
    clock
        (n,) float64, seconds of the camera's clock, increasing.
    sure
        Frames most of whose times are right.

    Returns
    -------
    The times; `times` as they are if no clock can be set by them.
    """
    known = np.flatnonzero(recorded)
    step = period(times)
    if known.size < _MIN_FRAMES or not (np.diff(clock) > 0).all():
        return Followed(times, recorded)
    ahead = times - clock
    right = known[np.abs(ahead - _usual(ahead, sure, step))[known] < _MAX_DEVIATION * step]
    if right.size < _MIN_FRAMES:
        return Followed(times, recorded)
    expected = clock + _drift(clock, ahead, right)
    after = np.searchsorted(pulses, expected).clip(1, pulses.size - 1)
    nearer_before = expected - pulses[after - 1] < pulses[after] - expected
    nearest = pulses[after - nearer_before]
    has_pulse = np.abs(nearest - expected) < _MAX_DEVIATION * step
    return Followed(np.where(has_pulse, nearest, expected), has_pulse)


def _usual(ahead: Floats, sure: Integers, step: float) -> Floats:
    """Return by how much the DAQ's clock is ahead for most of some frames, on a line, (n,)."""
    number = np.arange(ahead.size)
    differences = np.diff(ahead)
    steady = np.abs(differences) < 0.5 * step
    slope = differences[steady].mean() if steady.any() else 0.0
    return np.asarray(np.median((ahead - slope * number)[sure]) + slope * number)


def _drift(clock: Floats, ahead: Floats, right: np.ndarray) -> Floats:
    """Return by how much the DAQ's clock is ahead at each frame, (n,), by frames that are right.

    The mean of each block, between blocks on a line, beyond them on the line of the nearest.
    """
    blocks = np.array_split(right, max(right.size // _BLOCK, 1))
    centres = np.array([clock[block].mean() for block in blocks])
    means = np.array([ahead[block].mean() for block in blocks])
    drift: Floats = np.interp(clock, centres, means)
    for block, beyond in (
        (right[:_NEARBY], clock < centres[0]),
        (right[-_NEARBY:], clock > centres[-1]),
    ):
        slope, offset = np.polyfit(clock[block] - clock[block[0]], ahead[block], 1)
        drift[beyond] = offset + slope * (clock[beyond] - clock[block[0]])
    return drift
