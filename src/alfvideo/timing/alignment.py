"""The pulse of the first frame, by a vote of the sync TTLs that both DAQ and camera saw."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alfvideo.array_types import Booleans, Floats, Integers

_NEAR = 3
"""Starts so many pulses from the best are not judged against it: pins may be latched late."""


@dataclass(frozen=True)
class Fit:
    """The start that most fronts agree on."""

    start: int
    """Number of the pulse of the frame whose counter is 0; negative if pulses are missing."""
    offsets: Floats
    """(m,) float64, for each camera front how many pulses late the TTL is: 0, 1 or -1, NaN if
    there is no TTL of its polarity within one pulse."""
    clear: bool
    """True if most fronts match and no other start comes near."""

    @property
    def exact(self) -> int:
        """Number of fronts that agree exactly."""
        return int(np.count_nonzero(self.offsets == 0))

    @property
    def unmatched(self) -> Booleans:
        """(m,) bool, the camera fronts without a TTL."""
        return np.isnan(self.offsets)


def fit_start(
    ttl_pulses: Integers,
    ttl_polarities: Integers,
    front_counts: Integers,
    front_polarities: Integers,
) -> Fit:
    """Find the start that most sync fronts agree on.

    A TTL that came before pulse p is first seen by the frame of pulse p, whose counter c the camera
    wrote: start = p - c. Every pair of a TTL and a camera front of the same polarity votes for a
    start; TTLs that one side did not see vote at random and do not matter. A camera may latch its
    pin a frame early or late now and then: the majority decides. The fit is clear if more than half
    of the camera's fronts match and no start elsewhere has more than half the votes of the best.

    Parameters
    ----------
    ttl_pulses, ttl_polarities
        (k,) int64 and +1/-1: the first pulse at or after each TTL front of the DAQ. Not empty.
    front_counts, front_polarities
        (m,) int64 and +1/-1: frame counter at each front of the camera's pin. Not empty.
    """
    starts, votes = _count_votes(ttl_pulses, ttl_polarities, front_counts, front_polarities)
    # of equal starts the last: a camera may see a TTL late, but not before it comes
    best = votes.size - 1 - int(votes[::-1].argmax())
    start = int(starts[best])
    others = np.concatenate((votes[: max(best - _NEAR, 0)], votes[best + _NEAR + 1 :]))
    offsets = _offsets(ttl_pulses, ttl_polarities, front_counts + start, front_polarities)
    matched = np.count_nonzero(~np.isnan(offsets))
    clear = (
        matched >= 2
        and 2 * matched > front_counts.size
        and 2 * others.max(initial=0) <= votes[best]
    )
    return Fit(start, offsets, bool(clear))


def _count_votes(
    ttl_pulses: Integers,
    ttl_polarities: Integers,
    front_counts: Integers,
    front_polarities: Integers,
) -> tuple[Integers, Floats]:
    """Return all possible starts, in order, and how many pairs of fronts vote for each.

    The votes of a polarity are the cross-correlation of its two front trains, by FFT.
    """
    first_ttl, first_count = ttl_pulses.min(), front_counts.min()
    n_ttl = int(ttl_pulses.max() - first_ttl) + 1
    n_count = int(front_counts.max() - first_count) + 1
    # A power of two is fast by numpy, too; scipy would find a smaller size but takes 0.5 s to load.
    size = 1 << (n_ttl + n_count - 2).bit_length()
    spectra = []
    for sign in (1, -1):
        ttl = _occupied(ttl_pulses[ttl_polarities == sign] - first_ttl, n_ttl)
        front = _occupied(front_counts[front_polarities == sign] - first_count, n_count)
        spectra.append(np.fft.rfft(ttl, size) * np.fft.rfft(front, size).conj())
    votes = np.rint(np.fft.irfft(spectra[0] + spectra[1], size))
    starts = np.arange(1 - n_count, n_ttl) + first_ttl - first_count
    return starts, np.concatenate((votes[size - n_count + 1 :], votes[:n_ttl]))


def _occupied(numbers: Integers, size: int) -> NDArray[np.float32]:
    """Put ones at the given numbers, (size,); float32 is exact enough for votes, twice as fast."""
    train = np.zeros(size, np.float32)
    train[numbers] = 1
    return train


def _offsets(
    ttl_pulses: Integers,
    ttl_polarities: Integers,
    front_pulses: Integers,
    front_polarities: Integers,
) -> Floats:
    """Count pulses from each camera front to the TTL of its polarity: 0, else 1 or -1, else NaN."""
    offsets = np.full(front_pulses.size, np.nan)
    ttl_keys = 2 * ttl_pulses + (ttl_polarities > 0)
    for offset in (-1, 1, 0):
        keys = 2 * (front_pulses + offset) + (front_polarities > 0)
        offsets[np.isin(keys, ttl_keys)] = offset
    return offsets
