"""Sync arrays of the main DAQ (SpikeGLX or Timeline) and the channels that devices are wired to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers, Numbers
from alfvideo.files import alf, arrays, inputs
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

FIRST_ANALOG = 16
_ATTRIBUTES = ("times", "polarities", "channels")

_MAX_DISORDER = 1.0
"""Seconds by which a front may be out of its place among the others."""

_MAX_SILENCE = 14_400.0
"""Seconds that the first or last front may be from the others, however few these are."""


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
    notes: tuple[str, ...] = ()
    """One sentence for what of the arrays could not be used."""

    def sizes(self) -> tuple[Integers, Integers]:
        """Return the channels with fronts, (n,), and how many fronts each has, (n,)."""
        numbers, sizes = np.unique(self.channels, return_counts=True)
        return numbers, sizes

    def fronts(self, channel: int) -> Fronts:
        """Return fronts of one channel; empty if nothing was recorded on it."""
        selected = self.channels == channel
        return Fronts(self.times[selected], self.polarities[selected])


def load(files: Iterable[Path]) -> Sync:
    """Read the sync arrays among some files; unsorted times are sorted.

    Fronts whose time, polarity or channel is not a number are left out, and so are single ones
    whose time is more than a second from those of the fronts beside them.

    They are called `_spikeglx_sync.times.npy`, `.polarities.npy` and `.channels.npy`, or with
    another namespace; names may have parts such as probe00.

    Raises
    ------
    DataError
        If an array is missing, is not a vector, or has another length than the others, if no time
        is a number, or if times begin again.
    """
    found = _arrays(files)
    if missing := [name for name in _ATTRIBUTES if name not in found]:
        raise DataError(
            f"Sync arrays are missing: {', '.join(missing)}. Extract the sync from the raw DAQ "
            "file again."
        )
    times, polarities, channels = (_read(found[name]) for name in _ATTRIBUTES)
    if not times.size == polarities.size == channels.size:
        raise DataError(
            f"{found['times'].parent}: the sync arrays must be of equal length, found {times.size} "
            f"times, {polarities.size} polarities and {channels.size} channels. Extract the sync "
            "from the raw DAQ file again."
        )
    times = times.astype(np.float64, copy=False)
    whole = (np.abs(times) < inputs.MAX_SECONDS) & np.isfinite(polarities) & np.isfinite(channels)
    n_fronts = times.size
    if n_fronts and not whole.any():
        raise DataError(
            f"{found['times']}: none of {n_fronts} times is a number of seconds. Extract the sync "
            "from the raw DAQ file again."
        )
    if not whole.all():
        times, polarities, channels = times[whole], polarities[whole], channels[whole]
    placed = _placed(times)
    if not placed.all():
        times, polarities, channels = times[placed], polarities[placed], channels[placed]
    notes: tuple[str, ...] = ()
    if damaged := n_fronts - times.size:
        notes = (
            f"{damaged} of {n_fronts} fronts in {found['times'].parent.name} have no time, "
            "polarity or channel that is possible: the others were used. Extract the sync from the "
            "raw DAQ file again.",
        )
    _check_one_recording(times, found["times"])
    if (np.diff(times) < 0).any():
        order = np.argsort(times, kind="stable")
        times, polarities, channels = times[order], polarities[order], channels[order]
    return Sync(times, polarities, channels, notes)


def _check_one_recording(times: Floats, path: Path) -> None:
    """See that times do not begin again: fronts of several lines are out of order by less."""
    steps = np.diff(times)
    if (back := np.flatnonzero(steps < -_MAX_DISORDER)).size:
        at = int(back[0]) + 1
        raise DataError(
            f"{path}: times go back at {back.size} of {times.size} fronts, by "
            f"{-steps[at - 1]:.1f} s at front {at}: the DAQ was started again in this file, or its "
            "rows are mixed up. Extract the sync again, of the recording in which the camera ran."
        )


def _placed(times: Floats) -> Booleans:
    """Return which times are in their place, (n,) bool; all if more than one in 1000 is not.

    The DAQ writes fronts in the order in which they come.
    """
    placed = np.ones(times.size, bool)
    if times.size < 3:
        return placed
    before, here, after = times[:-2], times[1:-1], times[2:]
    apart = np.minimum(np.abs(here - before), np.abs(after - here)) > _MAX_DISORDER
    placed[1:-1] = (before > after) | ((before <= here) & (here <= after)) | ~apart
    # the first and the last have one neighbour: they may be far from it, but not from everything
    reach = max(10 * (times[-2] - times[1]), _MAX_SILENCE)
    placed[0] = abs(times[1] - times[0]) < reach
    placed[-1] = abs(times[-1] - times[-2]) < reach
    few = np.count_nonzero(~placed) <= max(1, times.size // 1000)
    return placed if few else np.ones(times.size, bool)


def channel_map(files: Sequence[Path], namespace: str) -> dict[str, int]:
    """Map the names of what is wired to channels to their numbers.

    Timeline: the columns in its metadata. SpikeGLX: the wiring file; what it does not name is taken
    from `DEFAULT_CHANNELS`, unless its channel is in use for something else.

    Parameters
    ----------
    files
        The sync arrays, and the wiring file and metadata beside them as far as they are there.
    namespace
        Of the sync arrays.

    Raises
    ------
    DataError
        If the metadata or the wiring file cannot be understood.
    """
    if namespace == "timeline":
        return _timeline_channels(files)
    wired = wired_channels(files)
    defaults = DEFAULT_CHANNELS.get("3A" if _is_3a(files) else files[0].parent.name, {})
    free = {name: n for name, n in defaults.items() if n not in wired.values()}
    return free | wired


def wired_channels(files: Iterable[Path]) -> dict[str, int]:
    """Map the names in the wiring file among some files to channels; empty if there is none.

    Raises
    ------
    DataError
        If it cannot be understood.
    """
    path = next(iter(sorted(file for file in files if fnmatch(file.name, "*.wiring*.json"))), None)
    if path is None:
        return {}
    wiring = inputs.mapping(path)
    digital = wiring.get("SYNC_WIRING_DIGITAL") or {}
    analog = wiring.get("SYNC_WIRING_ANALOG") or {}
    try:
        channels = {str(name): _digital_channel(pin) for pin, name in digital.items() if name}
        channels |= {str(name): int(pin[2:]) + FIRST_ANALOG for pin, name in analog.items() if name}
    except (ValueError, AttributeError):
        pins = [list(found) if isinstance(found, dict) else found for found in (digital, analog)]
        raise DataError(
            f"{path}: expected pins called P0.N, pinNN or AIN, found digital {pins[0]} and "
            f"analog {pins[1]}. Correct the wiring file."
        ) from None
    return {name: number for name, number in channels.items() if number is not None}


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


def camera_channel(
    channels: Mapping[str, int], camera: str, folder: Path, decided: int | None = None
) -> int:
    """Look up the channel of a camera's pulses, as `channel`, unless a person decided on it."""
    return decided if decided is not None else channel(channels, f"{camera}_camera", folder)


