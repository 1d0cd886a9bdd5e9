"""The time of each frame on rigs that keep a camlog: which pulse is that of the first frame.

Every exposure has a pulse, and every frame a row in the log with the number of its exposure and the
time by the camera's clock. So it is known how many pulses there should be; where some were lost or
added, the intervals between pulses and those of the log, which are uneven in the same way, tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.timing.embedded import exposures_by_clock
from alfvideo.timing.evidence import Evidence, Witness, by_person
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.pulses import (
    EvenPulses,
    even,
    extrapolation_error,
    numbered,
    period,
    renumbered,
)
from alfvideo.timing.reliability import EXACT
from alfvideo.timing.timestamps import CameraTimes, check_pulses, checked

_NEAR = 30
"""Starts so many pulses around those that numbers of pulses and frames suggest are tried."""
_MANY = 300
"""More surplus pulses than this are not tried one by one: they are not those of this video."""
_UNEVEN = 0.25
"""Periods by which an interval is off that is not regular."""
_SAMPLE = 20_000
"""Intervals that are enough to compare the unevenness."""
_MIN_SAMPLE = 50
_CLEAR = 8.0
"""Standard errors by which the best start is better than the second best."""
_MAX_DIFFERENCES = 5.0
"""No interval counts more than so many typical ones: single pulses may be late or lost."""
_EXPLAINED = 0.7
"""Part of the usual difference that is left at the right start."""
_MIN_COST = 2
"""Frames without a pulse by which a start is better than all others, to be known."""
_LONG = 1000
"""Periods of a pause that cannot be counted to the period, for the rate is known to 0.01 %."""
_MAX_RATE_DIFFERENCE = 0.02
_KNOWN = "no other start fits the camlog"
_NOT_KNOWN = "nothing tells at which end, so that the times may be one frame off"
_NO_TIMES = "Check that the video and its camlog are complete, and the wiring."


@dataclass(frozen=True)
class _Numbering:
    """Pulses, and the number of the exposure of each frame, from 0."""

    pulses: Floats
    count: Integers
    intervals: Floats
    """(n_frames - 1,) float64, between frames by the camera's clock, in periods."""
    filled: Booleans
    """(n,) bool, the pulses that were not recorded."""
    repaired: EvenPulses | None = None

    @property
    def surplus(self) -> int:
        """Number of pulses more than there are exposures from the first frame to the last."""
        return self.pulses.size - int(self.count[-1]) - 1


def camlog_times(
    pulses: Floats, n_frames: int, log: FrameData, decided_start: int | None = None
) -> CameraTimes:
    """Find the time of each frame where every exposure has its pulse (camlog rigs).

    Pulses that the DAQ lost or added are repaired. Of surplus pulses at the ends those are left out
    that agree least with the camera's clock; missing ones are extrapolated. If the clock does not
    tell, one surplus pulse is taken for one after the last frame.

    Parameters
    ----------
    pulses
        (n,) float64, times of the rises of the camera's line, increasing, seconds.
    n_frames
        Number of frames in the video, by counting them.
    log
        Frame ids and times of the camlog; a clock of any unit.
    decided_start
        The pulse of the first frame, if a person decided on it.

    Raises
    ------
    DataError
        If pulses and frames cannot be brought together, or as `camera_times`.
    """
    check_pulses(pulses, n_frames)
    notes: list[str] = []
    count = _frame_ids(log.count, n_frames, notes)
    clock = _usable_clock(log.timestamps, n_frames)
    if clock is not None:
        _check_rate(pulses, clock, count)
    numberings = _numberings(pulses, count, clock)
    costs = [{start: _cost(each, start) for start in _starts(each)} for each in numberings]
    chosen = min(range(len(numberings)), key=lambda i: min(costs[i].values()))
    numbering, cost = numberings[chosen], costs[chosen]
    by_clock = None if clock is None else _start_by_clock(numbering, clock.size)
    if by_clock is not None:
        start, is_known = by_clock[0], True
    else:
        start, is_known = _start_by_numbers(numbering, cost)
    if decided_start is None and not is_known and abs(numbering.surplus) > 1:
        raise DataError(
            f"Camera pulses and video frames do not agree: {pulses.size} pulses for {n_frames} "
            f"frames, of {numbering.count[-1] + 1} exposures by the camlog, and nothing tells "
            f"which pulse is that of the first frame. {_NO_TIMES}"
        )
    found, how = start, _KNOWN if is_known else _NOT_KNOWN
    if decided_start is not None:
        start = renumbered(decided_start, pulses, numbering.pulses)
    is_decided = decided_start is not None and not (is_known and start == found)
    shown = ""
    if is_decided:
        how = "as a person decided"
    if is_decided and is_known:
        shown = f"its camlog shows pulse {found} to be that of the first frame, not {start}"
    notes += _numbering_notes(numbering, count, start)
    notes += _end_notes(numbering, start, n_frames, how)
    times = numbered(numbering.pulses, start + numbering.count)
    rows = 0 if log.count is None else log.count.size
    is_known = is_known or is_decided
    evidence = _evidence(numbering, start, times, rows, is_known, by_clock and by_clock[1])
    return checked(
        CameraTimes(
            times=times,
            pulses=numbering.pulses,
            count=numbering.count,
            method="decided" if is_decided else "camlog",
            notes=tuple(notes),
            evidence=by_person(evidence, shown) if is_decided else evidence,
        )
    )


