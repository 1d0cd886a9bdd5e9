"""Rows of what a camera writes with its frames that are damaged: found, and filled in if possible.

A row is judged by the rows beside it. If more than one in ten is odd, they are no damage but the
way in which the camera counts, and all are kept.
"""

from bisect import bisect_right
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers, Numbers

AGAIN = "If the file is whole on the rig, copy it again."

CLOCK_PERIOD = 128.0
"""Seconds after which the clock of a PointGrey camera begins again."""

_MAX_EXACT = 2.0**53
_COUNTER_PERIOD = 2**32
_FEW = 10
"""One row in so many may be damaged."""
_MIN_RESTART = 3
"""Rows that count on among themselves, but not from the rows beside them: the counter restarted."""
_MAX_DROPPED = 50
"""Periods that the first or last frame may be from the others by the clock, if the counter does not
say so: a damaged value is as near to them once in a hundred times."""
_MAX_LATE = 1.0
"""Seconds by which the computer may be late with a frame."""


class Column(NamedTuple):
    """Values of a column, of which some rows may be damaged."""

    values: Numbers
    """(n,); those of damaged rows are filled in."""
    damaged: Booleans
    """(n,) bool."""


def whole(values: Numbers) -> Booleans:
    """Return which values are whole numbers that float64 holds exactly, not negative, (n,) bool."""
    with np.errstate(invalid="ignore"):
        return np.asarray((values >= 0) & (values < _MAX_EXACT) & (values == np.floor(values)))


def tail(possible: Booleans) -> int:
    """Return the number of rows before the impossible ones at the end, if these are two or more.

    >>> tail(np.array([True, False, True, False, False])), tail(np.array([True, False]))
    (3, 2)
    """
    n = int(np.flatnonzero(possible)[-1]) + 1 if possible.any() else possible.size
    return n if possible.size - n > 1 else possible.size


def counter(values: Numbers) -> Column:
    """Find the damaged rows of a frame counter, which increases with each row.

    Damaged rows get numbers evenly between those beside them. An overflow of 32 bits is undone.
    A counter that goes back for another reason is returned as it is.

    Parameters
    ----------
    values
        (n,), whole numbers or not.

    Returns
    -------
    Values (n,) int64.
    """
    rows = np.arange(values.size)
    possible = whole(values)
    # a counter that starts, or starts again, goes on with 1
    possible[:-1] &= (values[:-1] != 0) | (values[1:] == 1)
    possible[-1:] &= values[-1:] != 0
    if 2 * np.count_nonzero(possible) < values.size or not values.size:
        as_it_is = np.where(whole(values), values, 0).astype(np.int64)
        return Column(as_it_is, np.zeros(values.size, bool))
    surplus = np.where(possible, values, 0).astype(np.int64) - rows
    middle = int(np.median(surplus[possible]))
    half = _COUNTER_PERIOD // 2
    surplus = (surplus - middle + half) % _COUNTER_PERIOD - half
    far = possible & (np.abs(surplus) > 9 * values.size + 1000)
    if np.count_nonzero(far) * _FEW <= values.size:
        possible &= ~far
    known = np.flatnonzero(possible)
    odd = known[~_longest_not_decreasing(surplus[known])]
    if odd.size * _FEW > values.size or _is_restart(surplus, odd):
        odd = odd[:0]
    good = possible.copy()
    good[odd] = False
    filled = np.floor(np.interp(rows, np.flatnonzero(good), surplus[good])).astype(np.int64)
    return Column(np.where(good, surplus, filled) + middle + rows, ~good)


def cycle_times(values: Numbers) -> Floats:
    """Convert PointGrey timestamps (n,) to seconds, which wrap; NaN for what is none.

    The highest 7 of the 32 bits are seconds, then 13 bits of 1/8000 s, then 12 bits that count
    to 3072 within each 1/8000 s (IEEE 1394 cycle time). ibllib leaves out the last 12 bits; with
    them the resolution is 41 ns and the values differ by less than 1/8000 s.
    """
    possible = whole(values)
    zeros = np.count_nonzero(values == 0)
    if 1 < zeros < values.size / 2:
        possible &= values != 0
    cycles = np.where(possible, values, 0).astype(np.int64)
    seconds = ((cycles >> 25) & 0x7F) + (((cycles >> 12) & 0x1FFF) + (cycles & 0xFFF) / 3072) / 8000
    return np.where(possible, seconds, np.nan)


