"""Traces and counts in a window around events, such as a stimulus in each trial."""

from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Integers

BEFORE, AFTER = 0.5, 1.5
"""Length of the window before and after each event in seconds, as in brainbox.behavior.dlc."""

BIN = 0.02
"""Width of the bins of counts, and the step of interpolated traces, in seconds, as there."""

_MAX_DISTANCE = 0.75
"""A frame stands for a time that is no further away than this part of the frame period: half a
period is the rule, the rest is for frames that come a little early or late."""

_MAX_RATE = 10_000
"""Frames per second of no camera: times that tell a higher rate are damaged."""

_MIN_KNOWN = 0.5
"""Part of a window that must be known for a mean and a standard deviation of its own."""


class Windows(NamedTuple):
    """Samples around events."""

    offsets: Floats
    """(n_samples,) float64, seconds after the event."""
    values: Floats
    """(n_events, n_samples) float64, NaN where nothing was recorded."""


def frame_rate(times: Floats) -> float:
    """Return frames per second: 1 / the median interval of the times; NaN for less than 2."""
    times = times[np.isfinite(times)]
    return 1 / np.median(np.diff(times)) if times.size > 1 else np.nan


def windows(values: Floats, times: Floats, events: Floats) -> Windows:
    """Cut a trace around events, one sample for each frame period: that of the nearest frame.

    NaN where there was no frame (before and after the recording, dropped frames), where the value
    is NaN, and for events that are NaN.

    Parameters
    ----------
    values
        (n_frames,) value in each frame.
    times
        (n_frames,) seconds. Frames whose time is NaN are left out.
    events
        (n_events,) seconds.

    Raises
    ------
    ValueError
        If there is not one time for each value.
    """
    if values.shape != times.shape:
        raise ValueError(f"{values.size} values but {times.size} times")
    known = np.flatnonzero(np.isfinite(times))
    known = known[np.argsort(times[known], kind="stable")]
    values, times = values[known], times[known]
    rate = frame_rate(times)
    if not 0 < rate < _MAX_RATE:
        return Windows(np.empty(0), np.empty((events.size, 0)))
    offsets = np.arange(round((BEFORE + AFTER) * rate), dtype=np.float64) / rate - BEFORE
    wanted = events[:, np.newaxis] + offsets
    after = np.searchsorted(times, wanted).clip(1, times.size - 1)
    nearest = after - (wanted - times[after - 1] <= times[after] - wanted)
    recorded = np.abs(times[nearest] - wanted) <= _MAX_DISTANCE / rate
    return Windows(offsets, np.where(recorded, values[nearest], np.nan))


def interpolated(values: Floats, times: Floats, events: Floats) -> Windows:
    """Cut an irregular trace around events, interpolated linearly every `BIN` seconds.

    NaN before the first and after the last sample, and for events that are NaN.

    Parameters
    ----------
    values, times
        (n,) each, times in seconds and increasing, neither NaN.
    events
        (n_events,) seconds.
    """
    offsets = np.arange(round((BEFORE + AFTER) / BIN) + 1, dtype=np.float64) * BIN - BEFORE
    wanted = events[:, np.newaxis] + offsets
    return Windows(offsets, np.interp(wanted, times, values, left=np.nan, right=np.nan))


def counts(times: Floats, events: Floats, recorded: tuple[float, float]) -> Windows:
    """Count the times in each bin of `BIN` seconds around events; offsets are middles of bins.

    Parameters
    ----------
    times
        (n,) seconds, for example of licks; NaN are left out.
    events
        (n_events,) seconds.
    recorded
        Start and end of the recording in seconds: bins that are not inside it are NaN.
    """
    edges = np.arange(round((BEFORE + AFTER) / BIN) + 1) * BIN - BEFORE
    wanted = events[:, np.newaxis] + edges
    times = np.sort(times[np.isfinite(times)])
    found = np.diff(np.searchsorted(times, wanted), axis=1)
    inside = (wanted[:, :-1] >= recorded[0]) & (wanted[:, 1:] <= recorded[1])
    return Windows((edges[:-1] + edges[1:]) / 2, np.where(inside, found, np.nan))


def aligned(times: Floats, events: Floats) -> tuple[Integers, Floats]:
    """List the times in the windows: number of the event, and seconds after it, (m,) each.

    A time in the windows of two events comes twice. NaN are left out.
    """
    times = np.sort(times[np.isfinite(times)])
    known = np.flatnonzero(np.isfinite(events))
    first, last = np.searchsorted(times, [events[known] - BEFORE, events[known] + AFTER])
    number = last - first
    event = np.repeat(known, number)
    within = np.arange(event.size) - np.repeat(np.cumsum(number) - number, number)
    return event, times[np.repeat(first, number) + within] - events[event]


def mean_and_error(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean over events and its standard error, (n_samples,) each, of the known values.

    The mean is NaN where nothing is known, the error where less than 2 values are.
    """
    known = np.isfinite(values)
    number = known.sum(axis=0)
    mean = _divided(np.where(known, values, 0).sum(axis=0), number)
    squares = np.where(known, (values - mean) ** 2, 0).sum(axis=0)
    return mean, np.sqrt(_divided(_divided(squares, number - 1), number))


def z_scored(values: Floats) -> Floats:
    """Return the values less their mean, in standard deviations, along the last axis; NaN stay NaN.

    All NaN if the values do not differ.
    """
    known = np.isfinite(values)
    number = known.sum(axis=-1, keepdims=True)
    mean = _divided(np.where(known, values, 0).sum(axis=-1, keepdims=True), number)
    squares = np.where(known, (values - mean) ** 2, 0).sum(axis=-1, keepdims=True)
    deviation = np.sqrt(_divided(squares, number))
    # what rounding leaves of equal values is no difference
    return (values - mean) / np.where(deviation > 1e-9 * np.abs(mean), deviation, np.nan)


def change(values: Floats) -> Floats:
    """Return each window z-scored by itself, less its first sample, (n_events, n_samples).

    NaN for a window whose first sample is not known, or of which less than half is known.
    """
    scored = z_scored(values)
    scored[np.isfinite(values).mean(axis=1) < _MIN_KNOWN] = np.nan
    return scored - scored[:, :1]


def _divided(one: Floats, other: Floats) -> Floats:
    """Divide; NaN where the divisor is not positive."""
    return one / np.where(other > 0, other, np.nan)
