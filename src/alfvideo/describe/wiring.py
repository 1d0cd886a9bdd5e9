"""Which line of a DAQ has the pulses of which camera, by all that the recordings show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.timing import daq_lines, own_pulses
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.numbering import frame_counter, numberings
from alfvideo.timing.placement import Placement, place
from alfvideo.timing.pulses import period
from alfvideo.timing.sync import Sync

MIN_PULSES = 10
"""A line with fewer rises is not looked at as that of a camera."""

_MIN_REGULAR = 0.5
"""Part of the intervals between pulses that must be of one length, for a line to be a camera's."""

_REGULAR = 0.1
"""Part of the period by which a regular interval may differ from it."""

_MIN_PART = 0.5
"""Pulses for each exposure that a line must have: the rest may not have been recorded."""

_AS_MANY, _AS_MANY_PART = 10, 0.02
"""Pulses, and part of the exposures, by which numbers may differ that are called the same: a camera
runs a little longer than its video."""

_SAME_RATE = 1e-3
"""Part by which the rates of a clock and of its pulses may differ."""

_SAME_NOMINAL = 0.02
"""Part by which pulses may differ from the rate that a video says, to be called the same."""


class Sure(StrEnum):
    """The strength of the evidence for a proposal."""

    SHOWN = "sure"
    """By what the camera wrote of its frames: no other line can be it."""
    LIKELY = "likely"
    """By numbers and rates: nothing else fits, and a person should confirm it."""
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Filmed:
    """A camera as its files show it."""

    label: str
    n_frames: int
    rate: float
    """Frames per second as the video says: often wrong, and used where nothing else is known."""
    frame_data: FrameData | None = None
    """None if there are none for the video."""


class Line(NamedTuple):
    """A line of the DAQ."""

    channel: int
    n_rises: int
    rate: float | None
    """Pulses per second; None if they are too few, or not regular."""
    seconds: float
    """From the first rise to the last."""


class Wired(NamedTuple):
    """The line of a camera, as far as the recordings tell."""

    camera: str
    line: int | None
    """The channel; None if it is not known."""
    sure: Sure
    why: str
    """The evidence, or why it is not known, in a sentence."""
    sync_line: int | None = None
    """The channel that an input of the camera shows, too; None if none is known."""


@dataclass(frozen=True)
class _Pair:
    """Agreement of the pulses of a line with a camera."""

    line: Line
    n_pulses: int
    """Without those of ringing edges."""
    rate: float | None
    """Of these; None if they are not regular."""
    exposures: int
    as_many: bool
    """True if there are about as many pulses as exposures."""
    same_rate: bool
    """True if the rate is that of the camera's clock."""
    clock: float
    """Standard deviations above chance by which the intervals of the pulses are the clock's; 0 if
    they are not clearly."""
    votes: tuple[int, int]
    """Fronts of an input of the camera that agree with a line, and all; 0 if not clearly."""
    sync_line: int | None


def lines(sync: Sync) -> list[Line]:
    """Describe the lines that changed their level, in order of their channels."""
    found = []
    for channel in sync.sizes()[0].tolist():
        rises = sync.fronts(channel).rises
        span = float(rises[-1] - rises[0]) if rises.size else 0.0
        found.append(Line(channel, rises.size, _rate(rises), span))
    return found


