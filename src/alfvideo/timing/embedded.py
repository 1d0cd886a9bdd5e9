"""Data that a camera embeds in each of its frames: its clock, a frame counter and the GPIO pins."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers, Numbers
from alfvideo.files import alf, inputs
from alfvideo.files.errors import DataError
from alfvideo.timing import damaged_rows, frame_log
from alfvideo.timing.damaged_rows import AGAIN
from alfvideo.timing.frame_data import FrameData
from alfvideo.timing.pulses import period

_GPIO_BITS = np.array([31, 30, 29, 28])
_FRAME_DATA_COLUMNS = 4  # computer time, camera timestamp, frame counter, GPIO state
_NAMES = {
    name.lower(): name
    for name in ("frameData.bin", "timestamps.ssv", "frame_counter.bin", "GPIO.bin")
}
_TICKS_PER_SECOND = 1e7
_TICKS_1970 = 621_355_968_000_000_000
"""Ticks from the year 1 to 1970, from which other computers count."""


def load(files: Iterable[Path], columns: Mapping[str, Any] | None = None) -> FrameData:
    """Read the embedded data of a camera, among some files of it.

    A log of frames in CSV is read by `frame_log.load`, whose `columns` are those of the
    configuration.

    `frameData.bin` is read if it is there, else `timestamps.ssv`, `frame_counter.bin` and
    `GPIO.bin`. Missing and empty files give None. A 32-bit overflow of the frame counter is
    undone; a counter that goes back for another reason is returned as it is.

    What is whole of a damaged file is used: a row that is cut at the end, and rows there that are
    nothing but zeros, are left out; the counter and the clock of a damaged row are filled in from
    the rows beside it, its pins are as in the row before.

    Raises
    ------
    DataError
        If two files could be meant, or one is no file or too large.
    """
    notes: list[str] = []
    files = list(files)
    if logs := [path for path in files if path.suffix == ".csv"]:
        return frame_log.load(logs[0], columns)
    by_name = _by_name(files)
    table = np.empty((0, _FRAME_DATA_COLUMNS))
    if path := _chosen(by_name, "frameData.bin", notes):
        table = _read_doubles(path, _FRAME_DATA_COLUMNS, notes)
    if path and len(table):
        data = _of_table(table, path.name, notes)
    else:
        names = ("timestamps.ssv", "frame_counter.bin", "GPIO.bin")
        chosen = {name.split(".")[0]: _chosen(by_name, name, notes) for name in names}
        data = _of_three_files({name: file for name, file in chosen.items() if file}, notes)
    if data.computer is not None and not np.isfinite(data.computer).any():
        data = replace(data, computer=None)
    return replace(data, notes=tuple(notes))


def _of_table(table: Floats, name: str, notes: list[str]) -> FrameData:
    """Take apart the columns of `frameData.bin`, (n, 4)."""
    possible = damaged_rows.whole(table[:, 1]) & damaged_rows.whole(table[:, 2])
    possible &= table[:, :3].any(axis=1)
    table = _without_tail(table, possible, name, notes)
    count = damaged_rows.counter(table[:, 2])
    clock, step = damaged_rows.clock(damaged_rows.cycle_times(table[:, 1]), count.values)
    count = damaged_rows.counted_by_clock(count, clock, step)
    lost = count.damaged & clock.damaged
    states = damaged_rows.states(table[:, 3], lost)
    ticks = np.where(np.isfinite(table[:, 0]), table[:, 0], 0)
    computer = (ticks - _TICKS_1970) / _TICKS_PER_SECOND
    damaged = count.damaged | clock.damaged | states.damaged
    _note_damaged(damaged, name, notes)
    return FrameData(
        timestamps=clock.values,
        count=count.values - count.values[0],
        gpio=_levels(states.values),
        computer=damaged_rows.computer(computer, lost, clock.values),
    )


def _of_three_files(found: Mapping[str, Path], notes: list[str]) -> FrameData:
    """Read the files of old rigs, as far as they are there."""
    columns: dict[str, Numbers] = {}
    computer = np.empty(0)
    if path := found.get("timestamps"):
        computer, columns["timestamps"] = _read_ssv(path, notes)
    for name in ("frame_counter", "GPIO"):
        if path := found.get(name):
            columns[name] = _read_doubles(path, 1, notes)
    columns = {name: values for name, values in columns.items() if len(values)}
    for name, values in columns.items():
        possible = damaged_rows.whole(values)
        # a pin may be low to the end, but then it is low before, too
        if name != "GPIO" or np.trim_zeros(values, "b").all():
            possible &= values != 0
        columns[name] = _without_tail(values, possible, found[name].name, notes)
    numbers, cycles, pins = (
        columns.get(name, np.empty(0)) for name in ("frame_counter", "timestamps", "GPIO")
    )
    count = damaged_rows.counter(numbers)
    clock, step = damaged_rows.clock(damaged_rows.cycle_times(cycles), count.values)
    count = damaged_rows.counted_by_clock(count, clock, step)
    states = damaged_rows.states(pins, np.zeros(pins.size, bool))
    for name, column in (("frame_counter", count), ("timestamps", clock), ("GPIO", states)):
        if name in found:
            _note_damaged(column.damaged, found[name].name, notes)
    missing = _note_lengths({found[name]: len(columns[name]) for name in columns}, notes)
    computer = computer[: cycles.size]
    return FrameData(
        timestamps=clock.values if cycles.size else None,
        count=count.values - count.values[0] if numbers.size else None,
        gpio=_levels(states.values) if pins.size else None,
        computer=damaged_rows.computer(computer, ~np.isfinite(computer), clock.values)
        if computer.size
        else None,
        gpio_missing=missing,
    )


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
    if not intervals.size or not (intervals > 0).all():
        return count
    steps = np.diff(count)
    steps[: intervals.size] = np.maximum(np.rint(intervals / period(seconds)), 1)
    return np.concatenate(([0], np.cumsum(steps)))


def _by_name(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Return embedded data files by the end of their name, whatever case they have it in."""
    found: dict[str, list[Path]] = {}
    for path, parts in alf.matching(files, namespace="iblrig").items():
        # ALF reads `frame_counter` as the attribute `frame` on the timescale `counter`
        attribute = "_".join(filter(None, (parts["attribute"], parts["timescale"])))
        if name := _NAMES.get(f"{attribute}.{parts['extension']}".lower()):
            found.setdefault(name, []).append(path)
    return found


