"""Sync arrays of the main DAQ (SpikeGLX or Timeline) and the channels that devices are wired to."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.array_types import Floats, Integers, Numbers
from alfvideo.files import alf, arrays
from alfvideo.files.errors import DataError

_NIDQ = {
    "left_camera": 0,
    "right_camera": 1,
    "body_camera": 2,
    "frame2ttl": 4,
    "rotary_encoder_0": 5,
    "rotary_encoder_1": 6,
    "audio": 7,
    "bpod": 16,
}
_IMAGING = _NIDQ | {"frame_trigger": 3}
DEFAULT_CHANNELS: dict[str, dict[str, int]] = {
    "raw_ephys_data": _NIDQ | {"imec_sync": 3, "laser": 17, "laser_ttl": 18},
    "raw_widefield_data": _IMAGING,
    "raw_sync_data": _IMAGING,
    "3A": {
        "left_camera": 2,
        "right_camera": 3,
        "body_camera": 4,
        "bpod": 7,
        "frame2ttl": 12,
        "rotary_encoder_0": 13,
        "rotary_encoder_1": 14,
        "audio": 15,
    },
}
"""Channels of a rig without a wiring file, by collection; '3A' for a Neuropixels 3A probe folder.
As in ibllib (`default_channel_maps`)."""

_PINS_3A = (1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19)
"""Pins of the 3A connector in the order of the channels that they carry (`SYNC_PIN_OUT`)."""

_FIRST_ANALOG = 16
_ATTRIBUTES = ("times", "polarities", "channels")


@dataclass(frozen=True)
class Fronts:
    """Rises and falls of one line."""

    times: Floats
    """(m,) float64, seconds of the DAQ's clock, sorted."""
    polarities: Integers
    """(m,), positive for a rise and negative for a fall."""

    @property
    def rises(self) -> Floats:
        """Times of the rises, (k,) float64, seconds."""
        return self.times[self.polarities > 0]

    @property
    def falls(self) -> Floats:
        """Times of the falls, (k,) float64, seconds."""
        return self.times[self.polarities < 0]


@dataclass(frozen=True)
class Sync:
    """Fronts of all channels of a DAQ, sorted by time, (m,) each."""

    times: Floats
    polarities: Integers
    channels: Integers

    def fronts(self, channel: int) -> Fronts:
        """Return fronts of one channel; empty if nothing was recorded on it."""
        selected = self.channels == channel
        return Fronts(self.times[selected], self.polarities[selected])


def find(session: Path, collection: str, namespace: str) -> Path:
    """Find the folder that holds the sync arrays of a session.

    It is the sync collection, or a folder in it on old sessions, which recorded the sync with the
    probes: the folder of the nidq if there is one, else the probe with the most fronts.

    Raises
    ------
    DataError
        If there are no sync arrays, or not all three.
    """
    top = session / collection
    if _files(top, namespace).keys() == set(_ATTRIBUTES):
        return top
    found = {
        folder: files["times"]
        for folder in sorted(top.glob("*"))
        if (files := _files(folder, namespace)).keys() == set(_ATTRIBUTES)
    }
    if not found:
        raise DataError(
            f"{top}: expected _{namespace}_sync.times.npy, .polarities.npy and .channels.npy there "
            "or in a probe folder, found no such three. Extract the sync from the raw DAQ file "
            "first."
        )
    return max(found, key=lambda folder: (_has_nidq(folder), found[folder].stat().st_size))


def files(folder: Path, namespace: str) -> list[Path]:
    """List sync array files of a folder, sorted by name; names may have parts such as probe00."""
    return sorted(_files(folder, namespace).values())


def load(folder: Path, namespace: str) -> Sync:
    """Read `_{namespace}_sync.{times,polarities,channels}.npy`; unsorted times are sorted.

    Raises
    ------
    DataError
        If an array is missing, is not a vector, has another length than the others, or if a time
        is not a number.
    """
    found = _files(folder, namespace)
    if missing := [name for name in _ATTRIBUTES if name not in found]:
        names = ", ".join(f"_{namespace}_sync.{name}.npy" for name in missing)
        raise DataError(
            f"{folder}: sync arrays are missing: {names}. Extract the sync from the raw DAQ file "
            "again."
        )
    times, polarities, channels = (_read(found[name]) for name in _ATTRIBUTES)
    if not times.size == polarities.size == channels.size:
        raise DataError(
            f"{folder}: the sync arrays must be of equal length, found {times.size} times, "
            f"{polarities.size} polarities and {channels.size} channels. Extract the sync from the "
            "raw DAQ file again."
        )
    times = times.astype(np.float64, copy=False)
    if bad := np.count_nonzero(~np.isfinite(times)):
        raise DataError(
            f"{found['times']}: {bad} of {times.size} times are not numbers. Extract the sync from "
            "the raw DAQ file again."
        )
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times, polarities, channels = times[order], polarities[order], channels[order]
    return Sync(times, polarities, channels)