def wired(
    sync: Sync, cameras: Sequence[Filmed], named: Mapping[str, int] | None = None
) -> list[Wired]:
    """Find the line of each camera.

    A line is shown to be that of a camera if its intervals are those of the camera's clock, or if
    only with its pulses the inputs of the camera agree with another line. Without these it is
    likely if only it has the right rate and number of pulses, or is left when the lines of others
    are known. Where two fit equally it is unknown.

    Parameters
    ----------
    sync
        All fronts of the DAQ.
    cameras
        Those with a video; labels differ.
    named
        Channels by the names in a wiring file, or those that are usual, as `left_camera`: hints
        that decide between lines that fit equally, and nothing else.
    """
    named = named or {}
    recorded = [line for line in lines(sync) if line.n_rises >= MIN_PULSES]
    pairs = {
        camera.label: [pair for line in recorded if (pair := _pair(sync, camera, line)) is not None]
        for camera in cameras
    }
    shown = {label: _shown(label, fitting) for label, fitting in pairs.items()}
    claimed = {each.line for each in shown.values()}
    found = _without_shared(shown)
    # Each line that is known leaves fewer for the others.
    while True:
        taken = claimed | {each.line for each in found.values()}
        more = {
            label: _likely(
                label,
                [pair for pair in fitting if pair.line.channel not in taken],
                named.get(f"{label}_camera"),
            )
            for label, fitting in pairs.items()
            if found[label].line is None and not found[label].why
        }
        more = _without_shared(more)
        new = {label: each for label, each in more.items() if each.line is not None}
        if not new:
            return list((found | more).values())
        found |= new


def _pair(sync: Sync, camera: Filmed, line: Line) -> _Pair | None:
    """Compare a camera with a line; None if the line cannot be its."""
    data = camera.frame_data or FrameData(None, None, None)
    pulses = own_pulses.distinct(sync.fronts(line.channel).rises, [])
    if camera.n_frames < 1 or pulses.size < MIN_PULSES:
        return None
    try:
        pulses = own_pulses.checked(pulses, data.timestamps, {}, [])
        count = frame_counter(data.count, camera.n_frames, pulses.size, [])
        exposures = int(count[-1]) + 1
        if pulses.size < _MIN_PART * exposures:
            return None
        daq = daq_lines.beside(sync, {}, line.channel, None)
        tried = [place(each, data, daq) for each in numberings(pulses, count, data.timestamps)]
    except DataError:
        return None
    best = max(tried, key=lambda placement: placement.rank)
    as_many = abs(pulses.size - exposures) <= max(_AS_MANY, _AS_MANY_PART * exposures)
    rate, clock = _rate(pulses), _by_clock(tried)
    votes, sync_line = _votes(best)
    same_rate = rate is not None and _is_rate_of(data.timestamps, rate)
    fits = rate is not None and (same_rate or as_many or _is_nominal(rate, camera.rate))
    # A camera that is triggered irregularly has no rate.
    if not (fits or clock or (votes[0] and as_many)):
        return None
    return _Pair(line, pulses.size, rate, exposures, as_many, same_rate, clock, votes, sync_line)


def _by_clock(tried: Sequence[Placement]) -> float:
    """Return how clearly the clock shows one start, in standard deviations; 0 if it does not."""
    clear = [p.clock for p in tried if p.clock is not None and p.has_clear_clock]
    return max((float(scores.nats.max(initial=0)) for scores in clear), default=0.0)


def _votes(found: Placement) -> tuple[tuple[int, int], int | None]:
    """Return the fronts that agree, of how many, and the channel that they are of."""
    fit = found.fit
    if fit is None or not fit.clear or found.reason:
        return (0, 0), None
    return (fit.exact, fit.offsets.size), int(fit.wiring.line.removeprefix("channel "))


def _shown(label: str, pairs: Sequence[_Pair]) -> Wired:
    """Take the line that evidence of the frames shows; without one there is no reason yet."""
    by_clock = [pair for pair in pairs if pair.clock]
    by_votes = [pair for pair in pairs if pair.votes[0]]
    for clear, other in ((by_clock, by_votes), (by_votes, by_clock)):
        if len(clear) != 1:
            continue
        (pair,) = clear
        if other and pair not in other:
            why = (
                f"its clock agrees with the pulses of {_channels(by_clock)}, and its inputs with "
                f"those of {_channels(by_votes)}: are its files all of one recording?"
            )
            return Wired(label, None, Sure.UNKNOWN, why)
        return Wired(label, pair.line.channel, Sure.SHOWN, _evidence(pair), pair.sync_line)
    return Wired(label, None, Sure.UNKNOWN, "")


