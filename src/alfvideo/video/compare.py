"""Sees that each frame of a compressed video shows what the frame of its raw video shows."""

from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from alfvideo.array_types import Image
from alfvideo.files.errors import DataError
from alfvideo.jobs.progress import Progress
from alfvideo.video import compress, gray, probe

LEVELS = ((8, 1.5), (2, 0.8))
"""Side of the squares whose means are compared (of pixels, then of those squares), and the steps of
the quantiser by which they may differ: coding noise is small in a mean, at most 1.13 and 0.64 of a
step in trials with noise, patterns and darkness."""

COLOUR_NOISE = 1.5
"""Coding noise of colour in that of luma."""

MAX_STEP = 40.0
"""Gray levels: noise grows no more with the step at lower quality (from crf 36 on)."""

MAX_UNCHANGED = 1 / 3
"""Share of a change (by its squares) that may be missing: coding lost up to 0.17 of it in trials,
a frame that was frozen or swapped loses more than 0.45."""

Means = npt.NDArray[np.float32]

_ADVICE = "Look at both; if the mp4 is wrong, remove it and run again: it is regenerated."
_NO_COLOUR = 128
_COMMON = "yuvj444p"


def quantiser_step(crf: float) -> float:
    """Return the step of H.264's quantiser at a quality, in gray levels.

    >>> round(quantiser_step(17), 1), round(quantiser_step(29), 1)
    (4.5, 17.8)
    """
    return float(0.625 * 2 ** (crf / 6))


def check_every_frame(sources: Sequence[Path], target: Path, step: float) -> None:
    """Decode a video, in one or more parts, and `target` side by side; their frames must be equal.

    Means of squares may differ as `LEVELS` says (`step` is that of the quantiser, 0 where frames
    were copied) and by one gray level more; where the picture changes by more than half a step the
    change has to be there too, so that frames that were swapped or frozen are found.

    Raises
    ------
    DataError
        If the number of frames, their size or the time that they span differ, if a frame shows
        something else, or one of either video is damaged; `sources` stay the ones to keep.
    """
    video, source = probe.probe_parts(sources), sources[0]
    compress.check_length(video, source, target, video.frames, _ADVICE)
    progress = Progress("compared", video.frames)
    before: list[list[Means]] = []
    pairs = zip_longest(chain.from_iterable(map(probe.decoded, sources)), probe.decoded(target))
    for number, (raw, coded) in enumerate(pairs):
        if raw is None or coded is None:
            name = source.name if coded is None else target.name
            raise _other(source, number, f"only {name} has it")
        if (raw.width, raw.height) != (coded.width, coded.height):
            raise _other(source, number, f"it has {coded.width}x{coded.height} pixels")
        expected, found = (list(map(_means, planes)) for planes in _planes(raw, coded))
        if how := _difference(expected, found, before or expected, step):
            raise _other(source, number, how)
        before = expected
        progress(number + 1)


def difference(raw: av.VideoFrame, coded: av.VideoFrame, step: float) -> str:
    """Say how a frame differs from that of the raw video, beyond coding noise; empty if not."""
    expected, found = (list(map(_means, planes)) for planes in _planes(raw, coded))
    return _difference(expected, found, expected, step)


def _difference(
    expected: Sequence[Sequence[Means]],
    found: Sequence[Sequence[Means]],
    before: Sequence[Sequence[Means]],
    step: float,
) -> str:
    """Say how the means of planes differ from those expected; `before` are those a frame before."""
    for plane, levels in enumerate(expected):
        noise = step * (COLOUR_NOISE if plane else 1)
        if how := _difference_of_plane(levels, found[plane], before[plane][-1], noise):
            return how
    return ""


def _difference_of_plane(
    expected: Sequence[Means], found: Sequence[Means], before: Means, step: float
) -> str:
    """Say how the means of a plane differ from those expected; `before` are those a frame before.

    Empty if they agree.
    """
    for (_, bound), wanted, shown in zip(LEVELS, expected, found, strict=True):
        most = np.abs(shown - wanted).max()
        if most > 1 + bound * min(step, MAX_STEP):
            return f"a part differs by {most:.0f} gray levels of 255"
    change, error = expected[-1] - before, found[-1] - expected[-1]
    seen = np.abs(change) > 1 + step / 2
    if np.square(error[seen]).sum() > MAX_UNCHANGED * np.square(change[seen]).sum():
        return "a change from the frame before is missing"
    return ""


def _other(source: Path, number: int, how: str) -> DataError:
    return DataError(
        f"{source}: frame {number} of the mp4 is not that of the raw video ({how}). The raw video "
        f"is kept. {_ADVICE}"
    )


def _planes(raw: av.VideoFrame, coded: av.VideoFrame) -> tuple[list[Image], list[Image]]:
    """Return the planes of both frames, (height, width) uint8 each, with values of one meaning."""
    both = gray.has_luma_plane(raw) and gray.has_luma_plane(coded)
    if both and gray.is_full_range(raw) == gray.is_full_range(coded):
        expected, found = (list(map(gray.values, frame.planes)) for frame in (raw, coded))
        if len(expected) == 1:
            expected += [np.full_like(plane, _NO_COLOUR) for plane in found[1:]]
        if [plane.shape for plane in expected] == [plane.shape for plane in found]:
            return expected, found
    return list(raw.to_ndarray(format=_COMMON)), list(coded.to_ndarray(format=_COMMON))


def _means(plane: Image) -> list[Means]:
    """Return the means of squares for each of `LEVELS`, (rows, columns) float32."""
    means, levels = plane.astype(np.float32), []
    for side, _ in LEVELS:
        size = [max(1, round(length / side)) for length in reversed(means.shape)]
        means = np.asarray(cv2.resize(means, size, interpolation=cv2.INTER_AREA), np.float32)
        levels.append(means)
    return levels
