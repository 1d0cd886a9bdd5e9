"""Camera pulses and sync TTLs that a Bpod recorded trial by trial."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files import alf, inputs
from alfvideo.files.errors import DataError
from alfvideo.timing.damaged_rows import AGAIN
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

_MAX_OUTSIDE = 0.1
"""Seconds by which an event may come before the start of its trial or after that of the next."""


class Trials(NamedTuple):
    """The events of the trials that can be read."""

    events: list[dict[str, Floats]]
    """For each trial name -> times, (n,) float64, seconds since the Bpod started."""
    notes: tuple[str, ...]
    """One sentence for what could not be read."""


class _Trial(NamedTuple):
    start: float
    events: dict[str, Floats]


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


def load(path: Path) -> Trials:
    """Read the events of each trial.

    The Bpod counts from the start of each trial: time = event + trial start - Bpod start. Lines
    that cannot be read, trials whose start is not between those beside it, and events that are not
    within their trial are left out.

    Raises
    ------
    DataError
        If no trial can be read, or trials begin again.
    """
    with inputs.opened(path, inputs.MAX_TEXT) as file:
        lines = file.read().decode("utf-8-sig", errors="replace").split("\n")
    trials: list[_Trial] = []
    broken: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        line = line.strip("\0 \t\r")
        if not line:
            continue
        try:
            trials.append(_trial(json.loads(line)["behavior_data"]))
        except _MALFORMED as error:
            broken.append((number, f"{type(error).__name__} in line {number}: {error}"))
    if not trials:
        if not broken:
            raise DataError(
                f"{path} is empty: no trial was recorded, or the transfer was cut. Copy it from "
                "the rig again."
            )
        raise DataError(
            f"{path}: expected one trial with 'behavior_data' per line ({broken[0][1]}). The file "
            "is damaged or cut off; copy it from the rig again."
        )
    notes = []
    if broken:
        notes.append(_broken_note(path, [number for number, _ in broken], len(lines), len(trials)))
    placed = _in_order(trials)
    if misplaced := len(trials) - len(placed):
        notes.append(
            f"{path.name}: {misplaced} of {len(trials)} trials start at a time that is not between "
            "those of the trials beside them: they were left out."
        )
    _check_one_recording(placed, path)
    events = _within(placed)
    n_events = sum(times.size for trial in placed for times in trial.events.values())
    if outside := n_events - sum(times.size for trial in events for times in trial.values()):
        notes.append(
            f"{path.name}: {outside} of {n_events} events are not within their trial: they were "
            "left out."
        )
    return Trials(events, tuple(notes))


def _check_one_recording(trials: Sequence[_Trial], path: Path) -> None:
    """See that trials do not begin again, as in a file to which another recording was added."""
    for number, (before, after) in enumerate(pairwise(trials), start=2):
        if after.start < before.start:
            raise DataError(
                f"{path}: trial {number} starts {before.start - after.start:.1f} s before the one "
                "before it: the file holds two recordings. Keep the trials of the one in which the "
                "camera ran, in a copy, and put the other aside."
            )


def _broken_note(path: Path, numbers: Sequence[int], n_lines: int, n_trials: int) -> str:
    if list(numbers) == [n_lines]:
        what = f"the last line is cut: the {n_trials} trials before it were used"
    else:
        what = (
            f"{len(numbers)} lines cannot be read, the first is line {numbers[0]}: the other "
            f"{n_trials} trials were used"
        )
    return f"{path.name}: {what}. {AGAIN}"


def _in_order(trials: Sequence[_Trial]) -> list[_Trial]:
    """Leave out single trials whose start is not between the starts of those beside them."""
    starts = [trial.start for trial in trials]
    misplaced = {
        i
        for i in range(1, len(starts) - 1)
        if starts[i - 1] < starts[i + 1] and not starts[i - 1] <= starts[i] <= starts[i + 1]
    }
    return [
        trial
        for i, trial in enumerate(trials)
        # of two neighbours at odds one is wrong, and it is not known which
        if i not in misplaced or {i - 1, i + 1} & misplaced
    ]


def _within(trials: Sequence[_Trial]) -> list[dict[str, Floats]]:
    """Leave out events before their trial and after the start of the next."""
    ends = [trial.start for trial in trials[1:]] + [np.inf]
    return [
        {
            name: times[
                (times >= trial.start - _MAX_OUTSIDE)
                # trials that begin again have no end
                & ((times <= end + _MAX_OUTSIDE) | (end <= trial.start))
            ]
            for name, times in trial.events.items()
        }
        for trial, end in zip(trials, ends, strict=True)
    ]


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
    return sync_fronts(load(task_data(files)).events)


def _trial(behaviour: dict[str, Any]) -> _Trial:
    start, origin = (float(behaviour[f"{name} start timestamp"]) for name in ("Trial", "Bpod"))
    if not abs(start - origin) < inputs.MAX_SECONDS:
        raise ValueError(f"the trial starts at {start} s, the Bpod at {origin} s")
    events = {}
    for name, times in behaviour["Events timestamps"].items():
        times = np.ravel(np.asarray(times, np.float64))
        events[name] = times[np.abs(times) < inputs.MAX_SECONDS] + start - origin
    return _Trial(start - origin, events)


def _complete_pulses(trial: dict[str, Floats]) -> Floats:
    """Return the rises on Port 1 that are followed by a fall in the same trial."""
    rises, falls = trial.get("Port1In", np.empty(0)), trial.get("Port1Out", np.empty(0))
    next_fall = np.searchsorted(falls, rises, side="right")
    has_fall = next_fall < falls.size
    # of two rises before the same fall, the fall of the first was lost
    last_before_fall = np.diff(next_fall, append=-1) != 0
    complete: Floats = rises[has_fall & last_before_fall]
    return complete
