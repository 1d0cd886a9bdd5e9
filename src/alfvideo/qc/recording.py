"""Checks of what was recorded: numbers of frames, times, rates, sizes and sync pulses."""

import math

import numpy as np
from one.alf.spec import QC

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.qc.outcome import Check, judged, not_set
from alfvideo.timing.evidence import Evidence
from alfvideo.timing.pulses import period
from alfvideo.timing.reliability import EXACT

_MIN_CRITICAL = 5
"""Fewer frames or pulses than this may be missing or surplus with no more than a warning."""
_MAX_DROPPED_PERCENT = 0.1
_BOUNDS = ((EXACT, QC.PASS), (1.5, QC.WARNING), (math.inf, QC.FAIL))
"""Frames that times may be off, exclusive, and what that is worth."""
_CURE = (
    "Check that the sync line reaches the camera and the DAQ, and that the DAQ records from before "
    "the camera starts to after it stops."
)
_RATE_TOLERANCE = 1.0
_HEADER_TOLERANCE = 0.5


def alignment(evidence: Evidence) -> Check:
    """Check that frames have the times of their own exposures, by what shows it.

    Reports by how many frames a time may be off, the number of independent witnesses, how well the
    start of the video and the next best agree with the first of them, and the part of the frames
    whose times are extrapolated. Times that may be off by any number of frames are CRITICAL, but a
    WARNING if a person placed the video.
    """
    first = evidence.witnesses[0] if evidence.witnesses else None
    values = (
        evidence.bound,
        len(evidence.witnesses),
        first.agreement if first else None,
        first.second if first else None,
        evidence.extrapolated,
    )
    if evidence.by_person:
        outcome = QC.CRITICAL if evidence.witnesses else QC.WARNING
        return judged(outcome, evidence.reason, *values)
    if evidence.bound is None:
        return judged(QC.CRITICAL, f"{evidence.reason} {_CURE}", *values)
    outcome = next(q for limit, q in _BOUNDS if evidence.bound < limit)
    sentence = f"Times may be off by {evidence.bound:.3g} frames. {evidence.reason}"
    return judged(outcome, sentence, *values)


def camera_times(n_times: int, n_frames: int) -> Check:
    """Check that the camera saved one timestamp for each video frame; reports the difference."""
    surplus = n_times - n_frames
    return judged(
        QC.PASS if surplus == 0 else QC.WARNING,
        f"The camera saved {n_times} timestamps for {n_frames} video frames.",
        surplus,
    )


def dropped_frames(count: Integers, n_frames: int) -> Check:
    """Check how many frames the camera lost, as its frame counter (n,) tells.

    Reports the number of dropped frames, and how many counts there are more than video frames. A
    counter that does not increase tells nothing about drops: CRITICAL, with the number of frames
    at which it does not in place of the drops.
    """
    if count.size < 2:
        return not_set(f"The frame counter has {count.size} values, expected one for each frame.")
    surplus = count.size - n_frames
    steps = np.diff(count)
    if back := int(np.count_nonzero(steps <= 0)):
        first = np.flatnonzero(steps <= 0)[0] + 1
        return judged(
            QC.CRITICAL,
            f"The frame counter does not increase at {back} frames, the first is frame {first}.",
            back,
            surplus,
        )
    dropped = int((steps - 1).sum())
    percent = 100 * dropped / steps.size
    reasons = []
    if surplus:
        reasons.append(f"The frame counter has {count.size} values for {n_frames} video frames.")
    if not percent < _MAX_DROPPED_PERCENT:
        reasons.append(
            f"The camera dropped {dropped} frames ({percent:.2g} %), expected less than "
            f"{_MAX_DROPPED_PERCENT} %. Check the disk and the load of the camera computer."
        )
    worst = max(_surplus(surplus), QC.PASS if percent < _MAX_DROPPED_PERCENT else QC.FAIL)
    return judged(worst, " ".join(reasons), dropped, surplus)


def file_headers(rate: float, expected: float | None) -> Check:
    """Check the rate that the video file announces, to the nearest whole number, in Hz."""
    if expected is None:
        return not_set(_unknown("rate (fps)"))
    return judged(
        QC.PASS if abs(rate - expected) < _HEADER_TOLERANCE else QC.FAIL,
        f"The video file announces {rate:.2f} frames per second, expected {expected:g}.",
    )


def framerate(times: Floats, expected: float | None) -> Check:
    """Check the rate of the camera times (n,), seconds, to 1 Hz; reports the rate in Hz.

    It is the mean rate, without the intervals in which frames were dropped: the median that ibllib
    takes is a whole number of samples of the DAQ's clock.
    """
    if expected is None:
        return not_set(_unknown("rate (fps)"))
    finite = times[np.isfinite(times)]
    if finite.size < 2 or not (step := period(finite)) > 0:
        return not_set(f"There are {finite.size} usable camera times, too few to tell the rate.")
    rate = round(1 / step, 3)
    return judged(
        QC.PASS if abs(rate - expected) < _RATE_TOLERANCE else QC.FAIL,
        f"The camera recorded {rate:g} frames per second, expected {expected:g}.",
        rate,
    )


def pin_state(pin: Booleans, ttl_rises: Floats, n_frames: int) -> Check:
    """Check that the camera's GPIO saw the sync TTLs of the DAQ.

    Reports how many rises the DAQ has more than the pin, and how many pin states there are more
    than video frames.

    Parameters
    ----------
    pin
        (n,) bool, the level at each frame.
    ttl_rises
        (m,) float64, times of the rises on the sync line of the DAQ.
    n_frames
        Number of frames in the video.
    """
    seen = int(np.count_nonzero(np.diff(np.asarray(pin, np.int8)) == 1))
    missed, surplus = ttl_rises.size - seen, pin.size - n_frames
    reasons = []
    if surplus:
        reasons.append(f"The camera saved {pin.size} pin states for {n_frames} video frames.")
    if abs(missed) >= _MIN_CRITICAL:
        reasons.append(
            f"The DAQ recorded {ttl_rises.size} sync TTLs and the camera's GPIO {seen}. Check the "
            "cable from the sync line to the camera."
        )
    worst = max(_surplus(surplus), QC.PASS if abs(missed) < _MIN_CRITICAL else QC.WARNING)
    return judged(worst, " ".join(reasons), missed, surplus)


def resolution(size: tuple[int, int], expected: tuple[int | None, int | None]) -> Check:
    """Check width and height of the video, in pixels."""
    if None in expected:
        return not_set(_unknown("size (width and height)"))
    return judged(
        QC.PASS if size == expected else QC.FAIL,
        "The frames are {}x{} pixels, expected {}x{}.".format(*size, *expected),
    )


def timestamps(times: Floats, n_frames: int) -> Check:
    """Check that there is one time for each video frame, that all are numbers, and increase."""
    if not times.size:
        return not_set("There are no camera times.")
    reasons = []
    if times.size != n_frames:
        reasons.append(f"There are {times.size} camera times for {n_frames} video frames.")
    if missing := np.count_nonzero(~np.isfinite(times)):
        reasons.append(f"{missing} camera times are not numbers.")
    if (np.diff(times[np.isfinite(times)]) <= 0).any():
        reasons.append("The camera times do not increase.")
    return judged(QC.FAIL if reasons else QC.PASS, " ".join(reasons))


def _surplus(surplus: int) -> QC:
    if surplus == 0:
        return QC.PASS
    return QC.WARNING if abs(surplus) < _MIN_CRITICAL else QC.FAIL


def _unknown(what: str) -> str:
    return (
        f"The expected {what} is not known: the session's description does not give it for this "
        "camera, and it is not a camera of a known rig."
    )
