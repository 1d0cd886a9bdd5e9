"""Motion energy of a region of a video, and the gray frames of it, in one streaming pass."""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from alfvideo.errors import DataError
from alfvideo.region import Region
from alfvideo.video import opened

_LUMA_FIRST = {"gray", "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"}
"""Pixel formats whose first plane is the luma with 8 bits."""

_NO_COLOUR = 128

_FULL_RANGE = 2
"""AVCOL_RANGE_JPEG of FFmpeg."""

_FROM_LIMITED = np.clip(((np.arange(256) - 16) * 9539) >> 13, 0, 255).astype(np.uint8)
"""Gray value of each luma of limited range, 255/219 (y - 16) as in FFmpeg's conversion."""


def gray_regions(path: Path, region: Region) -> Iterator[np.ndarray | None]:
    """The gray values of a region in each frame of a video, in order: (height, width) uint8.

    A frame that cannot be decoded is None, so that the position in the stream is the frame number.
    (Up to the next keyframe, frames after one that is damaged may be decoded wrong.) Gray is as
    OpenCV makes it from the decoded colours; of a gray video only the luma is read.

    Raises
    ------
    DataError
        If the video cannot be opened or read, or the region is not inside its frames.
    """
    with opened(path) as (container, stream):
        stream.thread_type = "AUTO"
        codec = stream.codec_context
        region = region.within(codec.width, codec.height)
        # an avi holds the order of decoding only
        timed = container.format.name != "avi" or not codec.has_b_frames
        awaited: list[int] = []
        try:
            for packet in container.demux(stream):
                if timed and packet.size and packet.pts is not None and not packet.is_discard:
                    heapq.heappush(awaited, packet.pts)
                for frame in _decoded(packet):
                    gray = None if frame.is_corrupt else _gray(frame, region)
                    if not timed or frame.pts is None:
                        yield gray
                        continue
                    while awaited and awaited[0] <= frame.pts:
                        yield gray if heapq.heappop(awaited) == frame.pts else None
        except av.FFmpegError as error:
            raise DataError(f"{path} cannot be read to its end ({error.strerror}).") from error
        for _ in awaited:
            yield None


def _decoded(packet: av.Packet) -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        return []


def motion_energy(regions: Iterable[np.ndarray | None]) -> np.ndarray:
    """Mean absolute difference of each frame and the next, (n_frames,) float64 gray levels.

    The last value is repeated, as in iblvideo. It is NaN where one of the two frames is None, and
    for a single frame.
    """
    frames = iter(regions)
    try:
        previous = next(frames)
    except StopIteration:
        return np.empty(0)
    energy: list[float] = []
    for frame in frames:
        known = previous is not None and frame is not None
        energy.append(mean_difference(previous, frame) if known else np.nan)
        previous = frame
    return np.array([*energy, energy[-1] if energy else np.nan])


def mean_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two gray images in gray levels."""
    return cv2.norm(one, other, cv2.NORM_L1) / one.size


def _gray(frame: av.VideoFrame, region: Region) -> np.ndarray:
    box = region.slices
    if frame.format.name not in _LUMA_FIRST or _has_colour(frame, region):
        return cv2.cvtColor(frame.to_ndarray(format="bgr24")[box], cv2.COLOR_BGR2GRAY)
    luma = _plane(frame.planes[0])[box]
    full = frame.color_range == _FULL_RANGE or frame.format.name.startswith(("yuvj", "gray"))
    return luma.copy() if full else cv2.LUT(luma, _FROM_LIMITED)


def _has_colour(frame: av.VideoFrame, region: Region) -> bool:
    for plane in frame.planes[1:]:
        across, down = frame.width // plane.width, frame.height // plane.height
        chroma = _plane(plane)[
            region.y // down : -(-(region.y + region.height) // down),
            region.x // across : -(-(region.x + region.width) // across),
        ]
        if (chroma != _NO_COLOUR).any():
            return True
    return False


def _plane(plane: av.video.plane.VideoPlane) -> np.ndarray:
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : plane.width]
