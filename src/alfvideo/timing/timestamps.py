"""One time for each video frame, from the camera pulses and what the camera wrote into frames."""

from dataclasses import dataclass

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.files.errors import DataError
from alfvideo.timing.alignment import Fit, fit_start
from alfvideo.timing.embedded import (
    SYNC_PIN,
    FrameData,
    GpioFronts,
    exposures_by_clock,
    gpio_fronts,
)
from alfvideo.timing.pulses import EvenPulses, even, extend, period
from alfvideo.timing.sync import Fronts

_MIN_FRONTS_TO_DISAGREE = 6
"""Sync fronts (three pulses) that must agree among themselves to speak against the others."""

_MAX_USUAL_JITTER = 0.2
"""Part of the sync fronts that may be a frame off without a note: a TTL that comes within a DAQ
sample of a pulse may be seen before or after it."""


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
    """'gpio', 'wheel', 'pulses' or 'camlog'."""
    notes: tuple[str, ...]
    """One sentence for each decision that was taken where the raw data disagree."""


@dataclass(frozen=True)
class _Numbering:
    """Pulses and the counter of each frame: frame i was exposed at pulse start + count[i]."""

    pulses: Floats
    count: Integers
    repaired: EvenPulses | None = None

    @property
    def needed(self) -> int:
        """Number of pulses from the first frame to the last."""
        return int(self.count[-1]) + 1


def camera_times(
    pulses: Floats, n_frames: int, frame_data: FrameData, ttl: Fronts | None = None
) -> CameraTimes:
    """Find the time of each frame of a video.

    Frame i was exposed at pulse start + count[i]. The start is found from the sync TTLs that both
    the DAQ and the camera's GPIO saw ('gpio'). Without these the last pulse is taken for the last
    frame, so that surplus pulses are discarded at the start ('pulses'). Missing pulses at either
    end are extrapolated.

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
    ttl
        The sync line that is wired to the camera, as the DAQ recorded it.

    Raises
    ------
    DataError
        If there are fewer than two pulses, if they do not increase, or if there are no frames.
    """
    check_pulses(pulses, n_frames)
    notes: list[str] = []
    count = _frame_counter(frame_data.count, n_frames, pulses.size, notes)
    numberings = _numberings(pulses, count, frame_data.timestamps)

    fit: Fit | None = None
    gpio = frame_data.gpio
    reason = _no_gpio(gpio, n_frames, ttl)
    if reason is None and gpio is not None and ttl is not None:
        fronts = gpio_fronts(gpio[:n_frames, SYNC_PIN])
        fits = [_fit(numbering, fronts, ttl) for numbering in numberings]
        chosen = max(range(len(fits)), key=lambda i: (fits[i].clear, fits[i].exact))
        numbering, fit = numberings[chosen], fits[chosen]
        reason = _distrust(numbering, fit, fronts, ttl)
    if reason is None and fit is not None:
        method, start = "gpio", fit.start
        notes += _gpio_notes(fit)
    else:
        numbering = numberings[0]
        method, start = "pulses", max(numbering.pulses.size - numbering.needed, 0)
        notes.append(f"The video was not aligned by GPIO: {reason}.")
    notes += _numbering_notes(numbering, count, start)
    notes += _pulse_notes(numbering, start, method)
    times = _times(numbering, start)
    return checked(CameraTimes(times, numbering.pulses, numbering.count, method, tuple(notes)))


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


def _frame_counter(
    recorded: Integers | None, n_frames: int, n_pulses: int, notes: list[str]
) -> Integers:
    """Return the frame counter of each frame of the video, (n_frames,) int64, increasing from 0."""
    consecutive = np.arange(n_frames)
    if recorded is None:
        notes.append("The camera saved no frame counter: frames are taken as consecutive.")
        return consecutive
    count = recorded[:n_frames]
    backwards = np.flatnonzero(np.diff(count) <= 0)
    if backwards.size:
        notes.append(
            f"The frame counter does not increase at frame {backwards[0] + 1}: it was not used, "
            "and frames are taken as consecutive."
        )
        return consecutive
    if count[-1] > 10 * (n_frames + n_pulses):
        notes.append(
            f"The frame counter counts {count[-1] + 1} frames in a video of {n_frames}: it was not "
            "used, and frames are taken as consecutive."
        )
        return consecutive
    if recorded.size > n_frames:
        notes.append(
            f"The frame counter is longer than the video: its last {recorded.size - n_frames} "
            "values were left out."
        )
    elif recorded.size < n_frames:
        notes.append(
            f"The frame counter is shorter than the video: the last {n_frames - recorded.size} "
            "frames are taken as consecutive."
        )
        count = np.concatenate((count, count[-1] + 1 + consecutive[: n_frames - count.size]))
    return count


def _numberings(pulses: Floats, count: Integers, timestamps: Floats | None) -> list[_Numbering]:
    """List ways to number pulses and frames, the more likely first: as recorded, and repaired.

    Repaired are a train of pulses without gaps and the exposures that the camera's clock shows:
    both count periods, so they agree whatever was lost on either side.
    """
    recorded = _Numbering(pulses, count)
    duration = (pulses[-1] - pulses[0]) / period(pulses)
    if duration > 10 * (pulses.size + recorded.needed):
        return [recorded]  # filling so long a gap is a guess
    repaired = even(pulses)
    clock_count = exposures_by_clock(timestamps, count)
    by_clock = _Numbering(repaired.times, clock_count, repaired)
    if clock_count[-1] >= max(repaired.times.size, recorded.needed):
        # the DAQ has no pulses for the last exposures: that needs sync TTLs that agree better
        usable = by_clock.needed <= 10 * (pulses.size + recorded.needed)
        unlikely, clock_count = [by_clock] if usable else [], count
    else:
        unlikely = []
    if not (repaired.filled.size or repaired.removed.size) and np.array_equal(clock_count, count):
        return [recorded, *unlikely]
    both = [_Numbering(repaired.times, clock_count, repaired), recorded]
    return [*(both[::-1] if pulses.size == recorded.needed else both), *unlikely]


