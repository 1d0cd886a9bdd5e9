"""One time for each video frame, from the camera pulses and what the camera wrote into frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alfvideo.array_types import Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.timing import by_clock, clock_match, computer_clock, own_pulses
from alfvideo.timing.alignment import Wiring
from alfvideo.timing.computer_clock import Reference
from alfvideo.timing.daq_lines import NO_LINES, DaqLines
from alfvideo.timing.decision import UNDECIDED, Decision
from alfvideo.timing.embedded import SYNC_PIN, FrameData
from alfvideo.timing.evidence import Evidence, by_person
from alfvideo.timing.numbering import Numbering, frame_counter, numberings
from alfvideo.timing.placement import (
    MAX_USUAL_JITTER,
    Placement,
    breaks,
    has_open_gap,
    place,
    shifted,
    within,
)
from alfvideo.timing.pulses import period, renumbered
from alfvideo.timing.reliability import evidence_for

_SHOWN_BY = {
    "gpio": "its GPIO shows",
    "clock": "its clock shows",
    "computer": "the clock of the computer shows about",
}

_OPEN = (
    "There are gaps in the pulses, and the camera saved no clock: nothing shows whether it stood "
    "still there or the DAQ lost pulses, and all frames after a gap may be off."
)

_MIN_BETTER = 3.0
"""Standard deviations by which another start must agree better with the clock to be followed."""


@dataclass(frozen=True)
class CameraTimes:
    """Times of all frames of a video, and how they were found."""

    times: Floats
    """(n_frames,) float64, strictly increasing, seconds of the DAQ's clock."""
    pulses: Floats
    """(n,) float64, the camera pulses, repaired where some were lost or added, seconds."""
    count: Integers
    """(n_frames,) int64, number of the exposure of each frame, from 0: jumps are dropped frames."""
    method: str
    """'gpio', 'clock', 'computer', 'wheel', 'pulses', 'camlog' or 'decided'."""
    notes: tuple[str, ...]
    """One sentence for each decision that was taken where the raw data disagree."""
    evidence: Evidence
    """The proof that the times are right, and the bound of their error."""


def camera_times(
    pulses: Floats,
    n_frames: int,
    frame_data: FrameData,
    daq: DaqLines = NO_LINES,
    decision: Decision = UNDECIDED,
    other_camera: Callable[[], Reference | None] = lambda: None,
) -> CameraTimes:
    """Find the time of each frame of a video.

    Frame i was exposed at pulse start + count[i]. The start is found from the sync TTLs that both
    the DAQ and the camera's GPIO saw ('gpio'), and from the irregularities that the pulses share
    with the camera's clock ('clock'). Without these the last pulse is taken for the last frame, so
    that surplus pulses are discarded at the start ('pulses'). Missing pulses at either end are
    extrapolated.

    Pulses that the DAQ lost or added, and a frame counter that disagrees with the camera's clock,
    are repaired if that agrees better with the sync TTLs.

    Parameters
    ----------
    pulses
        (n,) float64, times of the rises of the camera's line, increasing, seconds.
    n_frames
        Number of frames in the video, by counting them.
    frame_data
        What the camera wrote into its frames.
    daq
        What else the DAQ recorded: labels are hints, and any line may be wired to any pin.
    decision
        What a person decided: pin, polarity, start and method.
    other_camera
        Finds a camera of the same computer whose times are known; asked if nothing else places the
        video.

    Raises
    ------
    DataError
        If there are fewer than two pulses, if they do not increase, if they are not those of this
        camera, or if there are no frames.
    """
    notes: list[str] = []
    pulses = own_pulses.distinct(pulses, notes)
    check_pulses(pulses, n_frames)
    pulses = own_pulses.checked(pulses, frame_data.timestamps, daq.pulses, notes)
    count = frame_counter(frame_data.count, n_frames, pulses.size, notes)
    placements = [
        place(numbering, frame_data, daq, decision)
        for numbering in numberings(pulses, count, frame_data.timestamps)
    ]
    found = max(placements, key=lambda placement: placement.rank)
    if not found.has_clear_clock:
        own_pulses.check_other_channels(frame_data.timestamps, found.numbering.count, daq.pulses)
    # Where pulses were lost or the camera paused, GPIO and clock may be right for different parts.
    if found.contradiction and len(placements) == 1 and decision.start is None:
        raise DataError(
            f"The camera's GPIO and its clock contradict each other: {found.contradiction}. Check "
            "that pulses, sync line and embedded data are of this camera and session, and copy "
            "what is not."
        )
    if found.method == "pulses" and decision.method is None:
        found = _by_computer(found, frame_data, other_camera, notes)
    shown = ""
    if decision.start is not None:
        found, shown = _at_start(found, decision.start, pulses)
    numbering, start = found.numbering, found.start
    notes += _placement_notes(found, daq)
    notes += _numbering_notes(numbering, count, start)
    notes += _pulse_notes(numbering, start, found.method)
    times = _by_clock(found, placements, pulses, frame_data.timestamps, notes)
    evidence = evidence_for(found, frame_data, times)
    if frame_data.timestamps is None and has_open_gap(found, placements):
        evidence = replace(evidence, bound=None, reason=_OPEN)
    if found.method == "decided":
        evidence = by_person(evidence, shown)
    return checked(
        CameraTimes(
            times=times,
            pulses=numbering.pulses,
            count=numbering.count,
            method=found.method,
            notes=tuple(notes),
            evidence=evidence,
        )
    )


