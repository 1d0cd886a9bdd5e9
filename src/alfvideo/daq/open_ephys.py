"""Recordings of Open Ephys in its binary format: the TTL events of its streams."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Numbers
from alfvideo.daq import columns
from alfvideo.daq.fronts import Fronts
from alfvideo.files import arrays, inputs
from alfvideo.files.errors import DataError

_STATES = ("states.npy", "channel_states.npy")
"""The line of each event from 1, negative where it falls: from version 0.6 on, and before."""

_MAX_RATE_DIFFERENCE = 0.01
"""Part by which seconds and samples may differ: clocks of two devices do by far less."""

_AGAIN = "Copy the folder from the rig again."


class _Stream(NamedTuple):
    """A folder of TTL events, and the rate of their samples in Hz; 0 if it is not said."""

    folder: Path
    states: Path
    rate: float

    @property
    def name(self) -> str:
        """Device and stream, for people."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def is_probe(self) -> bool:
        """True if it has the lines of a probe, which records one at most: the sync."""
        name = self.folder.parent.name
        return "Probe" in name or name.startswith("Neuropix")


def read(path: Path) -> Fronts:
    """Read the TTL events of the recording that a `structure.oebin` describes.

    Channels are the numbers of the lines as Open Ephys shows them, from 1. Of several streams with
    events that of the only device that is no probe is read, or else the one with the most events.

    Times are the `timestamps.npy` where these are seconds, which all synchronised streams share;
    otherwise samples since the acquisition was started, divided by the rate.

    Raises
    ------
    DataError
        If there are no events, several devices have some, or files are damaged.
    """
    structure = inputs.mapping(path)
    streams = _streams(structure, path)
    stream, *others = _chosen(streams, path)
    states, times, notes = _events(stream)
    if others:
        left_out = ", ".join(other.name for other in others)
        notes.append(f"The TTL events of {stream.name} were read, not those of {left_out}.")
    whole = np.isfinite(states) & (states != 0) & (np.abs(times) < inputs.MAX_SECONDS)
    if damaged := np.count_nonzero(~whole):
        notes.append(
            f"{damaged} of {whole.size} events in {stream.name} have no line or no time that is "
            f"possible: the others were used. {_AGAIN}"
        )
    states, times = states[whole], times[whole]
    return columns.in_order(
        stream.states, times, np.abs(states).astype(np.int64), np.sign(states), notes
    )


def _streams(structure: Mapping[str, Any], path: Path) -> list[_Stream]:
    """List the folders of TTL events that are there, those that are listed with their rate."""
    listed = structure.get("events")
    rates: dict[str, float] = {}
    for entry in listed if isinstance(listed, list) else []:
        try:
            rates[str(entry["folder_name"]).strip("/")] = float(entry.get("sample_rate") or 0)
        except (LookupError, TypeError, ValueError, AttributeError):
            raise DataError(
                f"{path}: expected 'events', a list of entries with 'folder_name' and "
                f"'sample_rate'. {_AGAIN}"
            ) from None
    found = []
    for folder in sorted(path.parent.glob("events/*/TTL*")):
        states = [folder / name for name in _STATES if (folder / name).exists()]
        if states:
            name = f"{folder.parent.name}/{folder.name}"
            found.append(_Stream(folder, states[0], rates.get(name, 0.0)))
    return found


def _chosen(streams: Sequence[_Stream], path: Path) -> list[_Stream]:
    """Put the stream that is read before the others that have events."""
    with_events = [stream for stream in streams if _n_rows(stream.states)]
    if not with_events:
        raise DataError(
            f"{path.parent}: no TTL events are in events/*/TTL. Check that the lines are wired, "
            "that Open Ephys records events, and that the folder is whole."
        )
    devices = [stream for stream in with_events if not stream.is_probe] or with_events
    if len(devices) > 1 and not devices[0].is_probe:
        names = " and ".join(stream.name for stream in devices)
        raise DataError(
            f"{path.parent}: {names} have TTL events, and each its own clock. Keep the folder of "
            "the device that the cameras are wired to in the session, and move the others out."
        )
    first = max(devices, key=lambda stream: _n_rows(stream.states))
    return [first, *(stream for stream in with_events if stream != first)]


def _events(stream: _Stream) -> tuple[Floats, Floats, list[str]]:
    """Return states and times of the events, (n,) each, times in seconds."""
    notes: list[str] = []
    states = _column(stream.states, notes)
    samples_file = stream.folder / "sample_numbers.npy"
    times_file = stream.folder / "timestamps.npy"
    samples = _column(samples_file, notes) if samples_file.exists() else None
    times = _column(times_file, notes)
    if times.dtype.kind != "f":
        samples, times = times, np.full(times.size, np.nan)
    n = _common_length(stream, states, times, samples, notes)
    states, times = states[:n], times[:n]
    if samples is None:
        return states.astype(np.float64), times, notes
    by_samples = samples[:n] / stream.rate if stream.rate > 0 else None
    if not _are_seconds(times, by_samples):
        if by_samples is None:
            raise DataError(
                f"{stream.folder}: the times are samples, and structure.oebin does not say their "
                f"rate. {_AGAIN}"
            )
        if times_file.exists() and np.isfinite(times).any():
            notes.append(
                f"The timestamps of {stream.name} are no seconds of its samples: times are samples "
                f"since the start, at {stream.rate:g} Hz."
            )
        times = by_samples
    return states.astype(np.float64), times.astype(np.float64), notes


def _are_seconds(times: Floats, by_samples: Floats | None) -> bool:
    """Return whether timestamps are seconds: -1 is written where streams are not synchronised."""
    known = np.isfinite(times)
    if not known.any() or (times[known] < 0).all():
        return False
    if by_samples is None or np.count_nonzero(known) < 2:
        return True
    first, last = np.flatnonzero(known)[[0, -1]]
    elapsed = by_samples[last] - by_samples[first]
    return bool(abs(times[last] - times[first] - elapsed) <= _MAX_RATE_DIFFERENCE * abs(elapsed))


def _common_length(
    stream: _Stream, states: Numbers, times: Numbers, samples: Numbers | None, notes: list[str]
) -> int:
    """Return the number of events that all columns have; a crash leaves them of unequal length."""
    sizes = {stream.states.name: states.size, "timestamps.npy": times.size}
    if samples is not None:
        sizes["sample_numbers.npy"] = samples.size
    n = min(sizes.values())
    if max(sizes.values()) > n:
        numbers = ", ".join(f"{name} {size}" for name, size in sizes.items())
        if max(sizes.values()) - n > 0.01 * n:
            raise DataError(
                f"{stream.folder}: its files have different numbers of events ({numbers}): they "
                f"are not of the same recording, or cut. {_AGAIN}"
            )
        notes.append(
            f"The files of {stream.name} have different numbers of events ({numbers}): the first "
            f"{n} were used. {_AGAIN}"
        )
    return n


def _n_rows(path: Path) -> int:
    return arrays.unfinished(path)[0].size


def _column(path: Path, notes: list[str]) -> Numbers:
    values, said = arrays.unfinished(path)
    if said != values.size:
        notes.append(
            f"{path.parent.name}/{path.name} says that it has {said} values, and has "
            f"{values.size}: the recording was not ended, or the file is cut. All were used."
        )
    return values