def _evidence(pair: _Pair) -> str:
    parts = []
    if pair.clock:
        parts.append(f"the intervals of its clock are those of the pulses ({pair.clock:.0f} σ)")
    if pair.votes[0]:
        parts.append(
            f"{pair.votes[0]} of {pair.votes[1]} changes of its input are those of line "
            f"{pair.sync_line}"
        )
    return "; ".join([*parts, _numbers(pair)])


def _numbers(pair: _Pair) -> str:
    rate = "no regular rate" if pair.rate is None else f"{pair.rate:.2f} Hz"
    by_clock = ", the rate of its clock," if pair.same_rate else ""
    return f"{pair.n_pulses} pulses at {rate}{by_clock} for {pair.exposures} exposures"


def _channels(pairs: Sequence[_Pair]) -> str:
    return " and ".join(f"line {pair.line.channel}" for pair in pairs)


def _likely(label: str, pairs: Sequence[_Pair], named: int | None) -> Wired:
    """Take the line that alone has the right rate and number of pulses."""
    if not pairs:
        return Wired(
            label, None, Sure.UNKNOWN, "no line that is left has pulses of its rate or number"
        )
    several = [pair for pair in pairs if pair.as_many] or list(pairs)
    if len(several) > 1 and (hinted := [p for p in several if p.line.channel == named]):
        (pair,) = hinted
        why = f"the wiring says so, and it fits: {_numbers(pair)}{_doubt(pair)}"
        return Wired(label, named, Sure.LIKELY, why, pair.sync_line)
    if len(several) > 1:
        each = "; ".join(f"line {pair.line.channel}: {_numbers(pair)}" for pair in several)
        return Wired(label, None, Sure.UNKNOWN, f"several lines fit: {each}")
    (pair,) = several
    why = f"{_numbers(pair)}{_doubt(pair)}"
    return Wired(label, pair.line.channel, Sure.LIKELY, why, pair.sync_line)


def _doubt(pair: _Pair) -> str:
    """Say that a camera has a clock which does not show the line; empty if it has none."""
    return ", but their intervals are not clearly those of its clock" if pair.same_rate else ""


def _without_shared(found: Mapping[str, Wired]) -> dict[str, Wired]:
    """Leave a line that fits several cameras open: it may be one trigger for all of them."""
    result = dict(found)
    for line in {each.line for each in found.values()} - {None}:
        labels = [label for label, each in found.items() if each.line == line]
        if len(labels) > 1:
            why = (
                f"line {line} fits {' and '.join(labels)}. If it triggers them all, give each "
                f"`channel: {line}` in camera_timing.yaml"
            )
            result |= {label: Wired(label, None, Sure.UNKNOWN, why) for label in labels}
    return result


def _rate(rises: Floats) -> float | None:
    """Return the rate of a train of pulses; None if they are too few, or not regular."""
    if rises.size < MIN_PULSES:
        return None
    intervals = np.diff(rises)
    intervals = intervals[intervals > 0]
    if intervals.size < MIN_PULSES - 1:
        return None
    step = period(rises)
    regular = np.abs(intervals / step - 1) < _REGULAR if step > 0 else np.zeros(1, bool)
    return 1 / step if regular.mean() >= _MIN_REGULAR else None


def _is_nominal(rate: float, nominal: float) -> bool:
    return nominal > 0 and abs(rate / nominal - 1) < _SAME_NOMINAL


def _is_rate_of(clock: Floats | None, rate: float) -> bool:
    """Return whether a rate is that of a clock, as far as its number of frames tells."""
    if clock is None or clock.size < MIN_PULSES:
        return False
    return abs(rate * period(clock) - 1) < _SAME_RATE + 0.5 / clock.size
