"""The table of raw DAQ files that can be read: a row and a function for each format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alfvideo.daq import spikeglx
from alfvideo.daq.fronts import Fronts


@dataclass(frozen=True)
class Format:
    """A format of raw DAQ files."""

    name: str
    """For people."""
    patterns: tuple[str, ...]
    """Globs of the files that are read, below the collection of the sync; parts between slashes
    are those of folders. Of files of the earlier ones no later one is looked for."""
    read: Callable[[Path], Fronts]
    """Reads one file."""
    beside: tuple[str, ...] = ()
    """Globs of what is read with it, below the folder of the file."""


FORMATS = (
    Format(
        name="SpikeGLX NI-DAQ",
        patterns=("*.nidq*.cbin", "*.nidq*.bin"),
        read=spikeglx.read,
        beside=("*.nidq*.meta", "*.nidq*.ch"),
    ),
    Format(
        name="SpikeGLX OneBox",
        patterns=("*.obx*.cbin", "*.obx*.bin"),
        read=spikeglx.read,
        beside=("*.obx*.meta", "*.obx*.ch"),
    ),
    Format(
        name="SpikeGLX probe 3A",
        patterns=("*.ap*.cbin", "*.ap*.bin", "*/*.ap*.cbin", "*/*.ap*.bin"),
        read=spikeglx.read,
        beside=("*.ap*.meta", "*.ap*.ch"),
    ),
)
"""In the order in which they are looked for."""
