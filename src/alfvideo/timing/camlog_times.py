"""The time of each frame on rigs that keep a camlog."""

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.timing.pulses import even, extend
from alfvideo.timing.timestamps import CameraTimes, check_pulses, checked


def camlog_times(pulses: Floats, n_frames: int) -> CameraTimes:
    """Find the time of each frame where every frame has its pulse (camlog rigs).

    One pulse too many is dropped and one too few is added: inside the train if a gap or an extra
    pulse is seen there, else at the end.

    Raises
    ------
    DataError
        If pulses and frames differ by more than one, or as in `camera_times`.
    """
    check_pulses(pulses, n_frames)
    surplus = pulses.size - n_frames
    if abs(surplus) > 1:
        raise DataError(
            f"Camera pulses and video frames must agree on a camlog rig, found {pulses.size} "
            f"pulses and {n_frames} frames. Check that the video is complete, and the wiring."
        )
    if surplus == 0:
        return checked(CameraTimes(pulses, pulses, np.arange(n_frames), "camlog", ()))
    repaired = even(pulses)
    if repaired.times.size == n_frames:
        times, where = repaired.times, "where the train of pulses is uneven"
    else:
        times = pulses[:-1] if surplus > 0 else extend(pulses, 0, 1)
        where = "at the end"
    what = "One pulse too many was dropped" if surplus > 0 else "One missing pulse was added"
    note = f"{what} {where}: {pulses.size} pulses for {n_frames} frames."
    return checked(CameraTimes(times, pulses, np.arange(n_frames), "camlog", (note,)))
