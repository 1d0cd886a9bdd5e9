"""Times from the wheel in place of those from the pulses alone, where the wheel can be trusted."""

from dataclasses import replace
from pathlib import Path

from alfvideo.array_types import Floats
from alfvideo.files.errors import DataError
from alfvideo.timing.reliability import evidence_of_wheel
from alfvideo.timing.timestamps import CameraTimes
from alfvideo.timing.wheel_alignment import WheelAlignment, align
from alfvideo.video.region import Region


def instead_of_pulses(
    found: CameraTimes,
    video: Path,
    wheel: tuple[Floats, Floats] | None,
    region: Region,
) -> tuple[CameraTimes, WheelAlignment | None]:
    """Return times by the motion of the wheel, or `found` with a note that says why not.

    Parameters
    ----------
    found
        Times that were not aligned by GPIO.
    video
        The video, which is decoded once.
    wheel
        Timestamps in seconds and position in radians, (m,) float64 each; None if there is none.
    region
        Where only the wheel moves.
    """
    try:
        if wheel is None:
            raise DataError("there is no recording of the wheel.")
        alignment = align(video, found.pulses, found.times.size, *wheel, region, count=found.count)
    except DataError as reason:
        note = f"The video was not aligned by the wheel either: {reason}"
        return replace(found, notes=(*found.notes, note)), None
    if not alignment.ok:
        reasons = " ".join(alignment.notes)
        note = f"The alignment by the wheel was not used. {reasons}"
        return replace(found, notes=(*found.notes, note)), alignment
    timed = replace(
        found,
        times=alignment.times,
        method="wheel",
        notes=(*found.notes, *alignment.notes),
        evidence=evidence_of_wheel(alignment.distinctness),
    )
    return timed, alignment
