"""Fronts of digital and analog lines in blocks of samples, whatever file they are from."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alfvideo.array_types import Integers

_FLOOR_PERCENTILE = 10
"""Of a block: an analog line is at rest for more of the time than this, as ibllib assumes."""
_LOWEST_PERCENTILE = 0.1
"""Of a block: the lowest level of an analog line, without single samples."""

Samples = NDArray[np.int16]


class Found(NamedTuple):
    """Fronts in a block, by sample and then by line, (n,) each."""

    samples: Integers
    """From 0 at the first of the file."""
    channels: Integers
    polarities: Integers


@dataclass
class WordLines:
    """16 digital lines, a bit each, from block to block."""

    first: int
    """The channel of the lowest bit."""
    _last: "np.uint16 | None" = field(default=None, init=False)

    def fronts(self, samples: Samples) -> Found:
        """Find fronts in the next samples (n,), n > 0, counted from the first of these."""
        words = samples.view(np.uint16)
        before = words[0] if self._last is None else self._last
        self._last = words[-1]
        # most samples are as the one before, so that only the others are looked at by bit
        changed = np.flatnonzero(words[1:] != words[:-1]) + 1
        if words[0] != before:
            changed = np.concatenate(([0], changed))
        now = words[changed]
        earlier = np.where(changed > 0, words[changed - 1], before)
        bits = np.arange(16, dtype=np.uint16)
        rows, lines = np.nonzero(((now ^ earlier)[:, None] >> bits) & 1)
        high = (now[rows] >> lines.astype(np.uint16)) & 1
        return Found(
            changed[rows], (self.first + lines).astype(np.int16), _polarities(high.astype(bool))
        )

    def skip(self) -> None:
        """Forget the last sample: those that follow it are missing."""
        self._last = None


@dataclass
class AnalogLine:
    """One analog line, high from some steps above its floor, from block to block.

    The floor is that of each block, so that a slow drift does not count.
    """

    channel: int
    step: float
    """Integer steps from the floor to where the line is high."""
    _last: "tuple[np.int16, bool] | None" = field(default=None, init=False)
    _floor: "float | None" = field(default=None, init=False)

    def fronts(self, samples: Samples) -> Found:
        """Find fronts in the next samples (n,), n > 0, counted from the first of these."""
        floor = self._floor_of(samples)
        high = samples >= np.ceil(floor + self.step)
        before = high[0] if self._last is None else self._last[1]
        if self._last is not None and self._floor is not None and floor <= self._floor - self.step:
            # it was high all the time in the blocks before this, and taken for at rest
            before = self._last[0] >= floor + self.step
        self._floor = floor
        self._last = samples[-1], bool(high[-1])
        changed = np.flatnonzero(high[1:] != high[:-1]) + 1
        if high[0] != before:
            changed = np.concatenate(([0], changed))
        return Found(
            changed, np.full(changed.size, self.channel, np.int16), _polarities(high[changed])
        )

    def skip(self) -> None:
        """Forget the last sample: those that follow it are missing."""
        self._last = None

    def _floor_of(self, samples: Samples) -> float:
        """Return the level at rest: not that of a line that is high for most of a block."""
        lowest, floor = np.percentile(samples, (_LOWEST_PERCENTILE, _FLOOR_PERCENTILE))
        if floor - lowest >= self.step:
            return float(lowest)
        if self._floor is not None and floor - self._floor >= self.step:
            return self._floor
        return float(floor)


def _polarities(high: "NDArray[np.bool_]") -> NDArray[np.int8]:
    return np.where(high, 1, -1).astype(np.int8)


def in_order(found: list[Found]) -> Found:
    """Put fronts of several lines in order of samples, and of channels where these are equal."""
    samples, channels, polarities = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((channels, samples))
    return Found(samples[order], channels[order], polarities[order])
