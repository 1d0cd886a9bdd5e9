"""Check that the wheel in the video moves when the rotary encoder says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from one.alf.spec import QC
from scipy import signal

from alfvideo.array_types import Floats, Image, Integers
from alfvideo.files.errors import DataError
from alfvideo.qc import frames, movement
from alfvideo.qc.outcome import Check, judged, not_set
from alfvideo.timing.wheel import checked
from alfvideo.video.region import Region

_GOOD, _TOLERABLE = 1, 2
"""Frames that the video may be off for PASS and for WARNING; in ibllib more is WARNING too."""
_MIN_WHEEL_SECONDS = 1.0
"""Seconds."""
_MAX_WHEEL_SECONDS = 4 * 3600.0
"""Seconds around the video, of a longer recording, in which a movement is looked for. It bounds
memory, also where one timestamp is wild."""
_APART = 2
"""Motion energy compares each frame with the one this many before."""

_FLOAT = np.arange(256, dtype=np.float32)
_DISTANCE = (
    np.sqrt(_FLOAT**2 * 3) / np.sqrt(np.float32(255**2 * 3)) * 255  # as for colour frames
).astype(np.uint8)
"""The value that `brainbox.video.frame_diffs` gives to each absolute difference of gray values."""


@dataclass(frozen=True)
class Motion:
    """The wheel in the video and on the encoder during one movement."""

    times: Floats
    """(n,) float64, times of the frames, seconds."""
    energy: Floats
    """(n - 2,) float64, motion energy of all but the first and last frame, 0 to 1."""
    speed: Floats
    """(n,) float64, wheel speed at each frame, 0 to 1."""
    offset: int
    """Frames by which the video must be shifted to fit the wheel."""


def period(
    times: Floats, timestamps: Floats, position: Floats
) -> tuple[movement.Wheel, tuple[float, float]] | Check:
    """Return the wheel and a period of movement within the recording, or why there is none.

    Parameters
    ----------
    times
        (n,) float64, camera times, seconds.
    timestamps, position
        (m,) float64, the wheel, in seconds and rad.
    """
    try:
        timestamps, position = checked(timestamps, position)
    except DataError as error:
        return not_set(str(error))
    if np.ptp(timestamps) < _MIN_WHEEL_SECONDS:
        return not_set(f"The wheel spans {np.ptp(timestamps):.3f} s, too short for a movement.")
    times = times[np.isfinite(times)]
    if not times.size:
        return not_set("There are no camera times.")
    if np.ptp(timestamps) > _MAX_WHEEL_SECONDS:
        near = np.abs(timestamps - np.median(times)) < _MAX_WHEEL_SECONDS / 2
        timestamps, position = timestamps[near], position[near]
        if np.count_nonzero(near) < 2 or np.ptp(timestamps) < _MIN_WHEEL_SECONDS:
            return not_set("The wheel was not recorded at the time of the video.")
    wheel = movement.sample(timestamps, position)
    active = movement.active_period(wheel)
    if active is None:
        return not_set("The wheel has no movement of 3 to 20 s.")
    start, end = active
    if ((times >= start) & (times <= end)).any():
        return wheel, active
    if ((times > timestamps[0]) & (times < timestamps[-1])).any():
        return not_set(
            f"The movement of the wheel that was chosen ({start:.1f} to {end:.1f} s) is not during "
            "the video."
        )
    return judged(
        QC.FAIL,
        f"The video ({times[0]:.1f} to {times[-1]:.1f} s) and the wheel ({timestamps[0]:.1f} to "
        f"{timestamps[-1]:.1f} s) were not recorded at the same time, or their clocks differ.",
    )


def motion(
    path: Path,
    region: Region,
    times: Floats,
    wheel: movement.Wheel,
    active: tuple[float, float],
) -> Motion | Check:
    """Compare the wheel in a video with the encoder during a movement, or say why it cannot be.

    Raises
    ------
    DataError
        If the video cannot be read.
    """
    numbers = np.flatnonzero((times >= active[0]) & (times <= active[1]))
    if numbers.size <= _APART:
        return not_set(f"There are {numbers.size} video frames during the wheel's movement.")
    crops = (frame[region.slices] for frame in frames.read(path, numbers))
    return compare(motion_energy(crops), times[numbers], wheel)


def motion_energy(frames: Iterable[Image]) -> Floats:
    """Return the sum of absolute differences of frames and the ones two before, (n - 2,) float64.

    Equal to `brainbox.video.motion_energy` without the normalisation, for gray uint8 frames.
    """
    energy: list[float] = []
    before: list[Image] = []
    for frame in frames:
        if len(before) == _APART:
            change = cv2.LUT(cv2.absdiff(frame, before.pop(0)), _DISTANCE)
            energy.append(cv2.sumElems(change)[0])
        before.append(np.ascontiguousarray(frame))
    return np.array(energy)


def compare(energy: Floats, times: Floats, wheel: movement.Wheel) -> Motion | Check:
    """Find the shift at which motion energy and wheel speed correlate best.

    `energy` (n - 2,) is that of the frames at `times` (n,), which are within the wheel's times.
    """
    nearest = np.unique(_nearest(wheel.times, times))
    speed = np.abs(wheel.velocity[nearest])
    if not np.ptp(energy):
        return not_set("Nothing moves in the wheel region of the video.")
    if not np.ptp(speed):
        return not_set("The wheel does not move during the video.")
    energy, speed = ((x - x.min()) / np.ptp(x) for x in (energy, speed))
    lag = int(np.argmax(signal.correlate(energy, speed))) - (speed.size - 1)
    # The first energy belongs to the second frame.
    return Motion(times, energy, speed, offset=lag + _APART // 2)


def alignment(found: Motion) -> Check:
    """Check that the video is at most one frame off; reports by how many it is, in frames.

    A negative number means that video frames come later than their times.
    """
    off = abs(found.offset)
    return judged(
        QC.PASS if off <= _GOOD else QC.WARNING,
        f"The wheel in the video fits the encoder best when the video is shifted by {found.offset} "
        f"frames, expected at most {_GOOD}. "
        + (
            "Check the times of the camera."
            if off <= _TOLERABLE
            else "The times of the camera are wrong, or something else moves in the wheel region."
        ),
        found.offset,
    )


def _nearest(sorted_times: Floats, times: Floats) -> Integers:
    """Return the index of the nearest of the sorted times, the earlier one of two."""
    after = np.searchsorted(sorted_times, times).clip(1, sorted_times.size - 1)
    earlier = times - sorted_times[after - 1] <= sorted_times[after] - times
    nearest: Integers = after - earlier
    return nearest
