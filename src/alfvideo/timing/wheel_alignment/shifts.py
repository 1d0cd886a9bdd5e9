"""By how many frames the motion in a video is late against the wheel, over the session."""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import percentile_filter

from alfvideo.array_types import Booleans, Floats, Integers

WINDOW = 150
"""Length of the windows in seconds; this and the next five are those of ibllib's
MotionAlignmentFullSession."""

STEP = 1
"""Seconds from one window to the next."""

FILTER = (80, 120)
"""Percentile, and over how many windows it is taken."""

MAX_MISSING_PULSES = 10
"""Per cent of the frames."""

MAX_UNKNOWN = 40
"""Per cent of the windows."""

MAX_JUMPS = 60
"""Jumps of more than 10 frames between windows."""

_BATCH = 64
_BLOCK = 0.1
"""The places of steps are found to this many seconds."""

_STEP_COST = 0.01
"""Seconds of the session; in a test at 150 Hz anything from 0.0001 to 0.03 found the same steps."""


class Quality(NamedTuple):
    """The numbers by which ibllib judges an alignment, under its names."""

    ttl_per: float
    """Frames whose camera pulse is missing, per cent."""
    nan_per: float
    """Windows without a shift, per cent."""
    shifts_sum: int
    """Number of jumps of more than 10 frames between windows."""
    shifts_filt_sum: int
    """Number of jumps of more than 1 frame between windows, after cleaning."""


