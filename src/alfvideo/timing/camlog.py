"""The log that camlog rigs keep of each frame."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import inputs
from alfvideo.files.errors import DataError
from alfvideo.timing import damaged_rows
from alfvideo.timing.damaged_rows import AGAIN
from alfvideo.timing.frame_data import FrameData

_HEADER = "# Log header:"
_NAMES = ("frame_id", "timestamp")
_MAX_16_BITS = 2**16 - 1
_WRAP = 2**20
"""Periods after which no clock of a log begins again."""


def load(path: Path) -> FrameData:
    """Read a camlog: a frame id and a time in each row, and more that is not used.

    Columns are named in the line '# Log header:'; without one the id comes first. The id is the
    camera's frame counter, its clock may have any unit. There is no GPIO in it. Damaged rows are
    filled in as those of other frame data.

    Raises
    ------
    DataError
        If it is missing, or has no row with a frame id and a time.
    """
    with inputs.opened(path, inputs.MAX_TEXT) as file:
        content = file.read().decode("utf-8-sig", errors="replace").rstrip("\0")
    notes = []
    whole, _, last = content.rpartition("\n")
    if last.strip("\0\r ") and not last.startswith("#"):
        content = whole
        notes.append(f"{path.name}: the last line is cut: it was left out. {AGAIN}")
    ids, times = _columns(content, path)
    possible = damaged_rows.whole(ids) & np.isfinite(times)
    if not possible.any():
        raise DataError(
            f"{path}: expected a line '{_HEADER}frame_id,timestamp' and a row with both for each "
            f"frame, found none in {ids.size} rows. Transfer it again from the rig."
        )
    rows = damaged_rows.tail(possible)
    count = damaged_rows.counter(unwrapped(ids[:rows]))
    seconds, step = _seconds(times[:rows], count)
    count = damaged_rows.counted_by_clock(count, seconds, step)
    if n := np.count_nonzero(count.damaged | seconds.damaged) + ids.size - rows:
        notes.append(
            f"{path.name}: {n} of {ids.size} rows are damaged: they were filled in from the rows "
            f"beside them, or left out at the end. {AGAIN}"
        )
    return FrameData(
        timestamps=seconds.values,
        count=count.values - count.values[0],
        gpio=None,
        notes=tuple(notes),
    )


def _columns(content: str, path: Path) -> tuple[Floats, Floats]:
    """Return frame ids and times, (n,) float64 each, NaN in rows that cannot be read."""
    # Slow to load, and few rigs keep a camlog.
    import pandas as pd

    names = list(_NAMES)
    for line in content.split("\n", maxsplit=1000):
        if line.startswith(_HEADER):
            names = [name.strip() for name in line.removeprefix(_HEADER).split(",")]
            break
    if missing := [name for name in _NAMES if name not in names]:
        raise DataError(
            f"{path}: the line '{_HEADER}' names {', '.join(names)}, expected frame_id and "
            f"timestamp: {' and '.join(missing)} is missing. Correct it."
        )
    places = [names.index(name) for name in _NAMES]
    try:
        table = pd.read_csv(
            io.StringIO(content),
            header=None,
            usecols=places,
            comment="#",
            dtype=np.float64,
        )
        return table[places[0]].to_numpy(), table[places[1]].to_numpy()
    except (ValueError, ArithmeticError, LookupError):
        # Slow, and right whatever the rows are.
        rows = [_row(line.split(","), places) for line in content.split("\n") if _is_row(line)]
        ids, times = np.array(rows).reshape(-1, 2).T
        return ids, times


def _is_row(line: str) -> bool:
    return bool(line.strip("\0\r ")) and not line.startswith("#")


def _row(fields: Sequence[str], places: Sequence[int]) -> tuple[float, float]:
    try:
        frame_id, time = (float(fields[place]) for place in places)
    except (ValueError, IndexError):
        return np.nan, np.nan
    return frame_id, time


def unwrapped(ids: Floats) -> Floats:
    """Undo the overflow of ids of 16 bits, as GigE cameras have, which leave out 0 if not first."""
    steps = np.diff(ids)
    wraps = (steps < -_MAX_16_BITS + 1000) & (ids[:-1] <= _MAX_16_BITS)
    if not wraps.any() or not np.nanmax(ids) <= _MAX_16_BITS:
        return ids
    leaves_out_zero = not (ids[1:] == 0).any()
    period = _MAX_16_BITS if leaves_out_zero else _MAX_16_BITS + 1
    unwrapped: Floats = ids + period * np.concatenate(([0], np.cumsum(wraps)))
    return unwrapped


def _seconds(times: Floats, count: damaged_rows.Column) -> tuple[damaged_rows.Column, float]:
    """Find the damaged times, whatever their unit is."""
    known = times[np.isfinite(times)]
    typical = np.abs(np.median(np.diff(known))) if known.size > 1 else 0.0
    return damaged_rows.clock(times, count.values, _WRAP * float(typical) or 1.0)
