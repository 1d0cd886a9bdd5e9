"""Raw files of Timeline (Rigbox): a column of samples for each input, with the time of each row."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.array_types import Floats, Integers, Numbers
from alfvideo.daq import columns
from alfvideo.daq.columns import Line
from alfvideo.daq.fronts import Fronts
from alfvideo.files import arrays, inputs
from alfvideo.files.errors import DataError

_COUNTER_PERIOD = 2**32
_MAX_BYTES = 20_000_000_000
_AGAIN = "Copy the file from the rig again."


def read(path: Path) -> Fronts:
    """Read the fronts of all inputs of a `_timeline_DAQdata.raw.npy`, as ibllib does.

    `.timestamps.npy` and `.meta.json` are read from beside it. Channels are the `arrayColumn` of
    the metadata. Voltages are compared with `columns.threshold`, an edge counter rises where it
    counts, and a position rises or falls where it changes.

    Raises
    ------
    DataError
        If a file is missing or damaged, or they do not belong together.
    """
    meta_file = path.with_name(path.name.replace(".raw.", ".meta.").removesuffix("npy") + "json")
    timestamps_file = path.with_name(path.name.replace(".raw.", ".timestamps."))
    meta = inputs.mapping(meta_file)
    raw = _mapped(path)
    n_samples, n_columns = raw.shape
    times = _times(arrays.load(timestamps_file), n_samples, timestamps_file)
    columns.check_clock(times, timestamps_file)
    _check_rate(times, meta.get("daqSampleRate"), timestamps_file)
    notes: list[str] = []
    recorded = _inputs(meta, n_columns, meta_file)
    del raw
    found = list(_lines(path, times, recorded, notes))
    return columns.together(path, found, notes)


def _times(recorded: Numbers, n: int, path: Path) -> Floats:
    """Return the time of each sample, (n,) seconds; (2, 2) are the first and the last sample."""
    if recorded.shape == (2, 2) and n != 2:
        samples, seconds = recorded.astype(np.float64).T
        return np.asarray(np.interp(np.arange(n), samples, seconds))
    times = recorded.ravel().astype(np.float64)
    if times.size != n:
        raise DataError(
            f"{path}: it has the times of {times.size} samples, the raw file has {n}. One of them "
            f"is cut or of another recording. {_AGAIN}"
        )
    return times


def _check_rate(times: Floats, rate: Any, path: Path) -> None:
    if not isinstance(rate, int | float) or not rate > 0 or times.size < 2:
        return
    step = (times[-1] - times[0]) / (times.size - 1)
    if abs(step * rate - 1) > 0.01:
        raise DataError(
            f"{path}: samples are {step:.6g} s apart, by the metadata they are {1 / rate:.6g} s "
            f"apart (daqSampleRate {rate:g}). Times must be in seconds, not in ms or samples: "
            "correct the file, or the metadata if its rate is wrong."
        )


def _inputs(meta: Mapping[str, Any], n: int, path: Path) -> list[tuple[int, str, str]]:
    """Return column from 1, measurement and name of each input.

    Raises
    ------
    DataError
        If the metadata has no such list, or a column that the raw file does not have.
    """
    try:
        entries = [
            (int(entry["arrayColumn"]), str(entry["measurement"]), str(entry["name"]))
            for entry in meta["inputs"]
        ]
    except (LookupError, TypeError, ValueError, ArithmeticError):
        raise DataError(
            f"{path}: expected 'inputs', a list of entries with 'name', 'arrayColumn' and "
            f"'measurement'. {_AGAIN}"
        ) from None
    for column, _, name in entries:
        # -1 is written for inputs that were not recorded
        if column > n or column == 0:
            raise DataError(
                f"{path}: {name} is in column {column}, the raw file has the columns 1 to {n}. It "
                f"is the metadata of another recording. {_AGAIN}"
            )
    return [entry for entry in entries if entry[0] > 0]


def _mapped(path: Path) -> Numbers:
    """Map the samples into memory, (n, columns)."""
    raw = arrays.mapped(path, max_bytes=_MAX_BYTES)
    return raw[:, None] if raw.ndim == 1 else raw


def _lines(
    path: Path, times: Floats, recorded: list[tuple[int, str, str]], notes: list[str]
) -> Iterator[Line]:
    for column, measurement, name in recorded:
        # mapped for each, as what was read of a mapped file counts as memory until it is closed
        samples = np.array(_mapped(path)[:, column - 1])
        if n := np.count_nonzero(~np.isfinite(samples)):
            notes.append(
                f"{n} of {samples.size} samples of {name} are no numbers: its level was taken to "
                "be that before them."
            )
        match measurement:
            case "Voltage":
                above = columns.threshold(samples)
                if above is None:
                    continue
                found = columns.crossings(samples, above)
                indices, polarities = found.indices, found.polarities
            case "EdgeCount" | "Position":
                steps = np.diff(_counted(samples))
                changed = np.abs(steps) > 1e-8
                indices = np.flatnonzero(changed) + 1
                signs: Integers = np.sign(steps[changed]).astype(np.int8)
                polarities = np.ones_like(signs) if measurement == "EdgeCount" else signs
            case _:
                notes.append(f"{name} was left out: nothing tells the fronts of a '{measurement}'.")
                continue
        yield Line(column, times[indices], polarities)


def _counted(samples: Numbers) -> Floats:
    """Return counts that go on below 0 where the counter of 32 bits began again from above."""
    counts = samples.astype(np.float64)
    known = np.isfinite(counts)
    if not known.all():
        # a count that is no number is that before it
        last = np.maximum.accumulate(np.where(known, np.arange(counts.size), -1))
        counts = np.where(last < 0, counts[known.argmax()], counts[last])
    return np.where(counts > _COUNTER_PERIOD / 3, counts - (_COUNTER_PERIOD - 1), counts)
