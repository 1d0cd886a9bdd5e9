"""Camera pulses and sync TTLs that a Bpod recorded trial by trial."""

import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import alf, inputs
from alfvideo.files.errors import DataError
from alfvideo.timing.pulses import even, period
from alfvideo.timing.sync import Fronts

_MALFORMED = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""The errors that Python raises on JSON of another shape."""

_MIN_PAUSE = 5e-3
"""TTLs less than 5 ms apart are one: a go cue TTL may be two pulses about 3 ms apart (ibllib)."""


def task_data(files: Iterable[Path]) -> Path:
    """Choose the raw task data of a Bpod task, `_iblrig_taskData.raw.jsonable`.

    Raises
    ------
    DataError
        If it is not among the files.
    """
    found = alf.matching(
        files, object="taskData", attribute="raw", namespace="iblrig", extension="jsonable"
    )
    if not found:
        raise DataError(
            "_iblrig_taskData.raw.jsonable is missing. It holds the camera pulses; copy it from "
            "the rig."
        )
    return min(found)


def load(path: Path) -> list[dict[str, Floats]]:
    """Read the events of each trial: name -> times, (n,) float64, seconds since the Bpod started.

    The Bpod counts from the start of each trial: time = event + trial start - Bpod start.

    Raises
    ------
    DataError
        If a trial cannot be read, or there is none.
    """
    trials = []
    with inputs.opened(path, inputs.MAX_TEXT) as file:
        lines = io.TextIOWrapper(file, encoding="utf-8-sig")
        try:
            for line in lines:
                trials.append(_absolute_events(json.loads(line)["behavior_data"]))
        except _MALFORMED as error:
            raise DataError(
                f"{path}: expected one trial with 'behavior_data' per line ({type(error).__name__}"
                f" in line {len(trials) + 1}: {error}). The file is damaged or cut off; copy it "
                "from the rig again."
            ) from None
    if not trials:
        raise DataError(
            f"{path} is empty: no trial was recorded, or the transfer was cut. Copy it from the "
            "rig again."
        )
    return trials


def camera_pulses(
    trials: Sequence[dict[str, Floats]],
) -> tuple[Floats, tuple[str, ...]]:
    """Return the times of all camera pulses from Port 1, and notes on what was missing.

    The Bpod records during trials only. A pulse counts if its rise and its fall are in the same
    trial; pulses between trials, or lost within one, are filled in evenly. How many they are
    follows from the mean pulse period of the session.

    Returns
    -------
    (n,) float64, seconds since the Bpod started, and one sentence for each note.

    Raises
    ------
    DataError
        If fewer than two pulses were recorded.
    """
    by_trial = [_complete_pulses(trial) for trial in trials]
    recorded = np.sort(np.concatenate([*by_trial, np.empty(0)]))
    if recorded.size < 2:
        raise DataError(
            f"Bpod: expected camera pulses on Port 1 (Port1In, Port1Out), found {recorded.size} in "
            f"{len(trials)} trials. Check the cable from the camera to the Bpod."
        )
    notes = []
    used = np.flatnonzero([pulses.size for pulses in by_trial])
    if silent := int(np.ptp(used)) + 1 - used.size:
        notes.append(
            f"{silent} trials have no camera pulses although trials before and after them have; "
            "they were filled in evenly."
        )
    step = period(recorded)
    if lost := sum(int((np.rint(np.diff(p) / step) - 1).clip(0).sum()) for p in by_trial):
        notes.append(f"{lost} camera pulses were lost within trials; they were filled in evenly.")
    pulses = even(recorded)
    if pulses.removed.size:
        notes.append(f"{pulses.removed.size} camera pulses between two others were ignored.")
    return pulses.times, tuple(notes)


def sync_fronts(trials: Sequence[dict[str, Floats]]) -> Fronts:
    """Return fronts of the sync TTL on BNC2, sorted, in turn; trials without any are fine.

    TTLs less than 5 ms apart are fused. Of several rises or falls in a row the first counts.
    """
    nothing = np.empty(0)
    rises = np.concatenate([nothing, *(trial.get("BNC2High", nothing) for trial in trials)])
    falls = np.concatenate([nothing, *(trial.get("BNC2Low", nothing) for trial in trials)])
    times = np.concatenate((rises, falls))
    polarities = np.repeat(np.array([1, -1], np.int8), (rises.size, falls.size))
    order = np.argsort(times, kind="stable")
    times, polarities = times[order], polarities[order]
    changes = np.diff(polarities, prepend=0) != 0
    times, polarities = times[changes], polarities[changes]
    (gaps,) = np.nonzero((np.diff(times) < _MIN_PAUSE) & (polarities[:-1] < 0))
    fused = np.concatenate((gaps, gaps + 1))
    return Fronts(np.delete(times, fused), np.delete(polarities, fused))


def sync_line(files: Sequence[Path], namespace: str, label: str) -> Fronts:
    """Read the sync TTL on BNC2, whatever its label is, from the raw task data.

    Raises
    ------
    DataError
        As `task_data` and `load`.
    """
    return sync_fronts(load(task_data(files)))


def _absolute_events(behaviour: dict[str, Any]) -> dict[str, Floats]:
    start, origin = (float(behaviour[f"{name} start timestamp"]) for name in ("Trial", "Bpod"))
    if not abs(start - origin) < inputs.MAX_SECONDS:
        raise ValueError(f"the trial starts at {start} s, the Bpod at {origin} s")
    events = {}
    for name, times in behaviour["Events timestamps"].items():
        times = np.ravel(np.asarray(times, np.float64))
        events[name] = times[np.abs(times) < inputs.MAX_SECONDS] + start - origin
    return events


def _complete_pulses(trial: dict[str, Floats]) -> Floats:
    """Return the rises on Port 1 that are followed by a fall in the same trial."""
    rises, falls = trial.get("Port1In", np.empty(0)), trial.get("Port1Out", np.empty(0))
    next_fall = np.searchsorted(falls, rises, side="right")
    has_fall = next_fall < falls.size
    # of two rises before the same fall, the fall of the first was lost
    last_before_fall = np.diff(next_fall, append=-1) != 0
    complete: Floats = rises[has_fall & last_before_fall]
    return complete
