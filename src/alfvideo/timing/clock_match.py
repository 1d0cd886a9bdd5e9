"""The place of a video in its pulses by their irregularities, which the camera's clock saw, too."""

import math

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing.correlation import by_start, fft_size
from alfvideo.timing.evidence import Scores

_MIN_INTERVALS = 30
"""Intervals that a start must have in common with the pulses to be judged."""

_MAX_DEVIATIONS = 4.0
"""Standard deviations to which irregularities are limited, so that one alone decides nothing."""

_MIN_SPREAD = 5e-7
"""Standard deviation of intervals, s; less is the resolution of a clock."""

_MAX_KURTOSIS = 10.0
"""Of the irregularities of the denser side: 3 is that of a normal distribution."""

_ALIKE = 0.8
"""Part of the best correlation coefficient from which on another start is as good."""

_VARIANCE = 1.5
"""Of the correlation of two trains of white jitter: neighbouring intervals are correlated by -1/2.
"""


def deviations(pulses: Floats, count: Integers, timestamps: Floats) -> Scores | None:
    """Correlate intervals between pulses with those of the camera's clock, for every start.

    A camera is never quite regular: its exposures jitter by microseconds, pause, or change their
    rate. If frame i was exposed at pulse start + count[i], the interval after it differs from the
    mean interval by as much on the camera's clock as on the DAQ's.

    Parameters
    ----------
    pulses
        (n,) float64, seconds of the DAQ's clock, increasing.
    count
        (m,) int64, number of the exposure of each frame, increasing from 0.
    timestamps
        (k,) float64, seconds of the camera's clock, of the first k frames.

    Returns
    -------
    Correlation of each start in standard deviations above chance, not below 0; None if there are
    too few intervals, or all are equal.
    """
    known = min(count.size, timestamps.size)
    count, intervals = count[:known], np.diff(timestamps[:known])
    if intervals.size < _MIN_INTERVALS or pulses.size <= _MIN_INTERVALS:
        return None
    frames = np.zeros(int(count[-1]) + 1)
    frames[count[:-1]] = _irregularity(intervals, np.diff(count) == 1)
    train = _irregularity(np.diff(pulses), np.ones(pulses.size - 1, bool))
    if not _can_be_compared(frames, train):
        return None
    size = fft_size(frames.size, train.size)
    product = np.fft.rfft(train, size) * np.fft.rfft(frames, size).conj()
    common = by_start(product, size, frames.size, train.size)

    starts = np.arange(1 - frames.size, train.size)
    first, end = np.clip(-starts, 0, frames.size), np.clip(train.size - starts, 0, frames.size)
    chance = _sum_between(frames**2, first, end) * _sum_between(
        train**2, starts + first, starts + end
    )
    overlap = np.maximum(end - first, 1)
    usual = np.sqrt(_VARIANCE * np.maximum(chance / overlap, np.finfo(float).tiny))
    judged = (overlap >= _MIN_INTERVALS) & (chance > 0)
    found = np.where(judged, np.maximum(common / usual, 0), 0)
    # Irregularities that repeat fit as well elsewhere, where fewer intervals are in common.
    best = int(found.argmax())
    likeness = found / np.sqrt(overlap)
    alike = (likeness > _ALIKE * likeness[best]) & (overlap > 0.5 * overlap[best])
    found[alike] = found[best]
    return Scores(1 - frames.size, found)


def agreement(times: Floats, timestamps: Floats, has_pulse: Booleans) -> float:
    """Correlate the intervals between frames by the DAQ with those by the camera's clock.

    Parameters
    ----------
    times, timestamps
        (n,) float64, seconds of the two clocks, increasing.
    has_pulse
        (n,) bool, frames whose time is that of a pulse: others, which may be by the clock itself,
        tell nothing.

    Returns
    -------
    The correlation in standard deviations above chance.
    """
    known = has_pulse[:-1] & has_pulse[1:]
    one, other = (_irregularity(np.diff(each), known) for each in (times, timestamps))
    n_known = max(int(np.count_nonzero(known)), 1)
    chance = _VARIANCE * float(one @ one) * float(other @ other) / n_known
    return float(one @ other) / math.sqrt(chance) if chance > 0 else 0.0


def nats(found: Scores) -> Scores:
    """Convert standard deviations above chance to nats, as of a normal distribution."""
    return Scores(found.first, found.nats**2 / 2)


def _can_be_compared(one: Floats, other: Floats) -> bool:
    """Return whether chance is known: by a few spikes on either side they meet too easily.

    The pulses of a steady camera differ by a sample of the DAQ now and then; that is enough if the
    clock is finer.
    """
    sizes, numbers = [], []
    for values in (one, other):
        squares = values**2
        power = float(squares.sum())
        numbers.append(power**2 / float((squares**2).sum()) if power else 0.0)
        sizes.append(values.size)
    is_dense = any(n * _MAX_KURTOSIS > size for n, size in zip(numbers, sizes, strict=True))
    return is_dense and min(numbers) >= _MIN_INTERVALS


def _irregularity(intervals: Floats, single: Booleans) -> Floats:
    """Return by how much each interval differs from the mean, (n,); 0 where it is not of one frame.

    In standard deviations, limited.
    """
    result = np.zeros(intervals.size)
    if not single.any():
        return result
    typical = np.median(intervals[single])
    regular = intervals[single & (np.abs(intervals - typical) < 0.5 * typical)]
    spread = regular.std()
    if spread > _MIN_SPREAD:
        differences = (intervals[single] - regular.mean()) / spread
        limited = np.clip(differences, -_MAX_DEVIATIONS, _MAX_DEVIATIONS)
        result[single] = limited - limited.mean()
    return result


def _sum_between(values: Floats, first: Integers, end: Integers) -> Floats:
    """Return the sums of values[first:end], (n,)."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    size = values.size
    between: Floats = sums[np.clip(end, 0, size)] - sums[np.clip(first, 0, size)]
    return between
