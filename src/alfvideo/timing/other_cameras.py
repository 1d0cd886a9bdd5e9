"""Another camera of a session whose times are known, to place one by the computer they share."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from alfvideo.files import alf
from alfvideo.files.errors import DataError
from alfvideo.timing import daq_lines, embedded
from alfvideo.timing.computer_clock import Reference
from alfvideo.timing.reliability import EXACT
from alfvideo.timing.sync import Sync
from alfvideo.timing.timestamps import camera_times


def reference(
    files: Iterable[Path], recorded: Sync, channels: Mapping[str, int]
) -> Reference | None:
    """Return the first other camera whose frames have exact times; None if none has.

    Parameters
    ----------
    files
        The embedded data of the other cameras.
    recorded
        All fronts that the DAQ recorded.
    channels
        Names of channels, those of cameras as `left_camera`.
    """
    by_camera: dict[str, list[Path]] = {}
    for file, parts in alf.matching(files, object="*Camera").items():
        by_camera.setdefault(str(parts["object"]).removesuffix("Camera"), []).append(file)
    for label, its_files in by_camera.items():
        try:
            found = _of_camera(label, its_files, recorded, channels)
        except DataError:
            # It is said where its own times are sought.
            continue
        if found is not None:
            return found
    return None


def _of_camera(
    label: str, files: Iterable[Path], recorded: Sync, channels: Mapping[str, int]
) -> Reference | None:
    own = channels.get(f"{label}_camera")
    data = embedded.load(files)
    if own is None or data.computer is None:
        return None
    pulses = recorded.fronts(own).rises
    lines = daq_lines.beside(recorded, channels, own, None)
    found = camera_times(pulses, data.computer.size, data, lines)
    if found.evidence.bound is None or found.evidence.bound >= EXACT:
        return None
    return Reference(label, found.times, data.computer)
