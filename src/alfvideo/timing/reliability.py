"""The bound of the error of camera times, by the evidence for the start of the video."""

import numpy as np

from alfvideo.array_types import Floats
from alfvideo.timing import by_clock
from alfvideo.timing.alignment import NEAR
from alfvideo.timing.embedded import FrameData
from alfvideo.timing.evidence import Evidence, Scores, Witness
from alfvideo.timing.placement import Placement
from alfvideo.timing.pulses import extrapolation_error

EXACT = 0.5
"""Frames: times that are off by less are those of the right exposures."""

_BOUND_BY_WHEEL = 2.0
"""Frames: on rendered sessions 98 % were within 1."""

_MAX_OUTSIDE = 0.01
"""Part of the frames that may be timed by the rate of the others, where there is no clock."""

_MIN_FRONTS_OF_PART = 4
_MAX_PARTS = 10
_MIN_SHARE = 0.5
"""Part of the usual share of matching fronts that each part of a session must have."""


def in_words(evidence: Evidence | None) -> str:
    """Say in a few words how well camera times are known.

    >>> in_words(Evidence(0.01, "", 0.0)), in_words(Evidence(2.0, "The wheel.", 0.0))
    ('exact', 'within 2 frames')
    >>> in_words(Evidence(None, "Nothing shows it.", 0.0)), in_words(None)
    ('unknown', 'not recorded')
    """
    if evidence is None:
        return "not recorded"
    if evidence.by_person:
        return f"placed by a person{', against the evidence' * bool(evidence.witnesses)}"
    if evidence.bound is None:
        return "unknown"
    return "exact" if evidence.bound < EXACT else f"within {evidence.bound:.2g} frames"


def evidence_for(found: Placement, frame_data: FrameData, times: Floats) -> Evidence:
    """Return what shows that a video was placed rightly, and by how much it may be wrong.

    `times` are (n_frames,) float64, seconds, as they were found.
    """
    numbering, start = found.numbering, found.start
    pulse = start + numbering.count
    outside = int(np.count_nonzero((pulse < 0) | (pulse >= numbering.pulses.size)))
    furthest = max(-int(pulse[0]), int(pulse[-1]) - numbering.pulses.size + 1, 0)
    bound, reason = None, _unknown(found, frame_data, outside) or _contradicted(times, frame_data)
    if not reason and found.doubt is not None:
        bound = round(found.doubt + extrapolation_error(numbering.pulses, furthest), 2)
        reason = _inexact(found, bound, outside)
    share = outside / numbering.count.size
    return Evidence(bound, reason, round(share, 4), tuple(_witnesses(found)))


def evidence_of_wheel(distinctness: float) -> Evidence:
    """Return what the motion of the wheel shows; 1 frame is what it can tell apart.

    Frames dropped close together can be off by more until the wheel turns again.
    """
    reason = "The video was placed by the motion of the wheel, which tells frames no finer."
    return Evidence(_BOUND_BY_WHEEL, reason, 0.0, (Witness("wheel", distinctness, 1.0),))


def _unknown(found: Placement, frame_data: FrameData, outside: int) -> str:
    """Return why the error has no bound; empty if it has one."""
    if found.doubt is None:
        return (
            "Nothing shows which pulse is that of the first frame, and the pulses may be "
            "incomplete: all times may be off by any number of frames."
        )
    if frame_data.timestamps is not None:
        return ""
    if frame_data.count is None and found.numbering.pulses.size != found.numbering.needed:
        return "The camera saved neither counter nor clock: nothing shows which frames it dropped."
    if outside > _MAX_OUTSIDE * found.numbering.count.size:
        return (
            f"{outside} frames have no pulse, and without a clock of the camera nothing shows that "
            "it ran evenly there."
        )
    if found.method == "gpio" and not _matches_throughout(found):
        return (
            "In a part of the session GPIO fronts do not match the sync TTLs, and without a clock "
            "of the camera nothing else tells what was lost there."
        )
    return ""


def _contradicted(times: Floats, frame_data: FrameData) -> str:
    """Return where times and the camera's clock contradict each other; empty if nowhere."""
    if frame_data.timestamps is None:
        return ""
    places = by_clock.disagreements(times, frame_data.timestamps)
    if not places:
        return ""
    return (
        f"After {places} frames the times go on by other numbers of periods than the camera's "
        "clock: pulses were lost or added there, and it is not known which."
    )


def _inexact(found: Placement, bound: float, n_outside: int) -> str:
    """Return why times may be off by half a frame or more; empty if they are exact."""
    if bound < EXACT:
        return ""
    if not found.doubt:
        return f"{n_outside} frames have no pulse: their times follow the rate of the others."
    if found.method == "computer":
        return (
            "The video was placed by the clock of the computer, which tells no finer than by the "
            "delay after which it receives a frame."
        )
    if found.method == "pulses":
        return (
            f"Nothing shows which of the pulses have no frame, {found.doubt} or fewer at the end: "
            "the last pulse was taken for the last frame."
        )
    return "The camera's GPIO fronts are a frame away from the sync TTLs too often."


def _matches_throughout(found: Placement) -> bool:
    """Return whether fronts match about as often in each part of the session that has TTLs."""
    if found.fit is None:
        return False
    # Beyond the TTLs of the DAQ frames follow their counter.
    offsets = found.fit.offsets[found.fit.covered]
    n_parts = int(np.clip(offsets.size // _MIN_FRONTS_OF_PART, 1, _MAX_PARTS))
    least = _MIN_SHARE * np.mean(offsets == 0)
    parts = np.array_split(offsets, n_parts)
    return all(np.count_nonzero(part == 0) >= least * part.size for part in parts)


def _witnesses(found: Placement) -> list[Witness]:
    witnesses = []
    if found.window is not None:
        witnesses.append(Witness("computer", found.window.n_frames, 0))
    if found.fit is not None and not found.reason:
        votes = found.fit.exact, found.fit.second
        witnesses.append(Witness("gpio", *votes, *found.fit.scores.curve(found.start)))
    is_judged = found.window is None or not found.doubt
    if found.clock is not None and found.method != "pulses" and is_judged:
        here, elsewhere = found.clock.at(found.start), _best_elsewhere(found.clock, found.start)
        deviations = round(here, 1), round(elsewhere, 1)
        witnesses.append(Witness("clock", *deviations, *found.clock.curve(found.start)))
    return witnesses


def _best_elsewhere(scores: Scores, start: int) -> float:
    far = np.abs(np.arange(scores.nats.size) + scores.first - start) > NEAR
    return float(scores.nats[far].max(initial=0))
