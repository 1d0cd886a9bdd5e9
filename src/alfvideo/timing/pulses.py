"""Trains of camera pulses that should be evenly spaced: their period, gaps and continuation."""

from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.files.inputs import MAX_FRAMES

_FIT_PULSES = 1000
"""A train is continued with a line fitted to this many pulses, which averages out the DAQ's clock
grid and still follows a slow drift."""

_USUAL_DRIFT = 2e-6
"""Part by which the rate of a camera with a quartz changes while its temperature settles."""

_MAX_MEDIAN_INTERVALS = 10_000
"""Intervals that are enough to find the typical one."""


class EvenPulses(NamedTuple):
    """A train of pulses without gaps."""

    times: Floats
    """(n,) float64, strictly increasing, seconds."""
    filled: Integers
    """(k,) int64, the pulses in `times` that were not recorded."""
    removed: Floats
    """(j,) float64, times of recorded pulses that were between two others, seconds."""


def period(times: Floats) -> float:
    """Return the mean time between neighbouring pulses in s; gaps and extra pulses do not count.

    The mean, not the median: the median of intervals on a clock grid is off by up to half a grid
    step, which adds up over a long gap.
    """
    intervals = np.diff(times)
    typical = np.median(intervals[:: 1 + intervals.size // _MAX_MEDIAN_INTERVALS])
    regular = intervals[np.abs(intervals - typical) <= 0.5 * typical]
    return float(regular.mean()) if regular.size else float(typical)


def even(times: Floats) -> EvenPulses:
    """Fill the gaps of a train evenly and remove pulses between two others.

    A gap gets as many pulses as periods fit in it. `times` are at least 2 and sorted, seconds.

    >>> even(np.array([0.0, 1.0, 3.0, 3.2, 4.0]))
    EvenPulses(times=array([0., 1., 2., 3., 4.]), filled=array([2]), removed=array([3.2]))

    Raises
    ------
    DataError
        If they are too far apart to be pulses of one recording.
    """
    step, span = period(times), times[-1] - times[0]
    if not span < MAX_FRAMES * step:
        raise DataError(
            f"{times.size} camera pulses span {span:.6g} s although they are {step:.6g} s apart: "
            "one of their times is damaged. Copy the recording of the pulses from the rig again."
        )
    regular = np.abs(np.diff(times) / step - 1) < 0.25
    if regular.all():
        return EvenPulses(times, np.empty(0, np.int64), np.empty(0))
    number = _number(times, step, regular)
    keep = np.ones(times.size, bool)
    extra = np.flatnonzero(np.diff(number) == 0) + 1
    # of two pulses in one period keep the one that fits the pulses before
    late = times - step * number
    expected = late[np.maximum(extra - 2, 0)]
    second_is_better = np.abs(late[extra] - expected) < np.abs(late[extra - 1] - expected)
    keep[np.where(second_is_better & (extra > 1), extra - 1, extra)] = False
    # more than two pulses in one period
    kept = np.flatnonzero(keep)
    keep[kept[1:][np.diff(number[kept]) == 0]] = False

    grid = np.arange(number[-1] + 1)
    recorded = np.zeros(grid.size, bool)
    recorded[number[keep]] = True
    return EvenPulses(
        times=np.interp(grid, number[keep], times[keep]),
        filled=np.flatnonzero(~recorded),
        removed=times[~keep],
    )


def _number(times: Floats, step: float, regular: Booleans) -> Integers:
    """Count periods up to each pulse, (n,) int64; pulses in the same period have the same number.

    An interval that is not regular is rounded together with those before it that are not, so that
    two halves of a period make one.
    """
    interval = np.arange(regular.size)
    follows_regular = np.concatenate(([True], regular[:-1]))
    start = times[np.maximum.accumulate(np.where(follows_regular, interval, 0))]
    periods = np.rint((times[1:] - start) / step) - np.rint((times[:-1] - start) / step)
    periods[regular] = 1
    return np.concatenate(([0], np.cumsum(periods))).astype(np.int64)


def extend(times: Floats, before: int, after: int) -> Floats:
    """Continue a train at both ends by numbers of pulses, with a line fitted to its nearest 1000.

    `times` (n,) are at least 2 and increasing. Returns (before + n + after,) float64.
    """
    head = -_continuation(-times[::-1], before)[::-1]
    return np.concatenate((head, times, _continuation(times, after)))


def numbered(times: Floats, numbers: Integers) -> Floats:
    """Return the times of pulses by number, (k,), the train continued where it ends.

    `numbers` (k,) increase; they are negative before the first pulse.
    """
    before, after = max(-int(numbers[0]), 0), max(int(numbers[-1]) + 1 - times.size, 0)
    return extend(times, before, after)[numbers + before]


def renumbered(number: int, recorded: Floats, train: Floats) -> int:
    """Return the number of a recorded pulse in a train with pulses filled in or left out.

    >>> renumbered(2, np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 2.0, 3.0]))
    3
    """
    if not 0 <= number < recorded.size:
        return number
    return int(np.abs(train - recorded[number]).argmin())


def extrapolation_error(times: Floats, n: int) -> float:
    """Estimate by how much the pulse n beyond the end of a train may be off, in periods.

    By how much the rate has changed within the train, from the first to the last of blocks of 1000
    pulses, it may change once more; and the rate of a block is known only as well as its pulses lie
    on a line.

    >>> round(extrapolation_error(np.arange(5000) / 60, 100), 4)
    0.0002
    """
    if n == 0:
        return 0.0
    step = period(times)
    blocks = [times[at : at + _FIT_PULSES] for at in range(0, times.size, _FIT_PULSES)]
    fits = [_line(block, step) for block in blocks if block.size >= min(_FIT_PULSES, times.size)]
    slopes, errors = np.array(fits).T
    return float(n * (np.ptp(slopes) + 3 * errors.max() + _USUAL_DRIFT))


def _line(times: Floats, step: float) -> tuple[float, float]:
    """Return the slope of evenly spaced times and its standard error, in periods."""
    if times.size < 3:
        return 1.0, 0.01
    number = np.rint((times - times[0]) / step)
    centred = number - number.mean()
    squares = float(centred @ centred)
    slope = float(centred @ times) / squares
    residuals = times - times.mean() - slope * centred
    error = np.sqrt(float(residuals @ residuals) / (times.size - 2) / squares)
    return slope / step, float(error / step)


def _continuation(times: Floats, n: int) -> Floats:
    if n == 0:
        return np.empty(0)
    step = period(times)
    nearest = times[-_FIT_PULSES:]
    breaks = np.flatnonzero(np.abs(np.diff(nearest) - step) > 0.5 * step)
    nearest = nearest[breaks[-1] + 1 :] if breaks.size else nearest
    if nearest.size < 2:
        even_on: Floats = times[-1] + step * np.arange(1, n + 1)
        return even_on
    slope, offset = np.polyfit(np.arange(nearest.size), nearest - times[-1], 1)
    fitted: Floats = times[-1] + offset + slope * (nearest.size + np.arange(n))
    return fitted
