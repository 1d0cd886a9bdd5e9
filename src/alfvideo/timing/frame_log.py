"""Logs of frames that other recorders keep: a row for each frame in CSV, in whatever columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alfvideo.array_types import Booleans, Floats
from alfvideo.files import text_tables
from alfvideo.files.errors import DataError
from alfvideo.timing import camlog, damaged_rows
from alfvideo.timing.damaged_rows import AGAIN
from alfvideo.timing.frame_data import SYNC_PIN, FrameData

if TYPE_CHECKING:
    import pandas as pd

_FRAMES = (
    "frame",
    "frames",
    "framenumber",
    "frameid",
    "frameindex",
    "framecounter",
    "framecount",
    "frameno",
    "framenum",
    "blockid",
    "imagenumber",
    "counter",
)
_CLOCKS = (
    "timestamp",
    "timestamps",
    "time",
    "times",
    "frametime",
    "frametimes",
    "frametimestamp",
    "cameratimestamp",
    "cameratime",
    "devicetimestamp",
    "sensortimestamp",
    "hardwaretimestamp",
    "embeddedtimestamp",
    "t",
)
_COMPUTERS = (
    "computertime",
    "computertimestamp",
    "systemtime",
    "pctime",
    "hosttime",
    "hosttimestamp",
    "unixtime",
    "datetime",
    "seconds",
)
_PINS = re.compile(r"(gpio|linestatus(all)?|line|pin|chunklinestatus(all)?|ttl)(state|status)?\d*")
_CAMERA = ("camera", "device", "sensor", "hardware", "embedded")
"""Clocks that are called so are the camera's, even if they count from 1970."""
_UNITS = {"s": 1.0, "sec": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
"""Ticks per second by the last word of the name of a column."""

_N_PINS = 4
_MAX_DAMAGED = 0.1
"""Part of the rows that may be damaged."""
PERIODS = {1.0: (0.001, 0.2), 1e3: (1.0, 200.0), 1e6: (1e3, 2e5), 1e9: (1e6, 2e8)}
"""Ticks from frame to frame at 5 to 1000 Hz, by ticks per second: those of two units never are the
same."""
_SINCE_1970 = (946_684_800.0, 4_102_444_800.0)
"""Seconds from 1970 to 2000 and to 2100."""
_WRAP = 2**20
"""Periods after which no clock of a log begins again."""


@dataclass(frozen=True)
class Columns:
    """The columns of a log: names, or numbers from 0 if it has none; empty to find them by name."""

    frame: str = ""
    """The camera's frame counter."""
    time: str = ""
    """The camera's clock."""
    ticks_per_second: float = 0.0
    """Of the camera's clock; 0 to find it by the interval between frames."""
    computer: str = ""
    """The clock of the computer: dates in ISO 8601, or seconds (or ms, us, ns) since 1970."""
    pins: tuple[str, ...] = ()
    """The states of the camera's input lines, a column for each, or one in which each bit is a
    line."""


@dataclass(frozen=True)
class _Chosen:
    frame: str | None
    time: str | None
    ticks_per_second: float
    computer: str | None
    pins: tuple[str, ...]


def load(path: Path, mapped: Mapping[str, Any] | None = None) -> FrameData:
    """Read a log of frames.

    `mapped` are the fields of `Columns`, as far as they are not to be found by their names. A clock
    that counts from 1970 is taken for the computer's unless it is mapped as the camera's.

    Damaged rows are filled in as those of other frame data. Of pins the first is that which is
    usually wired to the sync (`frame_data.SYNC_PIN`).

    Raises
    ------
    DataError
        If the columns cannot be found, nothing in them can be used, or the unit of the clock is
        not clear.
    """
    notes: list[str] = []
    table, _ = text_tables.read(path, notes)
    wanted = Columns(**{**(mapped or {}), "pins": tuple((mapped or {}).get("pins", ()))})
    chosen = _chosen(wanted, [str(name) for name in table.columns], path)
    rows = _whole_rows(table, chosen)
    if rows < len(table):
        notes.append(f"{path.name}: the last line is cut: it was left out. {AGAIN}")
        table = table.iloc[:rows]
    if not len(table):
        raise DataError(f"{path}: expected a row for each frame, found none. {AGAIN}")
    ids = _numbers(table, chosen.frame, path)
    raw = _numbers(table, chosen.time, path) if _is_number_column(table, chosen.time) else None
    dates = chosen.computer or (chosen.time if raw is None else None)
    is_named = bool(wanted.time) or _plain(chosen.time or "").startswith(_CAMERA)
    unit = 0.0 if raw is None else chosen.ticks_per_second or _ticks_per_second(raw, path)
    if raw is not None and not is_named and _since_1970(raw / unit):
        raw, dates = None, chosen.computer or chosen.time
    count = None if ids is None else damaged_rows.counter(camlog.unwrapped(ids))
    clock, step = None, 0.0
    if raw is not None:
        seconds = raw / unit
        typical = float(np.abs(np.nanmedian(np.diff(seconds)))) if seconds.size > 1 else 0.0
        clock, step = damaged_rows.clock(
            seconds, None if count is None else count.values, _WRAP * typical or 1.0
        )
        if count is not None:
            count = damaged_rows.counted_by_clock(count, clock, step)
    damaged = np.zeros(len(table), bool)
    for column in (count, clock):
        damaged |= False if column is None else column.damaged
    if n := np.count_nonzero(damaged):
        notes.append(
            f"{path.name}: {n} of {damaged.size} rows are damaged, the first is row "
            f"{np.flatnonzero(damaged)[0]}: they were filled in from the rows beside them. {AGAIN}"
        )
    return FrameData(
        timestamps=None if clock is None else clock.values,
        count=None if count is None else count.values - count.values[0],
        gpio=_levels(table, chosen.pins, path),
        computer=None if dates is None else _seconds_since_1970(table[dates]),
        notes=tuple(notes),
    )


def _chosen(wanted: Columns, names: Sequence[str], path: Path) -> _Chosen:
    """Choose the columns: those that are named, or else those whose names are usual."""
    by_position = dict(zip(map(str, range(len(names))), names, strict=True))

    def named(column: str) -> str:
        found = column if column in names else by_position.get(column)
        if found is None:
            raise DataError(
                f"{path}: it has no column '{column}', its columns are {', '.join(names)[:200]}. "
                "Correct frame_logs in the configuration."
            )
        return found

    frame = named(wanted.frame) if wanted.frame else _usual(names, _FRAMES)[0]
    computer = named(wanted.computer) if wanted.computer else _usual(names, _COMPUTERS)[0]
    time, ticks = (named(wanted.time), 0.0) if wanted.time else _usual(names, _CLOCKS)
    pins = tuple(named(column) for column in wanted.pins) or tuple(
        name for name in names if _PINS.fullmatch(_plain(name)) and name not in (frame, time)
    )
    if frame is None and time is None and not pins:
        raise DataError(
            f"{path}: none of its columns ({', '.join(names)[:200]}) is called as a frame counter, "
            "a clock or a line. Say which is which in frame_logs of the configuration."
        )
    return _Chosen(frame, time, wanted.ticks_per_second or ticks, computer, pins)


def _usual(names: Sequence[str], usual: Sequence[str]) -> tuple[str | None, float]:
    """Return the column with the first of some usual names, and the ticks per second it says.

    >>> _usual(["Frame ID", "Timestamps", "time_ms"], ("timestamp", "timestamps"))
    ('Timestamps', 0.0)
    >>> _usual(["Timestamp [us]"], ("timestamp",))
    ('Timestamp [us]', 1000000.0)
    """
    found: dict[str, tuple[str, float]] = {}
    for name in names:
        *words, last = re.sub(r"[\])\s]+$", "", name.lower()).replace("(", " ").split() or [""]
        whole = re.fullmatch(r"(.*)[^a-z0-9](s|sec|ms|us|ns)", " ".join((*words, last)))
        plain, unit = (whole[1], whole[2]) if whole else (name, "")
        found.setdefault(_plain(plain), (name, _UNITS.get(unit, 0.0)))
    return next((found[each] for each in usual if each in found), (None, 0.0))


def _plain(name: str) -> str:
    """Return a name in small letters, without what comes before its last point.

    >>> _plain("Item2.ChunkData.Frame_ID"), _plain("timestamp (ns)")
    ('frameid', 'timestampns')
    """
    return re.sub("[^a-z0-9]", "", name.lower().rpartition(".")[2])


def _whole_rows(table: "pd.DataFrame", chosen: _Chosen) -> int:
    """Return the number of rows without a last one that lacks a value: it is cut."""
    used = [name for name in (chosen.frame, chosen.time, chosen.computer, *chosen.pins) if name]
    is_cut = len(table) > 0 and bool(table[used].iloc[-1].isna().any())
    return len(table) - is_cut


def _is_number_column(table: "pd.DataFrame", name: str | None) -> bool:
    import pandas as pd

    if name is None:
        return False
    numbers = pd.to_numeric(table[name], errors="coerce")
    return bool(numbers.isna().mean() <= _MAX_DAMAGED)


def _numbers(table: "pd.DataFrame", name: str | None, path: Path) -> Floats | None:
    """Return a column as numbers, (n,), NaN for what is none; None if there is none."""
    import pandas as pd

    if name is None:
        return None
    values = pd.to_numeric(table[name], errors="coerce")
    numbers = values.to_numpy(np.float64)
    if np.isnan(numbers).mean() > _MAX_DAMAGED:
        raise DataError(
            f"{path}: {np.count_nonzero(np.isnan(numbers))} of {numbers.size} rows of '{name}' "
            "are no numbers. Say in frame_logs of the configuration which column it is, or copy "
            "the file from the rig again."
        )
    return numbers


def _ticks_per_second(ticks: Floats, path: Path) -> float:
    steps = np.diff(ticks[np.isfinite(ticks)])
    period = float(np.median(steps)) if steps.size else 0.0
    for ticks_per_second, (low, high) in PERIODS.items():
        if low <= period <= high:
            return ticks_per_second
    raise DataError(
        f"{path}: frames are {period:.6g} apart by its clock, which are no s, ms, us or ns of a "
        "camera with 5 to 1000 frames per second. Give ticks_per_second in frame_logs of the "
        "configuration."
    )


def _since_1970(seconds: Floats) -> bool:
    """Return whether a clock counts from 1970."""
    low, high = _SINCE_1970
    return bool(low < np.nanmedian(seconds) < high)


def _seconds_since_1970(column: "pd.Series") -> Floats:
    """Return the times of the computer, (n,) float64, NaN where they are damaged."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64)
    if np.isnan(numbers).mean() > _MAX_DAMAGED:
        times = pd.to_datetime(column, format="ISO8601", utc=True, errors="coerce")
        since = times.astype("datetime64[ns, UTC]").astype(np.int64).to_numpy() / 1e9
        return np.where(times.isna(), np.nan, since)
    units = (unit for unit in PERIODS if _since_1970(numbers / unit))
    return numbers / next(units, np.nan)


def _levels(table: "pd.DataFrame", names: Sequence[str], path: Path) -> Booleans | None:
    """Return the states of the pins, (n, 4) bool, the first column at the pin of the sync."""
    if not names:
        return None
    order = [SYNC_PIN, *(pin for pin in range(_N_PINS) if pin != SYNC_PIN)]
    levels = np.zeros((len(table), _N_PINS), bool)
    columns: list[Booleans] = []
    for name in names:
        columns += _columns_of(table[name])
    varying = [column for column in columns if column.any() and not column.all()]
    if len(varying) > _N_PINS:
        raise DataError(
            f"{path}: {len(varying)} lines change in {', '.join(names)}, expected at most "
            f"{_N_PINS}. Name those that are wired in frame_logs of the configuration."
        )
    for pin, column in zip(order, varying, strict=False):
        levels[:, pin] = column
    return levels


def _columns_of(column: "pd.Series") -> list[Booleans]:
    """Return the levels of a column of truth values, or of each bit of one of whole numbers."""
    import pandas as pd

    texts = column.astype(str).str.strip().str.lower()
    if texts.isin(("true", "false", "high", "low", "nan")).all():
        return [texts.isin(("true", "high")).to_numpy()]
    numbers = pd.to_numeric(column, errors="coerce").ffill().bfill().fillna(0)
    states = numbers.to_numpy(np.float64).astype(np.int64)
    if states.min() < 0:
        return [states > 0]
    n_bits = max(int(states.max()).bit_length(), 1)
    return [np.asarray(states >> bit & 1, bool) for bit in range(min(n_bits, 32))]
