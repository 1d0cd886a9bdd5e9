"""Pulses checked against the clock of their camera: their rate must be the same."""

from collections.abc import Mapping

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.timing import clock_match

_SAME_RATE = 1e-3
"""Part by which the rate of the pulses may differ from that of the camera's clock. Quartz clocks
differ by less than 1e-4."""

_MIN_REGULAR = 0.8
"""Part of the intervals between frames that must be of one length for a clock to be one."""

_MIN_INTERVALS = 30

_NEAR_MEDIAN = 0.25
"""Part by which an interval may differ from the median to count for the rate."""

_RINGING = 0.3
"""Part of the period: of pulses closer to each other the first counts."""

_MAX_SAMPLES = 100.0
"""Ratio of periods from which on times are taken for numbers of samples."""


def checked(
    pulses: Floats, timestamps: Floats | None, others: Mapping[str, Floats], notes: list[str]
) -> Floats:
    """Return the pulses of a camera, without those of ringing edges.

    Without a clock of the camera its period is that of the pulses if they are regular, else the
    longer of the two that they alternate between.

    Parameters
    ----------
    pulses
        (n,) float64, seconds, at least 2, increasing.
    timestamps
        (m,) float64, seconds of the camera's clock at its frames, or None.
    others
        Pulses of other channels, by name.
    notes
        A sentence is added if pulses were left out.

    Raises
    ------
    DataError
        If the rate of the pulses is not that of the camera.
    """
    by_clock = _regular_period(timestamps)
    step = by_clock or _longer_period(pulses)
    if step is None or _has_period(pulses, step):
        return pulses
    clean = pulses[np.diff(pulses, prepend=-np.inf) > _RINGING * step]
    if _has_period(clean, step):
        notes.append(
            f"{pulses.size - clean.size} of {pulses.size} camera pulses follow another within "
            f"{1000 * _RINGING * step:.1f} ms, as edges that ring: they were left out."
        )
        return clean
    if by_clock is None:
        return pulses
    raise DataError(_difference(_period(pulses), step, others))


def check_other_channels(
    timestamps: Floats | None, count: Integers, others: Mapping[str, Floats]
) -> None:
    """See that no other channel has the pulses of a camera, as where cables are swapped.

    For a camera whose own pulses are not as irregular as its clock.

    Parameters
    ----------
    timestamps
        (m,) float64, seconds of the camera's clock at its frames, or None.
    count
        (n,) int64, number of the exposure of each frame, from 0.
    others
        Pulses of other channels, by name.

    Raises
    ------
    DataError
        If the intervals of another channel are those of the camera's clock.
    """
    if timestamps is None:
        return
    for name, train in others.items():
        found = clock_match.deviations(train, count, timestamps)
        if found is not None and clock_match.nats(found).is_clear:
            raise DataError(
                f"The intervals between the pulses of {name} are those of this camera's clock, and "
                "those of its own channel are not. Are the two cables swapped? Correct the wiring "
                "file, or the labels of the cameras."
            )


def distinct(pulses: Floats, notes: list[str]) -> Floats:
    """Return pulses without those at the same sample of the DAQ as the one before."""
    kept: Floats = pulses[np.diff(pulses, prepend=-np.inf) != 0]
    if kept.size < pulses.size:
        notes.append(
            f"{pulses.size - kept.size} camera pulses came in the same sample of the DAQ as "
            "another: they were left out."
        )
    return kept


def _regular_period(times: Floats | None) -> float | None:
    """Return the period of frames or pulses; None if they are not regular, or too few."""
    if times is None or times.size <= _MIN_INTERVALS:
        return None
    step = _period(times)
    regular = np.abs(np.diff(times) - step) < 0.1 * step
    return step if step > 0 and np.mean(regular) > _MIN_REGULAR else None


def _longer_period(pulses: Floats) -> float | None:
    """Return the period of pulses without those that ring; None if they are not regular then."""
    intervals = np.diff(pulses)
    if intervals.size < _MIN_INTERVALS:
        return None
    long = float(np.quantile(intervals, 0.9))
    return _regular_period(pulses[np.diff(pulses, prepend=-np.inf) > _RINGING * long])


def _period(times: Floats) -> float:
    """Return the mean of the intervals that are near to the median, s."""
    intervals = np.diff(times)
    # One of them, also where two lengths are equally frequent.
    typical = np.partition(intervals, intervals.size // 2)[intervals.size // 2]
    return float(intervals[np.abs(intervals - typical) <= _NEAR_MEDIAN * typical].mean())


def _has_period(times: Floats, step: float) -> bool:
    """Return whether times are that far apart, as far as their number tells."""
    # The ends of the train are known to a sample of the DAQ, which may be a part of the period.
    tolerance = _SAME_RATE + 0.5 / times.size
    return times.size < _MIN_INTERVALS or abs(_period(times) / step - 1) < tolerance


def _difference(found: float, step: float, others: Mapping[str, Floats]) -> str:
    """Return in a sentence what the pulses are instead, and the cure."""
    rates = f"The camera recorded {1 / step:.2f} frames per second by its own clock"
    pulses = f"its pulses on the DAQ come at {1 / found:.4g} Hz"
    ratio = found / step
    for name, train in others.items():
        if train.size >= _MIN_INTERVALS and _has_period(train, step):
            return (
                f"{rates}, but {pulses}; {name} has {1 / _period(train):.2f} Hz. Are the two "
                "cables swapped? Correct the wiring file, or the label of the camera."
            )
    if ratio > _MAX_SAMPLES:
        return (
            f"{rates}, but {pulses}: times of the sync pulses must be seconds, and these look like "
            "numbers of samples. Extract the sync from the raw DAQ file again."
        )
    if round(ratio) > 1 and abs(ratio / round(ratio) - 1) < 2 * _SAME_RATE:
        return (
            f"{rates}, but {pulses}: only every {_ordinal(round(ratio))} exposure has a pulse. "
            "Check the threshold and the settings of the camera's output line, or its channel in "
            "the wiring file."
        )
    return (
        f"{rates}, but {pulses}: they are not the pulses of this camera. Correct its channel in "
        "the wiring file, or check the cable."
    )


def _ordinal(number: int) -> str:
    return {2: "second", 3: "third"}.get(number, f"{number}th")
