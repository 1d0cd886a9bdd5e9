"""TDMS files of National Instruments and Measurement Computing (DAQami): channels of samples."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alfvideo.array_types import Numbers
from alfvideo.daq import columns, wiring
from alfvideo.daq.columns import Line
from alfvideo.daq.fronts import Fronts
from alfvideo.daq.wiring import Wiring
from alfvideo.files import inputs
from alfvideo.files.errors import DataError
from alfvideo.timing.sync import FIRST_ANALOG

if TYPE_CHECKING:
    from nptdms import TdmsChannel, TdmsFile

_MAX_BYTES = 50_000_000_000


def read(path: Path) -> Fronts:
    """Read the fronts of all channels of a TDMS file.

    Lines are numbered as IBL wires them: analog channels AI0, ai1 or Dev1/ai2 from 16 on; of a
    digital port of whole numbers each bit is a line from 0 on; others are numbered from 0 in their
    order. The rate is `wf_increment` of the channel, `ScanRate` of its group, or `SAMPLE_RATE` of
    the wiring file.

    Raises
    ------
    DataError
        If the file is damaged or holds no samples, or their rate is not known.
    """
    # Few rigs have such files.
    from nptdms import TdmsFile

    # What it says of a damaged file is no sentence for people; notes and errors say it.
    logging.getLogger("nptdms").setLevel(logging.CRITICAL)
    size = inputs.check(path, _MAX_BYTES)
    wired = wiring.beside(path)
    notes: list[str] = []
    try:
        with TdmsFile.open(path) as file:
            found = list(_lines(file, wired, path, notes))
    except DataError:
        raise
    # It raises whatever numpy and struct raise.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__} {error}".split())[:200]
        raise DataError(
            f"{path}: expected a TDMS file, and it is none or damaged ({size:,} bytes; {reason}). "
            "Copy it from the rig again."
        ) from None
    return columns.together(path, found, notes)


def _lines(file: "TdmsFile", wired: Wiring, path: Path, notes: list[str]) -> Iterator[Line]:
    if file.file_status.incomplete_final_segment:
        notes.append(
            f"{path.name} is cut, or the recording was not ended: what is there was used. If it is "
            "whole on the rig, copy it again."
        )
    channels = [channel for group in file.groups() for channel in group.channels() if len(channel)]
    if not channels:
        raise DataError(
            f"{path}: expected channels with samples, found none. Copy it from the rig again."
        )
    lengths: dict[str, int] = {}
    for number, channel in enumerate(channels):
        samples = channel[:]
        if samples.dtype.kind not in "iufb":
            continue
        increment, offset = _clock(file, channel, wired, path)
        lengths[channel.name] = samples.size
        for line, crossed in _fronts(channel.name, number, samples, wired):
            times = offset + crossed.indices.astype(np.float64) * increment
            yield Line(line, times, crossed.polarities)
    if len(set(lengths.values())) > 1 and max(lengths.values()) > 1.01 * min(lengths.values()):
        numbers = ", ".join(f"{name} {n}" for name, n in lengths.items())[:200]
        notes.append(
            f"{path.name}: channels have different numbers of samples ({numbers}): it is cut, or "
            "they were not recorded together."
        )


def _fronts(
    name: str, number: int, samples: Numbers, wired: Wiring
) -> Iterator[tuple[int, columns.Crossings]]:
    if samples.dtype.kind in "iub" and wired.threshold is None:
        first = wired.channels.get(name, _digital_line(name, number))
        words = samples.view(np.uint8) if samples.dtype.kind == "b" else samples
        yield from ((first + bit, crossed) for bit, crossed in columns.bits(words))
        return
    above = columns.threshold(samples) if wired.threshold is None else wired.threshold
    if above is not None:
        analog = re.search(r"(?:^|/)ai(\d+)$", name, re.IGNORECASE)
        default = FIRST_ANALOG + int(analog[1]) if analog else _digital_line(name, number)
        yield wired.channels.get(name, default), columns.crossings(samples, above)


def _digital_line(name: str, number: int) -> int:
    """Return the line of a digital channel, or the first of a port.

    >>> [_digital_line(name, 5) for name in ("DI2", "Dev1/port0/line3", "AuxPort", "camera")]
    [2, 3, 0, 5]
    """
    if found := re.search(r"(?:^|/)(?:di|line)(\d+)$", name, re.IGNORECASE):
        return int(found[1])
    return 0 if re.search(r"port\d*$", name, re.IGNORECASE) else number


def _clock(
    file: "TdmsFile", channel: "TdmsChannel", wired: Wiring, path: Path
) -> tuple[float, float]:
    """Return seconds from sample to sample, and of the first."""
    increment = _positive(channel.properties.get("wf_increment"))
    if wired.sample_rate is not None:
        increment = 1 / wired.sample_rate
    if increment is None:
        rate = _positive(file[channel.group_name].properties.get("ScanRate"))
        rate = rate or _positive(channel.properties.get("ScanRate"))
        if rate is None:
            raise DataError(
                f"{path}: nothing says the sample rate of {channel.name}. Write SAMPLE_RATE (in "
                f"Hz) into {wired.path.name} beside it."
            )
        increment = 1 / rate
    offset = channel.properties.get("wf_start_offset", 0.0)
    return increment, float(offset) if isinstance(offset, int | float) else 0.0


def _positive(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 1e12 else None
