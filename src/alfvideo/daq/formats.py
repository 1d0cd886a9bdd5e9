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
        patterns=("*.nidq*.cbin", "*.nidq*.bin", "*_DAQdata.raw*.cbin", "*_DAQdata.raw*.bin"),
        read=spikeglx.read,
        beside=("*.nidq*.meta", "*.nidq*.ch", "*_DAQdata.raw*.meta", "*_DAQdata.raw*.ch"),
    ),
    Format(
        name="SpikeGLX OneBox",
        patterns=("*.obx*.cbin", "*.obx*.bin"),
        read=spikeglx.read,
        beside=("*.obx*.meta", "*.obx*.ch"),
    ),
    Format(
        name="SpikeGLX probe of a 3A rig",
        # Files of later probes have a number, as .imec0.ap; they record no line of a camera.
        patterns=("*.imec.ap*.cbin", "*.imec.ap*.bin", "*/*.imec.ap*.cbin", "*/*.imec.ap*.bin"),
        read=spikeglx.read,
        beside=("*.imec.ap*.meta", "*.imec.ap*.ch"),
    ),
)
"""In the order in which they are looked for."""

BY_NAME = {each.name: each for each in FORMATS}
