"""The fronts that a DAQ recorded, as every reader of raw files returns them."""

from dataclasses import dataclass

from alfvideo.array_types import Floats, Integers


@dataclass(frozen=True)
class Fronts:
    """Rises and falls of all lines of a DAQ, in order of time."""

    times: Floats
    """(n,) float64, seconds of the DAQ."""
    channels: Integers
    """(n,) int16, the line of each."""
    polarities: Integers
    """(n,) int8, +1 for a rise, -1 for a fall."""
    notes: tuple[str, ...] = ()
    """A sentence for each thing that was wrong with the file and could be left out."""
