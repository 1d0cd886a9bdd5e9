"""The data that a camera saved of each frame: its clock, a frame counter and the GPIO pins."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers

SYNC_PIN = 3
"""Column of `FrameData.gpio` that is wired to the sync TTL in IBL rigs (pin 4, bit 28)."""


@dataclass(frozen=True)
class FrameData:
    """Embedded data of the saved frames, one row per frame; None where the rig saved none.

    Old rigs write three separate files, whose lengths may differ from each other. No length is
    guaranteed to be that of the video.
    """

    timestamps: Floats | None
    """(n,) float64, seconds of the camera's clock since the first saved frame."""
    count: Integers | None
    """(n,) int64, the camera's frame counter, 0 at the first saved frame."""
    gpio: Booleans | None
    """(n, 4) bool, whether each GPIO pin is high."""
    computer: Floats | None = None
    """(n,) float64, seconds since 1970 of the clock of the computer, which all cameras that it
    records share, when it received the frame; NaN in damaged rows. Its zone is not known."""
    gpio_missing: int = 0
    """Rows that the GPIO has fewer than the other data, at an end that is not known: it is counted
    from the first frame."""
    notes: tuple[str, ...] = ()
    """One sentence for each file that is not whole."""


class GpioFronts(NamedTuple):
    """Changes of a GPIO pin."""

    indices: Integers
    """(m,) int64, the first frame with the new level."""
    polarities: Integers
    """(m,) int8, 1 for a rise and -1 for a fall."""


def gpio_fronts(levels: Booleans) -> GpioFronts:
    """Find the frames at which a pin changes; a pin that is high from the start has no rise there.

    >>> gpio_fronts(np.array([True, False, False, True]))
    GpioFronts(indices=array([1, 3]), polarities=array([-1,  1], dtype=int8))
    """
    levels = np.asarray(levels, bool)
    indices = np.flatnonzero(levels[1:] != levels[:-1]) + 1
    return GpioFronts(indices, np.where(levels[indices], 1, -1).astype(np.int8))