def _chosen(found: Mapping[str, Sequence[Path]], name: str, notes: list[str]) -> Path | None:
    """Return the file of a name, one in another case if there is no other; None if there is none.

    Raises
    ------
    DataError
        If there are several.
    """
    if name not in found:
        return None
    attribute, extension = name.split(".")
    exact = [
        path
        for path in found[name]
        if f".{attribute}" in path.name and path.suffix == f".{extension}"
    ]
    first, *others = exact or found[name]
    if others:
        raise DataError(f"{others[0]}: {first.name} could be meant too. Keep one of the two.")
    if not exact:
        notes.append(f"{first.name} was read as {name}: correct its name.")
    return first


def _read_doubles(path: Path, columns: int, notes: list[str]) -> Floats:
    """Read whole float64 rows; (n,), or (n, columns) if there are several columns."""
    with inputs.opened(path, 8 * columns * inputs.MAX_FRAMES) as file:
        content = file.read()
    size = 8 * columns
    rows, surplus = divmod(len(content), size)
    if not content:
        notes.append(f"{path.name} is empty. {AGAIN}")
    if surplus:
        notes.append(
            f"{path.name}: the last row is cut ({surplus} of {size} bytes): the {rows} rows before "
            f"it were used. {AGAIN}"
        )
    values = np.frombuffer(content, np.float64, rows * columns)
    return values if columns == 1 else values.reshape(-1, columns)


