"""Motion of the wheel in its region of a video, where something else gets into the region."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from alfvideo.array_types import Booleans, Floats, Image, Integers
from alfvideo.video.motion_energy import mean_difference

THRESHOLD = 20
"""Gray levels by which Otsu's threshold of a contaminated frame is above that of a clean one; this
and the next are those of ibllib's MotionAlignmentFullSession."""

BASELINE_FRAMES = 5000
"""The clean frame is the one with the least threshold of this many frames."""

_CHUNK_FRAMES = 2000
_CHUNK_BYTES = 64_000_000

_BLUR = (5, 5)


class WheelMotion(NamedTuple):
    """The motion in the region of the wheel, frame by frame."""

    energy: Floats
    """(n_frames,) float64, mean absolute difference of the frames before and after, in gray levels;
    NaN at the first and the last frame, and beside and at frames that could not be read."""
    contaminated: Booleans
    """(n_frames,) bool, whether something else was in the region: a paw, a hand."""
    unreadable: Booleans
    """(n_frames,) bool."""


def wheel_motion(
    regions: Iterator[Image | None],
    threshold: float = THRESHOLD,
    chunk_frames: int = _CHUNK_FRAMES,
) -> WheelMotion:
    """Measure the motion energy of the wheel, with contaminated frames repaired.

    In a contaminated frame a bright thing is in front of the wheel, so that Otsu's threshold is
    much above that of a clean frame. In each run of such frames, the pixels that are bright in any
    of them get the mean of the clean frames before and after the run, and so do not move.

    Frames are held in chunks of `chunk_frames` at most, with the two frames before each. A run
    that goes on at the end of a chunk is repaired with the next, unless it fills half a chunk.

    Parameters
    ----------
    regions
        Gray values of the region in each frame, (height, width) uint8, None if unreadable.
    threshold
        Gray levels.
    """
    # OpenCV's threads wait busily between images as small as these
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return _wheel_motion(regions, threshold, chunk_frames)
    finally:
        cv2.setNumThreads(threads)


def _wheel_motion(
    regions: Iterator[Image | None], threshold: float, chunk_frames: int
) -> WheelMotion:
    unreadable: list[bool] = []
    levels: list[float] = []
    energy: list[float] = []
    contaminated: list[bool] = []
    frames: list[Image] = []
    n_done = 0
    ended = False
    while not ended:
        ended = _fill(frames, chunk_frames, regions, levels, unreadable)
        start = len(levels) - len(frames)
        cutoff = min(levels[-BASELINE_FRAMES:], default=0) + threshold
        dirty = np.array(levels[start:]) > cutoff
        dirty[:n_done] = False
        clean = np.flatnonzero(~dirty)
        stop = clean[-1] + 1 if clean.size and not ended else dirty.size
        if stop <= n_done or stop < dirty.size // 2:
            stop = dirty.size
        for first, last in _runs(dirty[:stop]):
            _repair(frames, first, last, levels[start + first : start + last])
        pairs = zip(frames[: stop - 2], frames[2:stop], strict=True) if stop > 2 else ()
        energy += [mean_difference(before, after) for before, after in pairs]
        contaminated += dirty[n_done:stop].tolist()
        n_done = min(stop, 2)
        del frames[: stop - n_done]
    return _by_frame(energy, contaminated, np.array(unreadable, bool))


def _fill(
    frames: list[Image],
    size: int,
    regions: Iterator[Image | None],
    levels: list[float],
    unreadable: list[bool],
) -> bool:
    """Read frames until there are `size`, with their Otsu thresholds; whether the video ended."""
    for region in regions:
        unreadable.append(region is None)
        if region is None:
            continue
        frames.append(region)
        levels.append(_otsu(region))
        if len(frames) >= size or len(frames) * region.size >= _CHUNK_BYTES:
            return False
    return True


def _otsu(frame: Image) -> float:
    blurred = cv2.GaussianBlur(frame, _BLUR, 0)
    return cv2.threshold(blurred, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]


def _runs(flags: Booleans) -> Integers:
    """Return first and last + 1 of each run of True, (n, 2)."""
    edges = np.diff(flags.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges).reshape(-1, 2)


def _repair(frames: list[Image], first: int, last: int, levels: list[float]) -> None:
    """Replace what is bright in any of the frames first to last - 1 by its clean surroundings."""
    around = [frames[i] for i in (first - 1, last) if 0 <= i < len(frames)]
    if not around:
        return
    bright = np.zeros(frames[first].shape, bool)
    for frame, level in zip(frames[first:last], levels, strict=True):
        bright |= cv2.GaussianBlur(frame, _BLUR, 0) > level
    # the blur spreads the edge of a thing by two pixels
    bright = cv2.dilate(bright.astype(np.uint8), np.ones(_BLUR, np.uint8)) > 0
    clean = np.mean(around, axis=0).astype(np.uint8)
    for i in range(first, last):
        frames[i] = np.where(bright, clean, frames[i])


def _by_frame(energy: list[float], contaminated: list[bool], unreadable: Booleans) -> WheelMotion:
    """Put the values of the frames that could be read at their places in the video."""
    readable = np.flatnonzero(~unreadable)
    all_energy = np.full(unreadable.size, np.nan)
    all_energy[readable[1:-1]] = energy
    all_energy[unreadable] = np.nan
    all_energy[1:][unreadable[:-1]] = np.nan
    all_energy[:-1][unreadable[1:]] = np.nan
    all_contaminated = np.zeros(unreadable.size, bool)
    all_contaminated[readable] = contaminated
    return WheelMotion(all_energy, all_contaminated, unreadable)