def clock(
    seconds: Floats, count: Integers | None, wrap: float = CLOCK_PERIOD
) -> tuple[Column, float]:
    """Find the damaged rows of a camera's clock, which goes on by a period with each exposure.

    Parameters
    ----------
    seconds
        (n,) float64, NaN where it is no number.
    count
        (m,) int64, the frame counter, for as many rows as there are; None if there is none.
    wrap
        Seconds after which the clock begins again.

    Returns
    -------
    Seconds since the first row, (n,) float64, unwrapped, and the period of an exposure in seconds.
    """
    possible = np.isfinite(seconds)
    seconds = np.where(possible, seconds, 0.0)
    rows = np.arange(seconds.size)
    if count is None or not count.size or (np.diff(count) <= 0).any():
        n_counted, count = 0, rows
    else:
        n_counted = count.size
        beyond = count[-1] + 1 + np.arange(max(seconds.size - n_counted, 0))
        count = np.concatenate((count[: seconds.size], beyond))
    known = np.flatnonzero(possible)
    if known.size < 3:
        return Column(_unwrapped(seconds, count, 0.0, wrap), np.zeros(seconds.size, bool)), 0.0
    steps, intervals = np.diff(count[known]), np.diff(seconds[known]) % wrap
    step = float(np.median((intervals / steps)[:: 1 + steps.size // 10_000]))
    regular = np.abs(_around_zero(intervals - steps * step, wrap)) < 0.5 * step
    alone = known[~_beside(regular)]
    good = possible.copy()
    good[alone] = False
    if alone.size * _FEW > seconds.size or np.count_nonzero(good) < 2:
        good[alone] = True
    elif alone.size:
        good[alone] = _in_place(alone, seconds, count, good, step, n_counted, wrap)
    placed = np.flatnonzero(good)
    unwrapped = _unwrapped(seconds[placed], count[placed], step, wrap)
    filled = np.interp(count, count[placed], unwrapped)
    before, after = rows < placed[0], rows > placed[-1]
    filled[before] -= step * (count[placed[0]] - count[before])
    filled[after] += step * (count[after] - count[placed[-1]])
    return Column(filled - filled[0], ~good), step


def counted_by_clock(count: Column, seconds: Column, step: float) -> Column:
    """Renumber damaged rows of a counter by the clock, and its first and last row if it is at odds.

    Only these can hold any number without another row at odds with it.

    Parameters
    ----------
    count, seconds
        As found by `counter` and `clock`; rows that one of them lacks are left as they are.
    step
        Period of an exposure in seconds.
    """
    n = min(count.values.size, seconds.values.size)
    if not step or n < 3 or (np.diff(count.values) <= 0).any():
        return count
    values, damaged = count.values[:n].copy(), count.damaged[:n].copy()
    seconds = Column(seconds.values[:n], seconds.damaged[:n])
    for row, inner in ((0, 1), (-1, -2)):
        apart = abs(seconds.values[inner] - seconds.values[row]) / step
        is_known = not (seconds.damaged[row] or seconds.damaged[inner] or damaged[inner])
        if is_known and abs(apart - 1) < 0.25 and abs(values[inner] - values[row]) != 1:
            damaged[row] = True
    good = np.flatnonzero(~damaged & ~seconds.damaged)
    bad = np.flatnonzero(damaged & ~seconds.damaged)
    if good.size and bad.size:
        place = np.searchsorted(good, bad)
        nearest = good[np.where(place > 0, place - 1, 0)]
        apart = np.rint((seconds.values[bad] - seconds.values[nearest]) / step).astype(np.int64)
        by_clock = values[nearest] + apart
        low = np.where(place > 0, values[nearest] + bad - nearest, by_clock)
        after = good[np.minimum(place, good.size - 1)]
        high = np.where(place < good.size, values[after] - (after - bad), by_clock)
        values[bad] = np.minimum(np.maximum(by_clock, low), high)
    return Column(
        np.concatenate((values, count.values[n:])), np.concatenate((damaged, count.damaged[n:]))
    )


def states(values: Numbers, damaged: Booleans) -> Column:
    """Give damaged rows of the pins' states, and those of rows known to be damaged, the one before.

    Returns
    -------
    Values (n,) int64, of 32 bits.
    """
    good = whole(values) & (values < _COUNTER_PERIOD) & ~damaged
    if not good.any():
        return Column(np.zeros(values.size, np.int64), ~good)
    rows = np.maximum.accumulate(np.where(good, np.arange(values.size), -1))
    rows[rows < 0] = np.flatnonzero(good)[0]
    return Column(np.where(whole(values), values, 0).astype(np.int64)[rows], ~good)


def computer(seconds: Floats, damaged: Booleans, elapsed: Floats) -> Floats:
    """Put NaN where the clock of the computer is damaged.

    A row is right if it agrees with a row beside it to a second.

    Parameters
    ----------
    seconds
        (n,) float64, NaN where it is no number.
    damaged
        (n,) bool, rows known to be damaged.
    elapsed
        (n,) float64, seconds by another clock or by the period of the frames.
    """
    good = np.isfinite(seconds) & (seconds > 0) & ~damaged
    known = np.flatnonzero(good)
    if known.size < 2:
        return np.where(good, seconds, np.nan)
    agree = np.abs(np.diff(seconds[known]) - np.diff(elapsed[known])) < _MAX_LATE
    alone = known[~_beside(agree)]
    if alone.size * _FEW <= seconds.size and alone.size < known.size:
        good[alone] = False
        # the row beside may be the one that is damaged
        late = seconds - elapsed
        nearby = np.interp(alone, np.flatnonzero(good), late[good])
        good[alone] = np.abs(late[alone] - nearby) < _MAX_LATE
    return np.where(good, seconds, np.nan)


def _beside(agree: Booleans) -> Booleans:
    """Return which rows agree with one beside them, (n + 1,), from which do with the next, (n,)."""
    supported = np.zeros(agree.size + 1, bool)
    supported[:-1] |= agree
    supported[1:] |= agree
    return supported


def _longest_not_decreasing(values: Integers) -> Booleans:
    """Choose the longest part of a sequence that does not decrease, (n,) bool."""
    chosen = np.ones(values.size, bool)
    if not (np.diff(values) < 0).any():
        return chosen
    last_values: list[int] = []
    last_places: list[int] = []
    before = np.full(values.size, -1)
    for place, value in enumerate(values.tolist()):
        length = bisect_right(last_values, value)
        before[place] = last_places[length - 1] if length else -1
        last_values[length : length + 1] = [value]
        last_places[length : length + 1] = [place]
    chosen[:] = False
    place, second = last_places[-1], -1
    while before[place] >= 0:
        chosen[place] = True
        place, second = int(before[place]), place
    # of several that could be first, the one that is nearest to the second
    first = values[:second] if second >= 0 else values[place : place + 1]
    chosen[int(np.where(first <= values[second], first, first.min() - 1).argmax())] = True
    return chosen


def _is_restart(surplus: Integers, odd: Integers) -> bool:
    """Return whether some odd rows beside each other count on among themselves."""
    counts_on = (np.diff(odd) == 1) & (np.diff(surplus[odd]) == 0)
    runs = np.flatnonzero(np.diff(np.concatenate(([0], counts_on.view(np.int8), [0]))))
    return bool((np.diff(runs)[::2] >= _MIN_RESTART - 1).any())


def _around_zero(seconds: Floats, wrap: float) -> Floats:
    """Return differences of the clock within half its period."""
    return (seconds + wrap / 2) % wrap - wrap / 2


def _unwrapped(seconds: Floats, count: Integers, step: float, wrap: float) -> Floats:
    """Add a period of the clock wherever it began again; more than one if the counter says so."""
    apart = np.diff(seconds)
    expected = np.diff(count) * step
    regular = np.abs(_around_zero(apart - expected, wrap)) < 0.5 * step
    goes_on = np.where(regular, np.rint((expected - apart) / wrap), apart < 0)
    unwrapped: Floats = seconds + wrap * np.concatenate(([0], np.cumsum(goes_on)))
    return unwrapped


def _in_place(
    alone: Integers,
    seconds: Floats,
    count: Integers,
    good: Booleans,
    step: float,
    n_counted: int,
    wrap: float,
) -> Booleans:
    """Judge rows that agree with no row beside them by the nearest rows that do.

    They are right if they agree with one of these, or are frames between dropped ones.
    """
    right = np.zeros(alone.size, bool)
    placed = np.flatnonzero(good)
    for i, (row, place) in enumerate(zip(alone, np.searchsorted(placed, alone), strict=True)):
        beside = placed[max(place - 1, 0) : place + 1]
        expected = seconds[beside] + (count[row] - count[beside]) * step
        if (np.abs(_around_zero(seconds[row] - expected, wrap)) < 0.5 * step).any():
            right[i] = True
            continue
        before, after = (seconds[row] - seconds[beside[[0, -1]]]) * [1, -1] % wrap / step
        if place in (0, placed.size):
            apart = before if place else after
            # not against a counter
            is_between = row >= n_counted and 0.5 < apart < _MAX_DROPPED
        else:
            apart = before
            both = np.diff(seconds[beside])[0] % wrap / step
            is_between = min(before, after) > 0.5 and abs(before + after - both) < 0.5
        right[i] = is_between and abs(apart - np.rint(apart)) < 0.25
    return right
