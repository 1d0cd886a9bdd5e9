"""The record beside the times of a camera: by which method they were found, and what shows it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.files import atomic, documents
from alfvideo.files.errors import DataError
from alfvideo.timing.evidence import Evidence, Witness
from alfvideo.video.region import Region


@dataclass(frozen=True)
class WheelShifts:
    """The shift of the frames over a session, by the motion of the wheel.

    Shifts are in frame periods and positive where frames are earlier than counted from the last
    pulse; times are in seconds and so counted.
    """

    used: bool
    """True if the times are by the wheel."""
    region: Region
    """In pixels of the video."""
    distinctness: float
    """The degree to which the best shift stands out; 1 is not at all."""
    window_times: Floats
    """(n_windows,) float64, centres of the windows."""
    shifts: Floats
    """(n_windows,) float64, NaN where wheel or video did not move."""
    cleaned_shifts: Floats
    """(n_windows,) float64."""
    step_frames: Integers
    """(n_steps,) int64, the frames from which on a shift was found; the first is 0."""
    step_times: Floats
    """(n_steps,) float64, times of these frames."""
    step_shifts: Integers
    """(n_steps,) int64."""


@dataclass(frozen=True)
class TimingRecord:
    """The method and the notes of a camera's times, and what was found by the wheel."""

    method: str
    """'gpio', 'clock', 'computer', 'wheel', 'pulses', 'camlog' or 'decided'."""
    notes: tuple[str, ...]
    """One sentence for each decision that was taken where the raw data disagree."""
    evidence: Evidence | None = None
    """The proof that the times are right; None if nothing was said of it."""
    wheel: WheelShifts | None = None
    """None if the motion of the wheel was not looked at."""


def save(record: TimingRecord, path: Path | str, times: Floats, times_path: Path | str) -> None:
    """Write times and their record; the times, which are what is needed, appear last.

    `times` are (n_frames,) float64, seconds.

    Raises
    ------
    OSError
        If one of the files cannot be written.
    """
    with atomic.output(times_path) as partial_times, atomic.output(path) as partial_record:
        with partial_times.open("wb") as file:
            np.save(file, times)
        partial_record.write_text(_as_json(record), encoding="utf-8")


def load(path: Path) -> TimingRecord:
    """Read the record of a camera's times.

    Raises
    ------
    DataError
        If it is damaged.
    OSError
        If it is not there or may not be read.
    """
    try:
        content = documents.parse_json(documents.read(path))
        wheel = content["wheel"]
        return TimingRecord(
            method=str(content["method"]),
            notes=tuple(map(str, content["notes"])),
            evidence=_evidence(content["evidence"]),
            wheel=None if wheel is None else _wheel_shifts(wheel),
        )
    # The content may be anything.
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise DataError(
            f"{path} is no record of how times were found ({type(error).__name__}: {error}). "
            "Remove it: only the picture of the camera needs it."
        ) from None


def _as_json(record: TimingRecord) -> str:
    content: dict[str, Any] = {
        "method": record.method,
        "notes": record.notes,
        "evidence": None if record.evidence is None else asdict(record.evidence),
        "wheel": None,
    }
    if record.wheel is not None:
        content["wheel"] = {
            "used": record.wheel.used,
            "region": record.wheel.region[:4],
            "distinctness": round(record.wheel.distinctness, 3),
            "windows": {
                "times": record.wheel.window_times.round(3).tolist(),
                "shifts": [_known(shift) for shift in record.wheel.shifts],
                "cleaned": [_known(shift) for shift in record.wheel.cleaned_shifts],
            },
            "steps": {
                "frames": record.wheel.step_frames.tolist(),
                "times": record.wheel.step_times.round(6).tolist(),
                "shifts": record.wheel.step_shifts.tolist(),
            },
        }
    return json.dumps(content)


def _known(shift: float) -> float | None:
    """Return a shift as JSON can hold it."""
    return float(shift) if np.isfinite(shift) else None


def _evidence(content: dict[str, Any] | None) -> Evidence | None:
    """Read what shows that the times are right; raises what Python raises if it is another."""
    if content is None:
        return None
    bound, by_person = content["bound"], content.get("by_person", False)
    if not isinstance(by_person, bool) or (by_person and not content["reason"]):
        raise ValueError("no sentence on what a person decided")
    if bound is not None and not float(bound) >= 0:
        raise ValueError(f"a bound of {bound}")
    return Evidence(
        bound=None if bound is None else float(bound),
        reason=str(content["reason"]),
        extrapolated=float(content["extrapolated"]),
        witnesses=tuple(map(_witness, content["witnesses"])),
        by_person=by_person,
    )


def _witness(content: dict[str, Any]) -> Witness:
    """Read a witness; raises what Python raises if it is something else."""
    starts = tuple(map(int, content.get("starts", ())))
    scores = tuple(map(float, content.get("scores", ())))
    if len(starts) != len(scores) or not all(0 <= score < np.inf for score in scores):
        raise ValueError("starts without a score each")
    agreement, second = float(content["agreement"]), float(content["second"])
    return Witness(str(content["name"]), agreement, second, starts, scores)


def _wheel_shifts(content: dict[str, Any]) -> WheelShifts:
    """Read what was found by the wheel; raises what Python raises if it is something else."""
    x, y, width, height = map(int, content["region"])
    windows, steps = content["windows"], content["steps"]
    times, shifts, cleaned = (
        np.array(windows[name], float) for name in ("times", "shifts", "cleaned")
    )
    frames, step_shifts = (np.array(steps[name], np.int64) for name in ("frames", "shifts"))
    step_times = np.array(steps["times"], float)
    shapes = {array.shape for array in (times, shifts, cleaned)}
    if len(shapes) > 1 or times.ndim != 1 or not times.size:
        raise ValueError("windows of unequal number")
    if len({array.shape for array in (frames, step_shifts, step_times)}) > 1 or frames.ndim != 1:
        raise ValueError("steps of unequal number")
    if not frames.size:
        raise ValueError("no steps")
    return WheelShifts(
        used=bool(content["used"]),
        region=Region(x, y, width, height),
        distinctness=float(content["distinctness"]),
        window_times=times,
        shifts=shifts,
        cleaned_shifts=cleaned,
        step_frames=frames,
        step_times=step_times,
        step_shifts=step_shifts,
    )
