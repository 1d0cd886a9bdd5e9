"""Numbers for pulses and frames of a camera, so that the same exposure has the same number."""

from dataclasses import dataclass

import numpy as np

from alfvideo.array_types import Booleans, Floats, Integers
from alfvideo.timing.embedded import exposures_by_clock
from alfvideo.timing.pulses import EvenPulses, even, period


@dataclass(frozen=True)
class Numbering:
    """Pulses and the counter of each frame: frame i was exposed at pulse start + count[i]."""

    pulses: Floats
    count: Integers
    repaired: EvenPulses | None = None

    def pauses(self, start: int) -> Booleans:
        """Return after which frames the camera stood still, (n_frames - 1,) bool.

        There neither the pulses nor the camera's clock have the exposures that there was time for.
        `start` is the pulse of the frame whose counter is 0.
        """
        jumps = np.diff(self.count) > 1
        if self.repaired is None:
            return np.zeros_like(jumps)
        is_filled = np.zeros(self.pulses.size, bool)
        is_filled[self.repaired.filled] = True
        until = np.concatenate(([0], np.cumsum(is_filled)))
        first, end = start + self.count[:-1] + 1, start + self.count[1:]
        inside = (first > 0) & (end < self.pulses.size)
        n_filled = until[end.clip(0, is_filled.size)] - until[first.clip(0, is_filled.size)]
        paused: Booleans = jumps & inside & (n_filled == end - first)
        return paused

    @property
    def needed(self) -> int:
        """Number of pulses from the first frame to the last."""
        return int(self.count[-1]) + 1


def frame_counter(
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


def numberings(pulses: Floats, count: Integers, timestamps: Floats | None) -> list[Numbering]:
    """List ways to number pulses and frames, the more likely first: as recorded, and repaired.

    Repaired are a train of pulses without gaps and the exposures that the camera's clock shows:
    both count periods, so they agree whatever was lost on either side.
    """
    recorded = Numbering(pulses, count)
    duration = (pulses[-1] - pulses[0]) / period(pulses)
    if duration > 10 * (pulses.size + recorded.needed):
        return [recorded]  # filling so long a gap is a guess
    repaired = even(pulses)
    clock_count = exposures_by_clock(timestamps, count)
    by_clock = Numbering(repaired.times, clock_count, repaired)
    if clock_count[-1] >= max(repaired.times.size, recorded.needed):
        # the DAQ has no pulses for the last exposures: that needs sync TTLs that agree better
        usable = by_clock.needed <= 10 * (pulses.size + recorded.needed)
        unlikely, clock_count = [by_clock] if usable else [], count
    else:
        unlikely = []
    if not (repaired.filled.size or repaired.removed.size) and np.array_equal(clock_count, count):
        return [recorded, *unlikely]
    even_train = Numbering(repaired.times, clock_count, repaired)
    as_many = pulses.size == recorded.needed and repaired.times.size != even_train.needed
    both = [recorded, even_train] if as_many else [even_train, recorded]
    return [*both, *unlikely]