def sync_line(files: Sequence[Path], namespace: str, label: str) -> Fronts:
    """Read the line that `label` names, from the sync arrays and what is beside them.

    Raises
    ------
    DataError
        As `load`, `channel_map` and `channel`.
    """
    number = channel(channel_map(files, namespace), label, files[0].parent)
    return load(files).fronts(number)


def _arrays(files: Iterable[Path]) -> dict[str, Path]:
    """Return the sync array files by attribute."""
    found: dict[str, Path] = {}
    for path, parts in alf.matching(files, object="sync", extension="npy").items():
        attribute = parts["attribute"]
        if attribute not in _ATTRIBUTES:
            continue
        if attribute in found:
            raise DataError(
                f"{path}: {found[attribute].name} could be meant too. Keep one of the two."
            )
        found[attribute] = path
    return found


def _read(path: Path) -> Numbers:
    array = arrays.load(path)
    if array.size != max(array.shape, default=0):
        raise DataError(
            f"{path}: expected a vector, found an array of shape {array.shape}. Extract the sync "
            "from the raw DAQ file again."
        )
    return array.reshape(-1)


def _is_3a(files: Iterable[Path]) -> bool:
    """Return whether the sync was recorded by a probe itself, which only Neuropixels 3A rigs do."""
    names = [file.name for file in files]
    return any(".ap." in name for name in names) and not any(".nidq" in name for name in names)


def _digital_channel(pin: str) -> int | None:
    """Return the channel of a digital pin: P0.N of a nidq, pinNN of a 3A probe (None: no channel).

    >>> _digital_channel('P0.3'), _digital_channel('pin06'), _digital_channel('pin05')
    (3, 4, None)
    """
    number = int(pin[3:])
    if not pin.startswith("pin"):
        return number
    return _PINS_3A.index(number) if number in _PINS_3A else None


def _timeline_channels(files: Sequence[Path]) -> dict[str, int]:
    found = alf.matching(files, object="DAQdata", namespace="timeline", attribute="meta")
    path = next(iter(found), None)
    if path is None:
        raise DataError(
            f"{files[0].parent}: _timeline_DAQdata.meta.json is missing. It names the channels; "
            "copy it from the rig."
        )
    try:
        return {
            str(entry["name"]): int(entry["arrayColumn"])
            for entry in inputs.mapping(path)["inputs"]
        }
    except (LookupError, TypeError, ValueError, ArithmeticError):
        raise DataError(
            f"{path}: expected 'inputs', a list of entries with 'name' and 'arrayColumn'. Copy the "
            "file from the rig again."
        ) from None