def window_shifts(
    energy: Floats, speed: Floats, rate: float, window: float = WINDOW, step: float = STEP
) -> tuple[Integers, Floats]:
    """Find the shift of each window by cross-correlation of motion energy and wheel speed.

    Parameters
    ----------
    energy, speed
        (n,) on one even grid; NaN where unknown. The scale does not matter.
    rate
        Grid points per second.
    window, step
        Seconds. Windows are centred on the first grid point and each `step` after it; those at the
        ends hold less.

    Returns
    -------
    centres
        (k,) int64, grid points.
    shifts
        (k,) float64, grid points by which the energy is late; NaN if one of them never changes.
    """
    half, every = round(rate * window / 2), round(rate * step)
    centres = np.arange(0, energy.size, every)
    shifts = np.full(centres.size, np.nan)
    size = next_fast_len(4 * half + 1, real=True)
    padded = [np.pad(values, half, constant_values=np.nan) for values in (energy, speed)]
    windows = [np.lib.stride_tricks.sliding_window_view(p, 2 * half + 1)[::every] for p in padded]
    for first in range(0, centres.size, _BATCH):
        batch = slice(first, first + _BATCH)
        spectra, known = [], np.ones(centres[batch].size, bool)
        for values in windows:
            least = np.fmin.reduce(values[batch], axis=1, keepdims=True)
            raised = np.nan_to_num(values[batch] - least)
            known &= raised.any(axis=1)
            spectra.append(rfft(raised, size, axis=1))
        correlation = irfft(spectra[0] * spectra[1].conj(), size, axis=1)
        lag = correlation.argmax(axis=1)
        lag[lag > size // 2] -= size
        shifts[batch] = np.where(known, lag, np.nan)
    return centres, shifts


def distinctness(energy: Floats, speed: Floats, rate: float) -> float:
    """Return the prominence of the best shift of the whole session: 1 is none.

    The ratio of the highest correlation to the next one that is a second or more away. Parameters
    are as in `window_shifts`, at least 2 s long.
    """
    size = next_fast_len(2 * energy.size, real=True)
    spectra = [rfft(np.nan_to_num(v - np.nanmean(v)), size) for v in (energy, speed)]
    correlation = irfft(spectra[0] * spectra[1].conj(), size)
    best = int(correlation.argmax())
    away = np.abs((np.arange(size) - best + size // 2) % size - size // 2) >= rate
    return float(correlation[best] / correlation[away].max())


def cleaned(shifts: Floats) -> Floats:
    """Return shifts of windows without artefacts, (k,) float64.

    Frames get lost but do not appear, so shifts should never grow. A percentile filter takes out
    what is short; then a jump up by 1 is removed together with the nearest jump down by 1, and one
    up by more than 2 with the nearest one down by more than 2. A window without a shift takes that
    of the nearest window.
    """
    known = np.flatnonzero(np.isfinite(shifts))
    if not known.size:
        return shifts.copy()
    halfway = (known[1:] + known[:-1]) / 2
    filled = shifts[known[np.searchsorted(halfway, np.arange(shifts.size))]]
    percentile, size = FILTER
    result = percentile_filter(filled, percentile, size)
    steps = np.diff(result)
    _drop_pairs(steps, steps == 1, steps == -1)
    _drop_pairs(steps, steps > 2, steps < -2)
    kept: Floats = result[0] + np.concatenate(([0], np.cumsum(steps)))
    return kept


def _drop_pairs(steps: Floats, up: Booleans, down: Booleans) -> None:
    """Set each step up to 0 with the nearest step down, the nearest pairs first."""
    ups, downs = np.flatnonzero(up), np.flatnonzero(down)
    distance = np.abs(ups[:, None] - downs).astype(float)
    for _ in range(min(distance.shape)):
        i, j = np.unravel_index(distance.argmin(), distance.shape)
        steps[downs[j]] = 0
        distance[i], distance[:, j] = np.inf, np.inf
    steps[ups] = 0


def frame_shifts(energy: Floats, speed: Floats, rate: float, most: int, least: int) -> Integers:
    """Return shift of each grid point, falling and between `most` and `least`, (n,) int64.

    The one under which the product of energy and speed is largest in sum over the session, found by
    dynamic programming: windows tell which shifts there are, this tells where one begins. A step
    must gain what 0.01 s of the session give on average. Parameters are as in `window_shifts`.
    """
    block = max(round(rate * _BLOCK), 1)
    energy = np.nan_to_num(energy - np.nanmin(energy))
    speed = np.nan_to_num(speed)
    grid, starts = np.arange(energy.size), np.arange(0, energy.size, block)
    number = np.arange(starts.size + 1)
    shifts = np.arange(most, least - 1, -1)
    # the block at which each shift begins, and the sum so far, for each block at which it may end
    begins = np.zeros((shifts.size, number.size), np.int32)
    sums = np.empty(shifts.size)
    best = np.full(number.size, -np.inf)
    for i, shift in enumerate(shifts):
        source = grid - shift
        inside = (source >= 0) & (source < speed.size)
        product = np.where(inside, energy * speed[source.clip(0, speed.size - 1)], 0)
        total = np.concatenate(([0], np.cumsum(np.add.reduceat(product, starts))))
        begin = best - total - _STEP_COST * rate * total[-1] / energy.size
        begin[0] = 0
        top = np.maximum.accumulate(begin)
        begins[i] = np.maximum.accumulate(np.where(begin == top, number, 0))
        best = top + total
        sums[i] = best[-1]
    result = np.empty(energy.size, np.int64)
    i, end = int(sums.argmax()), starts.size
    while end > 0:
        begin = begins[i, end]
        result[begin * block : end * block] = shifts[i]
        i, end = i - 1, begin
    return result


def quality(shifts: Floats, clean: Floats, n_frames: int, n_missing_pulses: int) -> Quality:
    """Compute ibllib's numbers of an alignment's quality; `shifts` and `clean` are of windows."""
    return Quality(
        ttl_per=100 * n_missing_pulses / n_frames,
        nan_per=100 * float(np.mean(np.isnan(shifts))),
        shifts_sum=int(np.count_nonzero(np.abs(np.diff(shifts)) > 10)),
        shifts_filt_sum=int(np.count_nonzero(np.abs(np.diff(clean)) > 1)),
    )