def check_pulses(pulses: Floats, n_frames: int) -> None:
    """See that there are frames, and pulses that increase.

    Raises
    ------
    DataError
        If there are fewer than two pulses, if they do not increase, or if there are no frames.
    """
    if n_frames < 1:
        raise DataError("The video has no frames. Copy it from the rig again.")
    if pulses.size < 2:
        raise DataError(
            f"Expected at least 2 camera pulses on the channel of the camera, found {pulses.size}. "
            "Check the wiring file and the cable from the camera to the DAQ."
        )
    if not (np.diff(pulses) > 0).all():
        at = int(np.flatnonzero(~(np.diff(pulses) > 0))[0]) + 1
        raise DataError(
            f"Camera pulses must increase in time, but pulse {at} ({pulses[at]:.6f} s) does not "
            "come after the one before. Extract the sync from the raw DAQ file again."
        )


def _by_computer(
    found: Placement,
    frame_data: FrameData,
    other_camera: Callable[[], Reference | None],
    notes: list[str],
) -> Placement:
    """Place a video by the clock of the computer, if another camera of it has times."""
    if frame_data.computer is None or (reference := other_camera()) is None:
        return found
    window = computer_clock.window(found.numbering, frame_data.computer, reference)
    if window is None or (found.doubt is not None and found.doubt <= window.doubt):
        return found
    notes.append(
        "By the clock of the computer, by which the times of the "
        f"{reference.camera} camera are known, too, the first frame is that of pulse "
        f"{window.start}, or one at most {window.doubt} from it."
    )
    return within(found, window)


def _at_start(found: Placement, start: int, pulses: Floats) -> tuple[Placement, str]:
    """Place a video at the pulse that a person decided on.

    Returns
    -------
    The placement, which is the one that was found if that agrees; and what shows another start.
    """
    start = renumbered(start, pulses, found.numbering.pulses)
    shown = ""
    if found.method != "pulses" and found.doubt is not None:
        if start == found.start:
            return found, ""
        if abs(start - found.start) > found.doubt:
            by = _SHOWN_BY[found.method]
            shown = f"{by} pulse {found.start} to be that of the first frame, not {start}"
    return replace(found, start=start, method="decided", doubt=0), shown


def _placement_notes(found: Placement, daq: DaqLines) -> list[str]:
    notes, fit = [], found.fit
    if found.reason:
        notes.append(f"The video was not aligned by GPIO: {found.reason}.")
    if found.method == "clock":
        notes.append(
            "The irregularities of the camera's own clock are those of the pulses from pulse "
            f"{found.start} on: the video was placed there."
        )
    if found.method != "gpio" or fit is None:
        return notes
    hinted = Wiring(next(iter(daq.lines)), SYNC_PIN, inverted=False)
    if daq.is_labelled and fit.wiring != hinted:
        line, pin, inverted = fit.wiring
        notes.append(
            f"Pin {pin + 1} of the camera follows the line '{line}'{', inverted' * inverted}, not "
            f"pin {hinted.pin + 1} the line '{hinted.line}' as expected. Correct the sync_label in "
            "the description, if it is so in all sessions."
        )
    n_fronts = fit.offsets.size
    if n_unmatched := np.count_nonzero(fit.unmatched):
        notes.append(f"{n_unmatched} of {n_fronts} GPIO fronts match no sync TTL of the DAQ.")
    if (n_shifted := shifted(fit)) > MAX_USUAL_JITTER * n_fronts:
        notes.append(
            f"{n_shifted} of {n_fronts} GPIO fronts are one frame away from their sync TTL: the "
            "majority decides."
        )
    if breaks(fit):
        notes.append(
            "The GPIO fronts at the beginning and at the end of the session disagree by one frame: "
            "part of the times is one frame off."
        )
    return notes


