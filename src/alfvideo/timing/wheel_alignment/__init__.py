"""Frame times of a side camera from the motion of the wheel, where the camera saved no GPIO."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.jobs.progress import watched
from alfvideo.timing import wheel
from alfvideo.timing.pulses import numbered, period
from alfvideo.timing.record import WheelShifts
from alfvideo.timing.wheel_alignment.contamination import THRESHOLD, WheelMotion, wheel_motion
from alfvideo.timing.wheel_alignment.shifts import (
    MAX_JUMPS,
    MAX_MISSING_PULSES,
    MAX_UNKNOWN,
    Quality,
    cleaned,
    distinctness,
    frame_shifts,
    quality,
    window_shifts,
)
from alfvideo.video.motion_energy import gray_regions
from alfvideo.video.probe import size
from alfvideo.video.region import Region

MIN_DISTINCTNESS = 2.0
"""See `distinctness`. Of 300 simulated sessions of 30 s and more in which video and wheel had
nothing to do with each other one reached it, and all in which they had (r = 0.9) did."""

MIN_SECONDS = 30
"""In shorter videos unrelated motion agrees by chance."""

_BEYOND = 5
"""Windows smear the shifts at the ends of a session: so many frames more are tried."""

_MAX_SHIFTS = 500
"""Shifts further apart than this are not traced from frame to frame."""

_MAX_WINDOWS = 500
"""So many dots can be told apart in a panel of a picture."""


@dataclass(frozen=True)
class WheelAlignment:
    """Times of all frames of a video, how they were found, and what shows whether they are right.

    Shifts are in frame periods and positive where frames are earlier than `pulse_times` says.
    """

    times: Floats
    """(n_frames,) float64, seconds, strictly increasing."""
    ok: bool
    """True if the times can be used."""
    notes: tuple[str, ...]
    """One sentence for what was found, and for each reason not to use it."""
    quality: Quality
    distinctness: float
    """The degree to which the best shift stands out; 1 is not at all."""
    pulse_times: Floats
    """(n_frames,) float64, times from the pulses alone: the last pulse is the last frame's."""
    frame_shifts: Integers
    """(n_frames,) int64."""
    window_times: Floats
    """(n_windows,) float64, centres of the windows, seconds by `pulse_times`."""
    shifts: Floats
    """(n_windows,) float64, NaN where wheel or video did not move."""
    cleaned_shifts: Floats
    """(n_windows,) float64."""
    motion: WheelMotion
    region: Region
    """In pixels of the video."""


def align(
    path: Path,
    pulses: Floats,
    n_frames: int,
    wheel_timestamps: Floats,
    wheel_position: Floats,
    region: Region,
    *,
    count: Integers | None = None,
    threshold: float = THRESHOLD,
) -> WheelAlignment:
    """Find the time of each frame of a video from when its picture of the wheel moves.

    Frame i is taken for pulse start + count[i], where the last frame has the last pulse. Then the
    shift is found under which motion energy and speed of the wheel agree.

    Parameters
    ----------
    path
        The video.
    pulses
        (n,) float64, times of the rises of the camera's line, increasing, seconds.
    n_frames
        Number of frames in the video, by counting them.
    wheel_timestamps, wheel_position
        (m,) seconds of the same clock and radians.
    region
        Where only the wheel moves in the frames.
    count
        (n_frames,) int64, frame counter, increasing from 0. Without one, frames are consecutive
        and frames that the camera dropped are found by their steps in the shift.
    threshold
        For contaminated frames, see `wheel_motion`.

    Raises
    ------
    DataError
        If it is not possible: pulses, wheel or video cannot be used, or the wheel does not turn.
    """
    count = np.arange(n_frames) if count is None else np.asarray(count)
    pulses = np.asarray(pulses, float)
    _check(pulses, n_frames, count)
    rate = 1 / period(pulses)
    if n_frames < MIN_SECONDS * rate:
        raise DataError(
            f"{path} is too short: {n_frames / rate:.1f} s, expected at least {MIN_SECONDS} s."
        )
    timestamps, position = wheel.checked(wheel_timestamps, wheel_position)
    start = max(pulses.size - int(count[-1]) - 1, 0)
    exposures = numbered(pulses, start + np.arange(count[-1] + 1))
    speed = np.abs(wheel.velocity_at(exposures, timestamps, position))
    _check_turns(exposures, timestamps, position)

    region = region.within(*size(path))
    regions = watched(gray_regions(path, region), "aligned", n_frames)
    motion = wheel_motion(regions, threshold)
    if motion.energy.size != n_frames:
        raise DataError(f"{path} has {motion.energy.size} frames, expected {n_frames}.")
    energy = np.full(exposures.size, np.nan)
    energy[count] = motion.energy
    centres, shifts = window_shifts(energy, speed, rate)
    if np.isnan(shifts).all():
        raise DataError(f"{path}: nothing moves in the region of the wheel.")
    clean = cleaned(shifts)
    most, least = int(clean.max()) + _BEYOND, int(clean.min()) - _BEYOND
    if most - least > _MAX_SHIFTS:
        most = least = int(np.median(clean))
    by_frame = frame_shifts(energy, speed, rate, most, least)[count]
    number = start + count - by_frame
    times = numbered(pulses, number)
    n_missing = int(np.count_nonzero((number < 0) | (number >= pulses.size)))
    found = quality(shifts, clean, n_frames, n_missing)
    distinct = distinctness(energy, speed, rate)
    faults = _faults(found, distinct)
    return WheelAlignment(
        times=times,
        ok=not faults,
        notes=(*_findings(by_frame, motion), *faults),
        quality=found,
        distinctness=distinct,
        pulse_times=exposures[count],
        frame_shifts=by_frame,
        window_times=exposures[centres],
        shifts=shifts,
        cleaned_shifts=clean,
        motion=motion,
        region=region,
    )