def _read_ssv(path: Path, notes: list[str]) -> tuple[Floats, Floats]:
    """Read a `timestamps.ssv`; either column may come first.

    Returns
    -------
    Seconds since 1970 of the computer and camera timestamps, (n,) float64 each, NaN in lines that
    cannot be read.
    """
    # Slow to load, and only old rigs write this file.
    import pandas as pd

    with inputs.opened(path, inputs.MAX_TEXT) as file:
        content = file.read().decode("utf-8-sig", errors="replace").rstrip("\0")
    if not content:
        notes.append(f"{path.name} is empty. {AGAIN}")
        return np.empty(0), np.empty(0)
    whole, newline, last = content.rpartition("\n")
    lines = f"{whole}{newline}"
    if last and _ends_as(last, lines.partition("\n")[0]):
        lines, last = f"{content}\n", ""
    if last.strip("\0\r "):
        n_lines = lines.count("\n")
        notes.append(
            f"{path.name}: the last line is cut: the {n_lines} lines before it were used. {AGAIN}"
        )
    try:
        column = [field.isdigit() for field in lines.partition("\n")[0].split()].index(True)
        table = pd.read_csv(
            io.StringIO(lines),
            sep=" ",
            header=None,
            usecols=[0, 1],
            dtype={column: np.uint64, 1 - column: str},
        )
        dates, cycles = table[1 - column], table[column].to_numpy(np.float64)
    except (ValueError, ArithmeticError, LookupError):
        # Slow, and right whatever the lines are.
        rows = [_fields(line) for line in lines.split("\n") if line.strip("\0\r ")]
        dates = pd.Series([date for date, _ in rows], dtype=str)
        cycles = np.array([float(number or "nan") for _, number in rows])
    usual = dates.str.len() == dates.str.len().median()
    times = pd.to_datetime(dates.where(usual), format="ISO8601", utc=True, errors="coerce")
    nanoseconds = times.astype("datetime64[ns, UTC]").astype(np.int64).to_numpy()
    computer = np.where(times.isna(), np.nan, nanoseconds / 1e9)
    return computer, cycles


def _fields(line: str) -> tuple[str, str]:
    """Return date and number of a line, both empty if it is damaged."""
    fields = line.split()
    if len(fields) != 2 or sum(field.isdecimal() and len(field) <= 10 for field in fields) != 1:
        return "", ""
    date, number = sorted(fields, key=str.isdecimal)
    return (date, number) if "T" in date else ("", "")


def _ends_as(last: str, first: str) -> bool:
    """Return whether a line without an end is not cut: a number may be, a date has its length."""
    end, usual = last.rpartition(" ")[2], first.strip().rpartition(" ")[2]
    return not end or (not end.isdigit() and len(end) == len(usual))


def _without_tail(values: Numbers, possible: Booleans, name: str, notes: list[str]) -> Numbers:
    """Leave out the rows at the end that are none."""
    rows = damaged_rows.tail(possible)
    if rows < len(values):
        notes.append(
            f"{name}: the last {len(values) - rows} of {len(values)} rows are zeros or no numbers: "
            f"the {rows} rows before them were used. {AGAIN}"
        )
    return values[:rows]


def _note_damaged(damaged: Booleans, name: str, notes: list[str]) -> None:
    if n := np.count_nonzero(damaged):
        notes.append(
            f"{name}: {n} of {damaged.size} rows are damaged, the first is row "
            f"{np.flatnonzero(damaged)[0]}: they were filled in from the rows beside them. {AGAIN}"
        )


def _note_lengths(rows: Mapping[Path, int], notes: list[str]) -> int:
    """Say that files are not of equal length; returns how many rows the GPIO has too few."""
    if len(set(rows.values())) < 2:
        return 0
    numbers = ", ".join(f"{path.name} {n}" for path, n in rows.items())
    missing, doubt = 0, ""
    for path, n in rows.items():
        # of a file that is cut within a row it is the end that is missing
        if ".GPIO" in path.name and not inputs.check(path) % 8 and n < max(rows.values()):
            missing = max(rows.values()) - n
            doubt = (
                " If it is the first rows that the GPIO lacks and not the last, times aligned by "
                f"it are {missing} frames late."
            )
    notes.append(
        f"The files have different numbers of rows ({numbers}): all are counted from the first "
        f"frame.{doubt} {AGAIN}"
    )
    return missing


def _levels(states: Integers) -> Booleans:
    """Unpack GPIO states: pins 1 to 4 are the four highest of 32 bits."""
    return np.asarray((states[:, None] >> _GPIO_BITS) & 1, bool)