def _numbering_notes(numbering: Numbering, recorded_count: Integers, start: int) -> list[str]:
    notes = []
    steps, paused = np.diff(numbering.count), numbering.pauses(start)
    jumps = np.where(paused, 0, steps - 1)
    if dropped := int(jumps.sum()):
        notes.append(
            f"{dropped} frames were dropped by the camera during the session (frame counter jumps "
            f"at {np.count_nonzero(jumps)} places)."
        )
    if n_pauses := np.count_nonzero(paused):
        longest = int(np.argmax(np.where(paused, steps, 0)))
        notes.append(
            f"The camera stood still {n_pauses} times, the longest for {steps[longest]} frame "
            f"periods after frame {longest}: neither its clock nor its pulses have exposures there."
        )
    if differing := np.count_nonzero((steps != np.diff(recorded_count)) & ~paused):
        notes.append(
            f"At {differing} places the camera's clock shows another number of exposures than the "
            "frame counter: the clock was followed."
        )
    if numbering.repaired is None:
        return notes
    pulses, filled, removed = numbering.repaired
    filled = filled[(filled >= start) & (filled < start + numbering.needed)]
    before = np.searchsorted(numbering.count, filled - start) - 1
    filled = filled[~paused[before.clip(0, paused.size - 1)]] if paused.size else filled
    first = pulses[max(start, 0)]
    last = pulses[min(start + numbering.needed, pulses.size) - 1]
    removed = removed[(removed > first) & (removed < last)]
    if filled.size:
        notes.append(
            f"{filled.size} camera pulses were lost by the DAQ during the session (the first at "
            f"{pulses[filled[0]]:.3f} s): they were filled in evenly."
        )
    if removed.size:
        notes.append(
            f"{removed.size} extra camera pulses were recorded by the DAQ during the session (the "
            f"first at {removed[0]:.3f} s): they were ignored."
        )
    return notes


def _pulse_notes(numbering: Numbering, start: int, method: str) -> list[str]:
    notes = []
    if start > 0 and method != "pulses":
        notes.append(f"{start} camera pulses came before the first frame of the video.")
    elif start > 0:
        notes.append(
            f"The first {start} camera pulses were discarded: {numbering.pulses.size} pulses for "
            f"{numbering.needed} frames."
        )
    if start < 0:
        notes.append(f"{-start} camera pulses are missing at the start: they were extrapolated.")
    if (missing := start + numbering.needed - numbering.pulses.size) <= 0:
        return notes
    if method == "pulses":
        notes.append(
            f"{missing} camera pulses are missing, and nothing shows whether at the start or at "
            "the end: the first pulse was taken for the first frame."
        )
    else:
        notes.append(f"{missing} camera pulses are missing at the end: they were extrapolated.")
    return notes


def _by_clock(
    found: Placement,
    placements: Sequence[Placement],
    pulses: Floats,
    clock: Floats | None,
    notes: list[str],
) -> Floats:
    """Follow the camera's clock where pulses were not recorded, or counting them goes wrong."""
    times = found.times
    n = 0 if clock is None else min(clock.size, times.size)
    if clock is None or found.method == "pulses" or not n:
        return times
    clock = clock[:n]
    if found.has_pulse[:n].all() and not by_clock.disagreements(times[:n], clock):
        return times
    starts = []
    if found.method == "clock":
        # Before and after a break each start is right for a part of the frames only.
        starts = [replace(each, start=at) for each in placements for at in each.starts_by_clock]
    followed = [
        by_clock.follow(each.times[:n], pulses, each.has_pulse[:n], clock, each.sure(n))
        for each in (found, *starts)
    ]
    agreement = [clock_match.agreement(each.times, clock, each.has_pulse) for each in followed]
    best = int(np.argmax(agreement))
    if agreement[best] < agreement[0] + _MIN_BETTER:
        best = 0
    result = np.concatenate((followed[best].times, times[n:]))
    if not (np.diff(result) > 0).all():
        return times
    if moved := int(
        np.count_nonzero(np.abs(followed[best].times - times[:n]) > 0.5 * period(times))
    ):
        notes.append(
            f"{moved} frames have other pulses by the camera's clock than by counting: the clock "
            "was followed."
        )
    return result


def checked(result: CameraTimes) -> CameraTimes:
    """Return times if they increase.

    Raises
    ------
    DataError
        If they do not.
    """
    if not (np.diff(result.times) > 0).all():
        raise DataError(
            "The camera pulses are too irregular to give every frame a time of its own. Check the "
            "cable from the camera to the DAQ."
        )
    return result
