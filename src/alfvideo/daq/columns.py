"""Fronts of lines that are columns of samples, or a list of events: found, checked and in order."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Integers, Numbers
from alfvideo.daq.fronts import Fronts
from alfvideo.files import inputs
from alfvideo.files.errors import DataError

MIN_SWING = 0.5
"""Volts between low and high of a line; what swings less is noise of a line that is not in use."""

MAX_LINES = 1024
"""Lines of a DAQ."""

_FLOOR = 10
"""The percentile that is taken for the low level, as in ibllib."""

_MAX_DISORDER = 1.0
"""Seconds by which a front may be out of its place among the others."""


class Crossings(NamedTuple):
    """Samples at which the level of a line is another than before."""

    indices: Integers
    """(m,) int64."""
    polarities: Integers
    """(m,) int8, +1 for a rise and -1 for a fall."""


class Line(NamedTuple):
    """Fronts of one line."""

    channel: int
    times: Floats
    """(m,) float64, seconds."""
    polarities: Integers
    """(m,) int8."""


def threshold(samples: Numbers) -> float | None:
    """Return the voltage between low and high of a line, None if it never changes its level.

    It is half way from the 10th percentile to the maximum, as in ibllib; of a line that is high
    nearly all the time, half way from the minimum.
    """
    known = samples[np.isfinite(samples)] if samples.dtype.kind == "f" else samples
    if not known.size:
        return None
    high = float(known.max())
    for low in (float(np.percentile(known, _FLOOR)), float(known.min())):
        if high - low >= MIN_SWING:
            return (low + high) / 2
    return None


def crossings(samples: Numbers, above: float) -> Crossings:
    """Find where samples (n,) cross a voltage; those that are no number have the level before."""
    high = samples > above
    if samples.dtype.kind == "f" and not (known := np.isfinite(samples)).all():
        # infinite ones are as high or low as they say
        known |= np.isinf(samples)
        last = np.maximum.accumulate(np.where(known, np.arange(samples.size), -1))
        high = high[np.where(last < 0, int(known.argmax()), last)]
    indices = np.flatnonzero(high[1:] != high[:-1]) + 1
    return Crossings(indices, np.where(high[indices], 1, -1).astype(np.int8))


def bits(words: Integers) -> Iterable[tuple[int, Crossings]]:
    """Find the crossings of each bit of the words (n,) of a digital port, bit by bit."""
    unsigned = words.astype(f"u{words.dtype.itemsize}", copy=False)
    changed = np.flatnonzero(unsigned[1:] != unsigned[:-1]) + 1
    after, differ = unsigned[changed], unsigned[changed] ^ unsigned[changed - 1]
    for bit in range(8 * words.dtype.itemsize):
        here = np.flatnonzero(differ >> np.uint8(bit) & 1)
        if here.size:
            high = after[here] >> np.uint8(bit) & 1
            polarities = np.where(high, 1, -1).astype(np.int8)
            yield bit, Crossings(changed[here], polarities)


def check_clock(times: Floats, path: Path) -> None:
    """See that the times of samples are numbers that increase.

    Raises
    ------
    DataError
        If one is no number of seconds, or the clock goes back.
    """
    if not (np.abs(times) < inputs.MAX_SECONDS).all():
        first = int(np.flatnonzero(~(np.abs(times) < inputs.MAX_SECONDS))[0])
        raise DataError(
            f"{path}: the time of sample {first} is {times[first]}, expected seconds. The file is "
            "damaged: copy it from the rig again."
        )
    steps = np.diff(times)
    if (back := np.flatnonzero(steps < 0)).size:
        raise DataError(_goes_back(path, "samples", back, steps, times.size))


def together(path: Path, lines: Iterable[Line], notes: Sequence[str] = ()) -> Fronts:
    """Put the fronts of lines in order of time; otherwise as `in_order`."""
    found = [line for line in lines if line.times.size]
    channels = [np.full(line.times.size, line.channel) for line in found]
    return in_order(
        path,
        np.concatenate([np.empty(0), *(line.times for line in found)]),
        np.concatenate([np.empty(0, np.int64), *channels]),
        np.concatenate([np.empty(0, np.int8), *(line.polarities for line in found)]),
        notes,
        is_merged=True,
    )


def in_order(
    path: Path,
    times: Floats,
    channels: Integers,
    polarities: Integers,
    notes: Sequence[str] = (),
    *,
    is_merged: bool = False,
) -> Fronts:
    """Check fronts as they were recorded, and put them in order of time.

    Parameters
    ----------
    path
        Of the file, for messages.
    times, channels, polarities
        (n,) each; times in seconds.
    notes
        What was wrong with the file.
    is_merged
        True if each line is in order and they follow one another.

    Raises
    ------
    DataError
        If there are none, if the clock goes back by more than a second, or a channel is impossible.
    """
    if not times.size:
        raise DataError(
            f"{path}: no line changes its level in it. Check that it is whole, that the lines are "
            "wired, and that it is the recording of this session."
        )
    if (wrong := np.flatnonzero((channels < 0) | (channels >= MAX_LINES))).size:
        raise DataError(
            f"{path}: {channels[wrong[0]]} is no line of a DAQ, expected a number from 0 to "
            f"{MAX_LINES - 1}. Correct the columns, or copy the file again."
        )
    steps = np.diff(times)
    if not is_merged and (back := np.flatnonzero(steps < -_MAX_DISORDER)).size:
        raise DataError(_goes_back(path, "events", back, steps, times.size))
    order = np.argsort(times, kind="stable")
    return Fronts(
        times[order],
        channels[order].astype(np.int16),
        polarities[order].astype(np.int8),
        tuple(notes),
    )


def _goes_back(path: Path, what: str, back: Integers, steps: Floats, n: int) -> str:
    at = int(back[0]) + 1
    return (
        f"{path}: the time goes back at {back.size} of {n} {what}, by {-steps[at - 1]:.6g} s at "
        f"number {at}: the DAQ was started again in this file, or its rows are mixed up. Split the "
        "file, and keep the recording in which the cameras ran."
    )