def _evidence(
    numbering: _Numbering,
    start: int,
    times: Floats,
    rows: int,
    is_known: bool,
    clock: Witness | None,
) -> Evidence:
    """Return by how much the times may be off; by one frame if one pulse may be either's.

    `rows` is how many the log has.
    """
    unlogged = abs(rows - numbering.count.size) if rows else 0
    before, after = _missing(numbering, start)
    pulse = start + numbering.count
    inside = (pulse >= 0) & (pulse < numbering.pulses.size)
    outside = np.count_nonzero(~inside)
    step = period(numbering.pulses)
    apart = np.abs(np.diff(times) / step - numbering.intervals)
    doubt = max(unlogged, not is_known) + extrapolation_error(numbering.pulses, max(before, after))
    if outside or numbering.filled[pulse[inside]].any():
        uneven = np.abs(np.diff(numbering.pulses) / step - 1)
        doubt += float(np.percentile(uneven[uneven < _UNEVEN], 99.9)) if uneven.size else 0.0
    bound: float | None = round(doubt, 2)
    reason = ""
    if not rows and not is_known:
        bound = None
        reason = "Without a camlog nothing shows which frames the camera dropped, if it did."
    elif (
        numbering.repaired is not None and (gap := np.diff(numbering.count).max(initial=0)) > _LONG
    ):
        bound = None
        reason = (
            f"The camera paused for {gap} periods, and pulses were lost or added: how many is not "
            "known to the pulse in so long a pause."
        )
    elif places := np.count_nonzero(apart > EXACT):
        bound = None
        reason = (
            f"After {places} frames the times go on by other numbers of periods than the camlog: "
            "pulses were lost or added there, and it is not known which."
        )
    elif unlogged:
        reason = (
            f"The camlog and the video differ by {unlogged} frames, at an end that is not known."
        )
    elif not is_known:
        reason = (
            "Pulses are missing or too many, and nothing but their number tells which is that of "
            "the first frame."
        )
    elif bound is not None and bound >= EXACT:
        reason = f"{outside} frames have no pulse: their times follow the rate of the others."
    share = round(outside / numbering.count.size, 4)
    return Evidence(bound, reason, share, () if clock is None else (clock,))


def _frame_ids(recorded: Integers | None, n_frames: int, notes: list[str]) -> Integers:
    """Return the number of the exposure of each frame, (n_frames,) int64, increasing from 0."""
    consecutive = np.arange(n_frames)
    if recorded is None:
        notes.append("There is no camlog: frames are taken as consecutive.")
        return consecutive
    if recorded.size != n_frames:
        notes.append(
            f"The camlog has {recorded.size} rows for {n_frames} frames: they are counted from the "
            "first frame."
        )
    count = recorded[:n_frames]
    if (np.diff(count) <= 0).any():
        at = int(np.flatnonzero(np.diff(count) <= 0)[0]) + 1
        notes.append(
            f"The frame ids of the camlog do not increase at frame {at}: they were not used."
        )
        return consecutive
    beyond = count[-1] + 1 + consecutive[: n_frames - count.size]
    return np.concatenate((count, beyond))