def channel_map(folder: Path, namespace: str) -> dict[str, int]:
    """Map the names of what is wired to channels to their numbers.

    Timeline: the columns in its metadata. SpikeGLX: the wiring file of the folder; what it does
    not name is taken from `DEFAULT_CHANNELS`, unless its channel is in use for something else.

    Raises
    ------
    DataError
        If the metadata or the wiring file cannot be understood.
    """
    if namespace == "timeline":
        return _timeline_channels(folder)
    wired = _wired_channels(folder)
    defaults = DEFAULT_CHANNELS.get("3A" if _is_3a(folder) else folder.name, {})
    free = {name: n for name, n in defaults.items() if n not in wired.values()}
    return free | wired


def channel(channels: Mapping[str, int], name: str, folder: Path) -> int:
    """Look up one channel, for instance 'left_camera' or 'audio'.

    Raises
    ------
    DataError
        If nothing of that name is wired; the message lists what is.
    """
    if name not in channels:
        known = ", ".join(f"{label} ({n})" for label, n in sorted(channels.items())) or "none"
        raise DataError(
            f"{folder}: no channel is called '{name}'. Channels there: {known}. Correct the wiring "
            "file or the experiment description."
        )
    return channels[name]


def camera_channel(channels: Mapping[str, int], camera: str, folder: Path) -> int:
    """Look up the channel of a camera's pulses, as `channel`."""
    return channel(channels, f"{camera}_camera", folder)


def sync_line(files: Sequence[Path], namespace: str, label: str) -> Fronts:
    """Read the line that `label` names, from the folder of the sync arrays.

    Raises
    ------
    DataError
        As `load`, `channel_map` and `channel`.
    """
    folder = files[0].parent
    number = channel(channel_map(folder, namespace), label, folder)
    return load(folder, namespace).fronts(number)


def _files(folder: Path, namespace: str) -> dict[str, Path]:
    """Return the sync array files by attribute."""
    found: dict[str, Path] = {}
    datasets = alf.matching(folder, object="sync", namespace=namespace, extension="npy")
    for path, parts in datasets.items():
        attribute = parts["attribute"] or ""
        if attribute in found and attribute in _ATTRIBUTES:
            raise DataError(
                f"{path}: {found[attribute].name} could be meant too. Keep one of the two."
            )
        found[attribute] = path
    return {name: path for name, path in found.items() if name in _ATTRIBUTES}


def _read(path: Path) -> Numbers:
    array = arrays.load(path)
    if array.size != max(array.shape, default=0):
        raise DataError(f"{path}: expected a vector, found an array of shape {array.shape}.")
    return array.reshape(-1)


def _has_nidq(folder: Path) -> bool:
    return any(folder.glob("*.nidq*"))


def _is_3a(folder: Path) -> bool:
    """Return whether the sync was recorded by a probe itself, which only Neuropixels 3A rigs do."""
    return any(folder.glob("*.ap.*")) and not _has_nidq(folder)


def _wired_channels(folder: Path) -> dict[str, int]:
    path = next(iter(sorted(folder.glob("*.wiring*.json"))), None)
    if path is None:
        return {}
    wiring = _read_json(path)
    digital = wiring.get("SYNC_WIRING_DIGITAL") or {}
    analog = wiring.get("SYNC_WIRING_ANALOG") or {}
    try:
        channels = {name: _digital_channel(pin) for pin, name in digital.items() if name}
        channels |= {name: int(pin[2:]) + _FIRST_ANALOG for pin, name in analog.items() if name}
    except (ValueError, AttributeError):
        raise DataError(
            f"{path}: expected pins called P0.N, pinNN or AIN, found digital {list(digital)} and "
            f"analog {list(analog)}. Correct the wiring file."
        ) from None
    return {name: number for name, number in channels.items() if number is not None}


def _digital_channel(pin: str) -> int | None:
    """Return the channel of a digital pin: P0.N of a nidq, pinNN of a 3A probe (None: no channel).

    >>> _digital_channel('P0.3'), _digital_channel('pin06'), _digital_channel('pin05')
    (3, 4, None)
    """
    number = int(pin[3:])
    if not pin.startswith("pin"):
        return number
    return _PINS_3A.index(number) if number in _PINS_3A else None


def _timeline_channels(folder: Path) -> dict[str, int]:
    found = alf.matching(folder, object="DAQdata", namespace="timeline", attribute="meta")
    path = next(iter(found), None)
    if path is None:
        raise DataError(
            f"{folder}: _timeline_DAQdata.meta.json is missing. It names the channels; copy it "
            "from the rig."
        )
    try:
        return {entry["name"]: int(entry["arrayColumn"]) for entry in _read_json(path)["inputs"]}
    except (KeyError, TypeError, ValueError):
        raise DataError(
            f"{path}: expected 'inputs', a list of entries with 'name' and 'arrayColumn'. Copy the "
            "file from the rig again."
        ) from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: not valid JSON ({error}). Correct or copy it again.") from None
    if not isinstance(content, dict):
        raise DataError(f"{path}: expected a JSON object, found a {type(content).__name__}.")
    return content
