"""Data that a camera embeds in each of its frames: its clock, a frame counter and the GPIO pins."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers, Numbers
from alfvideo.files import alf, inputs
from alfvideo.files.errors import DataError
from alfvideo.timing.pulses import period

SYNC_PIN = 3
"""Column of `FrameData.gpio` that is wired to the sync TTL in IBL rigs (pin 4, bit 28)."""

_GPIO_BITS = np.array([31, 30, 29, 28])
_MAX_EXACT = 2.0**53
_FRAME_DATA_COLUMNS = 4  # computer time, camera timestamp, frame counter, GPIO state


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


class GpioFronts(NamedTuple):
    """Changes of a GPIO pin."""

    indices: Integers
    """(m,) int64, the first frame with the new level."""
    polarities: Integers
    """(m,) int8, 1 for a rise and -1 for a fall."""


def load(files: Iterable[Path]) -> FrameData:
    """Read the embedded data of a camera, among some files of it.

    `frameData.bin` is read if it is there, else `timestamps.ssv`, `frame_counter.bin` and
    `GPIO.bin`. Missing and empty files give None. A 32-bit overflow of the frame counter is
    undone; a counter that goes back for another reason is returned as it is.

    Raises
    ------
    DataError
        If a file is cut off or has unreadable lines, or if two files could be meant.
    """
    found = _by_attribute(files)
    if "frameData" in found:
        table = _read_doubles(found["frameData"], _FRAME_DATA_COLUMNS)
        timestamps, count, gpio = table[:, 1], table[:, 2], table[:, 3]
    else:
        timestamps, count, gpio = (
            read(found[name]) if name in found else np.empty(0)
            for name, read in (
                ("timestamps", _read_ssv),
                ("frame_counter", _read_doubles),
                ("GPIO", _read_doubles),
            )
        )
    return FrameData(
        timestamps=_seconds(_whole(timestamps)) if timestamps.size else None,
        count=_from_zero(_whole(count)) if count.size else None,
        gpio=_levels(_whole(gpio)) if gpio.size else None,
    )


def gpio_fronts(levels: Booleans) -> GpioFronts:
    """Find the frames at which a pin changes; a pin that is high from the start has no rise there.

    >>> gpio_fronts(np.array([True, False, False, True]))
    GpioFronts(indices=array([1, 3]), polarities=array([-1,  1], dtype=int8))
    """
    levels = np.asarray(levels, bool)
    indices = np.flatnonzero(levels[1:] != levels[:-1]) + 1
    return GpioFronts(indices, np.where(levels[indices], 1, -1).astype(np.int8))


def exposures_by_clock(timestamps: Floats | None, count: Integers) -> Integers:
    """Derive frame numbers from the camera's clock instead of its frame counter.

    The steps between frames are whole numbers of frame periods. Frames without a usable timestamp
    follow `count`.

    Parameters
    ----------
    timestamps
        (m,) float64, seconds of the camera's clock, m as `count` or not; or None.
    count
        (n,) int64, increasing from 0.

    Returns
    -------
    (n,) int64, increasing from 0.
    """
    seconds = np.empty(0) if timestamps is None else timestamps[: count.size]
    intervals = np.diff(seconds)
    if not intervals.size or (intervals <= 0).any():
        return count
    steps = np.diff(count)
    steps[: intervals.size] = np.maximum(np.rint(intervals / period(seconds)), 1)
    return np.concatenate(([0], np.cumsum(steps)))


def _by_attribute(files: Iterable[Path]) -> dict[str, Path]:
    """Return the embedded data files by attribute; frameData alone if it is there."""
    found: dict[str, Path] = {}
    for path, parts in alf.matching(files, namespace="iblrig").items():
        # ALF reads `frame_counter` as the attribute `frame` on the timescale `counter`
        attribute = "_".join(filter(None, (parts["attribute"], parts["timescale"])))
        if (attribute, parts["extension"]) not in (
            ("frameData", "bin"),
            ("timestamps", "ssv"),
            ("frame_counter", "bin"),
            ("GPIO", "bin"),
        ):
            continue
        if attribute in found:
            raise DataError(
                f"{path}: {found[attribute].name} could be meant too. Keep one of the two."
            )
        found[attribute] = path
    return {"frameData": found["frameData"]} if "frameData" in found else found


def _read_doubles(path: Path, columns: int = 1) -> Floats:
    """Read float64 rows; (n,), or (n, columns) if there are several columns."""
    with inputs.opened(path, 8 * columns * inputs.MAX_FRAMES) as file:
        content = file.read()
    if len(content) % (8 * columns):
        raise DataError(
            f"{path}: expected {8 * columns} bytes per frame, found {len(content)} bytes, which is "
            f"not a multiple. The file is cut off; copy it from the rig again."
        )
    values = np.frombuffer(content, np.float64)
    return values if columns == 1 else values.reshape(-1, columns)


def _whole(values: Numbers) -> Integers:
    """Return values as int64, 0 for what is none or too large to be exact in float64."""
    if not np.issubdtype(values.dtype, np.floating):
        return values.astype(np.int64)
    exact = np.abs(values) < _MAX_EXACT
    return np.where(exact, values, 0).astype(np.int64)


def _read_ssv(path: Path) -> Numbers:
    """Read camera timestamps of a `timestamps.ssv`, (n,) uint64; either column may come first."""
    # Slow to load, and only old rigs write this file.
    import pandas as pd

    lines = inputs.text(path)
    fields = lines.partition("\n")[0].split()
    if not fields:
        return np.empty(0)
    column = next((i for i, field in enumerate(fields) if field.isdigit()), None)
    try:
        if column is None:
            raise ValueError("no whole number in the first line")
        table = pd.read_csv(
            io.StringIO(lines), sep=" ", header=None, usecols=[column], dtype=np.uint64
        )
    except (ValueError, ArithmeticError) as error:
        raise DataError(
            f"{path}: expected a date and a whole number in every line ({error}). The file is "
            "damaged or cut off; copy it from the rig again."
        ) from None
    return table[column].to_numpy()


def _seconds(cycles: Integers) -> Floats:
    """Convert PointGrey timestamps to seconds since the first, unwrapped every 128 s.

    The highest 7 of the 32 bits are seconds, then 13 bits of 1/8000 s, then 12 bits that count
    to 3072 within each 1/8000 s (IEEE 1394 cycle time). ibllib leaves out the last 12 bits; with
    them the resolution is 41 ns and the values differ by less than 1/8000 s.
    """
    seconds = ((cycles >> 25) & 0x7F) + (((cycles >> 12) & 0x1FFF) + (cycles & 0xFFF) / 3072) / 8000
    wraps = np.cumsum(np.diff(seconds, prepend=seconds[0]) < 0)
    unwrapped: Floats = seconds + 128.0 * wraps - seconds[0]
    return unwrapped


def _from_zero(count: Integers) -> Integers:
    """Start a counter at 0 and undo the overflow of its 32 bits."""
    overflows = np.cumsum(np.diff(count, prepend=count[0]) < -(2**31))
    unwrapped: Integers = count + 2**32 * overflows - count[0]
    return unwrapped


def _levels(states: Integers) -> Booleans:
    """Unpack GPIO states: pins 1 to 4 are the four highest of 32 bits."""
    return np.asarray((states[:, None] >> _GPIO_BITS) & 1, bool)
