"""Where a video starts in a train of pulses, by all that speaks for one start or another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing import clock_match
from alfvideo.timing.alignment import NEAR, Fit, NumberedFronts, best_fit
from alfvideo.timing.computer_clock import Window
from alfvideo.timing.daq_lines import DaqLines
from alfvideo.timing.decision import FILE, UNDECIDED, Decision
from alfvideo.timing.embedded import SYNC_PIN, FrameData, gpio_fronts
from alfvideo.timing.evidence import MARGIN, Scores
from alfvideo.timing.numbering import Numbering
from alfvideo.timing.pulses import extend, numbered, period
from alfvideo.timing.sync import Fronts

MIN_FRONTS_TO_DISAGREE = 6
"""Sync fronts (three pulses) that must agree among themselves to speak against the others."""

MAX_USUAL_JITTER = 0.2
"""Part of the sync fronts that may be a frame off without a note: a TTL that comes within a DAQ
sample of a pulse may be seen before or after it."""

_MIN_BESIDE_GAP = 2
"""GPIO fronts that must match on each side of a gap in the pulses: one may do so by chance."""

_MAX_STARTS = 3
_MIN_DEVIATIONS = 5.0
"""Above chance, for a start to be tried."""

_MIN_SILENCE = 3
"""Periods without a pulse after which the DAQ is known to have recorded more than the camera."""


@dataclass(frozen=True)
class Placement:
    """Where the video starts in a numbered train of pulses, and what shows it."""

    numbering: Numbering
    start: int
    """The pulse of the frame whose counter is 0; negative if pulses are missing."""
    method: str
    """'gpio', 'clock', 'computer', 'pulses' or 'decided'."""
    doubt: int | None
    """Frames by which the start may be off; None if that is not known."""
    reason: str = ""
    """The reason not to place it by GPIO; empty if it was."""
    fit: Fit | None = None
    """The evidence of the GPIO; None if there is none."""
    clock: Scores | None = None
    """Standard deviations above chance of each start, by the camera's clock; None without one."""
    window: Window | None = None
    """The starts that are possible by the clock of the computer; None if it was not looked at."""

    @property
    def has_clear_clock(self) -> bool:
        """True if the camera's clock alone shows the start."""
        return self.clock is not None and clock_match.nats(self.clock).is_clear

    @property
    def contradiction(self) -> str:
        """The evidence of the GPIO against the clock, by the line wired to it; else empty."""
        fit = self.fit
        if self.method != "clock" or fit is None or not (fit.clear and fit.is_expected):
            return ""
        return self.reason if abs(fit.start - self.start) > NEAR else ""

    @property
    def starts_by_clock(self) -> list[int]:
        """The few starts with which the clock agrees best, the best first."""
        if self.clock is None:
            return []
        order = self.clock.first + np.argsort(self.clock.nats)[: -_MAX_STARTS - 1 : -1]
        return [start for start in order.tolist() if self.clock.at(start) > _MIN_DEVIATIONS]

    @property
    def times(self) -> Floats:
        """(n_frames,) float64, of the frames by counting pulses, seconds."""
        return numbered(self.numbering.pulses, self.start + self.numbering.count)

    @property
    def has_pulse(self) -> Booleans:
        """(n_frames,) bool, the frames whose pulse was recorded."""
        pulses = self.numbering.pulses
        is_recorded = np.ones(pulses.size, bool)
        if self.numbering.repaired is not None:
            is_recorded[self.numbering.repaired.filled] = False
        pulse = self.start + self.numbering.count
        inside = (pulse >= 0) & (pulse < pulses.size)
        found: Booleans = inside & is_recorded[pulse.clip(0, pulses.size - 1)]
        return found

    def sure(self, n_frames: int) -> Integers:
        """Return the frames of those before `n_frames` that show the start: (k,) int64."""
        if self.fit is None or self.reason:
            return np.flatnonzero(self.has_pulse[:n_frames])
        counts = self.fit.counts[self.fit.offsets == 0]
        frames: Integers = np.searchsorted(self.numbering.count, counts)
        return frames[frames < n_frames]

    @property
    def rank(self) -> tuple[float, ...]:
        """Order placements of a video in other numberings: the better the evidence, the higher."""
        if self.method == "pulses":
            return (0, 0, 0)
        exact = self.fit.exact if self.fit is not None and not self.reason else 0
        return (1, exact, self.clock.at(self.start) if self.clock else 0)


def has_open_gap(found: Placement, others: Iterable[Placement]) -> bool:
    """Return whether it is open what happened at a gap in the pulses, or at a surplus one.

    For a camera without a clock: nothing but GPIO fronts on both sides shows whether it stood still
    there or the DAQ lost pulses. `others` are the same video in all numberings.
    """
    times = found.times
    repaired = next((p.numbering.repaired for p in others if p.numbering.repaired), None)
    if repaired is None:
        return False
    odd = np.concatenate((repaired.times[repaired.filled], repaired.removed))
    odd = odd[(odd > times[0]) & (odd < times[-1])]
    if not odd.size:
        return False
    if found.fit is None or found.reason:
        return True
    counts = found.fit.counts[found.fit.offsets == 0]
    matched = times[np.searchsorted(found.numbering.count, counts).clip(0, times.size - 1)]
    sides = np.count_nonzero(matched < odd.min()), np.count_nonzero(matched > odd.max())
    return bool(min(sides) < _MIN_BESIDE_GAP)


