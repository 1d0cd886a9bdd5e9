"""Motion energy of a region of a video, and the gray frames of it, in one streaming pass."""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from alfvideo.array_types import Floats, Image
from alfvideo.files.errors import DataError
from alfvideo.video import gray, upright
from alfvideo.video.probe import opened, size
from alfvideo.video.region import Region


def gray_regions(path: Path, region: Region) -> Iterator[Image | None]:
    """Yield the gray values of a region in each upright frame, in order: (height, width) uint8.

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
        region = region.within(*size(path))
        # an avi holds the order of decoding only
        timed = container.format.name != "avi" or not codec.has_b_frames
        awaited: list[int] = []
        try:
            for packet in container.demux(stream):
                if timed and packet.size and packet.pts is not None and not packet.is_discard:
                    heapq.heappush(awaited, packet.pts)
                for frame in _decoded(packet):
                    values = None if frame.is_corrupt else _gray(frame, region)
                    if not timed or frame.pts is None:
                        yield values
                        continue
                    while awaited and awaited[0] <= frame.pts:
                        yield values if heapq.heappop(awaited) == frame.pts else None
        except av.FFmpegError as error:
            raise DataError(f"{path} cannot be read to its end ({error.strerror}).") from error
        for _ in awaited:
            yield None


def _decoded(packet: "av.Packet[av.VideoStream]") -> list[av.VideoFrame]:
    try:
        return packet.decode()
    except av.error.InvalidDataError:
        return []


def motion_energy(regions: Iterable[Image | None]) -> Floats:
    """Compute the mean absolute difference of each frame and the next, (n_frames,) gray levels.

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
        if previous is None or frame is None:
            energy.append(np.nan)
        else:
            energy.append(mean_difference(previous, frame))
        previous = frame
    return np.array([*energy, energy[-1] if energy else np.nan])


def mean_difference(one: Image, other: Image) -> float:
    """Return the mean absolute difference of two gray images in gray levels."""
    return cv2.norm(one, other, cv2.NORM_L1) / one.size


def _gray(frame: av.VideoFrame, region: Region) -> Image:
    values = gray.without_colour(frame, region)
    if values is None:
        picture = upright.colours(frame)[region.slices]
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)
    return values