def _usable_clock(timestamps: Floats | None, n_frames: int) -> Floats | None:
    """Return the times of the log, (m,), m at most `n_frames`; None if they do not increase."""
    if timestamps is None or timestamps.size < 2 or not (np.diff(timestamps) > 0).all():
        return None
    return timestamps[:n_frames]


def _check_rate(pulses: Floats, clock: Floats, count: Integers) -> None:
    """See that pulses and frames have the same rate; the log may have another unit than seconds."""
    ratio = period(pulses) / _clock_period(count, clock)
    unit = 10.0 ** np.rint(np.log10(ratio))
    if abs(ratio / unit - 1) > _MAX_RATE_DIFFERENCE:
        raise DataError(
            f"The pulses on the channel of the camera come at {1 / period(pulses):.2f} Hz, the "
            f"frames of its camlog at {ratio / unit / period(pulses):.2f} Hz: it is the channel of "
            "another camera, or not every exposure has a pulse. Correct the wiring file."
        )


def _numberings(pulses: Floats, count: Integers, clock: Floats | None) -> list[_Numbering]:
    """List ways to number pulses and frames: as recorded, and repaired."""
    recorded = _Numbering(pulses, count, _intervals(count, clock), np.zeros(pulses.size, bool))
    clock_count = exposures_by_clock(clock, count)
    if (pulses[-1] - pulses[0]) / period(pulses) > 10 * (pulses.size + clock_count[-1]):
        return [recorded]  # filling so long a gap is a guess
    repaired = even(pulses)
    if not (repaired.filled.size or repaired.removed.size) and np.array_equal(clock_count, count):
        return [recorded]
    filled = np.zeros(repaired.times.size, bool)
    filled[repaired.filled] = True
    intervals = _intervals(clock_count, clock)
    return [recorded, _Numbering(repaired.times, clock_count, intervals, filled, repaired)]


def _intervals(count: Integers, clock: Floats | None) -> Floats:
    """Return the intervals between frames in periods: by the clock, else by the count, (n - 1,)."""
    steps = np.diff(count).astype(np.float64)
    if clock is None:
        return steps
    measured = np.diff(clock) / _clock_period(count, clock)
    return np.concatenate((measured, steps[measured.size :]))


def _clock_period(count: Integers, clock: Floats) -> float:
    """Return the mean time between exposures by the clock, without pauses and unknown drops."""
    measured = np.diff(clock)
    steps = np.diff(count[: clock.size])
    typical = float(np.median(measured / steps))
    regular = np.abs(measured / typical - steps) < 0.5 * steps
    return float(measured[regular].sum() / steps[regular].sum()) if regular.any() else typical


def _starts(numbering: _Numbering) -> Integers:
    """List the pulses that may be that of the first frame, (k,) int64."""
    low, high = min(numbering.surplus, 0), max(numbering.surplus, 0)
    if high - low <= _MANY:
        return np.arange(low - _NEAR, high + _NEAR + 1)
    near = np.arange(-_NEAR, _NEAR + 1)
    return np.unique(np.concatenate((low + near, high + near)))


def _cost(numbering: _Numbering, start: int) -> int:
    """Count the frames without a pulse, and twice the intervals that differ from the clock's.

    Twice, because all that comes after these is at another place.
    """
    numbers = start + numbering.count
    inside = (numbers >= 0) & (numbers < numbering.pulses.size)
    without = np.count_nonzero(~inside) + np.count_nonzero(numbering.filled[numbers[inside]])
    apart = _difference(numbering, start, np.arange(numbers.size - 1))
    return int(without + 2 * np.count_nonzero(np.abs(apart) > _UNEVEN))


def _difference(numbering: _Numbering, start: int, frames: Integers) -> Floats:
    """Return by how much the intervals after frames differ between pulses and clock.

    (k,) float64, in periods; 0 where a pulse is missing.
    """
    train, last = numbering.pulses, numbering.pulses.size - 1
    first, second = start + numbering.count[frames], start + numbering.count[frames + 1]
    by_pulses = (train[second.clip(0, last)] - train[first.clip(0, last)]) / period(train)
    inside = (first >= 0) & (second <= last)
    return np.where(inside, by_pulses - numbering.intervals[frames], 0.0)


