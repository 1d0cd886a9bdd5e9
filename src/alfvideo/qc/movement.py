"""Wheel speed, and periods in which the wheel speeds up and slows down."""

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing.wheel import RATE, velocity

_WINDOW = 200
"""Samples within which the acceleration must change for a movement."""
_MOVED, _ONSET = 0.1, 1.5
"""Changes of the acceleration in a movement and after its onset, rad/s²."""
_MIN_PAUSE, _MIN_MOVEMENT = 0.1, 0.05
"""Shorter pauses do not separate movements, shorter movements do not count, in seconds."""
_DURATION = (3.0, 20.0)


class Wheel(NamedTuple):
    """The wheel at even intervals of 1 ms."""

    times: Floats
    """(n,) float64, seconds."""
    velocity: Floats
    """(n,) float64, rad/s, low-pass filtered."""

    @property
    def acceleration(self) -> Floats:
        """(n,) float64, rad/s²."""
        return np.diff(self.velocity, prepend=self.velocity[0]) * RATE


def sample(timestamps: Floats, position: Floats) -> Wheel:
    """Interpolate a wheel evenly and filter it, as `brainbox.behavior.wheel` does.

    `timestamps` (n,) seconds, increasing, n at least 2, and `position` (n,) rad.
    """
    times = np.arange(timestamps[0], timestamps[-1], 1 / RATE)
    times = times[times <= timestamps[-1]]
    return Wheel(times, velocity(np.interp(times, timestamps, position)))


def active_period(wheel: Wheel) -> tuple[float, float] | None:
    """Start and end of a movement of 3 to 20 s in the middle of the session; None without one.

    Movements are those of the acceleration, as in `CameraQC.get_active_wheel_period`.
    """
    onsets, offsets = movements(wheel.acceleration)
    seconds = wheel.times[offsets] - wheel.times[onsets]
    candidates = np.flatnonzero((seconds > _DURATION[0]) & (seconds < _DURATION[1]))
    if not candidates.size:
        return None
    chosen = candidates[candidates.size // 2]
    return float(wheel.times[onsets[chosen]]), float(wheel.times[offsets[chosen]])


def movements(trace: Floats) -> tuple[Integers, Integers]:
    """Find when a trace sampled at 1 kHz moves, by the definition of `wheel.movements`.

    It moves where it changes by more than 0.1 within the next 0.2 s. Pauses of less than 0.1 s are
    filled. A movement begins at the last sample, within 0.2 s, that is not more than 1.5 away from
    where it was. Movements shorter than 0.05 s are left out, and joined if less than 0.1 s apart.

    Returns
    -------
    (m,) int64 and (m,) int64, first samples of the movements, and first samples after them.
    """
    # The window of a sample begins at it.
    origin = -(_WINDOW // 2)
    highest = ndimage.maximum_filter1d(trace, _WINDOW, mode="nearest", origin=origin)
    lowest = ndimage.minimum_filter1d(trace, _WINDOW, mode="nearest", origin=origin)
    moving = np.concatenate(([False], highest - lowest > _MOVED))
    moving[-1] = False
    onsets, offsets = _edges(moving)
    for pause in np.flatnonzero((onsets[1:] - offsets[:-1]) / RATE < _MIN_PAUSE):
        moving[offsets[pause] : onsets[pause + 1] + 1] = True
    onsets, offsets = _edges(moving)
    onsets = np.array([_onset(trace, onset) for onset in onsets], np.int64)
    long = offsets - onsets >= _MIN_MOVEMENT * RATE
    onsets, offsets = onsets[long], offsets[long]
    joined = 1 + np.flatnonzero(onsets[1:] - offsets[:-1] < _MIN_PAUSE * RATE)
    return np.delete(onsets, joined), np.delete(offsets, joined - 1)


def _edges(moving: Booleans) -> tuple[Integers, Integers]:
    """Return samples before which a mask (one sample more than the trace) turns true, and false."""
    return np.flatnonzero(~moving[:-1] & moving[1:]), np.flatnonzero(moving[:-1] & ~moving[1:])


def _onset(trace: Floats, start: int) -> int:
    """Find the last sample of the window whose distance from the start of the movement is small."""
    away = np.abs(trace[start : start + _WINDOW] - trace[start]) > _ONSET
    return start + int(np.flatnonzero(~away)[-1])
