"""Tables of a DAQ (CSV, TSV, parquet): a row for each event, or for each sample of all lines."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.daq import columns, samples, spellings, wiring
from alfvideo.daq.fronts import Fronts
from alfvideo.daq.samples import Column
from alfvideo.daq.wiring import Wiring
from alfvideo.files import inputs, text_tables
from alfvideo.files.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_MAX_BYTES = 4_000_000_000
_MAX_DAMAGED = 0.1
"""Part of the rows that may be damaged."""
_MAX_PERIOD = 1.0
"""Seconds between pulses of the fastest line: no camera is slower, and units are larger."""
_AGAIN = "Copy the file from the rig again."


class _Events(NamedTuple):
    """The columns of a table of events."""

    time: str
    line: str
    state: str | None


def read(path: Path) -> Fronts:
    """Read a table with a row for each event or sample.

    Events have columns for time, line and state, in one of the spellings of `spellings`; without a
    header they come in this order. A line is a number, a name that the wiring file has, or a name
    that ends with a number; without a state each row is a rise, and a line with a sign may tell it.
    Samples have a column for each line, and one for the time unless the wiring file says the rate.

    Raises
    ------
    DataError
        If the columns cannot be told, the unit of time is not clear, or too much is damaged.
    """
    notes: list[str] = []
    table = _parquet(path) if path.suffix in (".pqt", ".parquet") else _text(path, notes)
    wired = wiring.beside(path)
    found = _event_columns([str(name) for name in table.columns], path)
    if found is not None:
        return _events(path, table, found, wired, notes)
    return samples.fronts(path, _sampled(path, table, notes), wired, notes=notes)


def _event_columns(names: Sequence[str], path: Path) -> _Events | None:
    """Choose the columns of a table of events; None if it has a column for each line."""
    times = [name for name in names if spellings.time_unit(name)]
    lines = [name for name in names if spellings.is_line(name)]
    if not lines:
        return None
    states = [name for name in names if spellings.is_state(name)]
    # seconds are better than samples, whose rate is to be known
    times.sort(key=lambda name: spellings.time_unit(name) == "samples")
    if not times or len(lines) > 1 or len(states) > 1:
        raise DataError(
            f"{path}: its columns are {', '.join(names)[:200]}, expected one of 'time', 'line' and "
            "'state' each. Name them so, and others in another way."
        )
    return _Events(times[0], lines[0], states[0] if states else None)


def _events(
    path: Path, table: "pd.DataFrame", found: _Events, wired: Wiring, notes: list[str]
) -> Fronts:
    import pandas as pd

    times = pd.to_numeric(table[found.time], errors="coerce").to_numpy(np.float64)
    numbers, signs = _line_numbers(table[found.line], wired, path)
    polarities = signs if found.state is None else _polarities(table[found.state])
    whole = (np.abs(times) < 1e19) & (numbers >= 0) & (polarities != 0)
    damaged = np.count_nonzero(~whole)
    if damaged > max(1, _MAX_DAMAGED * whole.size):
        at = int(np.flatnonzero(~whole)[0])
        row = ", ".join(str(value) for value in table.iloc[at].tolist())[:100]
        raise DataError(
            f"{path}: {damaged} of {whole.size} rows have no time, line and state that can be "
            f"read, the first is row {at + 1} ({row}). Lines must be numbers, end with one or be "
            f"named in {wired.path.name}; states 0 and 1 or as rising and falling."
        )
    if damaged:
        notes.append(
            f"{path.name}: {damaged} of {whole.size} rows have no time, line or state that can be "
            f"read: the others were used. {_AGAIN}"
        )
    times, numbers, polarities = times[whole], numbers[whole], polarities[whole]
    seconds = _seconds(path, times, numbers, polarities, found.time, wired)
    return columns.in_order(path, seconds, numbers, polarities, notes)


def _line_numbers(recorded: "pd.Series", wired: Wiring, path: Path) -> tuple[Integers, Integers]:
    """Return the channel of each row, -1 if it cannot be told, and the sign of its number."""
    texts = recorded.fillna("").astype(str).str.strip()
    known: dict[str, tuple[int, int]] = {}
    for text in texts.unique():
        number = wired.channels.get(text)
        if number is None:
            number = spellings.line_number(text.lstrip("-"))
        known[text] = (-1 if number is None else number, -1 if text.startswith("-") else 1)
    by_number: dict[int, list[str]] = {}
    for text, (number, _) in known.items():
        name = text.lstrip("-").removesuffix(".0")
        if number >= 0 and name not in by_number.setdefault(number, []):
            by_number[number].append(name)
    for number, names in by_number.items():
        if len(names) > 1:
            raise DataError(
                f"{path}: {' and '.join(sorted(names))} would both be line {number}. "
                f"Number them in {wired.path.name}, each under its name."
            )
    pairs = np.array([known[text] for text in texts], np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _polarities(recorded: "pd.Series") -> Integers:
    """Return +1 or -1 for each row, 0 if it cannot be told."""
    texts = recorded.fillna("").astype(str).str.strip().str.lower()
    words = texts.str.replace(r"\.0+$", "", regex=True)
    words = words.str.replace(r"[ _-]?(?:edge|front|state)$", "", regex=True)
    return words.map(spellings.POLARITIES).fillna(0).to_numpy(np.int8)


def _seconds(
    path: Path,
    times: Floats,
    numbers: Integers,
    polarities: Integers,
    name: str,
    wired: Wiring,
) -> Floats:
    """Convert times to seconds.

    Raises
    ------
    DataError
        If their unit is not said, and they cannot be seconds.
    """
    unit = wired.time_unit or spellings.time_unit(name)
    if unit == "samples":
        if wired.sample_rate is None:
            raise DataError(
                f"{path}: '{name}' are samples, and nothing says their rate. Write SAMPLE_RATE (in "
                f"Hz) into {wired.path.name} beside it."
            )
        return times / wired.sample_rate
    if unit in wiring.UNITS:
        return times * wiring.UNITS[unit]
    rises = numbers[polarities > 0]
    if rises.size:
        ((fastest, n),) = Counter(rises.tolist()).most_common(1)
        period = np.median(np.diff(times[(numbers == fastest) & (polarities > 0)])) if n > 2 else 0
        if period > _MAX_PERIOD:
            raise DataError(
                f"{path}: rises of line {fastest} are {period:.6g} apart in '{name}': that is too "
                "far for seconds between frames. Call the column time_s, time_ms, time_us or "
                f"sample, or write TIME_UNIT into {wired.path.name} beside it."
            )
    return times


def _sampled(path: Path, table: "pd.DataFrame", notes: list[str]) -> list[Column]:
    """Return the columns of a table of samples as numbers."""
    import pandas as pd

    found = []
    for name in table.columns:
        values = table[name]
        numbers = pd.to_numeric(values, errors="coerce")
        if numbers.isna().mean() > _MAX_DAMAGED:
            words = _polarities(values)
            if (words == 0).mean() > _MAX_DAMAGED:
                notes.append(f"Column '{name}' of {path.name} has no numbers: it was left out.")
                continue
            numbers = pd.Series(np.where(words == 0, np.nan, words > 0))
        found.append(Column(str(name), numbers.to_numpy()))
    times = next((c for c in found if spellings.time_unit(c.name)), None)
    if times is not None and not (known := np.isfinite(times.samples)).all():
        notes.append(
            f"{path.name}: {np.count_nonzero(~known)} of {known.size} rows have no time: they were "
            f"left out. {_AGAIN}"
        )
        found = [Column(name, values[known]) for name, values in found]
    return found


def _parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd

    inputs.check(path, _MAX_BYTES)
    try:
        return pd.read_parquet(path)
    # Whatever pyarrow raises.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: expected a parquet table, and it is none or damaged ({reason}). {_AGAIN}"
        ) from None


def _text(path: Path, notes: list[str]) -> "pd.DataFrame":
    """Read a table in text; without a line of names it is one of events."""
    if (size := inputs.check(path)) > inputs.MAX_TEXT:
        raise DataError(
            f"{path}: {size:,} bytes of text are more than can be read at once "
            f"({inputs.MAX_TEXT:,}). Save the table as parquet, HDF5 or .npy."
        )
    table, has_names = text_tables.read(path, notes)
    if has_names:
        return table
    n = len(table.columns)
    if n > len(_Events._fields):
        raise DataError(
            f"{path}: its first line names none of its {n} columns. Write a line with the names "
            "before it: time, line and state, or time and the names of the lines."
        )
    table.columns = list(_Events._fields[:n])
    return table