def _start_by_numbers(numbering: _Numbering, costs: Mapping[int, int]) -> tuple[int, bool]:
    """Choose the start with the least cost, and return if no other comes near.

    Numbers that agree are believed, but not beside pulses that the DAQ lost or added: there any
    start may have a cost as low as theirs.
    """
    surplus = numbering.surplus
    likely = [0, surplus] if abs(surplus) <= 1 else list(costs)
    start = min(likely, key=lambda each: (costs[each], abs(each)))
    others = min(cost for each, cost in costs.items() if each != start)
    repaired = numbering.repaired
    n_repaired = 0 if repaired is None else repaired.filled.size + repaired.removed.size
    agrees = surplus == 0 and n_repaired == 0
    return start, agrees or others - costs[start] >= _MIN_COST + n_repaired


def _start_by_clock(numbering: _Numbering, n_measured: int) -> tuple[int, Witness] | None:
    """Find the start at which pulses are as uneven as the clock of the first frames, if any.

    With it is told how many standard deviations above the usual start it and the second best are.
    """
    starts = _starts(numbering)
    frames = np.arange(n_measured - 1)
    frames = frames[:: 1 + frames.size // _SAMPLE]
    low, high = numbering.count[frames], numbering.count[frames + 1]
    everywhere = (low + starts[0] >= 0) & (high + starts[-1] < numbering.pulses.size)
    frames = frames[everywhere & (high - low == 1)]
    if frames.size < _MIN_SAMPLE:
        return None
    apart = np.abs([_difference(numbering, start, frames) for start in starts])
    apart = apart.clip(max=_MAX_DIFFERENCES * np.median(apart))
    means = apart.mean(axis=1)
    best, second = np.argsort(means)[:2]
    gain, usual = apart[second] - apart[best], np.median(means)
    is_clear = gain.mean() * np.sqrt(gain.size) > _CLEAR * gain.std()
    # Times on a grid are uneven in a pattern that comes again and again.
    stands_out = means[second] - means[best] > 0.5 * (usual - means[best])
    if is_clear and stands_out and means[best] < _EXPLAINED * usual:
        spread = float(np.delete(means, best).std()) or float(means[best])
        agreement, other = (round(float(usual - means[i]) / spread, 1) for i in (best, second))
        return int(starts[best]), Witness("clock", agreement, other)
    return None


def _missing(numbering: _Numbering, start: int) -> tuple[int, int]:
    """Return how many pulses are missing at the start and at the end."""
    return max(-start, 0), max(start - numbering.surplus, 0)


def _numbering_notes(numbering: _Numbering, recorded_count: Integers, start: int) -> list[str]:
    notes = []
    steps = np.diff(numbering.count)
    if dropped := int((steps - 1).sum()):
        notes.append(
            f"{dropped} frames were dropped by the camera during the session (at "
            f"{np.count_nonzero(steps > 1)} places)."
        )
    if differing := np.count_nonzero(steps != np.diff(recorded_count)):
        notes.append(
            f"At {differing} places the camera's clock shows another number of exposures than the "
            "frame ids: the clock was followed."
        )
    if numbering.repaired is None:
        return notes
    numbers = start + np.arange(numbering.count[-1] + 1)
    numbers = numbers[(numbers >= 0) & (numbers < numbering.pulses.size)]
    if lost := np.count_nonzero(numbering.filled[numbers]):
        notes.append(f"{lost} camera pulses were lost by the DAQ: they were filled in evenly.")
    if numbers.size and (removed := numbering.repaired.removed).size:
        first, last = numbering.pulses[numbers[[0, -1]]]
        if extra := np.count_nonzero((removed > first) & (removed < last)):
            notes.append(
                f"{extra} extra camera pulses were recorded by the DAQ: they were ignored."
            )
    return notes


def _end_notes(numbering: _Numbering, start: int, n_frames: int, how: str) -> list[str]:
    before, after = _missing(numbering, start)
    early, late = max(start, 0), max(numbering.surplus - start, 0)
    parts = [
        f"{n} camera pulses {what}"
        for n, what in (
            (early, "came before the first frame of the video"),
            (late, "came after the last frame of the video"),
            (before, "are missing at the start and were extrapolated"),
            (after, "are missing at the end and were extrapolated"),
        )
        if n
    ]
    if not parts:
        return []
    numbers = f"{numbering.pulses.size} pulses for {n_frames} frames"
    return [f"{' and '.join(parts)} ({numbers}; {how})."]
