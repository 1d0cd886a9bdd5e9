"""The table of raw DAQ files that can be read: a row and a function for each format."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from alfvideo.daq import open_ephys, samples, spikeglx, tables, tdms, timeline
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
    """Globs of what is read with it, below the folder of the file; as `patterns`."""
    recording: Callable[[Path], str] = lambda file: str(file.with_suffix(""))
    """Names the recording that a file is of: of several files of one, that is read which has the
    most beside it, or else the first. Recordings are not put together."""
    software: str = "daq"
    """The `acquisition_software` that a description names for it."""
    has_analog: bool = False
    """True if lines from `sync.FIRST_ANALOG` on are analog."""


TABLE = "table (CSV, TSV or parquet)"
"""Any table in text may be one, whatever it is called."""

_WIRING = ("*.wiring*.json",)
"""Says rate, units and names where the file does not."""

FORMATS = (
    Format(
        name="SpikeGLX NI-DAQ",
        patterns=("*.nidq*.cbin", "*.nidq*.bin", "*_DAQdata.raw*.cbin", "*_DAQdata.raw*.bin"),
        read=spikeglx.read,
        software="spikeglx",
        has_analog=True,
        beside=("*.nidq*.meta", "*.nidq*.ch", "*_DAQdata.raw*.meta", "*_DAQdata.raw*.ch"),
    ),
    Format(
        name="Timeline",
        patterns=("_timeline_DAQdata.raw*.npy",),
        read=timeline.read,
        software="timeline",
        beside=("_timeline_DAQdata.timestamps*.npy", "_timeline_DAQdata.meta*.json"),
    ),
    Format(
        name="SpikeGLX OneBox",
        patterns=("*.obx*.cbin", "*.obx*.bin"),
        read=spikeglx.read,
        software="spikeglx",
        has_analog=True,
        beside=("*.obx*.meta", "*.obx*.ch"),
    ),
    Format(
        name="SpikeGLX probe of a 3A rig",
        # Files of later probes have a number, as .imec0.ap; they record no line of a camera.
        patterns=("*.imec.ap*.cbin", "*.imec.ap*.bin", "*/*.imec.ap*.cbin", "*/*.imec.ap*.bin"),
        read=spikeglx.read,
        software="spikeglx",
        has_analog=True,
        beside=("*.imec.ap*.meta", "*.imec.ap*.ch"),
    ),
    Format(
        name="Open Ephys binary",
        patterns=tuple(
            f"{folder}experiment*/recording*/structure.oebin"
            for folder in ("Record Node*/", "*/Record Node*/", "", "*/")
        ),
        read=open_ephys.read,
        software="openephys",
        beside=("events/*/TTL*/*.npy",),
        # Record nodes hold the same events.
        recording=lambda file: "/".join(file.parts[-3:-1]),
    ),
    Format(
        name="TDMS",
        patterns=("*.tdms",),
        read=tdms.read,
        has_analog=True,
        beside=_WIRING,
    ),
    Format(
        name=TABLE,
        patterns=tuple(
            f"*{name}*.{extension}"
            for extension in ("csv", "tsv", "txt", "pqt", "parquet")
            for name in ("daq", "events", "ttl")
        ),
        read=tables.read,
        beside=_WIRING,
    ),
    Format(
        name="HDF5 of samples",
        patterns=("*daq*.h5", "*daq*.hdf5"),
        read=samples.read_hdf5,
        beside=_WIRING,
    ),
    Format(
        name="numpy array of samples",
        patterns=("*daq*.npy",),
        read=samples.read_npy,
        beside=_WIRING,
    ),
)
"""In the order in which they are looked for."""

BY_NAME = {each.name: each for each in FORMATS}