def place(
    numbering: Numbering, frame_data: FrameData, daq: DaqLines, decision: Decision = UNDECIDED
) -> Placement:
    """Find the start by GPIO and the camera's clock; without them by the last pulse.

    Of these only the one is used that a person decided on, if there is such a decision.
    """
    clock = None
    if frame_data.timestamps is not None and not decision.ignores("clock"):
        clock = clock_match.deviations(numbering.pulses, numbering.count, frame_data.timestamps)
    by_clock = None if clock is None else clock_match.nats(clock)
    fit, likely = None, _likely(numbering, daq)
    gpio = _heard(frame_data.gpio, decision)
    reason = _no_gpio(gpio, numbering.count.size, daq.lines)
    if decision.ignores("gpio"):
        reason = f"{FILE} chooses another method"
    if not reason and gpio is not None:
        pins, lines = _pins(gpio, numbering), _numbered(numbering, daq.lines)
        extent = max(numbering.needed, numbering.pulses.size)
        inverted = (False, True) if decision.inverted is None else (decision.inverted,)
        fit = best_fit(lines, pins, likely, extent, inverted)
        reason = _distrust(numbering, fit, lines, pins)

    doubt_of_fit = 0 if fit is None else max(_doubt(fit), frame_data.gpio_missing)
    decided = _decide(fit, reason, doubt_of_fit, by_clock)
    if decided is not None:
        return Placement(numbering, *decided, fit=fit, clock=clock)
    surplus = numbering.pulses.size - numbering.needed
    doubt = surplus if likely else None
    return Placement(numbering, max(surplus, 0), "pulses", doubt, reason, fit, clock)


def within(found: Placement, window: Window) -> Placement:
    """Place a video at one of a few starts, at which the other evidence may decide."""
    starts = list(window.starts)
    nats = np.zeros(len(starts))
    if found.fit is not None:
        nats += [found.fit.scores.at(start) for start in starts]
    if found.clock is not None:
        by_clock = clock_match.nats(found.clock)
        nats += [by_clock.at(start) for start in starts]
    scores = Scores(starts[0], nats)
    if scores.is_clear:
        return replace(found, start=scores.best, method="computer", doubt=0, window=window)
    return replace(found, start=window.start, method="computer", doubt=window.doubt, window=window)


def _decide(
    fit: Fit | None, reason: str, doubt: int, by_clock: Scores | None
) -> tuple[int, str, int, str] | None:
    """Return start, method, doubt and why not by GPIO; None if nothing shows the start.

    `reason` says why the fit cannot be used alone, `doubt` by how many frames it may be off;
    `by_clock` are nats.
    """
    if by_clock is None:
        return None if fit is None or reason else (fit.start, "gpio", doubt, "")
    if fit is None or reason:
        if by_clock.is_clear:
            return by_clock.best, "clock", 0, reason
        # What each alone shows too weakly both may show together.
        is_same = fit is not None and fit.start == by_clock.best
        if fit is None or not is_same or fit.lead + by_clock.lead(fit.start) < MARGIN:
            return None
        return fit.start, "gpio", 0, ""
    if not by_clock.is_clear:
        return fit.start, "gpio", doubt, ""
    apart = abs(by_clock.best - fit.start)
    if apart <= NEAR:
        return by_clock.best, "gpio", 0, ""
    reason = (
        f"{fit.exact} of {fit.offsets.size} GPIO fronts agree on a start that is {apart} frames "
        "from that of the camera's clock"
    )
    return by_clock.best, "clock", 0, reason


def breaks(fit: Fit) -> bool:
    """Return whether the first and the last third of the matching fronts disagree by a frame."""
    matched = fit.offsets[~fit.unmatched]
    third = matched.size // 3
    return third >= MIN_FRONTS_TO_DISAGREE and bool(
        np.median(matched[:third]) != np.median(matched[-third:])
    )


def shifted(fit: Fit) -> int:
    """Count the fronts that are one frame away from their TTL."""
    return int(np.count_nonzero(np.abs(fit.offsets) == 1))


def _heard(gpio: Booleans | None, decision: Decision) -> Booleans | None:
    """Return the pins; of all but the one that a person decided on, if so, that they never rise."""
    if gpio is None or decision.pin is None:
        return gpio
    heard = np.zeros_like(gpio)
    heard[:, decision.pin - 1] = gpio[:, decision.pin - 1]
    return heard