def for_record(alignment: WheelAlignment) -> WheelShifts:
    """Return what the record of the times keeps of an alignment.

    Of long sessions it keeps some of the windows, evenly chosen, and every step of the shift.
    """
    windows = slice(None, None, -(-alignment.window_times.size // _MAX_WINDOWS))
    steps = np.flatnonzero(np.diff(alignment.frame_shifts, prepend=alignment.frame_shifts[0] - 1))
    return WheelShifts(
        used=alignment.ok,
        region=alignment.region,
        distinctness=alignment.distinctness,
        window_times=alignment.window_times[windows],
        shifts=alignment.shifts[windows],
        cleaned_shifts=alignment.cleaned_shifts[windows],
        step_frames=steps,
        step_times=alignment.pulse_times[steps],
        step_shifts=alignment.frame_shifts[steps],
    )


def _check(pulses: Floats, n_frames: int, count: Integers) -> None:
    if n_frames < 1:
        raise DataError("The video has no frames. Copy it from the rig again.")
    if pulses.size < 2 or not (np.diff(pulses) > 0).all():
        raise DataError(
            f"Expected at least 2 camera pulses that increase in time, found {pulses.size} pulses. "
            "Check the wiring file and the cable from the camera to the DAQ."
        )
    if count.size != n_frames or count[0] < 0 or not (np.diff(count) > 0).all():
        raise DataError(f"The frame counter must increase and have {n_frames} values.")


def _check_turns(exposures: Floats, timestamps: Floats, position: Floats) -> None:
    filmed = slice(*np.searchsorted(timestamps, (exposures[0], exposures[-1])))
    turn = np.ptp(position[filmed]) if position[filmed].size else 0
    if turn < wheel.MIN_TURN:
        raise DataError(
            f"The wheel does not turn during the video ({exposures[0]:.1f} to {exposures[-1]:.1f} "
            f"s; it was recorded from {timestamps[0]:.1f} to {timestamps[-1]:.1f} s)."
        )


def _findings(shifts: Integers, motion: WheelMotion) -> list[str]:
    notes = []
    first, last = int(shifts[0]), int(shifts[-1])
    if first == last == 0:
        notes.append("The motion of the wheel in the video agrees with the camera pulses.")
    elif first == last:
        notes.append(
            f"The frames are {abs(first)} pulses {'earlier' if first > 0 else 'later'} than "
            "counted from the last pulse, by the motion of the wheel."
        )
    else:
        notes.append(
            f"The first frames are {first} and the last ones {last} pulses earlier than counted "
            "from the last pulse, by the motion of the wheel: frames were lost on the way."
        )
    if n_contaminated := np.count_nonzero(motion.contaminated):
        notes.append(
            f"Something was in front of the wheel in {n_contaminated} of {shifts.size} frames."
        )
    if n_unreadable := np.count_nonzero(motion.unreadable):
        notes.append(f"{n_unreadable} of {shifts.size} frames cannot be decoded.")
    return notes


def _faults(found: Quality, distinct: float) -> list[str]:
    """List reasons why the alignment cannot be used, one sentence each."""
    faults = []
    if distinct < MIN_DISTINCTNESS:
        faults.append("The motion in the region of the wheel is not clearly that of the wheel.")
    if found.ttl_per > MAX_MISSING_PULSES:
        faults.append(f"{found.ttl_per:.0f} % of the frames have no camera pulse.")
    if found.nan_per > MAX_UNKNOWN:
        faults.append(f"{found.nan_per:.0f} % of the windows have no shift.")
    if found.shifts_sum > MAX_JUMPS:
        faults.append(f"The shift jumps by more than 10 frames {found.shifts_sum} times.")
    if found.shifts_filt_sum:
        faults.append(
            f"The cleaned shift jumps by more than 1 frame {found.shifts_filt_sum} times."
        )
    return faults
