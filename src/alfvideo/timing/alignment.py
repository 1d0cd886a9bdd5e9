"""The pulse of the first frame, by a vote of the sync TTLs that both DAQ and camera saw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product, starmap
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing.correlation import by_start, fft_size
from alfvideo.timing.evidence import MARGIN, Scores

NEAR = 3
"""Starts so many pulses from the best are not judged against it: pins may be latched late."""

_MAX_SECOND = 0.6
"""Part of the votes of the best start that another may have. TTLs that follow each other in the
same way in each trial give many votes to starts that are whole trials away."""

_MIN_SHARE, _MIN_SHARE_EXPECTED = 0.6, 0.2
"""Part of the TTLs that a pin must show exactly. Of a line that only precedes or follows the one
that is wired, as the screen the sound, few match exactly, as the distance varies."""

_MIN_COMPLETE, _MIN_IF_COMPLETE, _MARGIN_IF_COMPLETE = 0.9, 10.0, 6.0
"""Where nearly all fronts match on both sides, another start would need that one side missed whole
trials, and that the rest meets by chance: a smaller margin is enough, as in short sessions."""

_MIN_EXACT = 3
"""Two fronts meet too often, whatever chance says of them."""

_MIN_VOTES = 2

_LEAD = 7.0
"""Nats that a start has ahead of others if it is likely beforehand, and a line that is said to be
wired to the pin: odds of a thousand to one."""


class NumberedFronts(NamedTuple):
    """Fronts of a line, numbered by pulses, or of a pin, numbered by the frame counter."""

    numbers: Integers
    """(n,) int64. Of a line the first pulse at or after the front."""
    polarities: Integers
    """(n,) +1 for a rise and -1 for a fall."""

    def keys(self, offset: int = 0) -> Integers:
        """Return a number for each front that only one of its pulse and polarity has, (n,)."""
        keys: Integers = 2 * (self.numbers + offset) + (self.polarities > 0)
        return keys


class Wiring(NamedTuple):
    """A line of the DAQ and a pin of the camera that are compared."""

    line: str
    pin: int
    inverted: bool
    """True if the pin falls where the line rises."""

    @property
    def sign(self) -> int:
        """The polarity of the pin where the line rises."""
        return -1 if self.inverted else 1


@dataclass(frozen=True)
class Fit:
    """The start that most fronts agree on."""

    start: int
    """Number of the pulse of the frame whose counter is 0; negative if pulses are missing."""
    counts: Integers
    """(m,) int64, frame counter at each camera front."""
    offsets: Floats
    """(m,) float64, for each camera front how many pulses late the TTL is: 0, 1 or -1, NaN if
    there is no TTL of its polarity within one pulse."""
    covered: Booleans
    """(m,) bool, the camera fronts between the first and the last TTL of the line."""
    wiring: Wiring
    """The line and the pin that agree best."""
    is_expected: bool
    """True if these are said to be wired to each other."""
    n_ttls: int
    """Number of TTLs of the line from the first front of the pin to the last."""
    near: Floats
    """(7,) votes of the starts from 3 before to 3 after the best."""
    second: int
    """Votes of the best other start, not near."""
    scores: Scores
    """Of all starts, by the line and pin that agree best there."""

    @property
    def exact(self) -> int:
        """Number of fronts that agree exactly."""
        return int(np.count_nonzero(self.offsets == 0))

    @property
    def lead(self) -> float:
        """Nats by which the start is ahead of all others; 0 where trials are too much alike."""
        alike = self.second > _MAX_SECOND * self.exact
        return 0.0 if alike else max(self.scores.lead(self.start), 0.0)

    @property
    def rivals(self) -> Integers:
        """(k,) int64, other starts that may be right, too."""
        return self.scores.rivals(self.start, _MARGIN_IF_COMPLETE if self.is_complete else MARGIN)

    @property
    def is_complete(self) -> bool:
        """True if nearly all fronts match on both sides."""
        return self.exact >= _MIN_COMPLETE * max(self.offsets.size, self.n_ttls)

    @property
    def unmatched(self) -> Booleans:
        """(m,) bool, the camera fronts without a TTL."""
        return np.isnan(self.offsets)

    @property
    def clear(self) -> bool:
        """True if no other start, near ones apart, can be told from chance as well as the best.

        How many fronts match does not matter: the DAQ may have recorded a part of them.
        """
        near = np.abs(self.rivals - self.start) <= NEAR
        share = _MIN_SHARE_EXPECTED if self.is_expected else _MIN_SHARE
        return (
            self.scores.at(self.start) >= (_MIN_IF_COMPLETE if self.is_complete else MARGIN)
            and self.exact >= max(share * self.n_ttls, 2 if self.is_complete else _MIN_EXACT)
            and self.second <= _MAX_SECOND * self.exact
            and bool(near.all())
        )


def best_fit(
    lines: Mapping[str, NumberedFronts],
    pins: Mapping[int, NumberedFronts],
    likely: range | None = None,
    extent: int = 1,
    inverted: Sequence[bool] = (False, True),
) -> Fit:
    """Find the start that most sync fronts agree on, whichever line is wired to whichever pin.

    A TTL that came before pulse p is first seen by the frame of pulse p, whose counter c the camera
    wrote: start = p - c. Every pair of a TTL and a camera front of the same polarity votes for a
    start; TTLs that one side did not see vote at random and do not matter. A camera may latch its
    pin a frame early or late now and then: the majority decides.

    The line and the pin that are named first are said to be wired to each other: others are taken
    only if they agree clearly better.

    Parameters
    ----------
    lines, pins
        By name of the line and number of the pin; at least one of each, none without fronts.
    likely
        Starts that are more likely than others beforehand; None if none is.
    extent
        Number of pulses or frames over which fronts could be spread, as far as it is more than that
        over which they are.
    inverted
        Whether a pin may rise, and whether it may fall, where the line rises; the likelier first.
    """
    all_lines, all_pins = lines.values(), pins.values()
    first_pulse = min(int(line.numbers.min()) for line in all_lines)
    first_count = min(int(pin.numbers.min()) for pin in all_pins)
    n_pulses = max(int(line.numbers.max()) for line in all_lines) - first_pulse + 1
    n_counts = max(int(pin.numbers.max()) for pin in all_pins) - first_count + 1
    size = fft_size(n_counts, n_pulses)
    first = 1 - n_counts + first_pulse - first_count
    line_spectra = {
        name: _spectra(line, first_pulse, n_pulses, size) for name, line in lines.items()
    }
    pin_spectra = {
        pin: [spectrum.conj() for spectrum in _spectra(fronts, first_count, n_counts, size)]
        for pin, fronts in pins.items()
    }
    hinted = Wiring(next(iter(lines)), next(iter(pins)), inverted[0])
    found: tuple[float, Wiring, NDArray[np.float32], NDArray[np.float32]] | None = None
    scores = np.zeros(n_pulses + n_counts - 1, np.float32)
    for wiring in starmap(Wiring, product(lines, pins, inverted)):
        rises, falls = line_spectra[wiring.line]
        pin_rises, pin_falls = pin_spectra[wiring.pin][:: -1 if wiring.inverted else 1]
        spectrum = rises * pin_rises + falls * pin_falls
        votes = np.rint(by_start(spectrum, size, n_counts, n_pulses))
        here = _nats(votes, lines[wiring.line], pins[wiring.pin], wiring.sign, extent)
        if wiring == hinted:
            here[votes >= _MIN_VOTES] += _LEAD
        if likely is not None:
            expected = slice(max(likely.start - first, 0), max(likely.stop - first, 0))
            here[expected][votes[expected] >= _MIN_VOTES] += _LEAD
        np.maximum(scores, here, out=scores)
        if found is None or here.max() > found[0]:
            found = float(here.max()), wiring, votes, here
    assert found is not None
    _, wiring, votes, here = found
    # of equal starts the last: a camera may see a TTL late, but not before it comes
    best = here.size - 1 - int(here[::-1].argmax())
    others = np.concatenate((votes[: max(best - NEAR, 0)], votes[best + NEAR + 1 :]))
    line, pin = lines[wiring.line], pins[wiring.pin]
    pulses = pin.numbers + first + best
    seen = (line.numbers >= pulses.min() - 1) & (line.numbers <= pulses.max() + 1)
    near = np.pad(votes, NEAR)[best : best + 2 * NEAR + 1]
    return Fit(
        start=first + best,
        counts=pin.numbers,
        offsets=_offsets(line, NumberedFronts(pulses, wiring.sign * pin.polarities)),
        covered=(pulses >= line.numbers.min() - 1) & (pulses <= line.numbers.max() + 1),
        wiring=wiring,
        is_expected=wiring == hinted,
        n_ttls=int(np.count_nonzero(seen)),
        near=near.astype(np.float64),
        second=int(others.max(initial=0)),
        scores=Scores(first, scores.astype(np.float64)),
    )


def _spectra(
    fronts: NumberedFronts, first: int, extent: int, size: int
) -> list[NDArray[np.complex64]]:
    """Return the spectra of the trains of rises and of falls.

    The votes of a polarity are the cross-correlation of two trains.
    """
    trains = (
        _occupied(fronts.numbers[fronts.polarities == sign] - first, extent) for sign in (1, -1)
    )
    return [np.fft.rfft(train, size).astype(np.complex64, copy=False) for train in trains]


def _occupied(numbers: Integers, size: int) -> NDArray[np.float32]:
    """Put ones at the given numbers, (size,); float32 is exact enough for votes, twice as fast."""
    train = np.zeros(size, np.float32)
    train[numbers] = 1
    return train


def _nats(
    votes: NDArray[np.float32],
    line: NumberedFronts,
    pin: NumberedFronts,
    sign: int,
    extent: int,
) -> NDArray[np.float32]:
    """Return by how much votes are more likely if a start is true than by chance.

    By chance votes are as many as TTLs and fronts of each polarity, spread evenly, meet (Poisson).
    """
    extent = max(extent, *(1 + int(np.ptp(fronts.numbers)) for fronts in (line, pin)))
    pairs = sum(
        np.count_nonzero(line.polarities == polarity)
        * np.count_nonzero(sign * pin.polarities == polarity)
        for polarity in (1, -1)
    )
    chance = max(pairs, 1) / extent
    result = np.zeros(votes.size, np.float32)
    many = np.flatnonzero(votes >= max(_MIN_VOTES, chance))
    result[many] = votes[many] * np.log(votes[many] / chance) - (votes[many] - chance)
    return result


def _offsets(ttls: NumberedFronts, fronts: NumberedFronts) -> Floats:
    """Count pulses from each camera front to the TTL of its polarity: 0, else 1 or -1, else NaN."""
    offsets = np.full(fronts.numbers.size, np.nan)
    keys = ttls.keys()
    for offset in (-1, 1, 0):
        offsets[np.isin(fronts.keys(offset), keys)] = offset
    return offsets