def _no_gpio(gpio: Booleans | None, n_frames: int, lines: Mapping[str, Fronts]) -> str:
    """Return why the GPIO cannot be used; empty if it can."""
    if gpio is None:
        return "the camera saved no GPIO"
    pins = range(gpio.shape[1])
    if not any(gpio_fronts(gpio[:n_frames, pin]).indices.size >= 2 for pin in pins):
        return "the sync line never changes in the GPIO of the camera"
    if not any(line.times.size for line in lines.values()):
        return "the DAQ recorded no sync TTLs"
    return ""


def _pins(gpio: Booleans, numbering: Numbering) -> dict[int, NumberedFronts]:
    """Return the fronts of the pins that change, the pin of IBL's rigs first."""
    order = sorted(range(gpio.shape[1]), key=lambda pin: pin != SYNC_PIN)
    found = {pin: gpio_fronts(gpio[: numbering.count.size, pin]) for pin in order}
    return {
        pin: NumberedFronts(numbering.count[fronts.indices], fronts.polarities)
        for pin, fronts in found.items()
        if fronts.indices.size >= 2
    }


def _numbered(numbering: Numbering, lines: Mapping[str, Fronts]) -> dict[str, NumberedFronts]:
    """Give each TTL of each line the number of the first pulse at or after it."""
    pulses, step = numbering.pulses, period(numbering.pulses)
    recorded = {name: line for name, line in lines.items() if line.times.size}
    first = min(line.times[0] for line in recorded.values())
    last = max(line.times[-1] for line in recorded.values())
    # TTLs outside the pulses get the numbers that the missing pulses would have
    missing = np.array([pulses[0] - first, last - pulses[-1]]) / step + 1
    before, after = np.clip(missing, 0, numbering.needed).astype(int)
    train = extend(pulses, before, after)
    return {
        name: NumberedFronts(np.searchsorted(train, line.times) - before, np.sign(line.polarities))
        for name, line in recorded.items()
    }


def _distrust(
    numbering: Numbering,
    fit: Fit,
    lines: Mapping[str, NumberedFronts],
    pins: Mapping[int, NumberedFronts],
) -> str:
    """Return why the fit to the sync TTLs cannot be used; empty if it can."""
    n_fronts, n_unmatched = fit.offsets.size, np.count_nonzero(fit.unmatched)
    if not fit.clear:
        if fit.scores.at(fit.start) < MARGIN or 2 * n_unmatched >= n_fronts:
            return f"only {n_fronts - n_unmatched} of {n_fronts} GPIO fronts match a sync TTL"
        return "several alignments fit the sync TTLs about equally well"
    fronts, ttls = _left_over(fit, lines[fit.wiring.line], pins[fit.wiring.pin])
    if min(fronts.numbers.size, ttls.numbers.size) < MIN_FRONTS_TO_DISAGREE:
        return ""
    other = best_fit({fit.wiring.line: ttls}, {fit.wiring.pin: fronts})
    if not other.clear or other.wiring != fit.wiring:
        return ""
    frames = np.searchsorted(numbering.count, fronts.numbers)
    return (
        f"{n_unmatched} of {n_fronts} GPIO fronts, from frame {frames[0]} to frame "
        f"{frames[-1]}, agree on times that are {abs(other.start - fit.start)} frames "
        "away from those of the others"
    )


def _left_over(
    fit: Fit, line: NumberedFronts, pin: NumberedFronts
) -> tuple[NumberedFronts, NumberedFronts]:
    """Return the fronts of a pin without a TTL, and the TTLs of a line without a front."""
    matched = ~fit.unmatched
    pulses = pin.numbers[matched] + fit.start + fit.offsets[matched].astype(np.int64)
    seen = NumberedFronts(pulses, fit.wiring.sign * pin.polarities[matched])
    taken = np.isin(line.keys(), seen.keys())
    return (
        NumberedFronts(*(values[fit.unmatched] for values in pin)),
        NumberedFronts(*(values[~taken] for values in line)),
    )


def _doubt(fit: Fit) -> int:
    """Return by how many frames the start may be off: as far as other starts are nearly as good."""
    rivals = np.abs(fit.rivals - fit.start)
    often = np.abs(np.flatnonzero(fit.near > MAX_USUAL_JITTER * fit.offsets.size) - NEAR)
    return max(int(rivals.max(initial=0)), int(often.max(initial=0)), int(breaks(fit)))


def _likely(numbering: Numbering, daq: DaqLines) -> range | None:
    """Return the starts that are likely because all exposures have a pulse; None if that is open.

    The DAQ has pulses of all exposures if it recorded other lines before the first pulse and after
    the last.
    """
    pulses, surplus = numbering.pulses, numbering.pulses.size - numbering.needed
    if daq.period is None or surplus < 0:
        return None
    first, last = daq.period
    is_enclosed = min(pulses[0] - first, last - pulses[-1]) > _MIN_SILENCE * period(pulses)
    return range(surplus + 1) if is_enclosed else None