def _no_gpio(gpio: Booleans | None, n_frames: int, ttl: Fronts | None) -> str | None:
    """Return why the GPIO cannot be used, or None."""
    if gpio is None:
        return "the camera saved no GPIO"
    if gpio_fronts(gpio[:n_frames, SYNC_PIN]).indices.size < 2:
        return "the sync line never changes in the GPIO of the camera"
    if ttl is None or not ttl.times.size:
        return "the DAQ recorded no sync TTLs"
    return None


def _fit(numbering: _Numbering, fronts: GpioFronts, ttl: Fronts) -> Fit:
    """Find the pulse of the frame whose counter is 0."""
    pulses, step = numbering.pulses, period(numbering.pulses)
    # TTLs outside the pulses get the numbers that the missing pulses would have
    missing = np.array([pulses[0] - ttl.times[0], ttl.times[-1] - pulses[-1]]) / step + 1
    before, after = np.clip(missing, 0, numbering.needed).astype(int)
    train = extend(pulses, before, after)
    return fit_start(
        np.searchsorted(train, ttl.times) - before,
        np.sign(ttl.polarities),
        numbering.count[fronts.indices],
        fronts.polarities,
    )


def _distrust(numbering: _Numbering, fit: Fit, fronts: GpioFronts, ttl: Fronts) -> str | None:
    """Return why the fit to the sync TTLs cannot be used, or None."""
    n_fronts, n_unmatched = fit.offsets.size, np.count_nonzero(fit.unmatched)
    if not fit.clear:
        if 2 * n_unmatched >= n_fronts:
            return f"only {n_fronts - n_unmatched} of {n_fronts} GPIO fronts match a sync TTL"
        return "several alignments fit the sync TTLs about equally well"
    if n_unmatched < _MIN_FRONTS_TO_DISAGREE:
        return None
    others = GpioFronts(*(values[fit.unmatched] for values in fronts))
    other = _fit(numbering, others, ttl)
    if not other.clear:
        return None
    return (
        f"{n_unmatched} of {n_fronts} GPIO fronts, from frame {others.indices[0]} to frame "
        f"{others.indices[-1]}, agree on times that are {abs(other.start - fit.start)} frames "
        "away from those of the others"
    )


def _gpio_notes(fit: Fit) -> list[str]:
    notes, n_fronts = [], fit.offsets.size
    if n_unmatched := np.count_nonzero(fit.unmatched):
        notes.append(f"{n_unmatched} of {n_fronts} GPIO fronts match no sync TTL of the DAQ.")
    n_shifted = np.count_nonzero(np.abs(fit.offsets) == 1)
    if n_shifted > _MAX_USUAL_JITTER * n_fronts:
        notes.append(
            f"{n_shifted} of {n_fronts} GPIO fronts are one frame away from their sync TTL: the "
            "majority decides."
        )
    matched = fit.offsets[~fit.unmatched]
    third = matched.size // 3
    if third >= _MIN_FRONTS_TO_DISAGREE and np.median(matched[:third]) != np.median(
        matched[-third:]
    ):
        notes.append(
            "The GPIO fronts at the beginning and at the end of the session disagree by one frame: "
            "part of the times is one frame off."
        )
    return notes


def _numbering_notes(numbering: _Numbering, recorded_count: Integers, start: int) -> list[str]:
    notes, count = [], numbering.count
    steps = np.diff(count)
    if dropped := int((steps - 1).sum()):
        notes.append(
            f"{dropped} frames were dropped by the camera during the session (frame counter jumps "
            f"at {np.count_nonzero(steps > 1)} places)."
        )
    if differing := np.count_nonzero(steps != np.diff(recorded_count)):
        notes.append(
            f"At {differing} places the camera's clock shows another number of exposures than the "
            "frame counter: the clock was followed."
        )
    if numbering.repaired is None:
        return notes
    pulses, filled, removed = numbering.repaired
    filled = filled[(filled >= start) & (filled < start + numbering.needed)]
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


def _pulse_notes(numbering: _Numbering, start: int, method: str) -> list[str]:
    notes = []
    if start > 0 and method == "gpio":
        notes.append(f"{start} camera pulses came before the first frame of the video.")
    elif start > 0:
        notes.append(
            f"The first {start} camera pulses were discarded: {numbering.pulses.size} pulses for "
            f"{numbering.needed} frames."
        )
    if start < 0:
        notes.append(f"{-start} camera pulses are missing at the start: they were extrapolated.")
    if (missing := start + numbering.needed - numbering.pulses.size) > 0:
        notes.append(f"{missing} camera pulses are missing at the end: they were extrapolated.")
    return notes


def _times(numbering: _Numbering, start: int) -> Floats:
    before = max(-start, 0)
    after = max(start + numbering.needed - numbering.pulses.size, 0)
    return extend(numbering.pulses, before, after)[start + before + numbering.count]


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
