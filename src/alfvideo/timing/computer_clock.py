"""The place of a video by the clock of the computer, which all cameras that it records share."""

from dataclasses import dataclass

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.timing.numbering import Numbering
from alfvideo.timing.pulses import period

_MAX_APART = 0.04
"""Seconds by which the delays of two cameras, from exposure to computer, may differ: exposure,
readout and transfer take up to one frame of the slower."""

_MIN_FRAMES = 30
_BLOCK = 10.0
"""Seconds over which the delay of frames is averaged."""


@dataclass(frozen=True)
class Reference:
    """Frames of another camera, whose times are known."""

    camera: str
    times: Floats
    """(n,) float64, seconds of the DAQ."""
    computer: Floats
    """(n,) float64, seconds of the computer when it received them; NaN if unknown."""


@dataclass(frozen=True)
class Window:
    """The pulses that may be that of the first frame."""

    start: int
    """The middle one."""
    doubt: int
    """Pulses by which it may be another."""
    n_frames: int
    """Frames that were compared."""

    @property
    def starts(self) -> range:
        """All pulses that may be it."""
        return range(self.start - self.doubt, self.start + self.doubt + 1)


def window(numbering: Numbering, computer: Floats, reference: Reference) -> Window | None:
    """Find the pulses that may be that of the first frame.

    The computer received frames of both cameras a few hundredths of a second after their exposure.
    So frames of one that it received between two of the other were exposed at about their times.

    Parameters
    ----------
    numbering
        The pulses of the camera, and the counter of its frames.
    computer
        (m,) float64, seconds of the computer when it received the first m frames.
    reference
        Another camera of the same computer.

    Returns
    -------
    None if too few frames of the two were received at the same time.
    """
    known = np.isfinite(reference.computer[: reference.times.size])
    received = reference.computer[: known.size][known]
    lead = reference.times[: known.size][known] - received
    n = min(computer.size, numbering.count.size)
    common = np.isfinite(computer[:n])
    if received.size < _MIN_FRAMES or np.count_nonzero(common) < _MIN_FRAMES:
        return None
    common &= (computer[:n] >= received.min()) & (computer[:n] <= received.max())
    if np.count_nonzero(common) < _MIN_FRAMES:
        return None
    exposed = computer[:n][common] + np.interp(computer[:n][common], *_by_block(received, lead))
    starts = _pulse_at(exposed, numbering.pulses) - numbering.count[:n][common]
    step = period(numbering.pulses)
    low, high = np.quantile(starts, (0.25, 0.75))
    doubt = int(np.ceil(_MAX_APART / step + high - low))
    return Window(int(np.rint(np.median(starts))), doubt, int(np.count_nonzero(common)))


def _by_block(received: Floats, lead: Floats) -> tuple[Floats, Floats]:
    """Return the median of `lead` in each stretch of some seconds, and its time."""
    blocks = np.floor((received - received.min()) / _BLOCK).astype(np.int64)
    order = np.argsort(blocks, kind="stable")
    edges = np.flatnonzero(np.diff(blocks[order])) + 1
    times = [float(np.median(part)) for part in np.split(received[order], edges)]
    medians = [float(np.median(part)) for part in np.split(lead[order], edges)]
    return np.array(times), np.array(medians)


def _pulse_at(times: Floats, pulses: Floats) -> Floats:
    """Return the number of the pulse at each time, with fractions, the train continued evenly."""
    step = period(pulses)
    inside: Floats = np.interp(times, pulses, np.arange(pulses.size, dtype=np.float64))
    outside: Floats = times - times.clip(pulses[0], pulses[-1])
    return inside + outside / step
