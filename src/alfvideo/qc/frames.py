"""Reading some frames of a video as gray images, decoding little more than these frames."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

from alfvideo.array_types import Image, Integers
from alfvideo.video import frames, gray, upright
from alfvideo.video.probe import opened, size

N_SAMPLES = 100
_MARGIN = 100
"""Frames at either end of a video that are not sampled, as in ibllib."""


def sample_numbers(n_frames: int, n_samples: int = N_SAMPLES) -> Integers:
    """Choose evenly spaced frames, (m,) int64, increasing, at most `n_samples`.

    100 frames are left out at either end, in videos of up to 200 frames a quarter of them.

    >>> sample_numbers(1000, 5), sample_numbers(8, 5), sample_numbers(0)
    (array([100, 300, 500, 700, 900]), array([2, 3, 4, 5, 6]), array([], dtype=int64))
    """
    if n_frames < 1:
        return np.empty(0, np.int64)
    margin = _MARGIN if n_frames > 2 * _MARGIN else n_frames // 4
    last = min(n_frames - margin, n_frames - 1)
    return np.unique(np.linspace(margin, last, n_samples).astype(np.int64))


class Samples(NamedTuple):
    """Evenly spaced frames of a video, and what its file announces."""

    n_frames: int
    """Number of frames in the whole video."""
    rate: float
    """Frames per second."""
    numbers: Integers
    """(m,) int64, of the sampled frames."""
    frames: Image
    """(m, height, width) uint8, gray."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.frames.shape[2], self.frames.shape[1]


def read_samples(path: Path, n_samples: int = N_SAMPLES) -> Samples:
    """Read evenly spaced frames of a video, as `sample_numbers` and `read`."""
    with opened(path) as (_, stream):
        n_frames, rate = len(stream.index_entries), float(stream.average_rate or 0)
    numbers = sample_numbers(n_frames, n_samples)
    width, height = size(path)
    frames = np.empty((numbers.size, height, width), np.uint8)
    for place, frame in enumerate(read(path, numbers)):
        frames[place] = frame
    return Samples(n_frames, rate, numbers, frames)


def read(path: Path, numbers: Iterable[int]) -> Iterator[Image]:
    """Yield gray frames (height, width) uint8 of the given numbers, which increase, from 0.

    They are the same to the bit as the first channel that `cv2.VideoCapture` gives. Raises as
    `alfvideo.video.frames.read`.
    """
    for frame in frames.read(path, numbers):
        yield first_channel(frame)


def first_channel(frame: av.VideoFrame) -> Image:
    """Copy the first channel of the upright picture as OpenCV has it (blue), (height, width) uint8.

    In pictures without colour it is the gray value.
    """
    values = gray.without_colour(frame)
    if values is not None:
        return values
    return upright.colours(frame)[:, :, 0]
