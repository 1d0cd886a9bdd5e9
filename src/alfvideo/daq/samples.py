"""Lines of a DAQ that a lab saved as columns of samples: `.npy`, CSV, parquet and HDF5."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from alfvideo.array_types import Floats, Numbers
from alfvideo.daq import columns, spellings, wiring
from alfvideo.daq.columns import Line
from alfvideo.daq.fronts import Fronts
from alfvideo.daq.wiring import Wiring
from alfvideo.files import arrays, inputs
from alfvideo.files.errors import DataError

if TYPE_CHECKING:
    import h5py

_MAX_BYTES = 50_000_000_000
_MAX_STEP = 0.5
"""Seconds between samples; if they are farther apart, lines of cameras cannot be seen in them."""
_RATES = ("samplerate", "samplingrate", "samplingfrequency", "acquisitionsamplerate", "fs", "rate")
"""Names of attributes and single values that hold the sample rate in Hz, as `spellings.plain`."""


class Column(NamedTuple):
    """A column of samples, and its name; empty if it has none."""

    name: str
    samples: Numbers
    """(n,); of whole numbers that are no 0 and 1 each bit is a line."""


def read_npy(path: Path) -> Fronts:
    """Read the lines of an array of samples.

    (n,) are the words of a digital port, of which each bit is a line, or one analog line; of
    (n, lines) or (lines, n) the longer side is time. The sample rate is `SAMPLE_RATE` of the wiring
    file.

    Raises
    ------
    DataError
        If the file is damaged, or its rate is not known.
    """
    samples = arrays.mapped(path, max_bytes=_MAX_BYTES, kinds="iufb")
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        samples = samples.T
    found = [Column("", samples[:, n]) for n in range(samples.shape[1])] if samples.ndim else []
    return fronts(path, found, wiring.beside(path))


def read_hdf5(path: Path) -> Fronts:
    """Read the lines of an HDF5 file: all data sets of numbers with as many samples as the longest.

    They are taken in the order of their names, and those of a group together. One that is called
    as a time is that of each sample; otherwise the rate is an attribute, a single number that is
    called so, or `SAMPLE_RATE` of the wiring file.

    Raises
    ------
    DataError
        If the file is damaged or holds no samples, or their rate is not known.
    """
    # Few rigs have such files.
    import h5py

    inputs.check(path, _MAX_BYTES)
    try:
        with h5py.File(path, "r") as file:
            found, rate = _datasets(file)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: expected an HDF5 file, and it is none or damaged ({reason}). Copy it from "
            "the rig again."
        ) from None
    wired = wiring.beside(path)
    return fronts(path, found, wired, rate)


def fronts(
    path: Path,
    found: Sequence[Column],
    wired: Wiring,
    rate: float | None = None,
    notes: Sequence[str] = (),
) -> Fronts:
    """Find the fronts of all lines.

    Lines have the channel that the wiring file gives their name, or the number at the end of their
    names if all have another; others are numbered from 0 in order, without the column of times.

    Parameters
    ----------
    path
        Of the file.
    found
        Its columns, (n,) each. One that is called as a time is that of each sample.
    wired
        Of the wiring file.
    rate
        Samples per second that the file gives.
    notes
        What was wrong with the file.

    Raises
    ------
    DataError
        If there are no samples, their times are wrong, or nothing says their rate.
    """
    notes = list(notes)
    times = next((column for column in found if spellings.time_unit(column.name)), None)
    levels = [column for column in found if column is not times]
    if not levels or not levels[0].samples.size:
        raise DataError(
            f"{path}: expected a column of samples for each line, found none. Check that it is the "
            "file of the DAQ, and whole."
        )
    if len(levels) > columns.MAX_LINES:
        raise DataError(
            f"{path}: it has {len(levels)} lines, expected at most {columns.MAX_LINES}. Rows must "
            "be samples, and columns lines."
        )
    rate = wired.sample_rate or rate
    clock = None if times is None else _clock(times, wired, rate, path)
    if clock is None and rate is None:
        raise DataError(
            f"{path}: nothing says its sample rate. Write SAMPLE_RATE (in Hz) into "
            f"{wired.path.name} beside it."
        )
    return columns.together(path, _lines(levels, wired, clock, rate, notes), notes)


def _lines(
    levels: Sequence[Column],
    wired: Wiring,
    clock: Floats | None,
    rate: float | None,
    notes: list[str],
) -> Iterator[Line]:
    numbers = [spellings.line_number(name) for name, _ in levels]
    if None in numbers or len(set(numbers)) < len(numbers):
        numbers = list(range(len(levels)))
    for (name, recorded), number in zip(levels, numbers, strict=True):
        samples = np.ascontiguousarray(recorded)
        channel = wired.channels.get(name, number or 0)
        found: list[tuple[int, columns.Crossings]]
        if samples.dtype.kind == "b" or (samples.dtype.kind in "iu" and wired.threshold is None):
            words = (
                (samples.view(np.uint8) != 0) * np.uint8(1) if samples.dtype == bool else samples
            )
            found = [(channel + bit, crossed) for bit, crossed in columns.bits(words)]
            if len(levels) > 1 and any(bit != channel for bit, _ in found):
                # Not the words of a port, but numbers of a converter.
                found = _analog(channel, samples, None)
        else:
            found = _analog(channel, samples, wired.threshold)
        if samples.dtype.kind == "f" and (n := np.count_nonzero(~np.isfinite(samples))):
            notes.append(
                f"{n} of {samples.size} samples of {name or f'line {number}'} are no numbers: its "
                "level was taken to be that before them."
            )
        for line, crossed in found:
            at = crossed.indices
            if clock is not None:
                yield Line(line, clock[at], crossed.polarities)
            elif rate is not None:
                yield Line(line, at / rate, crossed.polarities)


def _analog(
    channel: int, samples: Numbers, above: float | None
) -> list[tuple[int, columns.Crossings]]:
    above = columns.threshold(samples) if above is None else above
    return [] if above is None else [(channel, columns.crossings(samples, above))]


def _clock(times: Column, wired: Wiring, rate: float | None, path: Path) -> Floats:
    """Return the time of each sample, (n,) seconds."""
    unit = wired.time_unit or spellings.time_unit(times.name)
    clock = times.samples.astype(np.float64)
    if unit == "samples":
        if rate is None:
            raise DataError(
                f"{path}: '{times.name}' are samples, and nothing says their rate. Write "
                f"SAMPLE_RATE (in Hz) into {wired.path.name} beside it."
            )
        clock = clock / rate
    elif unit in wiring.UNITS:
        clock = clock * wiring.UNITS[unit]
    columns.check_clock(clock, path)
    step = float(np.median(np.diff(clock))) if clock.size > 1 else 0.0
    if unit == "unknown" and step >= _MAX_STEP:
        raise DataError(
            f"{path}: samples are {step:g} apart in '{times.name}': that is too far for seconds. "
            f"Call it time_ms, time_us or sample, or write TIME_UNIT into {wired.path.name}."
        )
    return clock


def _datasets(file: "h5py.File") -> tuple[list[Column], float | None]:
    """Return the columns of samples, and their rate if the file says it."""
    import h5py

    vectors: dict[str, Any] = {}
    rates: list[float] = []

    def visit(name: str, item: Any) -> None:
        rates.extend(_rates(item.attrs))
        if not isinstance(item, h5py.Dataset) or item.dtype.kind not in "iufb":
            return
        if item.size == 1:
            rates.extend(_rates({name.rpartition("/")[2]: item[()]}))
        elif item.ndim in (1, 2):
            vectors[name] = item

    rates.extend(_rates(file.attrs))
    file.visititems(visit)
    n = max((max(item.shape) for item in vectors.values()), default=0)
    found = []
    for name, item in sorted(vectors.items()):
        if max(item.shape) != n:
            continue
        values = item[()]
        if values.ndim == 2 and values.shape[0] < values.shape[1]:
            values = values.T
        short = name.rpartition("/")[2]
        if values.ndim == 1 or values.shape[1] == 1:
            found.append(Column(short, values.ravel()))
        else:
            found += [Column(f"{short}{i}", values[:, i]) for i in range(values.shape[1])]
    return found, rates[0] if len(set(rates)) == 1 else None


def _rates(attributes: Mapping[str, Any]) -> list[float]:
    rates = []
    for name, value in attributes.items():
        if spellings.plain(str(name)) in _RATES:
            try:
                rate = float(np.asarray(value).ravel()[0])
            except (TypeError, ValueError, IndexError):
                continue
            if 0 < rate < 1e12:
                rates.append(rate)
    return rates
